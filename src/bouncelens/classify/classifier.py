"""A template into a verdict. The first rule, in the order of the files, that speaks decides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import re2

from bouncelens.bounce import Hardness, Template, Verdict
from bouncelens.classify.matching import best_matcher, bits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bouncelens.classify.matching import Found, Matcher, Words
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
        matcher: Callable[[Sequence[str | None], Words | None], Matcher] = best_matcher,
        alone: int = 50,
    ) -> None:
        """`alone`: how many templates are judged before the matcher is made."""
        self.ruleset = ruleset
        rules = ruleset.rules
        # all that is searched: each rule's text at the rule's number, its `unless` behind all texts
        self.patterns: tuple[str | None, ...] = (
            *(rule.text for rule in rules),
            *(rule.unless for rule in rules),
            ruleset.temporary_words,
        )
        self._unless, self._temporary = len(rules), 2 * len(rules)
        self._has_text = sum(1 << n for n, rule in enumerate(rules) if rule.text is not None)
        self._make_matcher = matcher
        self._left_alone = alone
        self._compiled: dict[str, Any] = {}
        self._meant = _Meant(rules)
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
        return self._make_matcher(self.patterns, self.ruleset.literals)

    def _speaking(self, template: Template, found: Found | _FoundAlone) -> Iterator[int]:
        rules, unless, perhaps = self.ruleset.rules, self._unless, found.perhaps
        candidates = self._meant.by(template) & (perhaps | ~self._has_text)
        for index in bits_of(candidates):
            rule = rules[index]
            if rule.text is not None and index not in found:
                continue
            if rule.unless is None or unless + index not in found:
                yield index

    def _pattern(self, pattern: str) -> Any:
        if (compiled := self._compiled.get(pattern)) is None:
            compiled = self._compiled[pattern] = re2.compile(pattern, _DOT_ALL)
        return compiled

    def _span(self, index: int, text: str, found: Found | _FoundAlone) -> tuple[int, int]:
        pattern = self.ruleset.rules[index].text
        if pattern is None:
            return 0, 0
        if isinstance(found, _FoundAlone):
            spoken = self._pattern(pattern).search(text)
            return spoken.span() if spoken else (0, 0)
        start, end = found.span(index)
        if text.isascii():
            return start, end
        raw = text.encode("utf-8", "replace")
        return len(raw[:start].decode()), len(raw[:end].decode())

    def _verdict(
        self, rule: Rule, template: Template, found: Found | _FoundAlone, evidence: str
    ) -> Verdict:
        reason = self.ruleset.reasons[rule.reason]
        says_later = says_try_later(template)
        is_temporary = rule.temporary
        if is_temporary is None:
            is_temporary = says_later or self._temporary in found
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
            is_temporary=says_later or self._temporary in found,
            rule=None,
            confidence=0.0,
            evidence="",
            actor=reason.actor,
        )


class _FoundAlone:
    """Looks for a pattern when asked, and only where the words are there that it needs."""

    perhaps = -1  # every one

    def __init__(self, classifier: Classifier, text: str) -> None:
        self._of, self._text = classifier, text
        self._known: dict[str, bool] = {}

    def __contains__(self, number: int) -> bool:
        pattern = self._of.patterns[number] or ""
        if (known := self._known.get(pattern)) is None:
            known = self._known[pattern] = self._occurs(pattern)
        return known

    def _occurs(self, pattern: str) -> bool:
        of, text = self._of, self._text
        words = of.ruleset.literals.get(pattern)
        if words is not None and not any(word in text for word in words):
            return False
        return of._pattern(pattern).search(text) is not None


class _Meant:
    """Which rules' codes and providers a template has: bit n for rule n."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._codes, self._statuses, self._providers = _Bits(), _Bits(), _Bits()
        for number, rule in enumerate(rules):
            self._codes.add(number, [rule.code])
            self._statuses.add(number, [rule.status])
            self._providers.add(number, rule.provider or [None])
        self._of_code = lru_cache(maxsize=1024)(self._codes.fitting)
        self._of_status = lru_cache(maxsize=8192)(self._statuses.fitting)

    def by(self, template: Template) -> int:
        """The rules that may speak of `template`, whatever its text."""
        of_provider = self._providers.named(template.provider)
        return of_provider & self._of_code(template.code) & self._of_status(template.status)


class _Bits:
    """Rules by what they ask for, `None` being those that ask for nothing."""

    def __init__(self) -> None:
        self._by: dict[str | None, int] = {None: 0}

    def add(self, number: int, asked: Iterable[str | None]) -> None:
        for name in asked:
            self._by[name] = self._by.get(name, 0) | 1 << number

    def named(self, name: str | None) -> int:
        return self._by[None] | (self._by.get(name, 0) if name else 0)

    def fitting(self, value: object) -> int:
        """Those whose pattern matches the whole of `value`."""
        if not value:
            return self._by[None]
        fit = (b for pattern, b in self._by.items() if pattern and _fits(pattern, str(value)))
        return reduce(or_, fit, self._by[None])


def _fits(pattern: str, value: str) -> bool:
    return _compiled(pattern).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)


def says_try_later(template: Template) -> bool:
    """Whether a code of the 4yz class says so (RFC 5321 §4.2.1, RFC 3463 §3.1)."""
    is_4yz = template.code is not None and 400 <= template.code < 500
    return is_4yz or (template.status or "").startswith("4")


_DOT_ALL = re2.Options()
_DOT_ALL.dot_nl = True


def _codes(template: Template) -> str:
    return " ".join(str(part) for part in (template.code, template.status) if part)
