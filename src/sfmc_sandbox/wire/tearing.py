"""A connection that an answer may tear: uvicorn's HTTP protocol, its transport shown to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class TearableProtocol(H11Protocol):
    """Adds the transport to the scope, for the scenario that resets connections."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        app: ASGIApp = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                scope.setdefault("extensions", {})["sandbox.transport"] = self.transport
            await app(scope, receive, send)

        self.app = with_transport
