"""Questions about people, templates, SFMC's own view and differences, counted by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import answers_lake
import pytest
from answers_lake import DAY, at
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lake_rows import bounce, bounces, rows, sends, template, verdict

from bouncelens.decide.change import Share, difference
from bouncelens.store import tables
from bouncelens.store.duck import DuckEngine
from bouncelens.store.lake import Lake
from bouncelens.store.questions import questions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bouncelens.store.engine import Engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as lake:
        answers_lake.fill(lake)
        with DuckEngine(lake) as made:
            yield made


BEFORE_AFTER = {"account": 1, "other_campaign": "Spring", "campaign": "Welcome"}
COMPARED = [  # provider, reason, rates before and after, difference, of it by rate and by mix
    ("google", "mailbox_full", 0 / 100, 1 / 20, 1 / 40, 7 / 240, -1 / 240),
    ("google", "unknown_user", 1 / 100, 1 / 20, 1 / 40 - 1 / 150, 7 / 300, -1 / 200),
    ("other", "mailbox_full", 1 / 50, 0 / 20, -1 / 150, -1 / 120, 1 / 600),
    ("other", "poor_reputation", 1 / 50, 0 / 20, -1 / 150, -1 / 120, 1 / 600),
]
ANSWERS = [
    pytest.param(
        "bouncing_subscribers",
        {"since": at(1, 0)},
        ("subscriber_key", "kind", "messages", "bounces", "first_time", "last_time", "reason"),
        [
            ("s1", "again", 2, 2, at(0), at(2), "unknown_user"),
            ("s2", "first", 1, 1, at(1), at(1), "mailbox_full"),
            ("s4", "first", 1, 1, at(3), at(3), "mailbox_full"),
            ("s5", "first", 1, 1, at(5), at(5), "unknown_user"),
        ],
        id="who bounced before the window bounced again",
    ),
    pytest.param(
        "first_bounces",
        {},
        ("day", "addresses", "first", "again", "share"),
        [
            (DAY[0], 2, 2, 0, 0.0),
            (DAY[1], 2, 1, 1, 0.5),
            (DAY[2], 1, 0, 1, 1.0),
            (DAY[3], 1, 1, 0, 0.0),
            (DAY[5], 1, 1, 0, 0.0),
        ],
        id="new and known addresses by day",
    ),
    pytest.param(
        "first_bounces",
        {"since": at(2, 0), "provider": "google"},
        ("day", "addresses", "first", "again"),
        [(DAY[2], 1, 0, 1), (DAY[3], 1, 1, 0)],
        id="a window does not make an address new",
    ),
    pytest.param(
        "bounced_but_engaged",
        {},
        ("account", "subscriber_key", "reason", "sign", "last_sign", "days_after", "status"),
        [(2, "s5", "unknown_user", "click", at(7), 2, "active")],
        id="a sign of life after the last hard bounce",
    ),
    pytest.param(
        "still_mailed_after_hard_bounce",
        {},
        ("status", "addresses", "mailed_again", "share", "bounced_again", "delivered_again"),
        [("active", 1, 1, 1.0, 0, 1), ("bounced", 1, 1, 1.0, 1, 0)],
        id="mailed on a later day: another message bounced, or one did not come back",
    ),
    pytest.param(
        "still_mailed_after_hard_bounce",
        {"since": at(2, 0), "account": 1},
        ("status", "addresses", "mailed_again", "share", "bounced_again"),
        [("bounced", 1, 0, 0.0, 0)],
        id="the same message bouncing again is no new one",
    ),
    pytest.param(
        "soft_bounce_recurrence",
        {},
        ("messages", "addresses", "share", "over_15_days", "hard_later", "alive_later", "held"),
        [("1", 2, 1.0, 0, 0, 1, 1)],
        id="one soft bounce each: one clicked later, one is held",
    ),
    pytest.param(
        "sfmc_confusion",
        {},
        ("sfmc_category", "hardness", "bounces", "share", "agrees", "addresses", "of_category"),
        [
            ("Hard bounce", "hard", 2, 2 / 3, True, 1, 3),
            ("Hard bounce", "block", 1, 1 / 3, False, 1, 3),
            (None, "hard", 2, 2 / 3, None, 2, 3),
            (None, "soft", 1, 1 / 3, None, 1, 3),
            ("Soft bounce", "soft", 1, 1.0, True, 1, 1),
        ],
        id="a block that SFMC calls hard",
    ),
    *(
        pytest.param(
            "subscriber_timeline",
            {"subscriber": who},
            ("time", "event", "job", "campaign", "reason"),
            [
                (at(-9), "joined", None, None, None),
                (at(1), "bounced", 10, "Spring", "mailbox_full"),
                (at(4), "clicked", None, None, None),
                (at(4), "delivered", None, None, None),
                (at(6), "status active", None, None, None),
            ],
            id=f"a person by {who}",
        )
        for who in ("s2", "Pat@B.example")
    ),
    pytest.param("subscriber_timeline", {}, ("time",), [], id="nobody by no name"),
    pytest.param(
        "compare",
        BEFORE_AFTER,
        (
            "provider", "reason", "rate_before", "rate_after", "difference", "rate_effect",
            "mix_effect",
        ),
        COMPARED,
        id="two campaigns",
    ),
    pytest.param(
        "compare",
        {
            "account": 1, "since": at(1, 0), "until": at(4, 0), "other_since": at(0, 0),
            "other_until": at(1, 0),
        },
        ("provider", "reason", "bounced_before", "sent_before", "bounced_after", "sent_after"),
        [
            ("google", "mailbox_full", 0, 110, 1, 10),
            ("google", "unknown_user", 1, 110, 1, 10),
            ("other", "mailbox_full", 1, 50, 0, 20),
            ("other", "poor_reputation", 1, 50, 0, 20),
        ],
        id="two periods",
    ),
    pytest.param(
        "freshness",
        {"now": at(15)},
        ("account", "route", "bounces", "age_days", "views_days_left", "overall_days_left"),
        [(1, "soap", 6, 12, 168, 718), (2, "soap", 1, 10, 170, 720)],
        id="days until SFMC forgets",
    ),
    pytest.param(
        "freshness",
        {"now": at(215), "account": 1},
        ("age_days", "views_days_left", "overall_days_left"),
        [(212, 0, 518)],
        id="none are left in data views",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameters", "columns", "expected"), ANSWERS)
def test_answers_counted_by_hand(
    engine: Engine,
    name: str,
    parameters: dict[str, object],
    columns: tuple[str, ...],
    expected: list[tuple[object, ...]],
) -> None:
    found = engine.ask(name, parameters).select(columns).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        tuple(pytest.approx(v) if isinstance(v, float) else v for v in row) for row in expected
    ]


PIVOTS = {
    "by_day": "day", "by_provider": "provider", "by_domain": "domain", "by_campaign": "job",
    "by_account": "account", "by_sender_domain": "sender_domain", "by_list": "list",
    "by_triggered_send": "triggered_send,campaign", "by_hour_of_week": "hour_of_week",
    "by_reason": "reason,group,hardness", "overview": "day,group",
}  # fmt: skip


@pytest.mark.parametrize(("name", "by"), PIVOTS.items())
def test_a_named_question_counts_as_its_pivot_does(engine: Engine, name: str, by: str) -> None:
    pivot = engine.ask(f"by:{by}", {})
    names = {column.name for column in questions()[name].columns}
    shared = [column for column in pivot.column_names if column in names]
    assert len(shared) >= 8
    named, counted = (
        sorted(map(str, table.select(shared).to_pylist()))
        for table in (engine.ask(name, {}), pivot)
    )
    assert named == counted


def test_templates_are_new_growing_or_vanished(tmp_path_factory: pytest.TempPathFactory) -> None:
    # template: bounces before and in the last seven days, first seen on day
    counts = {1: (0, 3, 9), 2: (5, 30, 0), 3: (12, 0, 0), 4: (10, 19, 0), 5: (9, 0, 0)}
    events = [
        bounce(tid * 100 + n, template_id=tid, event_time=at(2 if n < before else 10))
        for tid, (before, now, _) in counts.items()
        for n in range(before + now)
    ]
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as lake:
        lake.add_bounces(bounces(*events))
        spans = [template(tid, at(day), at(10)) for tid, (_, _, day) in counts.items()]
        lake.put_templates(rows(tables.TEMPLATES, spans))
        with DuckEngine(lake) as engine:
            found = engine.ask("templates_changing", {}).to_pylist()
            earlier = engine.ask("templates_changing", {"until": at(3)}).to_pylist()
    assert [(r["kind"], r["template_id"], r["bounces"], r["before"]) for r in found] == [
        ("new", 1, 3, 0),
        ("growing", 2, 30, 5),
        ("vanished", 3, 0, 12),
    ]
    assert [(r["kind"], r["template_id"]) for r in earlier] == [
        ("new", 3),
        ("new", 4),
        ("new", 5),
        ("new", 2),
    ]


SIDE = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "c", ""]), st.integers(0, 1)), st.integers(1, 50)
)
EVENT = st.tuples(
    st.sampled_from([10, 20]),
    st.integers(0, 9),
    st.sampled_from(["a", "b", "c", None]),
    st.integers(1, 3),
)


@given(events=st.lists(EVENT, max_size=25), before=SIDE, after=SIDE)
@example(events=[(10, 0, "a", 1), (10, 1, "a", 1)], before={("a", 0): 1}, after={("a", 0): 1})
@settings(max_examples=15, deadline=None)
def test_the_parts_of_a_difference_add_up_to_it(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[int, int, str | None, int]],
    before: dict[tuple[str, int], int],
    after: dict[tuple[str, int], int],
) -> None:
    mailed = [
        sends(job, domain, DAY[day], n, provider=domain or None)
        for job, side in ((10, before), (20, after))
        for (domain, day), n in side.items()
    ]
    told = {(job, who): bounce(who, job=job, domain=domain, provider=domain, template_id=tid)
            for job, who, domain, tid in events}  # fmt: skip
    verdicts = [verdict(n, f"reason{n}", "address", "hard") for n in (1, 2)]
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as lake:
        lake.add_bounces(bounces(*told.values()))
        lake.put_sends(rows(tables.SENDS, mailed))
        lake.put_verdicts(rows(tables.VERDICTS, verdicts))
        with DuckEngine(lake) as engine:
            found = engine.ask("compare", {"other_job": 10, "job": 20}).to_pylist()
            wholes = [engine.ask("totals", {"job": job}).to_pylist()[0] for job in (10, 20)]
    rates = [whole["rate"] for whole in wholes]
    for row in found:
        if row["difference"] is not None:
            parts = row["rate_effect"] + row["mix_effect"]
            assert parts == pytest.approx(row["difference"], abs=1e-12)
            bounced = (row["bounced_before"], row["bounced_after"])
            sides = [(n, whole["sent"]) for n, whole in zip(bounced, wholes, strict=True)]
            if any(part > sent for part, sent in sides):  # no share: some sends are not known
                continue
            expected = difference(*(Share(part, sent) for part, sent in sides))
            assert (row["low"], row["high"]) == pytest.approx(
                (expected.low, expected.high), abs=1e-4
            )
    if found and None not in rates:
        assert sum(row["difference"] for row in found) == pytest.approx(
            rates[1] - rates[0], abs=1e-9
        )
