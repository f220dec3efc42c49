"""Query activities' SQL: section 6 of the fact sheet, and T-SQL's meaning where DuckDB differs."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from sfmc_sandbox.extensions import Field
from sfmc_sandbox.queries import QueryFailed
from sfmc_sandbox.sql.refuse import PREFIX, QueryRefused
from sfmc_sandbox.wire.sandbox import Sandbox
from sfmc_sandbox.world.tenant import Tenant

RETAIL, PARENT = 7_000_101, 7_000_100
NOW = datetime(2026, 5, 31, 18)  # noqa: DTZ001 - Marketing Cloud's naive clock


@pytest.fixture(scope="module")
def sandbox(spare: Tenant) -> Sandbox:
    sandbox = Sandbox.of(spare)
    made = sandbox.extensions.make(
        RETAIL, "things", "My Things",
        (Field("N", "Number", is_key=True), Field("S", "Text", 50), Field("D", "Date"),
         Field("B", "Boolean"), Field("X", "Decimal")),
    )  # fmt: skip
    sandbox.tenant.db.cursor().execute(
        f"INSERT INTO {made.table} VALUES "
        "(1, 'alpha', '2024-01-31 15:04:05', true, 1.5), (2, 'Beta ', '2024-02-29', false, 2.5), "
        "(3, NULL, NULL, NULL, NULL), (4, 'alpha', '2023-12-31 23:59:59', true, -7.9)"
    )
    return sandbox


def _ask(sandbox: Sandbox, text: str, mid: int = RETAIL) -> list[tuple[object, ...]]:
    sql, _ = sandbox.queries.to_duckdb(mid, text)
    return sandbox.queries._cursor().execute(sql).fetchall()


T = "FROM [My Things]"
# What SQL Server answers to each expression, evaluated for one row (N = 1 unless it says so).
EXPRESSIONS = [
    ("'a' + 'b'", "ab"),
    ("'a' + S", "aalpha"),
    ("'a' + NULL", None),
    ("'1' + 2", 3),
    ("1 + 2", 3),
    ("CONCAT('a', NULL, 'b')", "ab"),
    ("5 / 2", 2),
    ("-5 / 2", -2),
    ("5 / 2.0", 2.5),
    ("5 % 3", 2),
    ("LEN('ab  ')", 2),
    ("LEN('  ab')", 4),
    ("LEN('')", 0),
    ("CHARINDEX('PH', S)", 3),
    ("CHARINDEX('a', S, 2)", 5),
    ("CHARINDEX('z', S)", 0),
    ("SUBSTRING('hello', 2, 3)", "ell"),
    ("SUBSTRING('hello', 0, 3)", "he"),
    ("LEFT('hello', 2)", "he"),
    ("LEN(LEFT(REPLACE(S, 'alpha', '0123456789012345678901234567890123456789'), 35))", 35),
    ("RIGHT('hello', 2)", "lo"),
    ("PATINDEX('%[0-9]%', 'ab12')", 3),
    ("PATINDEX('%x%', 'ab12')", 0),
    ("REPLACE('a-b', '-', '')", "ab"),
    ("LTRIM(RTRIM('  x '))", "x"),
    ("TRIM('  x ')", "x"),
    ("UPPER('x') + LOWER('Y')", "Xy"),
    ("ISNULL(NULL, 'x')", "x"),
    ("ISNULL(S, 'x')", "alpha"),
    ("COALESCE(NULL, NULL, 7)", 7),
    ("NULLIF(1, 1)", None),
    ("IIF(1 = 1, 'y', 'n')", "y"),
    ("CASE WHEN S = 'ALPHA' THEN 'same' ELSE 'other' END", "same"),
    ("CASE WHEN S LIKE 'AL%' THEN 1 ELSE 0 END", 1),
    ("CASE WHEN 'b7' LIKE '[a-c][0-9]' THEN 1 ELSE 0 END", 1),
    ("CASE WHEN 'd7' LIKE '[^a-c]_' THEN 1 ELSE 0 END", 1),
    ("CASE WHEN 'x' LIKE '%y%' THEN 1 ELSE 0 END", 0),
    ("CASE WHEN B = 1 THEN 'yes' END", "yes"),
    ("CAST(7.9 AS INT)", 7),
    ("CAST(-7.9 AS INT)", -7),
    ("CAST('42' AS INT)", 42),
    ("CAST('abcdef' AS VARCHAR(3))", "abc"),
    ("CONVERT(VARCHAR(10), D, 120)", "2024-01-31"),
    ("CONVERT(VARCHAR(19), D, 120)", "2024-01-31 15:04:05"),
    ("CONVERT(VARCHAR, D, 100)", "Jan 31 2024  3:04PM"),
    ("CONVERT(VARCHAR(30), D)", "Jan 31 2024  3:04PM"),
    ("CONVERT(VARCHAR(10), D, 101)", "01/31/2024"),
    ("CONVERT(VARCHAR(10), D, 102)", "2024.01.31"),
    ("CONVERT(VARCHAR(10), D, 103)", "31/01/2024"),
    ("CONVERT(VARCHAR(10), D, 104)", "31.01.2024"),
    ("CONVERT(VARCHAR(10), D, 105)", "31-01-2024"),
    ("CONVERT(VARCHAR(11), D, 106)", "31 Jan 2024"),
    ("CONVERT(VARCHAR(12), D, 107)", "Jan 31, 2024"),
    ("CONVERT(VARCHAR(8), D, 108)", "15:04:05"),
    ("CONVERT(VARCHAR(10), D, 110)", "01-31-2024"),
    ("CONVERT(VARCHAR(10), D, 111)", "2024/01/31"),
    ("CONVERT(CHAR(8), D, 112)", "20240131"),
    ("CONVERT(VARCHAR(30), D, 22)", "01/31/24 3:04:05 PM"),
    ("CONVERT(VARCHAR(10), D, 23)", "2024-01-31"),
    ("CONVERT(DATE, D)", date(2024, 1, 31)),
    ("CONVERT(DATE, '31/01/2024', 103)", date(2024, 1, 31)),
    ("CAST(D AS DATE)", date(2024, 1, 31)),
    ("TRY_CONVERT(INT, 'x')", None),
    ("GETDATE()", NOW),
    ("GETUTCDATE()", datetime(2026, 6, 1)),  # noqa: DTZ001
    ("GETDATE() - 7", datetime(2026, 5, 24, 18)),  # noqa: DTZ001
    ("DATEADD(month, 1, D)", datetime(2024, 2, 29, 15, 4, 5)),  # noqa: DTZ001
    ("DATEADD(day, -1, D)", datetime(2024, 1, 30, 15, 4, 5)),  # noqa: DTZ001
    ("DATEADD(hour, 10, '2024-01-31')", datetime(2024, 1, 31, 10)),  # noqa: DTZ001
    ("DATEDIFF(day, '2024-01-31 23:59', '2024-02-01 00:01')", 1),
    ("DATEDIFF(month, '2024-01-31', '2024-02-01')", 1),
    ("DATEDIFF(year, '2023-12-31', '2024-01-01')", 1),
    ("DATEDIFF(hour, '2024-01-01 10:59', '2024-01-01 11:00')", 1),
    ("DATEDIFF(week, '2024-01-06', '2024-01-07')", 1),
    ("DATEDIFF(week, '2024-01-07', '2024-01-08')", 0),
    ("DATEPART(weekday, '2024-01-07')", 1),
    ("DATEPART(week, '2024-01-06')", 1),
    ("DATEPART(week, '2024-01-07')", 2),
    ("DATEPART(iso_week, '2024-01-07')", 1),
    ("DATEPART(dayofyear, '2024-02-01')", 32),
    ("DATEPART(quarter, D)", 1),
    ("DATENAME(weekday, D)", "Wednesday"),
    ("DATENAME(month, D)", "January"),
    ("YEAR(D) * 100 + MONTH(D)", 202401),
    ("DAY(D)", 31),
    ("DATEFROMPARTS(2024, 2, 3)", date(2024, 2, 3)),
    ("FORMAT(D, 'yyyy-MM-dd')", "2024-01-31"),
    ("ROUND(2.567, 2)", Decimal("2.570")),
    ("ROUND(2.567, 2, 1)", 2.56),
    ("ABS(-3)", 3),
    ("POWER(2, 3)", 8),
    ("CHAR(65) + 'b'", "Ab"),
    ("EOMONTH('2024-02-03')", date(2024, 2, 29)),
    ("DATEADD(mi, 55, D)", datetime(2024, 1, 31, 15, 59, 5)),  # noqa: DTZ001
    ("DATEADD(yyyy, -1, D)", datetime(2023, 1, 31, 15, 4, 5)),  # noqa: DTZ001
    ("DATEDIFF(mi, '2024-01-01 10:59:59', '2024-01-01 11:00:00')", 1),
    ("CASE WHEN D > '01/30/2024' AND D < '2/1/2024' THEN 'in' END", "in"),
    ("CAST('01/30/2024' AS DATE)", date(2024, 1, 30)),
    ("CASE WHEN N LIKE '1%' THEN 'one' END", "one"),
    ("D AT TIME ZONE 'Central America Standard Time' AT TIME ZONE 'UTC'",
     datetime(2024, 1, 31, 21, 4, 5)),  # noqa: DTZ001
    ("D AT TIME ZONE 'Central America Standard Time' AT TIME ZONE 'W. Europe Standard Time'",
     datetime(2024, 1, 31, 22, 4, 5)),  # noqa: DTZ001
    ("D AT TIME ZONE 'UTC'", datetime(2024, 1, 31, 15, 4, 5)),  # noqa: DTZ001
    ("TODATETIMEOFFSET(D, '-06:00') AT TIME ZONE 'UTC'", datetime(2024, 1, 31, 21, 4, 5)),  # noqa: DTZ001
]  # fmt: skip


@pytest.mark.parametrize(("expression", "answer"), EXPRESSIONS, ids=[e for e, _ in EXPRESSIONS])
def test_sfmc_6_an_expression_means_what_it_means_on_sql_server(
    sandbox: Sandbox, expression: str, answer: object
) -> None:
    value = _ask(sandbox, f"SELECT {expression} AS x {T} WHERE N = 1")[0][0]
    if isinstance(answer, float):
        assert float(str(value)) == pytest.approx(answer)
    else:
        assert value == answer


QUERIES = [
    ("SELECT TOP 1 N FROM [My Things] ORDER BY N DESC", [(4,)]),
    ("SELECT TOP 1 WITH TIES S FROM [My Things] WHERE S IS NOT NULL ORDER BY S",
     [("alpha",), ("alpha",)]),
    ("SELECT TOP 50 PERCENT N FROM [My Things] ORDER BY N", [(1,), (2,)]),
    ("SELECT AVG(N) AS a FROM [My Things]", [(2,)]),
    ("SELECT S, COUNT(*) AS c FROM things WITH (NOLOCK) WHERE S = 'ALPHA' GROUP BY S",
     [("alpha", 2)]),
    ("SELECT a.N FROM [My Things] a INNER JOIN [my things] b ON a.N = b.N WHERE b.s LIKE 'B%'",
     [(2,)]),
    ("SELECT N FROM [My Things] WHERE N IN (1, 2) EXCEPT SELECT 1 AS N FROM [My Things]", [(2,)]),
    ("SELECT N FROM [My Things] WHERE N = 1 UNION ALL SELECT N FROM [My Things] WHERE N = 1",
     [(1,), (1,)]),
    (("SELECT x.N FROM (SELECT N, ROW_NUMBER() OVER (ORDER BY N DESC) AS r FROM things) x "
      "WHERE x.r = 1"), [(4,)]),
    ("SELECT S, COUNT(*) AS c FROM [My Things] WHERE S = 'alpha' GROUP BY ROLLUP(S)",
     [("alpha", 2), (None, 2)]),
    ("SELECT TOP 2 N, S FROM [My Things] ORDER BY S, N", [(3, None), (1, "alpha")]),
    (("SELECT N FROM [My Things] t WHERE EXISTS (SELECT 1 AS o FROM [My Things] u "
      "WHERE u.N = t.N AND u.B = 'false')"), [(2,)]),
    ("SELECT STRING_AGG(N, ',') AS l FROM things WHERE N < 3", [("1,2",)]),
    ("-- said before\nSELECT TOP 1 /* here */ N FROM things ORDER BY N", [(1,)]),
    ("SELECT N FROM things ORDER BY N OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", [(2,)]),
    ("SELECT a.N FROM things a, things b WHERE a.N = b.N + 3", [(4,)]),
    ("SELECT * FROM [My Things] WHERE N = 3", [(3, None, None, None, None)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "rows"), QUERIES, ids=[text[:60] for text, _ in QUERIES])
def test_sfmc_6_a_query_answers_as_on_sql_server(
    sandbox: Sandbox, text: str, rows: list[tuple[object, ...]]
) -> None:
    assert sorted(_ask(sandbox, text), key=str) == sorted(rows, key=str)


REFUSED = [
    ("WITH x AS (SELECT 1 AS a) SELECT a FROM x", "Incorrect syntax near the keyword 'WITH'."),
    ("SELECT N FROM [My Things] ORDER BY N", "The ORDER BY clause is invalid in views"),
    ("SELECT N, N FROM [My Things]", "The column 'N' was specified multiple times for 'querydef'."),
    ("SELECT COUNT(*) FROM [My Things]", "No column name was specified for column 1 of 'querydef'"),
    ("SELECT 1 AS a; SELECT 2 AS a", "Incorrect syntax near ';'"),
    ("INSERT INTO things SELECT 1 AS a", "Only SELECT statements"),
    ("UPDATE things SET N = 1", "Only SELECT statements"),
    ("DELETE FROM things", "Only SELECT statements"),
    ("DROP TABLE things", "Only SELECT statements"),
    ("EXEC sp_who", "Only SELECT statements"),
    ("SELECT N INTO other FROM things", "Incorrect syntax near the keyword 'INTO'"),
    ("SELECT @x AS a FROM things", "Incorrect syntax near"),
    ("SELECT N FROM 123456.things", ("The 123456.things table has a multi-part specification. "
      "This is not allowed.")),
    ("SELECT N FROM nowhere", "Invalid object name 'nowhere'."),
    ("SELECT SMTPStatusCode FROM _Bounce", "Invalid column name 'SMTPStatusCode'."),
    ("SELECT N AS m FROM [My Things] WHERE m = 1", "Invalid column name 'm'."),
    ("SELECT read_csv('/etc/passwd') AS x FROM things", "is not a recognized built-in function"),
    ("SELECT x FROM read_text('/etc/passwd')", "Invalid object name"),
    ("SELECT x FROM '/etc/passwd'", ""),
    ("SELECT N FROM things WHERE", "Incorrect syntax near"),
    ("", "The query is empty."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[text[:50] for text, _ in REFUSED])
def test_sfmc_6_what_may_not_be_said(sandbox: Sandbox, text: str, words: str) -> None:
    with pytest.raises(QueryRefused) as caught:
        sandbox.queries.to_duckdb(RETAIL, text)
    assert words.lower() in str(caught.value).lower()
    assert (sandbox.queries.check(RETAIL, text, None) or "").startswith(PREFIX)


def test_the_planted_tables_are_out_of_a_querys_reach(sandbox: Sandbox) -> None:
    for name in ("bounce", "truth", "subscriber", "de_1", "duckdb_tables", "extension_list"):
        with pytest.raises(QueryRefused, match="Invalid object name"):
            sandbox.queries.to_duckdb(RETAIL, f"SELECT 1 AS a FROM {name}")


def test_sfmc_4_1_bounce_has_its_22_columns(sandbox: Sandbox) -> None:
    _, columns = sandbox.queries.to_duckdb(RETAIL, "SELECT * FROM _Bounce")
    assert [name.lower() for name in columns] == [
        "accountid", "oybaccountid", "jobid", "listid", "batchid", "subscriberid",
        "subscriberkey", "eventdate", "isunique", "domain", "bouncecategoryid", "bouncecategory",
        "bouncesubcategoryid", "bouncesubcategory", "bouncetypeid", "bouncetype",
        "smtpbouncereason", "smtpmessage", "smtpcode", "triggerersenddefinitionobjectid",
        "triggeredsendcustomerkey", "isfalsebounce",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "view",
    ["_Bounce", "_Sent", "_Open", "_Click", "_Job", "_Subscribers", "_Complaint", "_Unsubscribe",
     "_ListSubscribers", "_BusinessUnitUnsubscribes"],
)  # fmt: skip
def test_sfmc_4_every_data_view_answers(sandbox: Sandbox, view: str) -> None:
    assert _ask(sandbox, f"SELECT COUNT(*) AS c FROM {view}")[0][0] > 0  # type: ignore[operator]


def test_sfmc_4_a_child_sees_itself_and_the_parent_all(sandbox: Sandbox) -> None:
    child = _ask(sandbox, "SELECT DISTINCT AccountID AS a FROM _Bounce")
    assert child == [(RETAIL,)]
    parent = _ask(sandbox, "SELECT DISTINCT AccountID AS a, OYBAccountID AS o FROM _Bounce", PARENT)
    assert len(parent) == 5
    assert all(oyb == (None if account == PARENT else account) for account, oyb in parent)
    # _Job is scoped to the unit that asks, unlike _Sent and _Bounce.
    assert _ask(sandbox, "SELECT DISTINCT AccountID AS a FROM _Job", PARENT) == [(PARENT,)]


def test_sfmc_4_4_ent_subscribers_are_everybodys(sandbox: Sandbox) -> None:
    own = _ask(sandbox, "SELECT COUNT(*) AS c FROM _Subscribers")[0][0]
    every = _ask(sandbox, "SELECT COUNT(*) AS c FROM Ent._Subscribers")[0][0]
    assert own < every  # type: ignore[operator]


def test_sfmc_4_event_views_keep_six_months(sandbox: Sandbox) -> None:
    first = _ask(sandbox, "SELECT MIN(EventDate) AS d FROM _Sent")[0][0]
    assert first >= datetime(2025, 11, 30)  # type: ignore[operator]  # noqa: DTZ001


def test_sfmc_4_4_status_is_lower_case(sandbox: Sandbox) -> None:
    rows = _ask(sandbox, "SELECT DISTINCT Status AS s FROM _Subscribers")
    assert {str(row[0]) for row in rows} <= {"active", "held", "bounced", "unsubscribed"}


TARGET = (Field("JobID", "Number", is_key=True), Field("Name", "Text", 4), Field("Day", "Date"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("SELECT N AS JobID, S AS Name FROM [My Things] WHERE N = 1", "truncated",
                     id="overlong"),
        pytest.param("SELECT 1 AS JobID FROM [My Things]", "PRIMARY KEY", id="duplicates"),
        pytest.param("SELECT NULLIF(N, 1) AS JobID FROM [My Things] WHERE N = 1", "does not allow",
                     id="null key"),
        pytest.param("SELECT N / 0 AS JobID FROM [My Things]", "Divide by zero", id="by zero"),
        pytest.param("SELECT CAST(S AS INT) AS JobID FROM [My Things]", "Conversion failed",
                     id="conversion"),
        pytest.param("SELECT N AS Other FROM [My Things]", "No column", id="no column"),
    ],
)  # fmt: skip
def test_sfmc_6_a_run_fails_as_sql_server_fails(sandbox: Sandbox, text: str, words: str) -> None:
    target = sandbox.extensions.make(RETAIL, "t_fail", "t_fail", TARGET)
    with pytest.raises(QueryFailed, match=words):
        sandbox.queries.run(RETAIL, text, target, update_type="Overwrite")


def test_sfmc_6_overwrite_append_and_update(sandbox: Sandbox) -> None:
    target = sandbox.extensions.make(RETAIL, "t_modes", "t_modes", TARGET)

    def run(text: str, mode: str) -> int:
        return sandbox.queries.run(RETAIL, text, target, update_type=mode)

    def rows() -> list[tuple[object, ...]]:
        return _ask(sandbox, "SELECT JobID, Name FROM t_modes")

    assert run("SELECT N AS JobID, 'a' AS Name FROM things WHERE N < 3", "Overwrite") == 2
    assert run("SELECT N AS JobID, 'b' AS Name FROM things WHERE N > 1", "Update") == 3
    assert sorted(rows()) == [(1, "a"), (2, "b"), (3, "b"), (4, "b")]
    with pytest.raises(QueryFailed, match="PRIMARY KEY"):
        run("SELECT N AS JobID, 'c' AS Name FROM things WHERE N = 4", "Append")
    assert run("SELECT N + 10 AS JobID, 'c' AS Name FROM things WHERE N = 4", "Append") == 1
    assert run("SELECT N AS JobID FROM things WHERE N = 1", "Overwrite") == 1
    assert rows() == [(1, None)]


def test_sfmc_6_a_late_failure_leaves_rows_behind(sandbox: Sandbox) -> None:
    target = sandbox.extensions.make(RETAIL, "t_late", "t_late", TARGET)
    text = "SELECT N AS JobID FROM things"
    with pytest.raises(QueryFailed, match="part of its rows"):
        sandbox.queries.run(RETAIL, text, target, update_type="Overwrite", fails_late=True)
    assert len(_ask(sandbox, "SELECT JobID FROM t_late")) == 2


def test_sfmc_6_a_query_is_stopped_at_its_limit(sandbox: Sandbox) -> None:
    target = sandbox.extensions.make(RETAIL, "t_slow", "t_slow", TARGET)
    text = (
        "SELECT COUNT(*) AS JobID FROM _Sent a INNER JOIN _Sent b ON a.BatchID <> b.BatchID + 1 "
        "INNER JOIN _Sent c ON b.SubscriberID <> c.SubscriberID + a.SubscriberID"
    )
    before = sandbox.queries.limit_s
    sandbox.queries.limit_s = 0.3
    try:
        with pytest.raises(QueryFailed, match="30 minutes"):
            sandbox.queries.run(RETAIL, text, target, update_type="Overwrite")
    finally:
        sandbox.queries.limit_s = before
