"""The calendar of sends: which unit mails what to whom, when, how fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from sfmc_sandbox.clock import DAY_MS, HOUR_MS
from sfmc_sandbox.world.stories import OLD_LIST, planned_moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfmc_sandbox.world.plan import Plan
    from sfmc_sandbox.world.stories import Story

_CAMPAIGNS = (
    ("Weekly offers", "This week: {n} offers picked for you"),
    ("Newsletter", "News from us, number {n}"),
    ("Order follow-up", "How was your order?"),
    ("Seasonal sale", "The sale starts today"),
    ("Product update", "What is new in release {n}"),
    ("Loyalty points", "You have {n} points"),
    ("Event invitation", "You are invited"),
    ("Abandoned basket", "You left something behind"),
    ("Survey", "Two minutes for {n} questions"),
    ("Account notice", "About your account"),
)


@dataclass(frozen=True, slots=True)
class Job:
    """One send. Times are milliseconds since 1970 UTC."""

    number: int  # JobID = SendID
    unit: int
    list_id: int
    start_ms: int
    length_ms: int  # how long the messages take to leave
    size: int  # recipients aimed at
    email_id: int
    name: str
    subject: str
    first_batch: int
    batches: int
    triggered: str  # ObjectID of the triggered send definition, or ''
    triggered_key: str
    to_dormant: bool  # goes to the old list


def make_jobs(plan: Plan, tales: Sequence[Story], rng: np.random.Generator) -> list[Job]:
    """All jobs of the span in time order; the stories get theirs."""
    moments = _moments(plan, rng)
    shares = np.array([unit.share for unit in plan.units])
    units = rng.choice(len(shares), size=plan.jobs, p=shares / shares.sum())
    dormant = _place_stories(moments, units, tales)
    order = np.argsort(moments, kind="stable")
    # A job reaches a share of its unit's people, so sizes follow the unit and a spread.
    weights = rng.lognormal(0.0, 0.35, size=plan.jobs) * shares[units]
    for place, story in dormant.items():
        weights[place] = weights.mean() * (1.2 if story == OLD_LIST else 1.0)
    sizes = np.maximum(20, weights / weights.sum() * plan.sends).astype(int)
    return [
        _job(rank, rng, slot=_Slot(int(units[place]), int(moments[place]), int(sizes[place])),
             to_dormant=dormant.get(place) == OLD_LIST)
        for rank, place in enumerate(order.tolist())
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place in the calendar."""

    unit: int
    start: int
    size: int


def _moments(plan: Plan, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Working hours of UTC-6, most on weekdays; the last job starts an hour before the end."""
    span = plan.until_ms - plan.start_ms - HOUR_MS
    moments = plan.start_ms + (rng.random(plan.jobs) * span).astype(np.int64)
    hour = rng.integers(12, 22, size=plan.jobs) * HOUR_MS  # 06:00 to 16:00 in UTC-6
    moments = moments // DAY_MS * DAY_MS + hour + rng.integers(0, 3600, size=plan.jobs) * 1000
    weekday = (moments // DAY_MS + 3) % 7  # 1970-01-01 was a Thursday
    moments -= np.where(weekday >= 5, (weekday - 4) * DAY_MS, 0)
    return np.clip(moments, plan.start_ms, plan.until_ms - HOUR_MS)


def _place_stories(
    moments: np.ndarray[tuple[int], np.dtype[np.int64]],
    units: np.ndarray[tuple[int], np.dtype[np.int64]],
    tales: Sequence[Story],
) -> dict[int, str]:
    """Moves the nearest jobs into each story's window; returns which job serves which story."""
    taken: dict[int, str] = {}
    for story in tales:
        distance = np.abs(moments - story.start_ms)
        distance[list(taken)] = np.iinfo(np.int64).max
        for number, place in enumerate(np.argsort(distance)[: story.jobs]):
            moments[place] = planned_moment(story, number)
            if story.unit is not None:
                units[place] = story.unit
            taken[int(place)] = story.name
    return taken


def _job(rank: int, rng: np.random.Generator, *, slot: _Slot, to_dormant: bool) -> Job:
    unit, start = slot.unit, slot.start
    name, subject = _CAMPAIGNS[int(rng.integers(len(_CAMPAIGNS)))]
    lot = int(rng.integers(1 << 62))
    is_triggered = not to_dormant and rng.random() < 0.12
    day = str(np.datetime64(start, "ms"))[:10]
    title = "Welcome back 2019 customers" if to_dormant else name
    return Job(
        number=2_001_000 + rank * 7,
        unit=unit,
        list_id=44_600 + unit * 10 + lot % 3 + 1,
        start_ms=start,
        length_ms=DAY_MS if is_triggered else int(rng.integers(1, 4)) * HOUR_MS,
        size=slot.size,
        email_id=297_900 + lot % 97,
        name=f"{title} {day}",
        subject="We miss you" if to_dormant else subject.format(n=lot % 40 + 3),
        first_batch=lot % 9_000 + 100,
        batches=1 + lot % 3,
        triggered=str(UUID(int=lot << 60 | lot, version=4)) if is_triggered else "",
        triggered_key=f"{name.lower().replace(' ', '_')}_{unit}" if is_triggered else "",
        to_dormant=to_dormant,
    )
