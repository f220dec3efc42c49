"""What changed between two windows, and how sure that is: rates by provider, reason, sender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bouncelens.decide.change import Difference, Share, difference, wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bouncelens.service.report import Answer

# Question and its column. Of reasons, what is not there did not happen.
_COMPARED = (
    ("by_reason", "reason"),
    ("by_provider", "provider"),
    ("by_sender_domain", "sender_domain"),
    ("by_account", "account"),
)
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Change:
    """One rate in both windows. `extra`: messages that bounced more than at the earlier rate."""

    dimension: str
    name: str
    before: Share
    after: Share
    difference: Difference

    @property
    def extra(self) -> float:
        """Negative: fewer."""
        return self.after.part - self.before.rate * self.after.whole

    @property
    def interval(self) -> tuple[float, float]:
        """The later rate's 95 % interval."""
        return wilson(self.after, _Z)


def whole_change(before: Answer, after: Answer) -> Change | None:
    """The change of the whole rate; None where one of the windows has no known sends."""
    shares = [_share(next(iter(found.records()), {})) for found in (before, after)]
    if shares[0] is None or shares[1] is None:
        return None
    return Change("", "", shares[0], shares[1], difference(shares[0], shares[1]))


def changes_between(
    after: Callable[[str], Answer], before: Callable[[str], Answer], *, min_sent: int
) -> tuple[int, tuple[Change, ...]]:
    """How many rates were compared, and those that clearly changed, the largest first. Their
    intervals hold all at once. `after`, `before`: answer a question in that window."""
    pairs = [
        (dimension, name, earlier, later)
        for question, dimension in _COMPARED
        for name, earlier, later in _pairs(before(question), after(question), dimension)
        if min(earlier.whole, later.whole) >= max(min_sent, 1)
    ]
    found = (
        Change(dimension, name, earlier, later, difference(earlier, later, compared=len(pairs)))
        for dimension, name, earlier, later in pairs
    )
    # A sender that is a business unit's only one says the same twice.
    clear = {(c.before, c.after): c for c in found if c.difference.is_clear}
    return len(pairs), tuple(sorted(clear.values(), key=lambda change: -abs(change.extra)))


def _pairs(before: Answer, after: Answer, dimension: str) -> Iterator[tuple[str, Share, Share]]:
    earlier, later = _shares(before, dimension), _shares(after, dimension)
    if dimension == "account" and len(earlier.keys() | later.keys()) < 2:
        return  # the whole once more
    absent = {"reason": _none_of(before)}, {"reason": _none_of(after)}
    for name in sorted(earlier.keys() | later.keys()):
        first = earlier.get(name) or absent[0].get(dimension)
        second = later.get(name) or absent[1].get(dimension)
        if first is not None and second is not None:
            yield name, first, second


def _none_of(found: Answer) -> Share | None:
    whole = max((record["sent"] or 0 for record in found.records()), default=0)
    return Share(0, whole) if whole else None


def _shares(found: Answer, dimension: str) -> dict[str, Share]:
    """By name; a reason with several kinds of verdict is one."""
    shares: dict[str, Share] = {}
    for record in found.records():
        share, name = _share(record), record[dimension]
        if share is None or name is None:
            continue
        known = shares.get(str(name))
        part = share.part + (known.part if known else 0)
        shares[str(name)] = Share(min(part, share.whole), share.whole)
    return shares


def _share(record: Mapping[str, Any]) -> Share | None:
    sent = record.get("sent")
    if not sent:
        return None
    return Share(min((record["bounced"] or 0) - (record["uncounted"] or 0), sent), sent)
