"""Stored bounces get the template that today's rules give their reply: month by month, atomic.

A rule that speaks of a code keeps the mask from hiding it, so old replies may be other templates
now. Facts do not change: only who runs the mailbox and which template it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import IDENTITY
from bouncelens.store.files import explained, rows_sql
from bouncelens.store.meeting import JUDGED_BY
from bouncelens.store.tables import BOUNCES, EVENT_MONTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from bouncelens.store.lake import Lake

_ROWS = 131_072  # read at once
_PARTITION = f"partition.{EVENT_MONTH[0]}"
_MADE = ("provider", "template_id")  # what is made of a reply
Rows = Callable[["pa.Table"], "pa.Table"]


@dataclass(frozen=True, slots=True)
class Remade:
    """What became of the stored bounces."""

    bounces: int  # looked at
    moved: int  # of these, how many have another template or provider now


def make_anew(lake: Lake, judge: Rows, settle: Callable[[pa.Table], None]) -> Remade:
    """Give every stored bounce the provider and template that `judge` gives it now.

    `judge` adds both to rows that lack them. `settle` is told the rows that change, as they were
    with their new template as `new_template_id`, before they are written. Whoever stops it leaves
    whole months behind; running it again finishes. Raises StoreError.
    """
    looked = moved = 0
    with explained(lake.uri, "written"):
        months = _months(lake)
    for month in months:

        def work(month: str = month) -> tuple[int, int]:
            return _month_anew(lake, month, judge, settle)

        one, other = lake._committed(work)
        looked, moved = looked + one, moved + other
    return Remade(looked, moved)


def each_reply(lake: Lake) -> Iterator[pa.Table]:
    """Every stored bounce by what it is judged by and its template, some rows at a time.

    Raises StoreError.
    """
    with explained(lake.uri, "read"):
        for month in _months(lake):
            delta = lake.delta(BOUNCES.name)
            with lake._duck.cursor() as duck:
                only = [(EVENT_MONTH[0], "=", month)]
                yield from _batches(duck, rows_sql(duck, BOUNCES, delta, only=only))


def _months(lake: Lake) -> list[str]:
    import pyarrow as pa

    actions = pa.table(lake.delta(BOUNCES.name).get_add_actions(flatten=True))
    if not len(actions):
        return []
    return sorted({str(part) for part in actions.column(_PARTITION).to_pylist()})


def _month_anew(
    lake: Lake, month: str, judge: Rows, settle: Callable[[pa.Table], None]
) -> tuple[int, int]:
    """Rows of a month, and how many of them changed. To be called again when another writer came
    first."""
    import pyarrow as pa

    from bouncelens.store.lake import _numbered, _writer

    delta = lake.delta(BOUNCES.name)
    with lake._duck.cursor() as duck:
        stored = rows_sql(duck, BOUNCES, delta, only=[(EVENT_MONTH[0], "=", month)])
        looked, found = 0, []
        for batch in _batches(duck, stored):
            looked += len(batch)
            if len(changed := _changed(batch, judge)):
                settle(changed)
                found.append(changed.select([*IDENTITY, *(f"new_{name}" for name in _MADE)]))
    if not found:
        return looked, 0
    rows = pa.concat_tables(found)
    keys = " AND ".join(f"s.{name} = t.{name}" for name in IDENTITY)
    (
        delta.merge(
            rows,
            predicate=f"t.{EVENT_MONTH[0]} = '{month}' AND {keys}",
            source_alias="s",
            target_alias="t",
            writer_properties=_writer(),
            commit_properties=_numbered(delta),
        )
        .when_matched_update({name: f"s.new_{name}" for name in _MADE})
        .execute()
    )
    return looked, len(rows)


def _batches(duck: DuckDBPyConnection, stored: str) -> Iterator[pa.Table]:
    import pyarrow as pa

    names = ", ".join((*IDENTITY, *JUDGED_BY, *_MADE))
    reader = duck.sql(f"SELECT {names} FROM ({stored})").to_arrow_reader(_ROWS)  # noqa: S608
    kinds = BOUNCES.schema
    for batch in reader:
        table = pa.Table.from_batches([batch])
        yield table.cast(pa.schema([kinds.field(name) for name in table.column_names]))


def _changed(rows: pa.Table, judge: Rows) -> pa.Table:
    """The rows of which something is made that differs from what is stored, and what."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import compute

    pc: Any = compute
    made = judge(rows.drop_columns(list(_MADE)))
    differs = np.zeros(len(rows), bool)
    for name in _MADE:
        old, new = rows.column(name), made.column(name).cast(rows.schema.field(name).type)
        rows = rows.append_column(f"new_{name}", new)
        nothing = "" if pa.types.is_string(new.type) else 0  # a NULL would make floats of ids
        old, new = pc.fill_null(old, nothing), pc.fill_null(new, nothing)
        differs |= old.to_numpy() != new.to_numpy()
    return rows.filter(pa.array(differs))
