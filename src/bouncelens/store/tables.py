"""The lake's tables: their columns, keys, and how a later row meets an earlier one.

Facts only. One row per event, send count, job, template and verdict; decisions are in the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bouncelens.bounce import (
    EVENT_FIELDS,
    IDENTITY,
    JOB_FIELDS,
    SEND_FIELDS,
    SUBSCRIBER_FIELDS,
    arrow_schema,
)
from bouncelens.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

Fields = tuple[tuple[str, str, str], ...]

SQL_TYPES = {
    "int64": "BIGINT",
    "int32": "INTEGER",
    "float64": "DOUBLE",
    "string": "VARCHAR",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
}

_ROUTES = ("routes", "string", "routes that delivered the event, comma-joined, richest first")

BOUNCE_FIELDS: Fields = (
    *(_ROUTES if name == "route" else (name, kind, doc) for name, kind, doc in EVENT_FIELDS),
    ("told_by", "string", "which routes told a field's value; NULL: the only route told all"),
    ("disagreements", "string", "other values told, as JSON: field, route, value; NULL: none"),
    ("provider", "string", "who runs the receiving mailbox; NULL: none we know by name"),
    ("template_id", "int64", "the template of the reply"),
    ("stored_at", "timestamp", "when the row entered the lake, UTC"),
)
# Written by the lake itself. Months keep a merge's cost apart from the table's size.
EVENT_MONTH = ("event_month", "string", "month of event_time, UTC, as YYYY-MM: the partition")

SENT_FIELDS: Fields = (
    *SEND_FIELDS,
    ("provider", "string", "who runs the receiving mailbox; NULL: none we know by name"),
    ("hours", "string", "sent per UTC hour, 24 counts, comma-joined, where files were counted"),
)

TEMPLATE_FIELDS: Fields = (
    ("template_id", "int64", "stable hash of text, code, status and provider"),
    ("template", "string", "the reply in lower case, what varies replaced by placeholders"),
    ("code", "int32", "reply code, RFC 5321"),
    ("status", "string", "enhanced status code, RFC 3463"),
    ("provider", "string", "who runs the receiving mailbox; NULL: none we know by name"),
    ("sample", "string", "one raw reply, as it came first"),
    ("first_seen", "timestamp", "earliest event with this template, UTC"),
    ("last_seen", "timestamp", "latest event with this template, UTC"),
)

DOMAIN_FIELDS: Fields = (
    ("domain", "string", "receiving domain, lower case, as in bounces and sends"),
    ("provider", "string", "who runs its mailboxes, or the gateway in front; NULL: not known"),
    ("mx_host", "string", "the host that decided, or the first one; NULL: there is none"),
    ("outcome", "string", "how it was found: by_name, mx, null_mx, implicit_mx, nxdomain, reply …"),
    ("looked_at", "timestamp", "when, UTC"),
)

VERDICT_FIELDS: Fields = (
    ("template_id", "int64", "the template judged"),
    ("reason", "string", "what the reply means, e.g. unknown_user"),
    ("reason_group", "string", "family of the reason: address, mailbox, reputation …"),
    ("hardness", "string", "hard, soft, block, none or unknown"),
    ("is_temporary", "bool", "the server said: try again"),
    ("rule", "string", "id of the rule that decided; NULL when nothing spoke"),
    ("confidence", "float64", "0 to 1"),
    ("evidence", "string", "the words that decided, as the server wrote them in the sample"),
    ("actor", "string", "who has to act"),
    ("ruleset", "string", "hash of the rule set that judged"),
)


@dataclass(frozen=True, slots=True)
class LakeTable:
    """One table. `meet` says, per column, what an update writes, `s` being the later row and `t`
    the stored one; `else_` is for columns not named there. A `{column}` stands for its name."""

    name: str
    title: str
    fields: Fields
    key: tuple[str, ...]
    partition_by: tuple[str, ...] = ()
    meet: Mapping[str, str] = field(default_factory=dict)
    else_: str = "s.{column}"
    properties: Mapping[str, str] = field(
        default_factory=lambda: {"delta.checkpointInterval": "10"}
    )

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, without the partition column that the lake writes itself."""
        return arrow_schema(self.fields)

    @property
    def stored_schema(self) -> pa.Schema:
        """The Arrow schema as stored, partition column included."""
        extra = (EVENT_MONTH,) if self.partition_by else ()
        return arrow_schema((*self.fields, *extra))

    def update_of(self, column: str) -> str:
        """The SQL expression for a column when both rows exist."""
        return self.meet.get(column, self.else_).format(column=column)


# What a route does not know must not erase what another told us.
_KEEP_KNOWN = "coalesce(s.{column}, t.{column})"

