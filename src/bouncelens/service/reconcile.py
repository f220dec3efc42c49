"""`reconcile`: did every bounce arrive, and by which routes? Our counts beside SFMC's own.

A difference is explained as far as the lake can: each ground takes no more events than it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import ROUTES

if TYPE_CHECKING:
    from bouncelens.service.workspace import Workspace

# SFMC retries a soft bounce for 72 h, and bounces that come by mail are days late.
_FINAL_AFTER = timedelta(days=7)
# A send's first bounces come within minutes. Where the lake has none for longer, it begins later.
_EDGE = timedelta(hours=1)
_ALL = 10_000_000


@dataclass(frozen=True, slots=True)
class Ground:
    """What explains a part of a difference, and how many events of it."""

    name: str  # test_send, not_final, window_edge, several_lists, false_bounces, counted_once
    events: int
    sentence: str


@dataclass(frozen=True, slots=True)
class JobCounts:
    """One job. `counted`: by SFMC, None where it told nothing; the same of hard, soft, other."""

    account: int
    job: int
    campaign: str | None
    sent_time: datetime | None
    stored: int
    counted: int | None
    hard: int
    hard_counted: int | None
    soft: int
    soft_counted: int | None
    other: int
    other_counted: int | None
    grounds: tuple[Ground, ...] = ()

    @property
    def difference(self) -> int:
        """Events stored beyond those that SFMC counts; below zero, some are lacking."""
        return 0 if self.counted is None else self.stored - self.counted

    @property
    def unexplained(self) -> int:
        """What no ground explains, with the difference's sign."""
        left = abs(self.difference) - sum(ground.events for ground in self.grounds)
        return left if self.difference > 0 else -left


@dataclass(frozen=True, slots=True)
class RouteDay:
    """Bounces of a job on a day. `by`: how many each route brought; `lacks`: how many a route
    should have and has not, None where it was not used; `shared`: brought by several."""

    account: int
    job: int
    day: date
    bounces: int
    by: Mapping[str, int]
    shared: int
    lacks: Mapping[str, int | None]
    disagreements: int


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Both comparisons over the half-open window of UTC time, None meaning without end."""

    since: datetime | None
    until: datetime | None
    jobs: tuple[JobCounts, ...]  # with SFMC's count, the greatest difference first
    uncounted: tuple[JobCounts, ...]  # with bounces, of which SFMC told no count
    days: tuple[RouteDay, ...]
    unexplained: int  # events, by whichever sign

    @property
    def exit_code(self) -> int:
        """0, or 1 where a difference is not explained."""
        return 1 if self.unexplained else 0


def reconcile(
    workspace: Workspace,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    account: int | None = None,
    job: int | None = None,
    now: datetime | None = None,
) -> Reconciled:
    """Compare routes with each other and with SFMC's Send totals. Raises StoreError."""
    asked: dict[str, object] = {"since": since, "until": until, "account": account, "job": job}
    given = {name: value for name, value in asked.items() if value is not None} | {"limit": _ALL}
    told = workspace.engine.ask("reconcile_jobs", given).to_pylist()
    days = workspace.engine.ask("reconcile_routes", given).to_pylist()
    jobs = [_job(row, now=now or datetime.now(UTC)) for row in told]
    compared = tuple(one for one in jobs if one.counted is not None)
    return Reconciled(
        since,
        until,
        compared,
        tuple(one for one in jobs if one.counted is None and one.stored),
        tuple(_day(row) for row in days),
        sum(abs(one.unexplained) for one in compared),
    )


def _day(row: Mapping[str, Any]) -> RouteDay:
    return RouteDay(
        row["account"],
        row["job"],
        row["day"],
        row["bounces"],
        {route: row[f"by_{route}"] for route in ROUTES},
        row["by_several"],
        {route: row[f"{route}_lacks"] for route in ("query", "extract", "soap")},
        row["disagreements"],
    )


_COUNTS = ("stored", "hard", "soft", "other")


def _job(row: Mapping[str, Any], *, now: datetime) -> JobCounts:
    counts = {name: row[name] for name in _COUNTS}
    counts |= {f"{name}_counted": row[f"{name}_counted"] for name in _COUNTS[1:]}
    names = ("account", "job", "campaign", "sent_time", "counted")
    job = JobCounts(**{name: row[name] for name in names}, **counts)
    return replace(job, grounds=grounds_of(job, row, now=now))


def grounds_of(job: JobCounts, row: Mapping[str, Any], *, now: datetime) -> tuple[Ground, ...]:
    """What explains a job's difference. `row`: as the question `reconcile_jobs` gives it."""
    left, found = abs(job.difference), []
    for name, most, sentence in _possible(job, row, now=now):
        events = min(left, most)
        if events > 0:
            found.append(Ground(name, events, sentence))
            left -= events
    return tuple(found)


def _possible(
    job: JobCounts, row: Mapping[str, Any], *, now: datetime
) -> list[tuple[str, int, str]]:
    """Grounds in the order in which they count, each with the most that it can explain."""
    every, sent = abs(job.difference), job.sent_time
    is_test = "test" in (row["category"] or "").lower()
    is_new = sent is not None and now - sent < _FINAL_AFTER
    begins = row["account_begins"]
    is_before = sent is not None and (begins is None or sent < begins - _EDGE)
    common = [
        ("test_send", every if is_test else 0, "a test send"),
        ("not_final", every if is_new else 0, "sent less than 7 days ago, still counting"),
    ]
    if job.difference < 0:
        return [
            ("several_lists", row["merged"], "one bounce by several lists"),
            *common,
            ("window_edge", every if is_before else 0, "sent before the lake begins"),
        ]
    return [
        ("false_bounces", row["false_bounces"], "delivered after all, which SFMC no longer counts"),
        ("counted_once", row["repeated"], "a person's further bounces, which SFMC counts once"),
        *common,
    ]
