"""The sandbox's own page and switches, under /_sandbox: no part of Marketing Cloud.

Only its own machine may turn them, and no other page that a browser has open.
"""

from __future__ import annotations

import ipaddress
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sfmc_sandbox.wire.control_page import CSS, page
from sfmc_sandbox.wire.rest_body import read_json
from sfmc_sandbox.wire.trouble import SCENARIOS, UnknownScenario

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from sfmc_sandbox.wire.sandbox import Sandbox

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
_MOST_SENT = 200_000
_MOST_BYTES = 10_000
_MOST_AHEAD_S = 10 * 366 * 86_400
_MOST_SPEED = 1e6


class Refused(ValueError):
    """A switch that cannot be turned that way."""


def routes(sandbox: Sandbox) -> list[Route]:
    """The routes of the page and its switches."""

    async def show(request: Request) -> Response:
        if not _is_ours(request):
            return PlainTextResponse("not for you", 403)
        return Response(
            page(sandbox, sandbox.base_url(request)), media_type="text/html", headers=_HEADERS
        )

    async def style(request: Request) -> Response:
        del request
        return Response(CSS, media_type="text/css", headers=_HEADERS)

    async def state(request: Request) -> Response:
        if not _is_ours(request):
            return PlainTextResponse("not for you", 403)
        return JSONResponse(_state(sandbox))

    verbs: dict[str, Callable[[Sandbox, dict[str, Any]], object]] = {
        "scenarios": _switch, "send": _send, "clock": _clock,
    }  # fmt: skip

    def turn(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if not _is_ours(request):
                return PlainTextResponse("not for you", 403)
            is_form = request.headers.get("content-type", "").startswith("application/x-www")
            try:
                given = _given(await _short_body(request), is_form=is_form)
                told = verbs[name](sandbox, given)
            except (Refused, UnknownScenario) as problem:
                return PlainTextResponse(str(problem), 400)
            return RedirectResponse("/_sandbox", 303) if is_form else JSONResponse(told)

        return endpoint

    return [
        Route("/_sandbox", show),
        Route("/_sandbox/style.css", style),
        Route("/_sandbox/state", state),
        *(Route(f"/_sandbox/{name}", turn(name), methods=["POST"]) for name in verbs),
    ]


def _is_ours(request: Request) -> bool:
    """Asked from this machine, by its name, from no other site (DNS rebinding, forged forms)."""
    here = (request.scope.get("server") or ("", 0))[0]
    caller = request.client.host if request.client else ""
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        if caller != here and not ipaddress.ip_address(caller).is_loopback:
            return False
    except ValueError:
        return False
    if host not in {"127.0.0.1", "localhost", "::1", here}:
        return False
    origin = request.headers.get("origin")
    return origin is None or origin == f"{request.url.scheme}://{request.url.netloc}"


async def _short_body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise Refused(f"the body is longer than {_MOST_BYTES} bytes")
    return body


def _given(body: bytes, *, is_form: bool) -> dict[str, Any]:
    try:
        content = dict(parse_qsl(body.decode())) if is_form else read_json(body)
    except ValueError as problem:
        raise Refused("the body could not be read") from problem
    if not isinstance(content, dict):
        raise Refused("the body must be an object")
    return content


def _number(given: dict[str, Any], name: str, default: float) -> float:
    try:
        number = float(given.get(name) or default)
    except (TypeError, ValueError, OverflowError) as problem:
        raise Refused(f"{name} must be a number") from problem
    if not math.isfinite(number):
        raise Refused(f"{name} must be a number")
    return number


def _switch(sandbox: Sandbox, given: dict[str, Any]) -> object:
    name = str(given.get("name") or "")
    sandbox.trouble.switch(name, on=str(given.get("on")).lower() in {"true", "1", "on"})
    return {"on": sorted(sandbox.trouble.on)}


def _send(sandbox: Sandbox, given: dict[str, Any]) -> object:
    mid, size = int(_number(given, "mid", 0)), int(_number(given, "size", 1000))
    if sandbox.tenant.unit(mid) is None:
        raise Refused(f"no business unit has the MID {mid}")
    if not 0 < size <= _MOST_SENT:
        raise Refused(f"size must lie between 1 and {_MOST_SENT}")
    is_transactional = str(given.get("transactional")).lower() in {"true", "1", "on"}
    return {"job": sandbox.flow.send(mid, size, is_transactional=is_transactional)}


def _clock(sandbox: Sandbox, given: dict[str, Any]) -> object:
    speed = _number(given, "speed", 0.0) if "speed" in given else None
    ahead = _number(given, "advance_s", 0.0)
    if not 0 <= ahead <= _MOST_AHEAD_S or not 0 <= (speed or 0.0) <= _MOST_SPEED:
        raise Refused("the clock goes ahead by at most ten years, and at most a million times")
    sandbox.flow.clock.move(ahead, speed=speed)
    return {"bounces": sandbox.flow.advance(), "now": sandbox.now().isoformat()}


def _state(sandbox: Sandbox) -> dict[str, Any]:
    ahead = sandbox.tenant.pending.get("bounce")
    return {
        "now": sandbox.now().isoformat(),
        "speed": sandbox.flow.clock.speed,
        "on": sorted(sandbox.trouble.on),
        "scenarios": {name: text for name, (_, text) in SCENARIOS.items()},
        "bounces": sandbox.tenant.truth.num_rows,
        "bounces_ahead": 0 if ahead is None else ahead.num_rows,
        "ens_deferred": len(sandbox.ens.deferred),
        "ens_undelivered": sandbox.ens.undelivered,
    }
