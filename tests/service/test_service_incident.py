"""The planted Gmail story replayed: noticed in time, held, confirmed; and what is no outage is not
called one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from light_workspace import LightWorkspace

from bouncelens.classify.ruleset import load_rules
from bouncelens.errors import InputInvalid
from bouncelens.parse.provider import provider_of, provider_said
from bouncelens.service import incident
from bouncelens.service.suppress import apply, plan
from bouncelens.service.suppress.decisions import decisions, policy_of
from bouncelens.service.suppress.record import Key, key_of
from bouncelens.service.suppress.targets import Targets
from bouncelens.settings import Settings
from bouncelens.store import tables
from bouncelens.store.lake import Lake
from bouncelens.store.ledger import Ledger
from sfmc_sandbox.world.plan import Plan
from sfmc_sandbox.world.stories import Story
from sfmc_sandbox.world.tenant import Tenant, make_tenant
from suppression_lake import BrittleTarget, settings_in

UNTIL = datetime(2021, 2, 1, tzinfo=UTC)  # puts the story near the days of the real one
GMAIL = "gmail_false_bounce"


@dataclass
class World:
    """A year of mail, its lake, and what was planted."""

    tenant: Tenant
    settings: Settings
    truth: list[dict[str, object]]

    def story(self, name: str) -> tuple[datetime, datetime]:
        """When it began and ended."""
        told: Story = next(s for s in self.tenant.setting.tales if s.name == name)
        return tuple(datetime.fromtimestamp(ms / 1000, UTC) for ms in (told.start_ms, told.end_ms))  # type: ignore[return-value]

    def look_up(self, now: datetime) -> None:
        """Ask Marketing Cloud for everybody who bounced, as the query route does."""
        moment = (now - timedelta(hours=6)).replace(tzinfo=None)  # its clock
        # Whoever will have bounced by the time of the look: their signs are those of before.
        rows = self.tenant.db.cursor().sql(
            """
            WITH who AS (SELECT DISTINCT sub FROM bounce),
            back AS (SELECT DISTINCT job_id, batch_id, sub FROM bounce),
            sends AS (
                SELECT s.sub, max(s.event_time) AS moment FROM sent s JOIN who USING (sub)
                LEFT JOIN back b ON b.job_id = s.job_id AND b.sub = s.sub
                WHERE b.sub IS NULL AND s.event_time < $now - INTERVAL 4 DAY GROUP BY s.sub
            ),
            opens AS (SELECT sub, max(event_time) AS moment FROM open
                WHERE event_time < $now GROUP BY sub)
            SELECT p.mid AS account, p.subscriber_key, 'active' AS status,
                s.moment + INTERVAL 6 HOUR AS last_delivery, o.moment + INTERVAL 6 HOUR AS last_open
            FROM who JOIN subscriber p USING (sub) LEFT JOIN sends s USING (sub)
            LEFT JOIN opens o USING (sub)
            """,
            params={"now": moment},
        )
        found = rows.to_arrow_table()
        for name in ("last_delivery", "last_open"):
            at = found.schema.get_field_index(name)
            utc = found[name].cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
            found = found.set_column(at, name, utc)
        with Lake.open(self.settings.lake) as lake:
            lake.put_subscribers(found)

    def false_hards(self, before: datetime) -> list[dict[str, object]]:
        """Bounces of living people that the story made, oldest first."""
        return [r for r in self.truth if r["story"] == GMAIL and r["event_time"] <= before]  # type: ignore[operator]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("incident")
    tenant = make_tenant(Plan(seed=7, bounces=12_000, until=UNTIL))
    settings = settings_in(folder)
    domains = dict(
        tenant.db.cursor().execute("SELECT subscriber_key, domain FROM subscriber").fetchall()
    )
    # Whoever hides behind a domain of its own is known by what its server says, as in a pull.
    hosts = {
        key: provider_said(reply or "")
        for key, reply in tenant.db.cursor()
        .execute(
            "SELECT p.subscriber_key, b.reason_text FROM bounce b JOIN subscriber p USING (sub)"
        )
        .fetchall()
        if provider_said(reply or "")
    }
    reasons = load_rules().reasons
    places = {name: number for number, name in enumerate(reasons, 1)}
    truth = sorted(tenant.truth.to_pylist(), key=lambda row: row["event_time"])
    rows = [
        {
            **{name: row[name] for name in ("account", "job", "batch", "subscriber_key")},
            "event_time": row["event_time"],
            "routes": "query",
            "provider": provider_of(domains[row["subscriber_key"]])
            or hosts.get(row["subscriber_key"]),
            "template_id": places[row["reason"]],
        }
        for row in truth
    ]
    verdicts = [
        {
            "template_id": places[name],
            "reason": name,
            "reason_group": reason.group,
            "hardness": str(reason.hardness),
            "is_temporary": False,
            "rule": "planted",
        }
        for name, reason in reasons.items()
    ]
    with Lake.open(settings.lake) as lake:
        lake.add_bounces(pa.Table.from_pylist(rows, schema=tables.BOUNCES.schema))
        lake.put_verdicts(pa.Table.from_pylist(verdicts, schema=tables.VERDICTS.schema))
    with Ledger.open(settings.ledger) as ledger:
        run = ledger.start_run("import", version="0")
        ledger.finish_run(run, "ok", counts={})
    return World(tenant, settings, truth)


@pytest.fixture
def workspace(world: World, tmp_path: Path) -> Iterator[LightWorkspace]:
    """The world's lake with a ledger of its own."""
    ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
    settings = world.settings.model_copy(update={"ledger": ledger})
    with Ledger.open(ledger) as made:
        made.finish_run(made.start_run("import", version="0"), "ok", counts={})
    with LightWorkspace.open(settings) as opened:
        yield opened


