"""A sandbox within this process, SFTP and all, whose tables a test may look into and change."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn

from bouncelens.settings import Settings
from sfmc_sandbox.cli import listen_at, ready_line
from sfmc_sandbox.extensions import Field
from sfmc_sandbox.imports import ImportDefinition
from sfmc_sandbox.wire.app import make_app
from sfmc_sandbox.wire.sandbox import Sandbox
from sfmc_sandbox.wire.sftp import Sftp, start_sftp
from sfmc_sandbox.wire.tearing import TearableProtocol
from sfmc_sandbox.world.plan import Plan
from sfmc_sandbox.world.tenant import make_tenant

ADDRESS = "Email Address"
_PLAN = Plan(seed=3, bounces=60, months=1, until=datetime(2026, 6, 1, tzinfo=UTC))
# What changes nothing, though some of it is posted. SOAP is told by its action.
_READS = (
    *("GET ", "Retrieve ", "Describe ", "VersionInfo ", "GetSystemStatus "),
    *("POST /v2/token", "POST /automation/v1/queries/actions/validate", "POST /asset/v1/content"),
)
_FIRST = 1_000_000  # numbers of the people that tests add


@dataclass
class Inner:
    """The running sandbox and where it is."""

    sandbox: Sandbox
    said: Mapping[str, Any]
    asked: list[str]  # what was asked of it, in order, such as "Retrieve Subscriber"

    @property
    def mid(self) -> int:
        """A business unit that is nobody's parent."""
        return self.sandbox.tenant.units[1].mid

    def settings(self, folder: Path, **more: object) -> Settings:
        """Settings that lead to one business unit of it, with lake and ledger in `folder`."""
        sftp = self.said["sftp"]
        user = next(u for u in sftp["users"] if u["user"] == str(self.mid))
        for name, text in (("secret", self.said["client_secret"]), ("pass", user["password"])):
            (folder / name).write_text(text)
        table: dict[str, object] = {
            "lake": str(folder / "lake"),
            "ledger": f"sqlite:///{folder / 'ledger.db'}",
            "tenant": {
                "auth_url": self.said["auth_url"],
                "client_id": self.said["client_id"],
                "client_secret": f"file:{folder / 'secret'}",
            },
            "accounts": [{"mid": self.mid, "name": "Shop"}],
            "tracking": {
                **{name: sftp[name] for name in ("host", "port", "host_key")},
                "user": user["user"],
                "password": f"file:{folder / 'pass'}",
            },
            "retry": {"wait_s": 0.02, "wait_max_s": 0.1},
            "guard": {
                "list_pct": 100, "provider_pct": 100, "least": 10_000, "stale_hours": 1_000_000,
            },
        }  # fmt: skip
        return Settings.model_validate(table | more)

    def requests(self) -> int:
        """How many were answered since it began."""
        return len(self.asked)

    def writes(self, since: int = 0) -> list[str]:
        """Of what was asked since so many requests: what may change something."""
        return [told for told in self.asked[since:] if not told.startswith(_READS)]

    def make_list(self, key: str, update: str = "AddAndUpdate") -> None:
        """An auto-suppression list and an import of the same key, as made in the console."""
        fields = (
            Field(ADDRESS, "EmailAddress", 254, is_key=True, is_required=True),
            Field("Date Added", "Date"),
        )
        self.sandbox.extensions.make(self.mid, key, key, fields)
        spec = f"bouncelens_auto_suppression_{self.mid}.csv"
        self.sandbox.imports.add(
            ImportDefinition(self.mid, f"id-{key}", key, key, "", spec, update, True, key),
            self.sandbox.now(),
        )

    def listed(self, key: str) -> set[str]:
        """The addresses on a list."""
        return {address for (address,) in self._rows(key, f'"{ADDRESS}"')}

    def add_to_list(self, key: str, address: str) -> None:
        """What somebody else puts on a list."""
        table = self.sandbox.extensions.find(self.mid, key)
        assert table is not None
        self._run(f"INSERT INTO {table.table} VALUES (?, NULL)", address)

    def held_in(self, key: str) -> dict[str, dict[str, str]]:
        """The rows of a data extension by subscriber key; none where it was not made yet."""
        table = self.sandbox.extensions.find(self.mid, key)
        if table is None:
            return {}
        names = [f.name for f in table.fields]
        return {row[0]: dict(zip(names, row, strict=True)) for row in self._rows(key, "*")}

    def _rows(self, key: str, what: str) -> list[tuple[Any, ...]]:
        table = self.sandbox.extensions.find(self.mid, key)
        assert table is not None
        sql = f"SELECT {what} FROM {table.table}"
        return self.sandbox.tenant.db.cursor().execute(sql).fetchall()

    def people(self, statuses: Mapping[str, str], address: str = "") -> None:
        """Subscribers with these statuses, made or changed as by somebody else. `address`: of those
        that are made; else from the key."""
        for key, status in statuses.items():
            with self.sandbox.writing:
                if self.status(key) is None:
                    number = _FIRST + self._run("SELECT count(*) FROM subscriber")
                    self._run(
                        "INSERT INTO subscriber VALUES (?, ?, ?, ?, 'example.com', ?, ?, ?, "
                        "NULL, NULL, 0)",
                        *(number, number, key, address or f"{key}@example.com", self.mid, status),
                        self.sandbox.now(),
                    )
                else:
                    self._run(
                        "UPDATE subscriber SET status = ? WHERE mid = ? AND subscriber_key = ?",
                        *(status, self.mid, key),
                    )

    def status(self, key: str) -> str | None:
        """Somebody's status; None: no such subscriber."""
        found = self.sandbox.tenant.db.cursor().execute(
            "SELECT status FROM subscriber WHERE mid = ? AND subscriber_key = ?", [self.mid, key]
        )  # fmt: skip
        row = found.fetchone()
        return None if row is None else str(row[0])

    def forget_people(self) -> None:
        """Remove those that tests added."""
        self._run(f"DELETE FROM subscriber WHERE sub >= {_FIRST}")

    def _run(self, sql: str, *values: object) -> int:
        row = self.sandbox.tenant.db.cursor().execute(sql, list(values)).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def inner_sandbox() -> Iterator[Inner]:
    """A small tenant whose API takes every status and whose imports begin at once."""
    sandbox = Sandbox.of(make_tenant(_PLAN))
    sandbox.settable_statuses = frozenset({"Active", "Held", "Bounced", "Unsubscribed"})
    sandbox.runs.start_delay_s = sandbox.runs.least_s = 0.0
    listener = listen_at("127.0.0.1", 0)
    opened: list[Sftp] = []

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            opened.append(await start_sftp(sandbox))
            await super().startup(sockets)

        async def shutdown(self, sockets: Any = None) -> None:
            await opened[0].close()
            await super().shutdown(sockets)

    app, asked = make_app(sandbox), list[str]()

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        is_soap = str(scope["path"]).lower().endswith(".asmx")
        rest = f"{scope['method']} {scope['path']}"
        asked.append(str(scope.get("state", {}).get("told", rest)) if is_soap else rest)

    server = Server(
        uvicorn.Config(
            counting,
            http=TearableProtocol,
            log_level="critical",
            lifespan="off",
            ws="none",
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Inner(sandbox, ready_line(sandbox, listener, opened[0]), asked)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        sandbox.close()
