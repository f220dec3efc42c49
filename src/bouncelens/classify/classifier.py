"""A template into a verdict. The first rule, in the order of the files, that speaks decides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import re2

from bouncelens.bounce import Hardness, Template, Verdict
from bouncelens.classify.matching import GrowingMatcher, Matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bouncelens.classify.matching import Found, Words
    from bouncelens.classify.ruleset import Rule, Ruleset


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and the span of the canonical text that decided (empty: a code alone did)."""

    verdict: Verdict
    start: int
    end: int


class Classifier:
    """Judges templates by a rule set. Safe to share between threads.

    The first few are judged with the few patterns that each needs; compiling all of them pays for
    more replies only.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        *,
        matcher: Callable[[Sequence[str], Words | None], Matcher] = GrowingMatcher,
        alone: int = 50,
    ) -> None:
        """`alone`: how many templates are judged before the matcher is made."""
        self.ruleset = ruleset
        numbers: dict[str, int] = {ruleset.temporary_words: 0}
        self._conditions = [_Condition.of(rule, numbers) for rule in ruleset.rules]
        self._patterns = tuple(numbers)
        self._make_matcher = matcher
        self._left_alone = alone
        self._compiled: dict[int, Any] = {}
        self._codes_fit = lru_cache(maxsize=8192)(self._codes_allow)
        self._judgement = lru_cache(maxsize=16_384)(self._judged)

    @property
    def engine(self) -> str:
        """Name of the pattern engine at work."""
        return self._matcher.name

    def judge(self, template: Template) -> Judgement:
        """The verdict on `template`; `unclassified` with no rule where none speaks."""
        return self._judgement(template)

    def _judged(self, template: Template) -> Judgement:
        found = self._found(template.text)
        index = next(self._speaking(template, found), None)
        if index is None:
            return Judgement(self._unclassified(template, found), 0, 0)
        rule = self.ruleset.rules[index]
        start, end = self._span(index, template.text, found)
        evidence = template.text[start:end] or _codes(template)
        return Judgement(self._verdict(rule, template, found, evidence), start, end)

    def speaking(self, template: Template) -> Iterator[Rule]:
        """Every rule whose conditions `template` meets, in order: the first one decides."""
        rules, found = self.ruleset.rules, self._found(template.text)
        yield from (rules[index] for index in self._speaking(template, found))

    def _found(self, text: str) -> Found | _FoundAlone:
        if self._left_alone > 0:
            self._left_alone -= 1
            return _FoundAlone(self, text)
        return self._matcher.found(text.encode("utf-8", "replace"))

    @cached_property
    def _matcher(self) -> Matcher:
        return self._make_matcher(self._patterns, self.ruleset.literals)

    @cached_property
    def _rules_by_pattern(self) -> tuple[dict[int, list[int]], list[int]]:
        """Indices of rules by their text's pattern, and of those without a text."""
        by_text: dict[int, list[int]] = {}
        without: list[int] = []
        for index, condition in enumerate(self._conditions):
            if condition.text is None:
                without.append(index)
            else:
                by_text.setdefault(condition.text, []).append(index)
        return by_text, without

    def _speaking(self, template: Template, found: Found | _FoundAlone) -> Iterator[int]:
        for index in self._candidates(found):
            condition = self._conditions[index]
            if condition.provider and template.provider not in condition.provider:
                continue
            if condition.has_codes and not self._codes_fit(index, template.code, template.status):
                continue
            if condition.text is not None and condition.text not in found:
                continue
            if condition.unless is None or condition.unless not in found:
                yield index

    def _candidates(self, found: Found | _FoundAlone) -> Sequence[int]:
        if isinstance(found, _FoundAlone):
            return range(len(self._conditions))
        by_text, without = self._rules_by_pattern
        candidates = [*without]
        for number in found.perhaps:
            candidates += by_text.get(number, ())
        return sorted(candidates)

    def _pattern(self, number: int) -> Any:
        if (compiled := self._compiled.get(number)) is None:
            compiled = self._compiled[number] = re2.compile(self._patterns[number], _DOT_ALL)
        return compiled

    def _span(self, index: int, text: str, found: Found | _FoundAlone) -> tuple[int, int]:
        number = self._conditions[index].text
        if number is None:
            return 0, 0
        if isinstance(found, _FoundAlone):
            spoken = self._pattern(number).search(text)
            return spoken.span() if spoken else (0, 0)
        start, end = found.span(number)
        if text.isascii():
            return start, end
        raw = text.encode("utf-8", "replace")
        return len(raw[:start].decode()), len(raw[:end].decode())

    def _codes_allow(self, index: int, code: int | None, status: str | None) -> bool:
        condition = self._conditions[index]
        if condition.code and not (code and _fits(condition.code, str(code))):
            return False
        return not (condition.status and not (status and _fits(condition.status, status)))

    def _verdict(
        self, rule: Rule, template: Template, found: Found | _FoundAlone, evidence: str
    ) -> Verdict:
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

    def _unclassified(self, template: Template, found: Found | _FoundAlone) -> Verdict:
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


class _FoundAlone:
    """Looks for a pattern when asked, and only where the words are there that it needs."""

    def __init__(self, classifier: Classifier, text: str) -> None:
        self._of, self._text = classifier, text
        self._known: dict[object, bool] = {}

    def __contains__(self, number: object) -> bool:
        if (known := self._known.get(number)) is None and isinstance(number, int):
            known = self._known[number] = self._occurs(number)
        return bool(known)

    def _occurs(self, number: int) -> bool:
        of, text = self._of, self._text
        words = of.ruleset.literals.get(of._patterns[number])
        if words is not None and not any(word in text for word in words):
            return False
        return of._pattern(number).search(text) is not None


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
