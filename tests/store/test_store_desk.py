"""A person's own SQL: what it can ask, and that it reaches nothing else, whatever its wording."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import answers_lake
import pytest
from answers_lake import at
from lake_rows import bounce, bounces, rows, template

from bouncelens.errors import QuestionInvalid
from bouncelens.store import tables
from bouncelens.store.desk import MAY_HOLD_ADDRESSES, Desk, Limits
from bouncelens.store.dictionary import dictionary
from bouncelens.store.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS = "kim.secret@a.example"
KEYED = "Lou.Secret@a.example"  # an address that is a subscriber key


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """The lake of the questions, and one person whose address is wherever it can be."""
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as made:
        answers_lake.fill(made)
        told = {"address": ADDRESS, "reply_text": f"550 <{ADDRESS}> unknown"}
        told |= {"sfmc_message": ADDRESS, "disagreements": f'[{{"value":"{ADDRESS}"}}]'}
        made.add_bounces(bounces(bounce(99, event_time=at(6), **told)))
        made.add_bounces(bounces(*(bounce(n, subscriber_key=KEYED) for n in (97, 98))))
        sample = template(9, at(0), at(1)) | {"sample": f"550 {ADDRESS}"}
        made.put_templates(rows(tables.TEMPLATES, [sample]))
        person = {"account": 1, "subscriber_key": "s99", "address": ADDRESS, "status_time": at(6)}
        made.put_subscribers(rows(tables.SUBSCRIBERS, [person]))
        yield made


@pytest.fixture(scope="module")
def desk(lake: Lake) -> Iterator[Desk]:
    with Desk(lake, Limits()) as made:
        yield made


ASKED = [
    pytest.param("SELECT count(*) FROM bounces", [(10,)], id="a table"),
    pytest.param("SELECT sum(sent) FROM sent", [(390,)], id="a view"),
    pytest.param(
        "WITH t AS (FROM judged) FROM t SELECT reason, count(*) GROUP BY 1 ORDER BY 1",
        [("mailbox_full", 2), ("poor_reputation", 1), ("unknown_user", 7)],
        id="judged, through a name of its own",
    ),
    pytest.param(
        "FROM job_triggers SELECT job, triggered_send;", [(20, "welcome")], id="in DuckDB's order"
    ),
    pytest.param("SELECT event_day::VARCHAR FROM bounces LIMIT 0", [], id="no rows"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), ASKED)
def test_tables_and_views_can_be_asked(desk: Desk, sql: str, expected: list[object]) -> None:
    assert list(desk.ask(sql).rows) == expected


REFUSED = [
    "SELECT * FROM '{file}'",
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_blob('{file}')",
    "SELECT * FROM read_parquet('{lake}/bounces/*/*.parquet')",
    "SELECT * FROM query('SELECT * FROM read_text(''{file}'')')",
    "SELECT * FROM query_table('{file}')",
    "SELECT * FROM glob('{lake}/*')",
    "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM read_csv('https://127.0.0.1:9/x.csv')",
    "SELECT * FROM sql",  # a variable of the program
    "COPY (SELECT 1) TO '{lake}/x.csv'",
    "CREATE TABLE t AS SELECT 1",
    "INSERT INTO bounces SELECT * FROM bounces",
    "DELETE FROM bounces",
    "DROP VIEW bounces",
    "ATTACH '{file}' AS x",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '10GB'",
    "SET enable_external_access = true",
    "PRAGMA database_list",
    "CALL pragma_version()",
    *(f"SELECT * FROM rows_of_{name}" for name in tables.TABLES),  # what tables are made of
    'SELECT * FROM "ROWS_OF_bounces"',
    'WITH t AS (FROM temp."rows_of_bounces") SELECT (SELECT count(*) FROM t)',
    "SUMMARIZE rows_of_bounces",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM \"Query\"('FROM rows' || '_of_bounces')",
    "SELECT * FROM query_table('bounces')",
    "SELECT * FROM histogram_values(bounces, job)",
    "SELECT getenv('HOME')",
    "SELECT * FROM enable_logging()",
    "EXPLAIN ANALYZE SELECT 1",
    "PREPARE x AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "SELECT range(10000000000)",
    "SELECT * FROM test_all_types()",  # holds days that Python does not know
    "SELECT DATE '290309-12-22 (BC)'",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY (SELECT 1) TO '{lake}/x.csv'",
    "",
    "-- nothing",
    "selct",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_nothing_else_is_in_reach(lake: Lake, desk: Desk, sql: str, tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    file.write_text("secret")
    before = sorted(Path(lake.uri).rglob("*"))
    with pytest.raises(QuestionInvalid) as refused:
        desk.ask(sql.replace("{file}", str(file)).replace("{lake}", lake.uri))
    assert "\n" not in str(refused.value)
    assert sorted(Path(lake.uri).rglob("*")) == before


@pytest.mark.parametrize("table", [table.name for table in dictionary()])
def test_addresses_cannot_be_read_unless_they_are_asked_for(desk: Desk, table: str) -> None:
    found = str(desk.ask(f"SELECT * FROM {table}").rows).lower()
    assert ADDRESS not in found
    assert KEYED.lower() not in found


def test_keys_that_are_addresses_have_a_stand_in_that_counts_people(lake: Lake, desk: Desk) -> None:
    query = "FROM bounces SELECT subscriber_key, count(*) WHERE len(subscriber_key) > 2 GROUP BY 1"
    found = dict(desk.ask(query).rows)
    hidden = next(key for key in found if key.startswith("hidden-"))
    assert found == {hidden: 2, "s99": 1}
    with Desk(lake, Limits(), with_addresses=True) as open_desk:
        assert dict(open_desk.ask(query).rows) == {KEYED: 2, "s99": 1}


def test_addresses_are_there_when_asked_for(lake: Lake) -> None:
    with Desk(lake, Limits(), with_addresses=True) as desk:
        for column in ("address", "reply_text", "sfmc_message", "disagreements"):
            sql = f"SELECT {column} FROM bounces WHERE subscriber_key = 's99'"
            assert ADDRESS in str(desk.ask(sql).rows)
        assert ADDRESS in str(desk.ask("SELECT address FROM subscribers").rows)


def test_every_column_that_may_hold_an_address_is_marked() -> None:
    marked = {c.name for t in dictionary() for c in t.columns if c.may_hold_addresses}
    assert marked == MAY_HOLD_ADDRESSES


def test_time_memory_and_rows_are_limited(lake: Lake) -> None:
    endless = "SELECT count(*) FROM range(100000000) AS a, range(100000000) AS b"
    with Desk(lake, Limits(seconds=0.05, rows=3)) as desk:
        with pytest.raises(QuestionInvalid, match=r"stopped after 0\.05 s"):
            desk.ask(endless)
        assert desk.ask("SELECT 1").rows == ((1,),)  # the desk is usable again
        some, whole = desk.ask("SELECT * FROM range(4)"), desk.ask("SELECT * FROM range(3)")
    assert (len(some.rows), some.is_cut) == (3, True)
    assert (len(whole.rows), whole.is_cut) == (3, False)
    with (
        Desk(lake, Limits(memory_mb=64)) as desk,
        pytest.raises(QuestionInvalid, match="more than 64 MB"),
    ):
        desk.ask("SELECT list(i) FROM range(50000000) AS r (i)")


# A single call, which looks at no interrupt and asks DuckDB's own memory for nothing.
GREEDY = [
    "SELECT len(generate_series(1, 3000000000))",
    "SELECT length(repeat('x', 3000000000))",
    "SELECT len(list_transform(range(400000000), lambda x: x + 1))",
]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux keeps to it")
@pytest.mark.parametrize("sql", GREEDY)
def test_one_greedy_call_does_not_take_the_memory_of_the_machine(desk: Desk, sql: str) -> None:
    with pytest.raises(QuestionInvalid, match=r"more than 1,024 MB"):
        desk.ask(sql)
    assert desk.ask("SELECT 1").rows == ((1,),)


def test_a_query_that_no_interrupt_ends_is_told_to_whoever_can_end_it(lake: Lake) -> None:
    told = threading.Event()
    with Desk(lake, Limits(seconds=0.01, grace_s=0.01), stuck=told.set) as desk:
        desk.ask("SELECT len(list_sort(range(300000)))")
    assert told.is_set()


def test_the_dictionary_has_what_can_be_asked(desk: Desk) -> None:
    for table in dictionary():
        described = desk.ask(f"SELECT * FROM {table.name} LIMIT 0")
        assert [name for name, _ in described.columns] == [c.name for c in table.columns]
        assert all(column.doc for column in table.columns)


def test_a_lake_without_anything_can_be_asked(tmp_path: Path) -> None:
    with Lake.open(str(tmp_path / "lake")) as empty, Desk(empty, Limits()) as desk:
        for table in dictionary():
            assert desk.ask(f"SELECT count(*) FROM {table.name}").rows == ((0,),)
