"""The rollup: counts of bounces kept beside the lake, by what questions count by.

A message is of one job, so jobs are rolled up whole: what is counted once cannot lie in two places.
A rollup names the files it was made from. A reader takes the jobs of all other files from the
bounces themselves, so an old rollup is slow and never wrong; it may be deleted at any time.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import arrow_schema
from bouncelens.store.files import local_path, rows_sql
from bouncelens.store.tables import BOUNCES, DOMAINS, SENDS, Fields, LakeTable
from bouncelens.store.tables import JOBS as JOBS_TABLE

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyarrow as pa
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

    from bouncelens.store.lake import Lake

_PLACE = "rollup/v1"  # another shape of the table gets another place
_IS = ("kind", "=")
KIND = ("kind", "string", "what a row is; the partition")
FIELDS: Fields = (
    ("roll", "int64", "the commit that wrote the row; of a job's, the latest counts"),
    ("account", "int64", "MID of the business unit"),
    ("job", "int64", "SFMC JobID"),
    ("event_day", "date", "day of the bounces, UTC"),
    ("event_hour", "int64", "hour of the bounces, UTC"),
    ("domain", "string", "receiving domain"),
    ("provider", "string", "who runs the receiving mailbox"),
    ("template_id", "int64", "the template of the reply"),
    ("list_id", "int64", "SFMC ListID"),
    ("sfmc_category", "string", "SFMC's BounceCategory"),
    ("triggered_send_key", "string", "key of the triggered send"),
    ("routes", "string", "routes that delivered the events"),
    ("first_time", "timestamp", "earliest of the bounces, UTC"),
    ("last_time", "timestamp", "latest of the bounces, UTC"),
    ("last_stored", "timestamp", "when the last of them entered the lake, UTC"),
    ("bounces", "int64", "how many"),
    ("person", "string", "a number that tells a job's messages apart"),
    ("batch", "int64", "SFMC BatchID"),
    ("sent", "int64", "messages sent on the day"),
    ("path", "string", "a file, inside its table"),
)
# Cells of three grains: a question takes the one that has what it counts by, or else the bounces.
# `domain` has the row's own provider, the others that of the domain's MX, too.
_ALWAYS = (
    "account", "job", "event_day", "provider", "template_id", "list_id", "sfmc_category",
    "triggered_send_key", "routes",
)  # fmt: skip
GRAINS = {"day": _ALWAYS, "domain": (*_ALWAYS, "domain"), "hour": (*_ALWAYS, "event_hour")}
AGAIN = "again"  # bounces of messages that bounced more than once, one row each
JOBS = "job"  # the jobs of a roll, also those without a bounce any more
FILES = "file"  # the files that the rollup is of; those of the latest roll count
HELD = "held"  # which jobs a file holds
TOLD = "told"  # the provider by MX with which cells were made
SENT = "sent"  # what was sent, of all domains together; the latest roll's counts
SENT_FILES = "sent_file"  # the files of sends and jobs that it is of

ROLLUP = LakeTable("rollup", "Counts of bounces.", FIELDS, ())


@dataclass(slots=True)
class Rollup:
    """The rollup's Delta table, which need not be there."""

    uri: str
    options: dict[str, str]
    _delta: DeltaTable | None = None
    _jobs: dict[str, pa.Table] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def delta(self, *, create: bool = False) -> DeltaTable | None:
        """At its present version; None where there is none."""
        from deltalake import DeltaTable

        place = f"{self.uri}/{_PLACE}"
        folder = local_path(self.uri)
        if folder is not None and not (folder / _PLACE / "_delta_log").is_dir():
            self._delta = None  # deleted
        if self._delta is None and DeltaTable.is_deltatable(place, self.options):
            self._delta = DeltaTable(place, storage_options=self.options)
        elif self._delta is None and create:
            self._delta = DeltaTable.create(
                place,
                arrow_schema((*FIELDS, KIND)),
                mode="ignore",
                partition_by=[KIND[0]],
                name="rollup",
                description="Counts of bounces. May be deleted; bouncelens makes it anew.",
                configuration={"delta.dataSkippingStatsColumns": "account,job"},
                storage_options=self.options,
            )
        if self._delta is not None:
            self._delta.update_incremental()
        return self._delta

    def version(self) -> int:
        """The present version; -1 without a rollup."""
        delta = self.delta()
        return -1 if delta is None else delta.version()

    def jobs_in(self, bounces: DeltaTable, paths: Collection[str]) -> pa.Table:
        """The jobs of some files of bounces, as path, account and job. Files never change."""
        import pyarrow as pa

        with self._lock:
            if lacking := set(paths) - self._jobs.keys():
                whole: Any = bounces.to_pyarrow_dataset()
                for part in whole.get_fragments():
                    if part.path in lacking:
                        rows = part.to_table(columns=["account", "job"])
                        self._jobs[part.path] = rows.group_by(["account", "job"]).aggregate([])
            found = [
                jobs.append_column("path", pa.array([path] * len(jobs), pa.string()))
                for path, jobs in self._jobs.items()
                if path in paths
            ]
            for path in self._jobs.keys() - set(paths):
                del self._jobs[path]
        fields = [("account", pa.int64()), ("job", pa.int64()), ("path", pa.string())]
        nothing = pa.schema([pa.field(name, kind) for name, kind in fields]).empty_table()
        return pa.concat_tables([nothing, *found])


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to the bounces since the rollup was made."""

    present: frozenset[str]  # the files there are
    fresh: frozenset[str]  # of them, those it is not of
    gone: frozenset[str]  # those it is of that are there no more
    rows: int  # in fresh files
    domains: int  # whose provider is another one now
    jobs: int  # touched by any of it
    is_sent_known: bool  # sent counts are those it has


def look(
    duck: DuckDBPyConnection,
    lake: Lake,
    rolled: DeltaTable,
    bounces: DeltaTable,
    *,
    all_as_it_was: bool = False,
) -> Change:
    """Compare the rollup with the lake, and put into tables of the connection which jobs are
    touched (`roll_changed`) and which roll counts of all others (`roll_current`). `all_as_it_was`:
    as if nothing had happened since."""
    files = files_of(bounces)
    for kind in (JOBS, FILES, HELD, TOLD, *GRAINS, AGAIN, SENT, SENT_FILES):
        sql = rows_sql(duck, replace(ROLLUP, name=f"rollup_{kind}"), rolled, only=[(*_IS, kind)])
        duck.execute(f"CREATE OR REPLACE TEMP VIEW rollup_{kind} AS {sql}")
    domains = rows_sql(duck, DOMAINS, lake.delta(DOMAINS.name))
    duck.execute(
        "CREATE OR REPLACE TEMP TABLE roll_domains AS "  # noqa: S608 - names of our own
        f"SELECT domain, provider FROM ({domains}) WHERE provider IS NOT NULL"
    )
    duck.execute(_TOLD_OTHERWISE)
    held = _latest(duck, FILES)
    fresh, gone = files.keys() - held, held - files.keys()
    duck.register("roll_fresh", lake.rollup.jobs_in(bounces, fresh))
    duck.execute(_CHANGED, {"gone": sorted(gone)})
    if all_as_it_was:
        duck.execute("DELETE FROM roll_changed")
    duck.execute(_CURRENT)
    duck.unregister("roll_fresh")
    told, jobs = duck.execute(
        "SELECT (SELECT count(*) FROM roll_told), (SELECT count(*) FROM roll_changed)"
    ).fetchall()[0]
    rows = sum(files[path] for path in fresh)
    is_known = not told and _latest(duck, SENT_FILES) == sent_files(lake)
    return Change(frozenset(files), frozenset(fresh), frozenset(gone), rows, told, jobs, is_known)


def _latest(duck: DuckDBPyConnection, kind: str) -> set[str]:
    sql = f"SELECT path FROM rollup_{kind} WHERE roll = (SELECT max(roll) FROM rollup_{kind})"  # noqa: S608 - names of our own
    return {str(path) for (path,) in duck.execute(sql).fetchall()}


def sent_files(lake: Lake) -> set[str]:
    """The files that sent counts come from, each with its table."""
    tables = (SENDS.name, JOBS_TABLE.name)
    return {f"{name}/{path}" for name in tables for path in files_of(lake.delta(name))}


def files_of(delta: DeltaTable) -> dict[str, int]:
    """The files of a table's present version, with how many rows each has."""
    import pyarrow as pa

    actions = pa.table(delta.get_add_actions(flatten=True))
    if not len(actions):
        return {}
    return {
        str(path): int(rows or 0)
        for path, rows in zip(
            actions.column("path").to_pylist(),
            actions.column("num_records").to_pylist(),
            strict=True,
        )
    }


