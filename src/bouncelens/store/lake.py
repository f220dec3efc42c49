"""The lake: facts as Delta tables. A bounce is one row, however often and by whatever it arrives.

Writers check what is there and append in one transaction named per table: of two that started
from the same version, one commits and the other looks again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from bouncelens.errors import StoreError
from bouncelens.store.closing import Closing
from bouncelens.store.files import as_arrow, connect, explained, resolved, rows_sql
from bouncelens.store.layout import crowded
from bouncelens.store.meeting import IS_CUT, arrivals
from bouncelens.store.rollup import Rollup
from bouncelens.store.scratch import scratch_folder
from bouncelens.store.tables import (
    BOUNCES,
    DOMAINS,
    EVENT_MONTH,
    JOBS,
    SENDS,
    SUBSCRIBERS,
    TABLES,
    TEMPLATES,
    VERDICTS,
    LakeTable,
    conformed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable, WriterProperties

_T = TypeVar("_T")

_WRITER = "bouncelens"  # the name under which our transactions are numbered
_ATTEMPTS = 30
_RETENTION_HOURS = 7 * 24


@dataclass(frozen=True, slots=True)
class Added:
    """What became of bounces offered to the lake."""

    inserted: int
    known: int  # already there, or twice in the batch
    filled: int = 0  # stored rows to which they added something
    # Event time of the inserted ones; two outcomes are the same whenever they happened.
    oldest: datetime | None = field(default=None, compare=False)


def _oldest(rows: pa.Table) -> datetime | None:
    import pyarrow.compute as pc

    found: datetime | None = pc.min(rows["event_time"]).as_py()
    return found


Judge = Callable[["pa.Table"], "pa.Table"]


@dataclass(frozen=True, slots=True)
class Put:
    """What became of rows written by key."""

    inserted: int
    updated: int
    unchanged: int


class Lake(Closing):
    """Delta tables below one folder or URL. One object per thread of work; many may write."""

    def __init__(self, uri: str, tables: dict[str, DeltaTable], options: dict[str, str]) -> None:
        self.uri = uri
        self._deltas, self.options = tables, options
        self.rollup = Rollup(uri, options)
        self._lock = threading.RLock()
        scratch = scratch_folder(self)
        self._duck = connect(memory_limit="1GB", temp_directory=scratch, threads=None)

    @classmethod
    def open(
        cls, url: str, *, create: bool = True, storage_options: Mapping[str, str] | None = None
    ) -> Lake:
        """Open the lake, make absent tables and columns if `create`. Raises StoreError when the
        place is no lake, cannot be read, or was written by a newer version."""
        from bouncelens.store.layout import open_tables

        options = dict(storage_options or {})
        uri = resolved(url)
        with explained(uri, "opened"):
            return cls(uri, open_tables(uri, options, create=create), options)

    def close(self) -> None:
        """Let go of files and memory."""
        self._duck.close()

    # Reading

    def delta(self, name: str) -> DeltaTable:
        """The Delta table at its present version. Raises StoreError for an unknown name."""
        if name not in self._deltas:
            raise StoreError(f"The lake has no table {name!r}; it has {', '.join(TABLES)}.")
        with explained(self.uri, "read"):
            self._deltas[name].update_incremental()
        return self._deltas[name]

    def read(self, name: str) -> pa.Table:
        """A whole table in memory. For large ones ask the engine."""
        with self._lock, explained(self.uri, "read"):
            sql = rows_sql(self._duck, TABLES.get(name, BOUNCES), self.delta(name))
            return as_arrow(self._duck, sql).cast(TABLES[name].schema)

    def versions(self) -> dict[str, int]:
        """The present version of each table: equal versions mean equal content."""
        return {name: self.delta(name).version() for name in self._deltas}

    def count_rows(self) -> dict[str, int]:
        """How many rows each table has, by reading a column of every file: what cannot be read
        raises StoreError."""
        counts = {}
        for name, table in TABLES.items():
            with self._lock, explained(self.uri, "read"):
                rows = rows_sql(self._duck, table, self.delta(name))
                sql = f"SELECT count({table.key[0]}) AS n FROM ({rows})"  # noqa: S608 - our names
                counts[name] = int(as_arrow(self._duck, sql)["n"][0].as_py())
        return counts

    # Writing

    def add_bounces(
        self,
        rows: pa.Table | pa.RecordBatch,
        *,
        judge: Judge | None = None,
        now: datetime | None = None,
    ) -> Added:
        """Insert events whose identity is not there yet and add to those that are; atomic.

        `judge` is given the rows of which `provider` and `template_id` are to be made (anew), as
        they will be, and gives them back with both; it may be called again when another writer
        was faster. Without it they are those that came with the rows. `now` fills `stored_at`.
        """
        import pyarrow as pa

        table = conformed(rows, BOUNCES)
        if not len(table):
            return Added(0, 0)
        table = _stamped(table, now or datetime.now(UTC))

        def insert() -> Added:
            found = arrivals(self._duck, table, self.delta(BOUNCES.name))
            written = pa.concat_tables([found.new, found.turned])
            if judge is not None:
                written = _made(judge, written)
            new, turned = written[: len(found.new)], written[len(found.new) :]
            changed = pa.concat_tables([turned, found.filled])
            if len(changed):
                self._merge(BOUNCES, new, changed)
            elif len(new):
                self._append(BOUNCES, new)
            return Added(len(new), len(table) - len(new), len(changed), _oldest(new))

        return self._committed(insert)

    def put_sends(self, rows: pa.Table) -> Put:
        """Write send counts by (account, job, domain, day). Counts with `hours` raise what is
        stored, hour by hour; others replace it."""
        return self._put(SENDS, rows)

    def put_jobs(self, rows: pa.Table) -> Put:
        """Write jobs by (account, job)."""
        return self._put(JOBS, rows)

    def put_subscribers(self, rows: pa.Table, *, now: datetime | None = None) -> Put:
        """Write subscribers by (account, subscriber_key); times of events only move forwards, and
        a status gives way to one told later. `now` is when, where rows have no `status_time`."""
        import pyarrow as pa

        if "status_time" not in rows.column_names:
            told = pa.scalar(now or datetime.now(UTC), pa.timestamp("us", tz="UTC"))
            rows = rows.append_column("status_time", pa.repeat(told, rows.num_rows))
        return self._put(SUBSCRIBERS, rows)

    def put_templates(self, rows: pa.Table) -> Put:
        """Write templates; first_seen and last_seen only widen."""
        return self._put(TEMPLATES, rows)

    def put_verdicts(self, rows: pa.Table) -> Put:
        """Write verdicts; a later one replaces an earlier one of the same template."""
        return self._put(VERDICTS, rows)

    def put_domains(self, rows: pa.Table) -> Put:
        """Write who runs the mailboxes of domains, by domain; a later look replaces an earlier."""
        return self._put(DOMAINS, rows)

    def tidy(self, *, files_per_part: int = 8) -> int:
        """Join small files where a partition has more than `files_per_part`, remove files that no
        reader of the last seven days can need, and bring the rollup up to date. Returns how many
        files were joined.

        What another writer changes meanwhile is left to the next time.
        """
        from deltalake.exceptions import CommitFailedError

        from bouncelens.store import rolling

        joined = 0
        with self._lock, explained(self.uri, "tidied"), suppress(CommitFailedError):
            for name in self._deltas:
                delta, before = self.delta(name), joined
                parts = crowded(delta, TABLES[name], files_per_part)
                was = rolling.to_be_moved(self) if parts and name == BOUNCES.name else None
                for part in parts:
                    metrics = delta.optimize.compact(
                        partition_filters=part, writer_properties=_writer()
                    )
                    joined += int(metrics["numFilesRemoved"])
                if was is not None:
                    rolling.moved(self, was)
                if joined > before:
                    delta.vacuum(_RETENTION_HOURS, dry_run=False, full=True)
            rolling.roll(self)
        return joined

    # How

    def _committed(self, work: Callable[[], _T]) -> _T:
        """Do the work on the present version; again from the start if another writer came first."""
        import stamina
        from deltalake.exceptions import CommitFailedError

        with self._lock, explained(self.uri, "written"):
            for attempt in stamina.retry_context(
                on=CommitFailedError, attempts=_ATTEMPTS, wait_initial=0.02, wait_max=1.0
            ):
                with attempt:
                    return work()
        raise AssertionError  # the loop above returns or raises

    def _append(self, table: LakeTable, rows: pa.Table) -> None:
        from deltalake import write_deltalake

        delta = self._deltas[table.name]
        write_deltalake(
            delta,
            rows,
            mode="append",
            writer_properties=_writer(),
            commit_properties=_numbered(delta),
        )

    def _put(self, table: LakeTable, rows: pa.Table) -> Put:
        offered = conformed(rows, table)
        if not len(offered):
            return Put(0, 0, 0)

        def write() -> Put:
            new, changed = self._differing(table, offered)
            if len(changed):
                self._merge(table, new, changed)
            elif len(new):
                self._append(table, new)
            return Put(len(new), len(changed), len(offered) - len(new) - len(changed))

        return self._committed(write)

    def _differing(self, table: LakeTable, offered: pa.Table) -> tuple[pa.Table, pa.Table]:
        """The rows the table does not have, and those that would change one, as they would be."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        stored = rows_sql(self._duck, table, self.delta(table.name))
        keys = ", ".join(table.key)
        matches = " AND ".join(f"s.{name} = t.{name}" for name in table.key)
        rest = [name for name in table.schema.names if name not in table.key]
        made = ", ".join(
            f"CASE WHEN t.{table.key[0]} IS NULL THEN s.{name} ELSE {table.update_of(name)} END"
            f" AS {name}"
            for name in rest
        )
        differs = " OR ".join(
            f"({table.update_of(name)}) IS DISTINCT FROM t.{name}" for name in rest
        )
        kept = ", ".join(f"{_meeting(table, name)} AS {name}" for name in rest)
        order = pa.array(np.arange(len(offered)))
        self._duck.register("offered", offered.append_column("row", order))
        found = as_arrow(
            self._duck,
            f"""
            WITH s AS (SELECT {keys}, {kept} FROM offered GROUP BY {keys}), t AS ({stored})
            SELECT {", ".join(f"s.{name}" for name in table.key)}, {made},
                t.{table.key[0]} IS NULL AS is_new
            FROM s LEFT JOIN t ON {matches}
            WHERE t.{table.key[0]} IS NULL OR {differs}
            """,  # noqa: S608 - names and file lists of our own
        )
        self._duck.unregister("offered")
        is_new = found.column("is_new")
        whole = found.select(table.schema.names).cast(table.schema)
        return whole.filter(is_new), whole.filter(pc.invert(is_new))

    def _merge(self, table: LakeTable, new: pa.Table, changed: pa.Table) -> None:
        import pyarrow as pa

        delta = self._deltas[table.name]
        (
            delta.merge(
                pa.concat_tables([new, changed]),
                predicate=" AND ".join(f"s.{name} = t.{name}" for name in table.key),
                source_alias="s",
                target_alias="t",
                writer_properties=_writer(),
                commit_properties=_numbered(delta),
            )
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute()
        )


