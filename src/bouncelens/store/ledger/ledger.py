"""The ledger's verbs: bookmarks, runs, quarantine, suppressions. Each is one transaction."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bouncelens.bounce import HandVerdict, Quarantined, Suppression
from bouncelens.store.closing import Closing
from bouncelens.store.ledger.audit import Audit
from bouncelens.store.ledger.changes import Changes
from bouncelens.store.ledger.database import READS, open_engine, refused
from bouncelens.store.ledger.incidents import Incidents
from bouncelens.store.ledger.locks import holding
from bouncelens.store.ledger.mail_hosts import MailHostsCache
from bouncelens.store.ledger.records import (
    BookmarkRecord,
    HandVerdictRecord,
    QuarantineRecord,
    RunRecord,
    SuppressionRecord,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_FIELDS = tuple(field.name for field in fields(Suppression))
# What a new look at the same history changes without being a new decision.
_INCIDENTAL = frozenset({"decided_at", "state"})
_BATCH = 500
_AUDIT_S = 30.0
_KEPT = sa.select(
    *(getattr(QuarantineRecord, name) for name in ("fingerprint", "source", "line", "reason")),
    *(getattr(QuarantineRecord, name) for name in ("raw", "seen_at", "run")),
    RunRecord.verb,
).join(RunRecord, RunRecord.id == QuarantineRecord.run, isouter=True)


@dataclass(frozen=True, slots=True)
class Run:
    """One pull, import, judging …"""

    id: int
    verb: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None  # ok, partial, failed; None: still running, or killed
    counts: Mapping[str, int]
    detail: str
    version: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A row in quarantine, and which run brought it first."""

    fingerprint: str
    source: str
    line: int | None
    reason: str
    raw: str
    seen_at: datetime
    run: int | None
    verb: str | None  # of the run


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of suppressions offered to the ledger."""

    added: int
    changed: int
    unchanged: int


class Ledger(Closing):
    """Decisions and progress. Safe to open from several processes."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._shown = engine.url.render_as_string(hide_password=True)
        self.changes = Changes(self._session)
        self.incidents = Incidents(self._session)
        self.mail_hosts = MailHostsCache(self._session)
        self.audit = Audit(self._session, lambda name: self.holding(name, wait_s=_AUDIT_S))

    @classmethod
    def open(cls, url: str) -> Ledger:
        """Open the ledger at an SQLAlchemy URL, in the newest form. Raises StoreError."""
        return cls(open_engine(url))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    # Bookmarks

    def bookmark(self, account: int, route: str) -> datetime | None:
        """Event time up to which the route is complete for the account; None: never pulled."""
        with self._session(reads=True) as session:
            record = session.get(BookmarkRecord, (account, route))
            return record.through if record else None

    def bookmarks(self) -> dict[tuple[int, str], datetime]:
        """Every bookmark, by account and route."""
        with self._session(reads=True) as session:
            found = session.scalars(sa.select(BookmarkRecord)).all()
            return {(record.account, record.route): record.through for record in found}

    def move_bookmark(
        self, account: int, route: str, through: datetime, *, now: datetime | None = None
    ) -> None:
        """Move it forwards; one that is further already stays. Call after the rows are stored."""
        with self._session() as session:
            record = session.get(BookmarkRecord, (account, route))
            if record is None:
                moved = now or datetime.now(UTC)
                session.add(
                    BookmarkRecord(account=account, route=route, through=through, moved_at=moved)
                )
            elif record.through < through:
                record.through, record.moved_at = through, now or datetime.now(UTC)

    def holding(self, name: str, *, wait_s: float) -> AbstractContextManager[bool]:
        """The lock of a name while the block runs; False inside it when another process has it
        and keeps it for `wait_s` seconds. A killed process lets go of its own."""
        return holding(self._engine, name, wait_s=wait_s)

    def forget_bookmarks(self) -> None:
        """Begin again with every account and route: what they speak of is not stored any more."""
        with self._session() as session:
            session.execute(sa.delete(BookmarkRecord))

    # Runs

    def start_run(self, verb: str, *, version: str, now: datetime | None = None) -> int:
        """Note that something begins; returns the run's number."""
        with self._session() as session:
            started = now or datetime.now(UTC)
            run = RunRecord(verb=verb, started_at=started, counts={}, detail="", version=version)
            session.add(run)
            session.flush()
            return run.id

    def finish_run(
        self,
        run: int,
        outcome: str,
        *,
        counts: Mapping[str, int],
        detail: str = "",
        now: datetime | None = None,
    ) -> None:
        """Note how it ended: ok, partial or failed, with what was counted."""
        with self._session() as session:
            record = session.get_one(RunRecord, run)
            record.outcome, record.counts, record.detail = outcome, dict(counts), detail
            record.finished_at = now or datetime.now(UTC)

    def runs(self, *, verb: str | None = None, limit: int = 20) -> tuple[Run, ...]:
        """The latest runs, newest first."""
        query = sa.select(RunRecord).order_by(RunRecord.id.desc()).limit(limit)
        if verb is not None:
            query = query.where(RunRecord.verb == verb)
        with self._session(reads=True) as session:
            names = [field.name for field in fields(Run)]
            return tuple(
                Run(**{name: getattr(record, name) for name in names})
                for record in session.scalars(query)
            )

    # Quarantine

    def quarantine(
        self,
        rows: Iterable[Quarantined],
        *,
        run: int | None = None,
        now: datetime | None = None,
    ) -> int:
        """Keep rows that could not be read; one that is known already is not kept twice. Returns
        how many were new."""
        offered = {_fingerprint(row): _storable(row) for row in rows}
        seen = now or datetime.now(UTC)
        new = 0
        with self._session() as session:
            for part in _parts(list(offered)):
                column = QuarantineRecord.fingerprint
                known = set(session.scalars(sa.select(column).where(column.in_(part))))
                for key in part:
                    if key not in known:
                        session.add(
                            QuarantineRecord(
                                fingerprint=key, seen_at=seen, run=run, **asdict(offered[key])
                            )
                        )
                        new += 1
        return new

    def quarantined(self, *, run: int | None = None, limit: int = 100) -> tuple[Quarantined, ...]:
        """Rows that could not be read, newest first; of one run if asked."""
        return tuple(
            Quarantined(row.source, row.line, row.reason, row.raw)
            for row in self.kept(run=run, limit=limit)
        )

    def count_quarantined(self, *, run: int | None = None) -> int:
        """How many rows are in quarantine; of one run if asked."""
        query = sa.select(sa.func.count()).select_from(QuarantineRecord)
        if run is not None:
            query = query.where(QuarantineRecord.run == run)
        with self._session(reads=True) as session:
            return session.scalar(query) or 0

    def kept(self, *, run: int | None = None, limit: int = 100) -> tuple[Kept, ...]:
        """Rows in quarantine, newest first; of one run if asked."""
        return self._kept(_KEPT.order_by(QuarantineRecord.seen_at.desc()), run, limit)

    def kept_after(
        self, fingerprint: str, *, run: int | None = None, limit: int = 100
    ) -> tuple[Kept, ...]:
        """The next rows in the order of fingerprints, to walk through all of them; "" begins."""
        column = QuarantineRecord.fingerprint
        return self._kept(_KEPT.where(column > fingerprint).order_by(column), run, limit)

    def _kept(self, query: sa.Select[Any], run: int | None, limit: int) -> tuple[Kept, ...]:
        if run is not None:
            query = query.where(QuarantineRecord.run == run)
        with self._session(reads=True) as session:
            return tuple(Kept(*row) for row in session.execute(query.limit(limit)))

    def release(self, fingerprints: Sequence[str]) -> int:
        """Let rows out of quarantine. Call after they are stored. Returns how many were there."""
        gone = 0
        with self._session() as session:
            for part in _parts(fingerprints):
                query = sa.delete(QuarantineRecord).where(QuarantineRecord.fingerprint.in_(part))
                gone += session.execute(query).rowcount  # type: ignore[attr-defined]
        return gone

    # Suppressions

    def save_suppressions(
        self, suppressions: Sequence[Suppression], *, run: int | None = None
    ) -> Saved:
        """Keep decisions, one per address; the same decision made again changes nothing."""
        added = changed = 0
        with self._session() as session:
            for part in _parts(suppressions):
                known = _known(session, part)
                for decision in part:
                    record = known.get((decision.account, decision.subscriber_key))
                    if record is None:
                        session.add(SuppressionRecord(run=run, **asdict(decision)))
                        added += 1
                    elif _is_another(record, decision):
                        _overwrite(record, decision)
                        record.run = run
                        changed += 1
                session.flush()
        return Saved(added, changed, len(suppressions) - added - changed)

    def suppressions(
        self, *, state: str | None = None, account: int | None = None, limit: int | None = None
    ) -> tuple[Suppression, ...]:
        """Decisions, oldest first; of one state or account if asked."""
        order = (
            SuppressionRecord.decided_at,
            SuppressionRecord.account,
            SuppressionRecord.subscriber_key,
        )
        query = sa.select(SuppressionRecord).order_by(*order).limit(limit)
        if state is not None:
            query = query.where(SuppressionRecord.state == state)
        if account is not None:
            query = query.where(SuppressionRecord.account == account)
        with self._session(reads=True) as session:
            return tuple(
                Suppression(**{name: getattr(record, name) for name in _FIELDS})
                for record in session.scalars(query)
            )

    def suppression(self, account: int, subscriber_key: str) -> Suppression | None:
        """The latest decision about one person; None: there was none."""
        with self._session(reads=True) as session:
            record = session.get(SuppressionRecord, (account, subscriber_key))
            if record is None:
                return None
            return Suppression(**{name: getattr(record, name) for name in _FIELDS})

    # Verdicts set by hand

    def add_hand_verdict(self, verdict: HandVerdict) -> None:
        """Note what a person says of a template; what was said before stays on record."""
        with self._session() as session:
            session.add(HandVerdictRecord(**asdict(verdict)))

    def hand_verdicts(self, template_id: int | None = None) -> tuple[HandVerdict, ...]:
        """Everything people said, oldest first; of one template if asked."""
        query = sa.select(HandVerdictRecord).order_by(HandVerdictRecord.id)
        if template_id is not None:
            query = query.where(HandVerdictRecord.template_id == template_id)
        names = [field.name for field in fields(HandVerdict)]
        with self._session(reads=True) as session:
            return tuple(
                HandVerdict(**{name: getattr(record, name) for name in names})
                for record in session.scalars(query)
            )

    @contextmanager
    def _session(self, *, reads: bool = False) -> Iterator[Session]:
        engine = self._engine.execution_options(**{READS: reads})
        try:
            with Session(engine) as session, session.begin():
                yield session
        except sa.exc.DatabaseError as error:
            raise refused(self._shown, error) from error


