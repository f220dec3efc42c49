"""A sandbox in this process whose clock is moved by hand, pulled by query as it moves, with the
planted truth beside it: for the tests of incidents and for their bench."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn

from bouncelens.service import incident
from bouncelens.service.pull import Asked, PullResult, pull
from bouncelens.service.suppress.decisions import decisions, policy_of
from bouncelens.service.workspace import Workspace
from bouncelens.settings import Settings
from bouncelens.store.ledger.incidents import Incident
from sfmc_sandbox.wire.app import make_app
from sfmc_sandbox.wire.sandbox import Sandbox
from sfmc_sandbox.world.plan import Plan, Tale, Unit
from sfmc_sandbox.world.tenant import make_tenant

MID = 7_000_500
UNIT = Unit(MID, "Elm Street", None, 1.0, "news.elm-street.example", ("192.0.2.50",))
GMAIL = "gmail_false_bounce"
# The two outages of Gmail, as Google dated them.
FIRST = (datetime(2020, 12, 14, 22, 16, tzinfo=UTC), datetime(2020, 12, 15, 0, 38, tzinfo=UTC))
SECOND = (datetime(2020, 12, 15, 19, 38, tzinfo=UTC), datetime(2020, 12, 15, 23, 57, tzinfo=UTC))
_QUERY = {"poll_s": 0.02, "grace_s": 1, "window_days": 400, "keep": True}

Key = tuple[int, str]


def tale(name: str, spans: Sequence[tuple[datetime, datetime]], **more: Any) -> Tale:
    """A story of one or two spans, to which no job belongs: mail is sent by hand."""
    start, end = spans[0][0], spans[-1][1]
    given: dict[str, Any] = {
        "reason": "unknown_user", "unit": None, "families": ("google",), "odds": 0.5, "jobs": 0,
    }  # fmt: skip
    if len(spans) > 1:
        given["rest"] = tuple((m - start) / timedelta(hours=1) for m in (spans[0][1], spans[1][0]))
    return Tale(name, at=start, days=(end - start) / timedelta(days=1), **given | more)


@dataclass
class Town:
    """A tenant with its lake. Times are those of its clock, UTC."""

    sandbox: Sandbox
    workspace: Workspace
    seconds: dict[str, float] = field(default_factory=lambda: {"pull": 0.0, "watch": 0.0})

    @property
    def now(self) -> datetime:
        """The tenant's present moment."""
        return datetime.fromtimestamp(self.sandbox.flow.clock.now_ms / 1000, UTC)

    @property
    def people(self) -> int:
        """How many there are."""
        return len(self.sandbox.tenant.setting.people)

    def go_to(self, moment: datetime) -> None:
        """Let time pass until then."""
        self.sandbox.flow.clock.move((moment - self.now).total_seconds())
        self.sandbox.flow.advance()

    def send(self, size: int) -> int:
        """Mail so many people; the JobID."""
        return self.sandbox.flow.send(MID, size)

    def pull(self) -> PullResult:
        """Everything new by query, with the look that ends it."""
        result = pull(self.workspace, Asked(), now=self.now)
        assert not result.partial, result.partial
        assert result.watched is not None
        self.seconds["pull"] += result.seconds
        self.seconds["watch"] += result.watched.seconds
        return result

    def rows(self) -> list[dict[str, Any]]:
        """What was planted and has happened."""
        return list(self.sandbox.tenant.truth.to_pylist())

    def truth(self, story: str = GMAIL) -> list[dict[str, Any]]:
        """Bounces of living people that the story made, oldest first."""
        found = [row for row in self.rows() if row["story"] == story and row["is_alive"]]
        return sorted(found, key=lambda row: row["event_time"])

    def dead(self) -> set[Key]:
        """Whose addresses are dead, of those who bounced."""
        return {(r["account"], r["subscriber_key"]) for r in self.rows() if not r["is_alive"]}

    def suppressed(self, without: Sequence[Incident] = ()) -> set[Key]:
        """Whom the policy suppresses, where these incidents are not believed."""
        policy = policy_of(self.workspace)
        made = decisions(self.workspace, policy, self.now, without=tuple(without))
        return {(d.suppression.account, d.suppression.subscriber_key) for d in made}

    def incidents(self) -> tuple[Incident, ...]:
        """Those that are known, oldest first."""
        return incident.incidents(self.workspace)[::-1]


@contextmanager
def town(
    folder: Path, plan: Plan, *, kind: type[Workspace] = Workspace, **more: Any
) -> Iterator[Town]:
    """A running tenant of a plan, and an empty lake. `more`: settings."""
    sandbox = Sandbox.of(make_tenant(plan))
    sandbox.runs.start_delay_s = sandbox.runs.least_s = 0.0
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            make_app(sandbox), log_level="critical", lifespan="off", ws="none", date_header=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            with kind.open(_settings(folder, sandbox, url, more)) as workspace:
                yield Town(sandbox, workspace)
        finally:
            server.should_exit = True
            thread.join()
            sandbox.close()


def _settings(folder: Path, sandbox: Sandbox, url: str, more: dict[str, Any]) -> Settings:
    secret = folder / "secret"
    secret.write_text(sandbox.client_secret)
    table: dict[str, Any] = {
        "lake": str(folder / "lake"),
        "ledger": f"sqlite:///{folder / 'bouncelens.db'}",
        "tenant": {
            "auth_url": url,
            "client_id": sandbox.client_id,
            "client_secret": f"file:{secret}",
        },
        "accounts": [{"mid": unit.mid, "name": unit.name} for unit in sandbox.tenant.units],
        "routes": ["query"],
        "query": _QUERY,
        "retry": {"wait_s": 0.02, "wait_max_s": 0.1},
    }
    return Settings.model_validate(table | more)
