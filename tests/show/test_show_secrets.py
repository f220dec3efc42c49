"""A secret is used and never told: not in output, logs, files or the process list, whatever fails
and however much a server repeats of what it was sent."""

from __future__ import annotations

import base64
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from bouncelens.show.cli import run
from postgres_server import Postgres
from sandbox_process import Sandbox

CANARY = "canary+7f3a/91c4"
PROGRAM = "import sys; from bouncelens.show.cli import main; sys.argv[0] = 'bouncelens'; main()"
COMMANDS = [
    ["doctor"],
    ["doctor", "--json"],
    ["pull"],
    ["pull", "--json"],
    ["extract", "--json"],
    ["events", "status", "--json"],
    ["automation", "status"],
    ["import", "bad.csv", "--json"],
    ["report", "totals", "--json"],
    ["reconcile", "--json"],
    ["suppress", "plan", "--json"],
    ["quarantine", "list", "--json"],
    ["judge", "--json"],
]


class Parrot(BaseHTTPRequestHandler):
    """Repeats what it was sent, as a server in trouble may; signs in if its path says so."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        sent = json.dumps({"error": f"{self.headers}", "error_description": body, "message": body})
        status, said = 400, sent
        if self.path.startswith("/open") and self.path.endswith("/v2/token"):
            here = f"http://127.0.0.1:{self.server.server_address[1]}/shut/"
            urls = {"soap_instance_url": here, "rest_instance_url": here}
            status, said = 200, json.dumps({"access_token": CANARY, "expires_in": 1000} | urls)
        self._answer(status, said)

    def do_GET(self) -> None:
        self._answer(403, json.dumps({"message": f"{self.path} {self.headers}"}))

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def parrot() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Parrot) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desk with secrets in files and in the environment, kept apart from everything else."""
    (tmp_path / "secrets").mkdir()
    for name in ("client", "sftp", "key"):
        (tmp_path / "secrets" / name).write_text(CANARY)
    desk = tmp_path / "desk"
    desk.mkdir()
    (desk / "bad.csv").write_text("JobID,SubscriberKey,EventDate,SMTPBounceReason\n1,2,3,4\n")
    monkeypatch.chdir(desk)
    monkeypatch.setenv("CANARY_CLIENT", CANARY)
    monkeypatch.setenv("CANARY_IN_KEYRING", CANARY)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "canary_keyring.CanaryKeyring")
    monkeypatch.delenv("BOUNCELENS_CONFIG", raising=False)
    return desk


def settings(place: Path, parrot: str, *, secret: str, ledger: str = "", more: str = "") -> Path:
    path = place / "bouncelens.toml"
    path.write_text(f"""
lake = "lake"
{f'ledger = "{ledger}"' if ledger else ""}
{more}
[tenant]
auth_url = "{parrot}/"
client_id = "the-client"
client_secret = "{secret}"
[[accounts]]
mid = 7281234
name = "Nord"
[retry]
attempts = 2
wait_s = 0.01
wait_max_s = 0.02
[events]
url = "https://hooks.example.com/events"
keys = "file:{place.parent / "secrets" / "keys"}"
""")
    return path


def shapes(secret: str) -> list[str]:
    """The secret as it may hide."""
    coded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return [secret, quote(secret, safe=""), json.dumps(secret)[1:-1], coded, secret[::-1]]


def assert_untold(said: str, place: Path) -> None:
    for shape in shapes(CANARY):
        assert shape not in said
    for path in place.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(shape.encode() in content for shape in shapes(CANARY)), path


def said_by_all(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, commands: list[list[str]]
) -> str:
    """Everything that commands print and log, down to the last detail; none may crash."""
    caplog.set_level(logging.DEBUG)
    for command in commands:
        assert run(command) in range(6), command
    printed = capfd.readouterr()
    return printed.out + printed.err + caplog.text


DOORS = [
    pytest.param("env:CANARY_CLIENT", "shut", id="at the sign-in, from the environment"),
    pytest.param("env:CANARY_CLIENT", "open", id="after it, with a token"),
    pytest.param("file:../secrets/client", "shut", id="from a file"),
    pytest.param("keyring:bouncelens/client", "shut", id="from a keyring"),
]


