"""Who runs a mailbox by the hosts that take its mail, as DNS told them.

The rules are `hosts`, `mx` and `not_mx` of providers.toml. They serve look-ups only: no template
depends on them (docs/decisions/0009), so a corrected rule takes effect on all history at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from bouncelens.parse.provider import providers

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_LABELS = 8  # of a host's name, from its end: no suffix has more


@dataclass(frozen=True, slots=True)
class Decided:
    """Who takes a domain's mail. `suffix`: the rule that spoke; None where none did."""

    provider: str | None
    host: str | None
    suffix: str | None


def provider_of_mx(hosts: Sequence[tuple[int, str]]) -> Decided:
    """The provider by (preference, host) pairs in any order.

    Only hosts of the lowest preference decide: mail goes there first (RFC 5321 5.1), and a backup
    often belongs to somebody else. Among equals the alphabet decides, so that answers are stable.
    """
    if not hosts:
        return Decided(None, None, None)
    least = min(preference for preference, _ in hosts)
    first = sorted(host for preference, host in hosts if preference == least)
    for host in first:
        slug, suffix = _told(host)
        if slug is not None:
            return Decided(slug, host, suffix)
    return Decided(None, first[0], None)


def is_gateway(slug: str | None) -> bool:
    """Whether it stands in front of mailboxes that somebody else runs."""
    return any(provider.is_gateway for provider in providers() if provider.slug == slug)


def _told(host: str) -> tuple[str | None, str | None]:
    """The provider and the longest suffix that speaks of the host."""
    labels = host.strip().rstrip(".").lower().split(".")[-_MOST_LABELS:]
    rules = _suffixes()
    for at in range(len(labels) - 1):
        rest = labels[at:]
        starred = (".".join((*rest[:n], "*", *rest[n + 1 :])) for n in range(1, len(rest) - 2))
        for name in (".".join(rest), *starred):
            if name in rules:
                return rules[name], name
    return None, None


@cache
def _suffixes() -> dict[str, str | None]:
    """What each suffix says; None: nobody, whatever a shorter one says."""
    found: dict[str, str | None] = {}
    for provider in providers():
        found |= dict.fromkeys(provider.hosts, provider.slug)
    for provider in providers():
        found |= dict.fromkeys(provider.not_mx)
    for provider in providers():
        found |= dict.fromkeys(provider.mx, provider.slug)
    return found
