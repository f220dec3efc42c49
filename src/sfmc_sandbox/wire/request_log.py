"""The last requests, for the sandbox's own page: what was asked, what was answered, how fast."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEPT = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. No header, no body, no query: a log tells no secrets."""

    at: datetime
    method: str
    path: str
    action: str  # of SOAP
    status: int
    took_ms: float


@dataclass(slots=True)
class Log:
    """The newest requests first."""

    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=_KEPT))


class RequestLog:
    """ASGI middleware that writes the log, and evens the beginning of paths."""

    def __init__(self, app: ASGIApp, log: Log) -> None:
        self._app, self._log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or str(scope["path"]).startswith("/_sandbox"):
            await self._app(scope, receive, send)
            return
        # FuelSDK puts a slash behind an address that ends in one; live tenants do not mind.
        scope["path"] = "/" + str(scope["path"]).lstrip("/")
        began, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            took = (time.perf_counter() - began) * 1000
            self._log.entries.appendleft(
                Entry(datetime.now(UTC), scope["method"][:20], scope["path"][:200],
                      _action(scope), status, round(took, 1))
            )  # fmt: skip


def _action(scope: dict[str, Any] | Scope) -> str:
    """What SOAP was asked, as it was understood, or else as its header says."""
    told = scope.get("state", {}).get("told")
    if told:
        return str(told)[:80]
    for name, value in scope["headers"]:
        if name == b"soapaction":
            return str(value.decode(errors="replace").strip('"'))[:40]
    return ""
