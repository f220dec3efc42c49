"""Who runs the receiving mailbox: found by the domain mailed and by the host that answered.

The table is data (`providers.toml`): dated, with sources. Host before domain, since a company's
own domain says nothing and its MX does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "providers.toml"
_LONGEST_TEXT = 4000  # characters; SFMC keeps no more

_NAME = r"[a-z0-9](?:[a-z0-9_-]{0,62}\.){1,8}[a-z]{2,24}"
# Where a reply names the host that answered; the sender's own host stands elsewhere.
_SPEAKER = re.compile(
    rf"(?<!client )(?<!helo )(?<!your )(?<!sending )(?<!from )\bhost ({_NAME})\.? ?[\[(]"  # Postfix
    rf"|^<?({_NAME}) ?\[[0-9a-f.:]+\]>?(?: said:| did not like|:)"
    rf"|\b(?:conversation with|talking to|connect(?:ing)? to|connection with) ({_NAME})"
    rf"|\b(?:receiving server|remote[- ]mta|generating server)[:;]? ?(?:dns; ?)?({_NAME})"
    rf"|^(?:smtp; ?)?[245]\d\d[ -](?:[245]\.\d+\.\d+ )?((?:[a-z0-9_-]+\.){{2,8}}[a-z]{{2,24}}) "
    rf"|\[({_NAME})(?: [0-9tz:.-]+(?: [0-9a-f]+)?)?\]"  # Exchange
    rf"|[(-] ?({_NAME})\)?$",  # Yahoo, SoftBank
)


@dataclass(frozen=True, slots=True)
class Provider:
    """A receiver: `slug` in data and rules, `name` for people, the domains and hosts it runs.

    `signs`: words in lower case that nobody else puts into a reply. `mx`, `not_mx`: suffixes that
    tell it, or nobody, in MX records only. `is_gateway`: the mailbox behind it is elsewhere.
    """

    slug: str
    name: str
    domains: tuple[str, ...]
    hosts: tuple[str, ...]
    signs: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()
    not_mx: tuple[str, ...] = ()
    is_gateway: bool = False


@cache
def providers() -> tuple[Provider, ...]:
    """Every provider of the table, in its order."""
    return tuple(
        Provider(
            entry["slug"],
            entry["name"],
            tuple(entry.get("domains", ())),
            tuple(entry.get("hosts", ())),
            tuple(entry.get("signs", ())),
            tuple(entry.get("mx", ())),
            tuple(entry.get("not_mx", ())),
            entry.get("is_gateway", False),
        )
        for entry in entries()
    )


def entries() -> list[dict[str, Any]]:
    """The entries of the table, as the file says them."""
    if not _entries:
        import tomllib

        _entries.extend(tomllib.loads(TABLE.read_text("utf-8"))["provider"])
    return _entries


def remember(kept: list[dict[str, Any]]) -> None:
    """Take entries that somebody keeps elsewhere; reading them as TOML takes longer."""
    if not _entries:
        _entries.extend(kept)


_entries: list[dict[str, Any]] = []


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


def provider_said(words: str) -> str | None:
    """Slug of the provider whose host answered, as a reply's `words` name it; None: they do not.

    At most 4,000 characters are read. For explanations only: a template's provider is the one of
    the domain mailed (docs/decisions/0002).
    """
    lowered = words[:_LONGEST_TEXT].lower()
    by_host = _index()[1]
    for found in _SPEAKER.finditer(lowered):
        host = next(group for group in found.groups() if group)
        if slug := _lookup(by_host, host):
            return slug
    for provider in providers():
        if any(sign in lowered for sign in provider.signs):
            return provider.slug
    return None


def provider_name(slug: str | None) -> str | None:
    """What people call the provider of this slug; None for one that the table does not have."""
    return next((each.name for each in providers() if each.slug == slug), None)


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