# Only cells that keep no domain have the provider of its MX in them.
_TOLD_OTHERWISE = f"""
CREATE OR REPLACE TEMP TABLE roll_told AS
SELECT coalesce(n.domain, t.domain) AS domain, n.provider
FROM roll_domains AS n
FULL JOIN (
    SELECT domain, arg_max_null(provider, roll) AS provider FROM rollup_{TOLD} GROUP BY domain
) AS t ON t.domain = n.domain
WHERE n.provider IS DISTINCT FROM t.provider
"""  # noqa: S608 - names of our own
_CHANGED = f"""
CREATE OR REPLACE TEMP TABLE roll_changed AS
SELECT account, job FROM roll_fresh
UNION
SELECT account, job FROM rollup_{HELD} WHERE list_contains($gone, path)
UNION
SELECT account, job FROM rollup_domain
WHERE provider IS NULL AND domain IN (SELECT domain FROM roll_told)
"""  # noqa: S608 - names of our own
_CURRENT = f"""
CREATE OR REPLACE TEMP TABLE roll_current AS
SELECT account, job, max(roll) AS roll
FROM rollup_{JOBS} ANTI JOIN roll_changed USING (account, job)
GROUP BY account, job
"""  # noqa: S608 - names of our own
CELL = (*GRAINS["domain"], "event_hour", "first_time", "last_time", "last_stored", "bounces")
_APART = f"""
SELECT
    account, job, person, batch, first_time AS event_time, event_day, domain, provider,
    template_id, list_id, sfmc_category, triggered_send_key, routes, last_stored AS stored_at
FROM rollup_{AGAIN} INNER JOIN roll_current USING (account, job, roll)
"""  # noqa: S608 - names of our own
_CHANGED_APART = """
UNION ALL
SELECT
    account, job, subscriber_key AS person, batch, event_time, event_day, domain, provider,
    template_id, list_id, sfmc_category, triggered_send_key, routes, stored_at
FROM bounces INNER JOIN roll_changed USING (account, job)
"""


