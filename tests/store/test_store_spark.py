"""One definition, two engines: every question, asked of DuckDB and of Spark over the same rows, has
the same answer. And what Spark's engine has of its own: refusals, its start, rows judged there.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import parity_lake
import pyarrow as pa
import pytest
from lake_rows import bounce, bounces, rows
from parity_lake import NOW, SINCE, UNTIL

from bouncelens import classify
from bouncelens.decide.setwise import kind_rows, rule_rows
from bouncelens.errors import InputInvalid, QuestionInvalid, StoreError
from bouncelens.store import tables
from bouncelens.store.duck import DuckEngine
from bouncelens.store.lake import Lake
from bouncelens.store.questions import question, questions, views
from bouncelens.store.sparksql import spark_sql
from histories import policies
from spark_local import CONF, need_spark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bouncelens.store.spark import SparkEngine

Both = tuple[DuckEngine, "SparkEngine"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    # The name would be a pattern to Hadoop, were it not for what we do.
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "a {lake} of ours")) as made:
        parity_lake.fill(made)
        yield made


@pytest.fixture(scope="module")
def both(lake: Lake) -> Iterator[Both]:
    need_spark()
    from bouncelens.store.spark import SparkEngine

    with DuckEngine(lake) as duck, SparkEngine(lake, conf=CONF) as spark:
        # Planning the same views for every question would be most of the time.
        for view in ("bounces", "subscribers", "sent", "job_facts", "judged", "tallied"):
            spark.session().catalog.cacheTable(view)
        yield duck, spark


PIVOTS = (
    "by:provider,reason", "by:week,hardness", "by:month,campaign,sender_domain",
    "by:event_hour_of_week", "by:event_week,domain", "by:hour_of_week,triggered_send",
    "by:job_category,list,sfmc_category",
)  # fmt: skip
EVER = {"now": NOW, "subscriber": "person8@EXAMPLE.com", "address": "person8@example.com"}
OTHER = {
    "other_since": SINCE - timedelta(days=2), "other_until": UNTIL, "other_campaign": "Welcome",
    "campaign": "Spring", "days": 9, "limit": 40,
}  # fmt: skip
NARROWED = {
    **EVER, **OTHER, "since": SINCE, "until": UNTIL, "account": 1, "provider": "google",
    "subscriber": "s0", "address": "s0",
}  # fmt: skip


def _asked(name: str, wanted: Mapping[str, object]) -> dict[str, object]:
    known = {parameter.name for parameter in question(name).parameters}
    return {key: value for key, value in wanted.items() if key in known}


def _given(duck: DuckEngine, number: int) -> dict[str, pa.Table]:
    """What questions about decisions are given: a policy, and an incident that is over."""
    policy = policies()[number]
    moment = pa.timestamp("us", tz="UTC")
    incident = {
        "provider": pa.array(["google", "google"]),
        "starts": pa.array([SINCE, SINCE], moment),
        "ends": pa.array([SINCE + timedelta(days=4), UNTIL], moment),
        "account": pa.array([None, 1], pa.int64()),
        "job": pa.array([None, 4], pa.int64()),
        "is_asked": pa.array([True, True]),
    }
    return {
        "policy_rules": rule_rows(policy, NOW),
        "policy_kinds": kind_rows(policy, duck.ask("suppression_kinds", {})),
        "policy_incidents": pa.table(incident),
    }


# Without a policy, or an incident, nobody is found by these.
TOLD = {"incident_people", "suppressions", "simulation_step", "held_forecast"} & set(questions())
ONCE = ("totals", PIVOTS[0])  # of what is asked in further ways, this is in every run
# The same SQL as by_reason with another dimension, or what another question has in it.
ALIKE = {
    *("by_account", "by_campaign", "by_domain", "by_list", "by_sender_domain", "by_provider"),
    *("by_triggered_send", "headline", "simulation_step", "held_forecast", "busiest_day"),
    *(
        "by_event_day",
        "by_day",
        "by_reply",
        "templates_newest",
        "reconcile_jobs",
        "reconcile_routes",
    ),
    *("unnamed_domains", "incident_usual", "incident_busy", "incident_sent", "incident_domains"),
    *("history_span", "held_days", "held_people", "held_over", "address_people"),
}
NARROW = (
    *("totals", "compare", "by_domain", "subscriber_timeline", "address_bounces", "gone"),
    *("templates_changing", "templates_newest", "reconcile", "freshness", PIVOTS[0]),
)


def _slow(*, unless: bool) -> tuple[pytest.MarkDecorator, ...]:
    """Spark takes a second and more for each question: `make test-slow` asks in every way."""
    return () if unless else (pytest.mark.slow,)


CASES: list[Any] = [
    *(
        pytest.param(name, EVER, None, id=name, marks=_slow(unless=name not in ALIKE))
        for name in questions()
        if name not in TOLD
    ),
    *(
        pytest.param(name, EVER, None, id=name, marks=_slow(unless=name in PIVOTS[:2]))
        for name in PIVOTS
    ),
    *(
        pytest.param(name, NARROWED, None, id=f"{name}, narrowed", marks=_slow(unless=name in ONCE))
        for name in NARROW
    ),
    *(
        pytest.param(
            "suppressions",
            {},
            number,
            id=f"suppressions by {policy.name}, {number}",
            marks=_slow(unless=number == 0),
        )
        for number, policy in enumerate(policies()[:4])
    ),
    *(
        pytest.param(
            name,
            EVER,
            1,
            id=f"{name}, given a policy and an incident",
            marks=_slow(unless=name not in ALIKE),
        )
        for name in (*sorted(TOLD - {"suppressions"}), "incident_usual")
    ),
]


@pytest.mark.parametrize(("name", "wanted", "policy"), CASES)
def test_both_engines_give_the_same_answer(
    both: Both, name: str, wanted: dict[str, object], policy: int | None
) -> None:
    duck, spark = both
    given = None if policy is None else _given(duck, policy)
    asked = _asked(name, wanted)
    expected, found = (engine.ask(name, asked, given=given) for engine in (duck, spark))
    assert found.schema == expected.schema
    assert len(found) == len(expected)
    for row, other in zip(found.to_pylist(), expected.to_pylist(), strict=True):
        assert _same(row) == _same(other, row)


def test_most_questions_have_answers_to_compare(both: Both) -> None:
    empty = [name for name in questions() if not len(both[0].ask(name, _asked(name, EVER)))]
    assert set(empty) <= TOLD | {"incident_domains"}  # every domain here has a provider
    for name in TOLD:
        assert len(both[0].ask(name, _asked(name, EVER), given=_given(both[0], 1))), name


def _same(row: dict[str, Any], near: dict[str, Any] | None = None) -> dict[str, Any]:
    """A row to compare: events in any order where their order means nothing; numbers that are as
    near as makes no difference are those of the other row."""
    made = dict(row)
    if made.get("sources") is not None and "basis" in made:
        made["sources"] = sorted(str(made["sources"]).split())
    for name, value in (near or {}).items():
        mine = made[name]
        if isinstance(value, float) and isinstance(mine, float):
            made[name] = value if math.isclose(mine, value, rel_tol=1e-12, abs_tol=1e-12) else mine
    return made


def test_a_long_answer_comes_part_by_part_in_its_order(lake: Lake, both: Both) -> None:
    from bouncelens.store.spark import SparkEngine

    several = CONF | {
        "spark.sql.shuffle.partitions": "3",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "50",
    }
    with SparkEngine(lake, conf=several) as spark:
        with spark.stream("suppression_history", {"account": 1}) as reader:
            parts = list(reader)
        with spark.stream("suppression_history", {"account": 3}) as reader:
            none = reader.read_all()
    expected = both[0].ask("suppression_history", {"account": 1})
    assert max(len(part) for part in parts) == 50
    assert pa.Table.from_batches(parts).to_pylist() == expected.to_pylist()
    assert (none.schema, len(none)) == (expected.schema, 0)


HOSTILE = ["x' OR 1=1 --", "google\\", "`google`", "${spark.app.name}", ":since", "\\' OR ''='"]


@pytest.mark.parametrize("value", HOSTILE)
def test_values_are_values_whatever_they_contain(both: Both, value: str) -> None:
    assert both[1].ask("gone", {"provider": value}).num_rows == 0


@pytest.mark.parametrize("name", [*questions(), *PIVOTS])
def test_no_value_is_part_of_the_sql_for_spark(name: str) -> None:
    sql = spark_sql(question(name).sql)
    for parameter in question(name).bound({}):
        assert f"CAST(:{parameter} AS" in sql


OTHERWISE = [
    "SELECT quantile_cont(a, 0.5) FROM t",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t",
    "SELECT quantile_disc(a, 0.5) FROM t",
    "SELECT a FROM t QUALIFY row_number() OVER (ORDER BY a) = 1",
]
NESTED = """WITH a AS (WITH b AS (SELECT 1 AS x) SELECT x FROM b), b AS (SELECT x + 1 AS x FROM a)
SELECT CAST(x AS BIGINT) AS x FROM b"""


@pytest.mark.parametrize("sql", OTHERWISE)
def test_what_spark_would_answer_otherwise_is_refused(sql: str) -> None:
    with pytest.raises(QuestionInvalid, match="Ask the engine duckdb"):
        spark_sql(sql)


def test_inner_names_may_be_those_of_outer_ones(both: Both) -> None:
    assert both[1].session().sql(spark_sql(NESTED)).toArrow().to_pylist() == [{"x": 2}]


def test_views_and_questions_speak_of_nothing_that_is_refused() -> None:
    assert all(spark_sql(sql) for _, sql in views().values())


def test_unusable_questions_are_refused(both: Both) -> None:
    with pytest.raises(QuestionInvalid, match="no question 'nonsense'"):
        both[1].ask("nonsense", {})
    with pytest.raises(QuestionInvalid, match="type int"):
        both[1].ask("totals", {"job": "10; DROP TABLE x"})


def test_an_engine_sees_what_was_stored_after_it_was_opened(
    both: Both, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from bouncelens.store.spark import SparkEngine

    place = str(tmp_path_factory.mktemp("lakes") / "lake")
    with Lake.open(place) as lake, SparkEngine(lake, conf=CONF) as spark:
        assert spark.ask("gone", {}).num_rows == 0
        person = {"account": 1, "subscriber_key": "s1", "complained_time": NOW}
        lake.put_subscribers(rows(tables.SUBSCRIBERS, [person]), now=NOW)
        assert spark.ask("gone", {}).num_rows == 1


def test_old_files_may_lack_columns(both: Both, tmp_path_factory: pytest.TempPathFactory) -> None:
    from deltalake import write_deltalake

    from bouncelens.store.spark import SparkEngine

    place = tmp_path_factory.mktemp("lakes") / "lake"
    person = {"account": 1, "subscriber_key": "s1", "address": "pat@example.com"}
    old = rows(tables.SUBSCRIBERS, [person]).select(list(person))
    write_deltalake(str(place / "subscribers"), old)
    with Lake.open(str(place)) as lake, SparkEngine(lake, conf=CONF) as spark:
        answer = spark.ask("address_people", {"address": "pat@example.com"}).to_pylist()
    assert [(row["subscriber_key"], row["status"]) for row in answer] == [("s1", None)]


def test_files_that_are_gone_are_a_sentence(
    both: Both, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from bouncelens.store.spark import SparkEngine

    place = tmp_path_factory.mktemp("lakes") / "lake"
    with Lake.open(str(place)) as lake, SparkEngine(lake, conf=CONF) as spark:
        lake.add_bounces(bounces(bounce()))
        for file in (place / "bounces").rglob("*.parquet"):
            file.unlink()
        with pytest.raises(StoreError, match="Spark could not read the lake at"):
            spark.ask("totals", {})


def test_deletion_vectors_of_another_writer_are_not_ignored(
    both: Both, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from bouncelens.store.spark import SparkEngine

    place = tmp_path_factory.mktemp("lakes") / "lake"
    features = ["deletionVectors"]
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features}
    protocol["writerFeatures"] = [*features, "appendOnly", "invariants"]
    with Lake.open(str(place)) as lake, SparkEngine(lake, conf=CONF) as spark:
        version = lake.delta("sends").version() + 1
        log = place / f"sends/_delta_log/{version:020}.json"
        log.write_text(json.dumps({"protocol": protocol}))
        with pytest.raises(StoreError, match="deletion vectors"):
            spark.ask("totals", {})


REPLIES = [
    "550 5.1.1 <kim@example.com> User unknown", "452 4.2.2 mailbox full", "hello", None, "",
    "451 4.7.1 Client host [192.0.2.7] blocked using bl.spamcop.net; try again in 10 minutes",
]  # fmt: skip


def test_replies_in_a_frame_have_the_verdicts_that_they_have_in_a_batch(both: Both) -> None:
    many = REPLIES * 40
    batch = pa.record_batch(
        {
            "id": pa.array(range(len(many)), pa.int64()),
            "reply_text": pa.array(many, pa.string()),
            "code": pa.array([None, 550] * (len(many) // 2), pa.int64()),
            "domain": pa.array(["gmail.com", None] * (len(many) // 2), pa.string()),
            "at": pa.array([NOW] * len(many), pa.timestamp("us", "UTC")),
        }
    )
    session = both[1].session()
    frame = session.createDataFrame(pa.Table.from_batches([batch])).repartition(2, "id")
    judged = classify.frame(frame).orderBy("id").toArrow().to_pylist()
    assert judged == classify.batch(batch).to_pylist()
    # and no row is lost on the way to sums
    hard = "hardness = 'hard'"
    assert classify.frame(frame).where(hard).count() == sum(r["hardness"] == "hard" for r in judged)


def test_a_frame_without_replies_is_refused(both: Both) -> None:
    session = both[1].session()
    with pytest.raises(InputInvalid, match="needs a column of replies"):
        classify.frame(session.sql("SELECT 1 AS x"))
    with pytest.raises(InputInvalid, match="has a column 'Reason' already"):
        classify.frame(session.sql("SELECT 'a' AS text, 1 AS Reason"))


def _bouncelens(folder: Path, *words: str, before: str = "", **env: str) -> Any:
    import os

    code = f"import sys; {before}; from bouncelens.show.cli import run; sys.exit(run({words!r}))"
    return subprocess.run(
        [sys.executable, "-c", code.replace("; ;", ";")],
        cwd=folder, env=os.environ | env, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.slow  # it starts a Spark of its own
def test_the_command_line_answers_by_spark_and_says_nothing_else(lake: Lake) -> None:
    need_spark()
    folder = Path(lake.uri).parent
    conf = {"spark.sql.shuffle.partitions": "1", **CONF}
    table = {"lake": lake.uri, "ledger": f"sqlite:///{folder / 'ledger.db'}"}
    text = "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items())
    conf_text = ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in conf.items())
    text += f'\n[engine]\nname = "spark"\nspark_conf = {{ {conf_text} }}\n'
    (folder / "bouncelens.toml").write_text(text, "utf-8")
    told = {
        engine: _bouncelens(folder, "report", "by_reason", "--json", "--engine", engine)
        for engine in ("duckdb", "spark")
    }
    assert (told["spark"].returncode, told["spark"].stderr) == (0, "")
    assert json.loads(told["spark"].stdout) == json.loads(told["duckdb"].stdout)


def test_no_pyspark_is_a_sentence_with_what_to_install(lake: Lake) -> None:
    hidden = "sys.modules['pyspark'] = None"
    words = ("report", "totals", "--engine", "spark")
    found = _bouncelens(Path(lake.uri).parent, *words, before=hidden, BOUNCELENS_LAKE=lake.uri)
    assert found.returncode == 5
    assert "pip install 'bouncelens[spark]'" in found.stderr
    assert "Traceback" not in found.stderr


def test_no_java_is_a_sentence_with_what_to_install(lake: Lake, tmp_path: Path) -> None:
    need_spark()
    words = ("report", "totals", "--engine", "spark")
    found = _bouncelens(
        Path(lake.uri).parent, *words, JAVA_HOME=str(tmp_path), BOUNCELENS_LAKE=lake.uri
    )
    assert found.returncode == 5
    assert "needs Java 17 or newer" in found.stderr
    assert "Traceback" not in found.stderr


def test_times_come_back_in_utc(both: Both) -> None:
    first: datetime = both[1].ask("totals", {})["first_event"][0].as_py()
    assert first == both[0].ask("totals", {})["first_event"][0].as_py()
    assert first.utcoffset() == UTC.utcoffset(None)
