"""Extracts ordered from our side, one SFTP user per business unit, into one exact lake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from light_workspace import LightWorkspace

from bouncelens.bounce import IDENTITY, Window
from bouncelens.errors import InputInvalid, SettingsInvalid
from bouncelens.extract.ordering import Order, spans
from bouncelens.service.extracts import landings
from bouncelens.service.order import Waiting, Wanted, order_extracts, plan_extracts
from bouncelens.service.pull import Asked, pull
from bouncelens.settings import Settings
from sandbox_process import Sandbox, running_sandbox

SOON = Waiting(most_s=60, look_s=0.2)
PATIENT = {"attempts": 2, "wait_s": 0.02, "wait_max_s": 0.1}


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("tenant")
    with running_sandbox(folder, "--seed", "5", "--bounces", "200", "--months", "1") as sandbox:
        yield sandbox


def settings_of(tenant: Sandbox, place: Path, own: tuple[int, ...] = ()) -> Settings:
    """The parent's SFTP user, and users of the units in `own`, by number."""
    users = {user["user"]: user["password"] for user in tenant.sftp["users"]}  # type: ignore[attr-defined]
    accounts: list[dict[str, Any]] = []
    for number, (mid, name) in enumerate(tenant.accounts):
        (place / str(mid)).write_text(users[str(mid)])
        password = {"sftp_user": str(mid), "sftp_password": f"file:{place / str(mid)}"}
        accounts.append({"mid": mid, "name": name, **(password if number in own else {})})
    first = tenant.accounts[0][0]
    tracking = {"host": tenant.sftp["host"], "port": tenant.sftp["port"], "user": str(first)}
    secrets = {"password": f"file:{place / str(first)}", "host_key": tenant.sftp["host_key"]}
    more = {"accounts": accounts, "tracking": {**tracking, **secrets}, "retry": PATIENT}
    return tenant.settings(place, **more, routes=["tracking"])


