"""Rolling up: the jobs that changed are counted anew, in one commit.

Whoever stops it leaves the rollup as it was; of two at once, one commits and the other gives way.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bouncelens.bounce import arrow_schema
from bouncelens.store.files import EVENT_DAY, explained, rows_sql
from bouncelens.store.questions import views
from bouncelens.store.rollup import (
    AGAIN,
    CELL,
    FIELDS,
    FILES,
    GRAINS,
    HELD,
    JOBS,
    KIND,
    SENT,
    SENT_FILES,
    TOLD,
    Change,
    files_of,
    look,
    sent_files,
)
from bouncelens.store.tables import BOUNCES, SENDS, SQL_TYPES
from bouncelens.store.tables import JOBS as JOBS_TABLE

_Mode = Literal["append", "overwrite"]
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pyarrow as pa
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

    from bouncelens.store.lake import Lake

WORTH_ROWS = 100_000  # fewer new bounces are read as quickly as they are
_AT_ONCE = 3_000_000  # bounces of the jobs that are counted together
_BATCH = 65_536
_MOST_ROLLS = 40  # then what counts no more is left out


@dataclass(frozen=True, slots=True)
class Rolled:
    """What a roll did."""

    jobs: int = 0  # counted anew
    bounces: int = 0  # of theirs


def roll(lake: Lake, *, at_least: int = WORTH_ROWS) -> Rolled:
    """Bring the rollup up to date, where at least so many bounces are in files it does not know.
    Raises StoreError."""
    from deltalake.exceptions import CommitFailedError

    with lake._lock, explained(lake.uri, "rolled up"), lake._duck.cursor() as duck:
        bounces = _alone(lake.delta(BOUNCES.name), lake)
        if lake.rollup.delta() is None and sum(files_of(bounces).values()) < max(at_least, 1):
            return Rolled()
        shared = lake.rollup.delta(create=True)
        assert shared is not None  # just made
        rolled = _alone(shared, lake)
        change = look(duck, lake, rolled, bounces)
        if not (change.gone or change.domains or change.rows >= max(at_least, 1)):
            if change.is_sent_known:
                return Rolled()
            change = replace(change, present=change.present - change.fresh, fresh=frozenset())
            duck.execute("DELETE FROM roll_changed")
        _make_views(duck, lake, bounces)
        duck.register("roll_fresh", lake.rollup.jobs_in(bounces, change.fresh))
        try:
            _Writing(duck, rolled, frozenset(sent_files(lake))).write(
                lambda of: _anew(of, change), mode="append"
            )
            if _rolls(duck) > _MOST_ROLLS:
                tidied(lake)
        except CommitFailedError:
            return Rolled()  # somebody else did it meanwhile
        return Rolled(change.jobs, _counted(duck))


def _make_views(duck: DuckDBPyConnection, lake: Lake, bounces: DeltaTable) -> None:
    """The tables that are counted, and what was sent."""
    sends, jobs = lake.delta(SENDS.name), lake.delta(JOBS_TABLE.name)
    for table, delta in ((BOUNCES, bounces), (SENDS, sends), (JOBS_TABLE, jobs)):
        rows = rows_sql(duck, table, delta)
        duck.execute(f"CREATE OR REPLACE TEMP VIEW {table.name} AS {rows}")
    duck.execute("CREATE OR REPLACE TEMP VIEW domains AS SELECT * FROM roll_domains")
    for name in ("sent", "sent_days"):
        duck.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {views()[name][1]}")


def to_be_moved(lake: Lake) -> int | None:
    """The version of the bounces, all of them rolled up; None where there is no rollup."""
    if lake.rollup.delta() is None:
        return None
    roll(lake, at_least=1)
    return lake.delta(BOUNCES.name).version()


# What Delta writes of commits after which a table has the same rows.
_SAME_ROWS = {"OPTIMIZE", "VACUUM START", "VACUUM END"}


def moved(lake: Lake, since: int) -> None:
    """Say that the bounces of a version lie in other files and are the same ones: nothing is to be
    counted. Where anything else happened, or the rollup is of another version, nothing is said."""
    from deltalake import DeltaTable
    from deltalake.exceptions import CommitFailedError

    if (shared := lake.rollup.delta()) is None:
        return
    with lake._lock, explained(lake.uri, "rolled up"), lake._duck.cursor() as duck:
        bounces, rolled = _alone(lake.delta(BOUNCES.name), lake), _alone(shared, lake)
        then = DeltaTable(bounces.table_uri, version=since, storage_options=lake.options)
        done = bounces.history(max(bounces.version() - since, 1))
        if any(d["operation"] not in _SAME_ROWS for d in done if d["version"] > since):
            return
        change, before = look(duck, lake, rolled, bounces), files_of(then).keys()
        if change.gone != before - change.present or change.fresh != change.present - before:
            return
        duck.register("roll_fresh", lake.rollup.jobs_in(bounces, change.fresh))
        with suppress(CommitFailedError):
            _Writing(duck, rolled).write(lambda of: _files(of, change), mode="append")


def tidied(lake: Lake) -> None:
    """Write the rollup without what counts no more."""
    if (shared := lake.rollup.delta()) is None:
        return
    with lake._lock, explained(lake.uri, "rolled up"), lake._duck.cursor() as duck:
        rolled = _alone(shared, lake)
        look(duck, lake, rolled, _alone(lake.delta(BOUNCES.name), lake), all_as_it_was=True)
        _Writing(duck, rolled).write(_what_counts, mode="overwrite")
        rolled.vacuum(7 * 24, dry_run=False, full=True)


def _alone(delta: DeltaTable, lake: Lake) -> DeltaTable:
    """At the present version, whoever else looks at the table meanwhile."""
    from deltalake import DeltaTable

    return DeltaTable(delta.table_uri, storage_options=lake.options)


@dataclass(slots=True)
class _Writing:
    """A commit in the making."""

    duck: DuckDBPyConnection
    rolled: DeltaTable
    sent_files: frozenset[str] = frozenset()

    def write(self, rows: Callable[[_Writing], Iterator[pa.RecordBatch]], *, mode: _Mode) -> None:
        """Append rows, or put them in place of all others; the rows are made while written."""
        import pyarrow as pa
        from deltalake import write_deltalake

        from bouncelens.store.lake import _numbered, _writer

        write_deltalake(
            self.rolled,
            pa.RecordBatchReader.from_batches(arrow_schema((*FIELDS, KIND)), rows(self)),
            mode=mode,
            writer_properties=_writer(),
            commit_properties=_numbered(self.rolled),
        )

    def made(
        self, kind: str, columns: Iterable[str], sql: str, given: Mapping[str, object] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a query as rows of the rollup."""
        import pyarrow as pa

        have = set(columns)
        each = ", ".join(
            name if name in have else f"CAST(NULL AS {SQL_TYPES[sort]}) AS {name}"
            for name, sort, _ in FIELDS
            if name != "roll"
        )
        whole = f"SELECT {self.rolled.version() + 1} AS roll, {each}, '{kind}' AS kind FROM ({sql})"  # noqa: S608 - names of our own
        schema = arrow_schema((*FIELDS, KIND))
        asked = self.duck.sql(whole, params=dict(given)) if given else self.duck.sql(whole)
        for batch in asked.to_arrow_reader(_BATCH):
            yield from pa.Table.from_batches([batch]).cast(schema).to_batches()


