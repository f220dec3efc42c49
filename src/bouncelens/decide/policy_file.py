"""Policies as TOML files, ours in `policies/` and the user's own: read and checked.

What no policy may do is refused here with the file and the key, and held again by `Policy`.
"""

from __future__ import annotations

import tomllib
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import Hardness
from bouncelens.decide.policy import (
    SFMC_CATEGORIES,
    SUPPRESSIBLE_GROUPS,
    SUPPRESSIBLE_HARDNESS,
    Action,
    Policy,
    PolicyRule,
    Sign,
)
from bouncelens.errors import SettingsInvalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_POLICIES = Path(__file__).parent / "policies"

_KEYS = tuple(field.name for field in fields(PolicyRule))
# The keys that say how much is enough, by action: needed ones, then others.
_NEEDED = {
    Action.AT_ONCE: (),
    Action.PROVISIONAL: ("grey_days",),
    Action.AFTER_RECURRENCE: ("bounces", "distinct_days", "min_span_days"),
    Action.NEVER: (),
}
_MORE = {
    Action.AT_ONCE: ("reset_by", "expires_days"),
    Action.PROVISIONAL: (
        *("min_span_days", "quiet_days", "window_days", "reset_by", "expires_days"),
    ),
    Action.AFTER_RECURRENCE: ("window_days", "weights", "reset_by", "expires_days"),
    Action.NEVER: (),
}
_LIMITS = tuple(dict.fromkeys(key for keys in (*_NEEDED.values(), *_MORE.values()) for key in keys))


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
    _only_known(table, ("name", "version", "meaning", "is_model", "rule", "override"), source)
    for key in ("name", "version"):
        if not isinstance(table.get(key), str) or not table[key].strip():
            raise SettingsInvalid(f"{source}: {key!r} must be a text.")
    is_model = table.get("is_model", False)
    if not isinstance(is_model, bool):
        raise SettingsInvalid(f"{source}: 'is_model' must be true or false.")
    entries = _with_overrides(_tables(table, "rule", source), _tables(table, "override", source))
    rules = tuple(_Reader(entry, source, reasons, is_model).rule() for entry in entries)
    if not rules:
        raise SettingsInvalid(f"{source} has no [[rule]].")
    names = [rule.id for rule in rules]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsInvalid(f"{source}: two rules are called {twice[0]!r}.")
    meaning = str(table.get("meaning", ""))
    return Policy(table["name"], table["version"], rules, meaning, is_model)


def _tables(table: Mapping[str, Any], name: str, source: str) -> list[dict[str, Any]]:
    entries = table.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SettingsInvalid(f"{source}: {name!r} must be a list of tables: write [[{name}]].")
    return entries


