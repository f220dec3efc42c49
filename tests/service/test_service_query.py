"""Pulling by query: all that was planted, with everything around it, and nothing left behind."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pyarrow as pa
import pytest
from light_workspace import LightWorkspace
from pull_child import pull_in_zone

from bouncelens.bounce import IDENTITY, Account
from bouncelens.errors import (
    ForbiddenNow,
    InputInvalid,
    SettingsInvalid,
    SignInRefused,
    SourceError,
)
from bouncelens.extract.envelope import OneOf
from bouncelens.extract.limits import Patience
from bouncelens.extract.objects import Objects
from bouncelens.extract.tsql import KINDS
from bouncelens.service.pull import Asked, pull
from bouncelens.service.tenant import line_to
from bouncelens.settings import Settings
from sandbox_process import Sandbox, running_sandbox

# Children are forked from a process that has everything imported and no thread.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pull_child"])
QUICK = {"poll_s": 0.05, "grace_s": 1, "window_days": 400}


def identities(table: pa.Table) -> list[tuple[object, ...]]:
    return sorted(tuple(row.values()) for row in table.select(list(IDENTITY)).to_pylist())


def planted(sandbox: Sandbox, *mids: int) -> list[tuple[object, ...]]:
    """All of it: four months, so that the data views show everything."""
    return [i for i in identities(sandbox.truth) if i[0] in mids]


def begun(settings: Settings, zone: str = "UTC") -> multiprocessing.process.BaseProcess:
    """A pull in a process of its own."""
    child = FORKS.Process(target=pull_in_zone, args=(settings.model_dump_json(), zone))
    child.start()
    return child


def stored(settings: Settings) -> list[tuple[object, ...]]:
    with LightWorkspace.open(settings) as workspace:
        return identities(workspace.lake.read("bounces"))


def settings_of(sandbox: Sandbox, folder: Path, *numbers: int, **more: object) -> Settings:
    accounts = [{"mid": mid, "name": n} for mid, n in (sandbox.accounts[i] for i in numbers)]
    told = {"routes": ["query"], "query": QUICK, "accounts": accounts, "sends": {}} | more
    return sandbox.settings(folder, **told)


def left_in(settings: Settings) -> set[str]:
    """The keys of what the query route made and did not remove."""
    found = set[str]()
    with line_to(settings) as line:
        objects = Objects(line.sign_in, line.wire, Patience(3, 0.01, 0.02, 0.01))
        for account in settings.accounts:
            keys = OneOf("CustomerKey", tuple(f"bouncelens_{k}_{account.mid}" for k in KINDS))
            for kind in ("QueryDefinition", "DataExtension"):
                unit = Account(account.mid, "")
                rows = objects.find(unit, kind, ("CustomerKey",), keys)
                found |= {str(row["CustomerKey"]) for row in rows}
    return found


@contextmanager
def trouble(sandbox: Sandbox, *names: str) -> Iterator[None]:
    for name in names:
        httpx2.post(f"{sandbox.url}/_sandbox/scenarios", json={"name": name, "on": True})
    try:
        yield
    finally:
        for name in names:
            httpx2.post(f"{sandbox.url}/_sandbox/scenarios", json={"name": name, "on": False})


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A small one whose queries do not wait in a queue."""
    arguments = ("--seed", "7", "--bounces", "2500", "--months", "4", "--query-wait-s", "0.02")
    with running_sandbox(tmp_path_factory.mktemp("queries"), *arguments) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def pulled(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightWorkspace]:
    """A workspace after a pull by query of the parent and one child."""
    settings = settings_of(sandbox, tmp_path_factory.mktemp("queried"), 0, 3)
    with LightWorkspace.open(settings) as workspace:
        result = pull(workspace)
        assert (result.exit_code, result.known, result.quarantined) == (0, 0, 0), result.partial
        assert left_in(settings) == set()
        yield workspace


def test_what_the_views_show_arrives_and_nothing_else(
    sandbox: Sandbox, pulled: LightWorkspace
) -> None:
    mids = [account.mid for account in pulled.settings.accounts]
    assert len(planted(sandbox, *mids)) > 50
    assert identities(pulled.lake.read("bounces")) == planted(sandbox, *mids)


def test_the_rich_columns_are_there(pulled: LightWorkspace) -> None:
    bounces = pulled.lake.read("bounces")
    full = (
        *("list_id", "subscriber_id", "address", "domain", "reply_text", "sfmc_category"),
        *("sfmc_subcategory", "sfmc_type", "sfmc_category_id", "is_unique", "is_false_bounce"),
    )
    assert {name: bounces[name].null_count for name in full} == dict.fromkeys(full, 0)
    assert set(bounces["routes"].to_pylist()) == {"query"}
    assert not any(bounces["is_reply_cut"].to_pylist())


