"""Tenants too large for memory: written to disk job after job, opened again as a whole folder.

tenant.duckdb holds what the wire serves; the planted truth lies beside it, out of its reach.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sfmc_sandbox.world import tenant as tenants
from sfmc_sandbox.world.description import from_json, to_json
from sfmc_sandbox.world.mail import Standing
from sfmc_sandbox.world.tenant import EVENTS, SENDS_KEY, Tenant, make_setting, play, split

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sfmc_sandbox.world.plan import Plan

_FLUSH_ROWS = 400_000
_MEMORY = "300MB"
_STANDING = ("count", "first_ms", "last_ms", "held_ms", "unsubscribed_ms", "opened_ms")


def write_tenant(
    plan: Plan, folder: Path, *, progress: Callable[[int, int, int], None] | None = None
) -> int:
    """Makes a tenant in a new folder; how many events it holds. `progress` hears jobs done, jobs
    in all and events so far. Raises FileExistsError when the folder is not empty."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    setting, jobs = make_setting(plan)
    standing = Standing.fresh(len(setting.people))
    db = duckdb.connect(str(folder / "tenant.duckdb"))
    db.execute(f"SET memory_limit = '{_MEMORY}'; SET threads = 2")
    writer = _Writer(db, folder, plan.until_ms)
    with writer:
        for number, part in enumerate(play(setting, jobs, standing), 1):
            writer.add(part)
            if progress is not None:
                progress(number, len(jobs), writer.events)
    standing.advance(plan.until_ms)
    made = Tenant(setting, standing, db, writer.no_truth(), writer.pending, jobs)
    tenants.load_rest(made)
    db.execute("CHECKPOINT")
    db.close()
    np.savez(folder / "standing.npz", **{name: getattr(standing, name) for name in _STANDING})
    (folder / "plan.json").write_text(to_json(plan), encoding="utf-8")
    return writer.events


def open_tenant(folder: Path) -> Tenant:
    """The tenant in a folder. Raises FileNotFoundError when there is none."""
    if not (folder / "plan.json").exists():
        raise FileNotFoundError(f"{folder} holds no tenant: make one with `sfmc_sandbox make`")
    plan = from_json((folder / "plan.json").read_text(encoding="utf-8"))
    setting, jobs = make_setting(plan)
    with np.load(folder / "standing.npz") as kept:
        standing = Standing(**{name: kept[name] for name in _STANDING})
    db = duckdb.connect(str(folder / "tenant.duckdb"))
    db.execute(f"SET memory_limit = '{_MEMORY}'; SET threads = 2")
    db.execute("SET enable_external_access = false")
    truth = pq.read_table(folder / "truth.parquet")
    pending = {
        path.stem.removeprefix("pending_"): pq.read_table(path)
        for path in folder.glob("pending_*.parquet")
    }
    return Tenant(setting, standing, db, truth, pending, jobs)


class _Writer:
    """Gathers the jobs' tables and writes them in batches."""

    def __init__(self, db: duckdb.DuckDBPyConnection, folder: Path, until_ms: int) -> None:
        self._db, self._folder, self._until_ms = db, folder, until_ms
        self._waiting: dict[str, list[pa.Table]] = defaultdict(list)
        self._rows = 0
        self._truth: pq.ParquetWriter | None = None
        self._later: dict[str, list[pa.Table]] = defaultdict(list)
        self._made: set[str] = set()
        self.events = 0

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *problem: object) -> None:
        self._flush()
        if self._truth is not None:
            self._truth.close()
        for name, table in self.pending.items():
            if table.num_rows:
                pq.write_table(table, self._folder / f"pending_{name}.parquet")

    @property
    def pending(self) -> dict[str, pa.Table]:
        """What lies after the world's now."""
        return {name: pa.concat_tables(parts) for name, parts in self._later.items()}

    def no_truth(self) -> pa.Table:
        """The truth's schema: its rows are on disk."""
        return pq.read_schema(self._folder / "truth.parquet").empty_table()

    def add(self, part: dict[str, pa.Table]) -> None:
        """Takes one job's tables."""
        self._waiting[SENDS_KEY].append(part.pop(SENDS_KEY))
        for name, table in part.items():
            happened, later = split(table, name, self._until_ms)
            self._later[name].append(later)
            self._waiting[name].append(happened)
            if name != "truth":
                self._rows += happened.num_rows
                self.events += happened.num_rows
        if self._rows >= _FLUSH_ROWS:
            self._flush()

    def _flush(self) -> None:
        for name, parts in self._waiting.items():
            table = pa.concat_tables(parts)
            if name == "truth":
                if self._truth is None:
                    self._truth = pq.ParquetWriter(self._folder / "truth.parquet", table.schema)
                self._truth.write_table(table)
                continue
            self._db.register("batch", table)
            how = f"INSERT INTO {name}" if name in self._made else f"CREATE TABLE {name} AS"
            self._db.execute(f"{how} SELECT * FROM batch")  # noqa: S608 - our own names
            self._db.unregister("batch")
            self._made.add(name)
        self._waiting.clear()
        self._rows = 0
        assert self._made <= {*EVENTS, SENDS_KEY}
