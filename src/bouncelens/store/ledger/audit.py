"""The audit log: who did what to whom may be mailed. Rows are only added, and each is sealed with
the hash of the one before, so that a changed, removed or inserted row is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bouncelens.store.ledger.records import AuditRecord

_NOTHING = "0" * 64
_PART = 10_000


class Sessions(Protocol):
    """Makes transactions."""

    def __call__(self, *, reads: bool = False) -> AbstractContextManager[Session]:
        """One transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One deed. `detail` is JSON."""

    number: int  # from 1, without a gap
    at: datetime
    who: str
    verb: str
    detail: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at the whole log found. `broken`: the number at which it fails; None: it holds.
    `seal` is the last hash: kept elsewhere, it also shows when the end was cut off."""

    entries: int
    seal: str
    broken: int | None
    problem: str = ""


class Audit:
    """The log of one ledger."""

    def __init__(
        self, sessions: Sessions, lock: Callable[[str], AbstractContextManager[bool]]
    ) -> None:
        self._sessions, self._lock = sessions, lock

    def add(
        self, verb: str, detail: Mapping[str, object], *, who: str, now: datetime | None = None
    ) -> Entry:
        """Note a deed, at once and for good."""
        text = json.dumps(detail, sort_keys=True, ensure_ascii=False, default=str)
        with self._lock("audit"), self._sessions() as session:
            last = session.scalars(
                sa.select(AuditRecord).order_by(AuditRecord.number.desc()).limit(1)
            ).first()
            at = (now or datetime.now(UTC)).astimezone(UTC)
            number, previous = (last.number + 1, last.hash) if last else (1, _NOTHING)
            entry = _sealed(Entry(number, at, who[:120], verb, text, previous, ""))
            session.add(AuditRecord(**{f.name: getattr(entry, f.name) for f in fields(Entry)}))
        return entry

    def entries(self, *, limit: int = 100) -> tuple[Entry, ...]:
        """The latest, newest first."""
        query = sa.select(AuditRecord).order_by(AuditRecord.number.desc()).limit(limit)
        with self._sessions(reads=True) as session:
            return tuple(_entry(record) for record in session.scalars(query))

    def verify(self, *, seal: str | None = None) -> Verified:
        """Look through all of it. `seal`: one noted earlier, which must occur."""
        number, previous, is_there = 0, _NOTHING, seal is None
        with self._sessions(reads=True) as session:
            query = sa.select(AuditRecord).order_by(AuditRecord.number)
            for record in session.scalars(query.execution_options(yield_per=_PART)):
                entry, number = _entry(record), number + 1
                if entry.number != number:
                    told = f"entry {number} is missing."
                    return Verified(number - 1, previous, number, told)
                if entry.previous != previous or _sealed(entry).hash != entry.hash:
                    told = f"entry {number} was changed after it was written."
                    return Verified(number - 1, previous, number, told)
                previous = entry.hash
                is_there |= previous == seal
        if not is_there:
            told = f"the seal {seal} does not occur: the end was cut off, or it is another log."
            return Verified(number, previous, number + 1, told)
        return Verified(number, previous, None)


def _entry(record: AuditRecord) -> Entry:
    return Entry(**{field.name: getattr(record, field.name) for field in fields(Entry)})


def _sealed(entry: Entry) -> Entry:
    told = json.dumps(
        [entry.number, entry.at.isoformat(), entry.who, entry.verb, entry.detail, entry.previous],
        ensure_ascii=True,
    )
    seal = hashlib.sha256(told.encode()).hexdigest()
    parts = {field.name: getattr(entry, field.name) for field in fields(Entry)}
    return Entry(**(parts | {"hash": seal}))