BOUNCES = LakeTable(
    "bounces",
    "One row per bounce event.",
    BOUNCE_FIELDS,
    IDENTITY,
    partition_by=("event_month",),
    # A pull makes a commit per page. Frequent checkpoints and few statistics keep each one cheap.
    properties={
        "delta.checkpointInterval": "10",
        "delta.dataSkippingStatsColumns": "account,job,event_time",
    },
)
# Extracts split a day, overlap, and come again: of each hour the greatest count is right. A count
# of the whole day replaces what is stored, counts by the hour only raise it.
_HOURS = """CASE WHEN s.hours IS NULL OR t.hours IS NULL THEN coalesce(s.hours, t.hours)
ELSE array_to_string([
    greatest(CAST(pair[1] AS BIGINT), CAST(pair[2] AS BIGINT))
    FOR pair IN list_zip(string_split(s.hours, ','), string_split(t.hours, ','))
], ',') END"""
_SENT = f"""CASE WHEN s.hours IS NULL THEN coalesce(s.sent, t.sent) ELSE greatest(
    t.sent, CAST(list_sum(CAST(string_split({_HOURS}, ',') AS BIGINT[])) AS BIGINT)
) END"""
SENDS = LakeTable(
    "sends",
    "How much was sent, per job, receiving domain and day.",
    SENT_FIELDS,
    ("account", "job", "domain", "day"),
    meet={"sent": _SENT, "hours": _HOURS},
    else_=_KEEP_KNOWN,
)
JOBS = LakeTable("jobs", "One row per job.", JOB_FIELDS, ("account", "job"), else_=_KEEP_KNOWN)
TEMPLATES = LakeTable(
    "templates",
    "One row per distinct masked reply.",
    TEMPLATE_FIELDS,
    ("template_id",),
    meet={
        "sample": "coalesce(t.sample, s.sample)",
        "first_seen": "least(s.first_seen, t.first_seen)",
        "last_seen": "greatest(s.last_seen, t.last_seen)",
    },
)
VERDICTS = LakeTable(
    "verdicts", "What each template means, by the present rules.", VERDICT_FIELDS, ("template_id",)
)

_STATUS_TIME = (
    "status_time",
    "timestamp",
    "when the status was told, UTC; NULL: only events of the person were",
)
# Status and holding are what was told last: an old extract changes nothing. What was once known
# of an unsubscribe, a complaint or a sign of life stays, though SFMC forgets events in six months.
_LATEST = "greatest(s.{column}, t.{column})"
_TOLD_LAST = (
    "CASE WHEN s.status_time IS NULL OR s.status_time < t.status_time "
    "THEN t.{column} ELSE s.{column} END"
)
SUBSCRIBERS = LakeTable(
    "subscribers",
    "Who bounced, complained or unsubscribed, as Marketing Cloud sees them.",
    (*SUBSCRIBER_FIELDS, _STATUS_TIME),
    ("account", "subscriber_key"),
    meet={
        **dict.fromkeys(("address", "subscriber_id", "joined_time"), _KEEP_KNOWN),
        **dict.fromkeys(("status", "sfmc_bounces", "held_time"), _TOLD_LAST),
        "status_time": _LATEST,
        **dict.fromkeys(
            ("unsubscribed_time", "complained_time", "last_open", "last_click", "last_delivery"),
            _LATEST,
        ),
    },
)

DOMAINS = LakeTable(
    "domains",
    "Who runs the mailboxes of a domain that no name tells, found by its MX.",
    DOMAIN_FIELDS,
    ("domain",),
)

TABLES: Mapping[str, LakeTable] = {
    table.name: table for table in (BOUNCES, SENDS, JOBS, TEMPLATES, VERDICTS, SUBSCRIBERS, DOMAINS)
}
# Tables that lakes of the first version lack: an empty one is made for whoever reads.
LATER = ("subscribers", "domains")


def conformed(rows: pa.Table | pa.RecordBatch, table: LakeTable) -> pa.Table:
    """The rows with exactly the table's columns, absent ones NULL; times floored to seconds where
    they are part of the key. Raises StoreError for foreign columns, types, or an empty key."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
    schema = table.schema
    if foreign := sorted(set(whole.column_names) - set(schema.names)):
        raise StoreError(f"Rows for table {table.name!r} have unknown columns: {foreign}.")
    columns = []
    for wanted in schema:
        if wanted.name not in whole.column_names:
            columns.append(pa.chunked_array([pa.nulls(len(whole), wanted.type)]))
            continue
        column = whole.column(wanted.name)
        try:
            columns.append(column if column.type == wanted.type else column.cast(wanted.type))
        except pa.ArrowInvalid as error:
            raise StoreError(f"Column {wanted.name!r} of {table.name!r}: {error}") from error
    made = pa.Table.from_arrays(columns, schema=schema)
    for name in table.key:
        if made.column(name).null_count:
            raise StoreError(f"Rows for table {table.name!r} lack {name!r}, part of their key.")
    if "event_time" in table.key:
        at = schema.get_field_index("event_time")
        seconds = pc.floor_temporal(made.column(at), unit="second")
        made = made.set_column(at, schema.field(at), seconds)
    return made