_SENT_ROWS = f"""
SELECT account, job, domain, provider, event_day AS day, sent
FROM rollup_{SENT} WHERE roll = (SELECT max(roll) FROM rollup_{SENT})
"""  # noqa: S608 - names of our own


@dataclass(frozen=True, slots=True)
class Bound:
    """Which views of the rollup can be used."""

    has_cells: bool = False  # rolled_day, rolled_domain, rolled_hour and rolled_apart
    has_sent: bool = False  # rolled_sent


def bind(duck: DuckDBPyConnection, lake: Lake) -> Bound:
    """Make views over the rollup and, for the jobs of what it is not of, the bounces."""
    rolled = lake.rollup.delta()
    if rolled is None or rolled.version() < 1:
        return Bound()
    change = look(duck, lake, rolled, lake.delta(BOUNCES.name))
    columns = ", ".join(CELL)
    for grain in GRAINS:
        duck.execute(
            f"CREATE OR REPLACE TEMP VIEW rolled_{grain} AS SELECT {columns} "  # noqa: S608 - names of our own
            f"FROM rollup_{grain} INNER JOIN roll_current USING (account, job, roll)"
        )
    apart = _APART + (_CHANGED_APART if change.jobs else "")
    duck.execute(f"CREATE OR REPLACE TEMP VIEW rolled_apart AS {apart}")
    duck.execute(f"CREATE OR REPLACE TEMP VIEW rolled_sent AS {_SENT_ROWS}")
    return Bound(has_cells=True, has_sent=change.is_sent_known)
