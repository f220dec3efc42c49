"""Answers as Parquet, part by part: words as they are stored, and the file knows what it is."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

from bouncelens.show.export.report import window_words

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.service.stream import Stream


def write_parquet(found: Stream, file: IO[bytes]) -> None:
    """An answer as Parquet. Its metadata `bouncelens` says question, window and what a rate is
    of; each column's, its unit and meaning."""
    import pyarrow.parquet as pq

    schema = _described(found)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in found.batches:
            writer.write_batch(batch.cast(schema))


def _described(found: Stream) -> pa.Schema:
    import pyarrow as pa

    about = found.about
    fields = [
        pa.field(column.name, field.type, metadata={"unit": column.unit, "description": column.doc})
        for column, field in zip(about.columns, found.schema, strict=True)
    ]
    told = {
        "question": about.question,
        "title": about.title,
        "asks": about.asks,
        "denominator": about.denominator,
        "since": about.since.isoformat() if about.since else None,
        "until": about.until.isoformat() if about.until else None,
        "time_zone": about.time_zone,
        "window": window_words(about),
        "notes": list(about.notes),
    }
    return pa.schema(fields, metadata={"bouncelens": json.dumps(told, ensure_ascii=False)})
