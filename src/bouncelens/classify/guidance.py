"""What to do about a verdict, what others call it, and which public list a reply names.

All of it is data in `rules/`: steps.toml, crosswalk.toml, lists.toml. A family of vendor codes
knows more than a reason does, so its steps come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import re2

from bouncelens.classify.ruleset import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bouncelens.bounce import Verdict

TABLES = ("steps.toml", "crosswalk.toml", "lists.toml")
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
    zones: tuple[str, ...]  # DNS zones that replies quote
    words: tuple[str, ...]  # regular expressions: how sentences and links name it
    lookup: str  # where to look an entry up and have it removed; "" for a list that is closed
    note: str
    is_general: bool = False  # stands for its operator, where no list of theirs is named


def advice(
    verdict: Verdict, codes: Iterable[str] = (), provider: str | None = None, *, text: str = ""
) -> Advice:
    """What to do about `verdict`.

    `codes`: vendor codes and the enhanced status of the reply. `text`: the reply itself, for codes
    that nobody picked out; at most 4,000 characters are read. `provider`: slug of the receiver;
    without one, only codes count whose form nobody else uses.
    """
    spoken = " ".join((*codes, text[:_LONGEST_TEXT]))
    for family in _families() if _any_family().search(spoken) else ():
        if verdict.reason not in family.reasons and family.reasons:
            continue
        if family.providers and provider is not None and provider not in family.providers:
            continue
        form = family.alone if family.providers and provider is None else family.codes
        if form is not None and _whole_words(form).search(spoken):
            return family.advice
    return _advice(table("steps.toml")["reason"][verdict.reason])


def other_names(reason: str) -> OtherNames:
    """What other systems call `reason`. Raises KeyError for a reason that does not exist."""
    entry = table("crosswalk.toml")["reason"][reason]
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    return OtherNames(**fields)


def lists_named(text: str) -> tuple[Blocklist, ...]:
    """The lists that the first 4,000 characters of `text` name, in the order of lists.toml.

    By a zone, or in words. An operator's general entry counts where none of its lists is named.
    """
    lowered = text[:_LONGEST_TEXT].lower()
    if not _any_list().search(lowered):
        return ()
    named = [entry for entry in _lists() if _compiled(_form(entry)).search(lowered)]
    particular = {entry.operator for entry in named if not entry.is_general}
    return tuple(e for e in named if not (e.is_general and e.operator in particular))


def _advice(entry: dict[str, Any]) -> Advice:
    return Advice(entry["actor"], tuple(entry["steps"]), entry.get("link"), entry.get("title"))


def table(name: str) -> dict[str, Any]:
    """The table in a file of `TABLES`, as the file says it."""
    if name not in _tables:
        import tomllib

        _tables[name] = tomllib.loads((RULES / name).read_text("utf-8"))
    return _tables[name]


def remember(tables: dict[str, dict[str, Any]]) -> None:
    """Take tables that somebody keeps elsewhere; reading them as TOML takes longer."""
    for name in TABLES:
        _tables.setdefault(name, tables[name])


_tables: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class _Family:
    """Vendor codes that ask for the same steps."""

    codes: str
    alone: str | None  # those that tell whose they are by themselves
    providers: frozenset[str]
    reasons: frozenset[str]
    advice: Advice


@cache
def _families() -> tuple[_Family, ...]:
    return tuple(
        _Family(
            entry["codes"],
            entry.get("alone"),
            frozenset(entry.get("provider", ())),
            frozenset(entry.get("reasons", ())),
            _advice(entry),
        )
        for entry in table("steps.toml")["code"]
    )


@cache
def _lists() -> tuple[Blocklist, ...]:
    return tuple(
        Blocklist(**{**entry, "zones": tuple(entry["zones"]), "words": tuple(entry["words"])})
        for entry in table("lists.toml")["list"]
    )


def _form(entry: Blocklist) -> str:
    """Where a list is named; a zone not inside another name."""
    zones = [
        rf"(?:^|[^\w.-]){zone.replace('.', chr(92) + '.')}(?:$|[^\w.-]|\.$|\.\W)"
        for zone in entry.zones
    ]
    return "|".join((*zones, *entry.words))


# Most replies hold no code and name no list: one pattern for all says so, and replies are
# strangers' words, so the patterns run in linear time.


@cache
def _any_family() -> Any:
    return _whole_words("|".join(family.codes for family in _families()))


@cache
def _any_list() -> Any:
    return _compiled("|".join(_form(entry) for entry in _lists()))


def _whole_words(codes: str) -> Any:
    return _compiled(rf"(?:^|[^\w.#-])(?:{codes})(?:$|[^\w.-]|\.$|\.\D)")


@cache
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)
