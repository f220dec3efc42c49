"""Answers of any length: what is said about one at once, its rows part by part."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bouncelens.service.hiding import hidden, hides_addresses, sentences
from bouncelens.service.report import answer, narrowed, takes, unanswered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import pyarrow as pa

    from bouncelens.service.report import Answer
    from bouncelens.service.workspace import Workspace

_WHOLE = (
    "compare",
    "subscriber_timeline",
    "still_mailed_after_hard_bounce",
)  # more than their rows as the engine gives them
EVERY_ROW = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer to be read once: `about` has no rows, `batches` have them in its columns."""

    about: Answer
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


@contextmanager
def stream(
    workspace: Workspace,
    question: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    **filters: object,
) -> Iterator[Stream]:
    """The answer to a question as `report.answer` gives it, with every row unless `limit` says
    how many, read while the block runs; ask nothing else meanwhile.

    Raises QuestionInvalid and StoreError, the latter also while it is read.
    """
    given: dict[str, Any] = narrowed(filters, since=since, until=until)
    limit = given.pop("limit", None)
    from bouncelens.store.desk import STAND_IN

    most = limit if isinstance(limit, int) else EVERY_ROW
    if takes(question, "limit"):
        given["limit"] = most
    if question in _WHOLE:
        found = answer(workspace, question, **given)
        yield ready(replace(found, rows=found.rows[:most]))
        return
    about = unanswered(workspace, question, given)
    if most != EVERY_ROW:
        about = replace(about, notes=(*about.notes, f"At most {most:,} rows."))
    hides = hides_addresses(workspace.settings)
    if hides:
        names = [column.name for column in about.columns]
        keys = (STAND_IN,) if "subscriber_key" in names else ()
        about = replace(about, notes=(*about.notes, *sentences(names, keys)))
    with workspace.engine.stream(question, given) as reader:
        batches = _first(reader, most)
        yield Stream(about, reader.schema, map(hidden, batches) if hides else batches)


def _first(batches: Iterator[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if most <= 0:
            return
        yield batch.slice(0, most)
        most -= batch.num_rows


def ready(found: Answer) -> Stream:
    """An answer that is whole already, to be read like others. Columns of nothing are text."""
    import pyarrow as pa

    columns = list(zip(*found.rows, strict=True)) or [() for _ in found.columns]
    arrays = [pa.array(values) for values in columns]
    arrays = [a.cast(pa.string()) if pa.types.is_null(a.type) else a for a in arrays]
    table = pa.table(arrays, names=[column.name for column in found.columns])
    return Stream(replace(found, rows=()), table.schema, iter(table.to_batches()))
