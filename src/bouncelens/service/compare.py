"""The two sides of a comparison, and its result in one sentence."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bouncelens.errors import InputInvalid
from bouncelens.service.narrow import read_conditions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bouncelens.service.digest_changes import Change

_TOLD = 3  # providers, and reasons, in a sentence
_SIDES = ("since", "until", "job", "campaign")
_SPAN = re.compile(r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})")


def other_side(
    filters: Mapping[str, Any], against: Sequence[str], *, now: datetime | None = None
) -> dict[str, object]:
    """What `filters` are compared with, as parameters of the question `compare`.

    `against`: conditions on since, until, job or campaign, or a span `2026-01-01..2026-02-01`;
    without any, the period of the same length just before. Raises InputInvalid.
    """
    if against:
        found = read_conditions(_spelt(against))
        if odd := [name for name in found if name not in _SIDES]:
            raise InputInvalid(
                f"{odd[0]!r} cannot differ between the two sides.",
                advice=f"Compare by {', '.join(_SIDES)}, and narrow both sides with --where.",
            )
        return {f"other_{name}": value for name, value in found.items()}
    since = filters.get("since")
    if since is None:
        raise InputInvalid(
            "A comparison needs two sides.",
            advice="Say --since for a period and the one before it, or --against 'campaign=…'.",
        )
    until = filters.get("until") or _next_midnight(now or datetime.now(UTC))
    return {"other_since": since - (until - since), "other_until": since}


def _next_midnight(moment: datetime) -> datetime:
    """Whole days are compared, today with as much of it as there is."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)


def sides(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The filters of the side before, and of the side after, for a question about one of them."""
    both = {name: v for name, v in given.items() if not name.startswith("other_")}
    before = {name: v for name, v in both.items() if name not in _SIDES}
    other = {f"other_{name}": name for name in _SIDES}
    before |= {name: given[key] for key, name in other.items() if given.get(key) is not None}
    return before, both


def sentences(rows: Iterable[Mapping[str, Any]], change: Change | None) -> tuple[str, ...]:
    """The difference, how sure it is, and where it comes from. `change`: of the whole rate."""
    parts = [row for row in rows if row["difference"] is not None]
    if change is None:
        return ("What was sent is not known on both sides, so nothing can be compared.",)
    rate, mix = (sum(row[name] for row in parts) for name in ("rate_effect", "mix_effect"))
    found, before, after = change.difference, change.before, change.after
    certainty = (
        f"{_percent(after.rate)} of {after.whole:,} messages bounced, {_percent(before.rate)} of "
        f"{before.whole:,} before: {_points(found.value)} percentage points "
        f"(95 % interval {_points(found.low)} to {_points(found.high)}), "
        f"{'a' if found.is_clear else 'no'} clear change."
    )
    split = (
        f"The whole rate changed by {_points(found.value)} points: {_points(rate)} because "
        f"providers refused more or less, {_points(mix)} because of where the mail went."
    )
    largest = (_largest(parts, name) for name in ("provider", "reason") if parts)
    return (certainty, split, *largest)


def _largest(rows: Iterable[Mapping[str, Any]], name: str) -> str:
    """What adds most to the difference, by one column."""
    sums: dict[str, float] = {}
    for row in rows:
        sums[row[name]] = sums.get(row[name], 0.0) + row["difference"]
    most = sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))
    told = ", ".join(f"{word} {_points(share)}" for word, share in most[:_TOLD])
    rest = sum(share for _, share in most[_TOLD:])
    return f"By {name}: {told}{f', all others {_points(rest)}' if len(most) > _TOLD else ''}."


def _spelt(against: Sequence[str]) -> Iterable[str]:
    for condition in against:
        if span := _SPAN.fullmatch(condition.strip()):
            yield f"since={span[1]}"
            yield f"until={span[2]}"
        else:
            yield condition


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _points(share: float) -> str:
    return f"{100 * share:+.2f}"
