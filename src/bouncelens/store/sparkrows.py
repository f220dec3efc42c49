"""Row-wise work over a Spark DataFrame: one function from Arrow batch to Arrow batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pyarrow as pa
    from pyspark.sql import DataFrame

    Frame: TypeAlias = DataFrame


def each_batch(
    frame: Frame,
    work: Callable[[pa.RecordBatch], pa.RecordBatch],
    added: Mapping[str, str],
) -> Frame:
    """`frame` after `work` on each of its batches, which appends the columns `added`: name and
    Spark's type. `work` is pickled."""
    from pyspark.sql.types import StructType

    whole = StructType(list(frame.schema.fields))
    for name, kind in added.items():
        whole.add(name, kind)

    def worked(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            made = work(batch)
            # Spark takes words as they are, not as a dictionary.
            yield pa.record_batch(
                {
                    field.name: column.dictionary_decode()
                    if isinstance(column, pa.DictionaryArray)
                    else column
                    for field, column in zip(made.schema, made.columns, strict=True)
                }
            )

    return frame.mapInArrow(worked, whole)