def test_jobs_have_names_and_sends_agree_with_their_totals(pulled: LightWorkspace) -> None:
    jobs = {job["job"]: job for job in pulled.lake.read("jobs").to_pylist()}
    assert all(job["email_name"] and job["category"] for job in jobs.values())
    sent: dict[int, int] = {}
    for row in pulled.lake.read("sends").to_pylist():
        assert row["domain"]
        sent[row["job"]] = sent.get(row["job"], 0) + row["sent"]
    assert len(jobs) > 5
    assert sent == {number: job["number_sent"] for number, job in jobs.items()}


def test_who_bounced_is_there_with_a_status(pulled: LightWorkspace) -> None:
    people = {p["subscriber_key"]: p for p in pulled.lake.read("subscribers").to_pylist()}
    bounced = set(pulled.lake.read("bounces")["subscriber_key"].to_pylist())
    assert bounced <= people.keys()
    assert {people[key]["status"] for key in bounced} <= {
        *("active", "bounced", "held", "unsubscribed")
    }
    assert any(person["last_open"] for person in people.values())
    assert any(person["unsubscribed_time"] for person in people.values())


def test_pulling_again_changes_nothing(sandbox: Sandbox, pulled: LightWorkspace) -> None:
    before = pulled.lake.versions()
    name = pulled.settings.accounts[1].name
    result = pull(pulled, Asked((name,), since=datetime.now(UTC) - timedelta(days=90)))
    assert (result.stored, result.exit_code) == (0, 0)
    assert result.known == result.received > 0
    # Whoever was looked at again was looked at later.
    assert pulled.lake.versions() | {"subscribers": 0} == before | {"subscribers": 0}


