"""Commands that start at once, and help in plain words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bouncelens.show.cli import run
from bouncelens.show.cli.app import app


def _paths(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield path
        return
    for name, each in below.items():
        yield from _paths(each, (*path, name))


@pytest.mark.parametrize("path", list(_paths(get_command(app))), ids=" ".join)
def test_help_names_kinds_of_values_in_plain_words(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    if path == ("sandbox",):
        pytest.skip("speaks for itself")
    assert run([*path, "--help"]) == 0
    told = capsys.readouterr().out
    assert "Usage" in told
    for odd in ("<str", "<int", "<list", "<path", "<%", "<float", "<bool"):
        assert odd not in told


def test_one_reply_is_explained_without_any_library_that_loads_slowly(tmp_path: Path) -> None:
    heavy = {"pydantic", "pyarrow", "numpy", "rich", "duckdb", "deltalake", "hyperscan"}
    code = (
        "import sys; from bouncelens.show.cli import run; "
        "run(['explain', '--json', '--code', '550', '--to', 'kim@gmail.com', 'user unknown']); "
        f"print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stderr.strip() == "[]"
    found = json.loads(done.stdout)
    assert (found["reply"]["code"], found["provider"]) == (550, "google")
    assert found["verdict"]["reason"] == "unknown_user"


def test_a_settings_file_and_the_environment_still_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rule = '[[rule]]\nid = "mine"\nreason = "greylisted"\ntext = "zq77"\n'
    (tmp_path / "mine.toml").write_text(rule, "utf-8")
    (tmp_path / "bouncelens.toml").write_text('rules = ["mine.toml"]\n', "utf-8")
    assert run(["explain", "--json", "550 zq77"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"]["rule"] == "mine"
    (tmp_path / "bouncelens.toml").unlink()
    monkeypatch.setenv("BOUNCELENS_RULES", '["mine.toml"]')
    assert run(["explain", "--json", "550 zq77"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"]["rule"] == "mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param(["--code", "999"], "999 is no reply code", id="code"),
        pytest.param(["--code", "five"], "--code", id="no number"),
        pytest.param(["--status", "abc"], "'abc' is no enhanced status", id="status"),
        pytest.param(["--status", "5.1.1.1"], "is no enhanced status", id="too long"),
    ],
)
def test_codes_that_cannot_be_are_refused(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", "550 no", *options]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("column", ["reply", "Text", "message", "SMTPBounceReason"])
def test_every_command_knows_the_same_names_for_the_reply(
    column: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        f"MID,JobID,SubscriberKey,EventDate,Domain,{column}\n"
        "1,7,a,2026-03-01 10:00:00,gmail.com,550 5.1.1 user unknown\n",
        "utf-8",
    )
    assert run(["classify", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["reason"] == "unknown_user"
    assert run(["report", str(path), "--json"]) == 0
    assert "unknown_user" in capsys.readouterr().out


def test_one_bad_rule_is_the_rules_fault_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rule = '[[rule]]\nid = "mine"\nreason = "no_such"\ntext = "x"\n'
    (tmp_path / "mine.toml").write_text(rule, "utf-8")
    (tmp_path / "bouncelens.toml").write_text('rules = ["mine.toml"]\n', "utf-8")
    assert run(["doctor", "--offline", "--json"]) == 2
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert not checks["rules"]["is_ok"]
    assert "no_such" in checks["rules"]["detail"]
    assert checks["policy"]["is_ok"]


@pytest.mark.parametrize("words", [[], ["suppress"], ["rules"], ["incident"]], ids=str)
def test_a_list_of_commands_cuts_no_sentence_off(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]
