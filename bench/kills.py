"""Pulls killed at random points, again and again: nothing lost, nothing doubled, nothing left over.

python -m bench kills --kills 100 --route query
"""

from __future__ import annotations

import json
import multiprocessing
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.tenant import QUICK, identities, left_in, running

if TYPE_CHECKING:
    import argparse

    from bouncelens.settings import Settings

# Children are forked from a process that has everything imported and no thread.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["bouncelens.service.pull", "deltalake", "duckdb", "pyarrow"])
_SPAN_S = 4.0  # kills fall within so many seconds after the start


def run(arguments: argparse.Namespace) -> int:
    """Print what the kills did for each route; 1 when anything is lost, doubled or left."""
    worst = 0
    for route in arguments.route or ["soap", "query"]:
        with tempfile.TemporaryDirectory(prefix="bouncelens-bench-") as folder:
            worst = max(worst, _measure(Path(folder), route, arguments.kills))
    return worst


def _measure(folder: Path, route: str, kills: int) -> int:
    from bouncelens.service.pull import pull
    from bouncelens.service.workspace import Workspace

    chance, counts, finished, leftovers = random.Random(11), [0], 0, 0
    with running(folder, "--bounces", "2500", "--months", "4", "--query-wait-s", "0.1") as told:
        mids = [account["mid"] for account in told["accounts"][1:4]]
        settings = told["settings"](mids, routes=[route], query=QUICK, soap={"batch_size": 50})
        began = time.monotonic()
        for _ in range(kills):
            child = _FORKS.Process(target=_pull, args=(settings.model_dump_json(),))
            child.start()
            child.join(_SPAN_S * chance.random() ** 2)
            finished += child.exitcode == 0
            child.kill()
            child.join()
            leftovers += len(left_in(settings)) > 0
            counts.append(_stored(settings))
            if counts[-1] == len(told["truth"](mids)):
                _forget(settings)  # begin again: most kills shall hit a pull with work to do
        with Workspace.open(settings) as workspace:
            result = pull(workspace)
            stored = identities(workspace.lake.read("bounces"))
        planted, seconds = told["truth"](mids), time.monotonic() - began
        lost, doubled = len(set(planted) - set(stored)), len(stored) - len(set(stored))
        left = left_in(settings)
    print(
        f"{route}: {kills} kills in {seconds:.0f} s ({finished} came after the end; {leftovers} "
        f"left objects for the next run); then a whole pull, exit code {result.exit_code}: "
        f"{len(stored):,} of {len(planted):,} bounces, {lost} lost, {doubled} doubled, "
        f"{len(left)} objects left"
    )
    return int(bool(lost or doubled or left or result.exit_code))


def _pull(settings: str) -> None:
    import sys

    from bouncelens.service.pull import pull
    from bouncelens.service.workspace import Workspace
    from bouncelens.settings import Settings

    with Workspace.open(Settings.model_validate(json.loads(settings))) as workspace:
        sys.exit(pull(workspace).exit_code)


def _stored(settings: Settings) -> int:
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings) as workspace:
        return len(workspace.lake.read("bounces"))


def _forget(settings: Settings) -> None:
    """Another lake and ledger, empty; what is in the tenant stays."""
    import shutil

    shutil.rmtree(settings.lake)
    for file in Path(settings.lake).parent.glob("bouncelens.db*"):
        file.unlink()
