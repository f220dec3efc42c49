"""Replies in a Spark Frame, judged where its rows are by the function that judges any batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bouncelens.errors import InputInvalid
from bouncelens.service.api import judged_batch, text_column
from bouncelens.service.judge import Judge

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.classify.ruleset import Ruleset
    from bouncelens.parse.skeleton import Keep
    from bouncelens.store.sparkrows import Frame

_ADDED = {
    "reason": "string",
    "reason_group": "string",
    "hardness": "string",
    "rule": "string",
    "evidence": "string",
    "actor": "string",
    "is_temporary": "boolean",
    "confidence": "double",
}


def judge_frame(frame: Frame, judge: Judge | None = None) -> Frame:
    """`frame` with a verdict's columns appended; nothing is computed before it is asked for.

    Reads the columns that `classify.batch` reads. `judge`: by other rules than ours; they travel to
    the cluster with the work. Raises InputInvalid where no column holds the text, or one is called
    like a verdict's.
    """
    from bouncelens.store.sparkrows import each_batch

    text_column(frame.columns)
    if twice := [name for name in frame.columns if name.lower() in _ADDED]:
        raise InputInvalid(
            f"The DataFrame has a column {twice[0]!r} already.",
            advice="Rename it, or leave it out: the verdict's column is called so.",
        )
    by = judge or Judge.of_rules()
    return each_batch(frame, _Work(by.ruleset, by.keep), _ADDED)


class _Work:
    """Judges batches. Only its rules travel; patterns are compiled where it arrives."""

    def __init__(self, ruleset: Ruleset, keep: Keep) -> None:
        self._ruleset, self._keep = ruleset, keep

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        judge = _JUDGES.get(self._ruleset.hash)
        if judge is None:
            judge = _JUDGES[self._ruleset.hash] = Judge(self._ruleset, self._keep)
        return judged_batch(judge, batch)


_JUDGES: dict[str, Judge] = {}  # of this process, which serves one batch after the other
