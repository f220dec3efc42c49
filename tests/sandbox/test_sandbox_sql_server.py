"""T-SQL means in the sandbox what it means on SQL Server: expressions and queries in tables."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest
from tsql_expressions import FAILS, GROUPS

from sfmc_sandbox.extensions import Field
from sfmc_sandbox.queries import QueryFailed, first_line
from sfmc_sandbox.sql.refuse import QueryRefused
from sfmc_sandbox.wire.sandbox import Sandbox
from sfmc_sandbox.world.tenant import Tenant

RETAIL = 7_000_101
PADS = (Field("N", "Number", is_key=True), Field("S", "Text", 50), Field("T", "Text", 50),
        Field("D", "Date"), Field("B", "Boolean"))  # fmt: skip
SHEET = (Field("N", "Number", is_key=True), Field("S", "Text", 50), Field("D", "Date"),
         Field("B", "Boolean"), Field("X", "Decimal"))  # fmt: skip


@pytest.fixture(scope="module")
def sandbox(spare: Tenant) -> Sandbox:
    sandbox = Sandbox.of(spare)
    rows = {
        sandbox.extensions.make(RETAIL, "sheet", "sheet", SHEET).table: (
            "(1, 'alpha', '2024-01-31 15:04:05', true, 1.5), (2, 'Beta ', '2024-02-29', false, 2.5)"
        ),
        sandbox.extensions.make(RETAIL, "pads", "pads", PADS).table: (
            "(1, 'a', '10', '2024-01-01', true), (2, 'A  ', '9', '2024-01-02', false), "
            "(3, 'b ', 'x', '2024-01-01', true), (4, 'B', '2024-01-02', NULL, NULL), "
            "(5, NULL, '', '2024-01-03', true)"
        ),
    }
    for table, values in rows.items():
        sandbox.tenant.db.cursor().execute(f"INSERT INTO {table} VALUES {values}")
    return sandbox


def _ask(sandbox: Sandbox, text: str) -> list[tuple[object, ...]]:
    sql, _ = sandbox.queries.to_duckdb(RETAIL, text)
    return sandbox.queries._cursor().execute(sql).fetchall()


CASES = [
    pytest.param(expression, answer, id=f"{group}: {expression}")
    for group, cases in GROUPS.items()
    for expression, answer in cases
]


@pytest.mark.parametrize(("expression", "answer"), CASES)
def test_sfmc_6_an_expression_is_what_sql_server_makes_of_it(
    sandbox: Sandbox, expression: str, answer: object
) -> None:
    text = f"SELECT {expression} AS x FROM sheet WHERE N = 1"
    if answer == FAILS:
        with pytest.raises((duckdb.Error, QueryRefused)):
            _ask(sandbox, text)
        return
    value = _ask(sandbox, text)[0][0]
    if isinstance(answer, (float, Decimal)):
        assert float(str(value)) == pytest.approx(float(answer))
    else:
        assert value == answer
        assert isinstance(value, str) == isinstance(answer, str)


# Queries over the five rows of pads: a, 'A  ', 'b ', B and NULL.
QUERIES = [
    ("SELECT S, COUNT(*) AS c FROM pads GROUP BY S", [("a", 2), ("b ", 2), (None, 1)]),
    (("SELECT UPPER(RTRIM(S)) AS u, COUNT(*) AS c FROM pads GROUP BY S HAVING COUNT(*) > 1 "
      "AND S <> 'z'"), [("A", 2), ("B", 2)]),
    ("SELECT LEFT(S, 1) AS l, MAX(N) AS m FROM pads GROUP BY LEFT(S, 1)",
     [("a", 2), ("b", 4), (None, 5)]),
    ("SELECT B, COUNT(*) AS c FROM pads GROUP BY ROLLUP(B)",
     [(False, 1), (None, 1), (None, 5), (True, 3)]),
    ("SELECT COUNT(*) AS c FROM pads GROUP BY ROLLUP(S)", [(1,), (2,), (2,), (5,)]),
    ("SELECT COUNT(*) AS c FROM pads GROUP BY CUBE(S)", [(1,), (2,), (2,), (5,)]),
    ("SELECT COUNT(*) AS c FROM pads GROUP BY S WITH ROLLUP", [(1,), (2,), (2,), (5,)]),
    ("SELECT COUNT(*) AS c FROM (SELECT DISTINCT S FROM pads) x", [(3,)]),
    ("SELECT COUNT(*) AS c FROM (SELECT DISTINCT S, N FROM pads) x", [(5,)]),
    ("SELECT COUNT(*) AS c FROM (SELECT DISTINCT S, COUNT(*) AS d FROM pads GROUP BY S) x",
     [(3,)]),
    ("SELECT DISTINCT TOP 1 RTRIM(S) AS s FROM pads ORDER BY RTRIM(S) DESC", [("b",)]),
    ("SELECT COUNT(DISTINCT S) AS c FROM pads", [(2,)]),
    ("SELECT N FROM pads WHERE S = 'a'", [(1,), (2,)]),
    ("SELECT N FROM pads WHERE S <> 'a'", [(3,), (4,)]),
    ("SELECT N FROM pads WHERE NOT (S = 'a')", [(3,), (4,)]),
    ("SELECT N FROM pads WHERE S IN ('A', 'z')", [(1,), (2,)]),
    ("SELECT N FROM pads WHERE S NOT IN ('A', 'z')", [(3,), (4,)]),
    ("SELECT N FROM pads WHERE S IN (SELECT S FROM pads WHERE N = 1)", [(1,), (2,)]),
    ("SELECT N FROM pads WHERE S NOT IN (SELECT S FROM pads WHERE N = 1)", [(3,), (4,)]),
    ("SELECT N FROM pads WHERE S NOT IN (SELECT S FROM pads)", []),
    ("SELECT N FROM pads WHERE S = (SELECT TOP 1 S FROM pads WHERE N = 2 ORDER BY N)",
     [(1,), (2,)]),
    (("SELECT N FROM pads p WHERE EXISTS (SELECT 1 AS o FROM pads q WHERE q.S = p.S "
      "AND q.N <> p.N)"), [(1,), (2,), (3,), (4,)]),
    ("SELECT a.N, b.N AS m FROM pads a JOIN pads b ON a.S = b.S AND a.N < b.N",
     [(1, 2), (3, 4)]),
    (("SELECT a.N, b.N AS m FROM pads a LEFT JOIN pads b ON b.S = a.S AND b.N = 1 "
      "WHERE a.N IN (2, 3)"), [(2, 1), (3, None)]),
    ("SELECT UPPER(S) AS u FROM (SELECT S FROM pads WHERE N < 3 UNION SELECT 'A' AS S FROM pads) x",
     [("A",)]),
    ("SELECT COUNT(*) AS c FROM (SELECT S FROM pads UNION SELECT 'a' AS S FROM pads) x", [(3,)]),
    ("SELECT S FROM pads WHERE N < 3 UNION ALL SELECT S FROM pads WHERE N = 1",
     [("A  ",), ("a",), ("a",)]),
    ("SELECT COUNT(*) AS c FROM (SELECT S FROM pads INTERSECT SELECT 'A ' AS S FROM pads) x",
     [(1,)]),
    ("SELECT COUNT(*) AS c FROM (SELECT S FROM pads EXCEPT SELECT 'A ' AS S FROM pads) x",
     [(2,)]),
    ("SELECT N FROM pads WHERE N = 1 UNION SELECT '1' AS N FROM pads", [(1,)]),
    ("SELECT N, ROW_NUMBER() OVER (PARTITION BY S ORDER BY N) AS r FROM pads",
     [(1, 1), (2, 2), (3, 1), (4, 2), (5, 1)]),
    (("SELECT N, RANK() OVER (ORDER BY S) AS r, DENSE_RANK() OVER (ORDER BY S) AS d FROM pads "
      "WHERE S IS NOT NULL"), [(1, 1, 1), (2, 1, 1), (3, 3, 2), (4, 3, 2)]),
    (("SELECT N, LAG(N) OVER (ORDER BY N) AS l, SUM(N) OVER (ORDER BY N ROWS BETWEEN 1 PRECEDING "
      "AND CURRENT ROW) AS w FROM pads WHERE N < 4"), [(1, None, 1), (2, 1, 3), (3, 2, 5)]),
    ("SELECT TOP 1 WITH TIES N FROM pads WHERE S IS NOT NULL ORDER BY S", [(1,), (2,)]),
    ("SELECT TOP 2 WITH TIES N FROM pads WHERE D IS NOT NULL ORDER BY D DESC", [(2,), (5,)]),
    ("SELECT TOP 3 WITH TIES N FROM pads WHERE D IS NOT NULL ORDER BY D DESC",
     [(1,), (2,), (3,), (5,)]),
    ("SELECT TOP 1 WITH TIES S, COUNT(*) AS c FROM pads GROUP BY S ORDER BY COUNT(*) DESC",
     [("a", 2), ("b ", 2)]),
    (("SELECT TOP 1 WITH TIES N FROM pads ORDER BY ROW_NUMBER() OVER (PARTITION BY S ORDER BY N "
      "DESC)"), [(2,), (4,), (5,)]),
    ("SELECT TOP (2) N FROM pads ORDER BY N", [(1,), (2,)]),
    ("SELECT TOP 30 PERCENT N FROM pads ORDER BY N", [(1,), (2,)]),
    ("SELECT TOP 0 N FROM pads", []),
    ("SELECT N FROM pads ORDER BY N OFFSET 3 ROWS", [(4,), (5,)]),
    ("SELECT N FROM pads WHERE N = 2 AND T < 10", [(2,)]),
    ("SELECT N FROM pads WHERE TRY_CONVERT(INT, T) = 10", [(1,)]),
    ("SELECT N FROM pads WHERE CAST(T AS DATE) = '2024-01-02' AND N = 4", [(4,)]),
    ("SELECT N FROM pads WHERE D IN ('2024-01-01')", [(1,), (3,)]),
    ("SELECT N FROM pads WHERE S IS NULL OR S = ''", [(5,)]),
    ("SELECT N FROM pads WHERE S LIKE 'a'", [(1,)]),
    ("SELECT N FROM pads WHERE S LIKE 'a%'", [(1,), (2,)]),
    ("SELECT N FROM pads WHERE S NOT LIKE 'a%'", [(3,), (4,)]),
    ("SELECT N FROM pads WHERE T NOT LIKE '%[0-9]%'", [(3,), (5,)]),
    (("SELECT CASE WHEN S = 'a' THEN 'first' ELSE 'rest' END AS g, COUNT(*) AS c FROM pads "
      "GROUP BY CASE WHEN S = 'a' THEN 'first' ELSE 'rest' END"), [("first", 2), ("rest", 3)]),
    ("SELECT SUM(N) AS s, AVG(N) AS a, COUNT(S) AS c, COUNT(*) AS n FROM pads",
     [(15, 3, 4, 5)]),
    ("SELECT AVG(N) AS a FROM pads WHERE N < 3", [(1,)]),
    ("SELECT SUM(CASE WHEN B = 1 THEN 1 ELSE 0 END) AS t FROM pads", [(3,)]),
    ("SELECT COALESCE(B, 0) AS b, CAST(B AS VARCHAR(5)) AS v FROM pads WHERE N = 1", [(1, "1")]),
    ("SELECT CONCAT(D, '|', B, '|', N) AS c FROM pads WHERE N = 1",
     [("Jan  1 2024 12:00AM|1|1",)]),
    (("SELECT FORMAT(N, '0.0') AS a, FORMAT(N * 1234.567, '#,##0.00') AS b, FORMAT(N, '000') AS e "
      "FROM pads WHERE N = 2"), [("2.0", "2,469.13", "002")]),
    ("SELECT STRING_AGG(S, ',') WITHIN GROUP (ORDER BY N) AS l FROM pads", [("a,A  ,b ,B",)]),
    ("SELECT CONVERT(VARCHAR(10), DATEADD(day, 1, CAST(D AS DATE))) AS y FROM pads WHERE N = 1",
     [("2024-01-02",)]),
    ("SELECT x.S FROM (SELECT S, COUNT(*) AS c FROM pads GROUP BY S) x WHERE x.S = 'B'",
     [("b ",)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "rows"), QUERIES, ids=[text for text, _ in QUERIES])
def test_sfmc_6_a_query_gives_the_rows_that_sql_server_gives(
    sandbox: Sandbox, text: str, rows: list[tuple[object, ...]]
) -> None:
    assert sorted(_ask(sandbox, text), key=str) == sorted(rows, key=str)


# A query that fails, and SQL Server's words for it.
FAILURES = [
    ("SELECT N FROM pads WHERE T = 10",
     "Conversion failed when converting the nvarchar value 'x' to data type int."),
    ("SELECT CAST(S AS DATETIME) AS d FROM pads WHERE N = 1",
     "Conversion failed when converting date and/or time from character string."),
    ("SELECT N / 0 AS z FROM pads", "Divide by zero error encountered."),
    ("SELECT N % 0 AS z FROM pads", "Divide by zero error encountered."),
    ("SELECT S, N FROM pads GROUP BY S",
     ("Column 'n' is invalid in the select list because it is not contained in either an "
      "aggregate function or the GROUP BY clause.")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), FAILURES, ids=[text for text, _ in FAILURES])
def test_sfmc_6_a_query_fails_in_sql_servers_words(sandbox: Sandbox, text: str, words: str) -> None:
    with pytest.raises(duckdb.Error) as caught:
        _ask(sandbox, text)
    assert first_line(caught.value) == words


# What is refused before it runs.
REFUSED = [
    ("WITH x AS (SELECT N FROM pads) SELECT N FROM x", "Incorrect syntax near the keyword 'WITH'."),
    ("SELECT COUNT(*) AS c FROM pads GROUP BY S HAVING c > 1", "Invalid column name 'c'."),
    ("SELECT a.N FROM pads a, pads b GROUP BY a.N HAVING MAX(S) > 'a'", "Ambiguous column name"),
    ("SELECT DATENAME(fortnight, D) AS d FROM pads", "not a recognized datename option"),
    ("SELECT CONVERT(VARCHAR(10), D, 999) AS d FROM pads", "999 is not a valid style number"),
    ("SELECT D AT TIME ZONE 'Mars' AS d FROM pads", "The time zone parameter 'Mars'"),
    ("SELECT TOP 1 WITH TIES N FROM pads", "WITH TIES clause is not allowed without"),
    ("SELECT N FROM pads UNION SELECT N FROM pads ORDER BY N", "The ORDER BY clause is invalid"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[text for text, _ in REFUSED])
def test_sfmc_6_a_query_is_refused_before_it_runs(sandbox: Sandbox, text: str, words: str) -> None:
    assert words in (sandbox.queries.check(RETAIL, text, None) or "")


def test_sfmc_6_blanks_at_the_end_make_no_other_key(sandbox: Sandbox) -> None:
    target = sandbox.extensions.make(RETAIL, "by_s", "by_s", (Field("S", "Text", 9, is_key=True),))
    with pytest.raises(QueryFailed, match="PRIMARY KEY"):
        sandbox.queries.run(
            RETAIL, "SELECT S FROM pads WHERE N < 3", target, update_type="Overwrite"
        )
    for text in ("SELECT S FROM pads WHERE N = 1", "SELECT S FROM pads WHERE N = 2"):
        sandbox.queries.run(RETAIL, text, target, update_type="Update")
    assert _ask(sandbox, "SELECT S FROM by_s") == [("A  ",)]
