"""Pulling: everything that was planted arrives once, whatever happens on the way."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from light_workspace import LightWorkspace

from bouncelens.bounce import IDENTITY
from bouncelens.errors import InputInvalid, SettingsInvalid, SignInRefused, SourceError
from bouncelens.service.pull import Asked, Progress, pull, totals
from bouncelens.settings import Settings
from sandbox_process import Sandbox, running_sandbox

CHILD = Path(__file__).with_name("pull_child.py")


def identities(table: pa.Table) -> list[tuple[object, ...]]:
    return sorted(tuple(row.values()) for row in table.select(list(IDENTITY)).to_pylist())


def planted(sandbox: Sandbox, *mids: int) -> list[tuple[object, ...]]:
    return [i for i in identities(sandbox.truth) if not mids or i[0] in mids]


def two(sandbox: Sandbox) -> list[dict[str, object]]:
    """Two of the accounts, for tests that pull several times."""
    return [{"mid": mid, "name": name} for mid, name in sandbox.accounts[3:5]]


def stored(settings: Settings) -> list[tuple[object, ...]]:
    with LightWorkspace.open(settings) as workspace:
        return identities(workspace.lake.read("bounces"))


@pytest.fixture(scope="module")
def pulled(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightWorkspace]:
    """A workspace after one pull of everything."""
    folder = tmp_path_factory.mktemp("pulled")
    with LightWorkspace.open(sandbox.settings(folder)) as workspace:
        result = pull(workspace)
        assert result.exit_code == 0, result.partial
        assert (result.stored, result.known, result.quarantined) == (sandbox.planted, 0, 0)
        yield workspace


def test_everything_planted_arrives_and_nothing_else(
    sandbox: Sandbox, pulled: LightWorkspace
) -> None:
    assert identities(pulled.lake.read("bounces")) == planted(sandbox)


def test_every_bounce_has_a_template_and_every_template_a_verdict(pulled: LightWorkspace) -> None:
    of_bounces = set(pulled.lake.read("bounces")["template_id"].to_pylist())
    of_templates = set(pulled.lake.read("templates")["template_id"].to_pylist())
    of_verdicts = set(pulled.lake.read("verdicts")["template_id"].to_pylist())
    assert of_bounces == of_templates == of_verdicts


def test_soap_bounces_get_their_addresses_from_subscriber(pulled: LightWorkspace) -> None:
    bounces = pulled.lake.read("bounces")
    assert bounces["address"].null_count == 0
    assert bounces["domain"].null_count == 0
    assert "google" in set(bounces["provider"].to_pylist())


def test_jobs_and_sends_agree_on_how_much_was_sent(pulled: LightWorkspace) -> None:
    jobs = {r["job"]: r["number_sent"] for r in pulled.lake.read("jobs").to_pylist()}
    sent: dict[int, int] = {}
    for row in pulled.lake.read("sends").to_pylist():
        sent[row["job"]] = sent.get(row["job"], 0) + row["sent"]
    assert sent == jobs


def test_pulling_again_stores_nothing_and_changes_nothing(
    sandbox: Sandbox, pulled: LightWorkspace
) -> None:
    before = pulled.lake.versions()
    result = pull(pulled)
    assert result.stored == 0
    assert result.known == result.received
    assert pulled.lake.versions() == before


def test_overlapping_windows_double_nothing(sandbox: Sandbox, pulled: LightWorkspace) -> None:
    result = pull(pulled, Asked(since=datetime.now(UTC) - timedelta(days=120)))
    assert result.stored == 0
    assert result.known > 0
    assert identities(pulled.lake.read("bounces")) == planted(sandbox)


def test_the_bookmark_stands_at_the_windows_end(sandbox: Sandbox, pulled: LightWorkspace) -> None:
    end = datetime.now(UTC).replace(microsecond=0)
    pull(pulled, now=end)
    assert pulled.ledger.bookmarks() == {(mid, "soap"): end for mid, _ in sandbox.accounts}


def test_a_later_start_leaves_the_bookmark_where_the_gap_begins(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    half = datetime.now(UTC) - timedelta(days=180)
    mid = sandbox.accounts[1][0]
    with LightWorkspace.open(sandbox.settings(tmp_path)) as workspace:
        pull(workspace, Asked((mid,)), now=half)
        assert workspace.ledger.bookmark(mid, "soap") == half.replace(microsecond=0)
        pull(workspace, Asked((mid,), since=datetime.now(UTC) - timedelta(days=30)))
        assert workspace.ledger.bookmark(mid, "soap") == half.replace(microsecond=0)
        pull(workspace, Asked((mid,)))
        expected = [identity for identity in planted(sandbox) if identity[0] == mid]
        assert identities(workspace.lake.read("bounces")) == expected


def test_progress_tells_accounts_steps_and_rows(sandbox: Sandbox, tmp_path: Path) -> None:
    told: list[Progress] = []
    name = sandbox.accounts[2][1]
    with LightWorkspace.open(sandbox.settings(tmp_path)) as workspace:
        result = pull(workspace, Asked((name.upper(),)), progress=told.append)
    assert {t.account.name for t in told} == {name}
    assert list(dict.fromkeys(t.step for t in told)) == ["jobs", "bounces", "sends"]
    shares = [t.done for t in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1], told[-1].rows) == (0.0, 1.0, result.received)


@pytest.mark.parametrize(
    "scenarios", [("throttled", "expired-token"), ("soap-500", "reset-mid-page")], ids=" and ".join
)
def test_trouble_on_the_wire_loses_nothing(tmp_path: Path, scenarios: tuple[str, ...]) -> None:
    trouble = [part for name in scenarios for part in ("--scenario", name)]
    arguments = ("--seed", "3", "--bounces", "700", "--months", "2", "--live-elements")
    with running_sandbox(tmp_path, *arguments, *trouble) as sandbox:
        # Small pages: many calls, so that trouble has its chances. REST asks for 5 s each time.
        settings = sandbox.settings(tmp_path, soap={"batch_size": 100}, sends={})
        with LightWorkspace.open(settings) as workspace:
            result = pull(workspace)
        assert result.exit_code == 0, result.partial
        assert stored(settings) == planted(sandbox)


def test_more_than_one_page_of_2500_arrives_whole(tmp_path: Path) -> None:
    arguments = ("--seed", "5", "--bounces", "9000", "--months", "2")
    with running_sandbox(tmp_path, *arguments) as sandbox:
        soap = {"window_hours": 24 * 90, "addresses": False}
        settings = sandbox.settings(tmp_path, soap=soap, sends={})
        with LightWorkspace.open(settings) as workspace:
            result = pull(workspace, Asked((sandbox.accounts[1][0],)))
        assert result.received > 2500
        assert stored(settings) == planted(sandbox, sandbox.accounts[1][0])


# After which line of progress the process is killed, and how much later.
KILLS = [(1, 0.0), (4, 0.05), (7, 0.1), (10, 0.0), (12, 0.2)]


def test_killed_in_the_middle_and_run_again_loses_and_doubles_nothing(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    settings = sandbox.settings(tmp_path, accounts=two(sandbox))
    everything = planted(sandbox, *(int(str(a["mid"])) for a in two(sandbox)))
    command = [sys.executable, str(CHILD), settings.model_dump_json()]
    counts = []
    for line, delay_s in KILLS:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(line):
                child.stdout.readline()
            time.sleep(delay_s)
            child.kill()
        assert child.returncode == -9
        counts.append(len(stored(settings)))
    assert counts == sorted(counts)
    assert counts[0] < len(everything), "the first kill came too late to mean anything"
    with LightWorkspace.open(settings) as workspace:
        assert pull(workspace).exit_code == 0
    assert stored(settings) == everything


def test_two_pulls_at_once_store_everything_once(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = sandbox.settings(tmp_path, accounts=two(sandbox))
    everything = planted(sandbox, *(int(str(a["mid"])) for a in two(sandbox)))
    command = [sys.executable, str(CHILD), settings.model_dump_json()]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for child in children:
        out, _ = child.communicate(timeout=100)
        assert out.endswith("done\n")
    assert stored(settings) == everything


def test_a_wrong_secret_is_a_refusal_and_stored_nowhere(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = sandbox.settings(tmp_path)
    (tmp_path / "secret").write_text("canary-wrong-secret")
    with LightWorkspace.open(settings) as workspace:
        with pytest.raises(SignInRefused, match="copy client id and secret") as caught:
            pull(workspace)
        (run,) = workspace.ledger.runs()
    assert run.outcome == "failed"
    assert "canary" not in f"{caught.value} {run}"


def test_an_unreachable_tenant_is_said_with_its_host(sandbox: Sandbox, tmp_path: Path) -> None:
    tenant = {"auth_url": "http://127.0.0.1:9/", "client_id": "x", "client_secret": "env:PATH"}
    with (
        LightWorkspace.open(sandbox.settings(tmp_path, tenant=tenant)) as workspace,
        pytest.raises(SourceError, match=r"127\.0\.0\.1 cannot be reached"),
    ):
        pull(workspace)


def test_one_account_that_fails_leaves_the_run_partial(sandbox: Sandbox, tmp_path: Path) -> None:
    good = {"mid": sandbox.accounts[1][0], "name": "good"}
    settings = sandbox.settings(tmp_path, accounts=[{"mid": 99, "name": "odd"}, good])
    with LightWorkspace.open(settings) as workspace:
        result = pull(workspace)
        (run,) = workspace.ledger.runs()
    assert result.exit_code == 3
    assert len(result.partial) == 1
    assert result.partial[0].startswith("odd, jobs: ")
    assert [bool(a.failed) for a in result.accounts] == [True, False]
    assert result.stored > 0
    assert (run.outcome, run.counts["stored"]) == ("partial", result.stored)


def test_without_the_data_extension_bounces_arrive_and_the_run_is_partial(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    settings = sandbox.settings(tmp_path, sends={"data_extension": "gone"})
    with LightWorkspace.open(settings) as workspace:
        result = pull(workspace, Asked((sandbox.accounts[3][0],)))
    assert result.exit_code == 3
    assert "sends.data_extension" in result.partial[0]
    assert result.stored > 0


def test_what_cannot_be_asked_is_said_before_anything_is(sandbox: Sandbox, tmp_path: Path) -> None:
    for more, wanted, error, words in (
        ({"accounts": []}, (), SettingsInvalid, "no account"),
        ({}, ("Nowhere",), InputInvalid, "Alderbrook"),
        ({"tenant": {}}, (), SettingsInvalid, "subdomain is empty"),
        ({"tenant": {"subdomain": "mcx"}}, (), SettingsInvalid, "client_id is empty"),
    ):
        with (
            LightWorkspace.open(sandbox.settings(tmp_path, **more)) as workspace,
            pytest.raises(error, match=words),
        ):
            pull(workspace, Asked(wanted))


def test_a_job_that_nobody_counted_by_domain_has_its_total() -> None:
    day = datetime(2026, 3, 1, 23, tzinfo=UTC)
    jobs = pa.table({
        "account": [1, 1, 1], "job": [1, 2, 3], "number_sent": [100, 40, None],
        "sent_time": pa.array([day] * 3, pa.timestamp("us", "UTC")),
    })  # fmt: skip
    counted = pa.table({"account": [1, 1], "job": [1, 1], "domain": ["a", "b"],
                        "day": [day.date()] * 2, "sent": [60, 30]})  # fmt: skip
    (row,) = totals(jobs, counted).to_pylist()
    assert (row["job"], row["domain"], row["day"], row["sent"]) == (2, "", day.date(), 40)


def test_bounces_that_sfmc_counts_and_we_lack_leave_the_run_partial(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    mid = sandbox.accounts[1][0]
    with LightWorkspace.open(sandbox.settings(tmp_path)) as workspace:
        pull(workspace, Asked((sandbox.accounts[2][0],)))
        # As if everything had been stored once, and then lost.
        workspace.ledger.move_bookmark(mid, "soap", datetime.now(UTC))
        result = pull(workspace, Asked((mid,)))
        assert result.exit_code == 3
        assert "more bounces than arrived" in result.partial[0]
        since = datetime.now(UTC) - timedelta(days=60)
        assert pull(workspace, Asked((mid,), since=since)).exit_code == 0
        assert pull(workspace, Asked((mid,))).exit_code == 0


def test_bookmarks_beside_an_empty_lake_are_of_another_one(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    mid = sandbox.accounts[1][0]
    with LightWorkspace.open(sandbox.settings(tmp_path)) as workspace:
        workspace.ledger.move_bookmark(mid, "soap", datetime.now(UTC))
        result = pull(workspace, Asked((mid,)))
        assert (result.exit_code, result.stored) == (0, len(planted(sandbox, mid)))
        assert "bookmarks were dropped" in result.notes[0]


def test_a_first_pull_from_a_later_day_hides_no_history(sandbox: Sandbox, tmp_path: Path) -> None:
    mid = sandbox.accounts[1][0]
    with LightWorkspace.open(sandbox.settings(tmp_path)) as workspace:
        pull(workspace, Asked((mid,), since=datetime.now(UTC) - timedelta(days=30)))
        assert workspace.ledger.bookmark(mid, "soap") is None
        pull(workspace, Asked((mid,)))
        assert identities(workspace.lake.read("bounces")) == planted(sandbox, mid)
