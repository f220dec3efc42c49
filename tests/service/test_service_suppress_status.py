"""The subscriber status as a target: off unless asked for, set, read back and given back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from light_workspace import LightWorkspace

from bouncelens.errors import PlanRefused
from bouncelens.service.suppress import apply, plan, undo
from bouncelens.settings import Settings
from inner_sandbox import Inner, inner_sandbox
from suppression_lake import DEAD, NOW, fill, people

BEFORE = {"ann": "Active", "bob": "Bounced", "cid": "Held", "dan": "Unsubscribed"}
KEYS = (*BEFORE, "nobody")


@pytest.fixture(scope="module")
def inner() -> Iterator[Inner]:
    with inner_sandbox() as made:
        yield made


@pytest.fixture
def settings(inner: Inner, tmp_path: Path) -> Settings:
    inner.forget_people()
    inner.people(BEFORE)
    file = str(tmp_path / "suppressed.csv")
    made = inner.settings(
        tmp_path, suppression={"file": file}, subscriber_status={"suppressed": "Held"}
    )
    fill(made, [(key, DEAD, 1.0) for key in KEYS], account=inner.mid)
    return made


def statuses(inner: Inner) -> dict[str, str | None]:
    return {key: inner.status(key) for key in BEFORE}


def test_statuses_are_held_and_given_back(inner: Inner, settings: Settings, tmp_path: Path) -> None:
    with LightWorkspace.open(settings) as workspace:
        plan(workspace, out=tmp_path / "plan", now=NOW)
        assert statuses(inner) == BEFORE, "a plan writes nothing"
        done = apply(workspace, tmp_path / "plan", now=NOW)
        assert dict(done.outcomes) == {"done": 5}, "whom nobody knows cannot be held"
        held = {"ann": "Held", "bob": "Held", "cid": "Held", "dan": "Unsubscribed"}
        assert statuses(inner) == held
        assert plan(workspace, now=NOW).counts["renew"] == 0
        inner.people({"bob": "Unsubscribed"})
        back = undo(workspace, done.run, now=NOW)
        assert dict(back.outcomes) == {"done": 3, "skipped": 2}
        after = BEFORE | {"bob": "Unsubscribed"}
        assert statuses(inner) == after, "whom Marketing Cloud holds is not let go"


def test_whoever_is_released_gets_back_what_was_before_us(
    inner: Inner, settings: Settings, tmp_path: Path
) -> None:
    with LightWorkspace.open(settings) as workspace:
        plan(workspace, out=tmp_path / "plan", now=NOW)
        apply(workspace, tmp_path / "plan", now=NOW)
        told = [{"account": inner.mid, "subscriber_key": k, "last_click": NOW} for k in KEYS]
        people(settings, told)
        inner.people({"bob": "Unsubscribed"})
        made = plan(workspace, out=tmp_path / "second", now=NOW)
        assert made.counts["release"] == 5
        done = apply(workspace, tmp_path / "second", now=NOW)
        assert dict(done.outcomes) == {"done": 3, "skipped": 2}
        assert statuses(inner) == BEFORE | {"bob": "Unsubscribed"}
        undo(workspace, done.run, now=NOW)
        assert statuses(inner) == BEFORE | {"ann": "Held", "bob": "Unsubscribed"}


def test_what_marketing_cloud_did_since_the_plan_is_not_taken_back(
    inner: Inner, settings: Settings, tmp_path: Path
) -> None:
    with LightWorkspace.open(settings) as workspace:
        plan(workspace, out=tmp_path / "plan", now=NOW)
        inner.people({"ann": "Held"})  # by a bounce, after the plan
        done = apply(workspace, tmp_path / "plan", now=NOW)
        undo(workspace, done.run, now=NOW)
        assert inner.status("ann") == "Held", "it was held before the run began"


def test_a_tenant_that_takes_no_held_is_named_person_by_person(
    inner: Inner, settings: Settings, tmp_path: Path
) -> None:
    able = inner.sandbox.settable_statuses
    inner.sandbox.settable_statuses = frozenset({"Active", "Unsubscribed"})
    try:
        with LightWorkspace.open(settings) as workspace:
            plan(workspace, out=tmp_path / "plan", now=NOW)
            done = apply(workspace, tmp_path / "plan", now=NOW)
            assert (dict(done.outcomes), done.exit_code) == ({"done": 3, "refused": 2}, 3)
            assert {row.subscriber_key for row in done.lacking} == {"ann", "bob"}
            assert "cannot be set by the API" in done.lacking[0].detail
    finally:
        inner.sandbox.settable_statuses = able


def test_a_run_is_undone_where_it_was_applied(
    inner: Inner, settings: Settings, tmp_path: Path
) -> None:
    with LightWorkspace.open(settings) as workspace:
        plan(workspace, out=tmp_path / "plan", now=NOW)
        run = apply(workspace, tmp_path / "plan", now=NOW).run
    off = settings.model_copy(
        update={
            "subscriber_status": settings.subscriber_status.model_copy(update={"suppressed": ""})
        }
    )
    with (
        LightWorkspace.open(off) as workspace,
        pytest.raises(PlanRefused, match="wrote to status:held, file:"),
    ):
        undo(workspace, run, now=NOW)
