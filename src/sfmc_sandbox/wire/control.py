"""The sandbox's own page and switches, under /_sandbox: no part of Marketing Cloud.

Only its own machine may turn them, and no other page that a browser has open.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sfmc_sandbox.wire.control_page import CSS, page
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


class Refused(ValueError):
    """A switch that cannot be turned that way."""


def routes(sandbox: Sandbox) -> list[Route]:
    """The routes of the page and its switches."""

    async def show(request: Request) -> Response:
        if not _is_ours(request):
            return PlainTextResponse("not for you", 403)
        return Response(page(sandbox), media_type="text/html", headers=_HEADERS)

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
                given = _given(await request.body(), is_form=is_form)
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
    """Asked by the name of this machine, from no other site (DNS rebinding, forged forms)."""
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    here = (request.scope.get("server") or ("", 0))[0]
    if host not in {"127.0.0.1", "localhost", "::1", here}:
        return False
    origin = request.headers.get("origin")
    return origin is None or origin == f"{request.url.scheme}://{request.url.netloc}"


def _given(body: bytes, *, is_form: bool) -> dict[str, Any]:
    try:
        content = dict(parse_qsl(body.decode())) if is_form else json.loads(body)
    except ValueError as problem:
        raise Refused("the body could not be read") from problem
    if not isinstance(content, dict):
        raise Refused("the body must be an object")
    return content


def _number(given: dict[str, Any], name: str, default: float) -> float:
    try:
        return float(given.get(name) or default)
    except (TypeError, ValueError) as problem:
        raise Refused(f"{name} must be a number") from problem


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
    sandbox.flow.clock.move(_number(given, "advance_s", 0.0), speed=speed)
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
