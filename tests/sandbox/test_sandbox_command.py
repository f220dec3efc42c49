"""`python -m sfmc_sandbox serve`: one line when ready, a clean end when asked."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pyarrow.parquet as pq
import pytest

from sfmc_sandbox.cli import listen_at, main
from sfmc_sandbox.wire.trouble import SCENARIOS

SERVE = [sys.executable, "-m", "sfmc_sandbox", "serve", "--port", "0", "--seed", "7",
         "--bounces", "500", "--months", "2", "--until", "2026-06-01"]  # fmt: skip


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_ends_cleanly(tmp_path: Path, ending: signal.Signals) -> None:
    truth = tmp_path / "truth.parquet"
    with subprocess.Popen(
        [*SERVE, "--truth", str(truth)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["url"].startswith("http://127.0.0.1:")
        assert ready["auth_url"] == ready["url"] + "/"
        assert len(ready["accounts"]) == 5
        body = {
            "grant_type": "client_credentials",
            "client_id": ready["client_id"],
            "client_secret": ready["client_secret"],
            "account_id": ready["accounts"][1]["mid"],
        }
        assert httpx2.post(f"{ready['auth_url']}v2/token", json=body).status_code == 200
        process.send_signal(ending)
        assert process.wait(timeout=20) == 0
        rest = process.stdout.read()
    assert rest == ""
    planted = pq.read_table(truth)
    assert planted.num_rows == ready["planted"] > 0
    assert planted.column_names == [
        "account", "job", "batch", "subscriber_key", "event_time", "reason", "story", "is_alive",
    ]  # fmt: skip


def test_an_unknown_scenario_is_a_usage_error() -> None:
    done = subprocess.run([*SERVE, "--scenario", "nonsense"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "there are: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--port", "99999"], "must lie between 0 and 65535"),
        (["--port", "x"], "no number: 'x'"),
        (["--months", "0"], "months must lie between 1 and 120"),
        (["--until", "soon"], "no date as in 2026-06-01"),
        (["--until", "0001-01-01"], "until must lie in 1990 to 2100"),
        (["--speed", "nan"], "must lie between"),
        (["--scopes", "nonsense"], "unknown: nonsense; there are: accounts_read"),
        (["--settable-statuses", "Foo"], "there are: Active Bounced Deleted Held"),
        (["--sftp-keys", "/nowhere/keys"], "no such file: /nowhere/keys"),
        (["--extract-columns", "/nowhere/x.toml"], "/nowhere/x.toml"),
        (["--extracts-land", "mars"], "invalid choice: 'mars'"),
        (["--sftp-connections", "0"], "must lie between 1 and 1000"),
    ],
)
def test_a_bad_option_says_what_is_wrong_and_no_more(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    try:
        code = main(["serve", *arguments])
    except SystemExit as end:
        code = int(str(end.code))
    assert code == 2
    assert told in capsys.readouterr().err


def test_help_names_the_program_and_the_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = capsys.readouterr().out
    assert text.startswith("usage: python -m sfmc_sandbox serve ")
    assert all(name in text for name in SCENARIOS)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_small_answers_do_not_wait_for_more(host: str) -> None:
    try:
        listener = listen_at(host, 0)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with listener, socket.create_connection(listener.getsockname()[:2]):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
