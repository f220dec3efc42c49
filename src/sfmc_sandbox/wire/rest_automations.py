"""Automations, data extracts, file transfers and where files lie (fact sheet 3)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from starlette.responses import JSONResponse

from sfmc_sandbox.activities import PAUSED, READY
from sfmc_sandbox.extracts import ExtractRefused, file_name
from sfmc_sandbox.schedules import ScheduleRefused, read_schedule
from sfmc_sandbox.wire.rest_answer import RestError, not_found
from sfmc_sandbox.wire.rest_body import asked, need, object_body, paged, whole

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

STATUSES = {
    -1: "Error", 0: "BuildingError", 1: "Building", 2: "Ready", 3: "Running", 4: "PausedSchedule",
    5: "Stopped", 6: "Scheduled", 7: "AwaitingTrigger", 8: "InactiveTrigger",
}  # fmt: skip
EXTRACT_TYPES = (
    ("c7219016-a7f0-4c72-8657-1ec12c28a0db", "Tracking Extract"),
    ("bb94a04d-9632-4623-be47-daabc3f588a6", "Data Extension Extract"),
    ("e7e14f95-b925-462d-b6b4-4a6b1dca7ca1", "UTF16 to ASCII Converter"),
    ("9a487c7d-96bd-484c-ad80-0f0bcbb91ca7", "Zip"),
    ("7e7d322a-88ca-499a-9fb3-90e72fcf00af", "GZip"),
    ("90d90e0a-fd9a-4d35-b471-cde0d17c91d4", "Enhanced FTP File Move and Copy"),
)
TRACKING_EXTRACT = EXTRACT_TYPES[0][0]
_EXTRACT = (
    "dataExtractDefinitionId", "name", "key", "description", "dataExtractTypeId", "fileSpec",
    "createdDate", "modifiedDate", "createdBy", "modifiedBy", "intervalType",
)  # fmt: skip
_TRANSFER = ("id", "name", "description", "customerKey", "createdDate", "modifiedDate")


def _automation(row: tuple[Any, ...]) -> dict[str, Any]:
    return {
        "id": row[0],
        "name": row[2],
        "description": row[3] or "",
        "key": row[1],
        "typeId": 1,
        "type": "scheduled",
        "statusId": row[4],
        "status": STATUSES.get(row[4], "Unknown"),
        "categoryId": 1005,
        "lastRunTime": row[6].isoformat(timespec="milliseconds") if row[6] else None,
        "steps": json.loads(row[5]),
        **({"schedule": _told(row)} if row[7] else {}),
    }


def _told(row: tuple[Any, ...]) -> dict[str, Any]:
    status = "none" if row[4] == PAUSED else "scheduled"
    return {**json.loads(row[7]), "scheduleStatus": status}


_COLUMNS = "object_id, key, name, description, status, steps, last_run, schedule"


def _rows(sandbox: Sandbox, token: Token, condition: str, *values: object) -> list[tuple[Any, ...]]:
    return (
        sandbox.tenant.db.cursor()
        .execute(
            f"SELECT {_COLUMNS} FROM automation WHERE mid = ? AND {condition} ORDER BY n",  # noqa: S608
            [token.mid, *values],
        )
        .fetchall()
    )


def list_automations(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/automations."""
    items = [_automation(row) for row in _rows(sandbox, token, "true")]
    for item in items:
        item.pop("steps")
    return JSONResponse(paged(request, items))


