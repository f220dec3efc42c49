"""Data extensions as custom objects, and who a token is (fact sheet 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from sfmc_sandbox.extensions import MAX_TEXT, SQL_TYPES, DataExtension, Field
from sfmc_sandbox.wire.rest_answer import RestError
from sfmc_sandbox.wire.rest_body import asked, need, object_body, paged, whole

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token


def token_context(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /platform/v1/tokenContext."""
    del request
    return JSONResponse(
        {
            "enterprise": {"id": sandbox.tenant.units[0].mid},
            "organization": {"id": token.mid},
            "user": {"id": 12345},
        }
    )


def list_objects(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /data/v1/customObjects?$search=: `$search` is required, 25 to the page."""
    wanted = asked(request, "$search")
    if not wanted:
        raise RestError(400, 10002, "The parameter $search is required.")
    items = [
        _told(extension)
        for extension in sandbox.extensions.of_unit(token.mid)
        if wanted.strip("*").lower() in extension.name.lower()
    ]
    return JSONResponse(paged(request, items, default=25, most=25))


def _told(extension: DataExtension) -> dict[str, Any]:
    return {
        "id": extension.object_id,
        "name": extension.name,
        "key": extension.key,
        "description": "",
        "isActive": True,
        "isSendable": False,
        "categoryId": 1001,
        "fieldCount": len(extension.fields),
    }


def create_object(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /data/v1/customObjects: complete field objects and a categoryId."""
    content = object_body(request)
    need(content, "name", "categoryId", "fields")
    fields = content["fields"]
    if not isinstance(fields, list) or not fields or not all(isinstance(f, dict) for f in fields):
        raise RestError(400, 10003, "The field fields must be a list of fields.")
    made = tuple(_field(entry) for entry in fields)
    if len({f.name.lower() for f in made}) < len(made):
        raise RestError(400, 10005, "Two fields have the same name.")
    key = str(content.get("key") or content["name"])
    if sandbox.extensions.find(token.mid, key):
        raise RestError(400, 10005, f"A data extension with the key {key[:100]} exists already.")
    extension = sandbox.extensions.make(token.mid, key, str(content["name"]), made)
    return JSONResponse(_told(extension), 201)


def _field(content: dict[str, Any]) -> Field:
    need(content, "name", "type")
    kind = str(content["type"])
    if kind not in SQL_TYPES:
        raise RestError(400, 10005, f"The field type {kind[:40]} is not valid.")
    length = whole(content, "length")
    if kind == "Text" and length > MAX_TEXT:
        raise RestError(400, 10005, f"A Text field holds at most {MAX_TEXT} characters.")
    return Field(
        str(content["name"]),
        kind,
        length if length > 0 else None,
        is_key=bool(content.get("isPrimaryKey")),
        is_required=not content.get("isNullable", True),
    )
