"""docs/python-api.md shows what `classify` does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pyarrow as pa

from bouncelens import Answer, NamedFacts, classify

PAGE = (Path(__file__).parents[2] / "docs/python-api.md").read_text("utf-8")


def _table(head: str) -> list[str]:
    rows = PAGE.partition(f"| {head} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)`", rows, flags=re.MULTILINE)


def test_the_code_shown_runs_and_says_what_its_comments_say() -> None:
    names: dict[str, object] = {}
    said = 0
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(block, names)
        for expression, words in re.findall(r"^(\S.*?)  # (.+)$", block, flags=re.MULTILINE):
            found = eval(expression, names)
            if isinstance(found, pa.Array):
                found = found.to_pylist()
            assert found == eval(words, names), expression
            said += 1
    assert said >= 8


def test_every_field_of_an_answer_is_documented() -> None:
    public = [name for name in vars(Answer) if not name.startswith("_")]
    assert sorted(_table("field | meaning")) == sorted(public)


def test_every_fact_is_documented() -> None:
    assert _table("fact | meaning") == [field.name for field in fields(NamedFacts)]


def test_every_column_of_a_batch_is_documented() -> None:
    batch = classify.batch(pa.record_batch({"text": ["550 5.1.1 user unknown"]}))
    assert _table("column | type | holds") == batch.schema.names[1:]
