"""A suppression policy: rules as data, checked when loaded.

What no policy may do is refused here with the file and the key, and held again in `suppression`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from bouncelens.bounce import Hardness
from bouncelens.errors import SettingsInvalid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bouncelens.bounce import PastBounce

# An address can only be judged by what was said about the address.
SUPPRESSIBLE_GROUPS = frozenset({"address", "mailbox"})
SUPPRESSIBLE_HARDNESS = frozenset({Hardness.HARD, Hardness.SOFT})

_POLICIES = Path(__file__).parent / "policies"


class Action(StrEnum):
    """What a rule asks for."""

    AT_ONCE = "at_once"
    AFTER_RECURRENCE = "after_recurrence"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """Which bounces it fits, and what they lead to. Empty sets fit anything."""

    id: str
    action: Action
    why: str = ""
    reasons: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    hardness: frozenset[Hardness] = frozenset()
    bounces: int = 0
    distinct_days: int = 0  # calendar days, UTC
    min_span_days: int = 0  # between the first and the last
    window_days: int = 0  # before the present moment
    expires_days: int | None = None

    def fits(self, bounce: PastBounce) -> bool:
        """Whether the rule speaks of such a bounce."""
        return (
            (not self.reasons or bounce.reason in self.reasons)
            and (not self.groups or bounce.group in self.groups)
            and (not self.hardness or bounce.hardness in self.hardness)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A named, versioned list of rules; the first that fits a bounce counts it."""

    name: str
    version: str
    rules: tuple[PolicyRule, ...]
    meaning: str = ""

    def rule_for(self, bounce: PastBounce) -> PolicyRule | None:
        """The rule that counts the bounce; None: it counts for nothing."""
        return next((rule for rule in self.rules if rule.fits(bounce)), None)


def policy_names() -> tuple[str, ...]:
    """The policies we ship."""
    return tuple(sorted(path.stem for path in _POLICIES.glob("*.toml")))


def load_policy(name: str, *, reasons: Collection[str] | None = None) -> Policy:
    """A policy we ship, by name, or your own, by path to a TOML file. `reasons`: the known ones,
    so that a misspelt reason is found. Raises SettingsInvalid naming file and key."""
    path = Path(name) if name.endswith(".toml") else _POLICIES / f"{name}.toml"
    if path.parent == _POLICIES and path.stem not in policy_names():
        raise SettingsInvalid(
            f"There is no suppression policy {name!r}.",
            advice=f"There are {', '.join(policy_names())}; or give the path of a .toml file.",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"The policy {name} cannot be read: {error}.") from error
    return read_policy(text, path.name, reasons=reasons)


