"""Policies tried on the past: against small histories counted by hand, and a slow model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from light_workspace import LightWorkspace

import suppression_lake as small
from bouncelens.bounce import Life, PastBounce
from bouncelens.decide.policy import Policy
from bouncelens.decide.policy_file import load_policy
from bouncelens.decide.simulation import SETTLE_DAYS, SIGNS, Step, Wrong, harm_days, steps
from bouncelens.errors import InputInvalid, SettingsInvalid
from bouncelens.service.suppress.simulate import Simulation, Trial, simulate
from bouncelens.settings import Settings
from bouncelens.store import tables
from bouncelens.store.lake import Lake
from histories import NOW, History, histories, obvious, person_of

DEAD, FULL, BLOCKED = small.DEAD, small.FULL, small.BLOCKED


def day(days_ago: float) -> datetime:
    return NOW - timedelta(days=days_ago)


def tried(folder: Settings, *policies: str, **more: Any) -> Simulation:
    with LightWorkspace.open(folder) as workspace:
        return simulate(workspace, Trial(policies, **more), now=NOW)


# Decisions 40, 33, 26, 19, 12 and 10 days ago.
TOLD = [
    ("gone", DEAD, 39),  # dead, mailed twice more, dead each time
    ("gone", DEAD, 30),
    ("gone", DEAD, 20),
    ("back", DEAD, 39),  # called dead once, clicks 15 days ago
    ("back", DEAD, 25),
    ("late", DEAD, 11),  # dead in the last step
    ("full", FULL, 38),  # full for weeks: default after the third, 20 days ago
    ("full", FULL, 30),
    ("full", FULL, 20),
    ("full", FULL, 18),  # the one message that the list would have saved
    ("spam", BLOCKED, 35),  # blocked: never
    ("spam", BLOCKED, 25),
    ("spam", BLOCKED, 15),
]
WINDOW = {"since": day(40).date(), "until": day(10).date(), "dates": 6}
PEOPLE = [
    {"subscriber_key": "back", "last_click": day(15), "address": "back@new.example"},
    {"subscriber_key": "gone", "status": "held", "held_time": day(13)},
]


def test_a_small_history_gives_the_table_counted_by_hand(tmp_path: Path) -> None:
    folder = small.settings_in(tmp_path)
    small.fill(folder, TOLD)
    small.people(folder, PEOPLE)
    found = tried(folder, "default", **WINDOW)
    assert [step.start for step in found.steps] == [day(n) for n in (40, 33, 26, 19, 12, 10)]
    (outcome,) = found.outcomes
    # gone and back from the second decision on, full from the fourth; back clicked before the
    # fifth, and that takes it off; late is there at the end.
    assert outcome.sizes == (0, 2, 2, 3, 2, 3)
    assert outcome.ever == 4
    # gone: 30 and 20 days ago, full: 18 days ago. back's second one does not count: it lives.
    assert (outcome.saved, outcome.saved_hard) == (3, 2)
    assert outcome.wrong == 1
    assert (outcome.signs, outcome.moved) == ({"click": 1}, 1)
    # from the decision 33 days ago to the click 15 days ago; without it, to the end
    assert (outcome.harm_days, outcome.harm_days_most) == (33 - 15, 33 - 10)
    assert outcome.reasons == {"unknown_user": 2, "mailbox_full": 1}
    assert found.held == (0, 0, 0, 0, 1, 1)


def test_what_comes_later_never_decides(tmp_path: Path) -> None:
    early = small.settings_in(tmp_path / "early")
    late = small.settings_in(tmp_path / "late")
    before = [row for row in TOLD if row[2] > 26]
    small.fill(early, before)
    small.fill(late, TOLD)
    small.people(late, PEOPLE)
    window = {"since": day(40).date(), "until": day(26).date(), "dates": 3}
    names = ("default", "careful", "sfmc")
    sizes = [[o.sizes for o in tried(lake, *names, **window).outcomes] for lake in (early, late)]
    assert sizes[0] == sizes[1]
    assert any(map(any, sizes[0]))


def test_a_delivery_is_known_only_once_the_message_has_not_come_back(tmp_path: Path) -> None:
    folder = small.settings_in(tmp_path)
    small.fill(folder, [("a", DEAD, 30), ("z", BLOCKED, 1)])
    small.people(folder, [{"subscriber_key": "a", "last_delivery": day(20)}])
    window = {"since": day(22).date(), "until": day(14).date(), "dates": 9}
    (outcome,) = tried(folder, "default", **window).outcomes
    on_list = [n for n, size in zip(range(22, 13, -1), outcome.sizes, strict=True) if size]
    assert on_list == list(range(22, 20 - SETTLE_DAYS, -1))
    assert outcome.signs == {"delivery": 1}
    assert outcome.harm_days == 2


def test_a_false_bounce_is_one_only_after_it_has_settled(tmp_path: Path) -> None:
    folder = small.settings_in(tmp_path)
    small.fill(folder, [("a", DEAD, 30)], is_false_bounce=True)
    window = {"since": day(28).date(), "until": day(24).date(), "dates": 5}
    (outcome,) = tried(folder, "default", **window).outcomes
    assert outcome.sizes == (1, 1, 0, 0, 0)
    assert (outcome.signs, outcome.harm_days) == ({"receipt": 1}, 2)


def test_policies_stand_side_by_side_and_those_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folder = small.settings_in(tmp_path)
    small.fill(folder, TOLD)
    text = (Path(__file__).parents[2] / "src/bouncelens/decide/policies/strict.toml").read_text()
    own = tmp_path / "mine.toml"
    own.write_text(text.replace('version = "1"', 'version = "mine"'))
    found = tried(folder, "strict", str(own), "sfmc", "strict", **WINDOW)
    assert [o.name for o in found.outcomes] == ["strict", "strict mine", "sfmc"]
    assert found.outcomes[0].sizes == found.outcomes[1].sizes


HOSTILE = [
    pytest.param("not toml at all [", "is not TOML", id="no TOML"),
    pytest.param('name = "m"\nversion = "1"\n', "no \\[\\[rule", id="no rule"),
    pytest.param(
        'name = "m"\nversion = "1"\n[[rule]]\nid = "r"\naction = "at_once"\n'
        'groups = ["reputation"]\n',
        "cannot suppress",
        id="blocks would suppress",
    ),
]


@pytest.mark.parametrize(("text", "words"), HOSTILE)
def test_a_policy_that_is_none_is_refused_before_anything_is_read(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(SettingsInvalid, match=words):
        tried(small.settings_in(tmp_path), str(tmp_path / "bad.toml"))


@pytest.mark.parametrize(
    ("trial", "error", "words"),
    [
        pytest.param({"policies": ("defautl",)}, SettingsInvalid, "defautl", id="unknown policy"),
        pytest.param({"policies": ("/nowhere.toml",)}, SettingsInvalid, "read", id="no file"),
        pytest.param({"policies": (), "dates": 1}, InputInvalid, "2 to", id="one decision"),
        pytest.param(
            {"policies": (), "since": NOW.date(), "until": NOW.date()},
            InputInvalid,
            "no day",
            id="an empty window",
        ),
        pytest.param(
            {"policies": (), "since": date(2031, 1, 1)}, InputInvalid, "bounces from", id="too late"
        ),
    ],
)
def test_what_cannot_be_tried_is_refused_with_a_reason(
    tmp_path: Path, trial: dict[str, Any], error: type[Exception], words: str
) -> None:
    folder = small.settings_in(tmp_path)
    small.fill(folder, [("a", DEAD, 30)])
    with LightWorkspace.open(folder) as workspace, pytest.raises(error, match=words):
        simulate(workspace, Trial(**trial), now=NOW)


def test_an_empty_lake_has_nothing_to_try(tmp_path: Path) -> None:
    found = tried(small.settings_in(tmp_path))
    assert (found.since, found.steps, found.held) == (None, (), None)
    assert [(o.name, o.sizes, o.ever, o.wrong) for o in found.outcomes] == [("default", (), 0, 0)]


# Against the slow model


@dataclass(frozen=True)
class Told:
    """What the model finds, person by person and day by day."""

    sizes: tuple[int, ...]
    ever: int
    saved: int
    saved_hard: int
    signs: dict[str, int]
    harm_days: int
    harm_days_most: int


def known_by(history: History, moment: datetime) -> History:
    """The history as it was known then, moved so that then is the model's present."""
    shift = NOW - moment
    settled = moment - timedelta(days=SETTLE_DAYS)
    bounces = tuple(
        replace(
            b,
            event_time=b.event_time + shift,
            send_day=b.send_day + shift if b.send_day else None,
            is_false_bounce=b.is_false_bounce and b.event_time <= settled,
        )
        for b in history.bounces
        if b.event_time <= moment
    )
    life = history.life
    return History(
        bounces,
        Life(
            life.delivery + shift if life.delivery and life.delivery <= settled else None,
            life.open + shift if life.open and life.open <= moment else None,
            life.click + shift if life.click and life.click <= moment else None,
        ),
    )


