"""Our counts beside SFMC's: every difference is seen, and explained only by what is there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from light_workspace import LightWorkspace
from typer.testing import CliRunner

from bouncelens.service.pull import pull
from bouncelens.service.reconcile import Reconciled, reconcile
from bouncelens.settings import Settings
from bouncelens.show.cli.app import app
from sandbox_process import Sandbox

SENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = SENT + timedelta(days=30)


def event(number: int, **more: object) -> dict[str, object]:
    return {
        "account": 1, "job": 10, "batch": 0, "subscriber_key": f"s{number}", "routes": "soap",
        "event_time": SENT + timedelta(minutes=number), "sfmc_category": "Hard bounce",
    } | more  # fmt: skip


def job(hard: int | None, soft: int = 0, **more: object) -> dict[str, object]:
    return {
        "account": 1, "job": 10, "email_name": "Spring", "sent_time": SENT,
        "hard_bounces": hard, "soft_bounces": soft, "other_bounces": 0,
    } | more  # fmt: skip


def compared(
    folder: Path,
    events: list[dict[str, object]],
    jobs: list[dict[str, object]],
    now: datetime = NOW,
) -> Reconciled:
    settings = Settings.model_validate(
        {"lake": str(folder / "lake"), "ledger": f"sqlite:///{folder / 'l.db'}"}
    )
    with LightWorkspace.open(settings) as workspace:
        for one in events:
            table = pa.Table.from_pylist([one])
            times = table["event_time"].cast(pa.timestamp("us", "UTC"))
            workspace.lake.add_bounces(table.set_column(5, "event_time", times))
        workspace.lake.put_jobs(pa.Table.from_pylist(jobs))
        return reconcile(workspace, now=now)


CASES = [
    pytest.param([event(1), event(2)], job(2), 0, {}, 0, id="equal"),
    pytest.param([event(1)], job(2), -1, {}, -1, id="one is lacking, and nobody knows why"),
    pytest.param([event(1), event(2)], job(1), 1, {}, 1, id="one too many, likewise"),
    pytest.param(
        [event(n, is_false_bounce=n < 3) for n in range(4)],
        job(1),
        3,
        {"false_bounces": 3},
        0,
        id="false bounces explain as many as there are",
    ),
    pytest.param(
        [event(n, is_false_bounce=n < 2) for n in range(4)],
        job(1),
        3,
        {"false_bounces": 2},
        1,
        id="and no more",
    ),
    pytest.param(
        [event(1), event(1, batch=2)], job(1), 1, {"counted_once": 1}, 0, id="a person counted once"
    ),
    pytest.param(
        [event(1, list_id=5), event(1, list_id=7)],
        job(2),
        -1,
        {"several_lists": 1},
        0,
        id="one bounce by two lists",
    ),
    pytest.param(
        [event(1)],
        job(4, category="Test Send Emails"),
        -3,
        {"test_send": 3},
        0,
        id="a test send",
    ),
    pytest.param(
        [event(1, event_time=SENT + timedelta(hours=2))],
        job(2),
        -1,
        {"window_edge": 1},
        0,
        id="sent before the lake begins",
    ),
]


@pytest.mark.parametrize(("events", "told", "difference", "grounds", "left"), CASES)
def test_a_difference_is_explained_by_what_the_lake_has(
    tmp_path: Path,
    events: list[dict[str, object]],
    told: dict[str, object],
    difference: int,
    grounds: dict[str, int],
    left: int,
) -> None:
    found = compared(tmp_path, events, [told])
    (one,) = found.jobs
    assert (one.difference, one.unexplained) == (difference, left)
    assert {ground.name: ground.events for ground in one.grounds} == grounds
    assert found.exit_code == (1 if left else 0)


def test_a_job_sent_this_week_is_not_final(tmp_path: Path) -> None:
    found = compared(tmp_path, [event(1)], [job(5)], now=SENT + timedelta(days=6))
    assert [ground.name for ground in found.jobs[0].grounds] == ["not_final"]
    assert found.exit_code == 0


def test_jobs_of_which_sfmc_told_no_count_are_named_not_compared(tmp_path: Path) -> None:
    found = compared(tmp_path, [event(1), event(2, job=11)], [job(None)])
    assert [one.job for one in found.uncounted] == [10, 11]
    assert found.jobs == ()


def test_routes_are_counted_by_day_with_what_each_lacks(tmp_path: Path) -> None:
    tomorrow = SENT + timedelta(days=1)
    events = [
        *(event(n) for n in range(4)),
        *(event(n, routes="query", sfmc_code=550) for n in (0, 2)),
        event(9, routes="query", event_time=tomorrow, address="a@a.example"),
        event(9, routes="file", event_time=tomorrow, address="b@a.example"),
    ]
    found = compared(tmp_path, events, [])
    first, second = found.days
    assert (first.bounces, first.shared, first.disagreements) == (4, 2, 0)
    assert first.by == {"query": 2, "extract": 0, "file": 0, "soap": 4, "events": 0}
    assert first.lacks == {"query": 2, "extract": None, "soap": 0}
    assert (second.bounces, second.shared, second.disagreements) == (1, 1, 1)
    assert second.lacks == {"query": 0, "extract": None, "soap": None}


def test_after_a_pull_everything_agrees_and_the_command_says_so(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    accounts = [{"mid": mid, "name": name} for mid, name in sandbox.accounts[3:5]]
    settings = sandbox.settings(tmp_path, accounts=accounts)
    with LightWorkspace.open(settings) as workspace:
        pulled = pull(workspace)
        found = reconcile(workspace)
    assert found.exit_code == 0
    assert sum(day.bounces for day in found.days) == pulled.stored
    assert sum(one.counted or 0 for one in found.jobs) == pulled.stored
    config = tmp_path / "bouncelens.toml"
    config.write_text(f'lake = "{settings.lake}"\nledger = "{settings.ledger}"\n')
    said = CliRunner().invoke(app, ["reconcile", "--json", "-c", str(config)])
    assert said.exit_code == 0
    told = json.loads(said.stdout)
    assert told["unexplained"] == 0
    assert {one["difference"] for one in told["jobs"]} == {0}
    shown = CliRunner().invoke(app, ["reconcile", "--limit", "3", "-c", str(config)])
    assert f"{pulled.stored:,} bounces in the window" in shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 120
