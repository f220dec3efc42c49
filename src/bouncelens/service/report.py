"""Questions answered: rows with the meaning of each column, the window and what is counted in it.

The command line, the pages and exports show the same `Answer`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from bouncelens.service.hiding import hidden_reply, hidden_values, hides_addresses, sentences
from bouncelens.service.timeline import QUESTION as TIMELINE
from bouncelens.service.timeline import records_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    import pyarrow as pa

    from bouncelens.service.workspace import Workspace

# What a report is when no question is named.
STANDARD = ("totals", "by_reason", "by_provider", "by_campaign", "by_day")

_OF_WHAT = ("Of: ", "No rates: ")  # what the note begins with that says of what shares are


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer. `unit`: events, messages, addresses, share, points (the difference
    of two shares: 0.01 is one percentage point), days, or empty.
    `is_detail`: the first to leave out where there is no room."""

    name: str
    unit: str
    doc: str
    is_detail: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A question's answer. `rows` have the order of `columns`; None in them is not known.

    `since` and `until` bound the window as asked (None: without end); days and times are UTC.
    Rates of fewer than `min_sent` messages sent say little: show them greyed, or not at all.
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
    min_sent: int = 0

    @property
    def told(self) -> tuple[str, ...]:
        """What the rows say, in sentences: the notes before those that explain them."""
        return tuple(takewhile(lambda note: not note.startswith(_OF_WHAT), self.notes))

    def is_thin(self, record: Mapping[str, Any]) -> bool:
        """Whether so little was sent that the record's rate says next to nothing."""
        sent = record.get("sent")
        return sent is not None and sent < self.min_sent

    def records(self) -> Iterator[dict[str, Any]]:
        """The rows, each by column name."""
        names = [column.name for column in self.columns]
        return (dict(zip(names, row, strict=True)) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that can be asked. `audience`: people, or machinery where one of our commands
    asks it."""

    name: str
    title: str
    asks: str
    audience: str


@dataclass(frozen=True, slots=True)
class Shown:
    """How a question is answered: its SQL, and what narrows it, by name and meaning."""

    name: str
    title: str
    sql: str
    parameters: tuple[tuple[str, str], ...]


def answer(
    workspace: Workspace,
    question: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    **filters: object,
) -> Answer:
    """Answer a question of `questions()`, or a pivot named by `pivot()`, over the half-open window
    of UTC time.

    `filters`: those of `narrow.filter_names()` and limit; None is all. A filter that the question
    does not have is refused. Raises QuestionInvalid and StoreError.
    """
    given = narrowed(filters, since=since, until=until)
    about = unanswered(workspace, question, given)
    names = [column.name for column in about.columns]
    if about.question == TIMELINE:
        records = records_of(workspace, given)
        if hides_addresses(workspace.settings):
            records = [_without_addresses(record) for record in records]
        columns = {name: [record[name] for record in records] for name in names}
    else:
        believed = _believed(workspace) if about.question in _DISBELIEVING else {}
        columns = workspace.engine.ask(question, given, given=believed).to_pydict()
    told: tuple[str, ...] = ()
    if hides_addresses(workspace.settings):
        columns = {name: list(hidden_values(name, values)) for name, values in columns.items()}
        told = tuple(sentences(names, columns.get("subscriber_key", ())))
    rows = tuple(zip(*columns.values(), strict=True))
    found = replace(about, rows=rows, notes=(*about.notes, *told, *_lacks_sent(about, rows)))
    if about.question != "compare":
        return found
    from bouncelens.service.compare import sentences as differences
    from bouncelens.service.compare import sides
    from bouncelens.service.digest_changes import whole_change

    before, after = (answer(workspace, "totals", **side) for side in sides(given))
    parts = differences(found.records(), whole_change(before, after))
    return replace(found, notes=(*parts, *found.notes))


# Questions of who is dead, which leave out what the ledger knows to be wrong.
_DISBELIEVING = ("still_mailed_after_hard_bounce",)


def _believed(workspace: Workspace) -> dict[str, pa.Table]:
    """Incidents whose refusals are not believed; none where there is no ledger."""
    from bouncelens.service.suppress.decisions import incident_rows
    from bouncelens.settings import resolve_secret
    from bouncelens.store.ledger.database import is_there

    if not is_there(resolve_secret(workspace.settings.ledger)):
        return {}
    found = workspace.ledger.incidents.all()
    return {"policy_incidents": incident_rows(tuple(i for i in found if i.holds))}


def narrowed(
    filters: Mapping[str, object], *, since: datetime | None, until: datetime | None
) -> dict[str, object]:
    """Filters and window by the names that questions use; None is all."""
    from bouncelens.service.narrow import SYNONYMS

    given = {SYNONYMS.get(k, k): value for k, value in filters.items() if value is not None}
    return given | {k: v for k, v in (("since", since), ("until", until)) if v is not None}


def unanswered(workspace: Workspace, question: str, given: Mapping[str, Any]) -> Answer:
    """All that is said about an answer, without its rows. Raises QuestionInvalid."""
    from bouncelens.store.questions import question as known

    asked = known(question)
    return Answer(
        question=asked.name,
        title=asked.title,
        asks=asked.asks,
        denominator=asked.denominator,
        columns=tuple(
            Column(c.name, c.unit or "", c.doc, is_detail=c.is_detail) for c in asked.columns
        ),
        rows=(),
        since=given.get("since"),
        until=given.get("until"),
        time_zone="UTC",
        notes=(of_what(asked.denominator), *_sentences(asked.notes), *_filter_notes(given)),
        min_sent=workspace.settings.report.min_sent,
    )


def of_what(denominator: str) -> str:
    """The sentence that says of what the shares of an answer are, or that it has none."""
    is_none, _, rows = denominator.partition("none: ")
    return f"{_OF_WHAT[0]}{denominator}." if is_none or not rows else f"{_OF_WHAT[1]}{rows}."


def takes(question: str, name: str) -> bool:
    """Whether a question can be narrowed by a parameter of this name. Raises QuestionInvalid."""
    from bouncelens.store.questions import question as known

    return any(parameter.name == name for parameter in known(question).parameters)


def pivot(dimensions: Iterable[str]) -> str:
    """The name of the question that counts by these dimensions. Raises QuestionInvalid for
    dimensions that do not exist, or for none or too many."""
    from bouncelens.store.questions import BY, question

    words = [word.strip() for given in dimensions for word in given.split(",")]
    return question(BY + ",".join(word for word in words if word)).name


def dimensions_of(question: str) -> tuple[str, ...]:
    """What a pivot of this name counts by; nothing for other questions. Raises QuestionInvalid."""
    from bouncelens.store.dimensions import dimensions as known
    from bouncelens.store.questions import BY

    if not question.startswith(BY):
        return ()
    words = (word.strip() for word in question.removeprefix(BY).split(","))
    return tuple(dimension.name for dimension in known(word for word in words if word))


def dimensions() -> tuple[tuple[str, str], ...]:
    """What a pivot can count by: names and meanings."""
    from bouncelens.store.dimensions import DIMENSIONS

    return tuple((name, d.meaning) for name, d in DIMENSIONS.items())


def shown(question: str) -> Shown:
    """How a question is answered. Raises QuestionInvalid."""
    from bouncelens.store.questions import question as known

    asked = known(question)
    return Shown(
        asked.name,
        asked.title,
        asked.sql.strip(),
        tuple((parameter.name, parameter.doc) for parameter in asked.parameters),
    )


def questions() -> tuple[Asked, ...]:
    """Every question there is."""
    from bouncelens.store.questions import questions as known

    return tuple(Asked(q.name, q.title, q.asks, q.audience) for q in known().values())


def _without_addresses(record: dict[str, Any]) -> dict[str, Any]:
    """A moment of a timeline whose reply is told as its template."""
    is_reply = record["event"] == "bounced" and record["told"]
    return record | ({"told": hidden_reply(record["told"])} if is_reply else {})


def _sentences(notes: tuple[str, ...]) -> Iterator[str]:
    return (f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in notes)


def _lacks_sent(about: Answer, rows: tuple[tuple[Any, ...], ...]) -> Iterator[str]:
    """Why there is no rate, where that is so, and what would help."""
    names = [column.name for column in about.columns]
    if rows and {"rate", "sent"} <= set(names):
        place = names.index("sent")
        if all(not row[place] for row in rows):
            yield (
                "How much was sent is not known here, so there are no rates: let the Tracking "
                "Extract hold Sent, or name sends.data_extension in the settings."
            )
        elif "uncounted" in names and any(row[names.index("uncounted")] for row in rows):
            yield (
                "Uncounted: messages that bounced of jobs whose sent count is not known, or not by "
                "domain where that is asked. They are in no rate: (bounced - uncounted) / sent."
            )


def _filter_notes(given: Mapping[str, object]) -> Iterator[str]:
    other = {k.removeprefix(_OTHER): v for k, v in given.items() if k.startswith(_OTHER)}
    if other:
        yield f"Before is {', '.join(_condition(*pair) for pair in other.items())}."
    left_out = ("since", "until", "limit", "now")
    narrowed = [p for p in given.items() if p[0] not in left_out and not p[0].startswith(_OTHER)]
    if narrowed:
        yield f"Only {', '.join(_condition(*pair) for pair in narrowed)}."


_OTHER = "other_"


def _condition(name: str, value: object) -> str:
    """A filter as people read it."""
    if name not in ("since", "until"):
        return f"{name.replace('_', ' ')} = {value}"
    day = f"{value:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    return f"from {day}" if name == "since" else f"before {day}"