def slowly(told: Sequence[History], policy: Policy, taken: Sequence[Step]) -> Told:
    sizes = Counter[int]()
    signs = Counter[str]()
    ever = saved = hard = least = most = 0
    for history in told:
        wrongs, best, was = [], SIGNS[-1], False
        for place, step in enumerate(taken):
            decision = obvious(known_by(history, step.start), policy)
            if decision is None:
                continue
            was = True
            sizes[place] += 1
            until = decision[4] - (NOW - step.start) if decision[4] else None
            alive = sign_after(history, step.start)
            if step.end == step.start:
                continue
            if alive is None:
                sent = sent_between(history, step, until)
                saved += len(sent)
                hard += sum(sent.values())
            else:
                best = min(best, alive[0], key=SIGNS.index)
                wrongs.append(Wrong(step, until, alive[1]))
        ever += was
        if wrongs:
            signs[best] += 1
            few, many = harm_days(wrongs, end=taken[-1].end)
            least, most = least + few, most + many
    every = tuple(sizes[place] for place in range(len(taken)))
    return Told(every, ever, saved, hard, dict(signs), least, most)


def sign_after(history: History, moment: datetime) -> tuple[str, datetime] | None:
    life = history.life
    settling = timedelta(days=SETTLE_DAYS)
    false = [b.event_time + settling for b in history.bounces if b.is_false_bounce]
    moments = {
        "click": life.click,
        "open": life.open,
        "delivery": life.delivery,
        "receipt": max(false, default=None),
    }
    after = {name: when for name, when in moments.items() if when and when >= moment}
    if not after:
        return None
    return min(after, key=SIGNS.index), max(when for when in moments.values() if when)


