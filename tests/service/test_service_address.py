"""An address explained: what happened, what Marketing Cloud says and why, what we say and why."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from light_workspace import LightWorkspace

from bouncelens.errors import InputInvalid
from bouncelens.service import incident
from bouncelens.service.address import explain_address
from bouncelens.service.suppress import apply, plan
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
        assert [(m.what, (NOW - m.at).days) for m in pat.timeline] == [
            ("open", 100), ("bounce", 40), ("bounce", 20), ("bounce", 2),
        ]  # fmt: skip
        assert (pat.account, pat.sfmc_status, pat.state) == (ACCOUNT, "held", "active")
        assert pat.sfmc_why.startswith("3 bounces of 3 days from 2026-04-22 to 2026-05-30")
        assert pat.why.startswith("Hard bounce on 2026-04-22 in job 401: unknown_user")
        (sam,) = explain_address(workspace, "sam", now=NOW)
        assert (sam.sfmc_status, sam.state) == (None, "none")
        assert sam.why == "The policy does not suppress it."
        assert "not known" in sam.sfmc_why


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
