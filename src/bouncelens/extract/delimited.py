"""CSV and TSV from strangers: encoding and delimiter found out, rows streamed, none ever shifted.

A row whose quotes or number of cells are wrong is set aside with its line, and reading goes on at
the line after: an unclosed quote must not swallow the rest of the file.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from bouncelens.bounce import Quarantined
from bouncelens.errors import InputInvalid
from bouncelens.extract.archive import Part
from bouncelens.extract.columns import known

_SAMPLE_BYTES = 256 * 1024
_MOST_ROW_CHARS = 4 * 1024 * 1024  # a row longer than this is no row
_MOST_ROW_LINES = 1000  # a quoted reply may have lines of its own, but not so many
_CHUNK_ROWS, _CHUNK_CHARS = 20_000, 16 * 1024 * 1024
_RAW_CHARS = 2000
_DELIMITERS = (",", "\t", ";", "|")
# The limit is the process's, so it is only ever raised.
csv.field_size_limit(max(csv.field_size_limit(), _MOST_ROW_CHARS))


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    skip_lines: int  # lines before the header


@dataclass(slots=True)
class Chunk:
    """Some rows, each as wide as the header, the line of each, and what was set aside."""

    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    bad: list[Quarantined] = field(default_factory=list)


class _Runaway(Exception):  # noqa: N818 - never leaves this module
    """A row goes on for too long."""


def dialect_of(part: Part) -> Dialect:
    """Encoding, delimiter and header of a file. Raises InputInvalid for one that has no header."""
    with part.open() as stream:
        sample = stream.read(_SAMPLE_BYTES)
    encoding = encoding_of(sample)
    text = io.StringIO(sample.decode(encoding, "replace"), newline="")
    line, skip = text.readline(), 0
    stated = line.strip()[4:] if line.strip().lower().startswith("sep=") else ""
    if len(stated) == 1 or line.strip().lower() == "sep=":  # Excel's own first line
        line, skip = text.readline(), 1
    while line and not line.strip():
        line, skip = text.readline(), skip + 1
    if not line:
        raise InputInvalid(f"{part.name} is empty.", advice="Export it again.")
    found = [(d, _header(line, d)) for d in ((stated,) if len(stated) == 1 else _DELIMITERS)]
    delimiter, header = max(found, key=lambda f: (known(f[1]), len(f[1])))
    return Dialect(encoding, delimiter, header, skip)


def encoding_of(sample: bytes) -> str:
    """The encoding of the first bytes of a text: by its mark, by its NULs, by what can be read."""
    marks = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"))
    for mark, name in (*marks, (codecs.BOM_UTF16_BE, "utf-16")):
        if sample.startswith(mark):
            return name
    even, odd = sample[:4096:2].count(0), sample[1:4096:2].count(0)
    half = max(len(sample[:4096]) // 2, 1)
    if max(even, odd) > half * 0.4 and min(even, odd) < half * 0.1:
        return "utf-16-le" if odd > even else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def chunks(part: Part, dialect: Dialect) -> Iterator[Chunk]:
    """The rows after the header, in chunks of limited size, whatever the file holds."""
    with part.open() as stream:
        reader = _Rows(part.name, stream, dialect)
        chunk, chars = Chunk(), 0
        for row, line, size in reader:
            chars += size
            if isinstance(row, Quarantined):
                chunk.bad.append(row)
            else:
                chunk.rows.append(row)
                chunk.lines.append(line)
            if len(chunk.rows) + len(chunk.bad) >= _CHUNK_ROWS or chars >= _CHUNK_CHARS:
                yield chunk
                chunk, chars = Chunk(), 0
        if chunk.rows or chunk.bad:
            yield chunk


class _Rows:
    """Rows or what was set aside, with the line each began on and how many characters it took."""

    def __init__(self, name: str, stream: BinaryIO, dialect: Dialect) -> None:
        self._name, self._dialect = name, dialect
        self._text = io.TextIOWrapper(stream, dialect.encoding, "replace", newline="")
        self._line = 0
        self._again: deque[tuple[int, str]] = deque()  # lines handed back
        self._taken: list[tuple[int, str]] = []  # lines of the row being read
        self._chars = 0

    def __iter__(self) -> Iterator[tuple[list[str] | Quarantined, int, int]]:
        width, header = len(self._dialect.header), list(self._dialect.header)
        for _ in range(self._dialect.skip_lines + 1):
            self._readline()
        rows = self._reader()
        while True:
            self._taken, self._chars = [], 0
            try:
                row = next(rows)
            except StopIteration:
                return
            except (csv.Error, _Runaway) as error:
                rows = self._reader()
                reason = "its quotes do not match" if isinstance(error, csv.Error) else str(error)
                yield self._set_aside(reason)
                continue
            if len(row) > width and not any(row[width:]):
                row = row[:width]  # a delimiter at the end of the line
            if len(row) == width and row != header:
                yield row, self._taken[0][0], self._chars
            elif row and len(row) != width:
                yield self._set_aside(f"{len(row)} cells where the header has {width}")
            elif row:
                yield self._set_aside("it is the header again")

    def _set_aside(self, reason: str) -> tuple[Quarantined, int, int]:
        """The row's first line goes to quarantine; the others are read as rows of their own."""
        (line, text), *rest = self._taken
        self._again.extendleft(reversed(rest))
        raw = text.rstrip("\r\n")[:_RAW_CHARS]
        return Quarantined(self._name, line, reason, raw), line, min(len(text), _RAW_CHARS)

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._lines(), delimiter=self._dialect.delimiter, strict=True)

    def _lines(self) -> Iterator[str]:
        while True:
            number, line = self._again.popleft() if self._again else self._readline()
            if not line:
                return
            self._taken.append((number, line))
            self._chars += len(line)
            if len(line) > _MOST_ROW_CHARS or self._chars > _MOST_ROW_CHARS:
                raise _Runaway(f"it is longer than {_MOST_ROW_CHARS:,} characters")
            if len(self._taken) > _MOST_ROW_LINES:
                raise _Runaway(f"its quotes do not close within {_MOST_ROW_LINES} lines")
            yield line

    def _readline(self) -> tuple[int, str]:
        """The next line; of one that is far too long, its beginning."""
        line = self._text.readline(_MOST_ROW_CHARS + 1)
        if len(line) > _MOST_ROW_CHARS and not line.endswith("\n"):
            while (more := self._text.readline(_MOST_ROW_CHARS)) and not more.endswith("\n"):
                pass
        self._line += 1
        return self._line, line


def _header(line: str, delimiter: str) -> tuple[str, ...]:
    try:
        cells = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return ()
    return tuple(cell.strip().lstrip("\ufeff") for cell in cells)
