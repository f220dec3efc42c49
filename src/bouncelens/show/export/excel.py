"""Answers as one Excel file: a sheet for each, and one that says what the numbers are of.

Text is written as text, never as a formula or a link; Excel's own mark for text (quotePrefix)
keeps it so when a person edits the cell.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import IO, TYPE_CHECKING, Any

from bouncelens.show.export.cells import clean, is_formula_like, moment
from bouncelens.show.export.report import window_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

    from bouncelens.service.report import Answer, Column
    from bouncelens.service.stream import Stream

MOST_ROWS = 1_048_576  # of a sheet, its head among them
MOST_CHARACTERS = 32_767  # of a cell
MOST_DIGITS = 15  # that Excel keeps of a number
_ABOUT = "About"
_SHAPES = {
    "number": "#,##0",
    "id": "0",
    "share": "0.00%",
    "points": '+0.00" pp";-0.00" pp";0.00" pp"',
    "money": "#,##0.00",
    "float": "0.00",
    "day": "yyyy-mm-dd",
    "moment": "yyyy-mm-dd hh:mm",
    "text": "@",
}


@dataclass(slots=True)
class _Sheet:
    """What became of one answer."""

    about: Answer
    names: list[str] = field(default_factory=list)
    rows: int = 0
    cut: int = 0  # texts longer than a cell
    texts: int = 0  # numbers longer than Excel keeps


def write_xlsx(answers: Iterable[Stream], file: IO[bytes], *, most_rows: int = MOST_ROWS) -> None:
    """Answers as sheets; one with more rows than a sheet has goes on in the next."""
    from xlsxwriter import Workbook as Book

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    with Book(file, options) as book:
        formats = _formats(book)
        first = book.add_worksheet(_ABOUT)
        told = [_write(book, formats, found, most_rows=most_rows) for found in answers]
        _write_about(first, formats, told)


def _formats(book: Workbook) -> dict[str, Format]:
    made = {name: book.add_format({"num_format": shape}) for name, shape in _SHAPES.items()}
    quoted = book.add_format({"num_format": "@"})
    quoted.set_quote_prefix()
    bold = book.add_format({"bold": True, "bottom": 1})
    wrapped = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    return {**made, "quoted": quoted, "bold": bold, "wrapped": wrapped}


def _write(book: Workbook, formats: dict[str, Format], found: Stream, *, most_rows: int) -> _Sheet:
    sheet, told = None, _Sheet(found.about)
    place = most_rows
    for batch in found.batches:
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            if place >= most_rows:
                sheet, place = _begun(book, formats, told), 1
            assert sheet is not None
            for at, value in enumerate(row):
                _put(sheet, (place, at), value, _Cell(found.about.columns[at], formats, told))
            place, told.rows = place + 1, told.rows + 1
    if sheet is None:
        _begun(book, formats, told)
    else:
        sheet.autofilter(0, 0, place - 1, len(found.about.columns) - 1)
    return told


def _begun(book: Workbook, formats: dict[str, Format], told: _Sheet) -> Worksheet:
    name = _sheet_name(told.about.question, book)
    sheet = book.add_worksheet(name)
    told.names.append(name)
    for at, column in enumerate(told.about.columns):
        is_words = column.unit == "" and column.name not in ("code", "day")
        sheet.set_column(at, at, max(len(column.name) + 2, 18 if is_words else 12))
        sheet.write_string(0, at, column.name, formats["bold"])
    sheet.freeze_panes(1, 0)
    return sheet


def _sheet_name(question: str, book: Workbook) -> str:
    """At most 31 characters, none that Excel forbids, each name once."""
    taken = {sheet.get_name().lower() for sheet in book.worksheets()}
    base = re.sub(r"[^\w ,.-]", " ", question).strip(" '")[:25] or "answer"
    names = [base, *(f"{base} ({number})" for number in range(2, 10_000))]
    return next(name for name in names if name.lower() not in taken)


@dataclass(frozen=True, slots=True)
class _Cell:
    column: Column
    formats: dict[str, Format]
    told: _Sheet


def _put(sheet: Worksheet, place: tuple[int, int], value: Any, cell: _Cell) -> None:
    row, at = place
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, at, value)
    elif isinstance(value, int | float) and abs(value) < 10**MOST_DIGITS:
        shown = 100 * value if cell.column.unit == "points" else value
        sheet.write_number(row, at, shown, cell.formats[_shape(value, cell.column)])
    elif isinstance(value, datetime):
        sheet.write_datetime(row, at, moment(value), cell.formats["moment"])
    elif isinstance(value, date):
        sheet.write_datetime(row, at, value, cell.formats["day"])
    else:
        text = clean(value)
        cell.told.texts += isinstance(value, int | float)
        if len(text.encode("utf-16-le")) // 2 > MOST_CHARACTERS:
            cell.told.cut += 1
            text = _cut(text)
        kind = "quoted" if is_formula_like(text) else "text"
        sheet.write_string(row, at, text, cell.formats[kind])


def _shape(value: float, column: Column) -> str:
    if column.unit in ("share", "points", "money"):
        return column.unit
    if isinstance(value, float):
        return "float"
    return "number" if column.unit else "id"


def _cut(text: str) -> str:
    """Excel counts characters of UTF-16."""
    cut = text.encode("utf-16-le")[: 2 * (MOST_CHARACTERS - 1)].decode("utf-16-le", "ignore")
    return f"{cut}…"


def _write_about(sheet: Worksheet, formats: dict[str, Format], told: list[_Sheet]) -> None:
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 100)
    lines: list[tuple[str, str]] = []
    for one in told:
        about = one.about
        lines += [
            (", ".join(one.names), f"{about.title}. {about.asks}"),
            ("window", f"{window_words(about)}; moments in {about.time_zone}"),
            ("a rate is of", about.denominator),
            ("rows", f"{one.rows:,}"),
            *(("note", note) for note in (*about.notes, *_limits(one))),
            *((column.name, _meaning(column)) for column in about.columns),
            ("", ""),
        ]
    for row, (name, words) in enumerate(lines):
        sheet.write_string(row, 0, clean(name), formats["bold" if words and not row else "text"])
        sheet.write_string(row, 1, clean(words), formats["wrapped"])


def _meaning(column: Column) -> str:
    return f"{column.doc} [{column.unit}]" if column.unit else column.doc


def _limits(one: _Sheet) -> Iterable[str]:
    if len(one.names) > 1:
        yield f"More rows than a sheet has ({MOST_ROWS:,}): they go on in {one.names[1]}."
    if one.cut:
        yield f"{one.cut:,} texts are longer than a cell has room for and end with …"
    if one.texts:
        yield f"{one.texts:,} numbers are text: Excel keeps {MOST_DIGITS} digits of a number."
