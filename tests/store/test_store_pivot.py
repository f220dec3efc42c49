"""Counts and rates by any dimensions: cells counted by hand, and laws that every pivot obeys."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import answers_lake
import duckdb
import pytest
from answers_lake import DAY, at
from hypothesis import given
from hypothesis import strategies as st

from bouncelens.errors import QuestionInvalid
from bouncelens.store.dimensions import DIMENSIONS, dimensions
from bouncelens.store.duck import DuckEngine
from bouncelens.store.lake import Lake
from bouncelens.store.pivot import denominator, wilson
from bouncelens.store.questions import question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bouncelens.store.engine import Engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as lake:
        answers_lake.fill(lake)
        with DuckEngine(lake) as made:
            yield made


RATES = ("bounces", "bounced", "uncounted", "sent", "rate")
CELLS = [
    pytest.param(
        "provider,reason",
        {},
        [
            ("google", "unknown_user", 3, 2, 0, 120, 2 / 120),
            ("google", "mailbox_full", 1, 1, 0, 120, 1 / 120),
            ("other", "mailbox_full", 1, 1, 0, 70, 1 / 70),
            ("other", "poor_reputation", 1, 1, 0, 70, 1 / 70),
            ("other", "unknown_user", 1, 1, 1, 70, 0.0),
        ],
        id="of what was sent to the provider, for every reason",
    ),
    pytest.param(
        "provider,reason",
        {"campaign": "Spring", "provider": "google"},
        [("google", "unknown_user", 2, 1, 0, 100, 1 / 100)],
        id="two filters narrow bounces and sent alike",
    ),
    pytest.param(
        "provider",
        {"reason_group": "mailbox"},
        [("google", 1, 1, 0, 120, 1 / 120), ("other", 1, 1, 0, 70, 1 / 70)],
        id="a group narrows bounces only",
    ),
    pytest.param(
        "hardness",
        {"domain": "b.example"},
        [("block", 1, 1, 0, 70, 1 / 70), ("soft", 1, 1, 0, 70, 1 / 70)],
        id="sent to one domain",
    ),
    pytest.param(
        "sender_domain",
        {},
        [
            ("mail.shop.example", 5, 4, 0, 350, 4 / 350),
            ("trx.shop.example", 2, 2, 0, 40, 2 / 40),
        ],
        id="sender domains in lower case, without brackets",
    ),
    pytest.param(
        "account,email_name",
        {},
        [
            (1, "Spring", 4, 3, 0, 150, 3 / 150),
            (1, "Welcome", 2, 2, 0, 40, 2 / 40),
            (2, "Letter", 1, 1, 0, 200, 1 / 200),
        ],
        id="business unit and campaign",
    ),
    pytest.param(
        "list",
        {"account": 1},
        [
            (5, 3, 2, 0, 190, 2 / 190),
            (None, 2, 2, 0, 190, 2 / 190),
            (6, 1, 1, 0, 190, 1 / 190),
        ],
        id="lists are not known to sent counts",
    ),
    pytest.param(
        "journey",
        {},
        [(None, 5, 4, 0, 350, 4 / 350), ("welcome", 2, 2, 0, 40, 2 / 40)],
        id="a triggered send's jobs are its denominator",
    ),
    pytest.param(
        "sfmc_category,hardness",
        {"account": 1, "list": 5},
        [
            ("Hard bounce", "hard", 2, 1, 0, 190, 1 / 190),
            ("Soft bounce", "soft", 1, 1, 0, 190, 1 / 190),
        ],
        id="one list's bounces",
    ),
    pytest.param(
        "day",
        {},
        [
            (DAY[0], 4, 3, 0, 160, 3 / 160),
            (DAY[1], 1, 1, 0, 20, 1 / 20),
            (DAY[3], 1, 1, 0, 10, 1 / 10),
            (DAY[4], 1, 1, 0, 200, 1 / 200),
        ],
        id="days of sending, not of coming back",
    ),
    pytest.param(
        "week",
        {},
        [(DAY[0].replace(2025, 12, 29), 6, 5, 0, 190, 5 / 190), (DAY[4], 1, 1, 0, 200, 1 / 200)],
        id="weeks begin on Monday",
    ),
    pytest.param(
        "hour_of_week",
        {},
        [
            (1, 18, 1, 1, 0, 200, 1 / 200),
            (4, 9, 4, 3, 0, 150, 3 / 150),
            (None, None, 2, 2, 0, 40, 2 / 40),
        ],
        id="hours in which jobs began; none for a job of many days",
    ),
    pytest.param(
        "day,group",
        {"since": at(0, 0), "until": at(3, 0), "provider": "other"},
        [
            (DAY[0], "mailbox", 1, 1, 0, 50, 1 / 50),
            (DAY[0], "reputation", 1, 1, 0, 50, 1 / 50),
            (DAY[1], None, 0, 0, 0, 20, 0.0),
        ],
        id="a cell without a bounce is there with its sent count",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("by", "filters", "expected"), CELLS)
def test_cells_counted_by_hand(
    engine: Engine, by: str, filters: dict[str, object], expected: list[tuple[object, ...]]
) -> None:
    table = engine.ask(f"by:{by}", filters)
    dims = table.column_names[: table.column_names.index("bounces")]
    found = [tuple(row.values()) for row in table.select([*dims, *RATES]).to_pylist()]
    assert found == [
        tuple(pytest.approx(v) if isinstance(v, float) else v for v in row) for row in expected
    ]


def test_by_event_time_there_are_counts_and_no_rates(engine: Engine) -> None:
    table = engine.ask("by:event_day,hardness", {"since": at(1, 0), "until": at(4, 0)})
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        (DAY[1], "hard", 1, 1),
        (DAY[1], "soft", 1, 1),
        (DAY[2], "hard", 1, 1),
        (DAY[3], "soft", 1, 1),
    ]
    assert question("by:event_day,hardness").denominator.startswith("none")


def test_hours_of_coming_back_are_weekday_and_hour(engine: Engine) -> None:
    table = engine.ask("by:event_hour_of_week", {"account": 2})
    assert [tuple(row.values()) for row in table.to_pylist()] == [(2, 12, 1, 1)]


NAMES = list(DIMENSIONS)
# each beside two others: a fifth of all pairs, every dimension in four of them
PAIRS = [
    f"{name},{NAMES[(at + step) % len(NAMES)]}" for at, name in enumerate(NAMES) for step in (1, 7)
]


@pytest.mark.parametrize("by", PAIRS)
def test_any_two_dimensions_count_every_bounce_once(engine: Engine, by: str) -> None:
    table = engine.ask(f"by:{by}", {})
    assert sum(table["bounces"].to_pylist()) == len(answers_lake.BOUNCES)
    assert table.column_names == [column.name for column in question(f"by:{by}").columns]


@pytest.mark.parametrize("by", [[d] for d, made in DIMENSIONS.items() if made.has_sent])
def test_what_was_sent_is_there_once_over_all_cells(engine: Engine, by: list[str]) -> None:
    table = engine.ask(f"by:{by[0]}", {})
    whole = 190 if DIMENSIONS[by[0]].is_by_domain else 390  # job 30 is known by its total alone
    assert sum(n or 0 for n in table["sent"].to_pylist()) == whole


def test_every_dimension_says_what_itself_means_not_its_business_unit() -> None:
    meanings = [dimension.meaning for dimension in DIMENSIONS.values()]
    assert len(set(meanings)) == len(meanings)
    assert DIMENSIONS["job"].meaning == "SFMC JobID"
    assert DIMENSIONS["hour_of_week"].meaning.startswith("weekday on which the job began")


def test_the_head_says_what_a_rate_is_a_share_of() -> None:
    assert denominator(dimensions(["day", "provider"])) == (
        "messages sent on that day to that provider"
    )
    assert denominator(dimensions(["provider", "reason"])) == (
        "messages sent to that provider; the same for every reason, which sent counts do not know"
    )
    assert denominator(dimensions(["list"])).startswith(
        "all messages sent; the same for every list"
    )


WRONG = [
    pytest.param("colour", "no dimension 'colour'", id="no such dimension"),
    pytest.param("reason; DROP TABLE x", "no dimension", id="SQL is no dimension"),
    pytest.param("b.address", "no dimension", id="a column is no dimension"),
    pytest.param("", "one to 3 dimensions, not 0", id="none"),
    pytest.param("day,reason,domain,list", "one to 3 dimensions, not 4", id="too many"),
]


@pytest.mark.parametrize(("by", "words"), WRONG)
def test_only_known_dimensions_reach_the_sql(engine: Engine, by: str, words: str) -> None:
    with pytest.raises(QuestionInvalid, match=words):
        engine.ask(f"by:{by}", {})


@pytest.mark.parametrize(
    "name", ["provider", "domain", "campaign", "sender_domain", "hardness", "triggered_send"]
)
def test_values_stay_values(engine: Engine, name: str) -> None:
    table = engine.ask("by:reason", {name: "x' OR 1=1 --"})
    assert table["bounces"].to_pylist() == []


@given(whole=st.integers(1, 10**7), share=st.floats(0, 1))
def test_an_interval_ends_where_the_part_is_just_within_two_deviations(
    whole: int, share: float
) -> None:
    part = round(share * whole)
    for end in ("low", "high"):
        found = duckdb.execute(
            f"SELECT {wilson(end)} FROM (SELECT $k::DOUBLE AS k, $n::DOUBLE AS n)",
            {"k": part, "n": whole},
        ).fetchone()
        assert found is not None
        # Wilson's ends solve: (part / whole - p)² = z² p (1 - p) / whole
        deviation = 1.96 * math.sqrt(found[0] * (1 - found[0]) / whole)
        assert abs(part / whole - found[0]) == pytest.approx(deviation, rel=1e-3, abs=1e-7)


def test_an_interval_needs_a_sent_count_and_bears_one_that_is_too_small(engine: Engine) -> None:
    ends = f"SELECT {wilson('low')}, {wilson('high')}"
    made = f"{ends} FROM (SELECT $k::DOUBLE AS k, $n::DOUBLE AS n)"
    assert duckdb.execute(made, {"k": 1, "n": None}).fetchone() == (None, None)
    low, high = duckdb.execute(made, {"k": 9, "n": 3}).fetchone() or (0, 0)
    assert 0.4 < low < high == 1
