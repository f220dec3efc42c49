"""Several at once: pulls beside each other on a shared ledger, and a pull beside the pages."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from light_workspace import LightWorkspace

from bouncelens.bounce import IDENTITY
from bouncelens.settings import Settings
from postgres_server import Postgres
from sandbox_process import Sandbox

CHILD = Path(__file__).with_name("pull_child.py")
BOUNCELENS = Path(sys.executable).with_name("bouncelens")


def two(sandbox: Sandbox) -> list[dict[str, object]]:
    return [{"mid": mid, "name": name} for mid, name in sandbox.accounts[3:5]]


def pulling(settings: Settings) -> subprocess.Popen[str]:
    command = [sys.executable, str(CHILD), settings.model_dump_json()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def planted(sandbox: Sandbox, settings: Settings) -> list[tuple[object, ...]]:
    mids = {account.mid for account in settings.accounts}
    rows = sandbox.truth.select(list(IDENTITY)).to_pylist()
    return sorted(tuple(row.values()) for row in rows if row["account"] in mids)


def stored(settings: Settings) -> list[tuple[object, ...]]:
    with LightWorkspace.open(settings) as workspace:
        rows = workspace.lake.read("bounces").select(list(IDENTITY)).to_pylist()
        assert {run.outcome for run in workspace.ledger.runs()} == {"ok"}
        assert len(workspace.ledger.bookmarks()) == len(settings.accounts)
    return sorted(tuple(row.values()) for row in rows)


@contextmanager
def serving(settings: Settings, folder: Path) -> Iterator[str]:
    """The pages over the settings' lake, in a process of their own."""
    config = folder / "bouncelens.toml"
    config.write_text(f'lake = "{settings.lake}"\nledger = "{settings.ledger}"\n')
    command = [str(BOUNCELENS), "serve", "--port", "0", "--json", "-c", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())["url"]
        finally:
            server.terminate()


def bounces_shown(url: str) -> int:
    with urllib.request.urlopen(f"{url}api/report/totals", timeout=60) as answer:
        told = json.load(answer)
    names = [column["name"] for column in told["columns"]]
    return int(dict(zip(names, told["rows"][0], strict=True))["bounces"])


def test_pulls_at_once_share_a_ledger_on_postgresql(
    sandbox: Sandbox, postgres: Postgres, tmp_path: Path
) -> None:
    (tmp_path / "ledger-url").write_text(postgres.url(postgres.new_database()))
    ledger = f"file:{tmp_path / 'ledger-url'}"
    settings = sandbox.settings(tmp_path, accounts=two(sandbox), ledger=ledger)
    pulls = [pulling(settings) for _ in range(2)]
    for process in pulls:
        out, _ = process.communicate(timeout=200)
        assert (process.returncode, out.endswith("done\n")) == (0, True)
    assert stored(settings) == planted(sandbox, settings)


def test_pages_answer_while_a_pull_writes_and_show_what_it_brought(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    settings = sandbox.settings(tmp_path, accounts=two(sandbox)[:1])
    LightWorkspace.open(settings).lake.close()  # an empty lake
    with serving(settings, tmp_path) as url:
        seen = [bounces_shown(url)]
        process = pulling(settings)
        while process.poll() is None:
            seen.append(bounces_shown(url))
        process.communicate()
        seen.append(bounces_shown(url))
    everything = planted(sandbox, settings)
    assert process.returncode == 0
    assert len(seen) > 4, "the pages answered while rows were written"
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, len(everything))
    assert stored(settings) == everything
