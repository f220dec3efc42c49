"""E-mails as assets: lists without content, one with it, and the folder they lie in (3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from sfmc_sandbox.wire.asset_query import condition, sorted_by
from sfmc_sandbox.wire.rest_answer import RestError, not_found
from sfmc_sandbox.wire.rest_body import object_body, paged, whole

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

_EMAILS = {207: "templatebasedemail", 208: "htmlemail", 209: "textonlyemail"}
_MOST = 50
# A list's items have these whatever its `fields` say.
_ALWAYS = {"id", "customerKey", "name", "assetType", "legacyData"}
_USER = {"id": 12345, "email": "", "name": "sandbox", "userId": "12345"}
_CATEGORY = {
    "id": 1003,
    "description": "",
    "enterpriseId": 0,
    "memberId": 0,
    "name": "Content Builder",
    "parentId": 0,
    "categoryType": "asset",
}


def query_assets(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """POST /asset/v1/content/assets/query: the tenant's e-mails, without content."""
    content = object_body(request)
    page = content.get("page") or {}
    if not isinstance(page, dict):
        raise RestError(400, 10003, "The field page must be an object.")
    number, size = whole(page, "page", 1), whole(page, "pageSize", _MOST)
    if number < 1 or size < 1:
        raise RestError(400, 10005, "page and pageSize must be positive numbers.")
    size = min(size, _MOST)
    fits = condition(content.get("query"))
    items = [asset for asset in map(_asset, _emails(sandbox, token)) if fits(asset)]
    items = sorted_by(content.get("sort"), items)
    part = items[(number - 1) * size : number * size]
    if fields := content.get("fields"):
        if not isinstance(fields, list):
            raise RestError(400, 10003, "The field fields must be a list.")
        wanted = _ALWAYS | set(map(str, fields))
        part = [{k: v for k, v in asset.items() if k in wanted} for asset in part]
    return JSONResponse({"count": len(items), "page": number, "pageSize": size, "items": part})


def list_assets(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /asset/v1/content/assets: the same e-mails, by `$page` and `$pageSize`."""
    return JSONResponse(paged(request, [_asset(row) for row in _emails(sandbox, token)]))


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


def _emails(sandbox: Sandbox, token: Token) -> list[tuple[int, str, str, datetime]]:
    return (
        sandbox.tenant.db.cursor()
        .execute(
            "SELECT email_id, min(email_name), min(subject), min(start_time) FROM job "
            "WHERE mid = ? GROUP BY 1 ORDER BY 1",
            [token.mid],
        )
        .fetchall()
    )


def _asset(row: tuple[int, str, str, datetime]) -> dict[str, Any]:
    kind = 207 + row[0] % 3
    moment = row[3].isoformat(timespec="milliseconds") + "-06:00"
    return {
        "id": 40_000 + row[0],
        "customerKey": f"email-{row[0]}",
        "assetType": {"id": kind, "name": _EMAILS[kind], "displayName": _EMAILS[kind]},
        "name": row[1],
        "createdDate": moment,
        "createdBy": _USER,
        "modifiedDate": moment,
        "modifiedBy": _USER,
        "status": {"id": 4, "name": "Published"},
        "category": {"id": _CATEGORY["id"], "name": _CATEGORY["name"], "parentId": 0},
        "legacyData": {"legacyId": row[0], "legacyKey": f"email-{row[0]}"},
    }
