"""A simulation beside one plan over the same lake: what a decision costs as a multiple of it."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.suppress import NOW, fill
from bouncelens.service.suppress import plan
from bouncelens.service.suppress.simulate import Trial, simulate
from bouncelens.service.suppress.targets import Targets
from bouncelens.service.workspace import Workspace
from bouncelens.settings import Settings

if TYPE_CHECKING:
    import argparse

_POLICIES = ("default", "careful")


def run(arguments: argparse.Namespace) -> int:
    """Fill a lake, plan once, and try two policies."""
    people, bounces = arguments.subscribers, arguments.bounces
    with tempfile.TemporaryDirectory(prefix="bouncelens-bench-", dir=arguments.folder) as folder:
        place = Path(folder)
        settings = Settings(lake=str(place / "lake"), ledger=f"sqlite:///{place / 'ledger.db'}")
        fill(settings, people, bounces, every_s=max(1, 31_000_000 // bounces))
        with Workspace.open(settings) as workspace:
            assert workspace.classifier.ruleset.hash
            plan_s, plan_cpu_s = _timed(lambda: plan(workspace, targets=Targets([]), now=NOW))
            trial = Trial(_POLICIES, dates=arguments.decisions)
            made = []
            sim_s, sim_cpu_s = _timed(lambda: made.append(simulate(workspace, trial, now=NOW)))
    decisions = len(_POLICIES) * len(made[0].steps)
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{people:,} people, {bounces:,} bounces: {made[0].outcomes[0].sizes[-1]:,} on the list")
    print(f"  one plan {plan_s:.1f} s, {plan_cpu_s:.1f} s of processor time")
    print(f"  {decisions} decisions {sim_s:.1f} s, {sim_cpu_s:.1f} s of processor time")
    print(f"  a decision costs {sim_cpu_s / decisions / plan_cpu_s:.2f} × a plan")
    print(f"  the whole simulation {sim_cpu_s / plan_cpu_s:.1f} × a plan")
    print(f"  peak memory {peak_kb / 1024:,.0f} MiB")
    return 0


def _timed(work: object) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    work()  # type: ignore[operator]
    return time.perf_counter() - began, time.process_time() - cpu
