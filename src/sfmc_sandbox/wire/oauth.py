"""POST …/v2/token: signs a client in for one business unit (fact sheet 1)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse

from sfmc_sandbox.wire.rest_body import read_json
from sfmc_sandbox.wire.tokens import LIFETIME_S

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.wire.sandbox import Sandbox

DOCS = "https://developer.salesforce.com/docs"
_REFUSED = (
    "Client authentication failed. Make sure that the client ID and client secret are valid and "
    "that the package is installed and enabled."
)


def sign_in(sandbox: Sandbox, request: Request, body: bytes) -> Response:
    """A token, or OAuth's error."""
    try:
        asked = _read(body, request.headers.get("content-type", ""))
    except ValueError:
        return _error(400, "invalid_request", "The request body could not be read.")
    if asked.get("grant_type") != "client_credentials":
        return _error(400, "unsupported_grant_type", "The grant type is not supported.")
    if not _is_client(sandbox, asked):
        return _error(401, "invalid_client", _REFUSED)
    mid = _account(sandbox, asked.get("account_id"))
    if mid is None:
        return _error(400, "invalid_request", "The account_id is not valid for this package.")
    wanted = str(asked.get("scope") or "").split()
    if unknown := [name for name in wanted if name not in sandbox.package_scopes]:
        return _error(400, "invalid_scope", f"The scope {unknown[0]} is not valid.")
    scopes = wanted or sorted(sandbox.package_scopes)
    token = sandbox.tokens.issue(mid, sandbox.tenant.units[0].mid, frozenset(scopes))
    base = sandbox.base_url(request)
    return JSONResponse(
        {
            "access_token": token.text,
            "token_type": "Bearer",
            "expires_in": round(sandbox.tokens.lifetime_s) or LIFETIME_S,
            "scope": " ".join(scopes),
            "soap_instance_url": base,
            "rest_instance_url": base,
        },
        headers={"Cache-Control": "no-store"},
    )


def too_large() -> Response:
    """The error of a body that is not read."""
    return _error(413, "invalid_request", "The request is too large.")


def _read(body: bytes, content_type: str) -> dict[str, Any]:
    if content_type.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode()))
    content = read_json(body)
    if not isinstance(content, dict):
        raise ValueError("not an object")  # noqa: TRY004 - a bad request, not a bug
    return content


def _is_client(sandbox: Sandbox, asked: dict[str, Any]) -> bool:
    given = f"{asked.get('client_id')}\n{asked.get('client_secret')}"
    real = f"{sandbox.client_id}\n{sandbox.client_secret}"
    return hmac.compare_digest(given.encode(), real.encode())


def _account(sandbox: Sandbox, asked: object) -> int | None:
    """The MID asked for, as number or text; without one, the package's own unit."""
    if asked is None or asked == "":
        return sandbox.tenant.units[0].mid
    try:
        mid = int(str(asked))
    except ValueError:
        return None
    return mid if sandbox.tenant.unit(mid) else None


def _error(status: int, error: str, description: str) -> Response:
    return JSONResponse(
        {"error": error, "error_description": description, "error_uri": DOCS}, status_code=status
    )
