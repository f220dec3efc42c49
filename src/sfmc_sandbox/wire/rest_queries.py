"""Query activities over REST: create, validate, start, isrunning, log (fact sheet 3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.responses import JSONResponse, PlainTextResponse

from sfmc_sandbox.activities import UPDATE_TYPES, QueryActivity
from sfmc_sandbox.sql.owners import with_owners
from sfmc_sandbox.sql.refuse import QueryRefused
from sfmc_sandbox.wire.rest_answer import RestError, not_found
from sfmc_sandbox.wire.rest_body import asked, need, object_body, paged, whole

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.extensions import DataExtension
    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

_PAGE = 25  # capped, whatever $pageSize says


def list_all(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/queries, 25 to the page; `$filter=Name eq 'x'`."""
    rows = sandbox.tenant.db.cursor().execute(
        "SELECT object_id, name, key FROM query_activity WHERE mid = ? ORDER BY n", [token.mid]
    ).fetchall()  # fmt: skip
    if wanted := asked(request, "$filter"):
        field, _, value = wanted.partition(" eq ")
        place = {"name": 1, "key": 2}.get(field.strip().lower())
        if place is None or not value.strip():
            raise RestError(400, 10003, f"The filter could not be read: {wanted[:200]}")
        rows = [row for row in rows if row[place].lower() == value.strip().strip("'").lower()]
    answer = paged(request, rows, default=_PAGE, most=_PAGE)
    answer["items"] = [_told(sandbox, _find(sandbox, token, row[0])) for row in answer["items"]]
    return JSONResponse(answer)


