"""Plans made, and what was changed in the tenant because of them, row by row with its outcome."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bouncelens.store.ledger.records import (
    ChangeRecord,
    ChangeRowRecord,
    Moment,
    PlanRecord,
    RunRecord,
    SuppressionRecord,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from bouncelens.store.ledger.audit import Sessions

_PART = 5_000
_KEYS = 500


@dataclass(frozen=True, slots=True)
class PlanMade:
    """A plan that was made and shown."""

    hash: str
    made_at: datetime
    made_by: str
    policy: str
    policy_version: str
    counts: Mapping[str, int]
    run: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A run that writes to a target."""

    run: int
    plan: str
    target: str
    undoes: int | None
    state: str  # running, done, undone


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One address of a run. `before`, `after`: the target's row; `was`, `becomes`: our decision;
    all as JSON, None where there is none."""

    number: int
    kind: str  # add, renew, release
    account: int
    subscriber_key: str
    before: str | None
    after: str | None
    was: str | None
    becomes: str | None
    outcome: str = "pending"  # pending, sent, done, skipped, refused
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """What a run did to one address, and the plan behind it; None where none was made here."""

    run: int
    at: datetime
    kind: str  # add, renew, release
    target: str
    undoes: int | None
    outcome: str
    detail: str
    becomes: str | None
    plan_made_at: datetime | None
    plan_made_by: str | None


_ROW = tuple(field.name for field in fields(ChangeRow))


class Changes:
    """The plans and changes of one ledger."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def add_plan(self, plan: PlanMade) -> None:
        """Note a plan; the same one again changes nothing."""
        with self._sessions() as session:
            session.merge(PlanRecord(**asdict(plan)))

    def plan(self, digest: str) -> PlanMade | None:
        """The plan of that hash, if it was made here."""
        with self._sessions(reads=True) as session:
            return _plan(session.get(PlanRecord, digest))

    def last_plan(self) -> PlanMade | None:
        """The newest plan; None before the first."""
        query = sa.select(PlanRecord).order_by(PlanRecord.made_at.desc()).limit(1)
        with self._sessions(reads=True) as session:
            return _plan(session.scalars(query).first())

    def begin(self, change: Change, rows: Iterable[ChangeRow]) -> None:
        """Note what a run is going to do, all or nothing, before it does any of it."""
        with self._sessions() as session:
            session.add(ChangeRecord(**asdict(change)))
            session.flush()
            told = ({"run": change.run, **{n: getattr(row, n) for n in _ROW}} for row in rows)
            while part := list(islice(told, _PART)):
                session.execute(sa.insert(ChangeRowRecord), part)

    def changes(self) -> tuple[Change, ...]:
        """Every run that wrote, newest first."""
        query = sa.select(ChangeRecord).order_by(ChangeRecord.run.desc())
        with self._sessions(reads=True) as session:
            return tuple(
                Change(**{f.name: getattr(record, f.name) for f in fields(Change)})
                for record in session.scalars(query)
            )

    def rows(self, run: int, *outcomes: str) -> Iterator[ChangeRow]:
        """The rows of a run in order; only those with such an outcome, if asked."""
        after = -1
        while True:
            query = (
                sa.select(*(getattr(ChangeRowRecord, name) for name in _ROW))
                .where(ChangeRowRecord.run == run, ChangeRowRecord.number > after)
                .order_by(ChangeRowRecord.number)
                .limit(_PART)
            )
            if outcomes:
                query = query.where(ChangeRowRecord.outcome.in_(outcomes))
            with self._sessions(reads=True) as session:
                part = [ChangeRow(*row) for row in session.execute(query)]
            if not part:
                return
            yield from part
            after = part[-1].number

    def of_person(self, account: int, subscriber_key: str) -> tuple[Deed, ...]:
        """Everything that runs did to one subscriber, oldest first."""
        row, change = ChangeRowRecord, ChangeRecord
        query = (
            sa.select(
                row.run,
                sa.func.coalesce(RunRecord.finished_at, RunRecord.started_at, type_=Moment()),
                row.kind, change.target, change.undoes, row.outcome, row.detail, row.becomes,
                PlanRecord.made_at, PlanRecord.made_by,
            )
            .join(change, change.run == row.run)
            .join(RunRecord, RunRecord.id == row.run)
            .outerjoin(PlanRecord, PlanRecord.hash == change.plan)
            .where(row.account == account, row.subscriber_key == subscriber_key)
            .order_by(row.run, row.number)
        )  # fmt: skip
        with self._sessions(reads=True) as session:
            found: list[tuple[Any, ...]] = [tuple(row) for row in session.execute(query)]
        return tuple(Deed(*values) for values in found)

    def people(self, who: str) -> tuple[tuple[int, str], ...]:
        """Account and key of everybody ever written whose key, or address, that is."""
        row, known = ChangeRowRecord, SuppressionRecord
        by_key = sa.select(row.account, row.subscriber_key).where(row.subscriber_key == who)
        by_address = sa.select(known.account, known.subscriber_key).where(
            sa.func.lower(known.address) == who.lower()
        )
        with self._sessions(reads=True) as session:
            return tuple((a, key) for a, key in session.execute(by_key.union(by_address)))

    def note(self, run: int, numbers: Sequence[int], outcome: str, detail: str = "") -> None:
        """What came of some rows."""
        with self._sessions() as session:
            for part in _parts(numbers):
                session.execute(
                    sa.update(ChangeRowRecord)
                    .where(ChangeRowRecord.run == run, ChangeRowRecord.number.in_(part))
                    .values(outcome=outcome, detail=detail[:2000])
                )

    def outcomes(self, run: int) -> dict[str, int]:
        """How many rows of a run came to what."""
        query = (
            sa.select(ChangeRowRecord.outcome, sa.func.count())
            .where(ChangeRowRecord.run == run)
            .group_by(ChangeRowRecord.outcome)
            .order_by(ChangeRowRecord.outcome)
        )
        with self._sessions(reads=True) as session:
            return {outcome: count for outcome, count in session.execute(query).all()}  # noqa: C416

    def end(
        self,
        change: Change,
        decided: Iterable[tuple[ChangeRow, Mapping[str, object] | None]],
    ) -> None:
        """The run is done: its decisions become ours, and what it undoes is undone, at once."""
        with self._sessions() as session:
            session.get_one(ChangeRecord, change.run).state = "done"
            if change.undoes is not None:
                session.get_one(ChangeRecord, change.undoes).state = "undone"
            told = iter(decided)
            while part := list(islice(told, _KEYS)):
                _decide(session, change.run, part)


def _decide(
    session: Session, run: int, part: Sequence[tuple[ChangeRow, Mapping[str, object] | None]]
) -> None:
    keys = [row.subscriber_key for row, _ in part]
    query = sa.select(SuppressionRecord).where(SuppressionRecord.subscriber_key.in_(keys))
    known = {(r.account, r.subscriber_key): r for r in session.scalars(query)}
    for row, values in part:
        record = known.get((row.account, row.subscriber_key))
        if values is None:
            if record is not None:
                session.delete(record)
        elif record is None:
            session.add(SuppressionRecord(run=run, **values))
        else:
            for name, value in values.items():
                setattr(record, name, value)
            record.run = run
    session.flush()


def _plan(record: PlanRecord | None) -> PlanMade | None:
    if record is None:
        return None
    return PlanMade(**{field.name: getattr(record, field.name) for field in fields(PlanMade)})


def _parts(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), _KEYS):
        yield numbers[start : start + _KEYS]
