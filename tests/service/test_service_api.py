"""The public interface: one reply, many, an Arrow batch."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest

import bouncelens
import bouncelens.classify.ruleset
from bouncelens import Answer, Hardness, Verdict, classify
from bouncelens.errors import InputInvalid
from bouncelens.service.api import Classify

TEXTS = ["550 5.1.1 <kim@example.com> User unknown", None, "452 4.2.2 mailbox full"]


def test_the_function_is_not_hidden_by_the_room_of_that_name() -> None:
    assert callable(bouncelens.classify)
    assert bouncelens.classify is classify
    assert sys.modules["bouncelens.classify"].__name__ == "bouncelens.classify"


def test_one_reply() -> None:
    verdict = classify("550 5.1.1 <kim@example.com> User unknown")
    assert isinstance(verdict, Answer)
    assert isinstance(verdict.verdict, Verdict)
    assert (verdict.reason, verdict.hardness) == ("unknown_user", Hardness.HARD)
    assert verdict.evidence in TEXTS[0]
    assert classify(b"\xff\x00").reason == "unclassified"
    assert classify("ququx", 552).reason == "mailbox_full"
    assert classify("ququx", status="4.2.2").hardness is Hardness.SOFT


def test_many_replies_are_judged_as_one_by_one() -> None:
    assert classify.many(TEXTS) == [classify(text) for text in TEXTS]
    assert classify.many([]) == []


def test_evidence_and_facts_are_those_of_the_reply_itself() -> None:
    texts = [f"550 Invalid recipient <u{number}@example.com>" for number in range(3)]
    answers = classify.many(texts)
    for number, answer in enumerate(answers):
        assert not any(f"u{other}@" in answer.evidence for other in range(3) if other != number)
        assert answer.evidence in texts[number]
        assert answer.facts.addresses == (f"u{number}@example.com",)
    assert answers[-1] == answers[2] == classify(texts[2])
    assert [answer.text for answer in answers[1:]] == texts[1:]
    batch = classify.batch(pa.record_batch({"text": texts}))
    assert len(set(batch.column("evidence").to_pylist())) == 1


def test_an_answer_names_what_issue_and_person_ask_for() -> None:
    answer = classify(
        "host mx1.hotmail.com[198.51.100.4] said: 550 5.7.1 Unfortunately, messages from "
        "[192.0.2.9] weren't sent. Please contact your Internet service provider since part of "
        "their network is on our block list (S3150). Write to postmaster@example.com",
        domain="kim@firm.example",
    )
    assert (answer.reason, answer.group, answer.code) == ("blocklisted", "reputation", 550)
    assert answer.provider == "microsoft_consumer"
    assert "S3150" in answer.facts.vendor_codes
    assert answer.facts.other_addresses == ("postmaster@example.com",)
    assert [entry.operator for entry in answer.facts.blocklists] == ["Microsoft"]
    assert answer.link == "https://olcsupport.office.com/"
    assert answer.actor == "platform_support"
    assert answer.source
    assert len(answer.steps) >= 3
    assert answer.span
    assert answer.text[slice(*answer.span)] == answer.evidence


def test_a_code_alone_has_no_span_and_a_known_domain_beats_the_host_that_answered() -> None:
    assert classify("550 5.1.1 ququx").span is None
    text = "host gmail-smtp-in.l.google.com[192.0.2.1] said: 550 5.1.1 no such user"
    assert classify(text).provider == "google"
    assert classify(text, domain="orange.fr").provider == "orange"


def test_a_batch_gets_the_verdicts_columns() -> None:
    batch = pa.record_batch({"n": [1, 2, 3], "text": TEXTS, "domain": ["gmail.com", None, "x.org"]})
    judged = classify.batch(batch)
    assert judged.column("n").to_pylist() == [1, 2, 3]
    assert judged.column("reason").to_pylist() == ["unknown_user", "unclassified", "mailbox_full"]
    assert judged.column("is_temporary").to_pylist()[2] is True
    assert judged.num_rows == 3
    with pytest.raises(InputInvalid, match="needs a column"):
        classify.batch(pa.record_batch({"n": [1]}))


@pytest.mark.parametrize("is_reversed", [False, True])
def test_evidence_does_not_depend_on_which_reply_of_a_template_came_first(
    is_reversed: bool,
) -> None:
    texts = ["550 5.1.1 QUUX: USER UNKNOWN", "550 5.1.1 Quux: user unknown"]
    texts = texts[::-1] if is_reversed else texts
    fresh = Classify()
    judged = fresh.batch(pa.record_batch({"text": texts}))
    assert judged.column("evidence").to_pylist() == ["user unknown"] * 2
    assert [answer.evidence in answer.text for answer in fresh.many(texts)] == [True, True]


def test_the_import_costs_no_heavy_library() -> None:
    heavy = "{'pyarrow', 're2', 'numpy', 'hyperscan'}"
    code = f"import sys, bouncelens; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
