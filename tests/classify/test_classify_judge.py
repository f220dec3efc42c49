"""Verdicts: what must not change them, and what they must never say."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bouncelens.bounce import Hardness
from bouncelens.classify.classifier import Classifier
from bouncelens.classify.matching import (
    CompiledMatcher,
    HyperscanMatcher,
    Matcher,
    Re2Matcher,
    Words,
    compiled_words,
)
from bouncelens.service.judge import Judge

CORPUS = Path(__file__).parent.parent / "corpus"
TEXTS = [
    json.loads(line)["text"]
    for part in ("read", "own_postmaster")
    for line in (CORPUS / f"{part}.jsonl").read_text("utf-8").splitlines()
]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.of_rules()


def engines() -> list[type[Matcher]]:
    """Those that are here."""
    has_hyperscan = find_spec("hyperscan") is not None
    return [
        Re2Matcher,
        *([HyperscanMatcher] if has_hyperscan else []),
        *([CompiledMatcher] if compiled_words() else []),
    ]


def test_all_engines_say_the_same(judge: Judge) -> None:
    one, *others = (
        Classifier(judge.ruleset, matcher=engine, alone=0)  # type: ignore[arg-type]
        for engine in engines()
    )
    assert others
    texts = [*TEXTS, *(rule.examples[0] for rule in judge.ruleset.rules)]
    for text in texts:
        template = judge.judge(text).template
        said = one.judge(template)
        assert all(other.judge(template) == said for other in others)


def test_patterns_are_compiled_together_only_when_replies_keep_coming(judge: Judge) -> None:
    made: list[Re2Matcher] = []

    def matcher(patterns: Sequence[str | None], words: Words | None) -> Re2Matcher:
        made.append(Re2Matcher(patterns, words))
        return made[-1]

    classifier = Classifier(judge.ruleset, matcher=matcher, alone=3)
    templates = dict.fromkeys(judge.judge(text).template for text in TEXTS[:20])
    counts = []
    for template in list(templates)[:5]:
        classifier.judge(template)
        counts.append(len(made))
    assert counts == [0, 0, 0, 1, 1]


def test_evidence_stands_in_the_reply_as_the_server_wrote_it(judge: Judge) -> None:
    for text in TEXTS:
        judged = judge.judge(text)
        if judged.verdict.rule and not re.fullmatch(r"[\d. ]*", judged.verdict.evidence):
            assert judged.verdict.evidence in judged.reply.text


SILENT = ["", "550", "550 5.0.0", "554 5.0.0", "554", "ququx", "5.0.0"]


@pytest.mark.parametrize("text", SILENT)
def test_too_little_stays_unclassified_and_is_never_hard(text: str, judge: Judge) -> None:
    verdict = judge.judge(text).verdict
    assert (verdict.reason, verdict.rule) == ("unclassified", None)
    assert verdict.hardness is Hardness.UNKNOWN


@pytest.mark.parametrize("code", range(200, 600))
def test_a_reply_code_alone_makes_no_address_hard(code: int, judge: Judge) -> None:
    assert judge.judge(f"{code} ququx").verdict.hardness is not Hardness.HARD


def test_nothing_under_a_4yz_code_is_hard(judge: Judge) -> None:
    for text in TEXTS:
        template, verdict = judge.template_and_verdict(re.sub(r"^5\d\d[ -]5\.", "450 4.", text))
        if template.code == 450:
            assert verdict.hardness is not Hardness.HARD


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=500), st.binary(max_size=65536)))
def test_no_input_raises(raw: str | bytes) -> None:
    judged = FUZZED.judge(raw)
    assert judged.verdict.reason in FUZZED.ruleset.reasons


FUZZED = Judge.of_rules()


def test_patterns_that_an_engine_cannot_take_are_matched_all_the_same() -> None:
    patterns = [
        "(user|full$)",
        "unknown",
        r"(\bx|y$) z",
        "größe?",
        "^550",
        None,
        "later$",
        "gr",
        "z",
    ]
    texts = ["user unknown", "550 full", "full 550", "gröss", "größ", "größe", "x z", "later", ""]
    words = {pattern: ("z",) for pattern in patterns if pattern == "z"}  # shorter than any table's
    words |= {"unknown": ("unk", "known"), "later$": ("later",)}
    for needed in (None, words):
        one, *others = (engine(patterns, needed) for engine in engines())  # type: ignore[call-arg]
        for text in texts:
            said = one.matches(text.encode())
            assert all(other.matches(text.encode()) == said for other in others), text


@pytest.mark.skipif(compiled_words() is None, reason="built without a compiler")
@pytest.mark.parametrize(
    "given",
    [
        pytest.param((b"user", [4], [9], [1], 1), id="a number beyond the answer"),
        pytest.param((b"user", [5], [0], [1], 1), id="a word beyond the letters"),
        pytest.param((b"user", [4], [0], [2], 1), id="a number beyond the numbers"),
        pytest.param((b"us", [2], [0], [1], 1), id="a word too short"),
    ],
)
def test_the_compiled_table_refuses_what_does_not_fit(given: tuple[bytes, ...]) -> None:
    compiled = compiled_words()
    letters, ends, numbers, number_ends, size = given
    with pytest.raises(ValueError, match="fit"):
        compiled.table(letters, *(array("I", a) for a in (ends, numbers, number_ends)), size)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="no table"):
        compiled.found(b"none", b"user")  # type: ignore[union-attr]
