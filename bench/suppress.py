"""A suppression plan under load: seconds and peak memory, beside reading the bounces' keys once.

Half of the people never bounced; one in twelve is dead, one in thirty full, the rest is trouble of
other kinds. Rows are made by DuckDB and appended as they are.
"""

from __future__ import annotations

import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from bouncelens.service.suppress import plan
from bouncelens.service.suppress.targets import Targets
from bouncelens.service.workspace import Workspace
from bouncelens.settings import Settings
from bouncelens.store import tables
from bouncelens.store.lake import Lake

if TYPE_CHECKING:
    import argparse

NOW = datetime(2026, 6, 1, tzinfo=UTC)
_CHUNK = 1_000_000
_VERDICTS = (
    (1, "unknown_user", "address", "hard"),
    (2, "mailbox_full", "mailbox", "soft"),
    (3, "recipient_refused", "mailbox", "soft"),
    (4, "poor_reputation", "reputation", "block"),
    (5, "rate_limited", "throttling", "soft"),
)


def run(arguments: argparse.Namespace) -> int:
    """Fill a lake and plan."""
    people, bounces = arguments.subscribers, arguments.bounces
    with tempfile.TemporaryDirectory(prefix="bouncelens-bench-", dir=arguments.folder) as folder:
        place = Path(folder)
        settings = Settings(lake=str(place / "lake"), ledger=f"sqlite:///{place / 'ledger.db'}")
        fill(settings, people, bounces)
        base_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with Workspace.open(settings) as workspace:
            assert workspace.classifier.ruleset.hash
            files = workspace.lake.delta("bounces").file_uris()
            read_s = _timed(lambda: _read_keys(files))
            began, cpu = time.perf_counter(), time.process_time()
            made = plan(workspace, out=place / "plan", targets=Targets([]), now=NOW)
            plan_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        size = (place / "plan").stat().st_size
    print(f"{people:,} people, {bounces:,} bounces: {made.suppressed:,} suppressed")
    print(f"  plan {plan_s:.1f} s = {plan_s / read_s:.1f} × reading all keys once ({read_s:.2f} s)")
    print(f"  of it {cpu_s:.1f} s of processor time")
    print(f"  peak memory {peak_kb / 1024:,.0f} MiB, of it {base_kb / 1024:,.0f} by the filling")
    print(f"  plan file {size / 1e6:,.0f} MB")
    return 0


def fill(settings: Settings, people: int, bounces: int, *, every_s: int = 1) -> None:
    """A lake of so many people and bounces, one every so many seconds, the last of them now; no
    further back than a year."""
    from deltalake import write_deltalake

    with Lake.open(settings.lake) as lake:
        verdicts = [
            {
                "template_id": number,
                "reason": reason,
                "reason_group": group,
                "hardness": hardness,
                "is_temporary": False,
                "rule": reason,
            }
            for number, reason, group, hardness in _VERDICTS
        ]
        lake.put_verdicts(pa.Table.from_pylist(verdicts, schema=tables.VERDICTS.schema))
        for start in range(0, bounces, _CHUNK):
            rows = _bounces(start, min(start + _CHUNK, bounces), people, every_s)
            write_deltalake(lake.delta("bounces"), rows, mode="append")


def _bounces(start: int, stop: int, people: int, every_s: int) -> pa.Table:
    """Bounces of so many people; a person's kind of trouble is the same each time."""
    made = (
        duckdb.connect()
        .sql(
            """
        WITH told AS (
            SELECT i, hash(i) % ($people // 2) AS person FROM range($a, $b) AS r (i)
        ), kinds AS (
            SELECT *, CASE WHEN hash(person + 3) % 12 < 2 THEN 1
                WHEN hash(person + 5) % 15 = 0 THEN 2
                WHEN hash(person + 6) % 40 = 0 THEN 3 WHEN hash(i + 9) % 2 = 0 THEN 4
                ELSE 5 END AS kind
            FROM told
        )
        SELECT
            7 AS account, hash(i + 1) % 300 AS job, 0 AS batch,
            '0031x00000' || person AS subscriber_key,
            $now::TIMESTAMPTZ - INTERVAL (CAST(i * $every % 31000000 AS BIGINT)) SECOND
                AS event_time,
            'soap' AS routes, 'person' || person || '@example.com' AS address,
            'example.com' AS domain, 'p' || hash(person) % 12 AS provider, kind AS template_id,
            CASE kind WHEN 1 THEN 'Hard bounce' WHEN 2 THEN 'Soft bounce'
                ELSE 'Block bounce' END AS sfmc_category
        FROM kinds
        """,
            params={"people": people, "a": start, "b": stop, "now": NOW, "every": every_s},
        )
        .to_arrow_table()
    )
    month = tables.EVENT_MONTH[0]
    whole = tables.conformed(made.drop_columns([]), tables.BOUNCES)
    import pyarrow.compute as pc

    return whole.append_column(month, pc.strftime(whole["event_time"], format="%Y-%m"))


def _read_keys(files: list[str]) -> None:
    sql = "SELECT count(DISTINCT subscriber_key), max(event_time) FROM read_parquet($f)"
    duckdb.connect().execute(sql, {"f": files})


def _timed(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began
