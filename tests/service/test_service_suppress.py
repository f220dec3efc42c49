"""Plan, apply, undo: exactly what was shown, whatever happens on the way, and back again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from light_workspace import LightWorkspace

from bouncelens.errors import InputInvalid, PlanRefused
from bouncelens.service import incident
from bouncelens.service.suppress import apply, export, interrupted, plan, proposed, undo
from bouncelens.service.suppress.decisions import Gone, folded
from bouncelens.service.suppress.own_targets import FileTarget
from bouncelens.service.suppress.record import Key, Row
from bouncelens.service.suppress.targets import Targets
from bouncelens.settings import Settings
from suppression_lake import (
    ACCOUNT,
    BLOCKED,
    DEAD,
    FULL,
    NOW,
    BrittleTarget,
    Crash,
    fill,
    imported,
    people,
    settings_in,
)

PEOPLE = [
    *((f"dead{n}", DEAD, n + 1.0) for n in range(4)),
    *(("full", FULL, days) for days in (40.0, 30.0, 20.0)),
    ("blocked", BLOCKED, 3.0),
]
FOREIGN: dict[Key, Row] = {(ACCOUNT, "stranger"): {"SubscriberKey": "stranger", "Reason": "theirs"}}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = settings_in(tmp_path)
    fill(made, PEOPLE)
    return made


@pytest.fixture
def workspace(settings: Settings):  # type: ignore[no-untyped-def]
    with LightWorkspace.open(settings) as opened:
        yield opened


def keys_in(settings: Settings) -> set[str]:
    return {key for _, key in FileTarget(Path(settings.suppression.file)).read()}


ALL = {"dead0", "dead1", "dead2", "dead3", "full"}


def test_a_plan_is_applied_and_the_next_one_is_empty(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    made = plan(workspace, out=tmp_path / "plan", now=NOW)
    assert (made.counts["add"], made.counts["renew"], made.counts["release"]) == (5, 0, 0)
    assert keys_in(workspace.settings) == set(), "a plan writes nothing"
    assert proposed(workspace) == 5
    done = apply(workspace, tmp_path / "plan", now=NOW)
    assert (done.exit_code, dict(done.outcomes)) == (0, {"done": 5})
    assert keys_in(workspace.settings) == ALL
    row = FileTarget(Path(workspace.settings.suppression.file)).read()[ACCOUNT, "full"]
    assert row["Grounds"].startswith("3 bounces of 3 days from 2026-04-22 to 2026-05-12")
    assert row["RetryOn"] == "2026-11-08T00:00:00Z"
    again = plan(workspace, now=NOW + timedelta(days=3))
    assert [again.counts[kind] for kind in ("add", "renew", "release")] == [0, 0, 0]
    assert again.suppressed == 5


def test_what_is_over_is_released_and_what_somebody_changed_is_renewed(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    plan(workspace, out=tmp_path / "first", now=NOW)
    apply(workspace, tmp_path / "first", now=NOW)
    target = FileTarget(Path(workspace.settings.suppression.file))
    target.drop([(ACCOUNT, "dead0")])
    people(workspace.settings, [{"subscriber_key": "dead1", "last_click": NOW}])
    later = NOW + timedelta(days=200)
    made = plan(workspace, out=tmp_path / "second", now=later)
    kinds = {e.suppression.subscriber_key: (e.kind, e.why) for e in made.examples}
    assert kinds["full"][1] == "Its time was over on 2026-11-08: it is tried again."
    assert {key: kind for key, (kind, _) in kinds.items()} == {
        "dead0": "renew", "dead1": "release", "full": "release",
    }  # fmt: skip
    apply(workspace, tmp_path / "second", now=later)
    assert keys_in(workspace.settings) == {"dead0", "dead2", "dead3"}


def test_a_changed_file_or_one_of_elsewhere_is_refused(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    place = tmp_path / "plan"
    plan(workspace, out=place, now=NOW)
    whole = place.read_text()
    place.write_text(whole.replace("dead0", "victim"))
    with pytest.raises(InputInvalid, match="changed after it was made"):
        apply(workspace, place, now=NOW)
    place.write_text("\n".join(whole.splitlines()[:-1]) + "\n")
    with pytest.raises(InputInvalid, match="changed after it was made"):
        apply(workspace, place, now=NOW)
    place.write_text("{}")
    with pytest.raises(InputInvalid, match="is no plan"):
        apply(workspace, place, now=NOW)
    assert keys_in(workspace.settings) == set()
    place.write_text(whole)
    assert apply(workspace, place, now=NOW).outcomes == {"done": 5}
    with pytest.raises(PlanRefused, match="applied already"):
        apply(workspace, place, now=NOW)


def test_a_plan_that_the_facts_have_left_behind_is_refused(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        plan(workspace, out=tmp_path / name, now=NOW + timedelta(seconds=len(name)))
    apply(workspace, tmp_path / "first", now=NOW)
    with pytest.raises(PlanRefused, match="came after the plan was made"):
        apply(workspace, tmp_path / "second", now=NOW)
    undo(workspace, workspace.ledger.changes.changes()[0].run, now=NOW)
    plan(workspace, out=tmp_path / "third", now=NOW)
    FileTarget(Path(workspace.settings.suppression.file)).put(
        {(ACCOUNT, "dead2"): dict.fromkeys(_columns(), "x") | {"SubscriberKey": "dead2"}}
    )
    with pytest.raises(PlanRefused, match=r"1 rows of file:.* have changed"):
        apply(workspace, tmp_path / "third", now=NOW)


def _columns() -> list[str]:
    from bouncelens.service.suppress.record import COLUMNS

    return [name for name, _, _ in COLUMNS]


def test_undo_restores_the_state_before_but_nobody_who_left(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    target = BrittleTarget(FOREIGN)
    places = Targets([target])
    plan(workspace, out=tmp_path / "plan", targets=places, now=NOW)
    run = apply(workspace, tmp_path / "plan", targets=places, now=NOW).run
    people(
        workspace.settings,
        [
            {"subscriber_key": "dead0", "unsubscribed_time": NOW},
            {"subscriber_key": "dead1", "complained_time": NOW},
            {"account": 8, "subscriber_key": "DEAD2", "status": "unsubscribed"},  # everywhere
            {"subscriber_key": "new", "address": "Dead3@Example.com", "complained_time": NOW},
        ],
    )
    done = undo(workspace, run, targets=places, now=NOW)
    assert dict(done.outcomes) == {"done": 1, "skipped": 4}
    assert target.rows.keys() == {*FOREIGN, *((ACCOUNT, f"dead{n}") for n in range(4))}
    active = {s.subscriber_key for s in workspace.ledger.suppressions(state="active")}
    assert active == {f"dead{n}" for n in range(4)}
    with pytest.raises(PlanRefused, match="undone already"):
        undo(workspace, run, targets=places, now=NOW)
    assert workspace.ledger.audit.verify().broken is None


def test_rows_that_are_refused_are_named_and_proposed_again(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    places = Targets([BrittleTarget(refuses=["dead3"])])
    plan(workspace, out=tmp_path / "plan", targets=places, now=NOW)
    done = apply(workspace, tmp_path / "plan", targets=places, now=NOW)
    assert (done.exit_code, dict(done.outcomes)) == (3, {"done": 4, "refused": 1})
    assert [(r.subscriber_key, r.detail) for r in done.lacking] == [
        ("dead3", "it does not like it")
    ]
    assert plan(workspace, targets=places, now=NOW).counts["add"] == 1


def test_an_open_incident_holds_and_keeps_until_somebody_decides(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    first = {"starts": NOW - timedelta(days=1.5), "ends": NOW, "why": "A bad day."}
    held = incident.hold(workspace, "google", **first)
    made = plan(workspace, out=tmp_path / "first", now=NOW)
    assert (made.counts["add"], made.counts["held"]) == (4, 1), "dead0 was refused yesterday"
    apply(workspace, tmp_path / "first", override="reviewed by hand", now=NOW)
    second = {"starts": NOW - timedelta(days=2.5), "ends": NOW, "why": "Two of them."}
    late = incident.hold(workspace, "google", **second)
    made = plan(workspace, now=NOW)
    assert [made.counts[k] for k in ("add", "release", "kept", "held")] == [0, 0, 1, 1]
    assert keys_in(workspace.settings) == ALL - {"dead0"}
    incident.release(workspace, late.id, why="The second day was right.")
    incident.confirm(workspace, held.id, why="The first was not.")
    made = plan(workspace, now=NOW)
    assert [made.counts[k] for k in ("add", "release", "kept", "held")] == [0, 0, 0, 0]
    incident.release(workspace, held.id, why="It was, too.")
    assert plan(workspace, now=NOW).counts["add"] == 1


RAILS = [
    pytest.param({"list_pct": 1, "least": 3}, {}, "list_share", id="too much of the list"),
    pytest.param(
        {"list_pct": 100, "provider_pct": 1, "least": 3, "mailable": 1000},
        {},
        "provider_share",
        id="too much of one provider",
    ),
    pytest.param({"stale_hours": 1}, {"now": NOW + timedelta(hours=3)}, "stale", id="stale data"),
    pytest.param({}, {"partial": True}, "partial", id="a pull that was partial"),
    pytest.param({}, {"incident": True}, "incident", id="an open incident"),
]


@pytest.mark.parametrize(("limits", "facts", "rail"), RAILS)
def test_a_guard_rail_is_passed_with_a_reason_only_and_on_record(
    tmp_path: Path, limits: dict[str, Any], facts: dict[str, Any], rail: str
) -> None:
    wide = {"list_pct": 100, "provider_pct": 100, "least": 10_000, "stale_hours": 1_000_000}
    settings, now = settings_in(tmp_path, guard=wide | limits), facts.get("now", NOW)
    fill(settings, PEOPLE)
    if facts.get("partial"):
        imported(settings, outcome="partial", verb="pull")
    with LightWorkspace.open(settings) as workspace:
        if facts.get("incident"):
            span = {"starts": NOW - timedelta(days=1.5), "ends": NOW}
            incident.hold(workspace, "google", why="A bad day.", **span)
        made = plan(workspace, out=tmp_path / "plan", now=now)
        assert made.findings[0].rail == rail
        assert len(made.findings) == 1 or rail == "list_share", "one provider is the whole list"
        with pytest.raises(PlanRefused, match="The plan is not applied") as caught:
            apply(workspace, tmp_path / "plan", now=now)
        assert caught.value.exit_code == 1
        assert keys_in(settings) == set()
        assert apply(workspace, tmp_path / "plan", override="It is so.", now=now).exit_code == 0
        begun = next(e for e in workspace.ledger.audit.entries() if e.verb == "suppress apply")
        told = json.loads(begun.detail)
        assert (told["override"], told["findings"][0]["rail"]) == ("It is so.", rail)


def test_feeds_hold_what_is_applied_and_a_crm_only_what_is_for_good(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    fill(workspace.settings, [("formula", DEAD, 9.0)], address="=1+1@example.com")
    plan(workspace, out=tmp_path / "plan", now=NOW)
    assert export(workspace, "crm", tmp_path / "none.csv") == 0, "a plan is not applied"
    apply(workspace, tmp_path / "plan", now=NOW)
    assert export(workspace, "crm", tmp_path / "crm.csv") == 5
    told = (tmp_path / "crm.csv").read_text()
    assert "full" not in told, "that one is tried again"
    assert "7,formula,'=1+1@example.com,unknown_user,2026-05-23," in told
    assert export(workspace, "auto-suppression", tmp_path / "auto.csv") == 6
    with pytest.raises(InputInvalid, match="There are crm, auto-suppression"):
        export(workspace, "fax", tmp_path / "fax.csv")


def _go_on(work: Callable[[], Any], target: BrittleTarget, dies_at: int) -> bool:
    """Whether it died there."""
    target.steps, target.dies_at = 0, dies_at
    try:
        work()
    except Crash:
        return True
    finally:
        target.dies_at = None
    return False


@pytest.mark.parametrize("then", ["resume", "undo", "undo twice"])
def test_a_crash_at_any_step_is_gone_on_from_or_undone(tmp_path: Path, then: str) -> None:
    settings = settings_in(tmp_path)
    fill(settings, PEOPLE[:2])
    died, dies_at = True, 0
    while died:
        dies_at += 1
        ledger = f"sqlite:///{tmp_path / f'{dies_at}.db'}"
        each = settings.model_copy(update={"ledger": ledger})
        imported(each)
        with LightWorkspace.open(each) as workspace:
            target = BrittleTarget(FOREIGN)
            places, file = Targets([target]), tmp_path / f"plan{dies_at}"

            def again(workspace=workspace, places=places, file=file):  # type: ignore[no-untyped-def]
                return apply(workspace, file, targets=places, now=NOW)

            plan(workspace, out=file, targets=places, now=NOW)
            wanted = _after(file, target)
            died = _go_on(again, target, dies_at)
            changes = workspace.ledger.changes.changes()
            if died and not changes:  # nothing had begun
                assert target.rows == FOREIGN
            elif then == "resume":
                if died:
                    begun = interrupted(workspace)
                    assert begun is not None
                    assert f"suppress apply {file}" in begun.sentence
                    if dies_at == 3:
                        plan(workspace, out=tmp_path / "meanwhile", targets=places, now=NOW)
                    assert again().resumed
                if dies_at == 3:
                    with pytest.raises(PlanRefused, match="came after the plan"):
                        apply(workspace, tmp_path / "meanwhile", targets=places, now=NOW)
                assert target.rows == wanted
                assert len(workspace.ledger.suppressions(state="active")) == 2
            else:
                run = changes[-1].run

                def back(workspace=workspace, places=places, run=run):  # type: ignore[no-untyped-def]
                    return undo(workspace, run, targets=places, now=NOW)

                if then == "undo" or not _go_on(back, target, dies_at):
                    if workspace.ledger.changes.changes()[-1].state != "undone":
                        back()
                else:
                    back()
                assert target.rows == FOREIGN
                assert not workspace.ledger.suppressions(state="active")
    assert dies_at >= 6, "there were steps to die at"


def _after(file: Path, target: BrittleTarget) -> dict[Key, Row]:
    """What the plan's rows say."""
    wanted = dict(target.rows)
    for line in file.read_text().splitlines()[1:]:
        row = json.loads(line)
        wanted[row["account"], row["subscriber_key"]] = json.loads(row["after"])["brittle"]
    return wanted


