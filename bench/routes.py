"""How much of their time the SOAP and query routes wait for the sandbox, and every scenario.

python -m bench routes              the share of waiting, as a ratio
python -m bench routes --trouble    every scenario by both routes, and how each run ends
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.tenant import QUICK, identities, left_in, running

if TYPE_CHECKING:
    import argparse

    from bouncelens.service.pull import PullResult
    from bouncelens.settings import Settings

_SCENARIOS = (
    *("throttled", "expired-token", "soap-500", "reset-mid-page", "page-expires"),
    *("query-partial-rows", "isrunning-race", "maintenance", "blocked", "scope-missing"),
    *("clock-skew", "duplicate-page", "late-events", "slow"),
)


def run(arguments: argparse.Namespace) -> int:
    """Print the ratios, or the scenarios."""
    if arguments.trouble:
        return max(_trouble(name) for name in _SCENARIOS)
    for route in ("soap", "query"):
        with tempfile.TemporaryDirectory(prefix="bouncelens-bench-") as folder:
            _measure(Path(folder), route, arguments.bounces)
    return 0


def _measure(folder: Path, route: str, bounces: int) -> None:
    from bouncelens.service.pull import pull
    from bouncelens.service.workspace import Workspace

    with running(folder, "--bounces", str(bounces), "--months", "5") as told:
        mid, judge = told["accounts"][1]["mid"], None
        # The first pull of a process compiles rules and judges templates that no one has seen; a
        # tenant has a few thousand of them, however many bounces it has.
        for state in ("cold", "warm"):
            lake = str(folder / f"lake-{state}")
            ledger = f"sqlite:///{folder / state}.db"
            more = {"lake": lake, "ledger": ledger, "routes": [route], "query": QUICK}
            with Workspace.open(told["settings"]([mid], **more)) as workspace:
                workspace._classifier = judge or workspace.classifier
                judge = workspace.classifier
                _say(route, state, pull(workspace), len(told["truth"]([mid])))


def _say(route: str, state: str, result: PullResult, planted: int) -> None:
    print(
        f"{route}, {state}: {result.stored:,} of {planted:,} bounces in {result.seconds:.1f} s, in "
        f"{result.waited_s:.1f} s of which the sandbox owed an answer or the end of a query: "
        f"ratio {result.waited_s / result.seconds:.2f}; {result.calls} calls, at most "
        f"{result.calls_at_once} at once"
    )


def _trouble(name: str) -> int:
    worst = 0
    for route in ("soap", "query"):
        with tempfile.TemporaryDirectory(prefix="bouncelens-bench-") as place:
            folder = Path(place)
            size = ("--bounces", "600" if name == "slow" else "1500", "--months", "3")
            with running(folder, *size, "--scenario", name, "--query-wait-s", "0.1") as told:
                mids = [told["accounts"][3]["mid"]]
                settings = told["settings"](mids, routes=[route], query=QUICK)
                worst = max(worst, _tell(name, route, settings, told["truth"](mids)))
    return worst


def _tell(name: str, route: str, settings: Settings, planted: list[tuple[object, ...]]) -> int:
    from bouncelens.errors import BouncelensError
    from bouncelens.service.pull import pull
    from bouncelens.service.workspace import Workspace

    began = time.monotonic()
    with Workspace.open(settings) as workspace:
        try:
            result: PullResult | None = pull(workspace)
            code, why = result.exit_code, " ".join(result.partial)[:110]
        except BouncelensError as error:
            code, why = error.exit_code, str(error)[:110]
        stored = identities(workspace.lake.read("bounces"))
    lacks, foreign = len(set(planted) - set(stored)), len(set(stored) - set(planted))
    is_honest = not foreign and len(set(stored)) == len(stored) and (code != 0 or not lacks)
    if name == "late-events":  # what is not there yet comes with the next pull
        is_honest = not foreign
    left = left_in(settings) if name not in ("scope-missing",) else set()
    print(
        f"{name:20} {route:6} exit {code}, {len(stored):5,} of {len(planted):5,} bounces, "
        f"{len(left)} left, {time.monotonic() - began:5.1f} s  {why}"
    )
    return int(not is_honest or bool(left))
