"""Other people's clients, unmodified but for their addresses: section 10 of the fact sheet.

`make clients` installs them apart from our own environment.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sandbox_caller import RETAIL, Caller, running_sandbox

from sfmc_sandbox.extensions import Field
from sfmc_sandbox.world.plan import Plan
from sfmc_sandbox.world.tenant import make_tenant

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent / "clients"
FUEL = ROOT / ".clients" / "fuel" / "bin" / "python"
NODE = ROOT / ".clients" / "node_modules" / "sfmc-sdk"


@pytest.fixture(scope="module")
def running() -> Iterator[Caller]:
    """A tenant of its own: mcdev reads one page of queries, and other tests leave many."""
    plan = Plan(seed=11, bounces=6_000, until=datetime(2026, 6, 1, tzinfo=UTC))
    with running_sandbox(make_tenant(plan)) as caller:
        yield caller


def _has_fuel() -> bool:
    return FUEL.exists() and subprocess.run([str(FUEL), "-W", "ignore", "-c", "import FuelSDK"],
                                            capture_output=True).returncode == 0  # fmt: skip


def _ready(caller: Caller) -> str:
    return json.dumps(
        {
            "url": caller.url,
            "client_id": caller.sandbox.client_id,
            "client_secret": caller.sandbox.client_secret,
            "accounts": [{"mid": unit.mid} for unit in caller.sandbox.tenant.units],
        }
    )


def _seen(command: list[str], folder: Path) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _planted(caller: Caller) -> int:
    return int(sum(mid == RETAIL for mid in caller.sandbox.tenant.truth["account"].to_pylist()))


@pytest.mark.skipif(not _has_fuel(), reason="FuelSDK is not installed: make clients")
def test_sfmc_10_fuelsdk_runs_unmodified(caller: Caller, tmp_path: Path) -> None:
    seen = _seen([str(FUEL), "-W", "ignore", str(HERE / "fuelsdk_visit.py"), _ready(caller),
                  str(tmp_path / "local.wsdl")], tmp_path)  # fmt: skip
    assert seen["bounces"] == _planted(caller) > 2500
    assert seen["created"] == "Data Extension created."
    assert (seen["row"], seen["read"]) == ("OK", ["1", "x"])
    assert (seen["person"], seen["again"]) == ("Created Subscriber.", 12014)
    assert seen["described"] > 8


@pytest.mark.skipif(
    not (NODE.exists() and shutil.which("node")), reason="npm clients are missing: make clients"
)
def test_sfmc_10_the_npm_clients_run_unmodified(caller: Caller) -> None:
    seen = _seen(["node", str(HERE / "npm_visit.cjs"), _ready(caller)], ROOT / ".clients")
    assert seen["sdk_bounces"] == _planted(caller)
    rows = caller.rest("/data/v1/customobjectdata/key/bouncelens_sends/rowset").json()["count"]
    assert seen["sdk_rows"] == rows
    assert seen["sdk_nothing"] == "Could not find an array to iterate over"
    assert seen["sdk_error"].startswith("Unable to find a handler for object type: Foo.")
    assert seen["sdk_described"] > 8
    assert seen["sdk_created"] == "Data Extension created."
    assert seen["sdk_renewed"] == RETAIL
    assert seen["fuel_soap"] == ["MoreDataAvailable", 2500]
    assert seen["fuel_rest"] == rows
    assert (seen["node_bounces"], seen["node_rows"]) == (2500, 2500)
    assert seen["node_lists"] >= 2


@pytest.mark.skipif(
    not (ROOT / ".clients" / "pysfmc" / "bin" / "python").exists()
    or not list((ROOT / ".clients" / "pysfmc").glob("lib/*/site-packages/pysfmc")),
    reason="pysfmc is not installed: make clients",
)
def test_sfmc_10_pysfmc_runs_with_its_host_exchanged(caller: Caller, tmp_path: Path) -> None:
    python = ROOT / ".clients" / "pysfmc" / "bin" / "python"
    seen = _seen([str(python), str(HERE / "pysfmc_visit.py"), _ready(caller)], tmp_path)
    rows = caller.rest("/data/v1/customobjectdata/key/bouncelens_sends/rowset").json()["count"]
    assert seen == {"unit": RETAIL, "folders": 1, "rows": rows}


def _has_npm(name: str) -> bool:
    return bool(shutil.which("node")) and (NODE.parent / name).exists()


@pytest.mark.skipif(not _has_npm("soap"), reason="node's soap is missing: make clients")
def test_sfmc_10_a_client_made_from_the_wsdl_by_nodes_soap(caller: Caller) -> None:
    seen = _seen(["node", str(HERE / "soap_visit.cjs"), _ready(caller)], ROOT / ".clients")
    assert seen == {
        "bounces": _planted(caller), "type": "BounceEvent", "described": 28, "soap12": "OK",
        "created": "Created Subscriber.", "fault": "Login failed",
    }  # fmt: skip


@pytest.mark.skipif(not _has_npm("mcdev"), reason="mcdev is missing: make clients")
def test_sfmc_10_mcdev_retrieves_and_deploys(caller: Caller, tmp_path: Path) -> None:
    extensions = caller.sandbox.extensions
    extensions.make(RETAIL, "mcdev", "mcdev", (Field("Id", "Number", is_key=True),))
    made = {
        "queries": {"name": "mcdev", "key": "mcdev", "categoryId": 1004, "targetKey": "mcdev",
                    "queryText": "SELECT DISTINCT JobID AS Id FROM _Job"},
        "dataextracts": {"name": "mcdev", "key": "mcdev", "fileSpec": "x.zip", "dataFields": [],
                         "dataExtractTypeId": "c7219016-a7f0-4c72-8657-1ec12c28a0db"},
        "filetransfers": {"name": "mcdev", "customerKey": "mcdev", "fileSpec": "x.zip"},
    }  # fmt: skip
    told = {
        kind: caller.rest(f"/automation/v1/{kind}", method="POST", json=content).json()
        for kind, content in made.items()
    }
    activity = {"name": "mcdev", "objectTypeId": 300,
                "activityObjectId": told["queries"]["queryDefinitionId"]}  # fmt: skip
    caller.rest("/automation/v1/automations", method="POST", json={
        "name": "mcdev", "key": "mcdev", "steps": [{"activities": [activity]}]})  # fmt: skip
    seen = _seen(["node", str(HERE / "mcdev_visit.mjs"), _ready(caller), str(ROOT / ".clients")],
                 tmp_path)  # fmt: skip
    assert min(seen[kind] for kind in ("dataExtension", "query", "automation", "list")) > 0
    assert min(seen[kind] for kind in ("dataExtract", "fileTransfer", "asset")) > 0
    assert seen["automation_runs"] == "mcdev"
    assert seen["deployed"] is True
    assert extensions.find(RETAIL, "mcdev_copy") is not None
