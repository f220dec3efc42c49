"""Open retrieves: a page is found again by the id of the page before it.

Rows come out of the database as finished text, in chunks; a page asked for twice is the same page.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    import duckdb

PAGE_ROWS = 2500  # Marketing Cloud's maximum
_CHUNK_PAGES = 20
_MAX_OPEN = 500


@dataclass(slots=True)
class Query:
    """Rows of text in the order of a key. `sql` selects (key, text) with `{after}` to fill in."""

    sql: str
    parameters: list[object]
    page_rows: int = PAGE_ROWS
    _first: int = -1  # the chunk holds the rows after this key
    _chunk: list[tuple[int, str]] = field(default_factory=list)
    _is_last: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def page(self, db: duckdb.DuckDBPyConnection, after: int | None) -> Slice:
        """The rows after a key; None is the beginning."""
        with self._lock:
            place = self._place(after)
            if place is None or (len(self._chunk) - place <= self.page_rows and not self._is_last):
                self._load(db, after)
                place = 0
            rows = self._chunk[place : place + self.page_rows]
            more = place + self.page_rows < len(self._chunk)
        return Slice([row[1] for row in rows], rows[-1][0] if rows else None, more)

    def _place(self, after: int | None) -> int | None:
        if not self._chunk and not self._is_last:
            return None
        if after is None:
            return 0 if self._first == -1 else None
        if after == self._first:
            return 0
        low, high = 0, len(self._chunk)
        while low < high:
            middle = (low + high) // 2
            if self._chunk[middle][0] < after:
                low = middle + 1
            else:
                high = middle
        if low < len(self._chunk) and self._chunk[low][0] == after:
            return low + 1
        return None

    def _load(self, db: duckdb.DuckDBPyConnection, after: int | None) -> None:
        limit = self.page_rows * _CHUNK_PAGES + 1
        self._first = -1 if after is None else after
        rows = db.execute(self.sql, [*self.parameters, self._first, limit]).fetchall()
        self._is_last = len(rows) < limit
        self._chunk = rows


@dataclass(frozen=True, slots=True)
class Slice:
    """One page."""

    rows: list[str]
    last: int | None  # key of its last row
    more: bool


@dataclass(frozen=True, slots=True)
class Open:
    """Where an open retrieve goes on."""

    query: Query
    after: int | None
    before: int | None  # where the page before it began
    mid: int
    object_type: str


@dataclass(slots=True)
class Pages:
    """The open retrieves by request id, oldest forgotten first."""

    _open: OrderedDict[str, Open] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, entry: Open) -> str:
        """The request id under which the next page is found."""
        request_id = str(uuid4())
        with self._lock:
            self._open[request_id] = entry
            while len(self._open) > _MAX_OPEN:
                self._open.popitem(last=False)
        return request_id

    def find(self, request_id: str) -> Open | None:
        """The open retrieve of a request id."""
        return self._open.get(request_id)

    def forget_all(self) -> None:
        """As after a time-out on the server's side."""
        with self._lock:
            self._open.clear()
