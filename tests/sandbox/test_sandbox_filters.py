"""Filters and properties of SOAP Retrieve: sections 2.3 to 2.5 of the fact sheet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sandbox_caller import RETAIL, Answer, Caller, both, props, simple

from sfmc_sandbox.extensions import Field
from sfmc_sandbox.rows import write_rows
from sfmc_sandbox.world.tenant import Tenant

EVENT = "<ObjectType>BounceEvent</ObjectType>"
ROWS = "<ObjectType>DataExtensionObject[filtered]</ObjectType>"
TASKS = "<ObjectType>AsyncActivityStatus</ObjectType>"


@pytest.fixture(scope="module", autouse=True)
def filtered(running: Caller) -> Iterator[None]:
    """A data extension with a row and one with next to nothing."""
    extensions = running.sandbox.extensions
    fields = (Field("Id", "Number", is_key=True), Field("Amount", "Decimal"),
              Field("Is", "Boolean"), Field("Name", "Text", 20))  # fmt: skip
    made = extensions.make(RETAIL, "filtered", "filtered", fields)
    rows = [{"Id": 1, "Amount": "1.5", "Is": "False", "Name": "Ann"}, {"Id": 2}]
    assert write_rows(extensions, made, rows, mode="insert") == [None, None]
    yield
    extensions.remove(made)


def _count(caller: Caller, tenant: Tenant, inner: str, where: str) -> tuple[int, int]:
    """How many come over the wire, and how many there are."""
    token = caller.token()
    answer = caller.retrieve(EVENT + props("SendID") + inner, token=token)
    count = len(answer.results)
    while answer.first("OverallStatus") == "MoreDataAvailable":
        going = f"<ContinueRequest>{answer.first('RequestID')}</ContinueRequest>"
        answer = caller.retrieve(going, token=token)
        count += len(answer.results)
    assert answer.first("OverallStatus") == "OK"
    stored = tenant.db.cursor().execute(
        f"SELECT count(*) FROM bounce WHERE mid = {RETAIL} AND {where}"
    ).fetchall()  # fmt: skip
    return count, stored[0][0]


DAY = "strftime(event_time, '%m-%d')"


@pytest.mark.parametrize(
    ("operator", "where"),
    [
        ("isAnniversary", f"{DAY} = '04-10'"),
        ("isNotAnniversary", f"{DAY} <> '04-10'"),
        ("greaterThanAnniversary", f"{DAY} > '04-10'"),
        ("lessThanAnniversary", f"{DAY} < '04-10'"),
    ],
)
def test_sfmc_2_3_anniversaries_go_by_month_and_day(
    caller: Caller, tenant: Tenant, operator: str, where: str
) -> None:
    asked = simple("EventDate", operator, "1999-04-10T00:00:00", date=True)
    came, stored = _count(caller, tenant, asked, where)
    assert came == stored > 0


def test_sfmc_2_3_a_word_is_a_whole_word(caller: Caller, tenant: Tenant) -> None:
    word = _count(caller, tenant, simple("SMTPReason", "existsInStringAsAWord", "use"),
                  r"regexp_matches(reason_text, '(?i)\buse\b')")  # fmt: skip
    part = _count(caller, tenant, simple("SMTPReason", "existsInString", "use"),
                  "reason_text ILIKE '%use%'")  # fmt: skip
    assert word[0] == word[1] < part[0] == part[1]


@pytest.mark.parametrize(
    ("operator", "values", "where"),
    [
        ("between", ["2026-01-01T00:00:00", "2026-02-01T00:00:00"],
         "event_time BETWEEN '2026-01-01' AND '2026-02-01'"),
        ("between", ["2026-01-01T06:00:00Z", "2026-02-01T01:00:00-05:00"],
         "event_time BETWEEN '2026-01-01' AND '2026-02-01'"),
        ("lessThanOrEqual", ["2026-01-01"], "event_time <= '2026-01-01'"),
        ("greaterThan", ["2026-03-01T00:00:00.0000000"], "event_time > '2026-03-01'"),
    ],
)  # fmt: skip
def test_sfmc_2_3_dates_with_and_without_an_offset(
    caller: Caller, tenant: Tenant, operator: str, values: list[str], where: str
) -> None:
    came, stored = _count(caller, tenant, simple("EventDate", operator, *values, date=True), where)
    assert came == stored > 0


def test_sfmc_2_3_complex_filters_nest(caller: Caller, tenant: Tenant) -> None:
    either = both(simple("SMTPCode", "equals", "550"), simple("SMTPCode", "equals", "554"), "OR")
    left = either.replace("<Filter ", "<LeftOperand ").replace("</Filter>", "</LeftOperand>")
    right = simple("BounceType", "notEquals", "delayed", tag="RightOperand")
    inner = f'<Filter xsi:type="ComplexFilterPart">{left}<LogicalOperator>AND</LogicalOperator>'
    came, stored = _count(caller, tenant, f"{inner}{right}</Filter>",
                          "code IN (550, 554) AND type <> 'delayed'")  # fmt: skip
    assert came == stored > 0


def _ids(answer: Answer) -> list[str | None]:
    assert answer.first("OverallStatus") == "OK", answer.text
    return answer.every("Value")


@pytest.mark.parametrize(
    ("inner", "found"),
    [
        (simple("Amount", "equals", "1.50"), ["1"]),
        (simple("amount", "lessThan", "1.4"), []),
        (simple("NAME", "equals", "ann"), ["1"]),
        (simple("Is", "equals", "false"), ["1"]),
        (simple("Is", "isNull"), ["2"]),
    ],
)
def test_sfmc_2_5_rows_are_filtered_by_decimals_booleans_and_names_in_any_case(
    caller: Caller, inner: str, found: list[str]
) -> None:
    assert _ids(caller.retrieve(ROWS + props("Id") + inner)) == found


def test_an_empty_boolean_is_not_false(caller: Caller) -> None:
    assert _ids(caller.retrieve(ROWS + props("Is"))) == ["false", None]


def test_sfmc_2_3_like_is_not_for_rows(caller: Caller) -> None:
    for inner in (simple("Name", "like", "A%"),
                  both(simple("Id", "equals", "1"), simple("Name", "like", "A%"))):  # fmt: skip
        status = caller.retrieve(ROWS + props("Id") + inner).first("OverallStatus")
        assert (status or "").startswith("Error: The like operator is not supported")


@pytest.mark.parametrize("value", ["NaN", "1e400", "x", "Infinity"])
def test_a_number_that_is_none_is_told(caller: Caller, value: str) -> None:
    answer = caller.retrieve(ROWS + props("Id") + simple("Amount", "equals", value))
    assert (answer.first("OverallStatus") or "").startswith("Error: Conversion failed")


@pytest.mark.parametrize("name", ["ParentInteractionObjectID", "StartTime", "EndTime", "ClientID"])
def test_sfmc_2_4_some_of_a_task_is_only_for_filters(caller: Caller, name: str) -> None:
    asked = caller.retrieve(TASKS + props("Status", name))
    assert (asked.first("OverallStatus") or "").startswith("Error: The Request Property(s) ")
    filtered = caller.retrieve(TASKS + props("Status") + simple(name, "isNotNull"))
    assert filtered.first("OverallStatus") in {"OK", "MoreDataAvailable"}


def test_sfmc_2_4_a_task_is_not_found_by_its_status(caller: Caller) -> None:
    answer = caller.retrieve(TASKS + props("Status") + simple("Status", "equals", "Complete"))
    assert answer.first("OverallStatus") == "Error: Invalid column name 'Status'."
    children = simple("QueryAllChildren", "equals", "true")
    assert caller.retrieve(TASKS + props("Status") + children).first("OverallStatus") == "OK"


@pytest.mark.parametrize("value", ["@", "%@%"])
def test_like_finds_its_value_anywhere_without_wildcards_too(caller: Caller, value: str) -> None:
    found = caller.retrieve(
        "<ObjectType>Subscriber</ObjectType>" + props("EmailAddress")
        + simple("EmailAddress", "like", value) + "<Options><BatchSize>2</BatchSize></Options>"
    )  # fmt: skip
    assert len(found.results) == 2