def create(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /automation/v1/queries."""
    content = object_body(request)
    need(content, "name", "queryText", "categoryId")
    target = sandbox.extensions.find(token.mid, str(content.get("targetKey") or ""))
    if target is None and content.get("targetName"):
        target = sandbox.extensions.named(token.mid, str(content["targetName"]))
    if target is None:
        raise RestError(400, 10005, "The target Data Extension does not exist.")
    kind, category = _update_type(content), whole(content, "categoryId")
    text = str(content["queryText"])
    if problem := sandbox.queries.check(token.mid, text, target):
        raise RestError(400, 10006, problem)
    key = str(content.get("key") or uuid4())
    if sandbox.activities.query_by_key(token.mid, key):
        raise RestError(400, 10005, f"A query with the key {key[:100]} exists already.")
    activity = QueryActivity(
        token.mid, str(uuid4()), key, str(content["name"]), str(content.get("description") or ""),
        text, target.key, kind, category,
    )  # fmt: skip
    sandbox.activities.add_query(activity, (target.name, target.object_id), sandbox.now())
    return JSONResponse(_checked(sandbox, activity))


def _update_type(content: dict[str, Any]) -> str:
    kind = UPDATE_TYPES.get(whole(content, "targetUpdateTypeId"))
    if kind is None:
        raise RestError(400, 10005, "The targetUpdateTypeId is not valid.")
    return kind


def _find(sandbox: Sandbox, token: Token, object_id: str) -> QueryActivity:
    found = sandbox.activities.query(token.mid, object_id)
    if found is None:
        raise not_found()
    return found


def _checked(sandbox: Sandbox, activity: QueryActivity) -> dict[str, Any]:
    """What a change answers: the query, and how the server will run it."""
    target = sandbox.extensions.find(activity.mid, activity.target_key)
    told = _told(sandbox, activity)
    last = {name: told.pop(name) for name in ("categoryId", "isFrozen")}
    return {**told, "validatedQueryText": _wrapped(sandbox, activity, target), **last}


def _told(sandbox: Sandbox, activity: QueryActivity) -> dict[str, Any]:
    target = sandbox.extensions.find(activity.mid, activity.target_key)
    numbers = {name: number for number, name in UPDATE_TYPES.items()}
    created, modified = (
        moment.isoformat(timespec="milliseconds")
        for moment in sandbox.activities.dates(activity.object_id)
    )
    return {
        "queryDefinitionId": activity.object_id,
        "name": activity.name,
        "key": activity.key,
        "description": activity.description,
        "queryText": activity.query_text,
        "targetName": target.name if target else "",
        "targetKey": activity.target_key,
        "targetId": target.object_id if target else "",
        "targetDescription": "",
        "createdDate": created,
        "modifiedDate": modified,
        "targetUpdateTypeId": numbers[activity.update_type],
        "targetUpdateTypeName": activity.update_type,
        "categoryId": activity.category_id,
        "isFrozen": False,
    }


def _wrapped(sandbox: Sandbox, activity: QueryActivity, target: DataExtension | None) -> str:
    """As the server wraps it: the target's columns that the query has (fact sheet 6)."""
    try:
        _, given = sandbox.queries.to_duckdb(activity.mid, activity.query_text)
    except QueryRefused:  # what it reads from has gone since
        given = []
    known = {f.name.lower(): f.name for f in target.fields} if target else {}
    names = [known[name.lower()] for name in given if name.lower() in known]
    return (
        "SET NOCOUNT ON; SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;\r\n\r\n"
        f"INSERT INTO C{activity.mid}.[{target.name if target else activity.target_key}] "
        f"({', '.join(f'[{name}]' for name in names)})\r\n"
        f"SELECT {', '.join(f'querydef.[{name}]' for name in names)}\r\n"
        f"FROM ({with_owners(activity.query_text, activity.mid, sandbox.tenant.units[0].mid)}) "
        "AS querydef \r\nSELECT @rcInsert = @@ROWCOUNT;;\r\n"
    )


def get(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/queries/{id}: no status field."""
    return JSONResponse(_told(sandbox, _find(sandbox, token, request.path_params["id"])))


def change(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """PATCH /automation/v1/queries/{id}."""
    found = _find(sandbox, token, request.path_params["id"])
    content = object_body(request)
    kind = found.update_type
    if content.get("targetUpdateTypeId") is not None:
        kind = _update_type(content)
    changed = replace(
        found,
        name=str(content.get("name") or found.name),
        description=str(content.get("description") or found.description),
        query_text=str(content.get("queryText") or found.query_text),
        target_key=str(content.get("targetKey") or found.target_key),
        update_type=kind,
        category_id=whole(content, "categoryId", found.category_id),
    )
    target = sandbox.extensions.find(token.mid, changed.target_key)
    if target is None:
        raise RestError(400, 10005, "The target Data Extension does not exist.")
    if problem := sandbox.queries.check(token.mid, changed.query_text, target):
        raise RestError(400, 10006, problem)
    sandbox.activities.change_query(changed, (target.name, target.object_id), sandbox.now())
    return JSONResponse(_checked(sandbox, changed))


def remove(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """DELETE /automation/v1/queries/{id}: answers the JSON text "OK"."""
    found = _find(sandbox, token, request.path_params["id"])
    sandbox.activities.remove("query_activity", found.object_id)
    return JSONResponse("OK")


def start(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST …/actions/start/: with a body it answers OK and does nothing (fact sheet 3)."""
    found = _find(sandbox, token, request.path_params["id"])
    if not request.state.body.strip():
        sandbox.runs.start(found)
    return PlainTextResponse("OK")


def is_running(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET …/actions/isrunning/: false before it begins and after it ends."""
    found = _find(sandbox, token, request.path_params["id"])
    running = sandbox.runs.is_running(found.object_id)
    return JSONResponse({"queryDefinitionId": found.object_id, "isRunning": running})


def log(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET …/log: why the last run failed; empty on success."""
    found = _find(sandbox, token, request.path_params["id"])
    last = sandbox.tenant.db.cursor().execute(
        "SELECT status, error FROM task WHERE interaction_id = ? ORDER BY n DESC LIMIT 1",
        [found.object_id],
    ).fetchall()  # fmt: skip
    items = [{"status": status, "statusMessage": error} for status, error in last if error]
    return JSONResponse({"items": items})


def validate(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /automation/v1/queries/actions/validate/: the text comes in a field named Text."""
    content = object_body(request)
    text = content.get("Text")
    if not isinstance(text, str):
        raise RestError(400, 10002, "The field Text is required.")
    target = sandbox.extensions.find(token.mid, str(content.get("targetKey") or ""))
    _update_type(content)
    problem = sandbox.queries.check(token.mid, text, target)
    errors = [{"message": problem}] if problem else []
    return JSONResponse({"queryValid": not errors, "errors": errors, "warnings": []})
