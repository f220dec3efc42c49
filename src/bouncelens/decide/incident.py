"""The words of a false-bounce incident: signs and what is usual, the evidence, the people. Pure.

Whether signs make an incident is decided in `outage`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

QUARTER_S = 900
_DAY_QUARTERS = 96
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Limits:
    """How sure it must be."""

    window_hours: float = 2.0  # what is looked at
    recent_hours: float = 26.0  # how far back its beginning is looked for
    over_hours: float = 6.0  # without further signs it is over
    least: int = 50  # refused addresses
    excess: float = 4.0  # times what is expected
    deviations: float = 6.0  # standard deviations above it
    alive_pct: float = 50.0  # of those of whom anything is known
    alive_pct_one_job: float = 70.0  # where only one campaign is hit
    alive_pct_again: float = 20.0  # while it goes on
    least_again: int = 20
    least_known: int = 20  # fewer say nothing
    known_pct: float = 25.0  # of the refused; fewer may be another kind of people
    others: float = 4.0  # times what is usual for the others: no more
    organisation_pct: float = 10.0  # more than this of one company's domain is not counted
    spread_pct: float = 50.0  # of the refused must be left then
    engaged: float = 0.25  # share of the living who read, beside that of those refused as a rule
    at_once: int = 2  # providers; where more refuse, it is us


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
    domain: str = ""  # of a company that lets the provider run its mailboxes; '': its own domains
    engaged: int = 0  # of those alive, who opened or clicked
    gap_s: int = 0  # since the last sign of life, of all of those alive together

    @property
    def believable(self) -> int:
        """Those that need not have been dead all along."""
        return self.refused - (self.known - self.alive)


# Messages sent, by provider, account, job and day (days from 1970), as far as it is known.
Sent = dict[tuple[str, int, int, int], int]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen: refusals in order of time, and what was sent."""

    signs: Sequence[Sign]
    sent: Sent = field(default_factory=Sent)

    def between(self, first: int, last: int) -> Sequence[Sign]:
        """The refusals of these quarters, both included."""
        low = bisect_left(self.signs, first, key=lambda sign: sign.quarter)
        return self.signs[low : bisect_right(self.signs, last, key=lambda sign: sign.quarter)]

    def messages(self, key: tuple[str, int, int], first: int, last: int) -> int:
        """Sent by a job to a provider on the days of these quarters. Marketing Cloud's day ends
        six hours after that of UTC, so the day before counts, too, where it may be meant."""
        days = range((first - 24) // _DAY_QUARTERS, last // _DAY_QUARTERS + 1)
        return sum(self.sent.get((*key, day), 0) for day in days)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One provider that seems to be wrong, with the evidence."""

    provider: str
    starts: datetime
    last: datetime  # end of the last quarter in which it refused too many
    refused: int
    expected: float
    known: int
    alive: int
    jobs: int
    most_of_one_job_pct: float
    others: int  # refused by all other providers, without those known as dead
    others_expected: float
    sent: int = 0  # messages of these jobs to this provider; 0: not known
    is_seen: bool = True  # whether enough is known of who was alive

    @property
    def sentence(self) -> str:
        """The evidence in words."""
        of_sent = f" of {self.sent:,} messages" if self.sent else ""
        alive = (
            f"{self.alive:,} of {self.known:,} known ones were alive in the 90 days before"
            if self.is_seen
            else f"whether they were alive is known of {self.known:,} only"
        )
        return (
            f"{self.provider} called {self.refused:,} addresses dead{of_sent} where "
            f"{self.expected:,.0f} were to be expected; {alive}; {self.jobs} "
            f"{'campaign' if self.jobs == 1 else 'campaigns'}; the other providers refused "
            f"{self.others:,}, as usual (up to {self.others_expected:,.0f})."
        )


@dataclass(frozen=True, slots=True)
class Usual:
    """What the weeks before let expect: addresses refused by provider that need not have been dead
    all along, in how many quarters of an hour anybody was refused, and of how many messages, where
    that is known. Of all providers together: who of them was alive, who of those read, and how
    long their last signs of life were ago."""

    refused: Mapping[str, int]
    quarters: int
    of_sent: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # refused, sent
    alive: int = 0
    engaged: int = 0
    gap_s: int = 0

    def ratio(self, provider: str, loud: frozenset[str]) -> float:
        """How many the provider refuses for each refusal of those who are not loud. Scarce data
        counts as a provider that refuses as much as they do."""
        return (self.refused.get(provider, 0) + 5) / (self.rest(loud | {provider}) + 5)

    def rest(self, loud: frozenset[str]) -> int:
        """How many all but these refuse."""
        return sum(n for name, n in self.refused.items() if name not in loud)

    def per_quarter(self, count: int) -> float:
        """So many refusals, by quarter with any refusal."""
        return count / max(self.quarters, 1)

    def times_longer(self, alive: int, gap_s: int) -> float:
        """How many times longer than as a rule these people gave no sign of life; 1 at least. The
        longer nobody looked, the more have died meanwhile."""
        if not alive or not self.alive:
            return 1.0
        return max(1.0, (gap_s / alive) / max(self.gap_s / self.alive, _DAY_S))

    def rate(self, providers: Iterable[str]) -> float:
        """Share of what is sent that they refuse; 0.3 % where nothing is known, 0.1 % at least."""
        told = [self.of_sent[name] for name in providers if name in self.of_sent]
        sent = sum(pair[1] for pair in told)
        return max(0.001, sum(pair[0] for pair in told) / sent) if sent >= 1000 else 0.003


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
