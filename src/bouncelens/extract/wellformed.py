"""Delimited rows whose form is beyond doubt, read by Arrow: the many, beside the few odd ones.

A row is in doubt if a quote stands anywhere but at the ends of a cell, or if it has another width.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_LF, _CR, _QUOTE = 10, 13, 34


@dataclass(frozen=True, slots=True)
class Found:
    """Rows by column, where they end in the bytes given, and how many lines each has beyond its
    first; None where every row is one line."""

    columns: list[pa.Array[Any]]
    end: int
    breaks: list[int] | None


class WellFormed:
    """Reads the rows that bytes begin with. `header`: of the file, for its width."""

    def __init__(self, delimiter: str, header: tuple[str, ...]) -> None:
        import re2

        self._delimiter, self._header = delimiter, header
        d = re.escape(delimiter)
        is_alone = len(header) == 1  # then an empty line is no row
        cell = rf'(?:"(?:[^"]|"")*"|[^"\r\n{d}]{"+" if is_alone else "*"})'
        # RE2, so linear in the length of what a stranger wrote.
        self._rows = re2.compile(rf"(?:{cell}(?:{d}{cell}){{{len(header) - 1}}}\r?\n)*".encode())

    def rows(self, data: bytes) -> Found | None:
        """The rows up to the first that is in doubt, in UTF-8; None when that is the first one."""
        end = self._closed(data)
        columns = self._columns(data[:end]) if end else None
        if columns is None:
            end = self._rows.match(data).end()
            columns = self._columns(data[:end]) if end else None
        if columns is None:
            return None
        return Found(columns, end, _line_breaks(data[:end], columns))

    def _closed(self, data: bytes) -> int:
        """Up to where every quote opens or closes a cell, the last row left out if it is open; 0
        where only a closer look can tell. How many cells a row has, Arrow checks itself."""
        import numpy as np

        if len(self._header) == 1 or not self._delimiter.isascii() or self._delimiter == '"':
            return 0
        letters = np.frombuffer(data, np.uint8)
        quotes = np.flatnonzero(letters == _QUOTE)
        if len(quotes) % 2:
            end = data.rfind(b"\n", 0, int(quotes[-1])) + 1
            quotes = quotes[quotes < end]
            if len(quotes) % 2:
                return 0
        else:
            end = len(data)
        ends = np.array([ord(self._delimiter), _LF, _CR, _QUOTE], np.uint8)
        opening, closing = quotes[::2], quotes[1::2]
        # A doubled quote closes and opens again at once; and what closes has its pair before it.
        before, after = letters[opening - 1], letters[np.minimum(closing + 1, len(data) - 1)]
        is_first = opening == 0
        is_again = np.append([False], opening[1:] == closing[:-1] + 1) if len(opening) else is_first
        is_open = is_first | np.isin(before, ends[:3]) | is_again
        return end if is_open.all() and np.isin(after, ends).all() else 0

    def _columns(self, rows: bytes) -> list[pa.Array[Any]] | None:
        """The cells of rows, by column, read by Arrow; None when it refuses them, or when one is
        the header again."""
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow import csv as arrow_csv

        names = [str(n) for n in range(len(self._header))]
        stream: Any = pa.BufferReader(rows)
        try:
            table = arrow_csv.read_csv(
                stream,
                arrow_csv.ReadOptions(
                    column_names=names, block_size=len(rows) + 1, use_threads=False
                ),
                arrow_csv.ParseOptions(
                    delimiter=self._delimiter, newlines_in_values=True, ignore_empty_lines=False
                ),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid:
            return None
        columns = [column.combine_chunks() for column in table.columns]
        is_header = pc.any(pc.equal(columns[0], pa.scalar(self._header[0], pa.string()))).as_py()
        return None if is_header or not len(columns[0]) else columns


def _line_breaks(rows: bytes, columns: list[pa.Array[Any]]) -> list[int] | None:
    """How many lines each row has beyond its first; None where every row is one line."""
    import numpy as np

    letters = np.frombuffer(rows, np.uint8)
    returns = np.flatnonzero(letters == _CR)
    if rows.count(b"\n") == len(columns[0]) and (letters[returns + 1] == _LF).all():
        return None
    breaks = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        buffers: Any = column.buffers()
        _, offsets, values = buffers
        starts = np.frombuffer(offsets, np.int32)[: len(column) + 1]
        held = np.frombuffer(values or b"", np.uint8)[: starts[-1]]
        is_end = held == _LF
        if (is_return := held == _CR).any():
            # CR LF is one end; but LF at the start of the next cell does not belong to CR.
            is_paired = np.append(is_end[1:], False)
            within = starts[(starts > 0) & (starts < len(held))]
            is_paired[within - 1] = False
            is_end |= is_return & ~is_paired
        if is_end.any():
            breaks += np.diff(np.searchsorted(np.flatnonzero(is_end), starts))
    found: list[int] = breaks.tolist()
    return found