def _known(
    session: Session, decisions: Sequence[Suppression]
) -> dict[tuple[int, str], SuppressionRecord]:
    keys = [decision.subscriber_key for decision in decisions]
    query = sa.select(SuppressionRecord).where(SuppressionRecord.subscriber_key.in_(keys))
    return {(record.account, record.subscriber_key): record for record in session.scalars(query)}


def _is_another(record: SuppressionRecord, decision: Suppression) -> bool:
    return any(
        getattr(record, name) != getattr(decision, name)
        for name in _FIELDS
        if name not in _INCIDENTAL
    )


def _overwrite(record: SuppressionRecord, decision: Suppression) -> None:
    """New grounds for an address already suppressed do not make it mailable meanwhile."""
    state = record.state if record.state == "active" else decision.state
    for name in _FIELDS:
        setattr(record, name, getattr(decision, name))
    record.state = state


def _fingerprint(row: Quarantined) -> str:
    told = "\x1f".join((row.source, str(row.line), row.reason, row.raw))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _storable(row: Quarantined) -> Quarantined:
    """What no database takes as text, written out: lone surrogates and NUL."""
    source, reason, raw = (
        text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
        for text in (row.source, row.reason, row.raw)
    )
    return Quarantined(source, row.line, reason, raw)


_T = TypeVar("_T")


def _parts(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