SPELLED = [
    pytest.param("Ann@Example.com", "ann@example.COM", id="case"),
    pytest.param("jos\u00e9@example.com", "JOSE\u0301@example.com", id="accents by themselves"),
    pytest.param("\uff41nn@example.com", "ann@example.com", id="wide letters"),
    pytest.param("ann@b\u00fccher.example", "ann@xn--bcher-kva.example", id="a domain in Punycode"),
    pytest.param(" ann@example.com ", "ann@example.com", id="blanks"),
]


@pytest.mark.parametrize(("one", "other"), SPELLED)
def test_an_address_is_one_however_it_is_spelled(one: str, other: str) -> None:
    assert Gone(addresses=frozenset({folded(one)})).has("k", other)
    assert not Gone(addresses=frozenset({folded(one)})).has("k", f"x{other.strip()}")
    assert not Gone().has("k", None)


ONLY_DEAD = """name = "only-dead"
version = "7"
meaning = "Nobody but the dead."

[[rule]]
id = "dead-address"
why = "The server said that nobody is there."
groups = ["address"]
hardness = ["hard"]
action = "at_once"
"""


def test_a_release_by_another_policy_says_so(settings: Settings, tmp_path: Path) -> None:
    with LightWorkspace.open(settings) as workspace:
        plan(workspace, out=tmp_path / "first", now=NOW)
        apply(workspace, tmp_path / "first", now=NOW)
    (tmp_path / "own.toml").write_text(ONLY_DEAD)
    other = settings.model_copy(update={"policy": str(tmp_path / "own.toml")})
    with LightWorkspace.open(other) as workspace:
        examples = plan(workspace, now=NOW).examples
    whys = {e.suppression.subscriber_key: e.why for e in examples if e.kind == "release"}
    assert whys == {"full": "The policy is another one now: only-dead 7."}
