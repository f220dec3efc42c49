"""Rules kept right: run every example and counter-example, find rules that never speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bouncelens.service.judge import Judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bouncelens.classify.ruleset import Rule


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a rule."""

    file: str
    rule: str
    problem: str  # examples, example, counter_example, shadowed, source
    detail: str

    def __str__(self) -> str:
        return f"{self.file}: {self.rule}: {self.detail}"


@dataclass(frozen=True, slots=True)
class RuleTest:
    """What `test_rules` found, of how much."""

    rules: int
    examples: int
    counter_examples: int
    findings: tuple[Finding, ...]


def test_rules(judge: Judge) -> RuleTest:
    """Run the examples and counter-examples of every rule of `judge`'s rule set."""
    rules = judge.ruleset.rules
    findings: list[Finding] = []
    for rule in rules:
        findings += _wrong_with(rule, judge)
    return RuleTest(
        rules=len(rules),
        examples=sum(len(rule.examples) for rule in rules),
        counter_examples=sum(len(rule.not_examples) for rule in rules),
        findings=tuple(findings),
    )


def _wrong_with(rule: Rule, judge: Judge) -> Iterator[Finding]:
    def finding(problem: str, detail: str) -> Finding:
        return Finding(rule.file, rule.id, problem, detail)

    if len(rule.examples) < 2 or len(rule.not_examples) < 1:
        yield finding("examples", "needs at least two examples and one counter-example")
    if not rule.source:
        yield finding("source", "names no source")
    deciders = []
    for example in rule.examples:
        provider = rule.provider[0] if rule.provider else None
        judged = judge.judge(example, provider=provider)
        deciders.append(judged.verdict.rule)
        if judged.verdict.rule != rule.id:
            speaks = rule.id in {found.id for found in judge.classifier.speaking(judged.template)}
            why = "an earlier rule decides" if speaks else "it does not match"
            yield finding(
                "example",
                f"{why}: {example!r} is decided by {judged.verdict.rule} "
                f"({judged.verdict.reason}); canonical: {judged.template.text!r}",
            )
    if rule.examples and rule.id not in deciders:
        yield finding("shadowed", f"never speaks: {', '.join(sorted({str(d) for d in deciders}))}")
    for example in rule.not_examples:
        judged = judge.judge(example, provider=rule.provider[0] if rule.provider else None)
        if rule.id in {found.id for found in judge.classifier.speaking(judged.template)}:
            yield finding("counter_example", f"matches its counter-example {example!r}")
