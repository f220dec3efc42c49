"""Every question over a generated lake, beside counting its bounces by one column."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from bench import store
from bouncelens.store.desk import Desk, Limits
from bouncelens.store.duck import DuckEngine
from bouncelens.store.lake import Lake
from bouncelens.store.questions import questions

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

PIVOTS = (
    "by:provider,reason", "by:week,provider", "by:domain,reason", "by:campaign,hardness",
    "by:triggered_send", "by:event_hour_of_week",
)  # fmt: skip
_ROUNDS = 3
_SLOW = 40  # times the count: worth a look


def run(arguments: argparse.Namespace) -> int:
    """Print the best of three rounds of each question, in seconds and as a ratio."""
    with tempfile.TemporaryDirectory(prefix="bouncelens-bench-", dir=arguments.folder) as folder:
        place = Path(arguments.lake or Path(folder) / "lake")
        with Lake.open(str(place)) as lake:
            if not arguments.lake:
                store.fill(lake, arguments.rows)
            _measure(lake)
    return 0


def _measure(lake: Lake) -> None:
    files = lake.delta("bounces").file_uris()
    count_s = _best(lambda: _counted(files))
    print(f"counting bounces after a moment: {count_s:.3f} s; the rest also as × of it")
    with DuckEngine(lake) as engine:
        for name in (*questions(), *PIVOTS):
            _say(name, _best(lambda name=name: engine.ask(name, {})), count_s)
        job = {"job": 77}
        _say("totals of one job", _best(lambda: engine.ask("totals", job)), count_s)
        _say("by:provider,reason of one", _best(lambda: engine.ask(PIVOTS[0], job)), count_s)
    with Desk(lake, Limits()) as desk:
        sql = "SELECT reason, count(*) FROM judged GROUP BY reason"
        _say("sql: bounces by reason", _best(lambda: desk.ask(sql)), count_s)


def _counted(files: list[str]) -> None:
    duckdb.connect().execute(
        "SELECT count(*) FROM read_parquet($f) WHERE event_time > TIMESTAMPTZ '2025-06-01 12:00Z'",
        {"f": files},
    ).fetchall()


def _best(work: Callable[[], object]) -> float:
    found = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def _say(what: str, seconds: float, count_s: float) -> None:
    ratio = seconds / count_s
    print(f"  {what:34} {seconds:8.3f} s {ratio:8.1f} ×{'  slow' * (ratio > _SLOW)}", flush=True)
