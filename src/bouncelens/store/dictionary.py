"""The data dictionary: every table and view of the lake, its columns, their types and meanings.

Meanings come from where the columns are defined; those that views make are in `_MADE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bouncelens.store.desk import MAY_HOLD_ADDRESSES
from bouncelens.store.questions import views
from bouncelens.store.tables import BOUNCES, SQL_TYPES, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

_MADE = {
    "event_day": "day of event_time, UTC",
    "campaign": "name of the e-mail; NULL where the job is not known",
    "job_category": "what kind of send SFMC says it is, e.g. 'Triggered Sends'",
    "sender_domain": "domain of the sender's address, lower case",
    "weekday": "weekday on which the job began, UTC: 1 is Monday; NULL where it took days",
    "hour": "hour in which the job began, UTC, 0 to 23; NULL where it took days",
    "first_day": "first day on which the job was sent, UTC",
    "last_day": "last day on which the job was sent, UTC",
    "has_domains": "whether the job's sent counts are known by receiving domain",
    "triggered_send": "key of the triggered send",
    "send_day": "day on which the message was sent, UTC, as near as is known",
    "has_sent": "whether the job's sent count is known",
    "has_sent_by_domain": "whether it is known by receiving domain",
    "reason": "what the reply means; 'unclassified' without a verdict",
    "reason_group": "family of the reason; 'other' without a verdict",
    "hardness": "hard, soft, block, none or unknown",
    "provider": "who runs the receiving mailbox; 'other' where neither name nor MX tells",
    "domain": "receiving domain, lower case; '' where it is not known",
}
# How the engine reads the same bounces faster: nothing that judged does not say.
_BESIDE = ("sent_days", "cells", "apart", "each_once", "tallied")


@dataclass(frozen=True, slots=True)
class ColumnDoc:
    """A column. `may_hold_addresses`: empty in `sql` unless it is asked for."""

    name: str
    type: str
    doc: str
    may_hold_addresses: bool


@dataclass(frozen=True, slots=True)
class TableDoc:
    """A table, or a view over tables; `key` is what makes a row the same row."""

    name: str
    kind: str
    doc: str
    key: tuple[str, ...]
    columns: tuple[ColumnDoc, ...]


def dictionary() -> tuple[TableDoc, ...]:
    """Tables, then views, in the order in which they are made."""
    return (*_tables(), *_views())


def _tables() -> Iterator[TableDoc]:
    for table in TABLES.values():
        made = (("event_day", "date", _MADE["event_day"]),) if table is BOUNCES else ()
        columns = tuple(
            ColumnDoc(name, SQL_TYPES[kind], doc, name in MAY_HOLD_ADDRESSES)
            for name, kind, doc in (*table.fields, *made)
        )
        yield TableDoc(table.name, "table", table.title, table.key, columns)


def _views() -> Iterator[TableDoc]:
    import duckdb

    known = {name: doc for table in TABLES.values() for name, _, doc in table.fields}
    with duckdb.connect() as connection:
        for table in _tables():
            typed = (f"CAST(NULL AS {column.type}) AS {column.name}" for column in table.columns)
            connection.execute(f"CREATE VIEW {table.name} AS SELECT {', '.join(typed)}")
        for name, (doc, sql) in views().items():
            if name.startswith("policy_"):  # filled by who decides, empty for everybody else
                continue
            connection.execute(f"CREATE VIEW {name} AS {sql}")
            if name in _BESIDE:
                continue
            described = connection.execute(f"DESCRIBE {name}").fetchall()
            columns = tuple(
                ColumnDoc(
                    column,
                    kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"),
                    _MADE.get(column) or known[column],
                    column in MAY_HOLD_ADDRESSES,
                )
                for column, kind, *_ in described
            )
            yield TableDoc(name, "view", f"{doc[:1].upper()}{doc[1:].rstrip('.')}.", (), columns)
