"""Whatever is asked, the sandbox answers in the platform's words: no crash, no trace, no 500."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox_caller import RETAIL, Caller, props

from sfmc_sandbox.sql.refuse import PREFIX
from sfmc_sandbox.wire.sandbox import Sandbox
from sfmc_sandbox.wire.soap_objects import OBJECTS
from sfmc_sandbox.world.tenant import Tenant

QUICK = settings(
    max_examples=60, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
OPERATORS = (
    "equals", "notEquals", "greaterThan", "lessThan", "isNull", "isNotNull", "between", "IN",
    "like", "contains", "beginsWith", "isAnniversary", "nonsense", "",
)  # fmt: skip
# What XML can carry; the rest is refused before we see it.
TEXT = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc"]),
    max_size=12,
)
VALUES = st.lists(
    st.one_of(TEXT, st.sampled_from(["2026-01-01T00:00:00", "550", "true", "%", "_", "'", "0"])),
    max_size=3,
)
NAMES = st.sampled_from(sorted({p.name for entry in OBJECTS.values() for p in entry.properties}))


@st.composite
def simple_parts(draw: st.DrawFn, tag: str = "Filter") -> str:
    kind = draw(st.sampled_from(["Value", "DateValue"]))
    values = "".join(f"<{kind}>{escape(v)}</{kind}>" for v in draw(VALUES))
    return (
        f'<{tag} xsi:type="SimpleFilterPart"><Property>{escape(draw(NAMES | TEXT))}</Property>'
        f"<SimpleOperator>{draw(st.sampled_from(OPERATORS))}</SimpleOperator>{values}</{tag}>"
    )


@st.composite
def filters(draw: st.DrawFn) -> str:
    if draw(st.booleans()):
        return draw(simple_parts())
    left, right = draw(simple_parts("LeftOperand")), draw(simple_parts("RightOperand"))
    word = draw(st.sampled_from(["AND", "OR", "and", "XOR", ""]))
    return (
        f'<Filter xsi:type="ComplexFilterPart">{left}<LogicalOperator>{word}</LogicalOperator>'
        f"{right}</Filter>"
    )


@QUICK
@given(kind=st.sampled_from(sorted(OBJECTS)), names=st.lists(NAMES, max_size=4), part=filters())
def test_any_retrieve_gets_a_status(
    running: Caller, kind: str, names: list[str], part: str
) -> None:
    answer = running.retrieve(f"<ObjectType>{kind}</ObjectType>{props(*names)}{part}")
    assert answer.status == 200
    status = answer.first("OverallStatus") or ""
    assert status in {"OK", "MoreDataAvailable"} or status.startswith("Error: ")


WORDS = st.sampled_from(
    ["JobID", "Domain", "SendDay", "Sent", "eq", "ne", "gt", "like", "and", "or", "(", ")", "'x'",
     "5", "'2026-01-01'", "''", "nope", "'", "%", ";", "--"]
)  # fmt: skip


@QUICK
@given(words=st.lists(WORDS, max_size=9), order=st.lists(WORDS, max_size=3))
def test_any_rowset_filter_is_answered_or_refused(
    running: Caller, words: list[str], order: list[str]
) -> None:
    answer = running.rest(
        "/data/v1/customobjectdata/key/bouncelens_sends/rowset",
        params={"$filter": " ".join(words), "$orderBy": " ".join(order)},
    )
    assert answer.status_code in {200, 400}
    if answer.status_code == 400:
        assert "errorcode" in answer.json()


SQL = st.sampled_from(
    ["SELECT", "TOP 5", "DISTINCT", "*", "JobID", "AS", "x", ",", "FROM", "_Bounce", "_Sent b",
     "INNER JOIN", "ON", "WHERE", "=", "'a'", "1", "+", "/", "0", "(", ")", "GROUP BY", "ORDER BY",
     "COUNT(*)", "GETDATE()", "LEN(Domain)", "CONVERT(VARCHAR(10), EventDate, 120)", "ISNULL(x, 1)",
     "LIKE '%[0-9]%'", "UNION ALL", "WITH", ";", "--", "/*", "DROP TABLE bounce", "CASE WHEN",
     "THEN", "END", "AT TIME ZONE 'UTC'", "DATEDIFF(day, EventDate, GETDATE())", "NULL", "Ent.",
     "OVER (PARTITION BY", "EXEC", "@x", "[", "]", "PIVOT", "read_csv('x')", "VALUES (1)"]
)  # fmt: skip


@pytest.fixture(scope="module")
def sandbox(spare: Tenant) -> Sandbox:
    return Sandbox.of(spare)


@settings(QUICK, max_examples=300)
@given(words=st.lists(SQL, min_size=1, max_size=14), starts=st.booleans())
def test_any_query_is_checked_without_a_crash(
    sandbox: Sandbox, words: list[str], starts: bool
) -> None:
    text = ("SELECT JobID AS j, " if starts else "") + " ".join(words)
    problem = sandbox.queries.check(RETAIL, text, None)
    assert problem is None or problem.startswith(PREFIX)


@QUICK
@given(raw=st.binary(max_size=200) | TEXT.map(str.encode))
def test_any_bytes_get_a_fault(running: Caller, raw: bytes) -> None:
    answer = running.post(raw)
    assert answer.status == 500
    assert answer.first("faultstring")
    assert "Traceback" not in answer.text
