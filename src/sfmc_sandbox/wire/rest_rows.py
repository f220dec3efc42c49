"""Rows written over REST: in the background with a request id, or at once (fact sheet 3)."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.responses import JSONResponse

from sfmc_sandbox.rows import write_rows
from sfmc_sandbox.wire.rest_answer import RestError
from sfmc_sandbox.wire.rest_body import list_body, object_body

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.extensions import DataExtension
    from sfmc_sandbox.rows import Mode
    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

_DELAY_S = 0.2
_MAX_KEPT = 1000


@dataclass(slots=True)
class RowsRequest:
    """A background write."""

    mid: int
    called: datetime
    state: str = "Pending"
    picked: datetime | None = None
    completed: datetime | None = None
    outcomes: list[str | None] = field(default_factory=list)


@dataclass(slots=True)
class RowsRequests:
    """The background writes by request id."""

    known: OrderedDict[str, RowsRequest] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, mid: int) -> tuple[str, RowsRequest]:
        """A new one of a business unit."""
        request_id, made = str(uuid4()), RowsRequest(mid, datetime.now(UTC))
        with self._lock:
            self.known[request_id] = made
            while len(self.known) > _MAX_KEPT:
                self.known.popitem(last=False)
        return request_id, made

    def find(self, mid: int, request_id: str) -> RowsRequest | None:
        """A business unit's own."""
        made = self.known.get(request_id)
        return made if made is not None and made.mid == mid else None


class RowsError(RestError):
    """An error of the data family, which has a body of its own."""

    def response(self) -> Response:
        """`{"requestId", "resultMessages"}` (fact sheet 3)."""
        message = {
            "resultType": "Error",
            "resultClass": "Error",
            "resultCode": self.message.partition(":")[0],
            "message": self.message.partition(":")[2] or self.message,
        }
        content = {"requestId": str(uuid4()), "resultMessages": [message]}
        return JSONResponse(content, self.status)


def _target(sandbox: Sandbox, token: Token, request: Request) -> DataExtension:
    key, object_id = request.path_params.get("key"), request.path_params.get("id")
    found = (
        sandbox.extensions.find(token.mid, key)
        if key is not None
        else sandbox.extensions.by_id(token.mid, str(object_id))
    )
    if found is None:
        raise RowsError(400, 10005, "CustomObjectNotFound:Unable to find the data extension.")
    return found


def insert(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST …/rows: insert."""
    return _begin(sandbox, token, request, "insert")


def upsert(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """PUT …/rows: insert or update."""
    return _begin(sandbox, token, request, "upsert")


def _begin(sandbox: Sandbox, token: Token, request: Request, mode: Mode) -> Response:
    target = _target(sandbox, token, request)
    try:
        items = object_body(request).get("items")
    except RestError as problem:  # this family has errors of its own shape
        told = f"InvalidRequestBody:{problem.message}"
        raise RowsError(problem.status, problem.code, told) from problem
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise RowsError(400, 10003, "InvalidRequestBody:The body needs a list named items.")
    if mode == "upsert" and not target.keys:
        raise RowsError(400, 10003, "PrimaryKeyRequired:Upsert needs a primary key.")
    request_id, made = sandbox.rows_requests.add(token.mid)

    def work() -> None:
        time.sleep(_DELAY_S)
        made.picked, made.state = datetime.now(UTC), "Executing"
        with sandbox.writing:
            made.outcomes = write_rows(sandbox.extensions, target, items, mode=mode)
        made.completed, made.state = datetime.now(UTC), "Complete"

    sandbox.runs.submit(work)
    return JSONResponse({"requestId": request_id, "resultMessages": []}, 202)


def status(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /data/v1/async/{id}/status."""
    request_id = request.path_params["id"]
    made = sandbox.rows_requests.find(token.mid, request_id)
    if made is None:
        return _not_found(request_id)
    failed = any(outcome is not None for outcome in made.outcomes)
    content = {
        "status": {
            "callDateTime": _text(made.called),
            "completionDateTime": _text(made.completed),
            "hasErrors": failed,
            "pickupDateTime": _text(made.picked),
            "requestStatus": made.state,
            "resultStatus": "Error" if failed else "OK",
            "requestId": request_id,
        },
        "requestId": request_id,
        "resultMessages": [],
    }
    return JSONResponse(content)


def _text(moment: datetime | None) -> str:
    return (moment or datetime(1, 1, 1, tzinfo=UTC)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


def _not_found(request_id: str) -> Response:
    """HTTP 200, and the news in the body (fact sheet 3)."""
    message = {
        "resultType": "Error",
        "resultClass": "Error",
        "resultCode": "AsyncRequestStatusNotFound",
        "message": "Unable to find the status of the request.",
    }
    return JSONResponse({"requestId": request_id, "resultMessages": [message]})


def results(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /data/v1/async/{id}/results."""
    request_id = request.path_params["id"]
    made = sandbox.rows_requests.find(token.mid, request_id)
    if made is None:
        return _not_found(request_id)
    items = [
        {"errorCode": "" if outcome is None else "InvalidRow", "message": outcome or "Success",
         "status": "OK" if outcome is None else "Error"}
        for outcome in made.outcomes
    ]  # fmt: skip
    content = {
        "page": 1, "pageSize": 50_000, "count": len(items), "items": items,
        "requestId": request_id, "resultMessages": [],
    }  # fmt: skip
    return JSONResponse(content)


def events(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /hub/v1/dataevents/key:{key}/rowset: upsert at once, the rows echoed."""
    target = _target(sandbox, token, request)
    content = list_body(request)
    _write(sandbox, target, content)
    return JSONResponse(content)


def event(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """PUT /hub/v1/dataevents/key:{key}/rows/{field}:{value}: one row."""
    target = _target(sandbox, token, request)
    pairs = request.path_params["pairs"].split(",")
    keys = {name: value for name, _, value in (pair.partition(":") for pair in pairs)}
    values = object_body(request).get("values")
    if not isinstance(values, dict):
        raise RestError(400, 10002, "The field values is required.")
    row = {"keys": keys, "values": values}
    _write(sandbox, target, [row])
    return JSONResponse(row)


def _write(sandbox: Sandbox, target: DataExtension, content: list[dict[str, Any]]) -> None:
    rows = []
    for entry in content:
        keys, values = entry.get("keys") or {}, entry.get("values") or {}
        if not isinstance(keys, dict) or not isinstance(values, dict) or not (keys or values):
            raise RestError(400, 10006, "Each row needs keys and values.")
        rows.append({**keys, **values})
    mode: Mode = "upsert" if target.keys else "insert"
    outcomes = write_rows(sandbox.extensions, target, rows, mode=mode)
    if problems := [outcome for outcome in outcomes if outcome]:
        raise RestError(400, 10006, problems[0])
