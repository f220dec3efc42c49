"""Words that patterns need: never one that a matching text may lack."""

from __future__ import annotations

import pytest
import re2

from bouncelens.classify.literals import required_literals
from bouncelens.service.judge import Judge

DOT_ALL = re2.Options()
DOT_ALL.dot_nl = True


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("user unknown", {"user unknown"}),
        (r"mailbox .{0,40}full", {"mailbox "}),
        ("e-?mail full", {"email full", "e-mail full"}),
        ("(quota|storage) exceeded", {"quota exceeded", "storage exceeded"}),
        ("[a-z]+ over quota( now)?", {" over quota", " over quota now"}),
        (r"\bspamhaus\b", {"spamhaus"}),
        ("(blocked|listed).*by (x{9}|sorbs)", {"blocked", "listed"}),
        (r"\bib(10[12]|71\d)\b", {"ib101", "ib102", *(f"ib71{n}" for n in range(10))}),
        (r"bl[01]{6}", {f"bl{n:04b}" for n in range(16)}),
        (r"try later.{0,9}\(?(grey|spam)", {"try later"}),
        (r"\\\\(?i)user", None),
        ("[^a]b", None),
        ("a+b*", None),
        ("ab|user", None),
        ("[[:alpha:]]user", None),
        ("(?i)user", None),
        ("full{,2} of mail", None),
        (r"\Quser.\E", None),
        (r"\pL user", None),
        ("(full)?", None),
        ("(full)+ stop", {" stop"}),
    ],
)
def test_the_words_of_a_pattern(pattern: str, words: set[str] | None) -> None:
    found = required_literals(pattern)
    assert (set(found) if found else None) == words


def test_every_example_that_a_pattern_matches_holds_its_words() -> None:
    judge = Judge.of_rules()
    texts = [judge.judge(e).template.text for r in judge.ruleset.rules[::7] for e in r.examples[:1]]
    patterns = {p for rule in judge.ruleset.rules[::3] for p in (rule.text, rule.unless) if p}
    judged = 0
    for pattern in patterns:
        words = required_literals(pattern)
        compiled = re2.compile(pattern, DOT_ALL)
        for text in texts[:: 1 + len(patterns) % 3]:
            if words is not None and not any(word in text for word in words):
                judged += 1
                assert not compiled.search(text), (pattern, text)
    assert judged > 1000
