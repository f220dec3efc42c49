"""Our count of bounces beside SFMC's own, counted by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from lake_rows import START, bounces, rows
from lake_rows import bounce as event

from bouncelens.store import tables
from bouncelens.store.duck import DuckEngine
from bouncelens.store.lake import Lake


def test_each_job_has_both_counts_and_their_difference_worst_first(tmp_path: Path) -> None:
    job = {"account": 1, "email_name": "spring", "sent_time": START, "number_sent": 100}
    totals = {"hard_bounces": 3, "soft_bounces": 1, "other_bounces": 0}
    with Lake.open(str(tmp_path / "lake")) as lake:
        lake.add_bounces(bounces(*(event(n, job=10) for n in range(4)), event(9, job=20)))
        lake.put_jobs(
            rows(
                tables.JOBS,
                [
                    {**job, "job": 10, **totals},
                    {**job, "job": 20, **totals},
                    {**job, "job": 30, **totals, "sent_time": START + timedelta(days=9)},
                    {**job, "job": 40},
                ],
            )
        )
        with DuckEngine(lake) as engine:
            asked = {"since": START, "until": START + timedelta(days=5)}
            answer = engine.ask("reconcile", asked).to_pylist()
            narrowed = engine.ask("reconcile", {**asked, "provider": "google"})
    found = [(r["job"], r["stored"], r["counted"], r["difference"]) for r in answer]
    assert found == [(20, 1, 4, -3), (10, 4, 4, 0)]
    assert narrowed.num_rows == 0