# In the order of time: what is known of people only grows.
CONTROLS = ["old_list", "microsoft_block", "dmarc_break"]


@pytest.mark.parametrize("name", CONTROLS)
def test_a_dead_list_a_block_and_a_broken_dmarc_are_no_outage(
    world: World, workspace: LightWorkspace, name: str
) -> None:
    starts, ends = world.story(name)
    world.look_up(starts)
    moment, looked = starts, 0
    while moment < ends + timedelta(hours=8):
        assert incident.watch(workspace, now=moment).opened == ()
        moment, looked = moment + timedelta(hours=2), looked + 1
    assert looked > 15


def test_the_outage_is_noticed_held_and_confirmed_by_later_mail(
    world: World, workspace: LightWorkspace, tmp_path: Path
) -> None:
    starts, ends = world.story(GMAIL)
    world.look_up(starts)
    told = world.false_hards(ends + timedelta(days=7))
    at_200: datetime = told[199]["event_time"]  # type: ignore[assignment]
    places = Targets([BrittleTarget()])
    plan(workspace, out=tmp_path / "before", targets=places, now=starts)
    apply(workspace, tmp_path / "before", targets=places, now=starts)
    moment: datetime = told[0]["event_time"]  # type: ignore[assignment]
    while not incident.watch(workspace, now=moment).opened:
        moment += timedelta(minutes=5)
        assert moment <= at_200 + timedelta(minutes=15), "noticed too late"
    assert moment >= told[20]["event_time"], "not before there was anything to notice"
    opened = incident.incidents(workspace)[0]
    assert (opened.provider, opened.state) == ("google", "open")
    assert "google called" in opened.why
    while moment < ends + timedelta(hours=10):
        moment += timedelta(hours=1)
        incident.watch(workspace, now=moment)
    every = incident.incidents(workspace)
    assert {i.provider for i in every} == {"google"}
    assert all(i.ends is not None for i in every)

    now = ends + timedelta(days=7)  # every late report has come
    false = {_key(row) for row in told} - _dead(world)
    policy = policy_of(workspace)
    decided = {key_of(d.suppression) for d in decisions(workspace, policy, now, without=every)}
    assert len(false) > 500
    assert len(false & decided) <= 0.01 * len(false), "false hards that are not held"
    believing = {key_of(d.suppression) for d in decisions(workspace, policy, now)}
    assert len(false & believing) > 0.5 * len(false), "without the incident they are suppressed"
    held = plan(workspace, targets=places, now=now).counts["held"]
    assert held >= 0.9 * len(false & believing)

    world.look_up(now + timedelta(days=7))
    assert incident.watch(workspace, now=now + timedelta(days=7)).confirmed
    assert incident.incidents(workspace)[-1].state == "confirmed"
    confirmed = incident.incidents(workspace)
    left = {key_of(d.suppression) for d in decisions(workspace, policy, now, without=confirmed)}
    dead = _dead(world) & believing
    assert len(dead - left) <= 0.01 * len(dead), "true hards released"
    assert workspace.ledger.audit.verify().broken is None


def _key(row: dict[str, object]) -> Key:
    return (row["account"], row["subscriber_key"])  # type: ignore[return-value]


def _dead(world: World) -> set[Key]:
    return {_key(row) for row in world.truth if not row["is_alive"]}


def test_what_was_suppressed_before_anybody_noticed_is_proposed_for_reversal(
    world: World, workspace: LightWorkspace, tmp_path: Path
) -> None:
    _, ends = world.story(GMAIL)
    places, now = Targets([BrittleTarget()]), ends + timedelta(days=2)
    world.look_up(ends + timedelta(days=14))
    plan(workspace, out=tmp_path / "late", targets=places, now=now)
    apply(workspace, tmp_path / "late", targets=places, now=now)
    starts = ends - timedelta(hours=30)
    made = incident.hold(workspace, "google", starts=starts, ends=ends, why="Said by Google.")
    shown = incident.show(workspace, made.id)
    wrong = {key_of(s) for _, s in shown.reversal}
    false = {_key(row) for row in world.false_hards(ends)} - _dead(world)
    assert len(wrong & false) > 0.9 * len(wrong)
    released = plan(workspace, targets=places, now=now).counts["release"]
    assert incident.incidents(workspace)[0].decided_by == "later mail"
    assert released >= 0.9 * len(wrong)
    incident.release(workspace, made.id, why="They were right after all.")
    assert plan(workspace, targets=places, now=now).counts["release"] == 0
    assert [e.verb for e in workspace.ledger.audit.entries(limit=100)].count("incident hold") == 1


def test_an_incident_that_is_not_there_is_named(workspace: LightWorkspace) -> None:
    with pytest.raises(InputInvalid, match="no incident 9"):
        incident.show(workspace, 9)
    with pytest.raises(InputInvalid, match="ends before it begins"):
        incident.hold(workspace, "google", starts=UNTIL, ends=UNTIL, why="")
