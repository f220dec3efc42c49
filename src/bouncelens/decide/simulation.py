"""What would have been: the days on which a policy is tried on the past, and what came of it.

Decisions know what was known on their day. What came later only judges them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil

# What nobody knows on the day itself: that a message did not come back, or came back by mistake.
SETTLE_DAYS = 4
SIGNS = ("click", "open", "delivery", "receipt")
_DAY_S = 86_400
_DAYS_OF_MONTH = 365.25 / 12
# A lake of more bounces is looked at on fewer days: each costs as much as a plan.
_MOST_DATES = ((1_000_000, 53), (5_000_000, 27))
_LEAST_DATES = 14


@dataclass(frozen=True, slots=True)
class Step:
    """A decision's day and the first day that belongs to the next one; both begin at midnight UTC.
    The last step is the end itself, without a day."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """How many."""
        return (self.end - self.start).days


def steps(since: date, until: date, *, most: int) -> tuple[Step, ...]:
    """From `since` to before `until` in at most `most` (2 or more) decisions, evenly apart: by
    days, weeks or several of them; the last decision is on `until` itself."""
    whole = (until - since).days
    if whole <= 0:
        return ()
    apart = ceil(whole / (most - 1))
    if apart > 1:
        apart = 7 * ceil(apart / 7)
    starts = [_midnight(since + timedelta(days=n)) for n in range(0, whole, apart)]
    end = _midnight(until)
    return tuple(map(Step, [*starts, end], [*starts[1:], end, end]))


def dates_for(bounces: int) -> int:
    """How many decisions a lake of so many bounces bears."""
    return next((dates for limit, dates in _MOST_DATES if bounces <= limit), _LEAST_DATES)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A step in which somebody was suppressed who showed a sign of life since it began."""

    step: Step
    until: datetime | None  # when the policy itself would try the address again
    last_sign: datetime


def harm_days(wrongs: Iterable[Wrong], *, end: datetime) -> tuple[int, int]:
    """Days for which one living person was kept without mail: at least, and at most.

    At least: on the list as it was decided each time, up to the last sign of life. At most: once
    suppressed until the policy's own date or `end`, since who is not mailed cannot be delivered
    to, and no delivery takes the address off the list.
    """
    least = most = 0
    covered: datetime | None = None
    for wrong in sorted(wrongs, key=lambda w: w.step.start):
        stop = min(wrong.until or end, end)
        seen = min(wrong.step.end, wrong.last_sign, stop)
        least += _days(seen - wrong.step.start)
        if covered is None or wrong.step.start >= covered:
            covered = wrong.step.start
            reach = stop
        else:
            reach = min(wrong.step.end, stop)
        if reach > covered:
            most += _days(reach - covered)
            covered = reach
    return least, max(least, most)


def _days(span: timedelta) -> int:
    return max(0, ceil(span.total_seconds() / _DAY_S))


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a message costs and a person is worth: said by the settings, known by nobody here."""

    currency: str
    per_1000_sends: float
    contact_month: float

    @property
    def is_any(self) -> bool:
        """Whether there is anything to reckon with."""
        return self.per_1000_sends > 0 or self.contact_month > 0

    def saved(self, sends: int) -> float:
        """What so many messages would have cost."""
        return round(sends * self.per_1000_sends / 1000, 2)

    def lost(self, days: int) -> float:
        """What so many days of people who are not reached are worth."""
        return round(days / _DAYS_OF_MONTH * self.contact_month, 2)