def _anew(of: _Writing, change: Change) -> Iterator[pa.RecordBatch]:
    """The changed jobs, counted part by part, and what the rollup is of."""
    yield from _files(of, change)
    if not change.is_sent_known:
        paths = {"paths": sorted(of.sent_files)}
        yield from of.made(SENT_FILES, ("path",), _PATHS, paths)
        yield from of.made(SENT, (*_SENT_COLUMNS, "event_day", "sent"), _SENT)
    yield from of.made(JOBS, ("account", "job"), "SELECT * FROM roll_changed")
    yield from of.made(TOLD, ("domain", "provider"), "SELECT * FROM roll_told")
    of.duck.execute(_PARTS)
    for part, first, last in of.duck.execute(_EACH_PART).fetchall():
        of.duck.execute(_ROWS, {"part": part, "first": first, "last": last})
        of.duck.execute(_TWICE)
        for grain, names in GRAINS.items():
            columns = ", ".join(names)
            provider = "r.provider" if "domain" in names else "coalesce(r.provider, m.provider)"
            yield from of.made(grain, CELL, _CELLS.format(columns=columns, provider=provider))
        yield from of.made(AGAIN, (*CELL, "person", "batch"), _APART)


def _files(of: _Writing, change: Change) -> Iterator[pa.RecordBatch]:
    yield from of.made(HELD, ("path", "account", "job"), "SELECT * FROM roll_fresh")
    yield from of.made(FILES, ("path",), _PATHS, {"paths": sorted(change.present)})


