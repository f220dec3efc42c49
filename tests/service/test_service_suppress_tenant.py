"""Suppressions in a tenant, in all places at once: made, read back, killed half way, taken back."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import suppress_child
from light_workspace import LightWorkspace

from bouncelens.service.suppress import apply, plan, undo
from bouncelens.service.suppress.own_targets import FileTarget
from bouncelens.settings import Settings
from inner_sandbox import Inner, inner_sandbox
from suppression_lake import DEAD, NOW, fill

KEY, COUNT = "everywhere", 30
STATUSES = ("Active", "Active", "Held", "Bounced", "Unsubscribed")
_KILLED = -signal.SIGKILL
_MOST_REQUESTS = 14  # of a run: most kills shall hit one with work to do
# Children are forked from a process that has everything imported and no thread.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["suppress_child", "bouncelens.service.suppress.list_target"])


@dataclass
class Place:
    """A tenant with strangers in it, a lake, and everything that suppressions are written to."""

    inner: Inner
    settings: Settings
    folder: Path

    def state(self) -> dict[str, Any]:
        """All that a run may change."""
        file = FileTarget(Path(self.settings.suppression.file)).read()
        return {
            "rows": self.inner.held_in(f"{KEY}_rows"),
            "file": {key: dict(row) for (_, key), row in file.items()},
            "listed": self.inner.listed(KEY),
            "statuses": {key: self.inner.status(key) for key in keys()},
        }

    def asked(self) -> int:
        """How many requests the tenant has answered."""
        return self.inner.requests()


def keys() -> list[str]:
    return [f"key-{n:03}" for n in range(COUNT)]


@pytest.fixture(scope="module")
def inner() -> Iterator[Inner]:
    with inner_sandbox() as made:
        yield made


@pytest.fixture
def place(inner: Inner, tmp_path: Path) -> Place:
    inner.forget_people()
    if (table := inner.sandbox.extensions.find(inner.mid, KEY)) is None:
        inner.make_list(KEY)
        table = inner.sandbox.extensions.find(inner.mid, KEY)
    assert table is not None
    inner.sandbox.tenant.db.cursor().execute(f"DELETE FROM {table.table}")
    if (rows := inner.sandbox.extensions.find(inner.mid, f"{KEY}_rows")) is not None:
        inner.sandbox.extensions.remove(rows)
    inner.add_to_list(KEY, "stranger@example.com")
    inner.add_to_list(KEY, f"{keys()[0]}@example.com")
    inner.people({key: STATUSES[n % len(STATUSES)] for n, key in enumerate(keys())})
    settings = inner.settings(
        tmp_path,
        suppression={"data_extension": f"{KEY}_rows", "file": str(tmp_path / "suppressed.csv")},
        subscriber_status={"suppressed": "Held", "bounced_as": "Bounced"},
        auto_suppression={
            "import_key": KEY,
            "list_key": KEY,
            "removal": "delete",
            "removal_file": str(tmp_path / "removals.csv"),
        },
    )
    fill(settings, [(key, DEAD, 1.0 + n % 7) for n, key in enumerate(keys())], account=inner.mid)
    return Place(inner, settings, tmp_path)


def after(before: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """What a plan's file says that there shall be."""
    state = {name: dict(v) if isinstance(v, dict) else set(v) for name, v in before.items()}
    for line in file.read_text().splitlines()[1:]:
        row = json.loads(line)
        for target, held in json.loads(row["after"]).items():
            kind = target.partition(":")[0]
            if kind == "auto-suppression":
                state["listed"].add(held["Email Address"])
            else:
                name = {"extension": "rows", "file": "file", "status": "statuses"}[kind]
                state[name][row["subscriber_key"]] = held["Status"] if kind == "status" else held
    return state


def test_a_plan_goes_everywhere_and_back(place: Place) -> None:
    before, file = place.state(), place.folder / "plan"
    with LightWorkspace.open(place.settings) as workspace:
        made = plan(workspace, out=file, now=NOW)
        assert place.state() == before, "a plan writes nothing"
        assert [name.partition(":")[0] for name in made.targets] == [
            "extension",
            "status",
            "auto-suppression",
            "file",
        ]
        done = apply(workspace, file, now=NOW)
        assert dict(done.outcomes) == {"done": COUNT}
        assert place.state() == after(before, file) != before
        back = undo(workspace, done.run, now=NOW)
        assert dict(back.outcomes) == {"done": COUNT - COUNT // 5, "skipped": COUNT // 5}
        gone = {key for n, key in enumerate(keys()) if STATUSES[n % 5] == "Unsubscribed"}
        left = place.state()
        assert set(left["rows"]) == set(left["file"]) == gone
        assert (left["statuses"], left["listed"] - before["listed"]) == (
            before["statuses"],
            {f"{key}@example.com" for key in gone},
        )


def killed_again_and_again(place: Place, verb: str, kills: int, chance: random.Random) -> int:
    """Kill apply or undo at random points until it has been killed so often, or has come to its
    end; then let it end. How often it was killed."""
    settings, file = place.settings, place.folder / "plan"
    run = 0
    if verb == "undo":
        with LightWorkspace.open(settings) as workspace:
            run = workspace.ledger.changes.changes()[0].run
    killed = 0
    while True:
        child = _FORKS.Process(
            target=suppress_child.work, args=(settings.model_dump_json(), verb, str(file), run)
        )
        first = place.asked()
        most = chance.randint(1, _MOST_REQUESTS) if killed < kills else 10**9
        child.start()
        while child.exitcode is None and place.asked() - first < most:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.02) if child.exitcode is None and killed < kills else 0)
        if child.exitcode is None and killed < kills:
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
        child.join()
        if child.exitcode != _KILLED:
            # whoever was killed after its last step leaves nothing to go on with
            assert child.exitcode in (0, *((suppress_child.REFUSED,) if killed else ()))
            return killed
        killed += 1


def apply_and_undo(place: Place, kills: int, seed: int) -> int:
    """Both, killed at random points: what is there in the end is what was planned, and what was
    before. How often it was killed."""
    chance, before, file = random.Random(seed), place.state(), place.folder / "plan"
    place.inner.people({key: "Active" for key, s in before["statuses"].items() if s != "Held"})
    before = place.state()
    with LightWorkspace.open(place.settings) as workspace:
        plan(workspace, out=file, now=NOW)
    killed = killed_again_and_again(place, "apply", kills, chance)
    assert place.state() == after(before, file)
    with LightWorkspace.open(place.settings) as workspace:
        assert len(workspace.ledger.suppressions(state="active")) == COUNT
    killed += killed_again_and_again(place, "undo", kills, chance)
    assert place.state() == before
    with LightWorkspace.open(place.settings) as workspace:
        assert not workspace.ledger.suppressions(state="active")
        assert workspace.ledger.audit.verify().broken is None
    return killed


def test_whoever_is_killed_at_any_moment_can_go_on(place: Place) -> None:
    assert apply_and_undo(place, kills=3, seed=5) > 1


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_whoever_is_killed_a_hundred_times_can_go_on(place: Place) -> None:
    killed = 0
    for seed in range(100):
        if killed < 100:
            killed += apply_and_undo(place, kills=6, seed=seed)
    assert killed >= 100
