"""A sandbox in a process of its own for benches, settings that lead to it, and its truth."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bouncelens.bounce import IDENTITY, Account
from bouncelens.settings import Settings

QUICK = {"poll_s": 0.1, "grace_s": 2, "window_days": 400}


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[dict[str, Any]]:
    """What the sandbox says when it is ready, with `settings(mids, **more)` and `truth(mids)`."""
    truth = folder / "truth.parquet"
    command = [sys.executable, "-m", "sfmc_sandbox", "serve", "--port", "0", "--seed", "7"]
    with (folder / "sandbox.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--truth", str(truth), *arguments], stdout=subprocess.PIPE, stderr=log
        )
        assert process.stdout is not None
        try:
            said = json.loads(process.stdout.readline())
            secret = folder / "secret"
            secret.write_text(said["client_secret"])

            def settings(mids: list[int], **more: object) -> Settings:
                table: dict[str, object] = {
                    "lake": str(folder / "lake"),
                    "ledger": f"sqlite:///{folder / 'bouncelens.db'}",
                    "tenant": {
                        "auth_url": said["auth_url"],
                        "client_id": said["client_id"],
                        "client_secret": f"file:{secret}",
                    },
                    "accounts": [{"mid": mid} for mid in mids],
                    "retry": {"wait_s": 0.05, "wait_max_s": 0.5},
                }
                return Settings.model_validate(table | more)

            def planted(mids: list[int]) -> list[tuple[object, ...]]:
                return [i for i in identities(pq.read_table(truth)) if i[0] in mids]

            yield said | {"settings": settings, "truth": planted}
        finally:
            process.terminate()
            process.wait(10)
            process.stdout.close()


def identities(table: pa.Table) -> list[tuple[object, ...]]:
    """The identity of each bounce, in order."""
    return sorted(tuple(row.values()) for row in table.select(list(IDENTITY)).to_pylist())


def left_in(settings: Settings) -> set[str]:
    """The keys of what the query route made and did not remove."""
    from bouncelens.extract.envelope import OneOf
    from bouncelens.extract.limits import Patience
    from bouncelens.extract.objects import Objects
    from bouncelens.extract.tsql import KINDS
    from bouncelens.service.tenant import line_to

    found = set[str]()
    with line_to(settings) as line:
        objects = Objects(line.sign_in, line.wire, Patience(3, 0.01, 0.02, 0.01))
        for account in settings.accounts:
            keys = OneOf("CustomerKey", tuple(f"bouncelens_{k}_{account.mid}" for k in KINDS))
            for kind in ("QueryDefinition", "DataExtension"):
                rows = objects.find(Account(account.mid, ""), kind, ("CustomerKey",), keys)
                found |= {str(row["CustomerKey"]) for row in rows}
    return found