def read_policy(text: str, source: str, *, reasons: Collection[str] | None = None) -> Policy:
    """A policy from TOML; `source` names it in errors. Raises SettingsInvalid."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid(f"{source} is not TOML: {error}.") from error
    _only_known(table, ("name", "version", "meaning", "rule"), source)
    for key in ("name", "version"):
        if not isinstance(table.get(key), str) or not table[key].strip():
            raise SettingsInvalid(f"{source}: {key!r} must be a text.")
    entries = table.get("rule", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SettingsInvalid(f"{source}: 'rule' must be a list of tables: write [[rule]].")
    rules = tuple(_rule(entry, source, reasons) for entry in entries)
    if not rules:
        raise SettingsInvalid(f"{source} has no [[rule]].")
    names = [rule.id for rule in rules]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsInvalid(f"{source}: two rules are called {twice[0]!r}.")
    meaning = str(table.get("meaning", ""))
    return Policy(table["name"], table["version"], rules, meaning)


_KEYS = tuple(field.name for field in fields(PolicyRule))
_COUNTS = ("bounces", "distinct_days", "min_span_days", "window_days")


def _rule(entry: Mapping[str, object], source: str, reasons: Collection[str] | None) -> PolicyRule:
    name = entry.get("id")
    if not isinstance(name, str) or not name:
        raise SettingsInvalid(f"{source}: a [[rule]] lacks its 'id'.")
    place = f"{source}, rule {name!r}"
    _only_known(entry, _KEYS, place)
    action = _one_of(entry.get("action"), tuple(Action), f"{place}: 'action'")
    told = _texts(entry, "reasons", place)
    if reasons is not None:
        for reason in told:
            _one_of(reason, tuple(reasons), f"{place}: 'reasons'")
    hardness = [
        Hardness(_one_of(text, tuple(Hardness), f"{place}: 'hardness'"))
        for text in _texts(entry, "hardness", place)
    ]
    why = entry.get("why", "")
    rule = PolicyRule(
        id=name,
        action=Action(action),
        why=why if isinstance(why, str) else str(why),
        reasons=frozenset(told),
        groups=frozenset(_texts(entry, "groups", place)),
        hardness=frozenset(hardness),
        expires_days=_count(entry, "expires_days", place) if "expires_days" in entry else None,
        **_counts(entry, Action(action), place),
    )
    _hold_invariants(rule, place)
    return rule


def _counts(entry: Mapping[str, object], action: Action, place: str) -> dict[str, int]:
    if action is Action.AFTER_RECURRENCE:
        return {key: _count(entry, key, place) for key in _COUNTS}
    if given := [key for key in _COUNTS if key in entry]:
        raise SettingsInvalid(f"{place}: {given[0]!r} means nothing with action {str(action)!r}.")
    return {}


def _hold_invariants(rule: PolicyRule, place: str) -> None:
    if rule.action is Action.NEVER:
        return
    if not rule.reasons and not rule.groups:
        raise SettingsInvalid(f"{place}: say which 'reasons' or 'groups' it fits.")
    if wrong := sorted(rule.groups - SUPPRESSIBLE_GROUPS):
        raise SettingsInvalid(
            f"{place}: group {wrong[0]!r} says nothing about the address, so it cannot suppress.",
            advice=f"Only {', '.join(sorted(SUPPRESSIBLE_GROUPS))} can.",
        )
    if wrong := sorted(rule.hardness - SUPPRESSIBLE_HARDNESS):
        raise SettingsInvalid(f"{place}: a bounce that is {wrong[0]!s} never suppresses.")
    if rule.action is Action.AT_ONCE and Hardness.SOFT in rule.hardness:
        raise SettingsInvalid(f"{place}: only hard bounces can suppress at once.")
    if rule.action is Action.AFTER_RECURRENCE:
        if rule.min_span_days > rule.window_days:
            raise SettingsInvalid(f"{place}: 'min_span_days' is longer than 'window_days'.")
        if rule.distinct_days > rule.bounces:
            raise SettingsInvalid(f"{place}: 'distinct_days' is more than 'bounces'.")


def _count(entry: Mapping[str, object], key: str, place: str) -> int:
    value = entry.get(key)
    least = 0 if key == "min_span_days" else 1
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise SettingsInvalid(f"{place}: {key!r} must be a whole number of at least {least}.")
    return value


def _texts(entry: Mapping[str, object], key: str, place: str) -> list[str]:
    value = entry.get(key, [])
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise SettingsInvalid(f"{place}: {key!r} must be a list of texts.")
    return value


def _one_of(value: object, allowed: tuple[str, ...], what: str) -> str:
    if isinstance(value, str) and value in allowed:
        return value
    near = get_close_matches(str(value), allowed, 1)
    advice = f"Did you mean {near[0]!r}?" if near else f"It can be {', '.join(allowed)}."
    raise SettingsInvalid(f"{what} cannot be {value!r}.", advice=advice)


def _only_known(table: Mapping[str, object], known: tuple[str, ...], place: str) -> None:
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, 1)
            advice = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(known)}."
            raise SettingsInvalid(f"{place}: unknown key {key!r}.", advice=advice)