def test_what_is_ordered_arrives_exactly_from_every_user(tenant: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(tenant, tmp_path, own=(2,))
    since = datetime.now(UTC) - timedelta(days=40)
    kinds = ("bounces", "sent", "jobs", "subscribers", "unsubs", "notsent", "statuschanges")
    planted = sorted(tuple(r.values()) for r in tenant.truth.select(list(IDENTITY)).to_pylist())
    with LightWorkspace.open(settings) as workspace:
        result = order_extracts(workspace, Wanted(since, None, kinds), waiting=SOON)
        assert result.partial == ()
        assert len(result.ordered) == len(result.files) == 4  # two users, two spans
        rows = workspace.lake.read("bounces").select(list(IDENTITY)).to_pylist()
        assert sorted(tuple(row.values()) for row in rows) == planted
        once = workspace.lake.read("sends").sort_by([(n, "ascending") for n in SEND_KEY])
        people = workspace.lake.read("subscribers")
        assert {"held", "bounced"} <= set(people["status"].to_pylist())
        # The same again by a pull, and by another order that overlaps by half.
        assert pull(workspace, Asked(routes=("tracking",))).stored == 0
        later = since + timedelta(days=20, hours=7)
        assert order_extracts(workspace, Wanted(later, None, kinds), waiting=SOON).partial == ()
        again = workspace.lake.read("sends").sort_by([(n, "ascending") for n in SEND_KEY])
        assert again.equals(once)
        assert workspace.lake.read("bounces").num_rows == len(planted)
        by_account = Counter(row["account"] for row in rows)
    assert len(by_account) > 2


SEND_KEY = ("account", "job", "domain", "day")


def test_an_extract_that_nobody_waits_for_is_read_by_the_next_pull(
    tenant: Sandbox, tmp_path: Path
) -> None:
    settings = settings_of(tenant, tmp_path, own=(1,))
    with LightWorkspace.open(settings) as workspace:
        wanted = Wanted(datetime.now(UTC) - timedelta(days=25))
        result = order_extracts(workspace, wanted, waiting=None)
        assert (len(result.ordered), result.files, result.exit_code) == (2, (), 0)
        impatient = order_extracts(workspace, wanted, waiting=Waiting(most_s=-1, look_s=0))
        assert impatient.exit_code == 3
        assert "will be read by the next `bouncelens pull`" in impatient.partial[0]
        for _ in range(100):
            done = pull(workspace, Asked(routes=("tracking",)))
            if done.exit_code == 0 and len({f.file for f in done.files}) >= 4:
                break
        assert set(result.ordered) <= {file.file for file in done.files}
        assert workspace.lake.read("bounces").num_rows > 0


def test_one_refused_user_stops_no_other(tenant: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(tenant, tmp_path, own=(1,))
    (tmp_path / str(tenant.accounts[1][0])).write_text("wrong")
    with LightWorkspace.open(settings) as workspace:
        result = pull(workspace, Asked(routes=("tracking",)))
    assert result.exit_code == 3
    assert "user, password or key is refused" in result.partial[0]


def test_places_and_their_units_follow_from_the_settings(tenant: Sandbox, tmp_path: Path) -> None:
    mids = [mid for mid, _ in tenant.accounts]
    found = landings(settings_of(tenant, tmp_path, own=(1, 3)))
    assert [(place.mid, place.mids) for place in found] == [
        (mids[0], (mids[0], mids[2], mids[4])),
        (mids[1], (mids[1],)),
        (mids[3], (mids[3],)),
    ]
    with pytest.raises(SettingsInvalid, match="neither password nor key"):
        landings(Settings.model_validate({"accounts": [{"mid": 7, "sftp_user": "7"}]}))


def test_a_plan_says_every_order_and_orders_nothing(tenant: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(tenant, tmp_path)
    wanted = Wanted(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 15, tzinfo=UTC))
    with LightWorkspace.open(settings) as workspace:
        plan = plan_extracts(workspace, wanted)
        orders = [place.mids or (place.mid,) for place in landings(settings) for _ in range(2)]
        told = zip(orders, plan, strict=True)
        assert all(f" of {', '.join(map(str, mids))} from " in said for mids, said in told)
        assert "from 2026-01-01 00:00 to 2026-01-31 00:00 UTC" in plan[0]
        assert not workspace.ledger.runs()


def test_spans_are_whole_hours_of_at_most_thirty_days() -> None:
    start = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    found = list(spans(Window(start, start + timedelta(days=61))))
    assert [span.start.hour for span in found] == [23, 23, 23]
    assert found[0].start == datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert found[-1].end == datetime(2026, 4, 2, 23, tzinfo=UTC)
    assert all(a.end == b.start for a, b in pairwise(found))
    assert max(span.end - span.start for span in found) == timedelta(days=30)


def test_an_order_is_written_on_marketing_clouds_clock() -> None:
    window = Window(datetime(2026, 1, 1, 6, tzinfo=UTC), datetime(2026, 7, 1, 18, tzinfo=UTC))
    told = Order((7, 8), window, ("bounces", "jobs"), "x.zip", {"Format": "tab"}).parameters()
    assert told["StartDate"] == "1/1/2026 12:00:00 AM"
    assert told["EndDate"] == "7/1/2026 12:00:00 PM"
    assert (told["AccountIDs"], told["Format"]) == ("7,8", "tab")
    assert told["ExtractBounces"] == told["ExtractSendJobs"] == "true"
    assert "ExtractSent" not in told


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(kinds=("opens",)), "No kind of extract is called 'opens'"),
        (Wanted(datetime.now(UTC) + timedelta(days=2)), "less than a whole hour"),
    ],
    ids=["a kind", "the future"],
)
def test_what_cannot_be_ordered_is_said_before(
    tenant: Sandbox, tmp_path: Path, wanted: Wanted, words: str
) -> None:
    with (
        LightWorkspace.open(settings_of(tenant, tmp_path)) as workspace,
        pytest.raises(InputInvalid, match=words),
    ):
        order_extracts(workspace, wanted)
