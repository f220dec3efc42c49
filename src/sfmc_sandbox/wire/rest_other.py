"""Data extensions as custom objects, e-mail assets, and who a token is (fact sheet 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from sfmc_sandbox.extensions import SQL_TYPES, DataExtension, Field
from sfmc_sandbox.wire.rest_answer import RestError, not_found
from sfmc_sandbox.wire.rest_body import need, object_body, paged

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

_EMAILS = {207: "templatebasedemail", 208: "htmlemail", 209: "textonlyemail"}


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
    wanted = request.query_params.get("$search")
    if wanted is None:
        raise RestError(400, 10002, "The parameter $search is required.")
    items = [
        _told(extension)
        for extension in sandbox.extensions.by_key.values()
        if extension.mid == token.mid and wanted.strip("*").lower() in extension.name.lower()
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
    if not isinstance(fields, list) or not all(isinstance(entry, dict) for entry in fields):
        raise RestError(400, 10003, "The field fields must be a list of fields.")
    key = str(content.get("key") or content["name"])
    if sandbox.extensions.find(token.mid, key):
        raise RestError(400, 10005, f"A data extension with the key {key[:100]} exists already.")
    with sandbox.writing:
        made = sandbox.extensions.make(
            token.mid, key, str(content["name"]), tuple(_field(entry) for entry in fields)
        )
    return JSONResponse(_told(made), 201)


def _field(content: dict[str, Any]) -> Field:
    need(content, "name", "type")
    if content["type"] not in SQL_TYPES:
        raise RestError(400, 10005, f"The field type {str(content['type'])[:40]} is not valid.")
    length = content.get("length")
    return Field(
        str(content["name"]),
        str(content["type"]),
        length if isinstance(length, int) and length > 0 else None,
        is_key=bool(content.get("isPrimaryKey")),
        is_required=not content.get("isNullable", True),
    )


def query_assets(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /asset/v1/content/assets/query: the tenant's e-mails, without content."""
    content = object_body(request)
    query = content.get("query") or {}
    if not isinstance(query, dict):
        raise RestError(400, 10003, "The field query must be an object.")
    wanted = query.get("value")
    kinds = wanted if isinstance(wanted, list) else [wanted]
    page = content.get("page") or {}
    number, size = int(page.get("page") or 1), min(int(page.get("pageSize") or 50), 50)
    items = [
        asset
        for asset in map(_asset, _emails(sandbox, token))
        if query.get("property") != "assetType.id" or asset["assetType"]["id"] in kinds
    ]
    part = items[(number - 1) * size : number * size]
    return JSONResponse({"count": len(items), "page": number, "pageSize": size, "items": part})


def list_assets(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /asset/v1/content/assets: the same e-mails, by `$page` and `$pageSize`."""
    return JSONResponse(paged(request, [_asset(row) for row in _emails(sandbox, token)]))


_CATEGORY = {
    "id": 1003,
    "description": "",
    "enterpriseId": 0,
    "memberId": 0,
    "name": "Content Builder",
    "parentId": 0,
    "categoryType": "asset",
}


def list_categories(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /asset/v1/content/categories: one folder holds all e-mails."""
    return JSONResponse(paged(request, [_category(sandbox, token)]))


def get_category(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /asset/v1/content/categories/{id}."""
    if request.path_params["id"] != str(_CATEGORY["id"]):
        raise not_found()
    return JSONResponse(_category(sandbox, token))


def _category(sandbox: Sandbox, token: Token) -> dict[str, Any]:
    return {**_CATEGORY, "enterpriseId": sandbox.tenant.units[0].mid, "memberId": token.mid}


def get_asset(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /asset/v1/content/assets/{id}: with its views' content."""
    for row in _emails(sandbox, token):
        asset = _asset(row)
        if str(asset["id"]) == request.path_params["id"]:
            body = f"<html><body><h1>{row[1]}</h1><p>%%emailaddr%%</p></body></html>"
            asset["views"] = {
                "html": {"content": body},
                "subjectline": {"content": row[2]},
                "preheader": {"content": row[1]},
            }
            return JSONResponse(asset)
    raise not_found()


def _emails(sandbox: Sandbox, token: Token) -> list[tuple[int, str, str]]:
    return (
        sandbox.tenant.db.cursor()
        .execute(
            "SELECT email_id, min(email_name), min(subject) FROM job WHERE mid = ? "
            "GROUP BY 1 ORDER BY 1",
            [token.mid],
        )
        .fetchall()
    )


def _asset(row: tuple[int, str, str]) -> dict[str, Any]:
    kind = 207 + row[0] % 3
    return {
        "id": 40_000 + row[0],
        "customerKey": f"email-{row[0]}",
        "assetType": {"id": kind, "name": _EMAILS[kind], "displayName": _EMAILS[kind]},
        "name": row[1],
        "legacyData": {"legacyId": row[0], "legacyKey": f"email-{row[0]}"},
    }
