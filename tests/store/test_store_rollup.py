"""The rollup: whatever happens to a lake, questions are answered the same with and without it."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import answers_lake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lake_rows import START, bounce, bounces, numbered, rows, sends, verdict

from bouncelens.errors import StoreError
from bouncelens.store import rolling, tables
from bouncelens.store.dimensions import DIMENSIONS
from bouncelens.store.duck import DuckEngine
from bouncelens.store.grain import live
from bouncelens.store.lake import Lake
from bouncelens.store.questions import question, questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOW = datetime(2026, 6, 1, tzinfo=UTC)
COUNTED = [name for name, asked in questions().items() if "tallied" in asked.sql]
PIVOTS = [
    *(f"by:{name}" for name in DIMENSIONS),
    "by:provider,reason", "by:domain,hardness", "by:event_day,domain", "by:week,triggered_send",
    "by:event_hour_of_week,provider", "by:event_hour_of_week,domain", "by:job,sfmc_category",
]  # fmt: skip
FILTERS: list[dict[str, object]] = [
    {},
    {"job": 10},
    {"provider": "google"},
    {"domain": "d1.example"},
    {"reason": "unknown_user", "account": 1},
    {"list": 5, "hardness": "soft"},
    {"since": START + timedelta(days=20), "until": START + timedelta(days=45)},
    {"since": START + timedelta(days=20, hours=5), "until": START + timedelta(days=45, seconds=1)},
]
TOLD = st.fixed_dictionaries(
    {
        "job": st.sampled_from([10, 20, 30]),
        "subscriber_key": st.sampled_from([f"s{n}" for n in range(6)]),
        "event_time": st.integers(0, 60 * 24 * 12).map(lambda n: START + timedelta(minutes=n * 5)),
        "domain": st.sampled_from([None, "d1.example", "d2.example", "d3.example"]),
        "provider": st.sampled_from([None, "google", "yahoo"]),
        "template_id": st.sampled_from([1, 2, 3, 4]),
        "list_id": st.sampled_from([None, 5, 6]),
        "sfmc_category": st.sampled_from([None, "Hard bounce", "Soft bounce"]),
        "triggered_send_key": st.sampled_from([None, "welcome"]),
        "account": st.sampled_from([1, 2]),
    }
)


def _add(lake: Lake, told: list[dict[str, object]], **also: object) -> None:
    lake.add_bounces(bounces(*(bounce(**(row | also)) for row in told)))


def _forget(lake: Lake, told: list[dict[str, object]]) -> None:
    lake.delta("bounces").delete(f"subscriber_key = '{told[0]['subscriber_key']}'")


def _look_up(lake: Lake, told: list[dict[str, object]]) -> None:
    found = [
        {"domain": "d2.example", "provider": told[0]["provider"], "outcome": "mx"},
        {"domain": "d3.example", "provider": "google", "outcome": "mx"},
    ]
    lake.put_domains(rows(tables.DOMAINS, found))


def _judge(lake: Lake, told: list[dict[str, object]]) -> None:
    turned = verdict(int(str(told[0]["template_id"])), "spam_content", "content", "block")
    lake.put_verdicts(rows(tables.VERDICTS, [turned]))


def _send(lake: Lake, told: list[dict[str, object]]) -> None:
    days = [date(2026, 1, 3) + timedelta(days=n) for n in range(len(told))]
    counts = [
        sends(int(str(row["job"])), str(row["domain"] or ""), day, 100, provider=row["provider"])
        for row, day in zip(told, days, strict=True)
    ]
    unique = {(c["job"], c["domain"], c["day"]): c for c in counts}
    lake.put_sends(rows(tables.SENDS, unique.values()))


def _break_off(lake: Lake, told: list[dict[str, object]]) -> None:
    """A roll killed before its commit: files that nobody names."""
    _add(lake, told)
    folder = Path(lake.uri) / "rollup" / "v1" / "kind=day"
    if folder.exists():
        pq.write_table(
            pa.table({"roll": [1]}), folder / f"part-{len(list(folder.iterdir()))}.parquet"
        )


CHANGES: dict[str, Callable[[Lake, list[dict[str, object]]], object]] = {
    "bounces": _add,
    "another route fills them": lambda lake, told: _add(
        lake, told, routes="query", list_id=7, is_false_bounce=True
    ),
    "a person is forgotten": _forget,
    "domains are looked up": _look_up,
    "templates are judged anew": _judge,
    "sent counts": _send,
    "a roll breaks off": _break_off,
    "roll": lambda lake, _: rolling.roll(lake, at_least=1),
    "tidy": lambda lake, _: lake.tidy(files_per_part=1),
    "leave out what is old": lambda lake, _: rolling.tidied(lake),
}


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    history=st.lists(
        st.tuples(st.sampled_from(sorted(CHANGES)), st.lists(TOLD, min_size=1, max_size=6)),
        min_size=1,
        max_size=6,
    ),
    asked=st.lists(
        st.tuples(st.sampled_from([*COUNTED, *PIVOTS]), st.sampled_from(FILTERS)),
        min_size=6,
        max_size=6,
    ),
    summed=st.lists(
        st.tuples(
            st.lists(st.sampled_from(sorted(DIMENSIONS)), min_size=1, max_size=2, unique=True),
            st.sampled_from(FILTERS),
        ),
        min_size=3,
        max_size=3,
    ),
)
def test_with_a_rollup_any_question_is_answered_as_without_and_pivots_add_up(
    history: list[tuple[str, list[dict[str, object]]]],
    asked: list[tuple[str, dict[str, object]]],
    summed: list[tuple[list[str], dict[str, object]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as lake:
        answers_lake.fill(lake)
        rolling.roll(lake, at_least=1)
        for change, told in history:
            CHANGES[change](lake, told)
        with _engines(lake) as (rolled, whole):
            for name, narrowed in asked:
                _same(rolled, whole, name, narrowed)
            for by, narrowed in summed:
                _adds_up(rolled, by, narrowed)


OF_JOBS = {"account", "job", "campaign", "sender_domain", "job_category", "triggered_send"}


def _adds_up(engine: DuckEngine, by: list[str], narrowed: dict[str, object]) -> None:
    """The cells of a pivot are all of what the overview counts, and nothing twice."""
    (totals,) = engine.ask("totals", narrowed).to_pylist()
    cells = engine.ask(f"by:{','.join(by)}", narrowed).to_pylist()
    used = [DIMENSIONS[name] for name in by]
    if any(dimension.clock == "event" for dimension in used):
        if "since" not in narrowed:  # else it is another window
            assert sum(cell["bounces"] for cell in cells) == totals["bounces"]
        return
    sums = {name: sum(cell[name] or 0 for cell in cells) for name in ("bounces", "bounced", "sent")}
    assert sums["bounces"] == totals["bounces"]
    assert totals["bounced"] <= sums["bounced"] <= totals["bounces"]
    if set(by) <= OF_JOBS:  # a message is of one job
        assert sums["bounced"] == totals["bounced"]
    sent = totals["sent"] or 0
    if not all(dimension.has_sent for dimension in used):
        assert all((cell["sent"] or 0) <= sent for cell in cells)
    elif any(dimension.is_by_domain for dimension in used):
        assert sums["sent"] <= sent
    else:
        assert sums["sent"] == sent


def test_with_a_rollup_every_question_is_answered_as_without(tmp_path: Path) -> None:
    with Lake.open(str(tmp_path / "lake")) as lake:
        answers_lake.fill(lake)
        rolling.roll(lake, at_least=1)
        lake.add_bounces(
            bounces(
                bounce(4, job=20, event_time=answers_lake.at(20), domain="d1.example"),
                bounce(9, job=40, domain="a.example", provider="google"),
            )
        )
        with _engines(lake) as (rolled, whole):
            for name in (*COUNTED, *PIVOTS):
                _same(rolled, whole, name, {})


@contextmanager
def _engines(lake: Lake) -> Iterator[tuple[DuckEngine, DuckEngine]]:
    with (
        DuckEngine(lake, threads=1) as rolled,
        DuckEngine(lake, threads=1, rollup=False) as whole,
    ):
        yield rolled, whole


def _same(one: DuckEngine, other: DuckEngine, name: str, narrowed: dict[str, object]) -> None:
    asked = question(name)
    takes = {parameter.name for parameter in asked.parameters}
    given = {k: v for k, v in ({"now": NOW, "limit": 9999} | narrowed).items() if k in takes}
    assert one.ask(name, given).equals(other.ask(name, given)), name


GRAINS = [
    pytest.param("overview", {}, "day", id="by day"),
    pytest.param("by_provider", {"reason": "unknown_user"}, "day", id="a filter that cells have"),
    pytest.param("by_domain", {}, "domain", id="by domain"),
    pytest.param("overview", {"domain": "d1.example"}, "domain", id="of one domain"),
    pytest.param("by:event_hour_of_week", {}, "hour", id="by hour"),
    pytest.param("by:event_hour_of_week,domain", {}, None, id="by hour and domain"),
    pytest.param("freshness", {"since": START}, "day", id="a window that begins with a day"),
    pytest.param("freshness", {"since": NOW - timedelta(hours=1)}, None, id="one that does not"),
    pytest.param("subscriber_timeline", {}, None, id="of people"),
]


@pytest.mark.parametrize(("name", "given_", "grain"), GRAINS)
def test_a_question_takes_the_coarsest_cells_that_have_what_it_asks(
    name: str, given_: dict[str, object], grain: str | None
) -> None:
    asked = question(name)
    assert live(asked.sql, asked.bound(given_)).grain == grain


def _filled(tmp_path: Path) -> Lake:
    lake = Lake.open(str(tmp_path / "lake"))
    lake.add_bounces(numbered(0, 50))
    return lake


def test_few_bounces_are_not_rolled_up(tmp_path: Path) -> None:
    with _filled(tmp_path) as lake:
        assert rolling.roll(lake) == rolling.Rolled()
        assert not (tmp_path / "lake" / "rollup").exists()


def test_only_jobs_that_changed_are_counted_anew(tmp_path: Path) -> None:
    with _filled(tmp_path) as lake:
        lake.add_bounces(bounces(bounce(1, job=11), bounce(2, job=12)))
        assert rolling.roll(lake, at_least=1) == rolling.Rolled(3, 52)
        lake.add_bounces(bounces(bounce(3, job=11)))
        assert rolling.roll(lake, at_least=1) == rolling.Rolled(1, 2)
        assert rolling.roll(lake, at_least=1) == rolling.Rolled()


def test_joining_files_lets_nothing_be_counted_anew(tmp_path: Path) -> None:
    with _filled(tmp_path) as lake:
        lake.add_bounces(numbered(50, 60))
        rolling.roll(lake, at_least=1)
        before = lake.rollup.version()
        assert lake.tidy(files_per_part=1) > 0
        assert lake.rollup.version() == before + 1
        assert rolling.roll(lake, at_least=1) == rolling.Rolled()


def test_files_joined_while_somebody_adds_bounces_are_not_taken_for_known(tmp_path: Path) -> None:
    with _filled(tmp_path) as lake:
        rolling.roll(lake, at_least=1)
        since = lake.delta("bounces").version()
        lake.add_bounces(numbered(50, 60))
        lake.delta("bounces").optimize.compact()
        rolling.moved(lake, since)
        assert rolling.roll(lake, at_least=1) == rolling.Rolled(1, 60)


def test_rows_of_a_job_that_is_all_forgotten_are_in_no_answer(tmp_path: Path) -> None:
    with _filled(tmp_path) as lake, DuckEngine(lake) as engine:
        lake.add_bounces(bounces(bounce(1, job=11)))
        rolling.roll(lake, at_least=1)
        lake.delta("bounces").delete("job = 11")
        for _ in range(2):
            assert engine.ask("headline", {})["bounces"].to_pylist() == [50]
            rolling.roll(lake, at_least=1)


def test_a_rollup_may_be_deleted_at_any_time(tmp_path: Path) -> None:
    with _filled(tmp_path) as lake, DuckEngine(lake) as engine:
        rolling.roll(lake, at_least=1)
        assert engine.ask("headline", {})["bounces"].to_pylist() == [50]
        shutil.rmtree(tmp_path / "lake" / "rollup")
        assert engine.ask("headline", {})["bounces"].to_pylist() == [50]
        assert rolling.roll(lake, at_least=1).bounces == 50
        assert engine.ask("headline", {})["bounces"].to_pylist() == [50]


def test_of_two_rolls_at_once_one_gives_way(tmp_path: Path) -> None:
    with _filled(tmp_path) as lake, Lake.open(lake.uri) as other, ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda of: rolling.roll(of, at_least=1), (lake, other)))
        assert sorted(d.bounces for d in done) in ([0, 50], [50, 50])
        with DuckEngine(lake) as engine:
            assert engine.ask("headline", {})["bounces"].to_pylist() == [50]


def test_answers_do_come_from_the_rollup(tmp_path: Path) -> None:
    """Else all of the above would say nothing."""
    with _filled(tmp_path) as lake, DuckEngine(lake) as engine:
        rolling.roll(lake, at_least=1)
        engine.ask("headline", {})
        for path in lake.delta("bounces").file_uris():
            Path(path).unlink()
        assert engine.ask("headline", {})["bounces"].to_pylist() == [50]
        with pytest.raises(StoreError):
            engine.ask("bouncing_subscribers", {})


def test_cells_follow_what_is_found_out_about_a_domain(tmp_path: Path) -> None:
    with _filled(tmp_path) as lake, DuckEngine(lake) as engine:
        lake.add_bounces(bounces(bounce(1, job=11, domain="d.example")))
        rolling.roll(lake, at_least=1)
        for provider in ("google", "yahoo", None):
            found = {"domain": "d.example", "provider": provider, "outcome": "mx"}
            lake.put_domains(rows(tables.DOMAINS, [found]))
            told = {(provider or "other", 1), ("other", 50)} if provider else {("other", 51)}
            for _ in range(2):
                answer = engine.ask("by:provider", {}).to_pylist()
                assert {(row["provider"], row["bounces"]) for row in answer} == told
                rolling.roll(lake, at_least=1)
