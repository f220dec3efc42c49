"""A sandbox in a process of its own, for whichever test wants one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bouncelens.settings import Settings


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: where it is, who may sign in, and what it planted."""

    url: str
    auth_url: str
    client_id: str
    client_secret: str
    accounts: tuple[tuple[int, str], ...]
    sends_data_extension: str
    planted: int
    sftp: dict[str, object]
    truth_file: Path

    @property
    def truth(self) -> pa.Table:
        """Every bounce as planted, one row each."""
        return pq.read_table(self.truth_file)

    def settings(self, folder: Path, **more: object) -> Settings:
        """Settings that lead to this sandbox, with lake and ledger in `folder`."""
        secret = folder / "secret"
        secret.write_text(self.client_secret)
        table: dict[str, object] = {
            "lake": str(folder / "lake"),
            "ledger": f"sqlite:///{folder / 'bouncelens.db'}",
            "tenant": {
                "auth_url": self.auth_url,
                "client_id": self.client_id,
                "client_secret": f"file:{secret}",
            },
            "accounts": [{"mid": mid, "name": name} for mid, name in self.accounts],
            "sends": {"data_extension": self.sends_data_extension},
            "retry": {"wait_s": 0.02, "wait_max_s": 0.1},
        }
        return Settings.model_validate(table | more)


@contextmanager
def running_sandbox(folder: Path, *arguments: str) -> Iterator[Sandbox]:
    """A sandbox in a process of its own, ended with the block."""
    truth = folder / "truth.parquet"
    command = [sys.executable, "-m", "sfmc_sandbox", "serve", "--port", "0", "--truth", str(truth)]
    log = (folder / "sandbox.log").open("w")
    process = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=log, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "sandbox.log").read_text()
        said = json.loads(line)
        accounts = tuple((a["mid"], a["name"]) for a in said.pop("accounts"))
        yield Sandbox(**said, accounts=accounts, truth_file=truth)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
        log.close()
