"""The ledger's tables. Small, transactional, the same over SQLite and PostgreSQL.

Every change here needs a migration beside it in `migrations/versions/`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, String, Text, TypeDecorator
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Moment(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no zone, so it is taken off and put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; a time without a zone is a bug of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment in the ledger needs a time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """With its zone."""
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)


class Record(DeclarativeBase):
    """The root of all ledger tables."""


class RunRecord(Record):
    """One pull, import, judging …: what ran, when, and how it ended."""

    __tablename__ = "runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    verb: Mapped[str] = mapped_column(String(40))
    started_at: Mapped[datetime] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    outcome: Mapped[str | None] = mapped_column(String(20))  # ok, partial, failed; None: running
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    detail: Mapped[str] = mapped_column(Text, default="")  # a sentence when it was not ok
    version: Mapped[str] = mapped_column(String(40))  # of bouncelens


class BookmarkRecord(Record):
    """How far a route has got with an account: all before `through` is stored."""

    __tablename__ = "bookmarks"

    account: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    route: Mapped[str] = mapped_column(String(40), primary_key=True)
    through: Mapped[datetime] = mapped_column(Moment)
    moved_at: Mapped[datetime] = mapped_column(Moment)


class SuppressionRecord(Record):
    """The latest decision about an address of an account. Fields as in `bounce.Suppression`."""

    __tablename__ = "suppressions"
    __table_args__ = (Index("suppressions_by_state", "state", "account"),)

    account: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    subscriber_key: Mapped[str] = mapped_column(String(254), primary_key=True)
    address: Mapped[str | None] = mapped_column(String(320))
    reason: Mapped[str] = mapped_column(String(60))
    grounds: Mapped[str] = mapped_column(Text)
    basis: Mapped[str] = mapped_column(String(40))
    job: Mapped[int] = mapped_column(BigInteger)
    batch: Mapped[int] = mapped_column(BigInteger)
    event_time: Mapped[datetime] = mapped_column(Moment)
    rule: Mapped[str | None] = mapped_column(String(120))
    policy: Mapped[str] = mapped_column(String(80))
    policy_version: Mapped[str] = mapped_column(String(80))
    decided_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    state: Mapped[str] = mapped_column(String(20))
    provider: Mapped[str] = mapped_column(String(60), server_default="other")
    policy_rule: Mapped[str] = mapped_column(String(200), server_default="")
    sources: Mapped[str] = mapped_column(Text, server_default="")
    ruleset: Mapped[str] = mapped_column(String(80), server_default="")
    decided_by: Mapped[str] = mapped_column(String(120), server_default="policy")
    run: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))


class QuarantineRecord(Record):
    """A row that could not be read: once, however often it came."""

    __tablename__ = "quarantine"

    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    line: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    raw: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[datetime] = mapped_column(Moment)  # the first time
    run: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))


class HandVerdictRecord(Record):
    """What a person said of a template; rows are only added, the newest of a template counts."""

    __tablename__ = "hand_verdicts"

    id: Mapped[int] = mapped_column(primary_key=True)
    template_id: Mapped[int] = mapped_column(BigInteger, index=True)
    reason: Mapped[str | None] = mapped_column(String(60))  # None: taken back
    why: Mapped[str] = mapped_column(Text)
    decided_by: Mapped[str] = mapped_column(String(120))
    decided_at: Mapped[datetime] = mapped_column(Moment)


class PlanRecord(Record):
    """A plan that was made and shown: only such a one can be applied."""

    __tablename__ = "plans"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(Moment)
    made_by: Mapped[str] = mapped_column(String(120))
    policy: Mapped[str] = mapped_column(String(80))
    policy_version: Mapped[str] = mapped_column(String(80))
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    run: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))


class ChangeRecord(Record):
    """What a run writes to one target: a plan applied, or an earlier run undone."""

    __tablename__ = "changes"

    run: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True, autoincrement=False)
    plan: Mapped[str] = mapped_column(String(64), index=True)
    target: Mapped[str] = mapped_column(Text)
    undoes: Mapped[int | None] = mapped_column(ForeignKey("runs.id"))
    state: Mapped[str] = mapped_column(String(20))  # running, done, undone


class ChangeRowRecord(Record):
    """One address in a run: what was there, what shall be there, and what came of it. `before` and
    `after` are the target's row, `was` and `becomes` our decision, as JSON; NULL: none."""

    __tablename__ = "change_rows"

    run: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(20))  # add, renew, release
    account: Mapped[int] = mapped_column(BigInteger)
    subscriber_key: Mapped[str] = mapped_column(String(254))
    before: Mapped[str | None] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)
    was: Mapped[str | None] = mapped_column(Text)
    becomes: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(20))  # pending, sent, done, skipped, refused
    detail: Mapped[str] = mapped_column(Text, default="")


class IncidentRecord(Record):
    """A time-bounded wrong of one provider."""

    __tablename__ = "incidents"

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(60))
    starts: Mapped[datetime] = mapped_column(Moment)
    ends: Mapped[datetime | None] = mapped_column(Moment)  # None: it goes on
    opened_at: Mapped[datetime] = mapped_column(Moment)
    state: Mapped[str] = mapped_column(String(20))  # open, confirmed, dismissed, released
    evidence: Mapped[str] = mapped_column(Text)  # JSON
    decided_by: Mapped[str] = mapped_column(String(120))
    why: Mapped[str] = mapped_column(Text)


class MailHostsRecord(Record):
    """Where a domain takes its mail, as DNS said. Fields as in `bounce.MailHosts`."""

    __tablename__ = "mail_hosts"

    domain: Mapped[str] = mapped_column(String(253), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(20))
    hosts: Mapped[list[list[int | str]]] = mapped_column(JSON)  # preference and name
    ttl_s: Mapped[int | None] = mapped_column(BigInteger)
    looked_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment)  # then it is asked again


class AuditRecord(Record):
    """Who did what: rows are only added, each sealed with the hash of the one before."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Moment)
    who: Mapped[str] = mapped_column(String(120))
    verb: Mapped[str] = mapped_column(String(60))
    detail: Mapped[str] = mapped_column(Text)  # JSON
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
