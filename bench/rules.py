"""The rules' own tests, and one reply under the glass, before the command line exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bouncelens.errors import RuleInvalid
from bouncelens.service.judge import Judge
from bouncelens.service.rules import test_rules

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Print findings; exit code 1 if there are any."""
    try:
        judge = Judge.of_rules()
    except RuleInvalid as error:
        print(error)
        return 2
    result = test_rules(judge)
    findings = [f for f in result.findings if not arguments.file or arguments.file in f.file]
    for finding in findings:
        print(finding)
    print(
        f"{result.rules} rules, {result.examples} examples, {result.counter_examples} "
        f"counter-examples: {len(findings)} findings ({judge.classifier.engine})"
    )
    return 1 if findings else 0


def show(arguments: argparse.Namespace) -> int:
    """Print the canonical text of a reply and every rule that speaks, the deciding one first."""
    judge = Judge.of_rules()
    judged = judge.judge(arguments.text, provider=arguments.provider)
    print(f"canonical  {judged.template.text}")
    print(f"code       {judged.template.code}   status {judged.template.status}")
    print(f"verdict    {judged.verdict}")
    for rule in judge.classifier.speaking(judged.template):
        print(f"  {rule.reason:24} {rule.id}  ({rule.file})")
    return 0