def get_automation(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/automations/{id}."""
    rows = _rows(sandbox, token, "object_id = ?", request.path_params["id"])
    if not rows:
        raise not_found()
    return JSONResponse(_automation(rows[0]))


def create_automation(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /automation/v1/automations."""
    content = object_body(request)
    need(content, "name")
    name, key = str(content["name"]), str(content.get("key") or uuid4())
    if not isinstance(content["name"], str):
        raise RestError(400, 10001, "The field name must be text.")
    if _rows(sandbox, token, "(key = ? OR name = ?)", key, name):
        raise RestError(400, 10005, "An automation of this name or key exists already.")
    schedule, steps = _schedule(content), _steps(content)
    object_id = sandbox.activities.add_automation(
        token.mid, key, name, description=str(content.get("description") or ""),
        steps=steps, now=sandbox.now(),
    )  # fmt: skip
    if schedule is not None:
        sandbox.activities.set_schedule(token.mid, object_id, schedule)
    return JSONResponse(_automation(_rows(sandbox, token, "object_id = ?", object_id)[0]))


def _schedule(content: dict[str, Any]) -> dict[str, Any] | None:
    """The schedule that an automation is sent with, by itself or as what starts it."""
    source = content.get("startSource")
    found = content.get("schedule") or (
        source.get("schedule") if isinstance(source, dict) else None
    )
    if not found:
        return None
    try:
        return read_schedule(found)
    except ScheduleRefused as problem:
        raise RestError(400, 10005, str(problem)) from problem


def _steps(content: dict[str, Any]) -> list[object]:
    steps = content.get("steps") or []
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise RestError(400, 10003, "The field steps must be a list of steps.")
    made: list[object] = []
    for place, step in enumerate(steps, 1):
        activities = [
            {
                "id": str(uuid4()),
                "name": str(entry.get("name") or ""),
                "activityObjectId": str(entry.get("activityObjectId") or ""),
                "objectTypeId": whole(entry, "objectTypeId"),
                "displayOrder": number,
            }
            for number, entry in enumerate(_entries(step), 1)
        ]
        made.append({"id": str(uuid4()), "name": str(step.get("name") or f"Step {place}"),
                     "step": place, "activities": activities})  # fmt: skip
    return made


def _entries(step: dict[str, Any]) -> list[dict[str, Any]]:
    entries = step.get("activities") or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise RestError(400, 10003, "The field activities must be a list of activities.")
    return entries


def change_automation(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """PATCH /automation/v1/automations/{id}."""
    rows = _rows(sandbox, token, "object_id = ?", request.path_params["id"])
    if not rows:
        raise not_found()
    content = object_body(request)
    steps = json.dumps(_steps(content)) if "steps" in content else rows[0][5]
    if (schedule := _schedule(content)) is not None:
        sandbox.activities.set_schedule(token.mid, rows[0][0], schedule)
    sandbox.tenant.write(
        "UPDATE automation SET name = ?, description = ?, steps = ?, modified = ? "
        "WHERE object_id = ?",
        [
            str(content.get("name") or rows[0][2]), str(content.get("description") or rows[0][3]),
            steps, sandbox.now(), rows[0][0],
        ],
    )  # fmt: skip
    return get_automation(sandbox, token, request)


def remove_automation(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """DELETE /automation/v1/automations/{id}: as for queries, the JSON text "OK"."""
    rows = _rows(sandbox, token, "object_id = ?", request.path_params["id"])
    if not rows:
        raise not_found()
    sandbox.activities.remove("automation", rows[0][0])
    return JSONResponse("OK")


def run_automation(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /automation/v1/automations/{id}/actions/runallonce, /start."""
    if sandbox.runs.start_automation(token.mid, request.path_params["id"]) is None:
        raise not_found()
    return JSONResponse({"id": request.path_params["id"], "statusId": READY})


def extract_types(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/dataextracttypes."""
    del sandbox, token, request
    # A bare list, as recorded.
    return JSONResponse([{"name": name, "extractId": number} for number, name in EXTRACT_TYPES])


def list_extracts(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/dataextracts."""
    return listed(request, sandbox.definitions.of(token.mid, "dataextracts"), _EXTRACT)


def create_extract(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /automation/v1/dataextracts."""
    content = object_body(request)
    need(content, "name", "dataExtractTypeId", "fileSpec")
    _checked_extract(content)
    made = {
        "key": str(content.get("key") or uuid4()),
        "description": "",
        "createdBy": 12345,
        "modifiedBy": 12345,
        "intervalType": 0,
        **content,
        "dataExtractDefinitionId": str(uuid4()),
        **_dates(sandbox),
    }
    sandbox.definitions.add(token.mid, "dataextracts", made["dataExtractDefinitionId"], made)
    return JSONResponse(made)


def _dates(sandbox: Sandbox) -> dict[str, str]:
    now = sandbox.now().isoformat(timespec="milliseconds")
    return {"createdDate": now, "modifiedDate": now}


def create_transfer(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /automation/v1/filetransfers."""
    content = object_body(request)
    need(content, "name", "fileSpec")
    _checked_transfer(sandbox, token, content)
    made = {
        "description": "", "customerKey": str(uuid4()), "isEncrypted": False,
        "isCompressed": False, "maxFileAgeScheduleOffset": 0, "maxImportFrequency": 0,
        "isUpload": True, "isPgp": False, "isFileSpecLocalized": False, **content,
        "id": str(uuid4()), "maxFileAge": whole(content, "maxFileAge"),
        "fileTransferLocationId": location(token.mid), **_dates(sandbox),
    }  # fmt: skip
    sandbox.definitions.add(token.mid, "filetransfers", made["id"], made)
    return JSONResponse(made)


def _checked_transfer(sandbox: Sandbox, token: Token, content: dict[str, Any]) -> None:
    place = content.get("fileTransferLocationId") or location(token.mid)
    if place != location(token.mid):
        raise RestError(400, 10005, "The fileTransferLocationId is not valid.")
    whole(content, "maxFileAge")
    if content.get("fileSpec") is None:
        return
    try:
        file_name(str(content["fileSpec"]), sandbox.now())
    except ExtractRefused as problem:
        raise RestError(400, 10005, str(problem)) from problem


def list_transfers(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/filetransfers."""
    return listed(request, sandbox.definitions.of(token.mid, "filetransfers"), _TRANSFER)


def listed(request: Request, items: list[dict[str, Any]], told: tuple[str, ...] = ()) -> Response:
    """A list, by name where it is asked so. `told`: what it tells of each, where that is less."""
    if wanted := asked(request, "$filter"):
        name, _, value = wanted.partition(" eq ")
        if name.strip().lower() != "name" or not value.strip():
            raise RestError(400, 10003, f"The filter could not be read: {wanted[:200]}")
        value = value.strip().strip("'").lower()
        items = [item for item in items if str(item["name"]).lower() == value]
    answer = paged(request, items, default=500, most=500)
    if told:
        answer["items"] = [{k: item[k] for k in told if k in item} for item in answer["items"]]
    return JSONResponse(answer)


def _checked_extract(content: dict[str, Any]) -> None:
    kind = content.get("dataExtractTypeId")
    if kind is not None and str(kind) not in {number for number, _ in EXTRACT_TYPES}:
        raise RestError(400, 10005, "The dataExtractTypeId is not valid.")
    fields = content.get("dataFields") or []
    if not isinstance(fields, list) or not all(isinstance(entry, dict) for entry in fields):
        raise RestError(400, 10003, "The field dataFields must be a list.")


def change_definition(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """PATCH /automation/v1/dataextracts/{id} or filetransfers/{id}."""
    kind, number = _kind(request), request.path_params["id"]
    content = object_body(request)
    if kind == "dataextracts":
        _checked_extract(content)
    else:
        _checked_transfer(sandbox, token, content)
    own = {"id", "dataExtractDefinitionId", "createdDate"}
    more = {key: value for key, value in content.items() if key not in own}
    for name in ("name", "fileSpec"):
        if name in more:
            need(more, name)
    more["modifiedDate"] = _dates(sandbox)["modifiedDate"]
    changed = sandbox.definitions.change(token.mid, kind, number, more)
    if changed is None:
        raise not_found()
    return JSONResponse(changed)


def remove_definition(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """DELETE /automation/v1/dataextracts/{id} or filetransfers/{id}: the JSON text "OK"."""
    if not sandbox.definitions.remove(token.mid, _kind(request), request.path_params["id"]):
        raise not_found()
    return JSONResponse("OK")


def _kind(request: Request) -> str:
    return str(request.url.path.split("/")[3].lower())


def get_definition(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/dataextracts/{id} or filetransfers/{id}."""
    found = sandbox.definitions.find(token.mid, _kind(request), request.path_params["id"])
    if found is None:
        raise not_found()
    return JSONResponse(found)


def location(mid: int) -> str:
    """The id of a unit's Enhanced FTP."""
    return str(uuid5(NAMESPACE_URL, f"ftp/{mid}"))


def locations(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /automation/v1/ftplocations: what every account has."""
    del sandbox
    name = "ExactTarget Enhanced FTP"
    reports = str(uuid5(NAMESPACE_URL, f"reports/{token.mid}"))
    items = [
        {"name": "Salesforce Objects & Reports", "id": reports, "locationTypeId": 4},
        {"name": name, "id": location(token.mid), "locationTypeId": 0, "relPath": name},
    ]
    return JSONResponse(paged(request, items))


def own_locations(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /data/v1/filetransferlocations: those set up by hand, of which there are none."""
    del sandbox, token
    content = {**paged(request, []), "requestId": str(uuid4()), "resultMessages": []}
    return JSONResponse(content)
