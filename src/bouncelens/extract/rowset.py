"""Rows of a data extension over REST, paged: what an automation keeps there, what a query wrote.

A page is addressed by its number, so a lost one is simply asked for again. The rowset's own token
ends before long: then the reading starts over, and nothing of the first go is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from bouncelens.bounce import SEND_FIELDS, Account, arrow_schema
from bouncelens.errors import InputInvalid, SourceError
from bouncelens.extract.columns import place
from bouncelens.extract.limits import Patience
from bouncelens.extract.rest import Rest, RestCall, refusal
from bouncelens.extract.rows import coalesced, read_rows
from bouncelens.extract.signin import SignIn
from bouncelens.extract.wire import Wire

if TYPE_CHECKING:
    import pyarrow as pa

_PAGE_SIZE = 2500
_PAGES_AT_ONCE = 2  # the gate may let fewer through
_STARTS = 3  # a rowset's token may end midway; more than this means it never fits into its life
_FIRST = "data/v1/customobjectdata/key/{key}/rowset?$page=1&$pageSize={size}"
_ADVICE = "Check sends.data_extension: it wants the external key, not the name, in this account."
_SCOPE = "Data Extensions: Read"

Row = Mapping[str, str | None]


class RowsetEnded(Exception):
    """The rowset changed or its token ended between two pages."""


@dataclass(frozen=True, slots=True)
class RowsetPage:
    """Some rows, names as the server wrote them, and how many it says there are in all."""

    rows: tuple[Row, ...]
    count: int | None


class RowsetReader:
    """Reads data extensions page by page."""

    def __init__(self, rest: Rest, *, advice: str = "") -> None:
        self._rest, self._advice = rest, advice

    def pages(self, account: Account, key: str) -> Iterator[RowsetPage]:
        """Its pages, as it is now; one without rows where it is empty.

        Raises RowsetEnded when it ended or changed midway, SourceError, SignInRefused.
        """
        source = source_of(account, key)
        first = self._page(account, _FIRST.format(key=quote(key, safe=""), size=_PAGE_SIZE), source)
        count = first.get("count")
        total = count if isinstance(count, int) else None
        rows = _rows(first)
        read = len(rows)
        yield RowsetPage(rows, total)
        for said in self._further(account, first, source):
            rows = _rows(said)
            read += len(rows)
            yield RowsetPage(rows, total)
        if total is not None and read != total:
            raise RowsetEnded

    def _further(
        self, account: Account, first: Mapping[str, Any], source: str
    ) -> Iterator[Mapping[str, Any]]:
        """The pages after the first, in order. Their numbers are known, so a few are asked for
        while one is read."""
        path, size = _next(first, source) if _rows(first) else None, len(_rows(first))
        if path is None:
            return
        ask = partial(self._page, account, source=source, is_first=False)
        last = -(-int(first["count"]) // size) if isinstance(first.get("count"), int) else 2
        if not path.endswith("$page=2"):
            while path:  # addressed in another way: one after the other
                said = ask(path)
                yield said
                path = _next(said, source) if _rows(said) else None
            return
        with ThreadPoolExecutor(_PAGES_AT_ONCE) as pool:
            waiting = deque[Future[Mapping[str, Any]]]()
            try:
                for number in range(2, last + 1):
                    waiting.append(pool.submit(ask, f"{path.removesuffix('2')}{number}"))
                    if len(waiting) > _PAGES_AT_ONCE:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _page(
        self, account: Account, path: str, source: str, *, is_first: bool = True
    ) -> Mapping[str, Any]:
        call = RestCall("GET", path, source, _SCOPE)
        answer = self._rest.answer(account, call)
        if answer.status == 200:
            said = answer.said
            if not isinstance(said, dict):
                raise SourceError(source, "the answer is not JSON.", may_retry=True)
            return said
        if answer.status in (400, 404, 410) and not is_first:
            raise RowsetEnded
        advice = self._advice if answer.status in (400, 404) else ""
        raise refusal(answer, call, advice=advice)


class RowsetSource:
    """Sent counts out of one data extension, account by account."""

    def __init__(
        self, sign_in: SignIn, wire: Wire, key: str, *, patience: Patience | None = None
    ) -> None:
        rest = Rest(sign_in, wire, patience or Patience())
        self._reader, self._key = RowsetReader(rest, advice=_ADVICE), key

    def sends(self, account: Account) -> pa.Table:
        """Sent counts per job, domain and day: rows of SEND_FIELDS.

        Raises SourceError when the data extension cannot be read to its end, or a row of it not
        at all: a denominator may not lack in silence.
        """
        return read_sends(self.rows(account), source_of(account, self._key), account)

    def rows(self, account: Account) -> list[Row]:
        """All rows as they are now, keys and values together, names as the server wrote them."""
        for _ in range(_STARTS):
            try:
                return [row for page in self._reader.pages(account, self._key) for row in page.rows]
            except RowsetEnded:
                continue
        raise SourceError(
            source_of(account, self._key),
            f"the rowset ended or changed midway, {_STARTS} times in a row.",
            may_retry=True,
        )


def source_of(account: Account, key: str) -> str:
    """The name of a data extension in errors."""
    return f"Data extension {key!r}, account {account.mid}"


def read_sends(rows: Sequence[Row], source: str, account: Account) -> pa.Table:
    """Sent counts out of rows (SEND_FIELDS), added up. Raises SourceError for unreadable ones."""
    import pyarrow as pa

    if not rows:
        return arrow_schema(SEND_FIELDS).empty_table()
    try:
        cells = cells_of(rows, source, "sends")
    except InputInvalid as error:
        raise SourceError(source, error.message, may_retry=False, advice=_ADVICE) from error
    given = {"account": account.mid, "domain": ""}
    needed = ("job", "day", "sent")
    reading = read_rows(cells, len(rows), SEND_FIELDS, needed=needed, given=given)
    if reading.unreadable:
        first = next(iter(reading.unreadable.values()))
        detail = f"{len(reading.unreadable)} of {len(rows)} rows cannot be read ({first})."
        raise SourceError(source, detail, may_retry=False)
    return summed(pa.Table.from_batches([reading.batch]))


def cells_of(rows: Sequence[Row], source: str, kind: str) -> dict[str, pa.Array[Any]]:
    """The rows' cells by our fields. Raises InputInvalid when a needed column is missing."""
    header = tuple(dict.fromkeys(name for row in rows for name in row))
    columns = place(source, header, kind, given=("account",))
    return {
        field: coalesced([[row.get(header[i]) for row in rows] for i in places])
        for field, places in columns.places.items()
    }


