"""The whole life of a bounce over a sandbox in a temporary folder, and a check of it against
what was planted: nothing lost, nothing doubled, and how often the reason is right."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bouncelens.bounce import IDENTITY
from bouncelens.service.order import OrderResult, Waiting, order_extracts
from bouncelens.service.order import Wanted as Extract
from bouncelens.service.pull import PullResult, pull
from bouncelens.service.sandbox import Sandbox, running
from bouncelens.service.suppress import Plan, plan
from bouncelens.service.workspace import Workspace
from bouncelens.settings import Settings, load
from bouncelens.settings.owned import owned_file
from bouncelens.store.scratch import temporary_folder

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.service.pull import Progress

_SECRET = "client_secret"  # noqa: S105 - the name of a file
_PASSWORD = "sftp_password"  # noqa: S105 - the name of a file
_EXTRACT = Waiting(most_s=120.0, look_s=0.2)
_EVERYBODY = 10**9
_DAYS_BEFORE = 31  # the first pull reaches a little beyond the planted history


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the sandbox shall plant."""

    seed: int = 7
    bounces: int = 60_000
    months: int = 12


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that has pulled, judged and planned. Valid while its block runs."""

    workspace: Workspace
    sandbox: Sandbox
    pulled: PullResult
    extracts: OrderResult
    planned: Plan
    truth: Path
    start_s: float  # until the sandbox was ready
    pull_s: float
    plan_s: float


@dataclass(frozen=True, slots=True)
class Checked:
    """The lake against the truth. Percentages are of stored bounces."""

    planted: int
    stored: int
    lost: int  # planted, not stored
    doubled: int  # rows beyond the first of an identity
    foreign: int  # stored, never planted
    quarantined: int
    classified_pct: float
    reason_accuracy: float  # share, 0 to 1
    hard_but_alive: int  # planted as living, judged hard
    suppressions: int
    suppressed_but_alive: int
    suppressions_by_reason: tuple[tuple[str, int], ...]
    wrong_reasons: tuple[tuple[str, str, int], ...]  # planted, judged, how often; worst first
    pages: int
    accounts: int
    seconds: float
    start_s: float
    pull_s: float
    plan_s: float

    @property
    def is_whole(self) -> bool:
        """Whether nothing was lost or doubled."""
        return not (self.lost or self.doubled or self.foreign)


Told = Callable[[str, float, str], None]  # step, share done, detail


@contextmanager
def demo(wanted: Wanted, told: Told = lambda *_: None) -> Iterator[Demo]:
    """Everything up to the first screen; sandbox and folder end with the block."""
    began = time.monotonic()
    with temporary_folder() as folder:
        truth = folder / "truth.parquet"
        told("Planting a year of bounces", 0.0, "")
        with running(_arguments(wanted, truth)) as sandbox:
            ready = time.monotonic()
            told("Planting a year of bounces", 1.0, f"{sandbox.planted:,} bounces")
            settings = _settings(folder, sandbox, wanted)
            with Workspace.open(settings) as workspace:
                pulled = pull(workspace, progress=lambda at: told(*_at(at)))
                told("Ordering an extract", 0.0, "")
                extracts = order_extracts(workspace, Extract(), waiting=_EXTRACT)
                told(
                    "Ordering an extract", 1.0, f"{sum(f.received for f in extracts.files):,} rows"
                )
                stored = time.monotonic()
                told("Planning suppressions", 0.0, "")
                planned = plan(workspace, limit=_EVERYBODY)
                ended = time.monotonic()
                told("Planning suppressions", 1.0, f"{len(planned.suppressions):,} proposed")
                spans = (ready - began, stored - ready, ended - stored)
                yield Demo(workspace, sandbox, pulled, extracts, planned, truth, *spans)


def check(run: Demo) -> Checked:
    """Compare what was stored with what was planted."""
    import pyarrow.parquet as pq

    truth = pq.read_table(run.truth)
    bounces = run.workspace.lake.read("bounces")
    verdicts = _by_template(run.workspace.lake.read("verdicts"))
    planted = dict(zip(_identities(truth), _rows(truth, "reason", "is_alive"), strict=True))
    stored = dict(zip(_identities(bounces), bounces["template_id"].to_pylist(), strict=True))
    wrong: dict[tuple[str, str], int] = {}
    right = classified = hard_alive = 0
    for identity, template in stored.items():
        reason, hardness = verdicts.get(template or 0, ("unclassified", "unknown"))
        classified += reason != "unclassified"
        if identity in planted:
            meant, is_alive = planted[identity]
            right += reason == meant
            hard_alive += bool(is_alive) and hardness == "hard"
            if reason != meant:
                wrong[meant, reason] = wrong.get((meant, reason), 0) + 1
    lost = len(planted.keys() - stored.keys())
    living = {(key[0], key[3]) for key, (_, is_alive) in planted.items() if is_alive}
    suppressed = {(s.account, s.subscriber_key) for s in run.planned.suppressions}
    worst = sorted(wrong.items(), key=lambda item: -item[1])[:10]
    return Checked(
        planted=len(truth),
        stored=len(bounces),
        lost=lost,
        doubled=len(bounces) - len(stored),
        foreign=len(stored.keys() - planted.keys()),
        quarantined=run.pulled.quarantined,
        classified_pct=round(100 * classified / max(len(stored), 1), 2),
        reason_accuracy=round(right / max(len(stored), 1), 4),
        hard_but_alive=hard_alive,
        suppressions=len(run.planned.suppressions),
        suppressed_but_alive=len(living & suppressed),
        suppressions_by_reason=run.planned.by_reason,
        wrong_reasons=tuple((meant, said, count) for (meant, said), count in worst),
        pages=run.pulled.pages,
        accounts=len({pulled.mid for pulled in run.pulled.accounts}),
        seconds=round(run.start_s + run.pull_s + run.plan_s, 1),
        start_s=round(run.start_s, 1),
        pull_s=round(run.pull_s, 1),
        plan_s=round(run.plan_s, 1),
    )


def _arguments(wanted: Wanted, truth: Path) -> list[str]:
    return [
        *("--port", "0", "--seed", str(wanted.seed), "--bounces", str(wanted.bounces)),
        *("--months", str(wanted.months), "--truth", str(truth)),
        *("--query-wait-s", "0.1"),
    ]


def _settings(folder: Path, sandbox: Sandbox, wanted: Wanted) -> Settings:
    """A settings file as a person would have one, and the settings it holds: every route is on."""
    from bouncelens.service.init import Answers, text_of

    _keep(folder / _SECRET, sandbox.client_secret)
    _keep(folder / _PASSWORD, sandbox.sftp.password)
    answers = Answers(
        subdomain="",
        client_id=sandbox.client_id,
        client_secret=f"file:{_SECRET}",
        accounts=sandbox.accounts,
        data_extension=sandbox.sends_data_extension,
    )
    path = folder / "bouncelens.toml"
    text = text_of(answers)
    path.write_text(text.replace('routes = ["soap"', 'routes = ["query", "soap"'), "utf-8")
    days = wanted.months * 31 + _DAYS_BEFORE
    return load(
        path,
        {
            "BOUNCELENS_TENANT__AUTH_URL": sandbox.auth_url,
            "BOUNCELENS_SOAP__HISTORY_DAYS": str(days),
            # Nobody else waits for this tenant.
            "BOUNCELENS_QUERY__GRACE_S": "0.5",
            "BOUNCELENS_QUERY__POLL_S": "0.1",
            "BOUNCELENS_TRACKING__HOST": sandbox.sftp.host,
            "BOUNCELENS_TRACKING__PORT": str(sandbox.sftp.port),
            "BOUNCELENS_TRACKING__USER": sandbox.sftp.user,
            "BOUNCELENS_TRACKING__PASSWORD": f"file:{folder / _PASSWORD}",
            "BOUNCELENS_TRACKING__HOST_KEY": sandbox.sftp.host_key,
        },
    )


def _keep(path: Path, secret: str) -> None:
    with owned_file(path) as file:
        file.write(secret)


def _at(at: Progress) -> tuple[str, float, str]:
    done = (at.number - 1 + at.done) / at.of
    return "Pulling and judging", done, f"{at.account.name}: {at.step}, {at.rows:,} bounces"


def _identities(table: pa.Table) -> Iterator[tuple[object, ...]]:
    columns = []
    for name in IDENTITY:
        column = table[name]
        if name == "event_time":
            import pyarrow as pa

            column = column.cast(pa.timestamp("s", "UTC"), safe=False).cast(pa.int64())
        columns.append(column.to_pylist())
    return zip(*columns, strict=True)


def _rows(table: pa.Table, *names: str) -> Iterator[tuple[str, bool]]:
    return zip(*(table[name].to_pylist() for name in names), strict=True)


def _by_template(verdicts: pa.Table) -> dict[int, tuple[str, str]]:
    columns = (verdicts[name].to_pylist() for name in ("template_id", "reason", "hardness"))
    return {key: (reason, hardness) for key, reason, hardness in zip(*columns, strict=True)}
