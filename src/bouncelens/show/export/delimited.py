"""Answers as CSV, row by row."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, TextIO

from bouncelens.show.export.cells import plain

if TYPE_CHECKING:
    from bouncelens.service.stream import Stream


def write_csv(found: Stream, file: TextIO) -> None:
    """An answer as CSV: a line of names, then the rows. Raises StoreError while it is read."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column.name for column in found.about.columns])
    for batch in found.batches:
        columns = [column.to_pylist() for column in batch.columns]
        writer.writerows([plain(value) for value in row] for row in zip(*columns, strict=True))
