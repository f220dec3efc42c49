"""REST: finds the call, checks token and scope first, as the platform does (fact sheet 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfmc_sandbox.wire import rowset
from sfmc_sandbox.wire.rest_answer import (
    RestError,
    insufficient,
    not_authorized,
    not_found,
    throttled,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

    Answer = Callable[[Sandbox, Token, Request], Response]

# Method, path, scope, answer.
ROUTES: list[tuple[str, str, str, Answer]] = [
    ("GET", "/data/v1/customobjectdata/key/{key}/rowset", "data_extensions_read", rowset.by_key),
    ("GET", "/data/v1/customobjectdata/token/{token}/rowset", "data_extensions_read",
     rowset.by_token),
]  # fmt: skip


def call(sandbox: Sandbox, request: Request, scope: str, answer: Answer) -> Response:
    """Answers one REST request."""
    try:
        if sandbox.trouble.strikes("throttled", request.headers):
            raise throttled()
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        found = sandbox.tokens.look(text.strip() if kind.lower() == "bearer" else None)
        if sandbox.trouble.strikes("expired-token", request.headers) or isinstance(found, str):
            raise not_authorized()
        if scope and scope not in found.scopes:
            raise insufficient()
        return answer(sandbox, found, request)
    except RestError as problem:
        return problem.response()


def nothing_here(sandbox: Sandbox, request: Request) -> Response:
    """An address that REST does not have; without a token it does not even say that."""
    _, _, text = request.headers.get("authorization", "").partition(" ")
    known = not isinstance(sandbox.tokens.look(text.strip()), str)
    return (not_found() if known else not_authorized()).response()
