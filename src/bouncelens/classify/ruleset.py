"""Rule files into a `Ruleset`: read, checked, in order.

What is wrong in a file is said with the file and the rule's id, before anything is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import re2

from bouncelens.bounce import Hardness
from bouncelens.classify.mentions import Mentions, is_code_pattern, mentions_of
from bouncelens.errors import RuleInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RULES = Path(__file__).parent / "rules"
# Characters of a pattern: matching is linear in the pattern too. Ours are measured, users' are not.
_LONGEST_OF_USERS, _LONGEST_OF_OURS = 2000, 10_000
_MOST_USER_RULES = 2000
_LARGEST_FILE = 1024 * 1024  # bytes of a user's rule file
# RE2 instructions of all of a user's patterns together; ours have some 450,000.
_MOST_INSTRUCTIONS = 500_000
_LISTS = ("provider", "examples", "not_examples", "keep")
_PLAIN = ("reason", "text", "unless", "code", "status", "temporary", "confidence", "source")
_FIELDS = frozenset({*_LISTS, *_PLAIN, "id", "hardness", "note"})


@dataclass(frozen=True, slots=True)
class Reason:
    """One of the things a reply can mean."""

    name: str
    group: str
    hardness: Hardness
    actor: str
    meaning: str
    action: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on a template, and the reason that holds where it is met."""

    id: str
    reason: str
    text: str | None = None  # RE2, searched in the canonical text
    unless: str | None = None  # RE2; where it is found, the rule does not speak
    code: str | None = None  # RE2, the whole reply code
    status: str | None = None  # RE2, the whole enhanced status
    provider: tuple[str, ...] = ()
    hardness: Hardness | None = None
    temporary: bool | None = None
    confidence: float = 0.9
    source: str = ""
    examples: tuple[str, ...] = ()
    not_examples: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    file: str = ""


@dataclass(frozen=True)
class Ruleset:
    """All rules in order of priority, and the reasons they speak of."""

    rules: tuple[Rule, ...]
    reasons: dict[str, Reason]
    temporary_words: str
    hash: str = ""
    kept_hosts: tuple[str, ...] = ()  # kept by the mask though no rule names them yet

    @cached_property
    def mentions(self) -> Mentions:
        """The hosts and codes that the mask has to keep, since rules speak of them."""
        return mentions_of(self.rules, self.kept_hosts)

    @cached_property
    def patterns(self) -> tuple[str, ...]:
        """Every pattern that is searched in texts, once; the temporary words come first."""
        found = [self.temporary_words]
        found += [p for rule in self.rules for p in (rule.text, rule.unless) if p is not None]
        return tuple(dict.fromkeys(found))

    @cached_property
    def literals(self) -> dict[str, tuple[str, ...] | None]:
        """By pattern, the words of which every text that it matches holds one; None: unknown."""
        from bouncelens.classify.literals import required_literals

        found = {pattern: required_literals(pattern) for pattern in self.patterns}
        return {pattern: tuple(sorted(w)) if w else None for pattern, w in found.items()}


def load_rules(extra: Sequence[Path] = ()) -> Ruleset:
    """Our rules, preceded by those in the files `extra`. Raises RuleInvalid."""
    reasons, words = _load_reasons()
    rules: list[Rule] = []
    digest = sha256()
    for path in extra:
        _refuse_large(path)
        found = _read(path, digest)
        if len(found) > _MOST_USER_RULES:
            raise RuleInvalid(str(path), None, f"more than {_MOST_USER_RULES} rules")
        rules += _checked(path.name, found, reasons)
        _refuse_long(rules)
        _refuse_costly(path, rules)
    for path in rule_files():
        rules += _checked(str(path.relative_to(RULES)), _read(path, digest), reasons)
    _refuse_duplicates(rules)
    for name in ("order.toml", "reasons.toml"):
        digest.update((RULES / name).read_bytes())
    return Ruleset(
        tuple(rules), reasons, words, digest.hexdigest()[:16], tuple(_order()["kept_hosts"])
    )


def rule_files() -> Iterator[Path]:
    """Our rule files in order of priority."""
    for pattern in _order()["files"]:
        yield from sorted(RULES.glob(pattern))


def _order() -> dict[str, list[str]]:
    import tomllib

    return tomllib.loads((RULES / "order.toml").read_text("utf-8"))


