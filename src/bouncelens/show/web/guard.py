"""What every request passes: the right host, reading only, and headers that keep a page harmless.

The pages show text that strangers' servers wrote. Should an escape ever be missed, the content
security policy still runs no script but ours and loads nothing from elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

# Neither 'unsafe-inline' nor 'unsafe-eval': Vega evaluates its expressions with its interpreter
# (charts.js asks for `ast`), so a chart needs no code made from strings.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Filters are in the address; they are nobody else's business.
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware: refuses foreign hosts and writing methods, adds the headers."""

    def __init__(self, app: ASGIApp, *, hosts: Collection[str]) -> None:
        self._app, self._hosts = app, frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on, one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no web sockets here
            raise RuntimeError(f"unexpected {scope['type']} connection")

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with_headers(message.get("headers", ()))
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send_guarded)
        else:
            await _plain(send_guarded, *refusal)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        # A page on another site can make its own name point at 127.0.0.1 and read our answers;
        # its requests then carry that name (DNS rebinding).
        if len(hosts) != 1 or host_name(hosts[0].decode("latin-1")) not in self._hosts:
            return 421, "This server does not answer under that name. Open it by its own address."
        if scope["method"] not in {"GET", "HEAD"}:
            return 405, "These pages can only be read (GET)."
        return None


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without port and brackets. RFC 9110 §7.2."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _with_headers(present: object) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = list(present)  # type: ignore[call-overload]
    named = {name.lower() for name, _ in headers}
    added = {**_HEADERS, "cache-control": "no-store"}
    headers += [
        (name.encode(), value.encode())
        for name, value in added.items()
        if name.encode() not in named
    ]
    return headers


async def _plain(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 405:
        headers.append((b"allow", b"GET, HEAD"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
