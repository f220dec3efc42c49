"""Messages of Sent.csv as counts by hour, so that extracts that share a day can be put together.

An extract begins and ends at whole hours, most often at midnight of UTC-6, so a UTC day is split
over two. Of each hour the greatest count seen is right, whichever extract came first or twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bouncelens.bounce import SEND_FIELDS, arrow_schema
from bouncelens.extract.rows import domain_of

if TYPE_CHECKING:
    import pyarrow as pa

_KEYS = ("account", "job", "domain", "day")


def messages(table: pa.Table) -> pa.Table:
    """Messages sent, as counts of one: day and hour in UTC, the domain where it is known."""
    import pyarrow as pa
    import pyarrow.compute as pc

    address: Any = table["address"].combine_chunks()
    given: Any = table["domain"].combine_chunks()
    columns = {
        "account": table["account"],
        "job": table["job"],
        "domain": pc.coalesce(given, domain_of(address)),
        "day": table["event_time"].cast(pa.date32()),
        "sent": pa.repeat(pa.scalar(1, pa.int64()), table.num_rows),
        "hour": pc.hour(table["event_time"]),
    }
    return pa.table(columns)


def added_up(counts: pa.Table) -> pa.Table:
    """One row per account, job, domain, day and hour, domains in lower case. Counts without a
    column `hour` are whole days, made by somebody else: their hour is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if "hour" not in counts.column_names:
        counts = counts.append_column("hour", pa.nulls(counts.num_rows, pa.int64()))
    written: Any = counts["domain"]
    domain: Any = pc.fill_null(pc.utf8_lower(written), "")
    counts = counts.set_column(counts.schema.names.index("domain"), "domain", domain)
    found = counts.group_by([*_KEYS, "hour"]).aggregate([("sent", "sum")])
    return found.rename_columns([*_KEYS, "hour", "sent"])


def by_day(counts: pa.Table) -> pa.Table:
    """Counts by hour as one row per day (SEND_FIELDS), with `hours`: 24 counts, comma-joined;
    null where the count of a whole day was given."""
    import numpy as np
    import pyarrow as pa

    numbered = counts.append_column("row", pa.array(np.arange(counts.num_rows), pa.int64()))
    days = numbered.group_by(list(_KEYS)).aggregate([("sent", "sum"), ("row", "list")])
    lists: Any = days["row_list"].combine_chunks()
    order, day_of = np.asarray(lists.flatten()), np.asarray(lists.value_parent_indices())
    sent = np.asarray(counts["sent"])[order]
    hours_told: Any = counts["hour"]
    hour = np.asarray(hours_told.fill_null(-1))[order]
    grid = np.zeros((days.num_rows, 24), np.int64)
    grid[day_of[hour >= 0], hour[hour >= 0]] = sent[hour >= 0]
    is_whole = np.zeros(days.num_rows, bool)
    is_whole[day_of[hour < 0]] = True
    hours = pa.array([",".join(map(str, row)) for row in grid.tolist()], pa.string(), mask=is_whole)
    plain = days.rename_columns([*_KEYS, "sent", "row"]).select(
        [name for name, _, _ in SEND_FIELDS]
    )
    return plain.cast(arrow_schema(SEND_FIELDS)).append_column("hours", hours)
