"""What living readers do with a message: open, click, unsubscribe, complain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sfmc_sandbox.clock import DAY_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sfmc_sandbox.world.mail import Sent, Standing
    from sfmc_sandbox.world.setting import Setting

LINKS = ("offers", "account", "story", "help", "shop")


@dataclass(frozen=True, slots=True)
class Acts:
    """One kind of event of one job: places into the job's messages, and moments (ms, UTC)."""

    at: NDArray[np.int32]
    moment_ms: NDArray[np.int64]


def engage(
    sent: Sent, setting: Setting, standing: Standing, *, feedback: NDArray[np.bool_]
) -> dict[str, Acts]:
    """Opens, clicks, unsubscribes and complaints of a job. `feedback`: per subscriber, whether
    the mailbox provider reports complaints (Gmail never does)."""
    people = setting.people
    rng = np.random.default_rng([setting.plan.seed, sent.job.number, 2])
    count = len(sent.row)
    lag = (rng.exponential(0.9, size=count) ** 2 * DAY_MS).astype(np.int64) + 4_000
    reached = np.ones(count, dtype=bool)
    reached[sent.at] = False
    reached &= people.dead_from[sent.row] > sent.sent_ms
    odds = people.engagement[sent.row] * setting.plan.engagement
    opened = reached & (rng.random(count) < odds)
    clicked = opened & (rng.random(count) < 0.14)
    left = opened & (rng.random(count) < 0.006)
    complained = reached & feedback[sent.row] & (rng.random(count) < 0.0006)
    moment = sent.sent_ms + lag
    np.maximum.at(standing.opened_ms, sent.row[opened], moment[opened])
    for gone in (left, complained):
        rows = sent.row[gone]
        standing.unsubscribed_ms[rows] = np.minimum(
            standing.unsubscribed_ms[rows], moment[gone] + 60_000
        )

    def acts(chosen: NDArray[np.bool_], later_ms: int) -> Acts:
        return Acts(np.flatnonzero(chosen).astype(np.int32), moment[chosen] + later_ms)

    return {
        "open": acts(opened, 0),
        "click": acts(clicked, 9_000),
        "unsub": acts(left | complained, 60_000),
        "complaint": acts(complained, 30_000),
    }
