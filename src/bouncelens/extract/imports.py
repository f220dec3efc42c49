"""Imports that were set up once in the tenant: started, awaited, counted.

An import is started as its definition, by ObjectID; ImportResultsSummary says how it went. A file
that has landed may be imported again: rows that are there already are only updated.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from bouncelens.bounce import Account
from bouncelens.errors import SourceError
from bouncelens.extract.envelope import Change, OneOf
from bouncelens.extract.limits import Patience
from bouncelens.extract.objects import Objects
from bouncelens.extract.signin import SignIn
from bouncelens.extract.soap_call import clean
from bouncelens.extract.wire import Wire

_COUNTS = ("TotalRows", "NumberSuccessful", "NumberDuplicated", "NumberErrors")
_SUMMARY = ("TaskResultID", "ImportStatus", *_COUNTS)
_RUNS = ("new", "processing", "iowork")
_FIRST_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Imported:
    """How many rows of the file were taken, came twice, were refused."""

    rows: int
    taken: int
    doubled: int
    refused: int


class Imports:
    """Runs import definitions of one tenant."""

    def __init__(
        self,
        sign_in: SignIn,
        wire: Wire,
        patience: Patience,
        *,
        limit_s: float = 3600.0,
        poll_s: float = 5.0,
    ) -> None:
        self._objects = Objects(sign_in, wire, patience)
        self._limit_s, self._poll_s = limit_s, poll_s

    def named(self, account: Account, key: str) -> str:
        """The definition's ObjectID. Raises SourceError where there is none."""
        where = OneOf("CustomerKey", (key,))
        found = self._objects.find(account, "ImportDefinition", ("ObjectID",), where)
        object_id = (found[0].get("ObjectID") if found else None) or ""
        if not object_id:
            advice = "Make it once in Marketing Cloud: docs/suppressions.md says how."
            raise SourceError(
                _source(account, key), "it is not there.", may_retry=False, advice=advice
            )
        return object_id

    def ready(self, account: Account, key: str) -> str:
        """The same, once no import of it runs any more. Raises SourceError."""
        source, object_id = _source(account, key), self.named(account, key)
        earlier = OneOf("ImportDefinitionCustomerKey", (key,))
        began, pause_s = time.monotonic(), _FIRST_PAUSE_S
        while any(_is_running(row) for row in self._summaries(account, earlier)):
            pause_s = self._paused(source, began, pause_s)
        return object_id

    def run(self, account: Account, key: str, object_id: str) -> Imported:
        """Start it, wait for its end. Raises SignInRefused, SourceError also when it failed."""
        source = _source(account, key)
        start = Change("Perform", "ImportDefinition", (("ObjectID", object_id),), action="start")
        said = self._objects.told(account, start)
        if not said.is_ok or not said.task:
            words = clean(said.message) or "refused without words"
            raise SourceError(source, f"it does not start: {words}.", may_retry=False)
        began, pause_s = time.monotonic(), _FIRST_PAUSE_S
        where = OneOf("TaskResultID", (said.task,))
        while True:
            row = next(iter(self._summaries(account, where)), {})
            status = (row.get("ImportStatus") or "").lower()
            if status == "completed":
                return Imported(*(_number(row, name) for name in _COUNTS))
            if status == "error":
                detail = f"it failed after {_number(row, 'NumberSuccessful'):,} rows."
                advice = "Its log in Automation Studio says why; run it again after mending."
                raise SourceError(source, detail, may_retry=False, advice=advice)
            pause_s = self._paused(source, began, pause_s)

    def _summaries(self, account: Account, where: OneOf) -> list[Mapping[str, str | None]]:
        return self._objects.find(account, "ImportResultsSummary", _SUMMARY, where)

    def _paused(self, source: str, began: float, pause_s: float) -> float:
        if time.monotonic() - began > self._limit_s:
            detail = f"it still runs after {self._limit_s / 60:.0f} minutes."
            raise SourceError(source, detail, may_retry=False, advice="Run it again later.")
        time.sleep(pause_s)
        return min(pause_s * 1.5, self._poll_s)


def _source(account: Account, key: str) -> str:
    return f"Import {key}, account {account.mid}"


def _is_running(row: Mapping[str, str | None]) -> bool:
    return (row.get("ImportStatus") or "").lower() in _RUNS


def _number(row: Mapping[str, str | None], name: str) -> int:
    text = row.get(name) or ""
    return int(text) if text.isdecimal() else 0
