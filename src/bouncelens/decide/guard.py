"""Guard rails: what must not be applied without somebody saying why. Pure; settings are limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bouncelens.settings import GuardSettings

EVERYBODY = "all"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the guard rails look at. Counts are addresses."""

    added: Mapping[str, int] = field(default_factory=dict)  # by provider
    mailable: Mapping[str, int] = field(default_factory=dict)  # by provider, and EVERYBODY
    known_until: datetime | None = None  # the data is complete up to there; None: no data
    partial: str = ""  # what the last pull lacks; empty: nothing
    incidents: Sequence[tuple[int, str]] = ()  # open ones: number, provider


@dataclass(frozen=True, slots=True)
class Finding:
    """A guard rail in the way."""

    rail: str  # list_share, provider_share, stale, partial or incident
    sentence: str


def findings(facts: Facts, limits: GuardSettings, now: datetime) -> tuple[Finding, ...]:
    """Every guard rail in the way of a plan; none: it may be applied."""
    found = [
        *_shares(facts, limits),
        *_data(facts, limits, now),
        *(
            Finding(
                "incident",
                f"Incident {number} is open for {provider}, and the plan adds "
                f"{facts.added[provider]:,} of its addresses.",
            )
            for number, provider in facts.incidents
            if facts.added.get(provider)
        ),
    ]
    return tuple(found)


def _shares(facts: Facts, limits: GuardSettings) -> list[Finding]:
    found = []
    total = sum(facts.added.values())
    everybody = limits.mailable or facts.mailable.get(EVERYBODY, 0)
    if total > max(limits.least, everybody * limits.list_pct / 100):
        found.append(
            Finding(
                "list_share",
                f"It adds {total:,} addresses, {_of(total, everybody)} mailable ones; "
                f"guard.list_pct is {limits.list_pct:g} %.",
            )
        )
    for provider, count in sorted(facts.added.items()):
        whole = facts.mailable.get(provider, 0)
        if count > max(limits.least, whole * limits.provider_pct / 100):
            found.append(
                Finding(
                    "provider_share",
                    f"It adds {count:,} addresses of {provider}, {_of(count, whole)} mailable "
                    f"ones there; guard.provider_pct is {limits.provider_pct:g} %.",
                )
            )
    return found


def _of(count: int, whole: int) -> str:
    return f"{100 * count / whole:.1f} % of {whole:,}" if whole else "of an unknown number of"


def _data(facts: Facts, limits: GuardSettings, now: datetime) -> list[Finding]:
    found = []
    if facts.known_until is None:
        found.append(Finding("stale", "Nothing was ever pulled or imported."))
    elif facts.known_until < now - timedelta(hours=limits.stale_hours):
        found.append(
            Finding(
                "stale",
                f"The data ends on {facts.known_until:%Y-%m-%d %H:%M} UTC, more than "
                f"guard.stale_hours = {limits.stale_hours} hours ago.",
            )
        )
    if facts.partial:
        found.append(Finding("partial", f"The last pull was not complete: {facts.partial}"))
    return found
