"""A page for each question: its answer as a table, what it means, and the SQL behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bouncelens.service import report
from bouncelens.service.hiding import is_stand_in
from bouncelens.show.export.cells import NUMBERS, interval, shown
from bouncelens.show.web.controls import Controls, controls
from bouncelens.show.web.filters import Filters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bouncelens.service.report import Answer, Column
    from bouncelens.settings import Settings
    from bouncelens.show.web.source import Source

PATH = "/questions/"
_MOST_ROWS = 500
_SHORT, _LONG = 24, 60  # characters that stay on one line; that need room for several
_MOST_CAMPAIGNS = 200
_SURE = "both ends between which the true value lies, 95 times of 100"
_DAYS_COMPARED = 30
# Columns whose cells lead to the same page, narrowed by their value: column and filter.
_LINKED = {
    "provider": "provider", "domain": "domain", "reason": "reason", "reason_group": "group",
    "account": "account", "job": "job", "campaign": "campaign", "hardness": "hardness",
    "sender_domain": "sender_domain", "list_id": "list", "job_category": "job_category",
    "triggered_send": "triggered_send", "sfmc_category": "sfmc_category",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its words, whether they are a number, say little (greyed), or lead somewhere."""

    words: str
    is_number: bool
    is_thin: bool
    link: str | None

    @property
    def kind(self) -> str:
        """How the style sheet calls such cells."""
        if self.is_number:
            return "n thin" if self.is_thin else "n"
        return "short" if len(self.words) <= _SHORT else "long" if len(self.words) > _LONG else ""


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """All that the template of a question shows."""

    filters: Filters
    choices: Controls
    answer: Answer
    heads: tuple[tuple[str, str, bool], ...]  # name, meaning, whether its cells are numbers
    rows: tuple[tuple[Cell, ...], ...]
    hidden: int
    sql: str
    thin_note: str
    dimensions: tuple[str, ...]  # of a pivot: what it counts by
    campaigns: tuple[str, ...]  # of a comparison: what can be compared
    problem: str  # why there is no answer yet
    window_words: str


def build(settings: Settings, filters: Filters, source: Source, question: str) -> QuestionPage:
    """The page of one question. Raises QuestionInvalid, InputInvalid, StoreError."""
    shown = report.shown(question)
    problem, campaigns = "", tuple[str, ...]()
    if question == "compare":
        filters, problem = _sides(filters)
        campaigns = _campaigns(source, filters)
    answer = source.unanswered(question, filters) if problem else source.ask(question, filters)
    parts = {name for name, _ in shown.parameters}
    records = _records(answer)
    columns = tuple(
        column
        for column in answer.columns
        if column.name != "high"  # beside low
        and not (column.is_detail and records and all(r[column.name] is None for r in records))
    )

    def link(value: Any, name: str) -> str | None:
        return _link(value, name, filters, parts)

    rows = tuple(_row(record, answer, columns, link) for record in records)
    thin = any(cell.is_thin for row in rows for cell in row)
    return QuestionPage(
        filters=filters,
        choices=controls(settings, filters),
        answer=answer,
        heads=tuple(
            ("95 % interval", _SURE, True)
            if column.name == "low"
            else (column.name.replace("_", " "), column.doc, column.unit in NUMBERS)
            for column in columns
        ),
        rows=rows,
        hidden=len(answer.rows) - len(rows),
        sql=shown.sql,
        thin_note=f"Grey rates are of fewer than {answer.min_sent:,} messages sent." * thin,
        dimensions=report.dimensions_of(question),
        campaigns=campaigns,
        problem=problem,
        window_words=_window(answer),
    )


def _sides(filters: Filters) -> tuple[Filters, str]:
    """What is compared, the last days where nobody said; and what is lacking for it."""
    named = (filters.since, filters.job, filters.campaign, *filters.other)
    if not any(named):
        today = datetime.now(UTC).date()
        return replace(filters, since=today - timedelta(days=_DAYS_COMPARED - 1)), ""
    if filters.since or any(filters.other):
        return filters, ""
    return filters, "Say what to compare it with: another campaign, job or period."


def _campaigns(source: Source, filters: Filters) -> tuple[str, ...]:
    """Names to choose from, those with most bounces first."""
    wanted = Filters(account=filters.account)
    found = source.ask("by:campaign", wanted, limit=_MOST_CAMPAIGNS)
    return tuple(row[0] for row in found.rows if row[0])


def _records(answer: Answer) -> list[dict[str, Any]]:
    """Rows as far as a page shows them: of days the last ones, the latest first."""
    records = list(answer.records())
    if answer.columns and answer.columns[0].name in ("day", "week", "month", "event_day"):
        return records[: -_MOST_ROWS - 1 : -1]
    return records[:_MOST_ROWS]


def _row(
    record: dict[str, Any],
    answer: Answer,
    columns: Sequence[Column],
    link: Callable[[Any, str], str | None],
) -> tuple[Cell, ...]:
    is_thin = answer.is_thin(record)
    return tuple(
        Cell(
            interval(shown(record["low"], column), shown(record["high"], column), " ")
            if column.name == "low"
            else shown(record[column.name], column),
            column.unit in NUMBERS,
            is_thin and column.name in ("rate", "low", "high"),
            link(record[column.name], column.name),
        )
        for column in columns
    )


def _link(value: Any, name: str, filters: Filters, parts: set[str]) -> str | None:
    if name == "subscriber_key" and is_stand_in(value):
        return None
    if name == "subscriber_key" and value is not None:
        return filters.to(f"{PATH}subscriber_timeline", subscriber=value)
    narrowed = _LINKED.get(name)
    takes = {"group": "reason_group"}.get(narrowed or "", narrowed)
    if narrowed is None or takes not in parts or value in (None, "", "not known"):
        return None
    return filters.link(**{narrowed: value})


def _window(answer: Answer) -> str:
    start = f"from {answer.since:%Y-%m-%d}" if answer.since else "from the beginning"
    end = f"before {answer.until:%Y-%m-%d}" if answer.until else "until now"
    return f"{start} {end}"
