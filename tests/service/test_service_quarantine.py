"""Quarantine: what can be read again leaves it, what cannot stays and says why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from light_workspace import LightWorkspace

from bouncelens.bounce import Quarantined
from bouncelens.extract.again import BARE, COUNTED, CUT, GARBLED
from bouncelens.service.import_file import import_file
from bouncelens.service.quarantine import listed, retry
from bouncelens.settings import Settings
from bouncelens.show.cli import run as command

ROW = {
    "ClientID": "7",
    "SendID": "1",
    "SubscriberKey": "key",
    "EventDate": "1/5/2026 7:00:00 PM",
    "BounceReason": "550 5.1.1 no such user",
}


def raw(**changed: object) -> str:
    return json.dumps({k: v for k, v in (ROW | changed).items() if v != ""}, ensure_ascii=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(lake=str(tmp_path / "lake"), ledger=f"sqlite:///{tmp_path / 'bouncelens.db'}")


@pytest.fixture
def workspace(settings: Settings) -> Iterator[LightWorkspace]:
    with LightWorkspace.open(settings) as workspace:
        yield workspace


STAY = [
    pytest.param("Bounces.csv", raw(EventDate="soon"), "event_time is not a time", id="as before"),
    pytest.param("Bounces.csv", raw(SubscriberKey=""), "no subscriber_key", id="no key"),
    pytest.param("Bounces.csv", raw(ClientID=""), "no account", id="account was given then"),
    pytest.param("Bounces.csv", raw(BounceReason="x" * 3000)[:2000], CUT, id="cut"),
    pytest.param("Bounces.csv", "7,1,key,1/5/2026 7:00:00 PM", BARE, id="a line"),
    pytest.param("Bounces.csv", '"7"', BARE, id="JSON, but no object"),
    pytest.param("Bounces.jsonl", raw(BounceReason="caf\ufffd"), GARBLED, id="garbled"),
    pytest.param("Sent.csv", raw(), COUNTED, id="sent"),
    pytest.param("x/SendJobs.csv", raw(), COUNTED, id="jobs"),
    pytest.param("a.jsonl", raw(BounceReason=["550"]), "one of its values is nested", id="nested"),
    pytest.param("Bounces.csv", raw(MID="8", mid="9"), "there 2 times", id="a column twice"),
    pytest.param("a.csv", '{"JobID": "1", "Domain": "b.c", "Sent": "x"}', "no ", id="counts"),
]


@pytest.mark.parametrize(("source", "text", "why"), STAY)
def test_a_row_that_cannot_be_read_stays_and_says_why(
    workspace: LightWorkspace, source: str, text: str, why: str
) -> None:
    workspace.ledger.quarantine([Quarantined(source, 2, "then", text)])
    done = retry(workspace)
    assert (done.tried, done.stored, done.known, done.stay, done.exit_code) == (1, 0, 0, 1, 3)
    assert why in done.reasons[0][0]
    assert done.lost == (why in (CUT, BARE, GARBLED, COUNTED))
    assert listed(workspace).rows[0].raw == text


def test_rows_that_can_be_read_now_are_stored_once_and_leave(workspace: LightWorkspace) -> None:
    ledger = workspace.ledger
    pulled = ledger.start_run("pull", version="0")
    soap = {k: v for k, v in ROW.items() if k != "ClientID"} | {"SubscriberKey": "soap"}
    rows = [
        Quarantined("SOAP BounceEvent, account 9", None, "then", json.dumps(soap)),
        Quarantined("Bounces.csv", 2, "then", raw(SubscriberKey="extract")),
    ]
    ledger.quarantine(rows, run=pulled)
    ledger.quarantine([Quarantined("a.csv", n, "then", raw()) for n in (5, 6)])
    ledger.quarantine([Quarantined("a.csv", 7, "then", raw(EventDate="soon"))])
    done = retry(workspace)
    assert (done.tried, done.stored, done.known, done.stay, done.lost) == (5, 3, 1, 1, 0)
    stored = workspace.lake.read("bounces").to_pylist()
    assert {(row["account"], row["subscriber_key"], row["routes"]) for row in stored} == {
        (9, "soap", "soap"),
        (7, "extract", "extract"),
        (7, "key", "file"),
    }
    assert all(row["template_id"] for row in stored)
    assert listed(workspace).total == 1
    again = retry(workspace)
    assert (again.tried, again.stored, again.stay) == (1, 0, 1)
    assert ledger.runs(limit=1)[0].verb == "retry"


def test_a_row_is_as_if_its_file_had_been_read_today(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    path = tmp_path / "Bounces.csv"
    path.write_text(",".join(ROW) + "\n" + ",".join(ROW.values()) + "\n")
    workspace.ledger.quarantine([Quarantined("Bounces.csv", 2, "then", raw())])
    import_file(workspace, path)
    before = workspace.lake.read("bounces")
    done = retry(workspace)
    assert (done.stored, done.known) == (0, 1)
    assert workspace.lake.read("bounces").equals(before)
    assert listed(workspace).total == 0


def test_one_run_and_a_stated_account_are_enough_for_it(workspace: LightWorkspace) -> None:
    first, second = (workspace.ledger.start_run("import", version="0") for _ in range(2))
    for run in (first, second):
        bad = Quarantined("a.csv", run, "no account", raw(ClientID="", SubscriberKey=f"k{run}"))
        workspace.ledger.quarantine([bad], run=run)
    assert retry(workspace, run=second, account=7).stored == 1
    assert [row.run for row in listed(workspace).rows] == [first]
    assert listed(workspace, run=second).total == 0


def test_more_rows_than_are_read_at_once_are_all_tried(workspace: LightWorkspace) -> None:
    rows = [Quarantined("a.csv", n, "then", raw(SubscriberKey=f"k{n % 5500}")) for n in range(6000)]
    workspace.ledger.quarantine([*rows, Quarantined("a.csv", 1, "then", "x")])
    done = retry(workspace)
    assert (done.tried, done.stored, done.known, done.stay) == (6001, 5500, 500, 1)


def test_the_commands_list_and_retry(
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "bouncelens.toml"
    file.write_text(f'lake = "{settings.lake}"\nledger = "{settings.ledger}"\n')
    with LightWorkspace.open(settings) as workspace:
        workspace.lake.versions()
        told = [Quarantined("a.csv", n, "it is \x1b[31m broken", "x\x1b" * 90) for n in range(3)]
        workspace.ledger.quarantine(told)
    assert command(["quarantine", "list", "--limit", "2", "--config", str(file)]) == 0
    shown = capsys.readouterr()
    assert "2 of 3 rows in quarantine shown." in shown.err
    assert "\x1b" not in shown.out
    assert command(["quarantine", "list", "--json", "--config", str(file)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["total"], found["rows"][0]["raw"]) == (3, "x\x1b" * 90)
    assert command(["quarantine", "retry", "--config", str(file)]) == 3
    assert "3 stay; of those, 3 can only come with their file." in capsys.readouterr().err
