"""Every question by both engines over one generated lake: DuckDB here, Spark beside it."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import store
from bench.questions import PIVOTS
from bench.store import _timed
from bouncelens.store.duck import DuckEngine
from bouncelens.store.lake import Lake
from bouncelens.store.questions import questions
from bouncelens.store.spark import SparkEngine

if TYPE_CHECKING:
    import argparse

    from bouncelens.store.engine import Engine

_ASKED = {"subscriber_timeline": {"subscriber": "subscriber-77"}}
_GIVEN = {"address": "subscriber-77"}


def run(arguments: argparse.Namespace) -> int:
    """Print each question's best seconds by both, rows, and how much longer Spark takes."""
    with tempfile.TemporaryDirectory(prefix="bouncelens-bench-", dir=arguments.folder) as folder:
        place = Path(arguments.lake or Path(folder) / "lake")
        with Lake.open(str(place)) as lake:
            if not arguments.lake:
                store.fill(lake, arguments.rows)
            _measure(lake, arguments)
    return 0


def _measure(lake: Lake, arguments: argparse.Namespace) -> None:
    master, rounds = arguments.master, arguments.rounds
    # The rollup is DuckDB's alone; here both read every bounce.
    with DuckEngine(lake, rollup=False) as duck:
        begun_s = _timed(lambda: SparkEngine(lake, master=master).close())
        with SparkEngine(lake, master=master) as spark:
            first_s = _timed(lambda: spark.ask("totals", {}))
            print(f"Spark {master}: started in {begun_s:.1f} s, first question {first_s:.1f} s")
            print(f"  {'question':32} {'duckdb':>9} {'spark':>9}  spark / duckdb")
            ratios = []
            for name in arguments.question or (*questions(), *PIVOTS):
                duck_s, spark_s = (_best(engine, name, rounds) for engine in (duck, spark))
                ratios.append(spark_s / duck_s)
                print(
                    f"  {name:32} {duck_s:7.2f} s {spark_s:7.2f} s {ratios[-1]:7.1f} ×", flush=True
                )
    print(f"  median of the ratios {statistics.median(ratios):.1f} ×, highest {max(ratios):.1f} ×")


def _best(engine: Engine, name: str, rounds: int) -> float:
    asked = _ASKED.get(name, _GIVEN if name.startswith("address_") else {})
    return min(_timed(lambda: engine.ask(name, asked)) for _ in range(rounds))
