"""The public interface: one reply, many, an Arrow batch."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest

import bouncelens
import bouncelens.classify.ruleset
from bouncelens import Hardness, Verdict, classify
from bouncelens.errors import InputInvalid

TEXTS = ["550 5.1.1 <kim@example.com> User unknown", None, "452 4.2.2 mailbox full"]


def test_the_function_is_not_hidden_by_the_room_of_that_name() -> None:
    assert callable(bouncelens.classify)
    assert bouncelens.classify is classify
    assert sys.modules["bouncelens.classify"].__name__ == "bouncelens.classify"


def test_one_reply() -> None:
    verdict = classify("550 5.1.1 <kim@example.com> User unknown")
    assert isinstance(verdict, Verdict)
    assert (verdict.reason, verdict.hardness) == ("unknown_user", Hardness.HARD)
    assert verdict.evidence in TEXTS[0]
    assert classify(b"\xff\x00").reason == "unclassified"
    assert classify("ququx", 552).reason == "mailbox_full"
    assert classify("ququx", status="4.2.2").hardness is Hardness.SOFT


def test_many_replies_are_judged_as_one_by_one() -> None:
    assert classify.many(TEXTS) == [classify(text) for text in TEXTS]
    assert classify.many([]) == []


def test_evidence_never_shows_the_address_of_another_reply() -> None:
    texts = [f"550 Invalid recipient <u{number}@example.com>" for number in range(3)]
    for number, verdict in enumerate(classify.many(texts)):
        assert not any(f"u{other}@" in verdict.evidence for other in range(3) if other != number)


def test_a_batch_gets_the_verdicts_columns() -> None:
    batch = pa.record_batch({"n": [1, 2, 3], "text": TEXTS, "domain": ["gmail.com", None, "x.org"]})
    judged = classify.batch(batch)
    assert judged.column("n").to_pylist() == [1, 2, 3]
    assert judged.column("reason").to_pylist() == ["unknown_user", "unclassified", "mailbox_full"]
    assert judged.column("is_temporary").to_pylist()[2] is True
    assert judged.num_rows == 3
    with pytest.raises(InputInvalid, match="needs a column"):
        classify.batch(pa.record_batch({"n": [1]}))


def test_the_import_costs_no_heavy_library() -> None:
    heavy = "{'pyarrow', 're2', 'numpy', 'hyperscan'}"
    code = f"import sys, bouncelens; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
