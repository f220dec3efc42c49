"""`init` on a terminal: what it asks, what it takes for an answer, and what it never repeats."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bouncelens.show.cli import run

PROGRAM = "import sys; from bouncelens.show.cli import main; sys.argv[0] = 'bouncelens'; main()"


def _typed(answers: list[str], *arguments: str, folder: Path) -> tuple[int, str]:
    """Run `init` on a terminal with these lines typed; its code and what it printed."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "init", *arguments],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
    )
    os.close(theirs)
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    printed, _ = child.communicate(timeout=60)
    os.close(ours)
    return child.returncode, printed.decode()


def test_a_slip_is_asked_for_again_and_a_secret_is_not_repeated(tmp_path: Path) -> None:
    answers = ["mcabc", "an-id", "Pa55word", "env:MY_SECRET", "Shop", "7=Shop, 8", ""]
    code, printed = _typed(answers, folder=tmp_path)
    assert code == 0, printed
    assert printed.count("Where the client secret is") == 2
    assert printed.count("Business units") == 2
    assert "Pa55word" not in printed
    written = tomllib.loads((tmp_path / "bouncelens.toml").read_text())
    assert written["tenant"] == {
        "subdomain": "mcabc",
        "client_id": "an-id",
        "client_secret": "env:MY_SECRET",
    }
    assert written["accounts"] == [{"mid": 7, "name": "Shop"}, {"mid": 8}]


def test_what_an_option_says_is_not_asked_but_the_rest_is(tmp_path: Path) -> None:
    code, printed = _typed(
        ["mcabc", "an-id", "7", ""], "--client-secret", "env:MY_SECRET", folder=tmp_path
    )
    assert code == 0, printed
    assert "Where the client secret is" not in printed
    written = tomllib.loads((tmp_path / "bouncelens.toml").read_text())
    assert written["tenant"]["subdomain"] == "mcabc"
    assert written["accounts"] == [{"mid": 7}]


def test_the_address_of_a_sandbox_is_taken_for_a_subdomain(tmp_path: Path) -> None:
    assert run(["init", "--folder", str(tmp_path), "--subdomain", "http://127.0.0.1:8085"]) == 0
    written = tomllib.loads((tmp_path / "bouncelens.toml").read_text())
    assert written["tenant"]["auth_url"] == "http://127.0.0.1:8085"


def test_nothing_is_asked_where_a_file_is_already(tmp_path: Path) -> None:
    (tmp_path / "bouncelens.toml").touch()
    code, printed = _typed([], folder=tmp_path)
    assert code == 2
    assert "--force" in printed
    assert "subdomain" not in printed


def test_a_secret_given_as_an_option_is_refused_without_repeating_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "--folder", str(tmp_path), "--client-secret", "Pa55word"]) == 2
    printed = capsys.readouterr()
    assert "--client-secret" in printed.err
    assert "Pa55word" not in printed.err + printed.out
    assert not list(tmp_path.iterdir())
