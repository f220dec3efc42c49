"""Sends job after job: who is mailed, what bounces and why, what that does to a subscriber.

A dead address bounces at every send until Marketing Cloud holds it: three bounces, fifteen days
between first and last (fact sheet 5).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from sfmc_sandbox.clock import DAY_MS, HOUR_MS
from sfmc_sandbox.world.people import DEATHS, NEVER
from sfmc_sandbox.world.stories import OLD_LIST, dormancy, where

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sfmc_sandbox.world.jobs import Job
    from sfmc_sandbox.world.setting import Setting
    from sfmc_sandbox.world.stories import Story

HELD_BOUNCES = 3
HELD_DAYS = 15
RETRY_MS = 72 * HOUR_MS
NO_STORY = -1


@cache
def causes() -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Reasons of everyday trouble, their cumulated odds per message, their share of late ones."""
    text = (files("sfmc_sandbox") / "world" / "causes.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["cause"]
    odds = np.cumsum([row["odds"] for row in rows]) / 100_000
    return tuple(r["reason"] for r in rows), odds, np.array([row["late"] for row in rows])


REASONS: tuple[str, ...] = tuple(
    dict.fromkeys([*(name for name, _ in DEATHS), "mailbox_full", *causes()[0]])
)


# Reasons that Marketing Cloud files under hard and soft, which are known to count towards Held;
# whether blocks and technical trouble do is not known, so it is a setting (fact sheet 5).
_ABOUT_PEOPLE = np.array(
    [
        REASONS.index(name)
        for name in (*(name for name, _ in DEATHS), "mailbox_full", "recipient_refused",
                     "recipient_rate_limited", "delivery_expired", "system_unavailable")
    ],
    dtype=np.int8,
)  # fmt: skip


@dataclass(slots=True)
class Sent:
    """One job's messages and bounces, as columns; `row` is the subscriber's number."""

    job: Job
    row: NDArray[np.int32]
    sent_ms: NDArray[np.int64]
    batch: NDArray[np.int64]
    held: NDArray[np.int32]  # rows not sent to because they are Held
    # bounces: places into the columns above, and what is planted
    at: NDArray[np.int32]
    bounce_ms: NDArray[np.int64]
    reason: NDArray[np.int8]  # index into REASONS
    story: NDArray[np.int8]  # index into the stories' names, or NO_STORY
    is_alive: NDArray[np.bool_]
    is_delayed: NDArray[np.bool_]


@dataclass(slots=True)
class Standing:
    """What Marketing Cloud knows of each subscriber's bounces so far."""

    count: NDArray[np.int32]
    first_ms: NDArray[np.int64]
    last_ms: NDArray[np.int64]
    held_ms: NDArray[np.int64]
    unsubscribed_ms: NDArray[np.int64]
    opened_ms: NDArray[np.int64]  # the last open
    waiting: list[tuple[NDArray[np.int64], NDArray[np.int32]]] = field(default_factory=list)

    @classmethod
    def fresh(cls, count: int) -> Standing:
        """Everybody active."""
        return cls(
            np.zeros(count, dtype=np.int32), np.full(count, NEVER), np.full(count, -NEVER),
            np.full(count, NEVER), np.full(count, NEVER), np.full(count, -NEVER),
        )  # fmt: skip

    def note(self, moments: NDArray[np.int64], rows: NDArray[np.int32]) -> None:
        """Bounces that will be in tracking at their moments."""
        self.waiting.append((moments, rows))

    def advance(self, now_ms: int) -> None:
        """Count what is in tracking by now; hold whom the rule holds."""
        if not self.waiting:
            return
        moments = np.concatenate([pair[0] for pair in self.waiting])
        rows = np.concatenate([pair[1] for pair in self.waiting])
        due = moments <= now_ms
        self.waiting = [(moments[~due], rows[~due])]
        moments, rows = moments[due], rows[due]
        np.add.at(self.count, rows, 1)
        np.minimum.at(self.first_ms, rows, moments)
        np.maximum.at(self.last_ms, rows, moments)
        held = (self.count[rows] >= HELD_BOUNCES) & (
            self.last_ms[rows] - self.first_ms[rows] >= HELD_DAYS * DAY_MS
        )
        newly = rows[held & (self.held_ms[rows] == NEVER)]
        self.held_ms[newly] = self.last_ms[newly]


def send_all(jobs: Sequence[Job], setting: Setting, standing: Standing) -> Iterator[Sent]:
    """Every job in time order; `standing` moves on with it. Deterministic in the plan's seed."""
    families = setting.families
    for job in jobs:
        rng = np.random.default_rng([setting.plan.seed, job.number])
        standing.advance(job.start_ms)
        sent = _recipients(job, setting, standing, rng=rng)
        _bounce(sent, setting, families[sent.row], rng=rng)
        counts = np.isin(sent.reason, _ABOUT_PEOPLE) | setting.plan.blocks_count
        standing.note(sent.bounce_ms[counts], sent.row[sent.at][counts])
        yield sent


def _recipients(
    job: Job, setting: Setting, standing: Standing, *, rng: np.random.Generator
) -> Sent:
    people = setting.people
    since, asleep = dormancy(setting.tales)
    pool = (people.unit == job.unit) & (people.joined <= job.start_ms)
    pool &= standing.unsubscribed_ms > job.start_ms
    if job.to_dormant:
        pool &= people.is_dormant
    elif asleep <= job.start_ms < since:
        pool &= ~people.is_dormant
    rows = np.flatnonzero(pool).astype(np.int32)
    if not job.to_dormant and len(rows) > job.size:
        rows = np.sort(rng.choice(rows, size=job.size, replace=False))
    is_held = standing.held_ms[rows] <= job.start_ms
    held, rows = rows[is_held], rows[~is_held]
    offset = np.sort((rng.random(len(rows)) ** 1.5 * job.length_ms).astype(np.int64))
    rows = rng.permutation(rows)
    batch = job.first_batch + offset * job.batches // max(1, job.length_ms)
    empty = np.zeros(0, dtype=np.int64)
    return Sent(
        job, rows, job.start_ms + offset, batch, held, empty.astype(np.int32), empty,
        empty.astype(np.int8), empty.astype(np.int8), empty.astype(bool), empty.astype(bool),
    )  # fmt: skip


def _bounce(
    sent: Sent, setting: Setting, families: NDArray[np.int16], *, rng: np.random.Generator
) -> None:
    """Decide, per message, in this order: story, dead address, full mailbox, everyday trouble.
    `families`: who runs each recipient's mailbox."""
    people, tales = setting.people, setting.tales
    rows, moments = sent.row, sent.sent_ms
    reason = np.full(len(rows), -1, dtype=np.int8)
    story = np.full(len(rows), NO_STORY, dtype=np.int8)
    late = np.zeros(len(rows))
    names, odds, shares = causes()
    trouble = np.searchsorted(odds * setting.plan.noise, rng.random(len(rows)))
    hit = trouble < len(names)
    lookup = np.array([REASONS.index(name) for name in names], dtype=np.int8)
    reason[hit] = lookup[trouble[hit]]
    late[hit] = shares[trouble[hit]]
    full = (people.full_from[rows] <= moments) & (moments < people.full_until[rows])
    reason[full] = REASONS.index("mailbox_full")
    story[full] = len(tales)
    late[full] = 0.5
    dead = people.dead_from[rows] <= moments
    deaths = np.array([REASONS.index(name) for name, _ in DEATHS], dtype=np.int8)
    reason[dead] = deaths[people.death[rows[dead]]]
    late[dead] = 0.0
    story[dead] = NO_STORY
    for number, tale in enumerate(tales):
        if tale.name == OLD_LIST:
            story[dead & sent.job.to_dormant] = number
            continue
        if tale.kills:
            story[dead & (people.dead_from[rows] == tale.start_ms)] = number
            continue
        struck = _in_window(tale, sent) & (rng.random(len(rows)) < tale.odds)
        struck &= where(tale, setting.domains, people.domain[rows], families)
        story[struck] = number
        reason[struck] = REASONS.index(tale.reason)
        late[struck] = 0.0
    at = np.flatnonzero(reason >= 0).astype(np.int32)
    sent.at, sent.reason, sent.story = at, reason[at], story[at]
    sent.is_alive = ~dead[at]
    _time(sent, late[at], rng=rng)


def _in_window(tale: Story, sent: Sent) -> NDArray[np.bool_]:
    """Which messages of a job leave while the story lasts."""
    if tale.unit is not None and tale.unit != sent.job.unit:
        return np.zeros(len(sent.row), dtype=bool)
    inside = np.zeros(len(sent.row), dtype=bool)
    for start, end in tale.spans:
        inside |= (start <= sent.sent_ms) & (sent.sent_ms < end)
    return inside


def _time(sent: Sent, late: NDArray[np.float64], *, rng: np.random.Generator) -> None:
    """When each bounce enters tracking: at once, after 72 hours of retries, or days later."""
    count = len(sent.at)
    delay = (rng.exponential(40_000, size=count) + 900).astype(np.int64)
    after_retries = rng.random(count) < late
    delay[after_retries] = RETRY_MS + rng.integers(0, 900_000, size=int(after_retries.sum()))
    # A few servers accept first and send a report of non-delivery hours or days later.
    by_report = ~after_retries & (rng.random(count) < 0.07)
    delay[by_report] = rng.integers(HOUR_MS, 5 * DAY_MS, size=int(by_report.sum()))
    sent.is_delayed = by_report
    sent.bounce_ms = sent.sent_ms[sent.at] + delay
    _repeat(sent, rng=rng)


def _repeat(sent: Sent, *, rng: np.random.Generator) -> None:
    """Some bounces are reported once more, days later: IsUnique is 0 for those."""
    again = np.flatnonzero(rng.random(len(sent.at)) < 0.006)
    lag = rng.integers(2 * HOUR_MS, 4 * DAY_MS, size=len(again))
    sent.bounce_ms = np.concatenate([sent.bounce_ms, sent.bounce_ms[again] + lag])
    sent.is_delayed = np.concatenate([sent.is_delayed, np.ones(len(again), dtype=bool)])
    sent.at = np.concatenate([sent.at, sent.at[again]])
    sent.reason = np.concatenate([sent.reason, sent.reason[again]])
    sent.story = np.concatenate([sent.story, sent.story[again]])
    sent.is_alive = np.concatenate([sent.is_alive, sent.is_alive[again]])
