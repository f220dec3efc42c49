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
        return read_json(request.state.body)
    except ValueError as problem:
        raise RestError(400, 10004, "The request body is not valid JSON.") from problem


def read_json(body: bytes) -> Any:
    """JSON that can be written again: no half characters, no NaN. Raises ValueError."""

    def no_number(text: str) -> None:
        raise ValueError(f"{text} is no number of JSON")

    try:
        content = json.loads(body, parse_constant=no_number)
    except RecursionError as problem:
        raise ValueError("nested too deeply") from problem
    if b"\\ud" in body or b"\\uD" in body:  # perhaps half of a pair
        json.dumps(content, ensure_ascii=False).encode()
    return content


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


def whole(content: dict[str, Any], name: str, default: int = 0) -> int:
    """A field that is a whole number, as number or text, or nothing. Raises RestError 10001."""
    value = content.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 10**9:
        raise RestError(400, 10001, f"The field {name} must be a whole number.")
    return int(value)


def asked(request: Request, name: str) -> str:
    """A parameter of the query; like paths, their names do not tell upper from lower case."""
    wanted = name.lower()
    return next((v for k, v in request.query_params.multi_items() if k.lower() == wanted), "")


def page_of(request: Request, *, default: int, most: int) -> tuple[int, int]:
    """`$page` and `$pageSize`, the latter capped as the platform caps it."""
    values = []
    for name, fallback in (("$page", 1), ("$pageSize", default)):
        text = asked(request, name)
        is_number = text.isdecimal() and len(text) < 7 and int(text) > 0
        values.append(int(text) if is_number else fallback)
    return values[0], min(values[1], most)


def paged(request: Request, items: list[Any], *, default: int = 50, most: int = 50,
          name: str = "items") -> dict[str, Any]:  # fmt: skip
    """The list shape {count, page, pageSize, items}."""
    page, size = page_of(request, default=default, most=most)
    part = items[(page - 1) * size : page * size]
    return {"count": len(items), "page": page, "pageSize": size, name: part}
