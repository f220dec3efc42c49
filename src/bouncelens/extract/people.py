"""What extracts say of people: their status, and when they were held, left or complained.

Subscribers.csv may hold everybody; kept are those whom Marketing Cloud does not simply mail, and
those of whom that was once known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bouncelens.bounce import SUBSCRIBER_FIELDS, arrow_schema

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pyarrow as pa

Fields = tuple[tuple[str, str, str], ...]

_WHO: Fields = (
    ("account", "int64", "MID"),
    ("subscriber_key", "string", "SubscriberKey"),
    ("subscriber_id", "int64", "SubscriberID"),
    ("address", "string", "EmailAddress"),
)
_STATUS_TIME = ("status_time", "timestamp", "when the status was told")
# What is read of each kind of file.
PEOPLE_FIELDS: dict[str, Fields] = {
    "people": (
        *_WHO,
        ("status", "string", "Status"),
        ("held_time", "timestamp", "DateHeld"),
        ("joined_time", "timestamp", "DateCreated"),
        ("unsubscribed_time", "timestamp", "DateUnsubscribed"),
    ),
    "changes": (*_WHO, ("status", "string", "NewStatus"), _STATUS_TIME),
    "unsubs": (*_WHO, ("event_time", "timestamp", "EventDate")),
    "complaints": (*_WHO, ("event_time", "timestamp", "EventDate")),
}
_EVENTS = {"unsubs": "unsubscribed_time", "complaints": "complained_time"}
_STATUSES = ("active", "bounced", "held", "unsubscribed")
_TIMES = ("held_time", "unsubscribed_time", "complained_time")


def person_schema() -> pa.Schema:
    """SUBSCRIBER_FIELDS, and `status_time`: when the status was told; null where none was."""
    return arrow_schema((*SUBSCRIBER_FIELDS, _STATUS_TIME))


def as_people(rows: pa.Table, kind: str, as_of: datetime, *, known: pa.Array[Any]) -> pa.Table:
    """Rows of one kind of file as those of the table of people. `as_of`: when its file was made,
    which is when its statuses were true. `known`: keys that are told of even when active."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns: dict[str, Any] = {name: rows[name] for name in rows.column_names}
    if kind in _EVENTS:
        columns[_EVENTS[kind]] = columns.pop("event_time")
    else:
        status: Any = pc.utf8_lower(columns["status"])
        is_known = pc.fill_null(pc.is_in(status, pa.array(_STATUSES)), False)
        columns["status"] = pc.if_else(is_known, status, pa.scalar(None, pa.string()))
        if kind == "changes":
            is_held, is_gone = (pc.equal(status, pa.scalar(w)) for w in ("held", "unsubscribed"))
            nothing = pa.scalar(None, pa.timestamp("us", tz="UTC"))
            columns["held_time"] = pc.if_else(is_held, columns["status_time"], nothing)
            columns["unsubscribed_time"] = pc.if_else(is_gone, columns["status_time"], nothing)
        else:
            told = pa.scalar(as_of, pa.timestamp("us", tz="UTC"))
            columns["status_time"] = pa.repeat(told, rows.num_rows)
    schema = person_schema()
    made = pa.table(
        [columns.get(f.name, pa.nulls(rows.num_rows, f.type)) for f in schema], schema=schema
    )
    return made.filter(_is_worth_it(made, known)) if kind == "people" else made


def one_each(parts: Sequence[pa.Table]) -> pa.Table:
    """One row per account and key: of statuses the one told last, of times the latest."""
    import pyarrow as pa

    schema = person_schema()
    whole = pa.concat_tables([schema.empty_table(), *parts])
    if not whole.num_rows:
        return whole
    keys = ["account", "subscriber_key"]
    rest = [name for name in schema.names if name not in keys]
    # Nulls first, so that the last one that says something wins.
    order = whole.sort_by([("status_time", "ascending")])
    told = order.filter(order["status_time"].is_valid())
    rest = [name for name in rest if name not in (*_TIMES, "status", "status_time")]
    latest = whole.group_by(keys, use_threads=False).aggregate(
        [*((name, "max") for name in _TIMES), *((name, "last") for name in rest)]
    )
    latest = latest.rename_columns([*keys, *_TIMES, *rest])
    last = told.group_by(keys, use_threads=False).aggregate(
        [("status", "last"), ("status_time", "last")]
    )
    last = last.rename_columns([*keys, "status", "status_time"])
    return latest.join(last, keys, join_type="left outer").select(schema.names).cast(schema)


def _is_worth_it(people: pa.Table, known: pa.Array[Any]) -> Any:
    """Not simply active: held, bounced, gone, deleted, once held or gone, or known as such."""
    import pyarrow as pa
    import pyarrow.compute as pc

    status: Any = people["status"]
    is_active = pc.fill_null(pc.equal(status, pa.scalar("active")), False)
    held, gone = people["held_time"], people["unsubscribed_time"]
    had = pc.or_(pc.is_valid(held), pc.is_valid(gone))
    is_known = pc.is_in(people["subscriber_key"], known)
    return pc.or_(pc.or_(pc.invert(is_active), had), is_known)
