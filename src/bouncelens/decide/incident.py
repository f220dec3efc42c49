"""Whether one provider suddenly calls living addresses dead, while the others do not. Pure.

Four signs must meet: far more refusals than the other providers' let expect, most of the refused
alive shortly before, more than one campaign, and everybody else as usual.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

QUARTER_S = 900


@dataclass(frozen=True, slots=True)
class Limits:
    """How sure it must be."""

    window_hours: float = 2.0  # what is looked at
    least: int = 50  # refused addresses
    excess: float = 4.0  # times what is expected
    deviations: float = 6.0  # standard deviations above it
    alive_pct: float = 50.0  # of those of whom anything is known
    alive_pct_one_job: float = 70.0  # where only one campaign is hit
    alive_pct_again: float = 20.0  # of a provider that was wrong within the last day
    least_again: int = 20
    least_known: int = 20  # fewer say nothing
    others: float = 4.0  # times what is usual for the others: no more


@dataclass(frozen=True, slots=True)
class Sign:
    """Addresses refused by one provider in a quarter of an hour and one job."""

    provider: str
    quarter: int  # of an hour, from 1970, UTC
    account: int
    job: int
    refused: int
    known: int  # of them, those of whom Marketing Cloud told something
    alive: int  # of those


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One provider that seems to be wrong, with the evidence."""

    provider: str
    starts: datetime
    last: datetime  # end of the last quarter looked at in which it was
    refused: int
    expected: float
    known: int
    alive: int
    jobs: int
    most_of_one_job_pct: float
    others: int  # refused by all other providers
    others_expected: float

    @property
    def sentence(self) -> str:
        """The evidence in words."""
        return (
            f"{self.provider} called {self.refused:,} addresses dead where {self.expected:,.0f} "
            f"were to be expected; {self.alive:,} of {self.known:,} known ones were alive in the "
            f"90 days before; {self.jobs} campaigns; the other providers refused {self.others:,}, "
            f"as usual (up to {self.others_expected:,.0f})."
        )


def suspicions(
    recent: Iterable[Sign],
    usual: Usual,
    now: datetime,
    *,
    again: frozenset[str] = frozenset(),
    limits: Limits = Limits(),
) -> tuple[Suspicion, ...]:
    """Every provider that seems to be wrong now. `recent`: signs of the last hours; `usual`: what
    is refused without an incident; `again`: providers that were wrong within a day,
    of which less evidence is enough."""
    told = [sign for sign in recent if _begins(sign) <= now]
    since = now - timedelta(hours=limits.window_hours)
    window = [sign for sign in told if _ends(sign) > since]
    by_provider = Counter[str]()
    for sign in window:
        by_provider[sign.provider] += sign.refused
    found = []
    for provider in by_provider:
        suspicion = _suspicion(
            provider, window, usual, limits=_laxer(limits) if provider in again else limits
        )
        if suspicion is not None:
            starts = _began(provider, told, usual, limits)
            found.append(replace(suspicion, starts=min(starts, suspicion.starts)))
    return tuple(found)


def _laxer(limits: Limits) -> Limits:
    pct = limits.alive_pct_again
    return replace(limits, least=limits.least_again, alive_pct=pct, alive_pct_one_job=pct)


@dataclass(frozen=True, slots=True)
class Usual:
    """What the weeks before let expect: addresses refused by provider, and in how many quarters of
    an hour anybody was refused."""

    refused: Mapping[str, int]
    quarters: int

    def ratio(self, provider: str) -> float:
        """How many the provider refuses for each refusal of all others. Scarce data counts as a
        provider that refuses as much as they do."""
        mine = self.refused.get(provider, 0)
        return (mine + 5) / (self._others(provider) + 5)

    def others(self, provider: str, quarters: int) -> float:
        """How many all others refuse in so many quarters with any refusal."""
        return self._others(provider) / max(self.quarters, 1) * quarters

    def _others(self, provider: str) -> int:
        return sum(self.refused.values()) - self.refused.get(provider, 0)


