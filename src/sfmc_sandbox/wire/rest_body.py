"""JSON bodies of REST calls, read with REST's own complaints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sfmc_sandbox.wire.rest_answer import RestError

if TYPE_CHECKING:
    from starlette.requests import Request


def any_body(request: Request) -> Any:
    """Whatever JSON the body holds. Raises RestError 10004."""
    try:
        return json.loads(request.state.body)
    except (ValueError, RecursionError) as problem:
        raise RestError(400, 10004, "The request body is not valid JSON.") from problem


def object_body(request: Request) -> dict[str, Any]:
    """The object in the body. Raises RestError."""
    content = any_body(request)
    if not isinstance(content, dict):
        raise RestError(400, 10003, "The request body must be a JSON object.")
    return content


def list_body(request: Request) -> list[dict[str, Any]]:
    """The list of objects in the body. Raises RestError."""
    content = any_body(request)
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise RestError(400, 10003, "The request body must be a JSON array of objects.")
    return content


def need(content: dict[str, Any], *names: str) -> None:
    """Raises RestError 10002 for the first field that is missing or empty."""
    for name in names:
        if content.get(name) in (None, ""):
            raise RestError(400, 10002, f"The field {name} is required.")


def whole(content: dict[str, Any], name: str) -> int:
    """A field that is a whole number or nothing. Raises RestError 10001."""
    value = content.get(name) or 0
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or abs(value) >= 10**9:
        raise RestError(400, 10001, f"The field {name} must be a whole number.")
    return int(value)


def page_of(request: Request, *, default: int, most: int) -> tuple[int, int]:
    """`$page` and `$pageSize`, the latter capped as the platform caps it."""
    values = []
    for name, fallback in (("$page", 1), ("$pageSize", default)):
        text = request.query_params.get(name, "")
        values.append(int(text) if text.isdigit() and 0 < int(text) < 10**6 else fallback)
    return values[0], min(values[1], most)


def paged(request: Request, items: list[Any], *, default: int = 50, most: int = 50,
          name: str = "items") -> dict[str, Any]:  # fmt: skip
    """The list shape {count, page, pageSize, items}."""
    page, size = page_of(request, default=default, most=most)
    part = items[(page - 1) * size : page * size]
    return {"count": len(items), "page": page, "pageSize": size, name: part}