def sent_between(history: History, step: Step, until: datetime | None) -> dict[Any, bool]:
    """Messages that came back, sent in the step while on the list: whether one reply was hard."""
    found: dict[Any, bool] = {}
    for b in history.bounces:
        assert b.send_day is not None
        is_within = step.start.date() <= b.send_day < step.end.date()
        is_on_list = until is None or b.send_day < until.date()
        if is_within and is_on_list and b.event_time > step.start and not b.is_false_bounce:
            found[b.job, b.batch] = found.get((b.job, b.batch), False) or b.hardness == "hard"
    return found


def with_jobs(history: History) -> History:
    """Each day has jobs of its own, as in the lake: a job's only day is the day of the send."""
    return History(
        tuple(replace(b, job=job_of(b)) for b in history.bounces),
        history.life,
    )


def job_of(bounce: PastBounce) -> int:
    assert bounce.send_day is not None
    return (NOW.date() - bounce.send_day).days * 10 + 100 + bounce.job


def filled(folder: Settings, told: Sequence[History]) -> None:
    every = [b for history in told for b in history.bounces]
    verdicts = {verdict_of(b): number for number, b in enumerate(every, 1)}
    with Lake.open(folder.lake) as lake:
        lake.put_verdicts(table(tables.VERDICTS, (said(v, n) for v, n in verdicts.items())))
        lake.add_bounces(table(tables.BOUNCES, (row(b, verdicts[verdict_of(b)]) for b in every)))
        sends = {(b.account, b.job, b.send_day) for b in every}
        lake.put_sends(
            table(
                tables.SENDS,
                (
                    {"account": a, "job": j, "domain": "a.example", "day": d, "sent": 1}
                    for a, j, d in sends
                ),
            )
        )
        lake.put_subscribers(table(tables.SUBSCRIBERS, map(person_of, told)))


