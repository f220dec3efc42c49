"""Subscribers as columns: where they read mail, since when, and what is wrong with their mailbox.

The latent state (when an address dies, when a mailbox is full) is what the planted truth rests on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sfmc_sandbox.clock import DAY_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sfmc_sandbox.world.domains import Domains
    from sfmc_sandbox.world.plan import Plan

NEVER = np.int64(1 << 62)
# Why an address is dead, with the share of each. A dead domain kills all its addresses.
DEATHS = (
    ("unknown_user", 0.70),
    ("inactive_mailbox", 0.18),
    ("unknown_domain", 0.06),
    ("bad_address", 0.03),
    ("address_moved", 0.03),
)
_FIRST = (
    "anna", "ben", "carla", "david", "elena", "felix", "grace", "hugo", "ines", "jonas", "kira",
    "liam", "mara", "noah", "olga", "paul", "rosa", "sam", "tara", "uwe", "vera", "will", "yara",
    "zoe",
)  # fmt: skip
_LAST = (
    "adler", "brandt", "costa", "dubois", "evans", "fischer", "garcia", "hansen", "ivanov",
    "jensen", "kowal", "lopez", "moreau", "novak", "olsen", "petrov", "quinn",
    "rossi", "silva", "tanaka", "urban", "vogel", "weber", "young",
)  # fmt: skip


@dataclass(slots=True)
class People:
    """One row per subscriber. Times are milliseconds since 1970 UTC."""

    unit: NDArray[np.int8]
    domain: NDArray[np.int16]
    joined: NDArray[np.int64]
    dead_from: NDArray[np.int64]
    death: NDArray[np.int8]  # index into DEATHS
    full_from: NDArray[np.int64]
    full_until: NDArray[np.int64]
    is_dormant: NDArray[np.bool_]  # on the old list: not mailed before that story
    engagement: NDArray[np.float32]  # odds of an open per message
    salt: NDArray[np.int64]  # decides what stays the same about a subscriber

    def __len__(self) -> int:
        return len(self.unit)

    def address(self, row: int, domains: Domains) -> str:
        """The e-mail address of a subscriber: invented names, a suffix nobody has."""
        salt = int(self.salt[row])
        first, last = _FIRST[salt % len(_FIRST)], _LAST[(salt >> 8) % len(_LAST)]
        return f"{first}.{last}.{row:05x}@{domains.names[self.domain[row]]}"

    def key(self, row: int) -> str:
        """The SubscriberKey: an 18-character contact id, as Salesforce's connector writes it."""
        return f"0037x{row:09X}AAA{'ABCD'[row % 4]}"


def make_people(plan: Plan, domains: Domains, rng: np.random.Generator) -> People:
    """All subscribers of a tenant."""
    count, start, until = plan.subscribers, plan.start_ms, plan.until_ms
    shares = np.array([unit.share for unit in plan.units])
    unit = rng.choice(len(shares), size=count, p=shares / shares.sum()).astype(np.int8)
    domain = rng.choice(len(domains.names), size=count, p=domains.share).astype(np.int16)
    old_hand = rng.random(count) < 0.7
    joined = np.where(
        old_hand,
        start - rng.integers(DAY_MS, 1500 * DAY_MS, size=count),
        rng.integers(start, until, size=count),
    )
    people = People(
        unit=unit,
        domain=domain,
        joined=joined.astype(np.int64),
        dead_from=np.full(count, NEVER),
        death=np.zeros(count, dtype=np.int8),
        full_from=np.full(count, NEVER),
        full_until=np.full(count, NEVER),
        is_dormant=(rng.random(count) < 0.17) & old_hand & (unit == min(1, len(shares) - 1)),
        engagement=rng.beta(0.6, 2.4, size=count).astype(np.float32),
        salt=rng.integers(0, 1 << 62, size=count),
    )
    _let_die(people, plan, domains, rng)
    _fill_mailboxes(people, plan, rng)
    return people


def _let_die(people: People, plan: Plan, domains: Domains, rng: np.random.Generator) -> None:
    """About one in twenty addresses dies during the span; most of the old list is dead already."""
    count = len(people)
    dies = rng.random(count) < 0.035 * plan.months / 12
    moments = rng.integers(plan.start_ms, plan.until_ms, size=count)
    people.dead_from[dies] = np.maximum(moments, people.joined)[dies]
    stale = people.is_dormant & (rng.random(count) < 0.58)
    people.dead_from[stale] = plan.start_ms - 1
    odds = np.array([share for _, share in DEATHS])
    people.death[:] = rng.choice(len(DEATHS), size=count, p=odds / odds.sum())
    # A domain cannot vanish when it is Gmail's: only small business domains do.
    vanished = people.death == 2
    business = domains.is_business[people.domain]
    people.death[vanished & ~business] = 0


def _fill_mailboxes(people: People, plan: Plan, rng: np.random.Generator) -> None:
    """Mailboxes that stay full for months: the repeaters."""
    count = len(people)
    full = (rng.random(count) < 0.014) & (people.dead_from == NEVER)
    since = rng.integers(plan.start_ms, plan.until_ms, size=count)
    people.full_from[full] = since[full]
    length = rng.integers(40 * DAY_MS, 200 * DAY_MS, size=count)
    people.full_until[full] = (since + length)[full]
