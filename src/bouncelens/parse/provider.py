"""Who runs the receiving mailbox: found by the domain mailed and by the host that answered.

The table is data (`providers.toml`): dated, with sources. Host before domain, since a company's
own domain says nothing and its MX does.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

_TABLE = Path(__file__).parent / "providers.toml"


@dataclass(frozen=True, slots=True)
class Provider:
    """A receiver: `slug` in data and rules, `name` for people, the domains and hosts it runs."""

    slug: str
    name: str
    domains: tuple[str, ...]
    hosts: tuple[str, ...]


@cache
def providers() -> tuple[Provider, ...]:
    """Every provider of the table, in its order."""
    entries = tomllib.loads(_TABLE.read_text("utf-8"))["provider"]
    return tuple(
        Provider(
            entry["slug"],
            entry["name"],
            tuple(entry.get("domains", ())),
            tuple(entry.get("hosts", ())),
        )
        for entry in entries
    )


@lru_cache(maxsize=65536)
def provider_of(domain: str | None, host: str | None = None) -> str | None:
    """Slug of the provider behind a mailed `domain` or a receiving `host`; None if unknown."""
    by_domain, by_host = _index()
    if host and (slug := _lookup(by_host, host)):
        return slug
    if not domain:
        return None
    domain = domain.strip().rstrip(".").lower()
    return by_domain.get(domain) or _lookup(by_host, domain)


def provider_hosts() -> frozenset[str]:
    """Every host suffix of the table."""
    return frozenset(_index()[1])


def _lookup(by_host: dict[str, str], host: str) -> str | None:
    labels = host.strip().rstrip(".").lower().split(".")[-6:]
    for at in range(len(labels) - 1):
        if slug := by_host.get(".".join(labels[at:])):
            return slug
    return None


@cache
def _index() -> tuple[dict[str, str], dict[str, str]]:
    by_domain: dict[str, str] = {}
    by_host: dict[str, str] = {}
    for provider in providers():
        by_domain |= dict.fromkeys(provider.domains, provider.slug)
        by_host |= dict.fromkeys(provider.hosts, provider.slug)
    return by_domain, by_host