def table(of: tables.LakeTable, rows: Iterator[Mapping[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=of.schema)


def verdict_of(b: PastBounce) -> tuple[Any, ...]:
    return (b.reason, b.group, str(b.hardness), b.is_temporary, b.rule)


def said(verdict: tuple[Any, ...], number: int) -> dict[str, object]:
    names = ("reason", "reason_group", "hardness", "is_temporary", "rule")
    return dict(zip(names, verdict, strict=True)) | {"template_id": number}


def row(b: PastBounce, number: int) -> dict[str, object]:
    return {
        "account": b.account,
        "job": b.job,
        "batch": 0,
        "subscriber_key": b.subscriber_key,
        "event_time": b.event_time,
        "routes": "soap",
        "address": b.address,
        "provider": None if b.provider == "other" else b.provider,
        "sfmc_category": b.sfmc_category,
        "is_false_bounce": b.is_false_bounce or None,
        "template_id": number,
    }


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, list[History]]:
    folder = small.settings_in(tmp_path_factory.mktemp("many"))
    told = [with_jobs(history) for history in histories(400, seed=7)]
    filled(folder, told)
    return folder, told


@pytest.mark.parametrize("name", ["default", "careful", "strict", "sfmc"])
def test_a_simulation_equals_the_slow_model(
    many: tuple[Settings, list[History]], name: str
) -> None:
    folder, told = many
    window = {"since": date(2026, 1, 5), "until": date(2026, 5, 29), "dates": 8}
    found = tried(folder, name, **window)
    (outcome,) = found.outcomes
    expected = slowly(told, load_policy(name), found.steps)
    names = [field.name for field in fields(Told)]
    assert Told(**{name: getattr(outcome, name) for name in names}) == expected
    assert min(expected.ever, expected.harm_days) > 0, "something was to be seen"


# The days of decisions, and of harm


@given(
    since=st.dates(date(2015, 1, 1), date(2030, 1, 1)),
    days=st.integers(1, 3000),
    most=st.integers(2, 60),
)
def test_steps_cover_every_day_once_and_are_not_too_many(since: date, days: int, most: int) -> None:
    made = steps(since, since + timedelta(days=days), most=most)
    assert 2 <= len(made) <= most
    assert sum(step.days for step in made) == days
    assert made[0].start.date() == since
    assert made[-1].start == made[-1].end
    assert all(a.end == b.start for a, b in pairwise(made))
    assert len({step.days for step in made[:-2]}) <= 1
    assert made[0].days == 1 or made[0].days % 7 == 0 or len(made) == 2


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(1, 90)), st.integers(0, 90)),
        min_size=1,
        max_size=8,
        unique_by=lambda told: told[0],
    )
)
def test_harm_is_counted_day_by_day(told: list[tuple[int, int | None, int]]) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = [
        Wrong(
            Step(start + timedelta(days=7 * n), start + timedelta(days=7 * n + 7)),
            None if until is None else start + timedelta(days=7 * n + until),
            start + timedelta(days=7 * n + sign),
        )
        for n, until, sign in told
    ]
    end = start + timedelta(days=70)
    seen, kept = set[int](), set[int]()
    covered = -1
    for n, until, sign in sorted(told):
        stop = min(70, 70 if until is None else 7 * n + until)
        seen |= set(range(7 * n, min(7 * n + 7, 7 * n + sign, stop)))
        reach = stop if 7 * n >= covered else min(7 * n + 7, stop)
        kept |= set(range(7 * n, reach))
        covered = max(covered, reach)
    assert harm_days(made, end=end) == (len(seen), len(kept))
    assert len(seen) <= len(kept)
