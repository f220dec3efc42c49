"""The planted stories: what goes wrong in a world, when, for whom, and with which words.

Each story is a window of time, the jobs that fall into it and the odds of its bounce.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfmc_sandbox.clock import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from sfmc_sandbox.world.plan import Plan

OLD_LIST = "old_list"
FULL_REPEATERS = "mailbox_full_repeaters"


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


def stories(plan: Plan) -> tuple[Story, ...]:
    """The stories of a plan, in time order."""
    last = len(plan.units) - 1
    told = []
    for tale in sorted(plan.tales, key=lambda t: t.at):
        start = plan.at(tale.at)
        unit = None if tale.unit is None else min(tale.unit, last)
        told.append(
            Story(
                tale.name, tale.reason, start, start + int(tale.days * DAY_MS), unit,
                tale.families, tale.odds, tale.jobs,
            )
        )  # fmt: skip
    return tuple(told)


def planned_moment(story: Story, number: int) -> int:
    """When the story's job of that number starts, milliseconds since 1970 UTC."""
    step = (story.end_ms - story.start_ms - 10 * HOUR_MS) // max(1, story.jobs)
    return story.start_ms + 2 * HOUR_MS + number * max(step, HOUR_MS)
