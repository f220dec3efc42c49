"""The doctor: says what works, what does not and what to click, and makes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pyarrow as pa
import pytest
from light_workspace import LightWorkspace

from bouncelens.service.doctor import Check, diagnose
from bouncelens.settings import Settings
from sandbox_process import Sandbox, running_sandbox

SCOPES = "offline tracking_events_read data_extensions_read automations_read"


@pytest.fixture(scope="module")
def poor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A tenant whose package lacks scopes and whose account lacks IsFalseBounce."""
    arguments = ("--seed", "7", "--bounces", "100", "--months", "1", "--scopes", SCOPES)
    folder = tmp_path_factory.mktemp("poor")
    with running_sandbox(folder, *arguments, "--no-false-bounce") as sandbox:
        yield sandbox


def found(settings: Settings, *, is_offline: bool = False) -> dict[str, Check]:
    with LightWorkspace.open(settings, create=False) as workspace:
        return {check.name: check for check in diagnose(workspace, is_offline=is_offline).checks}


def settings_of(sandbox: Sandbox, folder: Path, **more: object) -> Settings:
    mid, _ = sandbox.accounts[1]
    told = {"accounts": [{"mid": mid, "name": "Shop"}], "routes": ["soap", "query"]} | more
    return sandbox.settings(folder, **told)


def test_all_is_well_where_all_is_well(sandbox: Sandbox, tmp_path: Path) -> None:
    checks = found(settings_of(sandbox, tmp_path))
    assert [name for name, check in checks.items() if not check.is_ok] == []
    assert list(checks) == [
        *("rules", "policy", "lake", "ledger", "disk", "routes", "sign-in Shop", "clock"),
        *("business unit Shop", "scopes Shop, soap", "scopes Shop, query", "scopes Shop, sends"),
        *("soap Shop", "query Shop", "sends Shop"),
    ]
    assert "of the enterprise 7000100" in checks["business unit Shop"].detail


def test_it_makes_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(sandbox, tmp_path)
    before = sorted(tmp_path.iterdir())
    checks = found(settings)
    assert "yet to be made" in checks["lake"].detail
    assert "yet to be made" in checks["ledger"].detail
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_missing_comes_with_what_to_click(poor: Sandbox, tmp_path: Path) -> None:
    checks = found(settings_of(poor, tmp_path))
    query = checks["scopes Shop, query"]
    assert not query.is_ok
    assert query.exit_code == 4
    for label in ("Data Extensions: Write", "Automations: Write", "Automations: Execute"):
        assert label in query.detail
    assert "tick List and Subscribers: Read" in checks["scopes Shop, soap"].detail
    assert checks["soap Shop"].is_ok
    assert "without IsFalseBounce" in checks["query Shop"].detail


def test_a_clock_that_is_off_is_said(sandbox: Sandbox, tmp_path: Path) -> None:
    switch = f"{sandbox.url}/_sandbox/scenarios"
    httpx2.post(switch, json={"name": "clock-skew", "on": True})
    try:
        clock = found(settings_of(sandbox, tmp_path))["clock"]
    finally:
        httpx2.post(switch, json={"name": "clock-skew", "on": False})
    assert not clock.is_ok
    assert "7 minutes behind" in clock.detail


def test_junk_in_a_lake_is_not_well(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(sandbox, tmp_path)
    with LightWorkspace.open(settings) as workspace:
        workspace.lake.put_jobs(pa.table({"account": [1], "job": [2]}))
    assert "1 jobs" in found(settings, is_offline=True)["lake"].detail
    (file,) = (tmp_path / "lake" / "jobs").glob("*.parquet")
    file.write_bytes(b"junk")
    lake = found(settings, is_offline=True)["lake"]
    assert not lake.is_ok
    assert lake.exit_code == 5
    assert "could not be read" in lake.detail


def test_a_folder_of_other_things_is_no_lake(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "photo.jpg").write_bytes(b"x")
    lake = found(settings_of(sandbox, tmp_path), is_offline=True)["lake"]
    assert not lake.is_ok
    assert "other things than a lake" in lake.detail


def test_sftp_is_looked_at_where_it_is_on(sandbox: Sandbox, tmp_path: Path) -> None:
    user = sandbox.sftp["users"][1]  # type: ignore[index]
    (tmp_path / "sftp").write_text(user["password"])
    tracking = {
        "host": sandbox.sftp["host"],
        "port": sandbox.sftp["port"],
        "user": user["user"],
        "password": f"file:{tmp_path / 'sftp'}",
        "host_key": sandbox.sftp["host_key"],
    }
    on = {"routes": ["tracking"], "tracking": tracking}
    name = f"SFTP {user['user']}@{sandbox.sftp['host']}"
    assert found(settings_of(sandbox, tmp_path, **on))[name].is_ok
    on["tracking"] = tracking | {"host_key": "SHA256:" + "A" * 43}
    check = found(settings_of(sandbox, tmp_path, **on))[name]
    assert not check.is_ok
    assert "not the pinned one" in check.detail