def _read(path: Path, digest: Any) -> list[dict[str, Any]]:
    import tomllib

    try:
        raw = path.read_bytes()
        digest.update(raw)
        content = tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise RuleInvalid(str(path), None, f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleInvalid(str(path), None, f"is not TOML: {error}") from error
    rules = content.pop("rule", [])
    if content or not isinstance(rules, list):
        odd = ", ".join(sorted(content)) or "rule"
        raise RuleInvalid(path.name, None, f"may hold [[rule]] tables only, not {odd!r}")
    return rules


def _checked(
    source: str, tables: list[dict[str, Any]], reasons: dict[str, Reason]
) -> Iterator[Rule]:
    for table in tables:
        name = table.get("id")
        if not isinstance(name, str) or not name:
            raise RuleInvalid(source, None, f"a rule without an id: {str(table)[:80]}")
        yield _rule(source, name, table, reasons)


def _rule(source: str, name: str, table: dict[str, Any], reasons: dict[str, Reason]) -> Rule:
    if unknown := sorted(set(table) - _FIELDS):
        raise RuleInvalid(source, name, f"unknown field {unknown[0]!r}")
    if table.get("reason") not in reasons:
        raise RuleInvalid(
            source,
            name,
            f"unknown reason {table.get('reason')!r}.",
            advice=f"Known are: {', '.join(sorted(reasons))}.",
        )
    if not {"text", "code", "status"} & set(table):
        raise RuleInvalid(source, name, "needs at least one of text, code and status")
    for key in ("text", "unless", "code", "status"):
        if key in table:
            _check_pattern(source, name, key, table[key])
    _check_rest(source, name, table)
    try:
        hardness = Hardness(table["hardness"]) if "hardness" in table else None
    except ValueError as error:
        raise RuleInvalid(source, name, f"unknown hardness {table['hardness']!r}") from error
    fields: dict[str, Any] = {key: table[key] for key in _PLAIN if key in table}
    fields |= {key: tuple(table.get(key, ())) for key in _LISTS}
    return Rule(id=name, file=source, hardness=hardness, **fields)


def _check_rest(source: str, name: str, table: dict[str, Any]) -> None:
    confidence = table.get("confidence", 0.9)
    if not isinstance(confidence, int | float) or not 0 <= confidence <= 1:
        raise RuleInvalid(source, name, f"confidence {confidence!r} is not between 0 and 1")
    if not isinstance(table.get("temporary", False), bool):
        raise RuleInvalid(source, name, "temporary must be true or false")
    for key in _LISTS:
        entries = table.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise RuleInvalid(source, name, f"{key} must be a list of strings")
    for kept in table.get("keep", ()):
        if not is_code_pattern(kept):
            raise RuleInvalid(
                source,
                name,
                f"keep {kept!r} is neither a host nor the pattern of one code",
                advice="A code holds lower-case letters, digits, '_', '#' and '-' only.",
            )


def _check_pattern(source: str, name: str, key: str, pattern: object) -> None:
    if not isinstance(pattern, str) or not pattern:
        raise RuleInvalid(source, name, f"{key} must be a regular expression")
    if len(pattern) > _LONGEST_OF_OURS:
        raise RuleInvalid(source, name, f"{key} is longer than {_LONGEST_OF_OURS} characters")
    if key in ("text", "unless"):
        # The canonical text is lower case, so a capital letter could never match.
        bare = _ESCAPED_CLASS.sub("", pattern)
        if capital := next((letter for letter in bare if letter.isupper()), None):
            raise RuleInvalid(
                source, name, f"{key} holds {capital!r}, but is matched against lower-case text"
            )
    try:
        re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        detail = error.args[0] if error.args else error
        raise RuleInvalid(
            source, name, f"{key} is not a valid RE2 pattern: {_words(detail)}"
        ) from error


_ESCAPED_CLASS = re2.compile(r"\\[pPBDSWQEAZzC](\{[^}]*\})?|\[:[a-z]+:\]")
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.dot_nl = True


def _words(detail: object) -> str:
    return detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)


def _refuse_long(rules: Sequence[Rule]) -> None:
    for rule in rules:
        for pattern in (rule.text, rule.unless, rule.code, rule.status):
            if pattern and len(pattern) > _LONGEST_OF_USERS:
                raise RuleInvalid(
                    rule.file, rule.id, f"a pattern is longer than {_LONGEST_OF_USERS} characters"
                )


def _refuse_large(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError:
        return  # reading it says what is wrong
    if size > _LARGEST_FILE:
        raise RuleInvalid(str(path), None, f"is larger than {_LARGEST_FILE:,} bytes")


def _refuse_costly(path: Path, rules: Sequence[Rule]) -> None:
    """Counted repeats multiply: `(a{30}){30}` is short to write and long to run."""
    cost = 0
    for rule in rules:
        for pattern in (rule.text, rule.unless):
            if pattern:
                cost += re2.compile(pattern, _OPTIONS).programsize
            if cost > _MOST_INSTRUCTIONS:
                raise RuleInvalid(
                    str(path),
                    rule.id,
                    "the patterns up to here are too costly to run",
                    advice="Use fewer counted repeats, such as {1,30}, inside one another.",
                )


def _refuse_duplicates(rules: Sequence[Rule]) -> None:
    seen: dict[str, Rule] = {}
    for rule in rules:
        if earlier := seen.get(rule.id):
            raise RuleInvalid(rule.file, rule.id, f"this id is already used in {earlier.file}")
        seen[rule.id] = rule


def _load_reasons() -> tuple[dict[str, Reason], str]:
    import tomllib

    table = tomllib.loads((RULES / "reasons.toml").read_text("utf-8"))
    reasons = {
        entry["name"]: Reason(
            name=entry["name"],
            group=entry["group"],
            hardness=Hardness(entry["hardness"]),
            actor=entry["actor"],
            meaning=entry["meaning"],
            action=entry["action"],
        )
        for entry in table["reason"]
    }
    return reasons, table["temporary"]["words"]
