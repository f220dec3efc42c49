"""Folders over REST: how tools make those of automations, which SOAP's way does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from sfmc_sandbox.wire.rest_answer import RestError
from sfmc_sandbox.wire.rest_body import need, object_body, whole

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token


def create_folder(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /email/v1/category: a folder below `parentCatId`, of its parent's kind."""
    content = object_body(request)
    need(content, "name", "parentCatId")
    name, kind = str(content["name"])[:200], str(content.get("catType") or "").lower()
    parent = sandbox.folders.by_id(token.mid, whole(content, "parentCatId"))
    if parent is None or kind not in {"", parent.kind}:
        raise RestError(400, 10005, "The parentCatId is not valid.")
    number, key = sandbox.folders.add(token.mid, parent, ("", name, ""), sandbox.now())
    told = {"categoryId": number, "parentCatId": parent.id, "name": name, "catType": parent.kind}
    return JSONResponse({**told, "customerKey": key})
