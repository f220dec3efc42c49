"""An address explained: what happened, what Marketing Cloud says and why, what we say and why."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from light_workspace import LightWorkspace

from bouncelens.errors import InputInvalid
from bouncelens.service import incident
from bouncelens.service.address import explain_address
from bouncelens.service.report import answer
from bouncelens.service.stream import stream
from bouncelens.service.suppress import apply, plan, undo
from suppression_lake import ACCOUNT, DEAD, FULL, NOW, fill, people, settings_in


def test_an_address_tells_its_timeline_both_statuses_and_both_reasons(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    bounces = [("pat", DEAD, 40.0), ("pat", DEAD, 20.0), ("pat", FULL, 2.0), ("sam", FULL, 3.0)]
    fill(settings, bounces, sfmc_category="Hard bounce")
    opened = NOW - timedelta(days=100)
    people(settings, [{"subscriber_key": "pat", "status": "held", "last_open": opened}])
    with LightWorkspace.open(settings) as workspace:
        plan(workspace, out=tmp_path / "plan", now=NOW)
        apply(workspace, tmp_path / "plan", now=NOW)
        (pat,) = explain_address(workspace, "PAT@example.com", now=NOW)
        happened = [(m.event, (NOW - m.at).days) for m in pat.timeline]
        assert [each for each in happened if each[1] > 1] == [
            ("opened", 100), ("bounced", 40), ("bounced", 20), ("bounced", 2),
        ]  # fmt: skip
        assert "unknown_user (hard; Marketing Cloud: Hard bounce) in job 401: " in str(pat.timeline)
        assert (pat.account, pat.sfmc_status, pat.state) == (ACCOUNT, "held", "active")
        assert pat.sfmc_why.startswith("3 bounces of 3 days from 2026-04-22 to 2026-05-30")
        assert pat.why.startswith("Hard bounce on 2026-04-22 in job 401: unknown_user")
        (sam,) = explain_address(workspace, "sam", now=NOW)
        assert (sam.sfmc_status, sam.state) == (None, "none")
        assert sam.why == "The policy does not suppress it."
        assert "not known" in sam.sfmc_why


def test_what_marketing_cloud_makes_of_somebody_has_a_reason_of_its_own(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    bounced = [
        ("one", FULL, 2.0),
        ("two", DEAD, 2.0),
        *(("six", DEAD, d) for d in (40.0, 20.0, 2.0)),
    ]
    fill(settings, bounced, sfmc_category="hard")
    statuses = (("one", "bounced"), ("two", "held"), ("six", "held"))
    people(settings, [{"subscriber_key": key, "status": status} for key, status in statuses])
    with LightWorkspace.open(settings) as workspace:
        (one,) = explain_address(workspace, "one", now=NOW)
        (two,) = explain_address(workspace, "two", now=NOW)
        (six,) = explain_address(workspace, "six", now=NOW)
    assert one.sfmc_why.startswith("It bounced last on 2026-05-30. By its own rule")
    assert "three bounces over fifteen days or more does not explain it" in two.sfmc_why
    assert "; 3, 15 or more days apart are enough." in six.sfmc_why


def test_what_we_did_stands_between_what_happened(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    fill(settings, [("pat", DEAD, 40.0), ("pat", DEAD, 20.0), ("sam", FULL, 3.0)])
    people(settings, [{"subscriber_key": "pat", "complained_time": NOW - timedelta(days=30)}])
    with LightWorkspace.open(settings) as workspace:
        plan(workspace, out=tmp_path / "plan", now=NOW)
        done = apply(workspace, tmp_path / "plan", now=NOW)
        undo(workspace, done.run, now=NOW)
        incident.hold(
            workspace,
            "google",
            starts=NOW - timedelta(days=21),
            ends=NOW - timedelta(days=19),
            why="A bad day.",
        )
        (pat,) = explain_address(workspace, "pat@example.com", now=NOW)
        (sam,) = explain_address(workspace, "sam", now=NOW)
        asked = answer(workspace, "subscriber_timeline", subscriber="pat@example.com")
        later = answer(workspace, "subscriber_timeline", subscriber="pat", since=NOW)
        with stream(workspace, "subscriber_timeline", subscriber="pat") as read:
            streamed = [event for part in read.batches for event in part["event"].to_pylist()]
    events = [moment.event for moment in pat.timeline]
    assert [e for e in events if e not in ("planned", "suppressed", "undone")] == [
        "bounced", "complained", "incident began", "bounced", "incident ended", "status active",
    ]  # fmt: skip
    assert {"planned", "suppressed", "undone"} < set(events)
    told = {moment.event: moment.told for moment in pat.timeline}
    assert "was to suppress it. Hard bounce on 2026-04-22" in told["planned"]
    assert "taking back run" in told["undone"]
    assert "1 refusals are not believed" in told["incident began"]
    assert [record["event"] for record in asked.records()] == events == streamed
    assert {record["event"] for record in later.records()} <= {*events[-4:]}
    assert [moment.event for moment in sam.timeline] == ["bounced"]


def test_refusals_that_are_not_believed_are_said(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    fill(settings, [("pat", DEAD, 1.0)])
    with LightWorkspace.open(settings) as workspace:
        span = {"starts": NOW - timedelta(days=2), "ends": NOW}
        held = incident.hold(workspace, "google", why="A bad day.", **span)
        (pat,) = explain_address(workspace, "pat@example.com", now=NOW)
        assert pat.incidents == (held.id,)
        told = f"The policy does not suppress it. 1 refusals do not count: incident {held.id}."
        assert pat.why == told


def test_an_unknown_address_is_said_to_be_unknown(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    fill(settings, [("pat", DEAD, 1.0)])
    with (
        LightWorkspace.open(settings) as workspace,
        pytest.raises(InputInvalid, match="Nothing is known of 'nobody"),
    ):
        explain_address(workspace, "nobody@example.com", now=NOW)
