"""docs/python-api.md shows what `classify` does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pyarrow as pa

from bouncelens import Hardness, Verdict, classify

PAGE = (Path(__file__).parents[2] / "docs/python-api.md").read_text("utf-8")


def _table(head: str) -> list[str]:
    rows = PAGE.partition(f"| {head} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)`", rows, flags=re.MULTILINE)


def test_the_code_shown_runs_and_says_what_its_comments_say() -> None:
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(block, names)
    verdict, judged = names["verdict"], names["judged"]
    assert isinstance(verdict, Verdict)
    assert isinstance(judged, pa.RecordBatch)
    assert (verdict.reason, verdict.hardness) == ("unknown_user", Hardness.HARD)
    assert judged.column("reason").to_pylist() == ["mailbox_full"]


def test_every_field_of_a_verdict_is_documented() -> None:
    assert _table("field | meaning") == [field.name for field in fields(Verdict)]


def test_every_column_of_a_batch_is_documented() -> None:
    batch = classify.batch(pa.record_batch({"text": ["550 5.1.1 user unknown"]}))
    assert _table("column | type | holds") == batch.schema.names[1:]
