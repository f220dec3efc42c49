"""The ASGI application: routes, the limit on bodies, and the trouble that needs the connection."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from sfmc_sandbox.wire import control, oauth, rest, soap, soap_about
from sfmc_sandbox.wire.request_log import RequestLog
from sfmc_sandbox.wire.rest_answer import RestError
from sfmc_sandbox.wire.sandbox import MAX_BODY_BYTES
from sfmc_sandbox.wire.soap_answer import Fault, Frame, content_type, fault
from sfmc_sandbox.wire.trouble import UnknownScenario, listen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from sfmc_sandbox.wire.sandbox import Sandbox

_SLOW_S = 1.0


class BodyTooLarge(Exception):
    """More than the platform reads."""


def make_app(sandbox: Sandbox) -> Starlette:
    """Everything the sandbox serves, on one port."""
    # Clients write the slash at the end or not.
    routes = [
        _rest_route(sandbox, method, path + slash, (scope, answer))
        for method, path, scope, answer in rest.ROUTES
        for slash in ("", "/")
    ]

    def methods_of(path: str) -> list[str]:
        known = (route.methods or () for route in routes if route.path_regex.match(path))
        return sorted({method for methods in known for method in methods})

    async def elsewhere(request: Request) -> Response:
        path = request.url.path.lower()
        # A client may put any words before the path (fact sheet 10), in any case.
        if path.endswith("/v2/token") and request.method == "POST":
            return await _sign_in(sandbox, request)
        if path.rstrip("/").endswith("/service.asmx") and request.method == "POST":
            return await _service(sandbox, request)
        reads = request.method in {"GET", "HEAD"}
        if reads and (about := _about(sandbox, path)) is not None:
            return about(request)
        return rest.nothing_here(sandbox, request, allowed=methods_of(request.url.path))

    every = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    last = Route("/{path:path}", _kept(elsewhere), methods=every)
    app = Starlette(routes=[*control.routes(sandbox), *routes, last])
    app.add_exception_handler(Exception, _our_fault)
    app.add_middleware(RequestLog, log=sandbox.log)
    return app


def _kept(
    endpoint: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Answers what fails unforeseen, so that the connection can go on."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as problem:
            return await _our_fault(request, problem)

    return answer


async def _our_fault(request: Request, problem: Exception) -> Response:
    """A bug of ours: the platform's words to the client, the trace to our own log."""
    logging.getLogger("sfmc_sandbox").error("%s failed", request.url.path, exc_info=problem)
    if request.url.path.lower().endswith("/service.asmx"):
        frame = Frame(f"{request.url.scheme}://{request.url.netloc}/Service.asmx")
        unexpected = Fault("Server", "An unexpected error occurred.", api_code=2)
        return Response(fault(frame, unexpected), 500, media_type=content_type(frame))
    return RestError(500, 30000, "An unexpected error occurred.").response()


async def _sign_in(sandbox: Sandbox, request: Request) -> Response:
    try:
        body = await _body(request)
    except BodyTooLarge:
        return oauth.too_large()
    return await run_in_threadpool(oauth.sign_in, sandbox, request, body)


async def _service(sandbox: Sandbox, request: Request) -> Response:
    try:
        body = await _body(request)
    except BodyTooLarge:
        frame = Frame(f"{sandbox.base_url(request)}Service.asmx")
        problem = Fault("Client", "There was an exception running the extensions specified in "
                        "the config file. ---> Maximum request length exceeded.")  # fmt: skip
        return Response(fault(frame, problem), 500, media_type=content_type(frame))
    try:
        listen(request.headers)
    except UnknownScenario as problem:
        frame = Frame(f"{sandbox.base_url(request)}Service.asmx")
        told = fault(frame, Fault("Client", str(problem)))
        return Response(told, 500, media_type=content_type(frame))
    response = await run_in_threadpool(soap.call, sandbox, request, body)
    return await _troubled(sandbox, response)


def _rest_route(sandbox: Sandbox, method: str, path: str, call: tuple[str, rest.Answer]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            request.state.body = await _body(request)
        except BodyTooLarge:
            return rest.too_large(request).response()
        try:
            listen(request.headers)
        except UnknownScenario as problem:
            return RestError(400, 10005, str(problem)).response()
        response = await run_in_threadpool(rest.call, sandbox, request, *call)
        return await _troubled(sandbox, response)

    route = Route(path, _kept(endpoint), methods=[method])
    # Paths are case-insensitive; fuel-rest writes all of them in lower case.
    route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    return route


def _about(sandbox: Sandbox, path: str) -> Callable[[Request], Response] | None:
    """The WSDL and the schema it imports."""
    if path.endswith(("/etframework.wsdl", "/service.asmx")):
        return lambda request: Response(
            soap_about.wsdl(sandbox.base_url(request)), media_type="text/xml"
        )
    if path.endswith("/etframeworkfault.xsd"):
        return lambda _: Response(soap_about.FAULT_SCHEMA, media_type="text/xml")
    return None


async def _body(request: Request) -> bytes:
    """The body, up to the limit. Raises BodyTooLarge."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and (len(declared) > 15 or int(declared) > MAX_BODY_BYTES):
        raise BodyTooLarge
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise BodyTooLarge
        parts.append(part)
    return b"".join(parts)


async def _troubled(sandbox: Sandbox, response: Response) -> Response:
    # One Date alone: the web server adds none of its own.
    skew = timedelta(minutes=7 if sandbox.trouble.strikes("clock-skew") else 0)
    response.headers["Date"] = format_datetime(datetime.now(UTC) + skew, usegmt=True)
    if sandbox.trouble.strikes("slow"):
        await asyncio.sleep(_SLOW_S)
    if response.status_code == 200 and sandbox.trouble.strikes("reset-mid-page"):
        return _Torn(bytes(response.body), headers=dict(response.headers))
    return response


class _Torn(Response):
    """Promises the whole page, sends half of it and goes away."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        transport: Any = scope.get("extensions", {}).get("sandbox.transport")
        close: Callable[[], None] | None = getattr(transport, "abort", None)
        if close is not None:
            close()
