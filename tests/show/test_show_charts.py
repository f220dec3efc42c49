"""Charts: the right shares, the right colours for every kind of colour vision, nothing loaded."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from bouncelens.service.report import Answer, Column
from bouncelens.service.vocabulary import reasons
from bouncelens.show import charts

OVERVIEW = ("day", "reason_group", "bounced", "uncounted", "sent")

# What is left of red, green and blue (linear light) for people who lack one kind of cone:
# Machado, Oliveira, Fernandes (2009), full severity.
VISION = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
PAGE = {"light": "#ffffff", "dark": "#1c2126"}


def answer(rows: list[tuple[Any, ...]], columns: tuple[str, ...] = OVERVIEW) -> Answer:
    return Answer(
        question="overview",
        title="Overview",
        asks="",
        denominator="",
        columns=tuple(Column(name, "", "") for name in columns),
        rows=tuple(rows),
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2026, 2, 1, tzinfo=UTC),
        time_zone="UTC",
        notes=(),
    )


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = (to_xyz @ np.clip(light, 0, 1)) / [0.9505, 1, 1.089]
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def contrast(one: str, other: str) -> float:
    light, dark = sorted(
        (float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other)), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("vision", VISION)
def test_any_two_groups_differ_for_every_kind_of_colour_vision(vision: str) -> None:
    seen = {g: lab(VISION[vision] @ linear(c)) for g, c in charts.GROUP_COLOURS.items()}
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 18, (one, other)


@pytest.mark.parametrize("theme", PAGE)
def test_every_group_is_visible_on_the_page(theme: str) -> None:
    for group, colour in charts.GROUP_COLOURS.items():
        assert contrast(colour, PAGE[theme]) > 1.55, group


def test_every_group_of_reasons_has_its_colour() -> None:
    assert {reason.group for reason in reasons().values()} == set(charts.GROUP_COLOURS)
    assert len(set(charts.GROUP_COLOURS.values())) == len(charts.GROUP_COLOURS)


def test_a_days_sent_count_is_used_once_however_many_groups_it_has() -> None:
    day = date(2026, 1, 5)
    rows = [(day, "address", 10, 0, 1000), (day, "mailbox", 5, 2, 1000)]
    unit, bars = charts.buckets(answer(rows))
    assert (unit, [bar.sent for bar in bars]) == ("day", [1000])
    assert bars[0].bounced == {"address": 10, "mailbox": 5}
    assert bars[0].counted == {"address": 10, "mailbox": 3}


UNITS = [
    pytest.param(date(2026, 1, 20), "day", 2, id="weeks"),
    pytest.param(date(2026, 9, 1), "week", 2, id="months"),
    pytest.param(date(2028, 1, 1), "month", 2, id="years"),
]


@pytest.mark.parametrize(("last", "unit", "bars"), UNITS)
def test_longer_windows_have_wider_bars(last: date, unit: str, bars: int) -> None:
    rows = [(date(2026, 1, 1), "address", 1, 0, 10), (last, "address", 2, 0, 30)]
    found, buckets = charts.buckets(answer(rows))
    assert (found, len(buckets)) == (unit, bars)
    assert all(bar.start < bar.end for bar in buckets)


def test_days_with_sends_and_no_bounces_count_in_the_denominator_of_their_week() -> None:
    rows = [
        (date(2026, 1, 5), None, 0, 0, 900),
        (date(2026, 1, 6), "address", 1, 0, 100),
        (date(2026, 6, 1), "address", 1, 0, 100),
    ]
    _, buckets = charts.buckets(answer(rows))
    assert buckets[0].sent == 1000
    drawing = charts.rates_over_time(answer(rows))
    assert drawing.spec is not None
    assert drawing.spec["data"]["values"][0]["rate"] == pytest.approx(0.001)


def test_what_cannot_be_divided_is_not_drawn_but_named() -> None:
    rows = [(date(2026, 1, 5), "address", 7, 3, 100), (date(2026, 1, 6), "address", 2, 2, None)]
    drawing = charts.rates_over_time(answer(rows))
    assert drawing.spec is not None
    assert [part["bounced"] for part in drawing.spec["data"]["values"]] == [4]
    assert drawing.notes == ("Not drawn: 5 bounced messages whose sent count is not known.",)


def test_without_any_sent_count_the_bars_are_counts_and_say_so() -> None:
    drawing = charts.rates_over_time(answer([(date(2026, 1, 5), "address", 7, 7, None)]))
    assert drawing.spec is not None
    assert drawing.spec["encoding"]["y"]["field"] == "bounced"
    assert "sent counts are not known" in drawing.title


def test_tooltips_carry_the_counts_behind_a_rate() -> None:
    drawing = charts.rates_over_time(answer([(date(2026, 1, 5), "address", 7, 0, 100)]))
    assert drawing.spec is not None
    fields = {tip["field"] for tip in drawing.spec["encoding"]["tooltip"]}
    assert {"bounced", "sent", "rate"} <= fields


def test_jobs_of_one_name_have_a_bar_each() -> None:
    columns = ("account", "job", "campaign", "subject", "bounces", "bounced", "sent", "rate")
    rows = [(7, 41, "Basket", "a", 9, 9, 10, 0.9), (7, 42, "Basket", "b", 8, 8, 10, 0.8)]
    found = answer([*rows, (7, 43, "Survey", "c", 1, 1, 9, 0.1)], columns)
    drawing = charts.drawn(replace(found, question="by_campaign"))
    assert drawing is not None
    assert drawing.spec is not None
    labels = [row["label"] for row in drawing.spec["data"]["values"]]
    assert labels == ["Basket (41)", "Basket (42)", "Survey (43)"]


def test_an_empty_answer_says_so_in_words() -> None:
    drawing = charts.rates_over_time(answer([]))
    assert drawing.spec is None
    assert "No bounces in this window." in charts.svg(drawing)


COUNTS = ("reason_group", "bounced", "sent", "rate")
RANKED = [
    pytest.param(charts.top_reasons, ("reason", *COUNTS), id="reasons"),
    pytest.param(charts.top_providers, ("provider", *COUNTS), id="providers"),
]


@pytest.mark.parametrize(("draw", "columns"), RANKED)
@pytest.mark.parametrize("most", [2, 1_556])
def test_counts_at_an_axis_are_whole_each_once_and_far_apart(
    draw: Any, columns: tuple[str, ...], most: int
) -> None:
    picture = charts.svg(draw(answer([("x", "address", most, most, None)], columns)))
    told = [int(t.replace(",", "")) for t in re.findall(r">([\d,]+)</text>", picture)]
    assert len(told) == len(set(told)) <= 10
    assert max(told) >= most // 2


@pytest.mark.parametrize(("draw", "columns"), RANKED)
def test_a_picture_escapes_whatever_it_shows(draw: Any, columns: tuple[str, ...]) -> None:
    hostile = '</text><script>alert(1)</script><image href="https://evil.example/x"/>'
    picture = charts.svg(draw(answer([(hostile, "address", 3, 0, None)], columns)))
    assert "<script" not in picture
    assert "<image" not in picture
    assert re.search(r"&lt;/text&gt;", picture)
