"""`sql` and `schema` as a person or a script runs them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import show_lake

from bouncelens.show.cli import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with settings and a lake."""
    made = tmp_path_factory.mktemp("work")
    settings = show_lake.filled(made)
    (made / "bouncelens.toml").write_text(f"lake = {settings.lake!r}\n[sql]\nrows = 5\n")
    return made


@pytest.fixture(autouse=True)
def _there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("BOUNCELENS_CONFIG", raising=False)


def test_a_query_is_answered_as_a_table_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    query = "SELECT domain, count(*) AS n, 0.5 AS half FROM bounces GROUP BY 1 ORDER BY n DESC, 1"
    assert run(["sql", query]) == 0
    assert ["evil.example", "20", "0.5"] in [
        line.split() for line in capsys.readouterr().out.splitlines()
    ]
    assert run(["sql", query, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["columns"] == ["domain", "n", "half"]
    assert found["rows"][0] == ["evil.example", 20, 0.5]


def test_more_rows_than_allowed_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sql", "SELECT subscriber_key FROM bounces"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 7
    assert "the settings allow 5" in shown.err


def test_text_is_compared_also_in_files_that_were_merged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["sql", "SELECT sum(sent) AS n FROM sends WHERE domain = 'gmail.com'"]) == 0
    assert capsys.readouterr().out.split()[-1] == "600"
    assert (
        run(["sql", "SELECT DISTINCT provider FROM judged WHERE campaign = 'Spring letter'"]) == 0
    )
    assert "google" in capsys.readouterr().out


def test_addresses_need_their_option(capsys: pytest.CaptureFixture[str]) -> None:
    query = "SELECT address FROM bounces WHERE subscriber_key = 's0'"
    assert run(["sql", query]) == 0
    shown = capsys.readouterr()
    assert "s0@gmail.com" not in shown.out
    assert "--addresses shows them" in shown.err
    assert run(["sql", query, "--addresses"]) == 0
    assert "s0@gmail.com" in capsys.readouterr().out


def test_settings_can_refuse_addresses_for_good(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOUNCELENS_REPORT__ADDRESSES", "never")
    assert run(["sql", "SELECT 1", "--addresses"]) == 2
    assert "never show addresses" in capsys.readouterr().err


def test_a_reply_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sql", "SELECT DISTINCT reply_text FROM bounces LIMIT 5", "--addresses"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_the_shell_goes_on_after_a_mistake(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "SELECT 41 +\n 1 AS it;\nselct;\n.schema nothing\n.schema sends\nSELECT 7;\nSELECT 8"
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    assert run(["sql", "--shell"]) == 0
    shown = capsys.readouterr()
    words = shown.out.split()
    assert "42" in words
    assert "7" in words
    assert "8" not in words
    assert "receiving domain, lower case" in shown.out
    assert "syntax error" in shown.err
    assert "no table 'nothing'" in shown.err
    assert "no ; at its end" in shown.err


def test_the_shell_ends_when_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (".quit", "exit;", "\\q"):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"help\n{words}\nSELECT 7;\n"))
        assert run(["sql", "--shell"]) == 0
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.count("End a query with ;") == 1


def test_the_dictionary_is_shown_whole_or_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "--json"]) == 0
    tables = {table["name"]: table for table in json.loads(capsys.readouterr().out)}
    assert {"bounces", "sends", "jobs", "judged", "sent", "job_facts"} <= set(tables)
    assert run(["schema", "judged"]) == 0
    shown = capsys.readouterr().out
    assert "send_day" in shown
    assert "needs --addresses" in shown


WRONG = [
    pytest.param(["sql"], "say a QUERY", id="nothing"),
    pytest.param(["sql", "SELECT 1", "--shell"], "say a QUERY", id="two things"),
    pytest.param(["sql", "DROP TABLE bounces"], "Only one SELECT", id="a change"),
    pytest.param(["sql", "SELECT nothing FROM bounces"], "nothing", id="no such column"),
    pytest.param(["schema", "bounce"], "There are bounces", id="no such table"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG)
def test_what_cannot_be_asked_is_said(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
