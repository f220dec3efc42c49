"""Query activities over REST: create, validate, start, isrunning, log (fact sheet 3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.responses import JSONResponse, PlainTextResponse

from sfmc_sandbox.activities import UPDATE_TYPES, QueryActivity
from sfmc_sandbox.wire.rest_answer import RestError, not_found
from sfmc_sandbox.wire.rest_body import need, object_body, paged

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

_PAGE = 25  # capped, whatever $pageSize says


def list_all(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/queries, 25 to the page; `$filter=Name eq 'x'`."""
    rows = sandbox.tenant.db.cursor().execute(
        "SELECT object_id, name FROM query_activity WHERE mid = ? ORDER BY n", [token.mid]
    ).fetchall()  # fmt: skip
    wanted = request.query_params.get("$filter", "")
    field, _, value = wanted.partition(" eq ")
    if field.strip().lower() == "name" and value:
        rows = [row for row in rows if row[1].lower() == value.strip().strip("'").lower()]
    items = [_told(sandbox, _find(sandbox, token, row[0])) for row in rows]
    return JSONResponse(paged(request, items, default=_PAGE, most=_PAGE))


def create(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /automation/v1/queries."""
    content = object_body(request)
    need(content, "name", "queryText", "categoryId")
    target = sandbox.extensions.find(token.mid, str(content.get("targetKey") or ""))
    if target is None and content.get("targetName"):
        target = sandbox.extensions.named(token.mid, str(content["targetName"]))
    if target is None:
        raise RestError(400, 10005, "The target Data Extension does not exist.")
    kind = UPDATE_TYPES.get(int(content.get("targetUpdateTypeId") or 0))
    if kind is None:
        raise RestError(400, 10005, "The targetUpdateTypeId is not valid.")
    text = str(content["queryText"])
    if problem := sandbox.queries.check(token.mid, text, target):
        raise RestError(400, 10006, problem)
    key = str(content.get("key") or uuid4())
    if sandbox.activities.query_by_key(token.mid, key):
        raise RestError(400, 10005, f"A query with the key {key[:100]} exists already.")
    activity = QueryActivity(
        token.mid, str(uuid4()), key, str(content["name"]), str(content.get("description") or ""),
        text, target.key, kind, int(content["categoryId"]),
    )  # fmt: skip
    sandbox.activities.add_query(activity, (target.name, target.object_id), sandbox.now())
    return JSONResponse(_told(sandbox, activity))


def _find(sandbox: Sandbox, token: Token, object_id: str) -> QueryActivity:
    found = sandbox.activities.query(token.mid, object_id)
    if found is None:
        raise not_found()
    return found


def _told(sandbox: Sandbox, activity: QueryActivity) -> dict[str, Any]:
    target = sandbox.extensions.find(activity.mid, activity.target_key)
    numbers = {name: number for number, name in UPDATE_TYPES.items()}
    now = sandbox.now().isoformat(timespec="milliseconds")
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
        "createdDate": now,
        "modifiedDate": now,
        "targetUpdateTypeId": numbers[activity.update_type],
        "targetUpdateTypeName": activity.update_type,
        "validatedQueryText": _wrapped(activity),
        "categoryId": activity.category_id,
        "isFrozen": False,
    }


def _wrapped(activity: QueryActivity) -> str:
    """As the server wraps it (fact sheet 6)."""
    return (
        "SET NOCOUNT ON; SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED; "  # noqa: S608
        f"INSERT INTO C{activity.mid}.[{activity.target_key}] SELECT querydef.* "
        f"FROM ({activity.query_text}) AS querydef; SELECT @rcInsert = @@ROWCOUNT;"
    )


def get(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/queries/{id}: no status field."""
    return JSONResponse(_told(sandbox, _find(sandbox, token, request.path_params["id"])))


def change(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """PATCH /automation/v1/queries/{id}."""
    found = _find(sandbox, token, request.path_params["id"])
    content = object_body(request)
    kind = content.get("targetUpdateTypeId")
    changed = replace(
        found,
        name=str(content.get("name") or found.name),
        description=str(content.get("description") or found.description),
        query_text=str(content.get("queryText") or found.query_text),
        target_key=str(content.get("targetKey") or found.target_key),
        update_type=found.update_type if kind is None else UPDATE_TYPES.get(int(kind), "Overwrite"),
    )
    target = sandbox.extensions.find(token.mid, changed.target_key)
    if problem := sandbox.queries.check(token.mid, changed.query_text, target):
        raise RestError(400, 10006, problem)
    sandbox.activities.change_query(changed, sandbox.now())
    return JSONResponse(_told(sandbox, changed))


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
    """GET …/log: what failed; empty on success."""
    found = _find(sandbox, token, request.path_params["id"])
    rows = sandbox.tenant.db.cursor().execute(
        "SELECT status, error FROM task WHERE interaction_id = ? AND error IS NOT NULL ORDER BY n",
        [found.object_id],
    ).fetchall()  # fmt: skip
    return JSONResponse({"items": [{"status": row[0], "statusMessage": row[1]} for row in rows]})


def validate(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /automation/v1/queries/actions/validate/: the text comes in a field named Text."""
    content = object_body(request)
    text = content.get("Text")
    if not isinstance(text, str):
        raise RestError(400, 10002, "The field Text is required.")
    target = sandbox.extensions.find(token.mid, str(content.get("targetKey") or ""))
    problem = sandbox.queries.check(token.mid, text, target)
    errors = [{"message": problem}] if problem else []
    return JSONResponse({"queryValid": not errors, "errors": errors, "warnings": []})
