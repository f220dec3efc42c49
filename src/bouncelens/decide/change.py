"""Whether a rate has changed: the interval of the difference of two shares.

Newcombe (1998), method 10: the two Wilson intervals, put together. It keeps its promise for small
counts and for shares near nought, where the usual formula does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole` messages; `part` is at most `whole`."""

    part: int
    whole: int

    @property
    def rate(self) -> float:
        """0 to 1. The whole must not be empty."""
        return self.part / self.whole


@dataclass(frozen=True, slots=True)
class Difference:
    """After less before, with its interval; all from -1 to 1."""

    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether it is above nought, or below it, in the whole interval."""
        return self.low > 0 or self.high < 0


def difference(
    before: Share, after: Share, *, compared: int = 1, error: float = 0.05
) -> Difference:
    """The difference of two rates. `compared`: how many are looked at together; with that many,
    all intervals hold at once in all but `error` of the cases (Bonferroni)."""
    z = NormalDist().inv_cdf(1 - error / (2 * max(1, compared)))
    low1, high1 = wilson(before, z)
    low2, high2 = wilson(after, z)
    value = after.rate - before.rate
    return Difference(
        value,
        max(-1.0, value - math.hypot(after.rate - low2, high1 - before.rate)),
        min(1.0, value + math.hypot(high2 - after.rate, before.rate - low1)),
    )


def wilson(share: Share, z: float) -> tuple[float, float]:
    """The interval of a rate (Wilson 1927) at a quantile of the normal distribution."""
    n, p = share.whole, share.rate
    middle = p + z * z / (2 * n)
    root = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (middle - root) / scale), min(1.0, (middle + root) / scale)
