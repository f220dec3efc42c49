"""REST: finds the call, checks token and scope first, as the platform does (fact sheet 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfmc_sandbox.wire import (
    rest_assets,
    rest_automations,
    rest_ens,
    rest_folders,
    rest_imports,
    rest_known,
    rest_legacy,
    rest_other,
    rest_queries,
    rest_rows,
    rowset,
)
from sfmc_sandbox.wire.rest_answer import (
    RestError,
    blocked,
    insufficient,
    not_authorized,
    not_found,
    throttled,
    wrong_method,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

    Answer = Callable[[Sandbox, Token, Request], Response]

_ROWS_BY_KEY = "/data/v1/async/dataextensions/key:{key}/rows"
_ROWS_BY_ID = "/data/v1/async/dataExtensions/{id}/rows"
_QUERIES, _QUERY = "/automation/v1/queries", "/automation/v1/queries/{id}"
_AUTOMATIONS, _AUTOMATION = "/automation/v1/automations", "/automation/v1/automations/{id}"
_IMPORTS, _IMPORT = "/automation/v1/imports", "/automation/v1/imports/{id}"
_EXTRACTS, _TRANSFERS = "/automation/v1/dataextracts", "/automation/v1/filetransfers"
_CALLBACKS, _SUBSCRIPTIONS = "/platform/v1/ens-callbacks", "/platform/v1/ens-subscriptions"
_LEGACY = "/legacy/v1/beta/bulk/automations/automation/definition"
_NOTES = "/legacy/v1/beta/automations/notifications"
_ENS = "event_notification"
# These call the client back, which may ask for something else before it answers.
_ALONE = "/platform/v1/ens-"
_DE_READ, _DE_WRITE = "data_extensions_read", "data_extensions_write"
_READ, _WRITE, _RUN = "automations_read", "automations_write", "automations_execute"
# Method, path, scope, answer.
ROUTES: list[tuple[str, str, str, Answer]] = [
    ("GET", "/data/v1/customobjectdata/key/{key}/rowset", _DE_READ, rowset.by_key),
    ("GET", "/data/v1/customobjectdata/token/{token}/rowset", _DE_READ, rowset.by_token),
    ("POST", _ROWS_BY_KEY, _DE_WRITE, rest_rows.insert),
    ("PUT", _ROWS_BY_KEY, _DE_WRITE, rest_rows.upsert),
    ("POST", _ROWS_BY_KEY.replace("extensions", "Extensions"), _DE_WRITE, rest_rows.insert),
    ("PUT", _ROWS_BY_KEY.replace("extensions", "Extensions"), _DE_WRITE, rest_rows.upsert),
    ("POST", _ROWS_BY_ID, _DE_WRITE, rest_rows.insert),
    ("PUT", _ROWS_BY_ID, _DE_WRITE, rest_rows.upsert),
    ("GET", "/data/v1/async/{id}/status", _DE_READ, rest_rows.status),
    ("GET", "/data/v1/async/{id}/results", _DE_READ, rest_rows.results),
    ("POST", "/hub/v1/dataevents/key:{key}/rowset", _DE_WRITE, rest_rows.events),
    ("PUT", "/hub/v1/dataevents/key:{key}/rows/{pairs}", _DE_WRITE, rest_rows.event),
    ("GET", "/data/v1/customObjects", _DE_READ, rest_other.list_objects),
    ("POST", "/data/v1/customObjects", _DE_WRITE, rest_other.create_object),
    ("GET", _QUERIES, _READ, rest_queries.list_all),
    ("POST", _QUERIES, _WRITE, rest_queries.create),
    ("POST", f"{_QUERIES}/actions/validate", _READ, rest_queries.validate),
    ("GET", _QUERY, _READ, rest_queries.get),
    ("PATCH", _QUERY, _WRITE, rest_queries.change),
    ("DELETE", _QUERY, _WRITE, rest_queries.remove),
    ("POST", f"{_QUERY}/actions/start", _RUN, rest_queries.start),
    ("GET", f"{_QUERY}/actions/isrunning", _READ, rest_queries.is_running),
    ("GET", f"{_QUERY}/log", _READ, rest_queries.log),
    ("GET", _AUTOMATIONS, _READ, rest_automations.list_automations),
    ("POST", _AUTOMATIONS, _WRITE, rest_automations.create_automation),
    ("GET", _AUTOMATION, _READ, rest_automations.get_automation),
    ("PATCH", _AUTOMATION, _WRITE, rest_automations.change_automation),
    ("DELETE", _AUTOMATION, _WRITE, rest_automations.remove_automation),
    ("POST", f"{_AUTOMATION}/actions/runallonce", _RUN, rest_automations.run_automation),
    ("POST", f"{_AUTOMATION}/actions/start", _RUN, rest_automations.run_automation),
    ("GET", _LEGACY, _READ, rest_legacy.list_automations),
    ("POST", _LEGACY, _RUN, rest_legacy.schedule_automation),
    ("GET", f"{_LEGACY}/{{id}}", _READ, rest_legacy.get_automation),
    ("GET", f"{_NOTES}/{{id}}", _READ, rest_legacy.get_notifications),
    ("GET", "/automation/v1/dataextracttypes", _READ, rest_automations.extract_types),
    ("GET", _EXTRACTS, _READ, rest_automations.list_extracts),
    ("POST", _EXTRACTS, _WRITE, rest_automations.create_extract),
    ("GET", f"{_EXTRACTS}/{{id}}", _READ, rest_automations.get_definition),
    ("GET", _TRANSFERS, _READ, rest_automations.list_transfers),
    ("POST", _TRANSFERS, _WRITE, rest_automations.create_transfer),
    ("GET", f"{_TRANSFERS}/{{id}}", _READ, rest_automations.get_definition),
    *(
        (method, f"{kind}/{{id}}", _WRITE, answer)
        for kind in (_EXTRACTS, _TRANSFERS)
        for method, answer in (
            ("PATCH", rest_automations.change_definition),
            ("DELETE", rest_automations.remove_definition),
        )
    ),
    ("GET", _IMPORTS, _READ, rest_imports.list_imports),
    ("POST", _IMPORTS, _WRITE, rest_imports.create_import),
    ("GET", _IMPORT, _READ, rest_imports.get_import),
    ("PATCH", _IMPORT, _WRITE, rest_imports.change_import),
    ("DELETE", _IMPORT, _WRITE, rest_imports.remove_import),
    *(("GET", path, "", rest_known.empty) for path in rest_known.EMPTY),
    ("GET", "/hub/v1/campaigns/{id}", "", rest_known.no_campaign),
    ("GET", "/platform/v1/endpoints", "", rest_known.endpoints),
    ("GET", "/platform/v1/endpoints/{type}", "", rest_known.endpoint),
    ("GET", "/automation/v1/ftplocations", "file_locations_read", rest_automations.locations),
    (
        "GET",
        "/data/v1/filetransferlocations",
        "file_locations_read",
        rest_automations.own_locations,
    ),
    ("POST", "/asset/v1/content/assets/query", "saved_content_read", rest_assets.query_assets),
    ("GET", "/asset/v1/content/assets", "saved_content_read", rest_assets.list_assets),
    ("GET", "/asset/v1/content/categories", "saved_content_read", rest_assets.list_categories),
    ("GET", "/asset/v1/content/categories/{id}", "saved_content_read", rest_assets.get_category),
    ("GET", "/asset/v1/content/assets/{id}", "saved_content_read", rest_assets.get_asset),
    ("POST", "/email/v1/category", _DE_WRITE, rest_folders.create_folder),
    ("GET", "/platform/v1/tokenContext", "", rest_other.token_context),
    ("POST", _CALLBACKS, f"{_ENS}_callback_create", rest_ens.create_callbacks),
    ("GET", _CALLBACKS, f"{_ENS}_callback_read", rest_ens.list_callbacks),
    ("GET", f"{_CALLBACKS}/{{id}}", f"{_ENS}_callback_read", rest_ens.get_callback),
    ("DELETE", f"{_CALLBACKS}/{{id}}", f"{_ENS}_callback_delete", rest_ens.remove_callback),
    ("POST", "/platform/v1/ens-verify", f"{_ENS}_callback_update", rest_ens.verify),
    ("POST", _SUBSCRIPTIONS, f"{_ENS}_subscription_create", rest_ens.create_subscriptions),
    (
        "GET",
        f"{_SUBSCRIPTIONS}-by-cb/{{id}}",
        f"{_ENS}_subscription_read",
        rest_ens.list_subscriptions,
    ),
    (
        "DELETE",
        f"{_SUBSCRIPTIONS}/{{id}}",
        f"{_ENS}_subscription_delete",
        rest_ens.remove_subscription,
    ),
]


def call(sandbox: Sandbox, request: Request, scope: str, answer: Answer) -> Response:
    """Answers one REST request."""
    try:
        if sandbox.trouble.strikes("maintenance"):
            raise RestError(503, 30003, "The service is in maintenance.")
        if sandbox.trouble.strikes("blocked"):
            raise blocked()
        if sandbox.trouble.strikes("throttled"):
            raise throttled()
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        found = sandbox.tokens.look(text.strip() if kind.lower() == "bearer" else None)
        if sandbox.trouble.strikes("expired-token") or isinstance(found, str):
            raise not_authorized()
        if scope and (scope not in found.scopes or sandbox.trouble.strikes("scope-missing")):
            raise insufficient()
        if request.method == "GET" or request.url.path.lower().startswith(_ALONE):
            return answer(sandbox, found, request)
        with sandbox.writing:  # what one finds missing and makes, nobody else makes meanwhile
            return answer(sandbox, found, request)
    except RestError as problem:
        return problem.response()


def too_large(request: Request) -> RestError:
    """The error of a body that is not read, in the shape of its family."""
    if request.url.path.lower().startswith("/data/v1/async/"):
        return rest_rows.RowsError(413, 10000, "RequestTooLarge:The request is too large.")
    return RestError(413, 10000, "The request is too large.")


def nothing_here(sandbox: Sandbox, request: Request, *, allowed: list[str]) -> Response:
    """An address that REST does not have, or not for this method (`allowed` are the others).

    Without a token it does not even say that.
    """
    _, _, text = request.headers.get("authorization", "").partition(" ")
    if isinstance(sandbox.tokens.look(text.strip()), str):
        return not_authorized().response()
    if not allowed:
        return not_found().response()
    response = wrong_method(request.method).response()
    response.headers["Allow"] = ", ".join(allowed)
    return response
