"""The questions: one `.sql` file each in `queries/`, its head saying what it answers and how.

The head is comments: `title`, `asks`, `for`, `denominator`, `note`, `with`, the columns in order.
Parameters are the `$names` in the SQL, described once here. A name such as `by:provider,reason` is
a question, too: a pivot.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, cast

from bouncelens.errors import QuestionInvalid
from bouncelens.store import dimensions, pivot

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a question can be narrowed by. `default` is what an absent value means."""

    name: str
    doc: str
    kind: type
    default: object = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer. `unit` is events, messages, addresses, share, points, days; None
    has none. `is_detail`: the first to be left out where there is no room."""

    name: str
    unit: str | None
    doc: str
    is_detail: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One question and the SQL that answers it. `audience`: people, or machinery where a command
    of ours asks it."""

    name: str
    title: str
    asks: str
    denominator: str
    notes: tuple[str, ...]
    columns: tuple[Column, ...]
    parameters: tuple[Parameter, ...]
    sql: str
    audience: str = "people"

    def bound(self, given: Mapping[str, object]) -> dict[str, object]:
        """The value of every parameter: as given, else its default. Raises QuestionInvalid."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name, value in given.items():
            if name not in known:
                raise QuestionInvalid(
                    f"Question {self.name!r} has no parameter {name!r}.",
                    advice=f"It has {', '.join(known)}.",
                )
            kind = known[name].kind
            if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
                raise QuestionInvalid(f"{name!r} must be of type {kind.__name__}, not {value!r}.")
            if isinstance(value, datetime) and value.tzinfo is None:
                raise QuestionInvalid(f"{name!r} needs a time zone: {value.isoformat()}.")
        values = {
            name: parameter.default if given.get(name) is None else given[name]
            for name, parameter in known.items()
        }
        for name, source in _DERIVED.items():
            if source in values:
                values[name] = _first_midnight(cast("datetime", values[source]))
        if "now" in values and values["now"] is None:
            values["now"] = datetime.now(UTC).replace(microsecond=0)
        # An engine takes exactly the names that the SQL has.
        return {name: values[name] for name in set(_PARAMETER.findall(self.sql))}


def _first_midnight(moment: datetime) -> date:
    """The first day, UTC, that begins at or after the moment."""
    utc = moment.astimezone(UTC)
    begun = utc.time() != time.min
    return utc.date() + timedelta(days=1) if begun else utc.date()


# Windows over days: those that begin within the window. SQL compares days faster than moments.
_DERIVED = {
    "first_day": "since",
    "end_day": "until",
    "other_first_day": "other_since",
    "other_end_day": "other_until",
}

_EVER = (datetime(1970, 1, 3, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
PARAMETERS: Mapping[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter("since", "start of the window, UTC", datetime, _EVER[0]),
        Parameter("until", "end of the window, UTC, not in it", datetime, _EVER[1]),
        Parameter("account", "MID of one business unit", int),
        Parameter("job", "one SFMC JobID", int),
        Parameter("provider", "one mailbox provider, or 'other'", str),
        Parameter("domain", "one receiving domain", str),
        Parameter("reason", "one reason; narrows bounces, not what was sent", str),
        Parameter("reason_group", "one group; narrows bounces, not what was sent", str),
        Parameter("hardness", "hard, soft, block, none or unknown; narrows bounces only", str),
        Parameter("campaign", "one name of an e-mail", str),
        Parameter("sender_domain", "one domain of the sender's address", str),
        Parameter("job_category", "one kind of send, as SFMC says it", str),
        Parameter("list", "one SFMC ListID; narrows bounces only", int),
        Parameter("triggered_send", "one key of a triggered send; narrows bounces only", str),
        Parameter("sfmc_category", "one BounceCategory of SFMC; narrows bounces only", str),
        Parameter("subscriber", "one SubscriberKey, or address", str),
        Parameter("other_since", "start of the window compared with, UTC", datetime, _EVER[0]),
        Parameter("other_until", "end of that window, UTC, not in it", datetime, _EVER[1]),
        Parameter("other_job", "the JobID compared with", int),
        Parameter("other_campaign", "the campaign compared with", str),
        Parameter("days", "length of the latest period, in days", int, 7),
        Parameter("gap_days", "days between two messages to a person; else as they were", int),
        Parameter("now", "the moment that ages are counted from; else the present one", datetime),
        Parameter("limit", "rows at most", int, 1000),
        Parameter("address", "one address, or one subscriber key", str),
    )
}


def sql_type(parameter: str) -> str:
    """The SQL type of a parameter's value, in DuckDB's words."""
    if parameter in _DERIVED:
        return "DATE"
    return _SQL_TYPES[PARAMETERS[parameter].kind]


_SQL_TYPES: Mapping[type, str] = {int: "BIGINT", str: "VARCHAR", datetime: "TIMESTAMPTZ"}


@cache
def questions() -> Mapping[str, Question]:
    """Every question we ship, by name."""
    folder = files("bouncelens.store") / "queries"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return {
        name.removesuffix(".sql"): read_question(
            name.removesuffix(".sql"), (folder / name).read_text(encoding="utf-8")
        )
        for name in names
        if name != "views.sql"
    }


def question(name: str) -> Question:
    """One question, or the pivot that a name like `by:provider,reason` stands for. Raises
    QuestionInvalid with the names there are."""
    if name.startswith(BY):
        return _pivot(name)
    if name not in questions():
        raise QuestionInvalid(f"There is no question {name[:60]!r}.", advice=_nearest(name))
    return questions()[name]


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name, questions(), 1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"There are {', '.join(q.name for q in questions().values() if q.audience == 'people')}."


BY = "by:"


def _pivot(name: str) -> Question:
    words = tuple(word.strip() for word in name.removeprefix(BY).split(",") if word.strip())
    return read_question(name, pivot.pivot_text(words))


@cache
def views() -> Mapping[str, tuple[str, str]]:
    """The views that questions read, in order: name to (meaning, SQL of the SELECT)."""
    text = (files("bouncelens.store") / "queries" / "views.sql").read_text(encoding="utf-8")
    found = re.findall(
        r"-- view (\w+): ((?:.|\n-- )*?)\nCREATE VIEW \1 AS\n(.*?);", text, flags=re.DOTALL
    )
    return {name: (doc.replace("\n-- ", " "), sql) for name, doc, sql in found}


_HEAD = re.compile(r"-- (title|asks|for|denominator|note|with|columns): (.+)")
_COLUMN = re.compile(r"-- column (\w+)(?: \[(\w+)\])?( \(detail\))?: (.+)")
_INTERVAL = re.compile(r"\{(low|high) (\w+) of (\w+)\}")
_PARAMETER = re.compile(r"\$([a-z_]+)")


def read_question(name: str, text: str) -> Question:
    """A question from its file's text. Raises QuestionInvalid naming what its head lacks.

    `with: asked` puts the narrowed bounces before its SQL as a CTE, `with: rates by day, group`
    counts and rates, `with: suppressions` what a policy decides, as `suppressed`. `columns: a, b`
    are columns of `rates`, whose meaning is known. `{low part of whole}` in the SQL is the lower
    end of a share's interval.
    """
    head: dict[str, list[str]] = {key: [] for key in _HEAD_LINES}
    columns: list[Column] = []
    for line in text.splitlines():
        if not line.startswith("--"):
            continue
        if found := _COLUMN.fullmatch(line):
            columns.append(Column(found[1], found[2], found[4], is_detail=bool(found[3])))
        elif found := _HEAD.fullmatch(line):
            head[found[1]].append(found[2])
            if found[1] == "columns":
                columns += _known_columns(name, found[2])
        else:
            raise QuestionInvalid(f"{name}.sql: {line!r} is no line of a question's head.")
    for wanted in ("title", "asks", "denominator"):
        if len(head[wanted]) != 1:
            raise QuestionInvalid(f"{name}.sql: the head needs one line '-- {wanted}: …'.")
    audience = head["for"] or ["people"]
    if audience not in ([word] for word in AUDIENCES):
        raise QuestionInvalid(f"{name}.sql: a question is for {' or '.join(AUDIENCES)}.")
    body = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    body = _INTERVAL.sub(lambda m: pivot.wilson(m[1], part=m[2], whole=m[3]), body)
    sql = _begun(name, body, head["with"])
    used = dict.fromkeys(_DERIVED.get(name, name) for name in _PARAMETER.findall(sql))
    if unknown := [parameter for parameter in used if parameter not in PARAMETERS]:
        raise QuestionInvalid(f"{name}.sql: unknown parameter ${unknown[0]}.")
    return Question(
        name,
        head["title"][0],
        head["asks"][0],
        head["denominator"][0],
        tuple(head["note"]),
        tuple(columns),
        tuple(parameter for key, parameter in PARAMETERS.items() if key in used),
        sql,
        audience[0],
    )


def _suppressions() -> str:
    """The SELECT of the question `suppressions`, to be asked further; its rows in no order."""
    text = (files("bouncelens.store") / "queries" / "suppressions.sql").read_text(encoding="utf-8")
    return read_question("suppressions", text).sql.rpartition("\nORDER BY")[0]


AUDIENCES = ("people", "machinery")
_HEAD_LINES = ("title", "asks", "for", "denominator", "note", "with", "columns")


def _known_columns(name: str, listed: str) -> list[Column]:
    docs = dimensions.column_docs()
    names = [word.strip() for word in listed.split(",")]
    if unknown := [word for word in names if word not in docs]:
        raise QuestionInvalid(f"{name}.sql: {unknown[0]!r} is no column of rates.")
    return [Column(word, *docs[word], is_detail=word in dimensions.DETAILS) for word in names]


_PARTS = {"asked": pivot.asked, "tallies": pivot.tallies, "people": pivot.people}


def _begun(name: str, body: str, parts: list[str]) -> str:
    """The SQL with the common parts it asks for put before it."""
    begun = []
    for part in parts:
        if part in _PARTS:
            begun.append(_PARTS[part]())
        elif part == "suppressions":
            begun.append(f"suppressed AS ({_suppressions()})")
        elif part == "rates" or part.startswith("rates by "):
            words = [word.strip() for word in part[len("rates by ") :].split(",")]
            begun.append(pivot.rates(dimensions.dimensions(word for word in words if word)))
        else:
            raise QuestionInvalid(f"{name}.sql: nothing is called {part!r}.")
    if not begun:
        return body
    rest = body.removeprefix("WITH ")
    return f"WITH {', '.join(begun)}{', ' if rest != body else chr(10)}{rest}"