def _made(judge: Judge, rows: pa.Table) -> pa.Table:
    """The rows with the template of the reply they have now."""
    if not len(rows):
        return rows
    made = ("provider", "template_id")
    judged = judge(rows.select([n for n in BOUNCES.schema.names if n not in made]))
    for name in made:
        at = rows.schema.get_field_index(name)
        field = rows.schema.field(at)
        rows = rows.set_column(at, field, judged.column(name).cast(field.type))
    return rows


def _meeting(table: LakeTable, column: str) -> str:
    """How rows of one batch with the same key become one: the last word, the widest span."""
    rule = table.meet.get(column, "")
    if rule.startswith("least"):
        return f"min({column})"
    if rule.startswith("greatest"):
        return f"max({column})"
    if rule.startswith("coalesce(t."):
        return f'arg_min({column}, "row")'
    # arg_max passes over NULL, arg_max_null does not.
    return f'arg_max{"" if "coalesce" in table.else_ else "_null"}({column}, "row")'


def _numbered(delta: DeltaTable) -> CommitProperties:
    """Delta refuses a commit when another one with our name came in between (its protocol's
    transaction identifiers), so a check made on this version cannot go stale unnoticed."""
    from deltalake import CommitProperties, Transaction

    return CommitProperties(app_transactions=[Transaction(_WRITER, delta.version() + 1)])


def _writer() -> WriterProperties:
    from deltalake import WriterProperties

    return WriterProperties(compression="ZSTD", compression_level=3)


def _stamped(table: pa.Table, now: datetime) -> pa.Table:
    """With `stored_at` filled, the partition column added, and no flag that says nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    at = table.schema.get_field_index("stored_at")
    moment = pa.scalar(now, table.schema.field(at).type)
    table = table.set_column(
        at, table.schema.field(at), pc.fill_null(table.column("stored_at"), moment)
    )
    at = table.schema.get_field_index(IS_CUT)
    is_cut = pc.and_(table.column(IS_CUT), pc.is_valid(table.column("reply_text")))
    is_cut = pc.if_else(is_cut, is_cut, pa.scalar(None, pa.bool_()))
    table = table.set_column(at, table.schema.field(at), is_cut)
    months = pc.floor_temporal(table.column("event_time"), unit="month").combine_chunks()
    coded = months.dictionary_encode()
    names = pc.strftime(coded.dictionary, format="%Y-%m")  # type: ignore[arg-type]
    return table.append_column(
        BOUNCES.stored_schema.field(EVENT_MONTH[0]), names.take(coded.indices)
    )
