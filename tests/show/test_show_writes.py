"""Nothing is ever written to Marketing Cloud by a command that did not show its plan first: every
command is run against a sandbox that notes what it is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from bouncelens.errors import BouncelensError
from bouncelens.settings import Settings
from bouncelens.show.cli.app import app
from inner_sandbox import Inner, inner_sandbox
from suppression_lake import DEAD, fill

# Arguments of each command; None: it serves until it is stopped, or has a sandbox of its own. What
# writes is run without --yes here: it must only show its plan. FOLDER is a folder, CODE a file.
COMMANDS: dict[str, list[str] | None] = {
    "demo": None,
    "init": None,  # writes its settings into the folder one stands in
    "doctor": [],
    "pull": ["--route", "soap"],
    "import": ["FOLDER/bounces.csv"],
    "classify": ["FOLDER/replies.csv", "--column", "reply"],
    "explain": ["550 5.1.1 no such user"],
    "reconcile": [],
    "report": [],
    "digest": ["--out", "FOLDER/digest.md"],
    "serve": None,
    "sandbox": None,
    "sql": ["SELECT 1"],
    "schema": [],
    "judge": ["--all"],
    "automation deploy": [],
    "automation remove": [],
    "automation status": [],
    "automation files": ["--out", "FOLDER/files"],
    "events register": [],
    "events remove": [],
    "events status": [],
    "events store": None,
    "quarantine list": [],
    "quarantine retry": [],
    "providers lookup": None,  # asks name servers, not Marketing Cloud
    "providers show": ["example.com"],
    "suppress plan": ["--out", "FOLDER/plan"],
    "suppress apply": ["FOLDER/plan"],
    "suppress undo": ["RUN"],
    "suppress export": ["crm", "--out", "FOLDER/crm.csv"],
    "suppress simulate": ["--policy", "default", "--json"],
    "suppress forecast": [],
    "incident watch": [],
    "incident list": [],
    "incident show": ["1"],
    "incident hold": ["google", "--since", "2026-05-30", "--why", "a test"],
    "incident confirm": ["1", "--why", "a test"],
    "incident release": ["1", "--why", "a test"],
    "audit verify": [],
    "audit list": [],
    "rules test": None,  # reads rule files only
    "rules diff": None,  # reads rule files and the lake only
    "rules mine": [],
    "rules draft": ["unknown_user", "1"],
    "rules set": ["1", "unknown_user", "--why", "a test"],
    "rules unset": ["1", "--why", "a test"],
}
NO_CONFIG = ("schema", "automation files")
# Those whose name is the order, and what they may ask for.
ORDERS = {
    "extract": (["--wait-minutes", "0"], ("Extract ",)),
    "pull --route query": (
        [],
        (
            *("Create DataExtension", "Create QueryDefinition", "Delete DataExtension"),
            *("Delete QueryDefinition", "POST /automation/v1/queries/"),
        ),
    ),
    "suppress apply FOLDER/plan --yes": ([], ("Create DataExtension", "PUT /data/v1/async/")),
    "suppress undo RUN --yes": ([], ("Delete DataExtensionObject",)),
}


@dataclass
class Desk:
    """A tenant, settings that lead to it, and a folder."""

    inner: Inner
    folder: Path
    run: str = "0"

    def types(self, command: str, more: list[str]) -> tuple[int, str, list[str]]:
        """The exit code, what is said, and what the tenant was asked that may change it."""
        config = () if command in NO_CONFIG else ("--config", "FOLDER/bouncelens.toml")
        words = [*command.split(), *more, *config]
        words = [w.replace("FOLDER", str(self.folder)).replace("RUN", self.run) for w in words]
        before, landed = self.inner.requests(), self._landed()
        told = CliRunner().invoke(app, words)
        changed = [f"SFTP {name}" for name in self._landed() - landed]
        code, said, wrong = told.exit_code, told.output, told.exception
        if isinstance(wrong, BouncelensError):
            code, said = wrong.exit_code, f"{said}{wrong} {wrong.advice}"
        elif wrong is not None and not isinstance(wrong, SystemExit):
            raise wrong
        return code, said, self.inner.writes(before) + changed

    def _landed(self) -> set[str]:
        home = self.inner.sandbox.storage.home(self.inner.mid)
        return {str(path) for path in home.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with inner_sandbox() as inner:
        query = {"poll_s": 0.05, "grace_s": 1, "window_days": 400}
        settings = inner.settings(
            folder, suppression={"data_extension": "suppressed"}, query=query,
            events={"url": "https://hooks.example.com"},
        )  # fmt: skip
        (folder / "bouncelens.toml").write_text(as_toml(settings))
        fill(settings, [("dead", DEAD, 1.0)], account=inner.mid)
        (folder / "replies.csv").write_text("reply\n550 5.1.1 no such user\n")
        (folder / "bounces.csv").write_text("SubscriberKey,SMTPReason\na,550 no\n")
        yield Desk(inner, folder)


def as_toml(settings: Settings) -> str:
    """What differs from the defaults, as a person would write it."""
    told = settings.model_dump(exclude_defaults=True, mode="json")
    lines = [f"{name} = {json.dumps(v)}" for name, v in told.items() if isinstance(v, str)]
    for name, table in told.items():
        for part in table if isinstance(table, list) else [table]:
            if isinstance(part, dict):
                lines.append(f"[[{name}]]" if isinstance(table, list) else f"[{name}]")
                lines += [f"{key} = {json.dumps(value)}" for key, value in part.items()]
    return "\n".join(lines) + "\n"


def leaves(command: Any, path: str = "") -> Iterator[str]:
    """Every command by its whole name."""
    parts = getattr(command, "commands", None)
    if parts is None:
        yield path
        return
    for name, part in parts.items():
        yield from leaves(part, f"{path} {name}".strip())


def test_every_command_is_tried_here() -> None:
    assert set(leaves(get_command(app))) == {*COMMANDS, "extract"}


def test_no_command_writes_without_being_told_to(desk: Desk) -> None:
    wrote, failed = {}, {}
    for command, more in COMMANDS.items():
        if more is not None:
            code, said, writes = desk.types(command, more)
            if writes:
                wrote[command] = writes
            if code not in (0, 1, 2, 3):
                failed[command] = (code, said[-300:])
    assert not wrote
    assert not failed, "it must have come as far as asking the tenant"


@pytest.mark.parametrize("command", ["suppress apply FOLDER/plan", "automation deploy"])
def test_what_writes_shows_what_it_would_do_and_asks(desk: Desk, command: str) -> None:
    desk.types("suppress plan", ["--out", "FOLDER/plan"])
    _, said, writes = desk.types(command, [])
    assert ("--yes" in said, writes) == (True, [])
    assert "1 to add" in said or "bouncelens_daily" in said, "the plan is shown before the question"


def test_an_order_writes_what_it_says_and_nothing_else(desk: Desk) -> None:
    desk.types("suppress plan", ["--out", "FOLDER/plan"])
    for command, (more, allowed) in ORDERS.items():
        if "undo" in command:
            from bouncelens.settings import load
            from bouncelens.store.ledger import Ledger

            with Ledger.open(load(desk.folder / "bouncelens.toml").ledger) as ledger:
                desk.run = str(ledger.changes.changes()[0].run)
        code, said, writes = desk.types(command, more)
        assert code in (0, 3), (command, said)
        assert writes, command
        strange = [w for w in writes if not w.startswith((*allowed, "SFTP"))]
        assert not strange, command
        assert "query" not in command or "makes data extensions and query activities" in said


def test_a_changed_plan_writes_nothing(desk: Desk) -> None:
    desk.types("suppress plan", ["--out", "FOLDER/changed"])
    file = desk.folder / "changed"
    file.write_text(file.read_text().replace("dead", "aunt"))
    code, said, writes = desk.types("suppress apply FOLDER/changed", ["--yes"])
    assert (code, writes) == (2, [])
    assert "was changed after it was made" in said
