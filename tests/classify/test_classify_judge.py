"""Verdicts: what must not change them, and what they must never say."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bouncelens.bounce import Hardness
from bouncelens.classify.classifier import Classifier
from bouncelens.classify.matching import HyperscanMatcher, Re2Matcher, Words
from bouncelens.service.bulk import Replies
from bouncelens.service.judge import Judge

CORPUS = Path(__file__).parent.parent / "corpus"
READABLE = sorted(path for path in CORPUS.glob("*.jsonl") if "unread" not in path.name)
TEXTS = [
    json.loads(line)["text"]
    for part in ("read", "own_postmaster")
    for line in (CORPUS / f"{part}.jsonl").read_text("utf-8").splitlines()
]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.of_rules()


def same(judge: Judge, text: str, other: str) -> bool:
    one, two = judge.judge(text).verdict, judge.judge(other).verdict
    return (one.reason, one.hardness, one.rule) == (two.reason, two.hardness, two.rule)


ADDRESS = re.compile(r"\b[A-Za-z0-9._+]+@(?:user\.)?example\.(?:com|org|net|jp)\b")
IP = re.compile(r"(?<![\d.])(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}(?![\d.])")
QUEUE_ID = re.compile(r"\b(?=[0-9A-F]*\d)(?=[0-9A-F]*[A-F])[0-9A-F]{9,12}\b")
HOST = re.compile(r"(?<![@\w.-])(?:mx|mail|relay|smtp)\d?\.(?:\w+\.)?example\.(?:com|org|net|jp)\b")
DATE = re.compile(r"\b\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}")
CHANGES = [
    pytest.param(lambda t: ADDRESS.sub("Sam.Poe-7+x@other-9.example.co.uk", t), id="addresses"),
    pytest.param(lambda t: IP.sub("100.64.17.222", t), id="IPs"),
    pytest.param(lambda t: QUEUE_ID.sub("77F00BA12C9", t), id="queue ids"),
    pytest.param(lambda t: HOST.sub("in7.mailpool.test", t), id="hosts"),
    pytest.param(lambda t: DATE.sub("3 Feb 2031", t), id="dates"),
    pytest.param(str.upper, id="upper case"),
    pytest.param(str.lower, id="lower case"),
    pytest.param(lambda t: t.replace(" ", "\r\n "), id="wrapping"),
    pytest.param(lambda t: t.replace(" ", "  \t"), id="spaces"),
    pytest.param(lambda t: f"smtp; {t}", id="prefix"),
    pytest.param(lambda t: f"smtp;{t}", id="prefix without a space"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_varies_does_not_change_the_verdict(change, judge: Judge) -> None:  # type: ignore[no-untyped-def]
    wrong = [text for text in TEXTS if not same(judge, text, change(text))]
    assert not wrong


def test_a_cut_at_the_limit_changes_one_verdict_in_a_hundred_at_most(judge: Judge) -> None:
    padding = " see the notes of the receiving system for further details" * 80
    texts = [text + padding for text in TEXTS[::4]]
    assert sum(same(judge, text, text[:4000]) for text in texts) >= 0.99 * len(texts)
    inside = [(text + "é" * 4000).encode()[:4001] for text in TEXTS[::4]]
    whole = [text + "é" * 4000 for text in TEXTS[::4]]
    agree = sum(
        judge.judge(cut).verdict.reason == judge.judge(text).verdict.reason
        for cut, text in zip(inside, whole, strict=True)
    )
    assert agree >= 0.99 * len(inside)


def test_both_engines_say_the_same(judge: Judge) -> None:
    pytest.importorskip("hyperscan")
    one = Classifier(judge.ruleset, matcher=HyperscanMatcher, alone=0)
    two = Classifier(judge.ruleset, matcher=Re2Matcher, alone=0)
    texts = [*TEXTS, *(rule.examples[0] for rule in judge.ruleset.rules)]
    for text in texts:
        template = judge.judge(text).template
        assert one.judge(template) == two.judge(template)


def test_the_first_replies_are_judged_as_the_later_ones(judge: Judge) -> None:
    """One reply looks for few patterns only; over all that may be read it must find the same."""
    texts = {e for rule in judge.ruleset.rules for e in (*rule.examples, *rule.not_examples)}
    for part in READABLE:
        texts |= {json.loads(line)["text"] for line in part.read_text("utf-8").splitlines()}
    assert len(texts) > 3000
    alone = Classifier(judge.ruleset, alone=len(texts) + 1)
    for _ in range(100):
        judge.judge("550 ququx")  # from here on, all patterns are looked for together
    found = {template: judgement for template, judgement, _, _ in map(judge.judgement, texts)}
    for template, together in found.items():
        assert alone.judge(template) == together, template.text


def test_patterns_are_compiled_together_only_when_replies_keep_coming(judge: Judge) -> None:
    made: list[Re2Matcher] = []

    def matcher(patterns: Sequence[str], words: Words | None) -> Re2Matcher:
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


def test_patterns_that_hyperscan_cannot_take_are_matched_all_the_same() -> None:
    pytest.importorskip("hyperscan")
    patterns = ["(user|full$)", "unknown", r"(\bx|y$) z", "größe?", "^550", "later$"]
    texts = ["user unknown", "550 full", "full 550", "gröss", "größ", "größe", "x z", "later", ""]
    one, two = HyperscanMatcher(patterns), Re2Matcher(patterns)
    for text in texts:
        assert one.matches(text.encode()) == two.matches(text.encode()), text


HOSTILE = [
    "a", "a.", "a@", "@", "<", "<a", "<a>", "1", "1.", "1:", "::", "550-", "550 5.1.1 ", "5.1.1-",
    "smtp;", "host a[1.2.3.4] said: ", "&lt;", "&", "\x1b[", "\x1b]", "\u200b", "Ã©", "不",
    "said: ",
    "x@y.z ", "x@y..", "http://a.b/", "12 nov ", "(in reply to ", "blocked using ", "\r\n\t", "=1",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_repetition_is_read_like_anything_else(unit: str) -> None:
    text = (unit * 65536)[:65536]
    judged = FUZZED.judge(text)
    assert len(judged.reply.text) <= 4000
    assert FUZZED.template_and_verdict(text)[0] == judged.template
    numbers, entries = FUZZED.bulk.look_up(Replies(pa.array([text])))
    assert entries[numbers[0]].template == judged.template
