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

    def told(at: float, days: float) -> tuple[int, int]:
        start = plan.at(at)
        return start, start + int(days * DAY_MS)

    old, block = told(0.27, 1), told(0.48, 4)
    dmarc, false = told(0.68, 5), told(0.86, 1.25)
    return (
        Story(OLD_LIST, "unknown_user", *old, min(1, last), (), 0.0, 1),
        Story(
            "microsoft_block", "blocklisted", *block, min(2, last),
            ("microsoft_consumer",), 0.93, 4,
        ),
        Story(
            "dmarc_break", "auth_failure", *dmarc, min(3, last),
            ("google", "microsoft_consumer", "microsoft365", "yahoo", "comcast", "gmx", "mimecast"),
            0.34, 3,
        ),
        Story("gmail_false_bounce", "unknown_user", *false, None, ("google",), 0.62, 4),
    )  # fmt: skip


def planned_moment(story: Story, number: int) -> int:
    """When the story's job of that number starts, milliseconds since 1970 UTC."""
    step = (story.end_ms - story.start_ms - 10 * HOUR_MS) // max(1, story.jobs)
    return story.start_ms + 2 * HOUR_MS + number * max(step, HOUR_MS)