@pytest.mark.parametrize(("secret", "door"), DOORS)
def test_a_client_secret_that_a_server_repeats_is_not_told(
    place: Path,
    parrot: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    secret: str,
    door: str,
) -> None:
    settings(place, f"{parrot}/{door}", secret=secret)
    is_whole = secret.startswith("env:")
    commands = COMMANDS if is_whole else [["doctor", "--json"], ["pull"]]
    said = said_by_all(capfd, caplog, commands)
    assert "Nord" in said, "the commands came as far as the tenant"
    assert_untold(said, place)


@pytest.mark.parametrize("name", ["password", "key"])
def test_an_sftp_secret_that_is_refused_is_not_told(
    place: Path,
    parrot: str,
    sandbox: Sandbox,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    reference = {"password": "../secrets/sftp", "key": "../secrets/key"}[name]
    path = settings(place, parrot, secret="env:CANARY_CLIENT")
    sftp = sandbox.sftp
    path.write_text(path.read_text() + f"""
[tracking]
host = "{sftp["host"]}"
port = {sftp["port"]}
host_key = "{sftp["host_key"]}"
user = "{sandbox.accounts[0][0]}"
{name} = "file:{reference}"
""")  # fmt: skip
    said = said_by_all(capfd, caplog, [["doctor", "--json"], ["pull", "--json"]])
    assert "sftp" in said.lower()
    assert_untold(said, place)


@pytest.mark.parametrize("is_up", [True, False], ids=["a server", "no server"])
def test_a_ledgers_password_is_not_told(
    place: Path,
    parrot: str,
    postgres: Postgres,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    is_up: bool,
) -> None:
    url = postgres.url(postgres.new_database(), password=quote(CANARY, safe=""))
    if not is_up:
        url = url.replace(str(postgres.port), "9", 1)
    monkeypatch.setenv("LEDGER_URL", url)
    settings(place, parrot, secret="env:CANARY_CLIENT", ledger="env:LEDGER_URL")
    said = said_by_all(capfd, caplog, COMMANDS)
    assert ("cannot be used" in said) != is_up
    assert_untold(said, place)


MISTAKES = [
    pytest.param(f'client_secret = "{CANARY}"', "[tenant]", id="the client secret itself"),
    pytest.param(f'password = "{CANARY}"', "[tracking]", id="the SFTP password itself"),
    pytest.param(f'keys = "{CANARY}"', "[events]", id="the signature key itself"),
    pytest.param(f'ledger = "postgresql://u:{CANARY}@h/d"', "", id="the ledger's password itself"),
    pytest.param(f'ledger = "oracle+odd://u:{CANARY}@h/d"', "", id="a ledger nobody knows"),
    pytest.param(f'client_secrte = "{CANARY}"', "[tenant]", id="under a misspelt name"),
    pytest.param(f'client_secret = ["{CANARY}"]', "[tenant]", id="as a list"),
    pytest.param(f'client_secret = "{CANARY}', "[tenant]", id="with a quote missing"),
]


@pytest.mark.parametrize(("line", "table"), MISTAKES)
def test_a_secret_in_the_wrong_place_is_refused_without_repeating_it(
    place: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    line: str,
    table: str,
) -> None:
    (place / "bouncelens.toml").write_text(f"{table}\n{line}\n")
    caplog.set_level(logging.DEBUG)
    for command in (["doctor"], ["doctor", "--json"], ["pull"], ["report"]):
        assert run(command) in (1, 2, 5), command
    printed = capfd.readouterr()
    assert "Traceback" not in printed.err
    assert not any(shape in printed.out + printed.err + caplog.text for shape in shapes(CANARY))


def test_a_secret_in_a_setting_of_the_environment_is_refused_without_repeating_it(
    place: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOUNCELENS_TENANT__CLIENT_SECRET", CANARY)
    assert run(["doctor"]) in (1, 2)
    printed = capfd.readouterr()
    assert not any(shape in printed.out + printed.err for shape in shapes(CANARY))


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no process list to read")
def test_no_process_has_a_secret_among_its_arguments(place: Path, parrot: str) -> None:
    settings(place, f"{parrot}/open", secret="env:CANARY_CLIENT")
    command = [sys.executable, "-c", PROGRAM, "pull"]
    seen = set[bytes]()
    with subprocess.Popen(command, cwd=place, stderr=subprocess.DEVNULL) as child:
        while child.poll() is None:
            time.sleep(0.05)
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(entry.read_bytes())
                except OSError:
                    continue
    assert any(Path(sys.executable).name.encode() in line for line in seen)
    assert not any(shape.encode() in line for line in seen for shape in shapes(CANARY))
