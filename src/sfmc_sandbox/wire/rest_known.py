"""REST lists of what the sandbox's accounts have none of, and where its services are.

Tools read these before they come to what they want, so an empty list serves them, a 404 does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from sfmc_sandbox.wire.rest_answer import not_found
from sfmc_sandbox.wire.rest_body import paged

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

# Address: the name that the list has in its answer.
EMPTY = {
    "/automation/v1/scripts": "items",
    "/automation/v1/filters": "items",
    "/automation/v1/dataverifications": "items",
    "/messaging/v1/domainverification": "items",
    "/messaging/v1/email/definitions": "definitions",
    "/messaging/v1/sms/definitions": "definitions",
    "/messaging/v1/push/definitions": "definitions",
    "/interaction/v1/interactions": "items",
    "/interaction/v1/eventDefinitions": "items",
    "/hub/v1/campaigns": "items",
    "/hub/v1/contacts/schema/attributeGroups": "attributeGroupDefinitions",
    "/hub/v1/contacts/schema/setDefinitions": "setDefinition",
    "/legacy/v1/beta2/data/campaign": "entry",
    "/legacy/v1/beta/mobile/code": "entry",
    "/legacy/v1/beta/mobile/imports": "entry",
    "/legacy/v1/beta/mobile/keyword": "entry",
    "/legacy/v1/beta/mobile/message": "entry",
    "/legacy/v1/beta/messaging/deliverypolicy": "entry",
}


def empty(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET of a list without entries."""
    del sandbox, token
    path = request.url.path.rstrip("/").lower()
    name = next(name for known, name in EMPTY.items() if known.lower() == path)
    if name == "entry":
        told: dict[str, Any] = {"startIndex": 0, "itemsPerPage": 50, "totalResults": 0, "entry": []}
        return JSONResponse(told)
    return JSONResponse(paged(request, [], default=50, most=500, name=name))


def no_campaign(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /hub/v1/campaigns/{id}: the recorded error (fact sheet 3)."""
    del sandbox, token, request
    told = {"message": "Campaign ID is invalid", "errorcode": 10000, "documentation": ""}
    return JSONResponse(told, 400)


def endpoints(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /platform/v1/endpoints: where this tenant's services are."""
    del token
    base = sandbox.base_url(request)
    items = [
        {"type": "soap", "url": f"{base}Service.asmx"},
        {"type": "rest", "url": base},
        {"type": "auth", "url": base},
    ]
    return JSONResponse({"count": len(items), "items": items})


def endpoint(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /platform/v1/endpoints/{type}: soap, rest or auth."""
    del token
    base, kind = sandbox.base_url(request), request.path_params["type"].lower()
    if kind not in {"soap", "rest", "auth"}:
        raise not_found()
    return JSONResponse({"url": f"{base}Service.asmx" if kind == "soap" else base})