def summed(sends: pa.Table) -> pa.Table:
    """One row per account, job, domain and day: `sent` added up, domains in lower case."""
    import pyarrow.compute as pc

    written: Any = sends["domain"]
    domain: Any = pc.fill_null(pc.utf8_lower(written), "")
    sends = sends.set_column(sends.schema.names.index("domain"), "domain", domain)
    keys = ["account", "job", "domain", "day"]
    found = sends.group_by(keys).aggregate([("sent", "sum")])
    return (
        found.rename_columns([*keys, "sent"])
        .select([name for name, _, _ in SEND_FIELDS])
        .cast(arrow_schema(SEND_FIELDS))
    )


def _next(said: Mapping[str, Any], source: str) -> str | None:
    """The path of the next page; the server's link lacks the leading /data.

    Our bearer token goes where it leads, so nothing but a path of this API is followed.
    """
    links = said.get("links")
    link = links.get("next") if isinstance(links, dict) else None
    if not link:
        return None
    parts = urlsplit(str(link))
    path = parts.path.removeprefix("/data")
    is_ours = not parts.scheme and not parts.netloc and path.startswith("/v1/customobjectdata/")
    if not is_ours or ".." in path or "\\" in path:
        raise SourceError(source, "its next link leads somewhere else.", may_retry=False)
    return f"data{path}" + (f"?{parts.query}" if parts.query else "")


def _rows(said: Mapping[str, Any]) -> tuple[Row, ...]:
    items = said.get("items") or []
    return tuple(_row(item) for item in items) if isinstance(items, list) else ()


def _row(item: object) -> Row:
    row: dict[str, str | None] = {}
    for part in ("keys", "values"):
        cells = item.get(part) if isinstance(item, dict) else None
        for name, value in (cells if isinstance(cells, dict) else {}).items():
            if value is None or isinstance(value, str | int | float):
                row[str(name)] = None if value is None else str(value)
    return row
