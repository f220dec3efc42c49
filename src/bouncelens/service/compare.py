"""The two sides of a comparison, and its result in one sentence."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bouncelens.errors import InputInvalid
from bouncelens.service.narrow import read_conditions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
    until = filters.get("until") or now or datetime.now(UTC)
    return {"other_since": since - (until - since), "other_until": since}


def sentence(rows: Iterable[Mapping[str, Any]]) -> str:
    """The differences of all rows, summed up."""
    parts = [row for row in rows if row["difference"] is not None]
    if not parts:
        return "What was sent is not known on both sides, so nothing can be compared."
    whole, rate, mix = (
        sum(row[name] for row in parts) for name in ("difference", "rate_effect", "mix_effect")
    )
    return (
        f"The whole rate changed by {_points(whole)} percentage points: {_points(rate)} because "
        f"providers refused more or less, {_points(mix)} because of where the mail went."
    )


def _spelt(against: Sequence[str]) -> Iterable[str]:
    for condition in against:
        if span := _SPAN.fullmatch(condition.strip()):
            yield f"since={span[1]}"
            yield f"until={span[2]}"
        else:
            yield condition


def _points(share: float) -> str:
    return f"{100 * share:+.2f}"