def test_one_job_by_every_trouble_the_wire_has(sandbox: Sandbox, tmp_path: Path) -> None:
    mid = sandbox.accounts[3][0]
    everything = planted(sandbox, mid)
    job = int(str(everything[len(everything) // 2][1]))
    settings = settings_of(sandbox, tmp_path, 3)
    names = ("expired-token", "soap-500", "reset-mid-page", "page-expires", "isrunning-race")
    with LightWorkspace.open(settings) as workspace, trouble(sandbox, *names, "maintenance"):
        result = pull(workspace, Asked(job=job))
        assert (result.exit_code, result.notes) == (0, ()), result.partial
        found = identities(workspace.lake.read("bounces"))
        assert found == [i for i in everything if i[1] == job]
        assert set(workspace.lake.read("sends")["job"].to_pylist()) == {job}
        assert workspace.ledger.bookmarks() == {}
    assert left_in(settings) == set()


def test_one_domain_moves_no_bookmark_either(sandbox: Sandbox, tmp_path: Path) -> None:
    mid = sandbox.accounts[3][0]
    with LightWorkspace.open(settings_of(sandbox, tmp_path, 3)) as workspace:
        result = pull(workspace, Asked(domain="GMAIL.com"))
        bounces = workspace.lake.read("bounces")
        assert set(bounces["domain"].to_pylist()) == {"gmail.com"}
        assert len(bounces) == result.received > 0
        assert workspace.ledger.bookmark(mid, "query") is None
        pull(workspace, now=datetime.now(UTC).replace(microsecond=0))
        assert identities(workspace.lake.read("bounces")) == planted(sandbox, mid)
        assert workspace.ledger.bookmark(mid, "query") is not None


def test_partial_rows_are_never_green(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(sandbox, tmp_path, 3)
    with LightWorkspace.open(settings) as workspace, trouble(sandbox, "query-partial-rows"):
        words = r"failed 3 times: .* part of its rows was written"
        with pytest.raises(SourceError, match=words):
            pull(workspace, Asked(job=int(str(planted(sandbox, sandbox.accounts[3][0])[0][1]))))
        assert len(workspace.lake.read("bounces")) == 0
        assert workspace.ledger.bookmarks() == {}
    assert left_in(settings) == set()


def test_a_missing_scope_is_said_with_what_to_click(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(sandbox, tmp_path, 3)
    with LightWorkspace.open(settings) as workspace, trouble(sandbox, "scope-missing"):
        with pytest.raises(SignInRefused, match="Installed Packages, open the package and tick"):
            pull(workspace)
        assert workspace.ledger.runs()[0].outcome == "failed"


KILLS = 5


def test_killed_anywhere_loses_doubles_and_leaves_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    settings, chance = settings_of(sandbox, tmp_path, 3), random.Random(5)
    left, counts = list[set[str]](), list[int]()
    for _ in range(KILLS):
        child = begun(settings)
        while child.is_alive() and not left_in(settings):
            time.sleep(0.02)  # until it is in the midst of it, however slow this machine is
        child.join(1.5 * chance.random())
        child.kill()
        child.join()
        left.append(left_in(settings))
        counts.append(len(stored(settings)))
    assert counts == sorted(counts)
    assert any(left), "no kill hit a run in its work"
    with LightWorkspace.open(settings) as workspace:
        assert pull(workspace).exit_code == 0
    assert stored(settings) == planted(sandbox, sandbox.accounts[3][0])
    assert left_in(settings) == set()


def test_two_at_once_in_other_zones_take_turns(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(sandbox, tmp_path, 3)
    children = [begun(settings, zone) for zone in ("America/New_York", "Europe/Vienna")]
    for child in children:
        child.join(100)
        assert child.exitcode == 0
    assert stored(settings) == planted(sandbox, sandbox.accounts[3][0])
    assert left_in(settings) == set()


def test_what_is_kept_is_empty_and_used_again(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(sandbox, tmp_path, 3, query=QUICK | {"keep": True})
    mid = sandbox.accounts[3][0]
    job = int(str(planted(sandbox, mid)[0][1]))
    with LightWorkspace.open(settings) as workspace:
        assert pull(workspace, Asked(job=job)).exit_code == 0
    kept = {f"bouncelens_{kind}_{mid}" for kind in ("bounces", "sends", "jobs")}
    assert left_in(settings) == kept
    with LightWorkspace.open(settings_of(sandbox, tmp_path, 3)) as workspace:
        assert pull(workspace, Asked(job=job)).known > 0
    assert left_in(settings) == set()


def test_at_a_forbidden_time_nothing_is_asked(sandbox: Sandbox, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    hours = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=1):%H:%M}"
    settings = settings_of(sandbox, tmp_path, 3, 4, calls={"forbidden": [hours]})
    with LightWorkspace.open(settings) as workspace:
        for routes in (("query",), ("soap",)):
            with pytest.raises(ForbiddenNow, match=r"calls\.forbidden"):
                pull(workspace, Asked(routes=routes))
        assert workspace.ledger.runs()[0].outcome == "failed"


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        (Asked(since=datetime(2099, 1, 1, tzinfo=UTC)), InputInvalid, "lies in the future"),
        (Asked(routes=("carrier",)), InputInvalid, "No route is called 'carrier'"),
        (Asked(routes=("tracking",)), SettingsInvalid, "no tracking.host"),
        (Asked(routes=("soap",), domain="a.example"), InputInvalid, "soap route cannot be asked"),
        (Asked(domain="no domain"), InputInvalid, "is no domain"),
        (Asked(job=-4), InputInvalid, "is no job"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    sandbox: Sandbox, tmp_path: Path, asked: Asked, error: type[Exception], words: str
) -> None:
    with (
        LightWorkspace.open(settings_of(sandbox, tmp_path, 3)) as workspace,
        pytest.raises(error, match=words),
    ):
        pull(workspace, asked, now=NOW)


@pytest.mark.parametrize(
    ("routes", "asked", "taken"),
    [
        (("soap", "tracking"), Asked(), ("soap",)),
        (("soap", "query"), Asked(domain="a.example"), ("query",)),
        (("soap", "query"), Asked(job=1), ("soap", "query")),
        (("soap",), Asked(routes=("query", "query")), ("query",)),
    ],
)
def test_the_routes_are_those_that_can(
    routes: tuple[str, ...], asked: Asked, taken: tuple[str, ...]
) -> None:
    assert asked.route_names(Settings.model_validate({"routes": routes})) == taken


@pytest.mark.parametrize(
    ("settings", "asked", "words"),
    [
        ({"routes": ("tracking",)}, Asked(), "it has no host"),
        (
            {"routes": ("tracking",), "tracking": {"host": "sftp.example"}},
            Asked(accounts=(1,)),
            "extracts hold any account",
        ),
    ],
)
def test_a_pull_by_no_route_is_refused_rather_than_green(
    settings: dict[str, object], asked: Asked, words: str
) -> None:
    with pytest.raises(SettingsInvalid, match=words):
        asked.route_names(Settings.model_validate(settings))
