"""Questions answered: rows with the meaning of each column, the window and what is counted in it.

The command line, the pages and exports show the same `Answer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import pyarrow as pa

    from bouncelens.service.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer. `unit`: events, messages, addresses, share, or empty."""

    name: str
    unit: str
    doc: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A question's answer. `rows` have the order of `columns`; None in them is not known.

    `since` and `until` bound the window as asked (None: without end); days and times are UTC.
    """

    question: str
    title: str
    asks: str
    denominator: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    since: datetime | None
    until: datetime | None
    time_zone: str
    notes: tuple[str, ...]

    def records(self) -> Iterator[dict[str, Any]]:
        """The rows, each by column name."""
        names = [column.name for column in self.columns]
        return (dict(zip(names, row, strict=True)) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that can be asked."""

    name: str
    title: str
    asks: str


def answer(
    workspace: Workspace,
    question: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    **filters: object,
) -> Answer:
    """Answer a question of `questions()` over the half-open window of UTC time.

    `filters`: account, job, provider, domain, reason, reason_group (or group), limit; None is all.
    A filter that the question does not have is refused. Raises QuestionInvalid and StoreError.
    """
    from bouncelens.store.questions import question as known

    asked = known(question)
    if "group" in filters:
        filters["reason_group"] = filters.pop("group")
    given = {name: value for name, value in filters.items() if value is not None}
    given |= {k: v for k, v in (("since", since), ("until", until)) if v is not None}
    table = workspace.engine.ask(question, given)
    return Answer(
        question=asked.name,
        title=asked.title,
        asks=asked.asks,
        denominator=asked.denominator,
        columns=tuple(Column(c.name, c.unit or "", c.doc) for c in asked.columns),
        rows=_rows(table),
        since=since,
        until=until,
        time_zone="UTC",
        notes=(f"Of: {asked.denominator}.", *_sentences(asked.notes), *_filter_notes(given)),
    )


def questions() -> tuple[Asked, ...]:
    """Every question there is."""
    from bouncelens.store.questions import questions as known

    return tuple(Asked(q.name, q.title, q.asks) for q in known().values())


def _rows(table: pa.Table) -> tuple[tuple[Any, ...], ...]:
    columns = [column.to_pylist() for column in table.columns]
    return tuple(zip(*columns, strict=True))


def _sentences(notes: tuple[str, ...]) -> Iterator[str]:
    return (f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in notes)


def _filter_notes(given: Mapping[str, object]) -> Iterator[str]:
    shown = {k: v for k, v in given.items() if k not in ("since", "until", "limit")}
    if shown:
        yield f"Only {', '.join(f'{key} = {value}' for key, value in shown.items())}."
