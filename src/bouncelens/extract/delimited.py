"""CSV and TSV from strangers: encoding and delimiter found out, rows streamed, none ever shifted.

A row whose quotes or number of cells are wrong is set aside with its line, and reading goes on at
the line after: an unclosed quote must not swallow the rest of the file.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, BinaryIO

from bouncelens.bounce import Quarantined
from bouncelens.errors import InputInvalid
from bouncelens.extract.archive import Part
from bouncelens.extract.columns import known
from bouncelens.extract.wellformed import WellFormed

if TYPE_CHECKING:
    import pyarrow as pa

_SAMPLE_BYTES = 256 * 1024
_MOST_ROW_CHARS = 4 * 1024 * 1024  # a row longer than this is no row
_MOST_ROW_LINES = 1000  # a quoted reply may have lines of its own, but not so many
_BLOCK_CHARS, _READ_CHARS = 4 * 1024 * 1024, 256 * 1024
_MOST_PLAIN_COLUMNS = 200
_FIRST_SLOWLY = 64  # rows
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
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


@dataclass(frozen=True, slots=True)
class Plain:
    """Rows whose form is beyond doubt, by column, and their lines."""

    columns: list[pa.Array[Any]]
    lines: Sequence[int]


class _Runaway(Exception):
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


def chunks(part: Part, dialect: Dialect) -> Iterator[Chunk | Plain]:
    """The rows after the header, in pieces of limited size, whatever the file holds.

    What is well formed is read by Arrow, up to the first row that is not; then some rows one by
    one, the more of them the more such places there are.
    """
    with part.open() as stream:
        source = _Source(stream, dialect)
        rows = _Rows(part.name, source, dialect)
        is_narrow = len(dialect.header) <= _MOST_PLAIN_COLUMNS
        reader = WellFormed(dialect.delimiter, dialect.header) if is_narrow else None
        while text := source.block():
            slowly = _FIRST_SLOWLY if reader is not None else None
            while text:
                if reader is not None and (found := _plain(text, reader, source)):
                    piece, text = found
                    yield piece
                if not text:
                    break
                source.hand_back(source.numbered(_split(text)))
                yield from _one_by_one(rows, slowly)
                text = source.take_back()
                slowly = slowly and slowly * 2


def _one_by_one(rows: _Rows, most: int | None) -> Iterator[Chunk]:
    """At most so many rows, while there are lines that were handed back."""
    chunk = Chunk()
    for row, line in rows:
        if isinstance(row, Quarantined):
            chunk.bad.append(row)
        else:
            chunk.rows.append(row)
            chunk.lines.append(line)
        if most is not None and len(chunk.rows) + len(chunk.bad) >= most:
            break
    if chunk.rows or chunk.bad:
        yield chunk


def _plain(text: str, reader: WellFormed, source: _Source) -> tuple[Plain, str] | None:
    """The rows that a text begins with, as far as they are beyond doubt, and the rest of it."""
    data = text.encode("utf-8", "surrogatepass")
    is_last = not data.endswith((b"\n", b"\r"))
    data = data + b"\n" if is_last else data
    found = reader.rows(data)
    if found is None or (found.breaks is not None and max(found.breaks) > _MOST_ROW_LINES):
        return None
    rest = data[found.end :]
    if is_last and rest:
        rest = rest[:-1]
    lines = source.numbers(len(found.columns[0]), found.breaks)
    return Plain(found.columns, lines), rest.decode("utf-8", "surrogatepass")


class _Source:
    """The lines of a file after its header, numbered; some may be handed back."""

    def __init__(self, stream: BinaryIO, dialect: Dialect) -> None:
        self._text = io.TextIOWrapper(stream, dialect.encoding, "replace", newline="")
        self._again: deque[tuple[int, str]] = deque()
        self._line = 0
        self._broken: InputInvalid | None = None
        for _ in range(dialect.skip_lines + 1):
            self.line()

    @property
    def has_handed_back(self) -> bool:
        """Whether there are lines that were read before."""
        return bool(self._again)

    def line(self) -> tuple[int, str] | None:
        """The next line, of one that is far too long its beginning; None at the end."""
        if self._again:
            return self._again.popleft()
        line = self._text.readline(_MOST_ROW_CHARS + 1)
        if not line:
            return None
        self._skip_rest_of(line)
        self._line += 1
        return self._line, line

    def block(self) -> str:
        """The next lines, some megabytes of them, whole; empty at the end. Of a file that breaks
        off, the lines before that, and the error when asked again."""
        if self._broken is not None:
            raise self._broken
        parts, size = list[str](), 0
        try:
            while size < _BLOCK_CHARS and (part := self._text.read(_READ_CHARS)):
                parts.append(part)
                size += len(part)
            if parts and not parts[-1].endswith("\n"):
                rest = self._text.readline(_MOST_ROW_CHARS + 1)
                self._skip_rest_of(rest)
                parts.append(rest)
        except InputInvalid as error:
            self._broken = error
            whole, newline, _ = "".join(parts).rpartition("\n")
            if not newline:
                raise
            return whole + newline
        return "".join(parts)

    def numbers(self, count: int, breaks: Sequence[int] | None = None) -> Sequence[int]:
        """The numbers of the first lines of the next rows. `breaks`: lines of each beyond it."""
        first = self._line + 1
        if breaks is None:
            self._line += count
            return range(first, first + count)
        starts = list(accumulate((1 + more for more in breaks), initial=first))
        self._line = starts.pop() - 1
        return starts

    def numbered(self, lines: list[str]) -> list[tuple[int, str]]:
        """Lines of a block with their numbers."""
        return list(zip(self.numbers(len(lines)), lines, strict=True))

    def take_back(self) -> str:
        """The lines that were handed back and not read, as a text; they are to be read next."""
        if not self._again:
            return ""
        text = "".join(line for _, line in self._again)
        self._line = self._again[0][0] - 1
        self._again.clear()
        return text

    def hand_back(self, lines: Sequence[tuple[int, str]]) -> None:
        """Put lines before all others, in their order."""
        self._again.extendleft(reversed(lines))

    def _skip_rest_of(self, line: str) -> None:
        if len(line) > _MOST_ROW_CHARS and not line.endswith(("\n", "\r")):
            while (more := self._text.readline(_MOST_ROW_CHARS)) and not more.endswith("\n"):
                pass


class _Rows:
    """Rows, or what was set aside, and the line each began on. Stops where handed-back lines end,
    and goes on when asked again."""

    def __init__(self, name: str, source: _Source, dialect: Dialect) -> None:
        self._name, self._source, self._dialect = name, source, dialect
        self._taken: list[tuple[int, str]] = []  # lines of the row being read

    def __iter__(self) -> Iterator[tuple[list[str] | Quarantined, int]]:
        width, header = len(self._dialect.header), list(self._dialect.header)
        rows = self._reader()
        while self._source.has_handed_back:
            self._taken = []
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
                yield row, self._taken[0][0]
            elif row and len(row) != width:
                yield self._set_aside(f"{len(row)} cells where the header has {width}")
            elif row:
                yield self._set_aside("it is the header again")

    def _set_aside(self, reason: str) -> tuple[Quarantined, int]:
        """The row's first line goes to quarantine; the others are read as rows of their own."""
        (line, text), *rest = self._taken
        self._source.hand_back(rest)
        return Quarantined(self._name, line, reason, text.rstrip("\r\n")[:_RAW_CHARS]), line

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._lines(), delimiter=self._dialect.delimiter, strict=True)

    def _lines(self) -> Iterator[str]:
        chars = 0
        while taken := self._source.line():
            chars = len(taken[1]) + (chars if self._taken else 0)
            self._taken.append(taken)
            if chars > _MOST_ROW_CHARS:
                raise _Runaway(f"it is longer than {_MOST_ROW_CHARS:,} characters")
            if len(self._taken) > _MOST_ROW_LINES:
                raise _Runaway(f"its quotes do not close within {_MOST_ROW_LINES} lines")
            yield taken[1]


def _split(text: str) -> list[str]:
    """Lines with their ends: LF, CRLF, or CR alone."""
    if text.count("\r") != text.count("\r\n"):
        return _LINE.findall(text)
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _header(line: str, delimiter: str) -> tuple[str, ...]:
    try:
        cells = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return ()
    return tuple(cell.strip().lstrip("\ufeff") for cell in cells)
