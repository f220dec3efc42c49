"""The program itself: starting fast, ending cleanly, saying one sentence when it cannot."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bouncelens.service.sandbox import Sandbox, running
from bouncelens.show.cli import run
from bouncelens.show.cli.screen import visible

HEAVY = (
    "pyarrow", "duckdb", "deltalake", "lxml", "fastapi", "altair", "sqlglot", "pydantic",
    "sqlalchemy", "numpy", "httpx2", "rich", "structlog", "hyperscan", "re2",
)  # fmt: skip
PROGRAM = "import sys; from bouncelens.show.cli import main; sys.argv[0] = 'bouncelens'; main()"


def _program(*arguments: str, folder: Path) -> list[str]:
    return [sys.executable, "-c", PROGRAM, *arguments]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BOUNCELENS_CONFIG", raising=False)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from bouncelens.show.cli import run; run(['--help']); "
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Commands:" in done.stdout
    assert done.stderr.strip() == "[]"


def test_a_reader_that_has_enough_is_no_failure(tmp_path: Path) -> None:
    lines = "\n".join(f"550 5.1.{n} user {n} unknown" for n in range(3000))
    (tmp_path / "many.csv").write_text(f"reply\n{lines}\n")
    child = subprocess.Popen(
        _program("classify", "many.csv", folder=tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(60) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("reply\n550 5.1.1 user unknown\n")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            _program("classify", "one.csv", folder=tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
    assert done.returncode == 5
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


EXTRACT_HEAD = "ClientID,SendID,SubscriberKey,EmailAddress,EventDate,SMTPCode,BounceReason"
EXTRACT_ROW = "7,5,k,a@example.org,11/3/2026 9:15:00 AM,550,550 5.1.1 user unknown"


def test_a_report_on_a_file_says_which_rows_it_could_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = EXTRACT_ROW.replace("11/3/2026 9:15:00 AM", "yesterday")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as made:
        made.writestr("Bounces.csv", "\r\n".join((EXTRACT_HEAD, EXTRACT_ROW, broken)))
    assert run(["report", "x.zip", "--json"]) == 3
    shown = capsys.readouterr()
    assert json.loads(shown.out)[0]["rows"][0][0] == 1
    assert "Bounces.csv, line 3: " in shown.err
    assert "yesterday" in shown.err


def test_a_query_may_come_from_a_pipe(tmp_path: Path) -> None:
    done = subprocess.run(
        _program("sql", "--lint", "-", folder=tmp_path),
        input="SELECT b.SMTPStatusCode FROM _Bounce AS b",
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "stdin:1: _Bounce has no column SMTPStatusCode" in done.stdout


def test_a_title_longer_than_its_table_stays_on_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.csv").write_text(f"{EXTRACT_HEAD}\n{EXTRACT_ROW}\n")
    assert run(["report", "b.csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "Bounces by mailbox provider (from the beginning until now, UTC)" in lines


def test_a_file_without_sends_says_why_there_are_no_rates_and_an_empty_window_that_it_is_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.csv").write_text(f"{EXTRACT_HEAD}\n{EXTRACT_ROW}\n")
    assert run(["report", "by_provider", "b.csv"]) == 0
    assert "let the Tracking Extract hold Sent" in capsys.readouterr().out
    assert run(["report", "by_provider", "b.csv", "--since", "2027-01-01"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "Bounces by mailbox provider (from 2027-01-01 until now, UTC)",
        "No rows.",
    ]


@pytest.mark.parametrize("words", [["by_domain", "b.csv"], ["b.csv", "by_domain"]])
def test_any_question_can_be_asked_of_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    (tmp_path / "b.csv").write_text(f"{EXTRACT_HEAD}\n{EXTRACT_ROW}\n")
    assert run(["report", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["question"], found["rows"][0][:2]) == ("by_domain", ["example.org", "other"])
    assert run(["report", *words, "--out", "x.csv"]) == 0
    assert "example.org" in (tmp_path / "x.csv").read_text()


def test_an_extract_without_bounces_is_no_rate_of_nought(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as made:
        made.writestr(
            "Sent.csv",
            "ClientID,SendID,SubscriberKey,EmailAddress,EventDate\r\n"
            "7,5,k,a@example.org,11/3/2026 9:00:00 AM\r\n",
        )
    assert run(["report", "x.zip"]) == 3
    assert "Tick Extract Bounces" in capsys.readouterr().err


def test_a_file_without_a_business_unit_is_reported_on_under_the_one_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\n".join(line.split(",", 1)[1] for line in (EXTRACT_HEAD, EXTRACT_ROW))
    (tmp_path / "b.csv").write_text(text)
    assert run(["report", "b.csv"]) == 2
    assert "--account" in capsys.readouterr().err
    assert run(["report", "b.csv", "--account", "7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["rows"][0][0] == 1


# Bad input: one sentence, one exit code, no trace. Files to write, arguments, code, words.
BAD: dict[str, tuple[dict[str, str], list[str], int, tuple[str, ...]]] = {
    "no such command": ({}, ["pulll"], 2, ("No such command",)),
    "no such option": ({}, ["report", "--sinec", "2026-01-01"], 2, ("--since",)),
    "no such question": ({}, ["report", "by_reson"], 2, ("by_reson", "by_reason")),
    "two questions": ({}, ["report", "by_day", "by_reason"], 2, ("one question", "'by_reason'")),
    "two files": ({}, ["report", "a.zip", "b.zip"], 2, ("one file", "'b.zip'")),
    "no such reason": (
        {},
        ["report", "--reason", "blocklistd"],
        2,
        ("There is no reason 'blocklistd'", "'blocklisted'"),
    ),
    "no such provider": (
        {},
        ["report", "x.zip", "--provider", "gogle"],
        2,
        ("There is no provider 'gogle'", "'google'"),
    ),
    "no such file": ({}, ["classify", "gone.csv"], 2, ("gone.csv", "No such file")),
    "empty file": ({"e.csv": ""}, ["classify", "e.csv"], 2, ("e.csv is empty",)),
    "csv without the column": (
        {"b.csv": "JobID,When\n1,2\n"},
        ["classify", "b.csv"],
        2,
        ("b.csv", "no column for the server's reply", "--column"),
    ),
    "column that is not there": (
        {"b.csv": "JobID,Reply\n1,2\n"},
        ["classify", "b.csv", "--column", "Answer"],
        2,
        ("no column 'Answer'", "'Reply'"),
    ),
    "import without the column": (
        {"b.csv": "JobID,SubscriberKey,EventDate\n1,2,3\n"},
        ["import", "b.csv", "--account", "7"],
        2,
        ("b.csv", "no column for reply_text"),
    ),
    "report on a file that is none": ({"x.zip": "PK"}, ["report", "x.zip"], 2, ("x.zip",)),
    "unknown setting": (
        {"bouncelens.toml": '[tenant]\nclient_secrt = "x"\n'},
        ["doctor"],
        2,
        ("bouncelens.toml", "client_secrt", "tenant.client_secret"),
    ),
    "no settings file": ({}, ["pull", "--config", "gone.toml"], 2, ("gone.toml", "init")),
    "nothing to pull from": ({}, ["pull"], 2, ("account",)),
    "unknown reason in a rule": (
        {
            "bouncelens.toml": 'rules = ["mine.toml"]\n',
            "mine.toml": '[[rule]]\nid = "my-rule"\nreason = "full"\ntext = "x"\n',
        },
        ["explain", "550 x"],
        2,
        ("mine.toml", "my-rule", "unknown reason 'full'"),
    ),
    "unknown policy": (
        {"bouncelens.toml": 'policy = "stricct"\n'},
        ["suppress", "plan"],
        2,
        ("'stricct'", "default"),
    ),
    "corrupt lake": (
        {"lake/bounces/_delta_log/00000000000000000000.json": "{nonsense"},
        ["report", "totals"],
        5,
        ("lake",),
    ),
    "corrupt ledger": (
        {"bouncelens.db": "no database" * 200},
        ["suppress", "plan"],
        5,
        ("ledger",),
    ),
    "unreachable host": (
        {
            "bouncelens.toml": "[tenant]\nauth_url = 'http://127.0.0.1:9/'\nclient_id = 'x'\n"
            "client_secret = 'file:s'\n[[accounts]]\nmid = 7\n[retry]\nattempts = 1\n",
            "s": "hunter2",
        },
        ["pull"],
        5,
        ("Sign-in to Marketing Cloud",),
    ),
    "secret that is not there": (
        {
            "bouncelens.toml": "[tenant]\nsubdomain = 'mc'\nclient_id = 'x'\n"
            "client_secret = 'env:NOT_SET_ANYWHERE'\n[[accounts]]\nmid = 7\n"
        },
        ["pull"],
        2,
        ("NOT_SET_ANYWHERE",),
    ),
    "port that is taken": ({}, ["serve", "--host", "256.0.0.1", "--port", "0"], 2, ("--port",)),
    "sql that is not text": ({"q.sql": "\udcff"}, ["sql", "--lint", "q.sql"], 2, ("UTF-8",)),
    "no reply": ({}, ["explain", " "], 2, ("no reply to explain",)),
    "init over a file": ({"bouncelens.toml": ""}, ["init", "--account", "7"], 2, ("--force",)),
    "init with a MID that is none": ({}, ["init", "--account", "Shop"], 2, ("1234567=Shop",)),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence_and_its_exit_code(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, arguments, code, words = BAD[case]
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert run(arguments) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert "hunter2" not in said.err
    for word in words:
        assert word in said.err


# With a Marketing Cloud


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running(["--port", "0", "--bounces", "300", "--months", "2"]) as ready:
        yield ready


def _settings(sandbox: Sandbox, folder: Path, secret: str | None = None) -> None:
    (folder / "secret").write_text(secret or sandbox.client_secret)
    accounts = "".join(f"[[accounts]]\nmid = {m}\nname = '{n}'\n" for m, n in sandbox.accounts)
    (folder / "bouncelens.toml").write_text(
        f"[tenant]\nauth_url = '{sandbox.auth_url}'\nclient_id = '{sandbox.client_id}'\n"
        f"client_secret = 'file:secret'\n{accounts}"
        f"[sends]\ndata_extension = '{sandbox.sends_data_extension}'\n"
        "[retry]\nattempts = 2\nwait_s = 0.01\n"
    )


@pytest.mark.parametrize("command", [["pull"], ["doctor"]])
def test_a_wrong_secret_is_a_matter_of_authentication(
    command: list[str], sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _settings(sandbox, tmp_path, secret="hunter2")
    assert run(command) == 4
    said = capsys.readouterr()
    assert "does not know this client id with this secret" in said.err + said.out
    assert "hunter2" not in said.err + said.out


def test_from_pull_to_plan(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _settings(sandbox, tmp_path)
    assert run(["doctor", "--json"]) == 0
    assert all(check["is_ok"] for check in json.loads(capsys.readouterr().out)["checks"])
    for stored in (sandbox.planted, 0):  # the second pull finds nothing new
        assert run(["pull", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["stored"] == stored
    assert run(["report", "totals", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    names = [column["name"] for column in answer["columns"]]
    assert answer["rows"][0][names.index("bounces")] > 0.9 * sandbox.planted
    assert answer["denominator"]
    assert run(["suppress", "plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["suppressions"]
    assert all(proposed["grounds"] for proposed in plan["suppressions"])
    assert run(["suppress", "plan"]) == 0
    assert "to add" in capsys.readouterr().err
    both = ["--policy", "default", "--policy", "sfmc", "--dates", "3"]
    assert run(["suppress", "simulate", *both, "--json"]) == 0
    ours, theirs = json.loads(capsys.readouterr().out)["simulation"]["outcomes"]
    assert 0 < ours["sizes"][1] <= ours["sizes"][2] <= ours["ever"]
    assert ours["saved"] > 0
    assert theirs["is_model"]
    assert run(["suppress", "forecast"]) == 0
    assert "people will be Held within 30 days" in capsys.readouterr().err
    assert run(["report"]) == 0
    assert "Of: messages sent" in capsys.readouterr().out


def test_the_sandbox_ends_with_us_however_we_end(tmp_path: Path) -> None:
    code = (
        "from bouncelens.service.sandbox import running\nimport time\n"
        "with running(['--port', '0', '--bounces', '50', '--months', '1']) as ready:\n"
        "    print(ready.url, flush=True)\n    time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    port = int(parent.stdout.readline().rsplit(":", 1)[1])
    parent.kill()
    parent.wait(10)
    parent.stdout.close()
    assert _is_closed(port)


@pytest.mark.parametrize("told", [signal.SIGKILL, signal.SIGINT])
def test_a_sandbox_in_front_ends_with_its_command(tmp_path: Path, told: signal.Signals) -> None:
    child = subprocess.Popen(
        _program("sandbox", "--port", "0", "--bounces", "100", "--months", "1", folder=tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
    )
    assert child.stdout is not None
    port = int(json.loads(child.stdout.readline())["url"].rsplit(":", 1)[1])
    child.send_signal(told)
    child.communicate(timeout=30)
    assert _is_closed(port)


def test_the_sandboxs_own_commands_are_reached(tmp_path: Path) -> None:
    def told(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = _program("sandbox", *arguments, folder=tmp_path)
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    assert told("serve", "--help").stdout.startswith("usage: bouncelens sandbox serve ")
    nobody = told("send", "--url", "http://127.0.0.1:1", "--mid", "1")
    assert (nobody.returncode, "no sandbox answers" in nobody.stderr) == (5, True)


def _is_closed(port: int) -> bool:
    import socket

    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return True
        time.sleep(0.05)
    return False


def _spoil(path: Path) -> None:
    for entry in path.iterdir():
        entry.write_text("{not json")


@pytest.mark.parametrize("damaged", ["lake/bounces/_delta_log", "ledger"])
def test_pages_over_a_damaged_lake_or_ledger_are_not_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damaged: str
) -> None:
    from bouncelens.store.lake import Lake

    Lake.open(str(tmp_path / "lake")).close()
    (tmp_path / "bouncelens.toml").write_text('lake = "lake"\nledger = "sqlite:///ledger/l.db"\n')
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "l.db").touch()
    _spoil(tmp_path / damaged)
    assert run(["serve", "--port", "0"]) == 5
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("Error: The l")


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    ("told", "code", "said"),
    [(signal.SIGINT, 130, "Stopped."), (signal.SIGTERM, 0, "")],
)
def test_a_server_that_is_told_to_end_leaves_nothing_behind(
    tmp_path: Path, told: signal.Signals, code: int, said: str
) -> None:
    (tmp_path / "scratch").mkdir()
    child = subprocess.Popen(
        _program("serve", "--port", "0", "--json", folder=tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "scratch")},
    )
    assert child.stdout is not None
    assert json.loads(child.stdout.readline())["url"].startswith("http://127.0.0.1:")
    child.send_signal(told)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err.strip()) == (code, "", said)
    assert not list((tmp_path / "scratch").iterdir())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb", "a\\x0ab"),
        ("\x9b", "\\x9b"),
        ("\u202eabc", "\\u202eabc"),
        ("日本語 ü –", "日本語 ü –"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_control_characters_become_visible(text: str, shown: str) -> None:
    assert visible(text) == shown