def _what_counts(of: _Writing) -> Iterator[pa.RecordBatch]:
    latest = f"SELECT path FROM rollup_{FILES} WHERE roll = (SELECT max(roll) FROM rollup_{FILES})"  # noqa: S608 - names of our own
    held = (
        f"SELECT DISTINCT path, account, job FROM rollup_{HELD} SEMI JOIN ({latest}) USING (path)"  # noqa: S608 - names of our own
    )
    told = f"SELECT domain, arg_max_null(provider, roll) AS provider FROM rollup_{TOLD} GROUP BY domain"  # noqa: E501, S608
    yield from of.made(FILES, ("path",), latest)
    yield from of.made(HELD, ("path", "account", "job"), held)
    yield from of.made(TOLD, ("domain", "provider"), told)
    yield from of.made(JOBS, ("account", "job"), "SELECT account, job FROM roll_current")
    for kind, names in ((SENT_FILES, ("path",)), (SENT, (*_SENT_COLUMNS, "event_day", "sent"))):
        newest = f"WHERE roll = (SELECT max(roll) FROM rollup_{kind})"  # noqa: S608 - names of our own
        yield from of.made(kind, names, f"SELECT {', '.join(names)} FROM rollup_{kind} {newest}")  # noqa: S608 - names of our own
    for kind in (*GRAINS, AGAIN):
        columns = (*CELL, "person", "batch")
        sql = (
            f"SELECT {', '.join(columns)} FROM rollup_{kind} "  # noqa: S608 - names of our own
            "INNER JOIN roll_current USING (account, job, roll) ORDER BY job, account, event_day"
        )
        yield from of.made(kind, columns, sql)


def _rolls(duck: DuckDBPyConnection) -> int:
    return int(duck.execute(f"SELECT count(DISTINCT roll) FROM rollup_{JOBS}").fetchall()[0][0])  # noqa: S608 - names of our own


def _counted(duck: DuckDBPyConnection) -> int:
    return int(duck.execute("SELECT coalesce(sum(n), 0) FROM roll_parts").fetchall()[0][0])


_PATHS = "SELECT unnest($paths::VARCHAR[]) AS path"
_SENT_COLUMNS = ("account", "job", "domain", "provider")
_SENT = f"""
SELECT {", ".join(_SENT_COLUMNS)}, day AS event_day, CAST(sum(sent) AS BIGINT) AS sent
FROM sent_days GROUP BY {", ".join(_SENT_COLUMNS)}, day ORDER BY day, job
"""  # noqa: S608 - names of our own
_PARTS = f"""
CREATE OR REPLACE TEMP TABLE roll_parts AS
SELECT account, job, n, CAST(sum(n) OVER (ORDER BY job, account) // {_AT_ONCE} AS BIGINT) AS part
FROM (
    SELECT account, job, count(*) AS n
    FROM bounces SEMI JOIN roll_changed USING (account, job) GROUP BY account, job
)
"""  # noqa: S608 - names of our own
_EACH_PART = """
SELECT part, min(job), max(job) FROM roll_parts GROUP BY part ORDER BY part
"""
_ROWS = f"""
CREATE OR REPLACE TEMP TABLE roll_rows AS
SELECT
    account, job, subscriber_key, batch, event_time, {EVENT_DAY} AS event_day,
    CAST(hour(event_time) AS BIGINT) AS event_hour, domain, provider, template_id, list_id,
    sfmc_category, triggered_send_key, routes, stored_at, hash(account, job, subscriber_key) AS mark
FROM bounces SEMI JOIN (
    SELECT account, job FROM roll_parts WHERE part = $part
) AS p USING (account, job)
WHERE job BETWEEN $first AND $last
"""  # noqa: S608 - names of our own
# Of two messages with one mark, each is apart: none the worse.
_TWICE = """
CREATE OR REPLACE TEMP TABLE roll_twice AS
SELECT mark FROM roll_rows GROUP BY mark HAVING count(*) > 1
"""
_CELLS = """
WITH told AS (
    SELECT r.* EXCLUDE (provider), {provider} AS provider
    FROM roll_rows AS r
    ANTI JOIN roll_twice AS t ON t.mark = r.mark
    LEFT JOIN roll_domains AS m ON m.domain = r.domain
), cells AS (
    SELECT
        {columns}, min(event_time) AS first_time, max(event_time) AS last_time,
        max(stored_at) AS last_stored, count(*) AS bounces
    FROM told GROUP BY {columns}
)
SELECT * FROM (SELECT NULL AS domain, NULL AS event_hour WHERE false)
UNION ALL BY NAME SELECT * FROM cells
ORDER BY job, account, event_day, template_id
"""
_APART = """
SELECT
    account, job, CAST(dense_rank() OVER (
        PARTITION BY account, job ORDER BY subscriber_key
    ) AS VARCHAR) AS person, batch, event_day, event_hour, domain, provider, template_id, list_id,
    sfmc_category, triggered_send_key, routes, event_time AS first_time, event_time AS last_time,
    stored_at AS last_stored, 1 AS bounces
FROM roll_rows SEMI JOIN roll_twice USING (mark)
ORDER BY job, account, event_day
"""
