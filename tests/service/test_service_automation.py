"""The daily automation: planned, made once, run, read, and removed without a trace; or as files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot

from bouncelens.bounce import Account
from bouncelens.check.query import lint
from bouncelens.errors import InputInvalid
from bouncelens.extract.envelope import Change, OneOf
from bouncelens.extract.limits import Patience
from bouncelens.extract.objects import Objects, extension
from bouncelens.extract.rest import Rest, RestCall
from bouncelens.extract.rowset import RowsetSource
from bouncelens.service.automation import installer, write_files
from bouncelens.service.tenant import line_to
from bouncelens.settings import Settings
from bouncelens.show.cli import run
from sandbox_process import Sandbox, running_sandbox

HASTY = Patience(3, 0.01, 0.02, 0.01)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    arguments = ("--seed", "7", "--bounces", "1500", "--months", "2", "--query-wait-s", "0.02")
    with running_sandbox(tmp_path_factory.mktemp("automation"), *arguments) as sandbox:
        yield sandbox


def settings_of(sandbox: Sandbox, folder: Path) -> Settings:
    mid, name = sandbox.accounts[1]
    return sandbox.settings(folder, accounts=[{"mid": mid, "name": name}])


def objects_in(settings: Settings) -> set[tuple[str, str]]:
    """Kind and key of every set-up object of the account."""
    found = set()
    with line_to(settings) as line:
        objects = Objects(line.sign_in, line.wire, HASTY)
        unit = Account(settings.accounts[0].mid, "")
        everything = OneOf("Client.ID", (str(unit.mid),))
        for kind in ("DataExtension", "QueryDefinition", "Automation"):
            for row in objects.find(unit, kind, ("CustomerKey",), everything):
                found.add((kind, str(row["CustomerKey"])))
    return found


def test_it_is_made_once_runs_and_goes_without_a_trace(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(sandbox, tmp_path)
    before = objects_in(settings)
    with installer(settings) as work:
        assert not work.status()[0].is_whole
        steps = work.deploying()
        assert [step.part.kind[0] for step in steps] == ["D", "D", "Q", "Q", "A"]
        for step in steps:
            work.do(step)
        assert work.status()[0].is_whole
        assert work.deploying() == ()
    assert objects_in(settings) - before == {(s.part.kind, s.part.key) for s in steps}
    rows = run_once(settings)
    assert rows["bounces"] > 0
    assert rows["sends"] > 0
    with installer(settings) as work:
        removing = work.removing()
        assert [step.part.kind[0] for step in removing] == ["A", "Q", "Q", "D", "D"]
        assert "with all its rows" in removing[-1].sentence
        for step in removing:
            work.do(step)
        assert work.removing() == ()
    assert objects_in(settings) == before


def run_once(settings: Settings) -> dict[str, int]:
    """Run it as its schedule would; how many rows there are then, sends read as a pull does."""
    unit = Account(settings.accounts[0].mid, "")
    with line_to(settings) as line:
        objects = Objects(line.sign_in, line.wire, HASTY)
        where = OneOf("CustomerKey", ("bouncelens_daily",))
        (row,) = objects.find(unit, "Automation", ("ObjectID",), where)
        call = RestCall(
            "POST",
            f"automation/v1/automations/{row['ObjectID']}/actions/runallonce",
            "x",
            "Automations: Execute",
        )
        Rest(line.sign_in, line.wire, HASTY).ask(unit, call)
        sends = RowsetSource(line.sign_in, line.wire, "bouncelens_daily_sends", patience=HASTY)
        bounces = RowsetSource(line.sign_in, line.wire, "bouncelens_daily_bounces", patience=HASTY)
        counted = sends.sends(unit)
        for _ in range(200):
            counted = sends.sends(unit)
            if counted.num_rows and bounces.rows(unit):
                break
            time.sleep(0.05)
        assert all(row["domain"] for row in counted.to_pylist())
        return {"sends": counted.num_rows, "bounces": len(bounces.rows(unit))}


def test_what_is_not_ours_stays_and_is_said(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(sandbox, tmp_path)
    unit, key = Account(settings.accounts[0].mid, ""), "bouncelens_daily_sends"
    with line_to(settings) as line:
        objects = Objects(line.sign_in, line.wire, HASTY)
        strange = extension(key, (("Colour", "Text", 20),), about="", keys=("Colour",))
        objects.change(unit, Change("Create", "DataExtension", strange))
        with installer(settings) as work:
            with pytest.raises(InputInvalid, match="not ours: it lacks JobID"):
                work.deploying()
            assert work.removing() == ()
        (row,) = objects.find(unit, "DataExtension", ("ObjectID",), OneOf("CustomerKey", (key,)))
        objects.remove(unit, "DataExtension", str(row["ObjectID"]))


def test_the_files_hold_sql_that_marketing_cloud_takes(tmp_path: Path) -> None:
    written = write_files(tmp_path / "by-hand", mid=7000101)
    names = [path.name for path in written]
    assert names == [
        *("bounces.sql", "bounces-fields.csv", "sends.sql", "sends-fields.csv", "steps.md")
    ]
    for path in written:
        if path.suffix == ".sql":
            text = path.read_text("utf-8")
            assert lint(text) == ()
            assert "OYBAccountID = 7000101" in text
            columns = {c.alias for c in sqlglot.parse_one(text, read="tsql").selects}
            listed = path.with_name(f"{path.stem}-fields.csv").read_text("utf-8")
            assert columns == {line.partition(",")[0] for line in listed.splitlines()[1:]}
    with pytest.raises(InputInvalid, match="is there already"):
        write_files(tmp_path / "by-hand")
    write_files(tmp_path / "by-hand", is_replacing=True)
    assert "OYBAccountID" not in (tmp_path / "by-hand/sends.sql").read_text("utf-8")


def test_without_a_terminal_and_without_yes_nothing_is_done(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(sandbox, tmp_path)
    file = tmp_path / "bouncelens.toml"
    tenant = "\n".join(f'{k} = "{v}"' for k, v in settings.tenant.model_dump().items() if v)
    file.write_text(f"[tenant]\n{tenant}\n[[accounts]]\nmid = {settings.accounts[0].mid}\n")
    before = objects_in(settings)
    assert run(["automation", "deploy", "--config", str(file)]) == 2
    assert "Nothing was changed" in capsys.readouterr().err
    assert objects_in(settings) == before
    assert run(["automation", "status", "--config", str(file)]) == 1
    assert run(["automation", "remove", "--config", str(file)]) == 0
