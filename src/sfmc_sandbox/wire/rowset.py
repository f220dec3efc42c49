"""Rows of a data extension over REST, paged by a token (fact sheet 3)."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import duckdb
from starlette.responses import JSONResponse

from sfmc_sandbox.wire import rowset_query
from sfmc_sandbox.wire.rest_answer import RestError, not_found
from sfmc_sandbox.wire.rest_body import asked

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sfmc_sandbox.extensions import DataExtension, Field
    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

_DEFAULT_ROWS, _MAX_ROWS = 50, 2500
_TOKEN_LIFE = timedelta(minutes=30)
_MAX_OPEN = 200
_PAGES_AHEAD = 8
_NOT_VALID = "The request token is not valid or has expired."


@dataclass(slots=True)
class Rowset:
    """What a request token stands for."""

    token: str
    mid: int
    extension: DataExtension
    columns: tuple[Field, ...]
    condition: str
    parameters: list[object]
    order: str
    page_rows: int
    count: int
    expires: datetime
    chunk_start: int = 0  # offset of the rows that were read ahead
    chunk: list[tuple[str, ...]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(slots=True)
class Rowsets:
    """The open rowsets, oldest forgotten first."""

    _open: OrderedDict[str, Rowset] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, rowset: Rowset) -> None:
        """Remembers a rowset for its next pages."""
        with self._lock:
            self._open[rowset.token] = rowset
            while len(self._open) > _MAX_OPEN:
                self._open.popitem(last=False)

    def find(self, token: str) -> Rowset | None:
        """The rowset of a request token, while it lives."""
        found = self._open.get(token)
        return found if found and found.expires > datetime.now(UTC) else None


def by_key(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /data/v1/customobjectdata/key/{key}/rowset: the first page, and a token for the rest."""
    extension = sandbox.extensions.find(token.mid, request.path_params["key"])
    if extension is None:
        raise not_found()
    rowset = _open(sandbox, token, request, extension)
    sandbox.rowsets.keep(rowset)
    return _page(sandbox, rowset, _number(request, "$page", 1))


def by_token(sandbox: Sandbox, token: Token, request: Request) -> Response:
    """GET /data/v1/customobjectdata/token/{token}/rowset: a further page."""
    rowset = sandbox.rowsets.find(request.path_params["token"])
    expired = sandbox.trouble.strikes("page-expires")
    if rowset is None or rowset.mid != token.mid or expired:
        raise RestError(400, 10005, _NOT_VALID)
    return _page(sandbox, rowset, _number(request, "$page", 1))


def _open(sandbox: Sandbox, token: Token, request: Request, extension: DataExtension) -> Rowset:
    parameters: list[object] = []
    condition = "true"
    if text := asked(request, "$filter"):
        condition = rowset_query.where(text, extension, parameters)
    by = asked(request, "$orderBy")
    order = rowset_query.order(by, extension) if by else "rowid"
    columns = extension.fields
    if names := asked(request, "$fields"):
        chosen = [rowset_query.known_field(extension, name) for name in names.split(",")]
        columns = tuple(f for f in extension.fields if f.is_key or f in chosen)
    try:
        counted = sandbox.tenant.db.cursor().execute(
            f"SELECT count(*) FROM {extension.table} WHERE {condition}",  # noqa: S608
            parameters,
        )
        count = int((counted.fetchone() or (0,))[0])
    except duckdb.Error as problem:
        raise RestError(400, 10001, "A value of the filter has the wrong data type.") from problem
    return Rowset(
        str(uuid4()), token.mid, extension, columns, condition, parameters, order,
        min(_number(request, "$pageSize", _DEFAULT_ROWS), _MAX_ROWS), count,
        datetime.now(UTC) + _TOKEN_LIFE,
    )  # fmt: skip


def _number(request: Request, name: str, default: int) -> int:
    text = asked(request, name)
    if not text:
        return default
    if not text.isdecimal() or len(text) > 9 or not int(text):
        raise RestError(400, 10005, f"{name} must be a positive number.")
    return int(text)


def _rows(sandbox: Sandbox, rowset: Rowset, offset: int) -> list[tuple[str, ...]]:
    """A page's rows; the pages after it are read ahead, since a far offset costs time."""
    size = rowset.page_rows
    with rowset.lock:
        place = offset - rowset.chunk_start
        if not 0 <= place < len(rowset.chunk):
            names = ", ".join(_text_of(column) for column in rowset.columns)
            text = (
                f"SELECT {names} FROM {rowset.extension.table} "  # noqa: S608
                f"WHERE {rowset.condition} ORDER BY {rowset.order} LIMIT ? OFFSET ?"
            )
            values = [*rowset.parameters, size * _PAGES_AHEAD, offset]
            try:
                rowset.chunk = sandbox.tenant.db.cursor().execute(text, values).fetchall()
            except duckdb.Error as problem:  # the data extension is gone meanwhile
                raise RestError(400, 10005, _NOT_VALID) from problem
            rowset.chunk_start, place = offset, 0
        return rowset.chunk[place : place + size]


def _page(sandbox: Sandbox, rowset: Rowset, number: int) -> Response:
    rows = _rows(sandbox, rowset, (number - 1) * rowset.page_rows)
    base = f"/v1/customobjectdata/token/{rowset.token}/rowset?$page="
    links = {"self": f"{base}{number}"}
    if number * rowset.page_rows < rowset.count:
        links["next"] = f"{base}{number + 1}"
    if number > 1:
        links["previous"] = f"{base}{number - 1}"
    content: dict[str, Any] = {
        "links": links,
        "requestToken": rowset.token,
        "tokenExpireDateUtc": rowset.expires.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
        "customObjectId": rowset.extension.object_id,
        "customObjectKey": rowset.extension.key,
        "pageSize": rowset.page_rows,
        "page": number,
        "count": rowset.count,
        "top": rowset.count,
    }
    if rows:  # an empty page has no items at all (fact sheet 3)
        content["items"] = _items(rowset, rows)
    return JSONResponse(content)


def _items(rowset: Rowset, rows: list[tuple[str, ...]]) -> list[dict[str, dict[str, str]]]:
    keys = [(n, c.name.lower()) for n, c in enumerate(rowset.columns) if c.is_key]
    values = [(n, c.name.lower()) for n, c in enumerate(rowset.columns) if not c.is_key]
    return [
        {"keys": {name: row[n] for n, name in keys}, "values": {name: row[n] for n, name in values}}
        for row in rows
    ]


def _text_of(column: Field) -> str:
    """SQL for a value as REST writes it: everything is text, dates as in the United States."""
    name = column.quoted
    if column.type == "Date":
        return f"coalesce(strftime({name}, '%-m/%-d/%Y %-I:%M:%S %p'), '')"
    if column.type == "Boolean":
        return f"CASE {name} WHEN true THEN 'True' WHEN false THEN 'False' ELSE '' END"
    return f"coalesce(CAST({name} AS VARCHAR), '')"
