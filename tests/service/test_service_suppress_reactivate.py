"""Files that bring back whom Marketing Cloud holds and should not, and nobody else."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from light_workspace import LightWorkspace

from bouncelens.errors import InputInvalid
from bouncelens.service import incident
from bouncelens.service.suppress import TIERS, apply, plan, reactivate
from inner_sandbox import inner_sandbox
from suppression_lake import ACCOUNT, BLOCKED, DEAD, FULL, NOW, fill, people, settings_in

AGO = {days: NOW - timedelta(days=days) for days in (5, 20, 30, 200)}
# Who, how refused ten days ago, and what else is known; the tier, or None: in no file.
PEOPLE: list[tuple[str, int, dict[str, Any], str | None]] = [
    ("clicked since", DEAD, {"last_click": AGO[5]}, "accepted"),
    ("delivered since", BLOCKED, {"last_delivery": AGO[5]}, "accepted"),
    ("blocked, alive before", BLOCKED, {"last_open": AGO[30]}, "alive"),
    ("blocked, long ago", BLOCKED, {"last_open": AGO[200]}, "unknown"),
    ("full, nothing known", FULL, {}, "unknown"),
    ("dead, alive before", DEAD, {"last_open": AGO[30]}, "dead"),
    ("unsubscribed", BLOCKED, {"last_click": AGO[5], "unsubscribed_time": AGO[20]}, None),
    ("complained", BLOCKED, {"last_click": AGO[5], "complained_time": AGO[200]}, None),
    ("shares an address", BLOCKED, {"last_click": AGO[5], "address": "Left@example.com"}, None),
    ("left", BLOCKED, {"unsubscribed_time": AGO[20], "address": "left@example.com"}, None),
    ("active", BLOCKED, {"last_click": AGO[5], "status": "active"}, None),
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightWorkspace]:
    settings = settings_in(tmp_path_factory.mktemp("held"))
    fill(settings, [(key, verdict, 10.0) for key, verdict, _, _ in PEOPLE])
    people(
        settings,
        [
            {"subscriber_key": key, "status": "held", "address": f"{n}@example.com"} | more
            for n, (key, _, more, _) in enumerate(PEOPLE)
        ],
    )
    with LightWorkspace.open(settings) as opened:
        yield opened


def written(file: Path) -> list[list[str]]:
    return list(csv.reader(file.read_text().splitlines()))[1:]


@pytest.mark.parametrize("tier", ["accepted", "alive", "unknown"])
def test_a_tier_holds_its_people_and_nobody_who_left(
    workspace: LightWorkspace, tmp_path: Path, tier: str
) -> None:
    made = reactivate(workspace, tier, tmp_path / "back.csv")
    rows = written(tmp_path / "back.csv")
    assert {key for key, _, _ in rows} == {key for key, _, _, told in PEOPLE if told == tier}
    assert {status for _, _, status in rows} == {"Active"}
    assert made.tiers == {t: sum(told == t for *_, told in PEOPLE) for t in TIERS}
    assert not made.is_asked
    told = [e for e in workspace.ledger.audit.entries() if e.verb == "suppress export reactivate"]
    assert tier in {json.loads(entry.detail)["tier"] for entry in told}


@pytest.mark.parametrize(
    ("tier", "words"), [("dead", "Nobody who was called dead"), ("x", "No such")]
)
def test_no_other_tier_can_be_had(
    workspace: LightWorkspace, tmp_path: Path, tier: str, words: str
) -> None:
    with pytest.raises(InputInvalid, match=words):
        reactivate(workspace, tier, tmp_path / "back.csv")
    assert not (tmp_path / "back.csv").exists()


def test_refusals_of_an_incident_call_nobody_dead_and_suppressed_people_stay(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path)
    fill(settings, [("hit", DEAD, 2.0), ("=sum", DEAD, 2.0), ("dead", DEAD, 1.0)])
    told = [
        {"subscriber_key": key, "status": "held", "address": "a@example.com", "last_open": AGO[30]}
        for key in ("hit", "=sum", "dead")
    ]
    people(settings, told)
    with LightWorkspace.open(settings) as workspace:
        span = {"starts": NOW - timedelta(days=3), "ends": NOW - timedelta(days=1.5)}
        incident.confirm(
            workspace, incident.hold(workspace, "google", why="a bad day", **span).id, why="it was"
        )
        made = reactivate(workspace, "alive", tmp_path / "back.csv")
        assert [key for key, _, _ in written(tmp_path / "back.csv")] == ["hit"]
        assert made.left_out == {"key or address reads as a formula; reactivate by hand": 1}
        assert made.tiers["dead"] == 1
        people(settings, [{"subscriber_key": "dead", "status": "held", "address": "d@example.com"}])
        plan(workspace, out=tmp_path / "plan", now=NOW)
        apply(workspace, tmp_path / "plan", now=NOW)
        later = {"subscriber_key": "dead", "status": "held", "address": "d@example.com"}
        people(settings, [later | {"last_click": NOW}])
        made = reactivate(workspace, "accepted", tmp_path / "back.csv")
        assert (made.written, made.left_out) == (0, {"suppressed by the policy": 1})


def test_the_tenant_is_asked_once_more_and_one_business_unit_is_written_at_a_time(
    tmp_path: Path,
) -> None:
    with inner_sandbox() as inner:
        settings = inner.settings(tmp_path)
        keys = ("held", "gone", "back")
        fill(settings, [(key, BLOCKED, 10.0) for key in keys], account=inner.mid)
        people(
            settings,
            [
                {
                    "account": inner.mid, "subscriber_key": key, "status": "held",
                    "address": f"{key}@example.com", "last_click": AGO[5],
                }
                for key in keys
            ],
        )  # fmt: skip
        inner.people({"held": "Held", "gone": "Unsubscribed", "back": "Active"})
        with LightWorkspace.open(settings) as workspace:
            made = reactivate(workspace, "accepted", tmp_path / "back.csv")
            assert made.is_asked
            assert made.left_out == {"not held any more": 2}
            assert written(tmp_path / "back.csv") == [["held", "held@example.com", "Active"]]
        both = [{"mid": inner.mid}, {"mid": ACCOUNT}]
        several = settings.model_validate(settings.model_dump() | {"accounts": both})
        with (
            LightWorkspace.open(several) as workspace,
            pytest.raises(InputInvalid, match="one business unit"),
        ):
            reactivate(workspace, "accepted", tmp_path / "back.csv")
