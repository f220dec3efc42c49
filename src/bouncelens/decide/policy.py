"""A suppression policy: versioned rules that a person can read, change and compare.

`policy_file` reads it from TOML and refuses what no policy may do; `suppression` applies it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from bouncelens.bounce import Hardness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bouncelens.bounce import PastBounce

# An address can only be judged by what was said about the address.
SUPPRESSIBLE_GROUPS = frozenset({"address", "mailbox"})
SUPPRESSIBLE_HARDNESS = frozenset({Hardness.HARD, Hardness.SOFT})
SFMC_CATEGORIES = ("hard", "soft", "block", "technical", "unknown")


class Action(StrEnum):
    """What a rule asks for."""

    AT_ONCE = "at_once"
    PROVISIONAL = "provisional"
    AFTER_RECURRENCE = "after_recurrence"
    NEVER = "never"


class Sign(StrEnum):
    """A sign of life that makes earlier bounces count for nothing."""

    DELIVERY = "delivery"  # a later message that did not come back
    OPEN = "open"
    CLICK = "click"


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """Which bounces it fits, and what they lead to. Empty sets fit anything."""

    id: str
    action: Action
    why: str = ""
    # what it fits
    reasons: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    hardness: frozenset[Hardness] = frozenset()
    accounts: frozenset[int] = frozenset()
    providers: frozenset[str] = frozenset()
    sfmc_categories: frozenset[str] = frozenset()  # only in models of Marketing Cloud
    # how many are enough; a provisional one is final after two on two days
    bounces: int = 0  # or the sum of their weights
    distinct_days: int = 0  # days on which the messages were sent, UTC
    min_span_days: int = 0  # between the first and the last
    window_days: int | None = None  # before the present moment; None: all there is
    weights: Mapping[str, int] = field(default_factory=dict)  # of a reason; 1 where none is said
    reset_by: frozenset[Sign] = frozenset()
    # provisional
    grey_days: int = 0  # no mail for so long after the last of them
    quiet_days: int | None = None  # final after so long without a sign of life; None: never so
    # how long after the last of them the address is tried again; None: never
    expires_days: int | None = None

    def fits(self, bounce: PastBounce) -> bool:
        """Whether the rule speaks of such a bounce."""
        return (
            (not self.reasons or bounce.reason in self.reasons)
            and (not self.groups or bounce.group in self.groups)
            and (not self.hardness or bounce.hardness in self.hardness)
            and (not self.accounts or bounce.account in self.accounts)
            and (not self.providers or bounce.provider in self.providers)
            and (
                not self.sfmc_categories
                or sfmc_category(bounce.sfmc_category) in self.sfmc_categories
            )
        )

    def weight(self, reason: str) -> int:
        """How much a bounce of the reason counts."""
        return self.weights.get(reason, 1)


@dataclass(frozen=True, slots=True)
class Policy:
    """A named, versioned list of rules; the first that fits a bounce counts it. `is_model`: it
    says what Marketing Cloud does, from its own categories; to compare with, never to apply."""

    name: str
    version: str
    rules: tuple[PolicyRule, ...]
    meaning: str = ""
    is_model: bool = False

    def rule_for(self, bounce: PastBounce) -> PolicyRule | None:
        """The rule that counts the bounce; None: it counts for nothing."""
        found = next((rule for rule in self.rules if rule.fits(bounce)), None)
        if found is None or found.action is Action.NEVER:
            return None
        return found if self.is_model or speaks_of_address(bounce) else None


def speaks_of_address(bounce: PastBounce) -> bool:
    """Whether the reply said something of the address. No policy that is applied can count
    others: a block, or a reply that says too little, never suppresses."""
    return (
        bounce.hardness in SUPPRESSIBLE_HARDNESS
        and bounce.group in SUPPRESSIBLE_GROUPS
        and bounce.reason != "unclassified"
    )


def sfmc_category(told: str) -> str:
    """Marketing Cloud's category as policies write it: 'Technical/Other bounce' is technical."""
    return told.lower().replace("/", " ").partition(" ")[0]
