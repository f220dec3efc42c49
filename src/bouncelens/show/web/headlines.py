"""The numbers that nobody else shows: each with what it is a part of, and the way to its page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bouncelens.show.web.filters import Filters
    from bouncelens.show.web.source import Source

_MOST = 10_000  # subscribers that are counted one by one


@dataclass(frozen=True, slots=True)
class Tile:
    """One headline number with the number it is a part of."""

    title: str
    number: str
    words: str
    link: str = ""


def headlines(source: Source, filters: Filters, names: Mapping[int, str]) -> tuple[Tile, ...]:
    """Tiles of the questions that look at more than one bounce. `names`: of the business units.
    Raises StoreError."""
    return (
        _still_mailed(source, filters),
        _engaged(source, filters),
        _recurring(source, filters),
        _freshness(source, filters, names),
    )


def _still_mailed(source: Source, filters: Filters) -> Tile:
    name = "still_mailed_after_hard_bounce"
    rows = list(source.ask(name, filters).records())
    again = sum(row["mailed_again"] for row in rows)
    whole = sum(row["addresses"] for row in rows)
    part = f"{100 * again / whole:.1f} % " if whole else ""
    words = f"{part}of {whole:,} addresses with a hard bounce. SFMC mails on until they are held."
    return Tile("Still mailed after a hard bounce", f"{again:,}", words, _to(filters, name))


def _engaged(source: Source, filters: Filters) -> Tile:
    name = "bounced_but_engaged"
    told = source.ask("still_mailed_after_hard_bounce", filters).records()
    if all(row["status"] == "not known" for row in told):
        words = "No route told who opens and clicks: the query route does."
        return Tile("Bounced but engaged", "–", words, _to(filters, name))
    count = len(source.ask(name, filters, limit=_MOST).rows)
    number = f"{count:,}" if count < _MOST else f"{_MOST:,} or more"
    words = "Opened or clicked after a hard bounce: look before you suppress them."
    return Tile("Bounced but engaged", number, words, _to(filters, name))


def _recurring(source: Source, filters: Filters) -> Tile:
    name = "soft_bounce_recurrence"
    rows = list(source.ask(name, filters).records())
    again = sum(row["addresses"] for row in rows if row["messages"] not in ("1", "2"))
    whole = sum(row["addresses"] for row in rows)
    words = f"Of {whole:,} addresses that bounced softly, with three messages or more."
    return Tile("Soft bounces that come again", f"{again:,}", words, _to(filters, name))


def _freshness(source: Source, filters: Filters, names: Mapping[int, str]) -> Tile:
    """The business unit and route with the fewest days left; of all time, whatever the window."""
    name, ever = "freshness", replace(filters, since=None, until=None)
    latest: dict[int, int] = {}
    for row in source.ask(name, ever).records():
        left = row["views_days_left"]
        latest[row["account"]] = max(left, latest.get(row["account"], 0))
    if not latest:
        return Tile("Days until SFMC forgets", "–", "Nothing is stored yet.", _to(ever, name))
    account = min(latest, key=lambda mid: latest[mid])
    unit = names.get(account, str(account))
    words = f"In data views, for what came since the last bounce of business unit {unit}."
    return Tile("Days until SFMC forgets", f"{latest[account]:,}", words, _to(ever, name))


def _to(filters: Filters, question: str) -> str:
    return filters.to(f"/questions/{question}")
