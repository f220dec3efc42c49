"""Suppressions in a tenant: made, written, read back, killed half way, taken back."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from light_workspace import LightWorkspace

from bouncelens.service.suppress import apply, plan, undo
from bouncelens.service.suppress.record import Key, Row, told
from bouncelens.service.suppress.targets import opened
from bouncelens.settings import Settings
from sandbox_process import Sandbox
from suppression_lake import DEAD, NOW, fill

_KILLED, _REFUSED = -signal.SIGKILL, 7  # exit codes of the child
CHILD = Path(__file__).with_name("suppress_child.py")
COUNT = 120


def _settings(sandbox: Sandbox, folder: Path, key: str) -> Settings:
    mid, name = sandbox.accounts[1]
    return sandbox.settings(
        folder,
        accounts=[{"mid": mid, "name": name}],
        suppression={"data_extension": key, "file": str(folder / "suppressed.csv")},
        guard={"list_pct": 100, "provider_pct": 100, "least": 10_000, "stale_hours": 1_000_000},
    )


def _filled(settings: Settings, count: int) -> None:
    bounces = [(f"key-{n:04}", DEAD, 1.0 + n % 7) for n in range(count)]
    fill(settings, bounces, account=settings.accounts[0].mid)


def _held(workspace: LightWorkspace) -> dict[Key, str]:
    with opened(workspace) as targets:
        found: dict[Key, dict[str, Row]] = {}
        for name, rows in targets.read().every().items():
            for key, row in rows.items():
                found.setdefault(key, {})[name] = dict(row)
        return {key: told(rows) for key, rows in found.items()}


def test_a_plan_goes_into_a_data_extension_and_back(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = _settings(sandbox, tmp_path, "suppressed_by_bouncelens")
    _filled(settings, 3)
    with LightWorkspace.open(settings) as workspace:
        assert _held(workspace) == {}
        plan(workspace, out=tmp_path / "plan", now=NOW)
        done = apply(workspace, tmp_path / "plan", now=NOW)
        assert dict(done.outcomes) == {"done": 3}
        held = _held(workspace)
        assert {key for _, key in held} == {"key-0000", "key-0001", "key-0002"}
        for text in held.values():
            rows = json.loads(text)
            assert len(rows) == 2, "the data extension and the file"
            assert all(
                row["Grounds"].startswith("Hard bounce on 2026-05-") for row in rows.values()
            )
        assert dict(undo(workspace, done.run, now=NOW).outcomes) == {"done": 3}
        assert _held(workspace) == {}


@pytest.mark.parametrize("verb", ["apply", "undo"])
def test_whoever_is_killed_at_any_moment_can_go_on(
    sandbox: Sandbox, tmp_path: Path, verb: str
) -> None:
    settings = _settings(sandbox, tmp_path, f"killed_in_{verb}")
    _filled(settings, COUNT)
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    file, chance = tmp_path / "plan", random.Random(5)
    with LightWorkspace.open(settings) as workspace:
        plan(workspace, out=file, now=NOW)
        run = apply(workspace, file, now=NOW).run if verb == "undo" else 0
    killed = 0
    for attempt in range(4):
        wait_s = 60.0 if attempt > 1 else chance.uniform(0.1, 0.9)
        code = _child(tmp_path, verb, str(file), str(run), wait_s)
        # whoever was killed after its last step leaves nothing to go on with: what holds is below
        assert code in (0, _KILLED, *((_REFUSED,) if killed else ())), code
        ended = code != _KILLED
        killed += not ended
        if ended:
            break
    with LightWorkspace.open(settings) as workspace:
        held = _held(workspace)
        if verb == "apply":
            wanted = [json.loads(line) for line in file.read_text().splitlines()[1:]]
            assert held == {(r["account"], r["subscriber_key"]): r["after"] for r in wanted}
        else:
            assert held == {}
        active = workspace.ledger.suppressions(state="active")
        assert len(active) == (COUNT if verb == "apply" else 0)
        assert workspace.ledger.audit.verify().broken is None
    assert killed, "it was killed at least once"


def _child(folder: Path, verb: str, file: str, run: str, wait_s: float) -> int:
    """Its exit code; `_KILLED` where it had not ended in time."""
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(folder / "settings.json"), verb, file, run],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout is not None
    child.stdout.readline()  # it is about to begin
    began = time.monotonic()
    while child.poll() is None and time.monotonic() - began < wait_s:
        time.sleep(0.01)
    if child.poll() is None:
        child.send_signal(signal.SIGKILL)
    child.stdout.close()
    return child.wait()
