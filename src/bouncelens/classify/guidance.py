"""What to do about a verdict, what others call it, and which public list a reply names.

All of it is data in `rules/`: steps.toml, crosswalk.toml, lists.toml. A family of vendor codes
knows more than a reason does, so its steps come first.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from bouncelens.classify.ruleset import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bouncelens.bounce import Verdict

_LONGEST_TEXT = 4000  # characters; SFMC keeps no more


@dataclass(frozen=True, slots=True)
class Advice:
    """Who acts, and how, in order; plain English for a person who does not know SMTP."""

    actor: str
    steps: tuple[str, ...]
    link: str | None  # a postmaster page or delisting form
    title: str | None  # the family of vendor codes that decided; None: the reason did


@dataclass(frozen=True, slots=True)
class OtherNames:
    """A reason in the vocabularies of others, the nearest first."""

    sfmc_category: int  # 0: Marketing Cloud makes no bounce of it
    sfmc_subcategories: tuple[int, ...]
    sparkpost: tuple[int, ...]
    sendgrid: str
    powermta: str
    rfc3463: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Blocklist:
    """A public or vendor list."""

    id: str
    name: str
    operator: str
    kind: str  # what it holds: "ip" or "domain"
    zones: tuple[str, ...]
    lookup: str
    note: str


def advice(
    verdict: Verdict, codes: Iterable[str] = (), provider: str | None = None, *, text: str = ""
) -> Advice:
    """What to do about `verdict`.

    `codes`: vendor codes and the enhanced status of the reply. `text`: the reply itself, for codes
    that nobody picked out; at most 4,000 characters are read. `provider`: slug of the receiver.
    """
    spoken = " ".join((*codes, text[:_LONGEST_TEXT]))
    for family, pattern in _families():
        if family.get("provider", provider) != provider:
            continue
        if verdict.reason not in family.get("reasons", (verdict.reason,)):
            continue
        if pattern.search(spoken):
            return _advice(family)
    return _advice(_read("steps.toml")["reason"][verdict.reason])


def other_names(reason: str) -> OtherNames:
    """What other systems call `reason`. Raises KeyError for a reason that does not exist."""
    entry = _read("crosswalk.toml")["reason"][reason]
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    return OtherNames(**fields)


def lists_named(text: str) -> tuple[Blocklist, ...]:
    """The lists whose zone stands in `text`, in the order of lists.toml."""
    lowered = text.lower()
    return tuple(
        entry
        for entry in _lists()
        if any(
            re.search(rf"(?<![\w.-]){re.escape(zone)}(?![\w-]|\.\w)", lowered)
            for zone in entry.zones
        )
    )


def _advice(entry: dict[str, Any]) -> Advice:
    return Advice(entry["actor"], tuple(entry["steps"]), entry.get("link"), entry.get("title"))


@cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((RULES / name).read_text("utf-8"))


@cache
def _families() -> tuple[tuple[dict[str, Any], re.Pattern[str]], ...]:
    return tuple(
        (family, re.compile(rf"(?<![\w.#-])(?:{family['codes']})(?![\w-]|\.\d)"))
        for family in _read("steps.toml")["code"]
    )


@cache
def _lists() -> tuple[Blocklist, ...]:
    return tuple(
        Blocklist(**{**entry, "zones": tuple(entry["zones"])})
        for entry in _read("lists.toml")["list"]
    )
