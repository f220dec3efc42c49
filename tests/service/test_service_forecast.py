"""Who will be held, by a slow look ahead, and who is held for a reason that is over."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from light_workspace import LightWorkspace

import suppression_lake as small
from bouncelens.errors import InputInvalid
from bouncelens.service.suppress.forecast import Ahead, Forecast, forecast, sentences
from bouncelens.settings import Settings
from bouncelens.store.ledger import Ledger
from bouncelens.store.ledger.incidents import Incident
from suppression_lake import BLOCKED, DEAD, FULL, NOW

GAP, DAYS = 7, 30


def day(days_ago: float) -> datetime:
    return NOW - timedelta(days=days_ago)


def filled(folder: Path, bounces: list[tuple[str, int, float]]) -> Settings:
    """A lake that ends now: somebody was blocked this second."""
    settings = small.settings_in(folder)
    small.fill(settings, bounces, sfmc_category="Hard bounce")
    small.fill(settings, [("last", BLOCKED, 0)], sfmc_category="Block bounce")
    return settings


def ahead(settings: Settings, **more: Any) -> Forecast:
    with LightWorkspace.open(settings) as workspace:
        return forecast(workspace, Ahead(**{"every": GAP, "days": DAYS} | more), now=NOW)


# Who, bounces in days ago, what is known, bounces that lack, and in how many days it is due.
WILL_BE = [
    ("third", (20, 6), {}, 1, 1),
    ("young", (3,), {}, 3, 18),  # two more come too soon: fifteen days must lie between
    ("met", (30, 16, 1), {}, 0, -1),
    ("opened", (20, 6), {"last_open": day(10)}, 3, 15),  # the count began anew
    ("unknown", (20, 6), None, 1, 1),
    ("stopped", (60, 40), {}, None, None),  # not mailed any more, or accepted
    ("held", (30, 16, 1), {"status": "held"}, None, None),
    ("active", (20, 6), {"status": "active"}, None, None),
    ("left", (20, 6), {"status": "unsubscribed"}, None, None),
    ("taken", (20, 6), {"last_delivery": day(5)}, None, None),
]


def test_who_will_be_held_is_foretold_as_by_hand(tmp_path: Path) -> None:
    settings = filled(tmp_path, [(who, DEAD, n) for who, days, *_ in WILL_BE for n in days])
    small.people(
        settings,
        [
            {"subscriber_key": who, "status": "bounced"} | known
            for who, _, known, *_ in WILL_BE
            if known is not None
        ],
    )
    found = ahead(settings)
    told = {
        row["subscriber_key"]: (row["further"], row["due_time"] - NOW)
        for row in found.who.records()
    }
    assert told == {
        who: (further, timedelta(days=due))
        for who, *_, further, due in WILL_BE
        if further is not None and due is not None
    }
    assert (found.due, found.met, found.living) == (5, 1, 0)
    assert [n for _, n in found.by_week] == [3, 2]
    assert "At most 5 people" in sentences(found)[0]


def slowly(days_ago: list[float]) -> tuple[int, datetime] | None:
    """Mail goes on once in a gap, and every message bounces, until the rule is met."""
    times = sorted(map(day, days_ago))
    if times[-1] < NOW - timedelta(days=2 * GAP):
        return None
    more = 0
    while len(times) < 3 or times[-1] - times[0] < timedelta(days=15):
        times.append(max(NOW, times[-1] + timedelta(days=GAP)))
        more += 1
    return (more, times[-1]) if times[-1] < NOW + timedelta(days=DAYS) else None


def test_a_look_ahead_equals_the_slow_one(tmp_path: Path) -> None:
    chance = random.Random(5)
    told = {
        f"p{n}": sorted({chance.randrange(0, 90) / 2 for _ in range(chance.randrange(1, 5))})
        for n in range(300)
    }
    settings = filled(tmp_path, [(who, DEAD, n) for who, days in told.items() for n in days])
    found = {
        row["subscriber_key"]: (row["further"], row["due_time"])
        for row in ahead(settings).who.records()
    }
    assert found == {who: due for who, days in told.items() if (due := slowly(days)) is not None}
    assert len(found) > 100


def test_a_gap_that_nobody_says_is_the_usual_one_of_the_business_unit(tmp_path: Path) -> None:
    often = [(f"p{n}", DEAD, d) for n in range(5) for d in (1, 4, 7)]
    found = ahead(filled(tmp_path, often), every=None)
    assert {row["gap_days"] for row in found.who.records()} == {3}


def test_where_the_data_ended_long_ago_the_look_ahead_begins_there(tmp_path: Path) -> None:
    settings = small.settings_in(tmp_path)
    small.fill(settings, [("a", DEAD, 120), ("a", DEAD, 100)], sfmc_category="Hard bounce")
    found = ahead(settings)
    assert found.now == day(100)
    assert [row["due_time"] for row in found.who.records()] == [day(100 - GAP)]


IS_HELD = [
    ("dead", DEAD, 50, {}, None),
    ("clicks", DEAD, 50, {"last_click": day(40)}, "alive"),
    ("before", DEAD, 50, {"last_click": day(60)}, None),
    ("blocked", BLOCKED, 50, {}, "blocks"),
    ("full", FULL, 50, {}, "soft"),
    ("outage", DEAD, 20, {}, "incident"),
    ("gone", BLOCKED, 50, {"unsubscribed_time": day(45)}, "blocks"),
]


def test_who_is_held_for_a_reason_that_is_over_is_told_with_the_reason(tmp_path: Path) -> None:
    settings = filled(tmp_path, [(who, verdict, n) for who, verdict, n, *_ in IS_HELD])
    held = {"status": "held", "held_time": day(10)}
    small.people(settings, [{"subscriber_key": who} | held | k for who, _, _, k, _ in IS_HELD])
    with Ledger.open(settings.ledger) as ledger:
        ledger.incidents.open(
            Incident(0, "google", day(21), day(19), day(20), "confirmed", "{}", "x", "x")
        )
    found = ahead(settings)
    whys = {row["subscriber_key"]: row["why"] for row in found.without_need.records()}
    assert whys == {who: why for who, *_, why in IS_HELD if why}
    assert found.held == len(IS_HELD)
    assert found.over == {"alive": 1, "incident": 1, "blocks": 2, "soft": 1}
    assert found.gone == 1
    assert "5 of 7 people held now (71.4 %)" in sentences(found)[1]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        pytest.param({"model": "default"}, "does not say what", id="a policy of ours"),
        pytest.param({"days": 0}, "1 to 366", id="no days"),
        pytest.param({"every": 400}, "1 to 366", id="too seldom"),
    ],
)
def test_what_cannot_be_foretold_is_refused(
    tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputInvalid, match=words):
        ahead(small.settings_in(tmp_path), **more)


def test_an_empty_lake_foretells_nothing(tmp_path: Path) -> None:
    found = ahead(small.settings_in(tmp_path))
    assert (found.due, found.held, found.over, found.by_week) == (0, 0, {}, ())
