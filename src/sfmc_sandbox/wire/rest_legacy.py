"""Automations by their older address, which tools still ask for what the newer one leaves out."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from starlette.responses import JSONResponse

from sfmc_sandbox.wire.rest_answer import RestError, not_found
from sfmc_sandbox.wire.rest_automations import STATUSES
from sfmc_sandbox.wire.rest_body import asked, object_body

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

_PAGE = 50


def list_automations(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /legacy/v1/beta/bulk/automations/automation/definition: `$top` from `$skip` on."""
    entries = _entries(sandbox, token)
    skip, top = (asked(request, name) for name in ("$skip", "$top"))
    start = int(skip) if skip.isdecimal() and len(skip) < 10 else 0
    size = min(int(top), _PAGE) if top.isdecimal() and len(top) < 10 and int(top) else _PAGE
    return JSONResponse(
        {
            "startIndex": start,
            "itemsPerPage": size,
            "totalResults": len(entries),
            "entry": entries[start : start + size],
        }
    )


def get_automation(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /legacy/v1/beta/bulk/automations/automation/definition/{id}."""
    entry = _find(sandbox, token, request)
    saved = {"lastSaveDate": entry["modifiedDate"], "lastSavedBy": entry["modifiedBy"]}
    return JSONResponse({**entry, **saved, "processes": []})


def schedule_automation(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST …/definition/?action=schedule or pauseSchedule: what a body's `id` names."""
    action = asked(request, "action").lower()
    if action not in {"schedule", "pauseschedule"}:
        raise RestError(400, 10005, f"The action {action[:40]} is not valid.")
    number = str(object_body(request).get("id") or "")
    entry = next((e for e in _entries(sandbox, token) if e["id"] == number), None)
    if entry is None:
        raise not_found()
    sandbox.runs.schedule(token.mid, _plain(number), is_on=action == "schedule")
    return JSONResponse(next(e for e in _entries(sandbox, token) if e["id"] == number))


def _plain(number: str) -> str:
    """The ObjectID behind an id of the older addresses."""

    def decoded(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    return str(UUID(bytes_le=decoded(decoded(number).decode().partition(":")[0])))


def get_notifications(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /legacy/v1/beta/automations/notifications/{id}: nobody is told anything."""
    return JSONResponse({"programId": _find(sandbox, token, request)["id"]})


def _find(sandbox: Sandbox, token: Token, request: Request) -> dict[str, Any]:
    for entry in _entries(sandbox, token):
        if entry["id"] == request.path_params["id"]:
            return entry
    raise not_found()


def _entries(sandbox: Sandbox, token: Token) -> list[dict[str, Any]]:
    rows = sandbox.tenant.db.cursor().execute(
        "SELECT object_id, key, name, description, status, created, modified, schedule "
        "FROM automation "
        "WHERE mid = ? ORDER BY n",
        [token.mid],
    ).fetchall()  # fmt: skip
    user = {"id": _spelled(UUID(int=12345).hex, "4:0"), "name": "sandbox", "email": ""}
    return [
        {
            "id": _spelled(object_id, "25:0"),
            "key": key,
            "createdDate": created.isoformat(timespec="milliseconds") + "Z",
            "name": name,
            "description": description or "",
            "clientId": token.mid,
            "status": STATUSES.get(status, "Unknown"),
            "createdBy": user,
            "modifiedDate": modified.isoformat(timespec="milliseconds") + "Z",
            "modifiedBy": user,
            "isPlatformObject": False,
            "automationType": "scheduled",
            **_schedule(schedule),
        }
        for object_id, key, name, description, status, created, modified, schedule in rows
    ]


def _schedule(text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    kept = json.loads(text)
    told = {
        "id": _spelled(str(uuid5(NAMESPACE_URL, kept["id"])), "23:0"),
        "description": f"Schedule from {kept['startDate']}",
        "startDate": kept["startDate"],
        "iCalRecur": kept.get("icalRecur", ""),
        "timeZone": kept.get("timezoneName", "Central America Standard Time"),
    }
    return {"scheduleObject": told}


def _spelled(object_id: str, kind: str) -> str:
    """An id as the older addresses spell it."""
    number = base64.urlsafe_b64encode(UUID(object_id).bytes_le).decode().rstrip("=")
    return base64.urlsafe_b64encode(f"{number}:{kind}".encode()).decode().rstrip("=")
