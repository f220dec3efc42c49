"""Gmail's two outages of December 2020 played again through real routes: noticed in time, held,
undone exactly, confirmed by later mail; and a provider that was right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bouncelens.errors import InputInvalid
from bouncelens.service import incident
from bouncelens.service.incident import Watched
from bouncelens.service.report import answer
from bouncelens.service.stream import stream
from bouncelens.service.suppress import apply, plan
from bouncelens.service.suppress.plan_file import open_plan
from outage_town import FIRST, GMAIL, SECOND, UNIT, Key, Town, tale, town
from sfmc_sandbox.world.plan import Plan

MINUTES = timedelta(minutes=1)
CLOSED = (datetime(2020, 12, 22, 9, tzinfo=UTC), datetime(2021, 6, 1, tzinfo=UTC))
PLAN = Plan(
    seed=7,
    bounces=1000,
    months=6,
    until=FIRST[0] - timedelta(hours=5),
    units=(UNIT,),
    people=5_000,
    messages=30_000,
    sendings=40,
    shares=(("google", 1.8), ("yahoo", 2.0)),
    tales=(
        tale(GMAIL, (FIRST, SECOND)),
        tale("closed", (CLOSED,), kills=True, domains=("yahoo.com",), reason="inactive_mailbox"),
    ),
)
EASY = {"list_pct": 100, "provider_pct": 100, "stale_hours": 1_000_000}


@dataclass
class Played:
    """What happened, in order."""

    town: Town
    noticed: list[datetime] = field(default_factory=list)
    at_200: list[datetime] = field(default_factory=list)
    too_early: set[Key] = field(default_factory=set)  # suppressed before anybody could notice
    held: set[Key] = field(default_factory=set)
    believed: set[Key] = field(default_factory=set)  # suppressed if nobody had held
    reversal: set[Key] = field(default_factory=set)  # as the incidents show it
    states: list[list[str]] = field(default_factory=list)
    plans: list[dict[Key, str]] = field(default_factory=list)  # what they change, by person


def keys(rows: list[dict[str, Any]]) -> set[Key]:
    return {(row["account"], row["subscriber_key"]) for row in rows}


def outage(played: Played, span: tuple[datetime, datetime], size: int) -> None:
    """Mail soon after it began, and a pull ten minutes later."""
    here = played.town
    here.go_to(span[0] + 10 * MINUTES)
    before = len(here.truth())
    here.send(size)
    here.go_to(here.now + 10 * MINUTES)
    assert [one.provider for one in watched(here).opened] == ["google"]
    played.noticed.append(here.now)
    played.at_200.append(here.truth()[before:][199]["event_time"])


def watched(here: Town) -> Watched:
    """What the look at the end of a pull brings."""
    told = here.pull().watched
    assert told is not None
    return told


def planned(here: Town, out: Path) -> dict[Key, str]:
    plan(here.workspace, out=out, now=here.now)
    return {(row.account, row.subscriber_key): row.kind for row in open_plan(out).rows()}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("outage")
    more = {"suppression": {"file": str(folder / "suppressed.csv")}, "guard": EASY}
    with town(folder, PLAN, **more) as here:
        told = Played(here)
        here.pull()
        here.go_to(FIRST[0] + MINUTES)
        here.send(120)
        here.go_to(here.now + 8 * MINUTES)
        assert watched(here).opened == ()
        told.plans.append(planned(here, folder / "early"))
        apply(here.workspace, folder / "early", now=here.now)
        told.too_early = set(told.plans[0])
        outage(told, FIRST, 1300)
        told.plans.append(planned(here, folder / "open"))
        here.go_to(FIRST[1] + timedelta(hours=8))
        here.send(1000)
        outage(told, SECOND, 1300)
        here.go_to(SECOND[1] + timedelta(days=7))  # every late report has come
        here.send(here.people)
        here.go_to(here.now + 20 * MINUTES)
        assert [one.provider for one in watched(here).opened] == ["yahoo"]
        told.states.append([one.state for one in here.incidents()])
        told.believed = here.suppressed()
        told.held = told.believed - here.suppressed(here.incidents())
        told.reversal = {
            (s.account, s.subscriber_key)
            for one in here.incidents()
            for _, s in incident.show(here.workspace, one.id).reversal
        }
        here.go_to(here.now + timedelta(days=6))
        here.pull()
        told.states.append([one.state for one in here.incidents()])
        told.plans.append(planned(here, folder / "after"))
        yield told


def test_both_outages_are_noticed_within_15_minutes_of_200_affected(played: Played) -> None:
    for noticed, at_200 in zip(played.noticed, played.at_200, strict=True):
        assert noticed <= at_200 + 15 * MINUTES
    first, second, _ = played.town.incidents()
    assert (first.provider, second.provider) == ("google", "google")
    for one, (starts, ends) in ((first, FIRST), (second, SECOND)):
        assert starts - 30 * MINUTES <= one.starts <= starts + 30 * MINUTES
        assert one.ends is not None
        assert one.ends <= ends + 45 * MINUTES
    assert "google called" in first.evidence


def test_false_hards_are_held_and_true_ones_are_not(played: Played) -> None:
    dead = played.town.dead()
    false = (keys(played.town.truth()) - dead) & played.believed
    assert len(false) > 300
    assert len(false & played.held) >= 0.99 * len(false)
    closed = keys([r for r in played.town.rows() if r["story"] == "closed"])
    true = (dead & played.believed) - closed
    assert len(true) > 100
    assert len(true & played.held) <= 0.01 * len(true)
    assert not {key for key, kind in played.plans[1].items() if kind == "release"}, "not yet"
    assert not set(played.plans[1]) & false, "nor is anybody of them suppressed by then"


def test_later_mail_confirms_and_the_plan_releases_exactly_whom_only_the_outage_suppressed(
    played: Played,
) -> None:
    assert played.states[1] == ["confirmed", "confirmed", "open"]
    released = {key for key, kind in played.plans[2].items() if kind == "release"}
    false = keys(played.town.truth()) - played.town.dead()
    assert len(released) > 10
    assert released == played.too_early & false
    assert released == played.reversal
    assert played.town.workspace.ledger.audit.verify().broken is None


def test_a_second_look_changes_nothing(played: Played) -> None:
    here = played.town
    before = here.incidents()
    again = incident.watch(here.workspace, now=here.now, since=FIRST[0] - timedelta(days=30))
    assert (again.opened, again.going_on, again.ended, again.unseen) == ((), (), (), ())
    assert here.incidents() == before


def test_who_was_called_dead_by_mistake_is_not_among_the_dead_who_are_still_mailed(
    played: Played,
) -> None:
    here, name = played.town.workspace, "still_mailed_after_hard_bounce"
    told = sum(row["addresses"] for row in answer(here, name).records())
    said = sum(here.engine.ask(name, {}).column("addresses").to_pylist())
    false = keys(played.town.truth()) - played.town.dead()
    assert told <= said - 0.99 * len(false & played.held)
    with stream(here, name) as found:
        assert sum(sum(b.column("addresses").to_pylist()) for b in found.batches) == told


def test_an_incident_that_is_not_there_is_named(played: Played) -> None:
    with pytest.raises(InputInvalid, match="no incident 9"):
        incident.show(played.town.workspace, 9)
    with pytest.raises(InputInvalid, match="ends before it begins"):
        incident.hold(played.town.workspace, "google", starts=FIRST[0], ends=FIRST[0], why="")


def test_a_provider_that_closed_accounts_is_believed_again_by_hand(played: Played) -> None:
    here = played.town
    (opened,) = (one for one in here.incidents() if one.provider == "yahoo")
    closed = keys([row for row in here.rows() if row["story"] == "closed"])
    held = closed & (here.suppressed() - here.suppressed(here.incidents()))
    assert len(held) > 50
    assert opened.state == "open", "nothing that came later speaks for them"
    incident.release(here.workspace, opened.id, why="They closed accounts.")
    again = incident.watch(here.workspace, now=here.now, since=CLOSED[0])
    assert (again.opened, again.unseen) == ((), ())
    assert held <= here.suppressed([one for one in here.incidents() if one.holds])
    verbs = [entry.verb for entry in here.workspace.ledger.audit.entries(limit=9)]
    assert "incident released" in verbs
