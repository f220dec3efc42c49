"""One shape for the rows of every file format: a header and blocks of text columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import Quarantined
from bouncelens.errors import InputInvalid
from bouncelens.extract import delimited
from bouncelens.extract.archive import Part

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_ROWS, _BLOCK_CHARS = 20_000, 16 * 1024 * 1024
_MOST_LINE_BYTES = 4 * 1024 * 1024
_MOST_COLUMNS = 2000
_RAW_CHARS = 2000
# A row group is read as a whole; writers make them of some hundred megabytes at most.
_MOST_GROUP_BYTES = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows by column. `lines`: where each row is in its file, None where files have none."""

    header: tuple[str, ...]
    columns: Sequence[Sequence[str | None] | pa.Array[Any]]
    count: int
    lines: Sequence[int | None]
    bad: tuple[Quarantined, ...]

    def raw(self, index: int) -> str:
        """A row as a JSON object of its non-empty cells, cut to what quarantine keeps."""
        cells = {}
        for name, column in zip(self.header, self.columns, strict=True):
            cell: Any = column[index]
            value = cell if cell is None or isinstance(cell, str) else cell.as_py()
            if value:
                cells[name] = value
        return json.dumps(cells, ensure_ascii=False)[:_RAW_CHARS]


@dataclass(frozen=True, slots=True)
class Records:
    """A file's header, as far as it is known at the start, and its rows. `kind`: what they are,
    where the format tells."""

    header: tuple[str, ...]
    blocks: Callable[[], Iterator[Block]]
    kind: str | None = None


def records_of(part: Part) -> Records:
    """The rows of a file, its format told by its first bytes. Raises InputInvalid."""
    with part.open() as stream:
        start = stream.read(4096)
    for magic, what, advice in _STRANGERS:
        if start.startswith(magic):
            raise InputInvalid(f"{part.name} is {what}.", advice=advice)
    if start.startswith(b"PAR1"):
        return _parquet(part)
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return _json(part)
    return _delimited(part)


_STRANGERS = (
    (b"PK\x03\x04", "an archive", "Unpack it first."),
    (b"\x1f\x8b", "compressed with gzip", "Unpack it first."),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "Save the sheet as CSV (UTF-8)."),
    (b"%PDF", "a PDF", "Export the rows as CSV."),
    (b"<", "XML or HTML", "Export the rows as CSV."),
    (b"\xef\xbb\xbf<", "XML or HTML", "Export the rows as CSV."),
)


def _delimited(part: Part) -> Records:
    dialect = delimited.dialect_of(part)

    def blocks() -> Iterator[Block]:
        for chunk in delimited.chunks(part, dialect):
            if isinstance(chunk, delimited.Plain):
                yield Block(dialect.header, chunk.columns, len(chunk.lines), chunk.lines, ())
                continue
            columns = list(zip(*chunk.rows, strict=True)) or [()] * len(dialect.header)
            yield Block(dialect.header, columns, len(chunk.rows), chunk.lines, tuple(chunk.bad))

    return Records(dialect.header, blocks)


def _json(part: Part) -> Records:
    """JSON lines. The header grows as new names appear."""
    first = next(_json_blocks(part), None)
    return Records(first.header if first else (), lambda: _json_blocks(part))


def _json_blocks(part: Part) -> Iterator[Block]:
    header: dict[str, None] = {}
    rows, lines, bad, size = [], list[int | None](), list[Quarantined](), 0
    with part.open() as stream:
        for number, line in _lines(stream):
            size += len(line)
            row = _object(line)
            if isinstance(row, str):
                raw = line[:_RAW_CHARS].decode("utf-8", "replace").rstrip("\r\n")
                bad.append(Quarantined(part.name, number, row, raw))
            else:
                header |= dict.fromkeys(row)
                rows.append(row)
                lines.append(number)
            if len(header) > _MOST_COLUMNS:
                raise InputInvalid(f"{part.name} has more than {_MOST_COLUMNS} different names.")
            if len(rows) + len(bad) >= _BLOCK_ROWS or size >= _BLOCK_CHARS:
                yield _block(header, rows, lines, bad)
                rows, lines, bad, size = [], [], [], 0
    if rows or bad:
        yield _block(header, rows, lines, bad)


def _block(
    header: Mapping[str, None],
    rows: list[dict[str, str | None]],
    lines: list[int | None],
    bad: list[Quarantined],
) -> Block:
    columns = [[row.get(name) for row in rows] for name in header]
    return Block(tuple(header), columns, len(rows), lines, tuple(bad))


def _lines(stream: Any) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(_MOST_LINE_BYTES + 1):
        number += 1
        if len(line) > _MOST_LINE_BYTES and not line.endswith(b"\n"):
            while (more := stream.readline(_MOST_LINE_BYTES)) and not more.endswith(b"\n"):
                pass
        if line.strip():
            yield number, line


def _object(line: bytes) -> dict[str, str | None] | str:
    """A line's cells as text, or why it is none."""
    if len(line) > _MOST_LINE_BYTES:
        return f"it is longer than {_MOST_LINE_BYTES:,} bytes"
    try:
        said = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return "it is not JSON in UTF-8"
    if not isinstance(said, dict):
        return "it is not a JSON object"
    row: dict[str, str | None] = {}
    for name, value in said.items():
        if isinstance(value, dict | list):
            return f"the value of {name[:40]!r} is nested"
        text = (
            json.dumps(value) if isinstance(value, bool) else None if value is None else str(value)
        )
        # A lone surrogate can be written in JSON and in no other place.
        row[name] = text if text is None else text.encode("utf-8", "replace").decode()
    return row


def _parquet(part: Part) -> Records:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def read() -> Iterator[Block]:
        header: tuple[str, ...] = ()
        with part.open() as stream:
            try:
                file = pq.ParquetFile(stream)
                meta, header = file.metadata, tuple(file.schema_arrow.names)
                sizes = [meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)]
                if max(sizes, default=0) > _MOST_GROUP_BYTES:
                    raise InputInvalid(f"{part.name} has a row group of more than 4 GiB.")
                yield Block(header, [[] for _ in header], 0, (), ())
                for batch in file.iter_batches(_BLOCK_ROWS):
                    columns = [_as_text(column) for column in batch.columns]
                    yield Block(header, columns, batch.num_rows, [None] * batch.num_rows, ())
            except (pa.ArrowException, OSError) as error:
                raise InputInvalid(
                    f"{part.name} is no readable parquet file.", advice="Write it again."
                ) from error

    return Records(next(read()).header, read)


def _as_text(column: Any) -> Any:
    """A typed column as text; one of lists or structs as nothing, it is none of ours."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_boolean(column.type) or pa.types.is_primitive(column.type):
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        return column.cast(pa.string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.cast(pa.string())
    return pa.nulls(len(column), pa.string())
