"""A data extension with one row per key, as a rule the subscriber's: read, upserted, deleted.

Upserts go over REST in the background, up to 2,500 rows a call; deletes over SOAP, the documented
way to remove a row by its key. Both may be repeated: the second time changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bouncelens.bounce import Account
from bouncelens.errors import PageLost, SignInRefused, SourceError
from bouncelens.extract.envelope import Change, Changed, Content, OneOf, write_change
from bouncelens.extract.limits import Patience
from bouncelens.extract.objects import Objects, extension
from bouncelens.extract.rest import Rest, RestCall
from bouncelens.extract.rowset import RowsetEnded, RowsetReader, source_of
from bouncelens.extract.signin import SignIn
from bouncelens.extract.soap_call import PACKAGE_ADVICE, SoapCall, SoapCaller, clean
from bouncelens.extract.wire import Wire

KEY = "SubscriberKey"
_AT_ONCE = 2500  # rows of an upsert
_DELETED_AT_ONCE = 50  # objects of a synchronous call
_STARTS = 3
_LIMIT_S = 15 * 60.0
_SCOPE = "Data Extensions: Write"
_NO_SCOPE = "11"

Row = Mapping[str, str]
Column = tuple[str, str, int]  # name, type, length


@dataclass(frozen=True, slots=True)
class Keyed:
    """What such data extensions are like: the column of the key, and what to do where one cannot
    be read."""

    by: str = KEY
    advice: str = ""


class KeyedRows:
    """Data extensions of one tenant that hold a row per key."""

    def __init__(
        self,
        sign_in: SignIn,
        wire: Wire,
        patience: Patience,
        *,
        poll_s: float = 1.0,
        keyed: Keyed = Keyed(),
    ) -> None:
        self._named = keyed.by
        self._rest, self._patience = Rest(sign_in, wire, patience), patience
        self._objects = Objects(sign_in, wire, patience)
        self._caller = SoapCaller(sign_in, wire)
        self._reader = RowsetReader(self._rest, advice=keyed.advice)
        self._poll_s = poll_s

    def exists(self, account: Account, key: str) -> bool:
        """Whether there is a data extension of that external key."""
        where = OneOf("CustomerKey", (key,))
        return bool(self._objects.find(account, "DataExtension", ("CustomerKey",), where))

    def look(self, account: Account, key: str) -> None:
        """Read a little of it. Raises SourceError where it cannot be read, SignInRefused."""
        with suppress(RowsetEnded, StopIteration):
            next(self._reader.pages(account, key))

    def lacks(self, account: Account, key: str, columns: Sequence[Column]) -> list[str]:
        """Which of the columns it has not. Raises SourceError, SignInRefused."""
        where = OneOf("DataExtension.CustomerKey", (key,))
        rows = self._objects.find(account, "DataExtensionField", ("Name",), where)
        there = {(row.get("Name") or "").lower() for row in rows}
        return [name for name, _, _ in columns if name.lower() not in there]

    def make(self, account: Account, key: str, columns: Sequence[Column], *, about: str) -> None:
        """Make it; that somebody else did so in between is no failure."""
        content = extension(key, columns, about=about, keys=(self._named,))
        try:
            self._objects.change(account, Change("Create", "DataExtension", content))
        except SourceError:
            if not self.exists(account, key):
                raise

    def read(self, account: Account, key: str, columns: Sequence[Column]) -> dict[str, Row]:
        """All rows by their key, with the columns named as given. Raises SourceError."""
        names = {name.lower(): name for name, _, _ in columns}
        for _ in range(_STARTS):
            try:
                return {
                    cells[self._named]: cells
                    for page in self._reader.pages(account, key)
                    for row in page.rows
                    if (cells := _cells(row, names)).get(self._named)
                }
            except RowsetEnded:
                continue
        detail = f"its rows changed while they were read, {_STARTS} times in a row."
        raise SourceError(source_of(account, key), detail, may_retry=True)

    def put(self, account: Account, key: str, rows: Sequence[Row]) -> dict[str, str]:
        """Insert or update; the keys of rows that were refused, each with the words."""
        refused = dict[str, str]()
        for part in _parts(rows, _AT_ONCE):
            refused |= self._patience.call(lambda part=part: self._upsert(account, key, part))  # type: ignore[misc]
        return refused

    def drop(self, account: Account, key: str, keys: Sequence[str]) -> None:
        """Delete the rows of these keys; that one is not there is no failure."""
        for part in _parts(keys, _DELETED_AT_ONCE):
            objects = [_one(key, self._named, one) for one in part]
            change = Change("Delete", "DataExtensionObject", objects[0], more=tuple(objects[1:]))
            self._patience.call(lambda change=change: self._delete(account, key, change))  # type: ignore[misc]

    def _upsert(self, account: Account, key: str, rows: Sequence[Row]) -> dict[str, str]:
        source = source_of(account, key)
        path = f"data/v1/async/dataextensions/key:{quote(key, safe='')}/rows"
        call = RestCall("PUT", path, source, _SCOPE, {"items": [dict(row) for row in rows]})
        request = str(_object(self._rest.ask(account, call)).get("requestId") or "")
        if not request:
            raise PageLost(source, "the answer has no request id.")
        state = self._wait(account, source, request)
        if not state.get("hasErrors"):
            return {}
        path = f"data/v1/async/{quote(request, safe='')}/results"
        said = _object(self._rest.ask(account, RestCall("GET", path, source, _SCOPE)))
        items = said.get("items")
        if not isinstance(items, list) or len(items) != len(rows):
            return {}  # reading back tells which
        return {
            row[self._named]: clean(str(_object(item).get("message") or "refused without words"))
            for row, item in zip(rows, items, strict=True)
            if str(_object(item).get("status")).upper() != "OK"
        }

    def _wait(self, account: Account, source: str, request: str) -> Mapping[str, Any]:
        """The request's state when it is over. Raises SourceError."""
        path = f"data/v1/async/{quote(request, safe='')}/status"
        began, pause_s = time.monotonic(), 0.05
        while True:
            said = _object(self._rest.ask(account, RestCall("GET", path, source, _SCOPE)))
            state = _object(said.get("status"))
            if state.get("requestStatus") in ("Complete", "Error"):
                return state
            if time.monotonic() - began > _LIMIT_S:
                detail = f"rows sent {_LIMIT_S / 60:.0f} minutes ago are still not written."
                raise SourceError(source, detail, may_retry=False, advice="Run it again later.")
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, self._poll_s)

    def _delete(self, account: Account, key: str, change: Change) -> None:
        source = source_of(account, key)
        asked = SoapCall("Delete", lambda token: write_change(change, token), source, _SCOPE)
        said = self._caller.call(account, asked)
        if not isinstance(said, Changed):
            raise PageLost(source, "the answer is one to another call.")
        # Other refusals say that a row is not there. What is still there shows when it is read.
        if said.code == _NO_SCOPE or "permission failed" in said.message.lower():
            advice = PACKAGE_ADVICE.format(scope=_SCOPE)
            raise SignInRefused(f"{source}: {clean(said.message)}.", advice=advice)


def _cells(row: Mapping[str, str | None], names: Mapping[str, str]) -> dict[str, str]:
    return {
        names[name.lower()]: value or "" for name, value in row.items() if name.lower() in names
    }


def _one(extension_key: str, name: str, key: str) -> Content:
    pair: Content = (("Name", name), ("Value", key))
    return (("CustomerKey", extension_key), ("Keys", (("Key", pair),)))


def _object(said: object) -> Mapping[str, Any]:
    return said if isinstance(said, dict) else {}


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
