"""The contract of engines: every question, over rows small enough to count by hand, and over any
rows against plain Python."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lake_rows import START, bounce, bounces, rows, sends, template, verdict

from bouncelens.errors import QuestionInvalid
from bouncelens.store import tables
from bouncelens.store.duck import DuckEngine
from bouncelens.store.lake import Lake
from bouncelens.store.questions import questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bouncelens.store.engine import Engine

ENGINES: list[Callable[[Lake], Engine]] = [DuckEngine]

VERDICTS = [
    verdict(1, "unknown_user", "address", "hard"),
    verdict(2, "mailbox_full", "mailbox", "soft"),
    verdict(3, "poor_reputation", "reputation", "block"),
]
DAY = [date(2026, 1, 1) + timedelta(days=n) for n in range(4)]


def at(day: int, hour: int = 12) -> datetime:
    return START + timedelta(days=day, hours=hour)


# Job 10 goes out on day 0 to two domains, job 20 on day 1 with its total alone, job 30 is unknown.
SENDS = [
    sends(10, "a.example", DAY[0], 100, provider="google"),
    sends(10, "b.example", DAY[0], 50),
    sends(10, "", DAY[0], 150),
    sends(20, "", DAY[1], 40),
]
JOBS = [
    {"account": 1, "job": 10, "email_name": "Spring", "sent_time": at(0), "number_sent": 999},
    {"account": 1, "job": 40, "email_name": "Quiet", "sent_time": at(2), "number_sent": 7},
]
BOUNCES = [
    bounce(1, event_time=at(0), domain="a.example", provider="google", template_id=1),
    # the same message again, two days later: two bounces, one bounced message
    bounce(1, event_time=at(2), domain="a.example", provider="google", template_id=1),
    bounce(2, event_time=at(1), domain="b.example", template_id=2),
    bounce(3, event_time=at(0), domain="b.example", template_id=3),
    bounce(4, job=20, event_time=at(3), domain="a.example", provider="google", template_id=2),
    bounce(5, job=30, event_time=at(3), domain="c.example", template_id=99),
]


@pytest.fixture(params=ENGINES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as lake:
        lake.add_bounces(bounces(*BOUNCES), now=START)
        lake.put_sends(rows(tables.SENDS, SENDS))
        lake.put_jobs(rows(tables.JOBS, JOBS))
        lake.put_verdicts(rows(tables.VERDICTS, VERDICTS))
        spans = [template(n, at(0, n), at(3)) for n in (1, 2, 3, 99)]
        lake.put_templates(rows(tables.TEMPLATES, spans))
        made = request.param(lake)
        yield made
        made.close()


@pytest.mark.parametrize("name", list(questions()))
def test_an_answer_has_the_columns_that_the_question_promises(engine: Engine, name: str) -> None:
    promised = [column.name for column in questions()[name].columns]
    assert engine.ask(name, {}).column_names == promised
    everything = {"account": 1, "job": 10, "provider": "google", "domain": "a.example"}
    narrowed = everything | {"reason": "unknown_user", "reason_group": "address"}
    window = {"since": at(0, 0), "until": at(9, 0)}
    assert engine.ask(name, narrowed | window).column_names == promised


@pytest.mark.parametrize("name", list(questions()))
def test_an_empty_lake_has_empty_answers(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as lake:
        for make in ENGINES:
            empty = make(lake)
            answer = empty.ask(name, {})
            assert len(answer) == (1 if name in ("totals", "headline") else 0)
            empty.close()


RATES = ("bounces", "bounced", "uncounted", "sent", "rate")
ANSWERS = [
    pytest.param(
        "totals", {}, (), [(6, 5, 1, 197, 4 / 197)], id="totals: job 30 is not in the rate"
    ),
    pytest.param("totals", {"job": 10}, (), [(4, 3, 0, 150, 3 / 150)], id="one job"),
    pytest.param("totals", {"job": 30}, (), [(1, 1, 1, None, None)], id="nothing known of a job"),
    pytest.param(
        "totals",
        {"provider": "google"},
        (),
        [(3, 2, 1, 100, 1 / 100)],
        id="one provider: only sends known by domain count",
    ),
    pytest.param("totals", {"domain": "b.example"}, (), [(2, 2, 0, 50, 2 / 50)], id="one domain"),
    pytest.param(
        "totals",
        {"reason": "mailbox_full"},
        (),
        [(2, 2, 0, 197, 2 / 197)],
        id="a reason narrows bounces, not what was sent",
    ),
    pytest.param(
        "totals",
        {"since": at(0, 0), "until": at(1, 0)},
        (),
        [(4, 3, 0, 150, 3 / 150)],
        id="a window of one day of sending, whenever the bounces came",
    ),
    pytest.param("totals", {"account": 2}, (), [(0, 0, 0, None, None)], id="another account"),
    pytest.param(
        "by_day",
        {},
        ("day",),
        [
            (DAY[0], 4, 3, 0, 150, 3 / 150),
            (DAY[1], 1, 1, 0, 40, 1 / 40),
            (DAY[2], 0, 0, 0, 7, 0.0),
            (DAY[3], 1, 1, 1, None, None),
        ],
        id="by day of the send",
    ),
    pytest.param(
        "overview",
        {},
        ("day", "reason_group"),
        [
            (DAY[0], "address", 2, 1, 0, 150, 1 / 150),
            (DAY[0], "mailbox", 1, 1, 0, 150, 1 / 150),
            (DAY[0], "reputation", 1, 1, 0, 150, 1 / 150),
            (DAY[1], "mailbox", 1, 1, 0, 40, 1 / 40),
            (DAY[2], None, 0, 0, 0, 7, 0.0),
            (DAY[3], "other", 1, 1, 1, None, None),
        ],
        id="by day and group",
    ),
    pytest.param(
        "by_reason",
        {},
        ("reason", "hardness"),
        [
            ("mailbox_full", "soft", 2, 2, 0, 197, 2 / 197),
            ("poor_reputation", "block", 1, 1, 0, 197, 1 / 197),
            ("unclassified", "unknown", 1, 1, 1, 197, 0.0),
            ("unknown_user", "hard", 2, 1, 0, 197, 1 / 197),
        ],
        id="by reason",
    ),
    pytest.param(
        "by_provider",
        {},
        ("provider",),
        [("other", 3, 3, 1, 50, 2 / 50), ("google", 3, 2, 1, 100, 1 / 100)],
        id="by provider: the job known by its total alone is not in the rate",
    ),
    pytest.param(
        "by_domain",
        {},
        ("domain", "provider"),
        [
            ("a.example", "google", 3, 2, 1, 100, 1 / 100),
            ("b.example", "other", 2, 2, 0, 50, 2 / 50),
            ("c.example", "other", 1, 1, 1, None, None),
        ],
        id="by domain",
    ),
    pytest.param(
        "by_campaign",
        {},
        ("job", "campaign", "first_day"),
        [
            (10, "Spring", DAY[0], 4, 3, 0, 150, 3 / 150),
            (20, None, DAY[1], 1, 1, 0, 40, 1 / 40),
            (30, None, None, 1, 1, 1, None, None),
            (40, "Quiet", DAY[2], 0, 0, 0, 7, 0.0),
        ],
        id="by campaign",
    ),
]


@pytest.mark.parametrize(("name", "parameters", "dimensions", "expected"), ANSWERS)
def test_answers_counted_by_hand(
    engine: Engine,
    name: str,
    parameters: dict[str, object],
    dimensions: tuple[str, ...],
    expected: list[tuple[object, ...]],
) -> None:
    answer = engine.ask(name, parameters).select([*dimensions, *RATES]).to_pylist()
    assert [tuple(row.values()) for row in answer] == [
        tuple(pytest.approx(v) if isinstance(v, float) else v for v in row) for row in expected
    ]


def test_days_of_arrival_count_events_and_addresses(engine: Engine) -> None:
    answer = engine.ask("by_event_day", {"until": at(3, 0)}).to_pylist()
    assert [tuple(row.values()) for row in answer] == [
        (DAY[0], "address", 1, 1),
        (DAY[0], "reputation", 1, 1),
        (DAY[1], "mailbox", 1, 1),
        (DAY[2], "address", 1, 1),
    ]


def test_newest_templates_come_first_with_their_verdicts(engine: Engine) -> None:
    answer = engine.ask("templates_newest", {"until": at(1, 0), "limit": 2})
    assert answer["template_id"].to_pylist() == [3, 1]
    whole = engine.ask("templates_newest", {}).to_pylist()
    assert [(row["template_id"], row["reason"], row["bounces"]) for row in whole] == [
        (99, "unclassified", 1),
        (3, "poor_reputation", 1),
        (2, "mailbox_full", 2),
        (1, "unknown_user", 2),
    ]


def test_replies_come_with_their_share_of_what_is_asked_for(engine: Engine) -> None:
    whole = engine.ask("by_reply", {}).to_pylist()
    first = whole[0]
    assert (first["template_id"], first["reason"], first["bounces"]) == (1, "unknown_user", 2)
    assert first["share"] == 2 / 6
    assert sum(row["bounces"] for row in whole) == 6
    full = engine.ask("by_reply", {"reason": "mailbox_full"}).to_pylist()
    assert [(row["bounces"], row["share"], row["template_id"]) for row in full] == [(1, 0.5, 2)] * 2
    assert len({row["provider"] for row in full}) == 2, "a row for each provider"


def test_histories_leave_out_addresses_that_were_never_refused_for_their_own_sake(
    engine: Engine,
) -> None:
    answer = engine.ask("suppression_history", {})
    assert answer["subscriber_key"].to_pylist() == ["s1", "s1", "s2", "s4"]
    assert answer["event_time"].to_pylist()[:2] == [at(0), at(2)]


WRONG = [
    pytest.param("nonsense", {}, "no question 'nonsense'", id="no such question"),
    pytest.param("totals", {"colour": "red"}, "no parameter 'colour'", id="no such parameter"),
    pytest.param("totals", {"job": "10; DROP TABLE x"}, "type int", id="another type"),
    pytest.param("totals", {"job": True}, "type int", id="a truth value is no number"),
    pytest.param("totals", {"since": datetime(2026, 1, 1)}, "time zone", id="no time zone"),  # noqa: DTZ001
]


@pytest.mark.parametrize(("name", "parameters", "words"), WRONG)
def test_unusable_questions_are_refused(
    engine: Engine, name: str, parameters: dict[str, object], words: str
) -> None:
    with pytest.raises(QuestionInvalid, match=words):
        engine.ask(name, parameters)


def test_values_are_values_whatever_they_contain(engine: Engine) -> None:
    hostile = "x' OR 1=1 --"
    assert engine.ask("totals", {"provider": hostile})["bounces"].to_pylist() == [0]


def test_an_engine_sees_what_was_stored_after_it_was_opened(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as lake:
        for make in ENGINES:
            opened = make(lake)
            for number in range(3):
                lake.add_bounces(bounces(bounce(number)))
                assert opened.ask("totals", {})["bounces"].to_pylist() == [number + 1]
            opened.close()


EVENT = st.tuples(
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(0, 4),
    st.sampled_from(["a", "b", None]),
    st.integers(1, 4),
)
MAILED = st.dictionaries(
    st.tuples(st.integers(1, 3), st.sampled_from(["", "a", "b"]), st.integers(0, 3)),
    st.integers(1, 50),
    max_size=8,
)


@given(events=st.lists(EVENT, max_size=20), mailed=MAILED)
@settings(max_examples=12, deadline=None)
def test_rates_by_reason_and_day_equal_plain_python(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[int, int, int, str | None, int]],
    mailed: dict[tuple[int, str, int], int],
) -> None:
    given_bounces = {
        (job, f"s{who}", day): bounce(
            who, job=job, event_time=at(day), domain=domain, template_id=tid
        )
        for job, who, day, domain, tid in events
    }
    detailed = {job for job, domain, _ in mailed if domain}
    sent = {key: n for key, n in mailed.items() if key[1] or key[0] not in detailed}
    days_of: dict[int, list[int]] = defaultdict(list)
    for job, _, day in sent:
        days_of[job].append(day)
    reasons = {row["template_id"]: row["reason"] for row in VERDICTS}

    bounced: dict[str, set[tuple[int, str]]] = defaultdict(set)
    per_day: dict[date, set[tuple[int, str]]] = defaultdict(set)
    for (job, who, day), row in given_bounces.items():
        bounced[str(reasons.get(row["template_id"], "unclassified"))].add((job, who))
        known = days_of.get(job)
        sent_on = max(min(known), min(max(known), day)) if known else day
        per_day[DAY[0] + timedelta(days=sent_on)].add((job, who))
    sent_per_day: dict[date, int] = defaultdict(int)
    for (_, _, day), n in sent.items():
        sent_per_day[DAY[0] + timedelta(days=day)] += n

    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as lake:
        lake.add_bounces(bounces(*given_bounces.values()))
        lake.put_verdicts(rows(tables.VERDICTS, VERDICTS))
        lake.put_sends(
            rows(
                tables.SENDS,
                [sends(j, dom, DAY[0] + timedelta(days=d), n) for (j, dom, d), n in mailed.items()],
            )
        )
        for make in ENGINES:
            engine = make(lake)
            by_reason = engine.ask("by_reason", {}).to_pylist()
            by_day = engine.ask("by_day", {}).to_pylist()
            engine.close()
            assert {r["reason"]: r["bounced"] for r in by_reason} == {
                reason: len(messages) for reason, messages in bounced.items()
            }
            assert all(r["sent"] == (sum(sent.values()) or None) for r in by_reason)
            assert {r["day"]: (r["bounced"], r["sent"]) for r in by_day} == {
                day: (len(per_day[day]), sent_per_day[day] or None)
                for day in {*per_day, *sent_per_day}
            }


def test_times_come_back_in_utc(engine: Engine) -> None:
    first = engine.ask("totals", {})["first_event"][0].as_py()
    assert (first, first.tzinfo.key) == (at(0), "UTC")
    assert at(0).tzinfo is UTC
