"""A report for people: sections of an answer each, with its chart, window and what it is of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bouncelens.show import charts
from bouncelens.show.export.cells import NUMBERS, UNKNOWN, clean, interval, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bouncelens.service.report import Answer, Column

_TIMES = ("day", "week", "month", "event_day", "event_week")
_RATES = ("rate", "low", "high")


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head and what it means."""

    words: str
    doc: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One answer as people read it. `rows` are text, in the order of `heads`."""

    title: str
    asks: str
    window: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    drawing: charts.Drawing | None = None
    nothing: str = "Nothing in this window."  # said where there are no rows


@dataclass(frozen=True, slots=True)
class Report:
    """A document. `lead` comes first, a sentence each."""

    title: str
    lead: tuple[str, ...]
    sections: tuple[Section, ...]
    made_at: datetime


def sections(
    answers: Iterable[Answer], *, limit: int, overview: Answer | None = None
) -> tuple[Section, ...]:
    """Answers as sections of at most `limit` rows. `overview` draws the days, where they are."""
    return tuple(section(found, limit=limit, overview=overview) for found in answers)


def section(found: Answer, *, limit: int, overview: Answer | None = None) -> Section:
    """An answer as a section: the rows that a person wants first, of times the last ones."""
    is_by_time = bool(found.columns) and found.columns[0].name in _TIMES
    rows = found.rows[-limit:] if is_by_time else found.rows[:limit]
    heads, cells = _upright(found) if _is_card(found) else _columns(found, rows)
    drawing = charts.rates_over_time(overview) if overview and is_by_time else charts.drawn(found)
    hidden = len(found.rows) - len(rows)
    return Section(
        title=found.title,
        asks=found.asks,
        window=window_words(found),
        heads=heads,
        rows=cells,
        notes=(
            *(
                (f"Not shown: {hidden:,} more {'row' if hidden == 1 else 'rows'}.",)
                if hidden
                else ()
            ),
            *map(clean, found.notes),
            *_thin_note(found, rows),
            *(drawing.notes if drawing else ()),
        ),
        drawing=drawing if drawing and drawing.spec else None,
    )


def headline(totals: Answer) -> str:
    """The totals in a sentence, with what the rate is of and how sure it is."""
    record = next(iter(totals.records()), {})
    bounced, sent = record.get("bounced") or 0, record.get("sent")
    if not sent:
        return f"{bounced:,} messages bounced; how many were sent is not known."
    if record.get("rate") is None or totals.is_thin(record):
        return f"{bounced:,} of {sent:,} messages bounced."
    texts = _texts(totals, totals.rows[0])
    sure = f"95 % interval {interval(texts['low'], texts['high'], ' ')}"
    return f"{bounced:,} of {sent:,} messages bounced: {texts['rate']} ({sure})."


def window_words(found: Answer) -> str:
    """The window in words, its last day named as one that belongs to it."""
    zone = found.time_zone
    start = f"{found.since:%Y-%m-%d}" if found.since else "the beginning"
    if found.until is None:
        return f"From {start} until now, days in {zone}"
    last = found.until - timedelta(microseconds=1)
    return f"From {start} to {last:%Y-%m-%d}, days in {zone}"


_SURE = "where the rate lies (Wilson)"


def _is_card(found: Answer) -> bool:
    is_of_something = bool(found.columns) and found.columns[0].unit not in NUMBERS
    return len(found.rows) == 1 and len(found.columns) > 8 and not is_of_something


def _upright(found: Answer) -> tuple[tuple[Head, ...], tuple[tuple[str, ...], ...]]:
    """One row with more columns than paper has room for: one below the other."""
    heads = (Head("number", "", False), Head("", "", True), Head("meaning", "", False))
    record = _texts(found, found.rows[0])
    names = [column.name for column in found.columns]
    rows = []
    for column in found.columns:
        if column.name in ("low", "high") and {"low", "high"} <= set(names):
            if column.name == "low":
                words = interval(record["low"], record["high"], " ")
                rows.append(("95 % interval", words, _SURE))
            continue
        rows.append((_words(column), record[column.name], column.doc))
    return heads, tuple(rows)


def _columns(
    found: Answer, rows: Sequence[Sequence[Any]]
) -> tuple[tuple[Head, ...], tuple[tuple[str, ...], ...]]:
    """The columns; an interval is one, and a detail that says nothing is none."""
    records = [_texts(found, row) for row in rows]
    names = {column.name for column in found.columns}
    heads, cells = [], []
    for number, column in enumerate(found.columns):
        values = [row[number] for row in rows]
        says_nothing = not any(values) if column.name == "uncounted" else _is_empty(values)
        if number and rows and column.is_detail and says_nothing:
            continue
        texts = [record[column.name] for record in records]
        words, doc = _words(column), column.doc
        if {"low", "high"} <= names and column.name in ("low", "high"):
            if column.name == "high":
                continue
            words, doc = "95 % interval", _SURE if "rate" in names else column.doc
            texts = [interval(record["low"], record["high"], " ") for record in records]
        heads.append(Head(words, doc, column.unit in NUMBERS))
        cells.append(texts)
    return tuple(heads), tuple(zip(*cells, strict=True)) if cells else ()


def _is_empty(values: Sequence[object]) -> bool:
    return all(value is None for value in values)


def _texts(found: Answer, row: Sequence[Any]) -> dict[str, str]:
    record = dict(zip([column.name for column in found.columns], row, strict=True))
    is_thin = found.is_thin(record)
    return {
        column.name: UNKNOWN
        if is_thin and column.name in _RATES
        else written(record[column.name], column)
        for column in found.columns
    }


def _words(column: Column) -> str:
    return column.name.replace("_", " ")


def _thin_note(found: Answer, rows: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    names = [column.name for column in found.columns]
    records = (dict(zip(names, row, strict=True)) for row in rows)
    if "rate" in names and any(map(found.is_thin, records)):
        return (f"Rates of fewer than {found.min_sent:,} messages sent are not shown.",)
    return ()
