"""A template into a verdict. The first rule, in the order of the files, that speaks decides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import re2

from bouncelens.bounce import Hardness, Template, Verdict
from bouncelens.classify.matching import GrowingMatcher, Matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bouncelens.classify.ruleset import Rule, Ruleset


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the span of the canonical text that decided (empty: a code alone did)."""

    verdict: Verdict
    start: int
    end: int


class Classifier:
    """Judges templates by a rule set. Safe to share between threads."""

    def __init__(
        self,
        ruleset: Ruleset,
        *,
        matcher: Callable[[Sequence[str]], Matcher] = GrowingMatcher,
    ) -> None:
        self.ruleset = ruleset
        patterns: dict[str, int] = {ruleset.temporary_words: 0}
        self._conditions = [_Condition.of(rule, patterns) for rule in ruleset.rules]
        self._by_text: dict[int, list[int]] = {}
        self._without_text: list[int] = []
        for index, condition in enumerate(self._conditions):
            if condition.text is None:
                self._without_text.append(index)
            else:
                self._by_text.setdefault(condition.text, []).append(index)
        self._matcher = matcher(list(patterns))
        self._patterns: dict[int, re2.Pattern] = {}
        self._codes_fit = lru_cache(maxsize=8192)(self._codes_allow)

    @property
    def engine(self) -> str:
        """Name of the pattern engine at work."""
        return self._matcher.name

    def judge(self, template: Template) -> Judgement:
        """The verdict on `template`; `unclassified` with no rule where none speaks."""
        found = self._matcher.matches(template.text.encode("utf-8", "replace"))
        index = self._first(template, found)
        if index is None:
            return Judgement(self._unclassified(template, found), 0, 0)
        rule = self.ruleset.rules[index]
        start, end = self._span(index, template.text)
        evidence = template.text[start:end] or _codes(template)
        return Judgement(self._verdict(rule, template, found, evidence), start, end)

    def speaking(self, template: Template) -> Iterator[Rule]:
        """Every rule whose conditions `template` meets, in order: the first one decides."""
        found = self._matcher.matches(template.text.encode("utf-8", "replace"))
        yield from (self.ruleset.rules[index] for index in self._speaking(template, found))

    def _first(self, template: Template, found: set[int]) -> int | None:
        return next(iter(self._speaking(template, found)), None)

    def _speaking(self, template: Template, found: set[int]) -> Iterable[int]:
        candidates = [*self._without_text]
        for pattern in found:
            candidates += self._by_text.get(pattern, ())
        for index in sorted(candidates):
            condition = self._conditions[index]
            if condition.unless is not None and condition.unless in found:
                continue
            if condition.provider and template.provider not in condition.provider:
                continue
            if condition.has_codes and not self._codes_fit(index, template.code, template.status):
                continue
            yield index

    def _span(self, index: int, text: str) -> tuple[int, int]:
        pattern = self.ruleset.rules[index].text
        if pattern is None:
            return 0, 0
        if (compiled := self._patterns.get(index)) is None:
            compiled = self._patterns[index] = re2.compile(pattern, _DOT_ALL)
        found = compiled.search(text)
        return found.span() if found else (0, 0)

    def _codes_allow(self, index: int, code: int | None, status: str | None) -> bool:
        condition = self._conditions[index]
        if condition.code and not (code and _fits(condition.code, str(code))):
            return False
        return not (condition.status and not (status and _fits(condition.status, status)))

    def _verdict(self, rule: Rule, template: Template, found: set[int], evidence: str) -> Verdict:
        reason = self.ruleset.reasons[rule.reason]
        says_later = says_try_later(template)
        is_temporary = rule.temporary
        if is_temporary is None:
            is_temporary = says_later or 0 in found
        hardness = rule.hardness or reason.hardness
        # taxonomy 14: under a 4xx, or when only for now, an address is not dead yet
        if hardness is Hardness.HARD and (says_later or is_temporary):
            hardness = Hardness.SOFT
        return Verdict(
            reason=reason.name,
            group=reason.group,
            hardness=hardness,
            is_temporary=is_temporary,
            rule=rule.id,
            confidence=rule.confidence,
            evidence=evidence,
            actor=reason.actor,
        )

    def _unclassified(self, template: Template, found: set[int]) -> Verdict:
        reason = self.ruleset.reasons["unclassified"]
        says_later = says_try_later(template)
        return Verdict(
            reason=reason.name,
            group=reason.group,
            hardness=Hardness.SOFT if says_later else reason.hardness,
            is_temporary=says_later or 0 in found,
            rule=None,
            confidence=0.0,
            evidence="",
            actor=reason.actor,
        )


@lru_cache(maxsize=65536)
def _fits(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)


def says_try_later(template: Template) -> bool:
    """Whether a code of the 4yz class says so (RFC 5321 §4.2.1, RFC 3463 §3.1)."""
    is_4yz = template.code is not None and 400 <= template.code < 500
    return is_4yz or (template.status or "").startswith("4")


@dataclass(frozen=True, slots=True)
class _Condition:
    """A rule's condition, its patterns numbered and compiled."""

    text: int | None
    unless: int | None
    code: str | None
    status: str | None
    provider: frozenset[str]
    has_codes: bool

    @classmethod
    def of(cls, rule: Rule, patterns: dict[str, int]) -> _Condition:
        def number(pattern: str | None) -> int | None:
            return None if pattern is None else patterns.setdefault(pattern, len(patterns))

        return cls(
            text=number(rule.text),
            unless=number(rule.unless),
            code=rule.code,
            status=rule.status,
            provider=frozenset(rule.provider),
            has_codes=bool(rule.code or rule.status),
        )


_DOT_ALL = re2.Options()
_DOT_ALL.dot_nl = True


def _codes(template: Template) -> str:
    return " ".join(str(part) for part in (template.code, template.status) if part)