def _suspicion(
    provider: str, window: Sequence[Sign], usual: Usual, *, limits: Limits
) -> Suspicion | None:
    mine = [sign for sign in window if sign.provider == provider]
    refused = sum(sign.refused for sign in mine)
    others = sum(sign.refused for sign in window) - refused
    expected = max(1.0, (others + 1) * usual.ratio(provider))
    known, alive = sum(s.known for s in mine), sum(s.alive for s in mine)
    jobs = Counter[tuple[int, int]]()
    for sign in mine:
        jobs[sign.account, sign.job] += sign.refused
    quarters = len({sign.quarter for sign in window})
    others_expected = max(10.0, limits.others * usual.others(provider, quarters))
    alive_pct = limits.alive_pct if len(jobs) > 1 else limits.alive_pct_one_job
    is_one = (
        refused >= limits.least
        and refused >= limits.excess * expected
        and refused - expected >= limits.deviations * sqrt(expected)
        and known >= limits.least_known
        and 100 * alive >= alive_pct * known
        and others <= others_expected
    )
    if not is_one:
        return None
    return Suspicion(
        provider=provider,
        starts=min(map(_begins, mine)),
        last=max(map(_ends, mine)),
        refused=refused,
        expected=round(expected, 1),
        known=known,
        alive=alive,
        jobs=len(jobs),
        most_of_one_job_pct=round(100 * max(jobs.values()) / refused, 1),
        others=others,
        others_expected=round(others_expected, 1),
    )


def _began(provider: str, told: Sequence[Sign], usual: Usual, limits: Limits) -> datetime:
    """The first quarter since which it refuses too many: back over quarters in excess, and over
    gaps shorter than the window, in which perhaps nothing was sent."""
    mine, others = Counter[int](), Counter[int]()
    for sign in told:
        (mine if sign.provider == provider else others)[sign.quarter] += sign.refused
    ratio = usual.ratio(provider)
    excessive = sorted(
        (q for q, n in mine.items() if n >= limits.excess * max(1.0, (others[q] + 1) * ratio)),
        reverse=True,
    )
    gap = int(limits.window_hours * 3600) // QUARTER_S
    first = excessive[0] if excessive else max(mine)
    for quarter in excessive:
        if first - quarter > gap:
            break
        first = quarter
    # The quarter before may hold its first refusals among those of every day.
    return _moment(first - 1)


def _moment(quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * QUARTER_S, UTC)


def _begins(sign: Sign) -> datetime:
    return _moment(sign.quarter)


def _ends(sign: Sign) -> datetime:
    return _moment(sign.quarter + 1)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was called dead in an incident's window."""

    account: int
    subscriber_key: str
    is_alive: bool  # shortly before
    is_alive_again: bool  # after it
    is_refused_before: bool
    is_refused_after: bool


# How sure it is that a person was called dead wrongly, the surest first.
TIERS: Mapping[str, str] = {
    "accepted": "mail was accepted, opened or clicked afterwards",
    "alive": "opened, clicked or was delivered to shortly before, nothing known since",
    "unknown": "no sign of life before, nothing known since",
    "dead": "called dead before or afterwards, too",
}


def tier(person: Person) -> str:
    """Which of TIERS."""
    if person.is_refused_before or person.is_refused_after:
        return "dead"
    if person.is_alive_again:
        return "accepted"
    return "alive" if person.is_alive else "unknown"


def tiers(people: Iterable[Person]) -> dict[str, list[Person]]:
    """The people of each tier."""
    found: dict[str, list[Person]] = defaultdict(list)
    for person in people:
        found[tier(person)].append(person)
    return {name: found[name] for name in TIERS}


def is_confirmed(people: Iterable[Person], limits: Limits = Limits()) -> bool:
    """Whether later mail says that the provider was wrong: most of those who were tried since,
    and were not known as dead before, were accepted."""
    tried = [p for p in people if not p.is_refused_before]
    accepted = sum(p.is_alive_again and not p.is_refused_after for p in tried)
    refused = sum(p.is_refused_after for p in tried)
    known = accepted + refused
    return known >= limits.least_known and 2 * accepted > known
