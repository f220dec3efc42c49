"""The planted stories: what goes wrong in a world, when, for whom, and with which words.

Each story is a window of time, the jobs that fall into it and the odds of its bounce.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sfmc_sandbox.clock import DAY_MS, HOUR_MS
from sfmc_sandbox.world.people import DEATHS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from sfmc_sandbox.world.domains import Domains
    from sfmc_sandbox.world.people import People
    from sfmc_sandbox.world.plan import Plan, Tale

OLD_LIST = "old_list"
FULL_REPEATERS = "mailbox_full_repeaters"
KILLED = {name: place for place, (name, _) in enumerate(DEATHS)}  # reasons by place


@dataclass(frozen=True, slots=True)
class Story:
    """A wrong of limited time."""

    name: str
    reason: str  # what its replies mean, in the taxonomy's words
    start_ms: int
    end_ms: int
    unit: int | None  # index of the business unit; None = all
    families: tuple[str, ...]  # receiving families; empty = all
    odds: float  # that a message in the window bounces for it
    jobs: int  # how many jobs are planned into the window
    rest_ms: tuple[int, int] = (0, 0)  # within the window, nothing goes wrong
    domains: tuple[str, ...] = ()  # receiving domains; empty = those of the families
    kills: bool = False  # whom it strikes is dead from its beginning on
    asleep_ms: int = 0  # the old list was mailed until so long before; 0 = never

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """When it goes wrong: once, or before and after a rest."""
        first, last = self.rest_ms
        if first >= last:
            return ((self.start_ms, self.end_ms),)
        return ((self.start_ms, first), (last, self.end_ms))


def stories(plan: Plan) -> tuple[Story, ...]:
    """The stories of a plan, in time order."""
    last = len(plan.units) - 1
    told = []
    for tale in sorted(plan.tales, key=lambda t: plan.at(t.at)):
        start = plan.at(tale.at) + int(tale.hours * HOUR_MS)
        unit = None if tale.unit is None else min(tale.unit, last)
        told.append(
            Story(
                tale.name, tale.reason, start, start + int(tale.days * DAY_MS), unit,
                tale.families, tale.odds, tale.jobs, _rest(tale, start), tale.domains, tale.kills,
                int(tale.asleep_days * DAY_MS),
            )
        )  # fmt: skip
    return tuple(told)


def _rest(tale: Tale, start: int) -> tuple[int, int]:
    first, last = tale.rest or (0.0, 0.0)
    return start + int(first * HOUR_MS), start + int(last * HOUR_MS)


def planned_moment(story: Story, number: int) -> int:
    """When the story's job of that number starts, milliseconds since 1970 UTC."""
    if len(story.spans) > 1:  # in turn, so that each of them is met
        start, end = story.spans[number % 2]
        return start + (end - start) * (number // 2) // max(1, story.jobs // 2)
    step = (story.end_ms - story.start_ms - 10 * HOUR_MS) // max(1, story.jobs)
    return story.start_ms + 2 * HOUR_MS + number * max(step, HOUR_MS)


def where(
    story: Story, domains: Domains, domain: NDArray[np.int16], families: NDArray[np.int16]
) -> NDArray[np.bool_]:
    """Whose mailbox is where the story plays: its domains, or else its families."""
    if story.domains:
        return np.isin(domain, domains.places(story.domains))
    return np.isin(families, domains.numbers(story.families))


def dormancy(tales: Iterable[Story]) -> tuple[int, int]:
    """When the old list is mailed again, and since when it was not, milliseconds since 1970 UTC."""
    old = [tale for tale in tales if tale.name == OLD_LIST]
    since = min((tale.start_ms for tale in old), default=0)
    return since, min((t.start_ms - t.asleep_ms for t in old if t.asleep_ms), default=-(1 << 62))


def shape(people: People, domains: Domains, tales: Iterable[Story], seed: int) -> None:
    """What stories make of people before anything is sent: who is on the old list and dead there,
    and whom a story kills."""
    rng = np.random.default_rng([seed, 3])
    families = domains.family[people.domain]
    for tale in tales:
        chance = rng.random(len(people))
        if tale.name == OLD_LIST:
            if tale.families or tale.domains:
                people.is_dormant &= where(tale, domains, people.domain, families)
            if tale.odds:
                stale = people.is_dormant & (chance < tale.odds)
                people.dead_from[people.is_dormant] = 1 << 62
                since = tale.start_ms - rng.integers(1, max(tale.asleep_ms, 2), len(people))
                people.dead_from[stale] = since[stale]
        elif tale.kills:
            hit = where(tale, domains, people.domain, families) & (chance < tale.odds)
            if tale.unit is not None:
                hit &= people.unit == tale.unit
            hit &= people.dead_from > tale.start_ms
            people.dead_from[hit] = tale.start_ms
            people.death[hit] = KILLED.get(tale.reason, 0)
