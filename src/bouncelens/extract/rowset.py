"""Rows of a data extension over REST: the denominators that an automation keeps in the tenant.

A page is addressed by its number, so a lost one is simply asked for again. The rowset's own token
ends before long: then the reading starts over, and nothing of the first go is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from bouncelens.bounce import SEND_FIELDS, Account, arrow_schema
from bouncelens.errors import InputInvalid, SignInRefused, SourceError
from bouncelens.extract.columns import place
from bouncelens.extract.limits import Patience
from bouncelens.extract.rows import coalesced, read_rows
from bouncelens.extract.signin import SignIn
from bouncelens.extract.wire import Answer, Call, Wire

if TYPE_CHECKING:
    import pyarrow as pa

_PAGE_SIZE = 2500
_STARTS = 3  # a rowset's token may end midway; more than this means it never fits into its life
_FIRST = "data/v1/customobjectdata/key/{key}/rowset?$page=1&$pageSize={size}"
_ADVICE = "Check sends.data_extension: it wants the external key, not the name, in this account."
_SCOPE_ADVICE = (
    "In Setup > Apps > Installed Packages, open the package and tick Data Extensions: Read."
)


class _RowsetEnded(Exception):
    """The rowset changed or its token ended between two pages."""


class RowsetSource:
    """Reads one data extension, account by account."""

    def __init__(
        self, sign_in: SignIn, wire: Wire, key: str, *, patience: Patience | None = None
    ) -> None:
        self._sign_in, self._wire, self._key = sign_in, wire, key
        self._patience = patience or Patience()

    def sends(self, account: Account) -> pa.Table:
        """Sent counts per job, domain and day: rows of SEND_FIELDS.

        Raises SourceError when the data extension cannot be read to its end, or a row of it not
        at all: a denominator may not lack in silence.
        """
        import pyarrow as pa

        rows = self.rows(account)
        if not rows:
            return arrow_schema(SEND_FIELDS).empty_table()
        header = tuple(dict.fromkeys(name for row in rows for name in row))
        source = self._source(account)
        try:
            columns = place(source, header, "sends", given=("account",))
        except InputInvalid as error:
            raise SourceError(source, error.message, may_retry=False, advice=_ADVICE) from error
        cells = {
            field: coalesced([[row.get(header[i]) for row in rows] for i in places])
            for field, places in columns.places.items()
        }
        given = {"account": account.mid, "domain": ""}
        needed = ("job", "day", "sent")
        reading = read_rows(cells, len(rows), SEND_FIELDS, needed=needed, given=given)
        if reading.unreadable:
            first = next(iter(reading.unreadable.values()))
            detail = f"{len(reading.unreadable)} of {len(rows)} rows cannot be read ({first})."
            raise SourceError(source, detail, may_retry=False)
        return summed(pa.Table.from_batches([reading.batch]))

    def rows(self, account: Account) -> list[Mapping[str, str | None]]:
        """All rows as they are now, keys and values together, names as the server wrote them."""
        for _ in range(_STARTS):
            try:
                return list(self._read(account))
            except _RowsetEnded:
                continue
        raise SourceError(
            self._source(account),
            f"the rowset ended or changed midway, {_STARTS} times in a row.",
            may_retry=True,
        )

    def _read(self, account: Account) -> Iterator[Mapping[str, str | None]]:
        path: str | None = _FIRST.format(key=quote(self._key, safe=""), size=_PAGE_SIZE)
        is_first, read, total = True, 0, None
        while path:
            ask = partial(self._page, account, path, is_first=is_first)
            page = self._patience.call(ask)
            items, count = page.get("items") or [], page.get("count")
            if is_first:
                total = count if isinstance(count, int) else None
            for item in items if isinstance(items, list) else []:
                read += 1
                yield _row(item)
            path = self._next(account, page) if items else None
            is_first = False
        if total is not None and read != total:
            raise _RowsetEnded

    def _page(self, account: Account, path: str, *, is_first: bool) -> Mapping[str, Any]:
        source = self._source(account)
        token = self._sign_in.token(account.mid)
        answer = self._get(token.rest_url + path, token.access, source)
        if answer.status == 401:
            token = self._sign_in.renew(account.mid, token)
            answer = self._get(token.rest_url + path, token.access, source)
        if answer.status == 200:
            page = _json(answer)
            if page is None:
                raise SourceError(source, "the answer is not JSON.", may_retry=True)
            return page
        if answer.status in (400, 404, 410) and not is_first:
            raise _RowsetEnded
        raise _error(answer, source)

    def _get(self, url: str, access: str, source: str) -> Answer:
        headers = {"Authorization": f"Bearer {access}", "Accept": "application/json"}
        return self._wire.send(Call("GET", url, headers), source=source)

    def _next(self, account: Account, page: Mapping[str, Any]) -> str | None:
        """The path of the next page; the server's link lacks the leading /data.

        Our bearer token goes where it leads, so nothing but a path of this API is followed.
        """
        links = page.get("links")
        link = links.get("next") if isinstance(links, dict) else None
        if not link:
            return None
        parts = urlsplit(str(link))
        path = parts.path.removeprefix("/data")
        is_ours = not parts.scheme and not parts.netloc and path.startswith("/v1/customobjectdata/")
        if not is_ours or ".." in path or "\\" in path:
            raise SourceError(
                self._source(account), "its next link leads somewhere else.", may_retry=False
            )
        return f"data{path}" + (f"?{parts.query}" if parts.query else "")

    def _source(self, account: Account) -> str:
        return f"Data extension {self._key!r}, account {account.mid}"


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


def _row(item: object) -> Mapping[str, str | None]:
    row: dict[str, str | None] = {}
    for part in ("keys", "values"):
        cells = item.get(part) if isinstance(item, dict) else None
        for name, value in (cells if isinstance(cells, dict) else {}).items():
            if value is None or isinstance(value, str | int | float):
                row[str(name)] = None if value is None else str(value)
    return row


def _json(answer: Answer) -> dict[str, Any] | None:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _error(answer: Answer, source: str) -> Exception:
    said = (_json(answer) or {}).get("message")
    words = "".join(c for c in str(said) if c.isprintable())[:200] if said else ""
    detail = f"HTTP {answer.status}" + (f": {words.rstrip('.')}." if words else ".")
    if answer.status == 401:
        return SignInRefused(f"{source}: a new token was refused too.")
    if answer.status == 403:
        return SignInRefused(f"{source}: {detail}", advice=_SCOPE_ADVICE)
    return SourceError(
        source,
        detail,
        may_retry=answer.status in (408, 425, 429) or answer.status >= 500,
        retry_after_s=answer.retry_after_s(),
        advice=_ADVICE if answer.status in (400, 404) else "",
    )
