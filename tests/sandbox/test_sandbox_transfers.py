"""Automations that move files: extract, safehouse, Export and Import (fact sheet 3 and 7)."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sandbox_caller import RETAIL, Caller, running_sandbox

from sfmc_sandbox.world.plan import Plan
from sfmc_sandbox.world.tenant import make_tenant

EXTRACT, TRANSFER = 73, 53
TRACKING = "c7219016-a7f0-4c72-8657-1ec12c28a0db"
FIELDS = {
    "StartDate": "1/1/2026 12:00:00 AM", "EndDate": "1/8/2026 12:00:00 AM",
    "ExtractBounces": "true", "Format": "csv",
}  # fmt: skip


@pytest.fixture(scope="module")
def mover() -> Iterator[Caller]:
    """A tenant of its own, because time passes in it and its files grow old."""
    plan = Plan(seed=13, bounces=200, months=6, until=datetime(2026, 6, 1, tzinfo=UTC))
    with running_sandbox(make_tenant(plan)) as caller:
        yield caller


@pytest.fixture(autouse=True)
def _landing(mover: Caller) -> Iterator[None]:
    yield
    mover.sandbox.storage.landing = "auto"


def _extract(caller: Caller, name: str) -> tuple[int, str]:
    fields = [{"name": n, "type": "string", "value": v} for n, v in FIELDS.items()]
    body = {"name": name, "fileSpec": name, "dataFields": fields, "dataExtractTypeId": TRACKING}
    made = caller.rest("/automation/v1/dataextracts", method="POST", json=body)
    return EXTRACT, str(made.json()["dataExtractDefinitionId"])


def _transfer(caller: Caller, name: str, **more: object) -> tuple[int, str]:
    made = caller.rest("/automation/v1/filetransfers", method="POST",
                       json={"name": name, "fileSpec": name, **more})  # fmt: skip
    assert made.status_code == 200, made.text
    return TRANSFER, str(made.json()["id"])


def _run(caller: Caller, *activities: tuple[int, str]) -> str | None:
    """Runs the activities as steps of one automation; what it failed with."""
    steps = [{"activities": [{"objectTypeId": kind, "activityObjectId": number}]}
             for kind, number in activities]  # fmt: skip
    auto = caller.rest("/automation/v1/automations", method="POST", json={
        "name": f"auto {time.monotonic_ns()}", "steps": steps}).json()  # fmt: skip
    path = f"/automation/v1/automations/{auto['id']}"
    caller.rest(f"{path}/actions/runallonce", method="POST")
    for _ in range(400):
        rows = caller.sandbox.tenant.db.cursor().execute(
            "SELECT error FROM task WHERE interaction_id = ? AND completed IS NOT NULL",
            [auto["id"]],
        ).fetchall()  # fmt: skip
        if rows:
            status = caller.rest(path).json()["status"]
            assert status == ("Error" if rows[0][0] else "Ready")
            return None if rows[0][0] is None else str(rows[0][0])
        time.sleep(0.02)
    raise AssertionError("the automation did not end")


def _place(caller: Caller, folder: str) -> Path:
    if folder == "safehouse":
        return caller.sandbox.storage.safehouse(RETAIL)
    return caller.sandbox.storage.home(RETAIL) / folder


# How extracts land, what runs, and where the zip lies afterwards.
LANDINGS = [
    pytest.param("auto", False, "Export", id="an extract alone lands in Export"),
    pytest.param("auto", True, "Export", id="a transfer behind it moves it to Export"),
    pytest.param("safehouse", False, "safehouse", id="strictly, it stays in the safehouse"),
    pytest.param("safehouse", True, "Export", id="strictly, a transfer brings it to Export"),
    pytest.param("export", False, "Export", id="directly, it lands in Export"),
    pytest.param("export", True, "Export", id="directly, a transfer finds it there"),
]


@pytest.mark.parametrize(("landing", "is_moved", "folder"), LANDINGS)
def test_sfmc_7_an_extract_lands_where_the_setting_and_a_transfer_say(
    mover: Caller, request: pytest.FixtureRequest, landing: str, is_moved: bool, folder: str
) -> None:
    mover.sandbox.storage.landing = landing
    name = f"{landing}-{is_moved}-%%Year%%%%Month%%%%Day%%.zip"
    activities = [_extract(mover, name)] + ([_transfer(mover, name)] if is_moved else [])
    assert _run(mover, *activities) is None
    name = name.replace("%%Year%%%%Month%%%%Day%%", mover.sandbox.now().strftime("%Y%m%d"))
    places = [f for f in ("safehouse", "Export", "Import") if (_place(mover, f) / name).exists()]
    assert places == [folder]
    with zipfile.ZipFile(_place(mover, folder) / name) as archive:
        assert archive.namelist() == ["Bounces.csv"]


def test_sfmc_7_an_extract_is_seen_over_sftp_only_after_its_transfer(mover: Caller) -> None:
    # The transfer looks for another file, so the extract is made and not moved.
    error = _run(mover, _extract(mover, "unseen.zip"), _transfer(mover, "other.zip"))
    assert error == "The file other.zip was not found."
    assert (_place(mover, "safehouse") / "unseen.zip").exists()
    assert not (_place(mover, "Export") / "unseen.zip").exists()
    assert _run(mover, _transfer(mover, "unseen.zip")) is None
    assert (_place(mover, "Export") / "unseen.zip").exists()
    assert not (_place(mover, "safehouse") / "unseen.zip").exists()


def _zip(path: Path, names: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)


def test_sfmc_3_a_transfer_takes_a_file_from_import(mover: Caller) -> None:
    (_place(mover, "Import") / "in.csv").write_text("a,b")
    assert _run(mover, _transfer(mover, "in.csv", isUpload=False)) is None
    assert (_place(mover, "safehouse") / "in.csv").read_text() == "a,b"
    assert (_place(mover, "Import") / "in.csv").exists()


def test_sfmc_3_a_transfer_unpacks_a_file_from_import(mover: Caller) -> None:
    _zip(_place(mover, "Import") / "in.zip", {"one.csv": b"1", "two.csv": b"2"})
    assert _run(mover, _transfer(mover, "in.zip", isUpload=False, isCompressed=True)) is None
    assert (_place(mover, "safehouse") / "two.csv").read_text() == "2"


# What a transfer cannot do, and what the automation says of it.
FAILURES = [
    pytest.param("none.csv", {}, "The file none.csv was not found.", id="nothing to move"),
    pytest.param("none.csv", {"isUpload": False}, "was not found", id="nothing in Import"),
    pytest.param("broken.zip", {"isUpload": False, "isCompressed": True}, "could not be unpacked",
                 id="no zip"),
    pytest.param("up.zip", {"isUpload": False, "isCompressed": True}, "a name that is not valid",
                 id="a name that climbs"),
    pytest.param("bomb.zip", {"isUpload": False, "isCompressed": True}, "too large",
                 id="a bomb"),
    pytest.param("broken.zip", {"isUpload": False, "isPgp": True}, "needs a key", id="pgp"),
    pytest.param("broken.zip", {"isUpload": False, "isEncrypted": "True"}, "needs a key",
                 id="encrypted"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "more", "words"), FAILURES)
def test_a_transfer_that_cannot_be_run_fails_the_automation(
    mover: Caller, name: str, more: dict[str, object], words: str
) -> None:
    place = _place(mover, "Import")
    (place / "broken.zip").write_bytes(b"PK\x03\x04 no more")
    _zip(place / "up.zip", {"../../up.csv": b"1"})
    if name == "bomb.zip":
        with (
            zipfile.ZipFile(place / name, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("zeros", "w") as stream,
        ):
            for _ in range(257):
                stream.write(bytes(1 << 20))
    assert words in (_run(mover, _transfer(mover, name, **more)) or "")
    assert not (_place(mover, "safehouse").parent / "up.csv").exists()
    assert not (_place(mover, "safehouse") / "zeros").exists()


# What a definition may not hold, and the code of REST's error.
BAD = [
    pytest.param("filetransfers", {"name": "x", "fileSpec": "*.csv"}, 10005, id="wildcard"),
    pytest.param("filetransfers", {"name": "x", "fileSpec": "../x"}, 10005, id="climbs"),
    pytest.param("filetransfers", {"name": "x"}, 10002, id="no file"),
    pytest.param("filetransfers", {"name": "x", "fileSpec": "x", "maxFileAge": "old"}, 10001,
                 id="age"),
    pytest.param("filetransfers", {"name": "x", "fileSpec": "x", "fileTransferLocationId": "y"},
                 10005, id="place"),
    pytest.param("automations", {"name": "x", "steps": [{"activities": 5}]}, 10003, id="no list"),
    pytest.param("automations", {"name": "x", "steps": [{"activities": [5]}]}, 10003, id="number"),
    pytest.param("automations", {"name": "x", "steps": [{"activities": [{"objectTypeId": "q"}]}]},
                 10001, id="kind"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "content", "code"), BAD)
def test_a_bad_definition_gets_rests_error(
    mover: Caller, kind: str, content: dict[str, object], code: int
) -> None:
    answer = mover.rest(f"/automation/v1/{kind}", method="POST", json=content)
    assert (answer.status_code, answer.json()["errorcode"]) == (400, code)


def test_a_transfer_minds_the_greatest_age(mover: Caller) -> None:
    path = _place(mover, "Import") / "aged.csv"
    path.write_text("a")
    mover.sandbox.storage.landed(path)
    transfer = _transfer(mover, "aged.csv", isUpload=False, maxFileAge=2)
    assert _run(mover, transfer) is None
    mover.sandbox.flow.clock.move(3 * 3600)
    assert "older than 2 hours" in (_run(mover, transfer) or "")


def test_sfmc_7_files_are_kept_for_21_days_of_the_sandboxs_clock(mover: Caller) -> None:
    path = _place(mover, "Export") / "kept.csv"
    path.write_text("a")
    mover.sandbox.storage.landed(path)
    mover.sandbox.flow.clock.move(21 * 86_400)
    mover.sandbox.flow.advance()
    assert path.exists()
    mover.sandbox.flow.clock.move(60)
    mover.sandbox.flow.advance()
    assert not path.exists()