def _with_overrides(
    rules: list[dict[str, Any]], overrides: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Each rule with its overrides before it: they are the same rule, for fewer bounces. One of a
    rule that does not exist becomes a nameless rule, which is refused."""
    made = []
    for rule in rules:
        for number, override in enumerate(overrides, 1):
            if override.get("rule") == rule.get("id"):
                changed = {key: value for key, value in override.items() if key != "rule"}
                kept = dict(rule)
                if changed.get("action", rule.get("action")) != rule.get("action"):
                    kept = {key: value for key, value in rule.items() if key not in _LIMITS}
                made.append(
                    kept | changed | {"id": f"{rule['id']}, override {number}", "_override": True}
                )
        made.append(rule)
    known = [rule.get("id") for rule in rules]
    made += [
        {"_of": override.get("rule")} for override in overrides if override.get("rule") not in known
    ]
    return made


class _Reader:
    """One [[rule]], read key by key."""

    def __init__(
        self,
        entry: Mapping[str, Any],
        source: str,
        reasons: Collection[str] | None,
        is_model: bool,
    ) -> None:
        if "_of" in entry:
            raise SettingsInvalid(
                f"{source}: an [[override]] is for the rule {entry['_of']!r}, which is not there."
            )
        self._is_override = bool(entry.get("_override"))
        self._entry = {key: value for key, value in entry.items() if key != "_override"}
        self._reasons, self._is_model = reasons, is_model
        name = entry.get("id")
        if not isinstance(name, str) or not name:
            raise SettingsInvalid(f"{source}: a [[rule]] lacks its 'id'.")
        self._place = f"{source}, rule {name!r}"

    def rule(self) -> PolicyRule:
        """The rule. Raises SettingsInvalid."""
        _only_known(self._entry, _KEYS, self._place)
        action = Action(
            _one_of(self._entry.get("action"), tuple(Action), f"{self._place}: 'action'")
        )
        why = self._entry.get("why", "")
        rule = PolicyRule(
            id=self._entry["id"],
            action=action,
            why=why if isinstance(why, str) else str(why),
            reasons=frozenset(self._names("reasons", self._reasons)),
            groups=frozenset(self._texts("groups")),
            hardness=frozenset(Hardness(h) for h in self._names("hardness", tuple(Hardness))),
            accounts=frozenset(self._mids()),
            providers=frozenset(self._texts("providers")),
            sfmc_categories=frozenset(self._names("sfmc_categories", SFMC_CATEGORIES)),
            **self._limits(action),
        )
        self._hold_invariants(rule)
        return rule

    def _limits(self, action: Action) -> dict[str, Any]:
        allowed = (*_NEEDED[action], *_MORE[action])
        for key in _LIMITS:
            if key in self._entry and key not in allowed:
                raise SettingsInvalid(
                    f"{self._place}: {key!r} means nothing with action {str(action)!r}."
                )
        made: dict[str, Any] = {
            key: self._count(key)
            for key in allowed
            if key not in ("weights", "reset_by") and (key in self._entry or key in _NEEDED[action])
        }
        if "weights" in self._entry:
            made["weights"] = self._weights()
        made["reset_by"] = frozenset(Sign(s) for s in self._names("reset_by", tuple(Sign)))
        if action is Action.PROVISIONAL:
            made |= {"bounces": 2, "distinct_days": 2}
        return made

    def _hold_invariants(self, rule: PolicyRule) -> None:
        place = self._place
        if self._is_override and not (rule.accounts or rule.providers):
            raise SettingsInvalid(f"{place}: an [[override]] needs 'accounts' or 'providers'.")
        if rule.sfmc_categories and not self._is_model:
            raise SettingsInvalid(
                f"{place}: 'sfmc_categories' can only stand in a policy with is_model = true."
            )
        if rule.action is Action.NEVER:
            return
        if not self._is_model:
            _refuse_harmless(rule, place)
        if rule.action is Action.AT_ONCE and Hardness.SOFT in rule.hardness:
            raise SettingsInvalid(f"{place}: only hard bounces can suppress at once.")
        if rule.window_days is not None and rule.min_span_days > rule.window_days:
            raise SettingsInvalid(f"{place}: 'min_span_days' is longer than 'window_days'.")
        if rule.distinct_days > rule.bounces:
            raise SettingsInvalid(f"{place}: 'distinct_days' is more than 'bounces'.")
        if rule.quiet_days is not None and rule.quiet_days < rule.grey_days:
            raise SettingsInvalid(f"{place}: 'quiet_days' is shorter than 'grey_days'.")

    def _count(self, key: str) -> int:
        value = self._entry.get(key)
        least = 0 if key == "min_span_days" else 1
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 36500:
            raise SettingsInvalid(
                f"{self._place}: {key!r} must be a whole number of at least {least}."
            )
        return value

    def _weights(self) -> dict[str, int]:
        value = self._entry["weights"]
        if not isinstance(value, dict) or not all(
            isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= 1000
            for n in value.values()
        ):
            raise SettingsInvalid(
                f"{self._place}: 'weights' must be a table of reasons and whole numbers from 1."
            )
        for reason in value if self._reasons is not None else ():
            _one_of(reason, tuple(self._reasons or ()), f"{self._place}: 'weights'")
        return dict(value)

    def _mids(self) -> list[int]:
        value = self._entry.get("accounts", [])
        if not isinstance(value, list) or not all(type(mid) is int for mid in value):
            raise SettingsInvalid(f"{self._place}: 'accounts' must be a list of MIDs.")
        return value

    def _names(self, key: str, allowed: Iterable[str] | None) -> list[str]:
        told = self._texts(key)
        for text in told if allowed is not None else ():
            _one_of(text, tuple(allowed or ()), f"{self._place}: {key!r}")
        return told

    def _texts(self, key: str) -> list[str]:
        value = self._entry.get(key, [])
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise SettingsInvalid(f"{self._place}: {key!r} must be a list of texts.")
        return value


def _refuse_harmless(rule: PolicyRule, place: str) -> None:
    if not rule.reasons and not rule.groups:
        raise SettingsInvalid(f"{place}: say which 'reasons' or 'groups' it fits.")
    if wrong := sorted(rule.groups - SUPPRESSIBLE_GROUPS):
        raise SettingsInvalid(
            f"{place}: group {wrong[0]!r} says nothing about the address, so it cannot suppress.",
            advice=f"Only {', '.join(sorted(SUPPRESSIBLE_GROUPS))} can.",
        )
    if harmless := sorted(rule.hardness - SUPPRESSIBLE_HARDNESS):
        raise SettingsInvalid(f"{place}: a bounce that is {harmless[0]!s} never suppresses.")


def _one_of(value: object, allowed: tuple[str, ...], what: str) -> str:
    if isinstance(value, str) and value in allowed:
        return value
    near = get_close_matches(str(value), allowed, 1)
    advice = f"Did you mean {str(near[0])!r}?" if near else f"It can be {', '.join(allowed)}."
    raise SettingsInvalid(f"{what} cannot be {value!r}.", advice=advice)


def _only_known(table: Mapping[str, object], known: tuple[str, ...], place: str) -> None:
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, 1)
            advice = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(known)}."
            raise SettingsInvalid(f"{place}: unknown key {key!r}.", advice=advice)
