"""SOAP Retrieve: sections 2.1 to 2.4 of the fact sheet."""

from __future__ import annotations

import pytest
from sandbox_caller import PARTNER, RETAIL, Caller, both, envelope, props, simple

from sfmc_sandbox.world.tenant import Tenant

BOUNCE = (
    "SendID", "SubscriberKey", "EventDate", "EventType", "BatchID", "SMTPCode", "SMTPReason",
    "BounceCategory", "BounceType",
)  # fmt: skip
EVENT = "<ObjectType>BounceEvent</ObjectType>"
BODY = (
    '<RetrieveRequestMsg xmlns="http://exacttarget.com/wsdl/partnerAPI"><RetrieveRequest>'
    f"{EVENT}{props(*BOUNCE)}<Options><BatchSize>2</BatchSize></Options>"
    "</RetrieveRequest></RetrieveRequestMsg>"
)


@pytest.mark.parametrize("action", ["Retrieve", '"Retrieve"', "", "retrieve"])
def test_sfmc_2_1_the_action_may_be_bare_quoted_or_left_to_the_body(
    caller: Caller, action: str
) -> None:
    answer = caller.soap(BODY, SOAPAction=action)
    assert answer.first("OverallStatus") == "MoreDataAvailable"


@pytest.mark.parametrize("path", ["/Service.asmx", "/service.asmx", "/SERVICE.ASMX"])
def test_sfmc_2_1_the_path_is_case_insensitive(caller: Caller, path: str) -> None:
    assert caller.post(envelope(BODY, caller.token()), path=path).status == 200


def test_sfmc_2_1_soap_1_2_takes_the_action_from_ws_addressing(caller: Caller) -> None:
    raw = (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><s:Header>'
        '<a:Action s:mustUnderstand="1">Retrieve</a:Action>'
        f'<fueloauth xmlns="http://exacttarget.com">{caller.token()}</fueloauth>'
        f"</s:Header><s:Body>{BODY}</s:Body></s:Envelope>"
    )
    answer = caller.post(raw, Content_Type="application/soap+xml")
    assert answer.first("OverallStatus") == "MoreDataAvailable"
    assert answer.root.tag == "{http://www.w3.org/2003/05/soap-envelope}Envelope"


def test_sfmc_2_1_prefixes_are_the_ones_clients_look_for(caller: Caller) -> None:
    text = caller.soap(BODY).text
    for literal in ("<soap:Envelope ", "<soap:Body><RetrieveResponseMsg xmlns=", "</soap:Body>"):
        assert literal in text
    assert "<wsa:Action>RetrieveResponse</wsa:Action>" in text
    assert "<wsu:Expires>" in text


def test_sfmc_2_4_a_bounce_has_the_recorded_elements_in_order(caller: Caller) -> None:
    answer = caller.soap(BODY)
    row = next(answer.root.iter(f"{PARTNER}Results"))
    names = [node.tag.removeprefix(PARTNER) for node in row]
    assert names == [
        "PartnerKey", "ObjectID", "SendID", "SubscriberKey", "EventDate", "EventType", "BatchID",
        "SMTPCode", "BounceCategory", "SMTPReason", "BounceType",
    ]  # fmt: skip
    assert row[0].attrib == {"{http://www.w3.org/2001/XMLSchema-instance}nil": "true"}
    assert answer.results[0]["EventType"] in {"HardBounce", "SoftBounce", "OtherBounce"}
    assert answer.results[0]["BounceType"] in {"immediate", "delayed"}
    assert "T" in (answer.results[0]["EventDate"] or "")


def _all(caller: Caller, inner: str, *, again: str = "", token: str | None = None) -> list[dict]:
    token = token or caller.token()
    answer = caller.retrieve(inner, token=token)
    rows = list(answer.results)
    while answer.first("OverallStatus") == "MoreDataAvailable":
        going = f"<ContinueRequest>{answer.first('RequestID')}</ContinueRequest>"
        answer = caller.retrieve(f"{again}{going}", token=token)
        rows += answer.results
    assert answer.first("OverallStatus") == "OK"
    return rows


@pytest.mark.parametrize("again", ["", EVENT, f"{EVENT}{props(*BOUNCE)}"], ids=str)
def test_sfmc_2_3_paging_gives_every_bounce_once(
    caller: Caller, tenant: Tenant, again: str
) -> None:
    options = "<Options><BatchSize>700</BatchSize></Options>"
    rows = _all(caller, f"{EVENT}{props(*BOUNCE)}{options}", again=again)
    planted = tenant.truth.filter([a == RETAIL for a in tenant.truth["account"].to_pylist()])
    assert len(rows) == planted.num_rows > 2_000
    identity = {(r["SendID"], r["BatchID"], r["SubscriberKey"], r["EventDate"]) for r in rows}
    assert len(identity) == len(rows)


def test_sfmc_2_3_a_page_holds_at_most_2500(caller: Caller) -> None:
    answer = caller.retrieve(
        f"<ObjectType>SentEvent</ObjectType>{props('SendID')}"
        "<Options><BatchSize>9999</BatchSize></Options>"
    )
    assert len(answer.results) == 2500


def test_a_page_asked_for_twice_is_the_same_page(caller: Caller) -> None:
    token = caller.token()
    first = caller.soap(BODY, token=token)
    going = f"{EVENT}<ContinueRequest>{first.first('RequestID')}</ContinueRequest>"
    one, two = (caller.retrieve(going, token=token) for _ in range(2))
    assert one.results == two.results
    assert one.results != first.results


@pytest.mark.parametrize("token_mid", [RETAIL, 7_000_102])
def test_sfmc_2_3_an_unknown_request_id_is_told(caller: Caller, token_mid: int) -> None:
    going = "<ContinueRequest>f06cc504-68bf-4db8-9141-e420ed248e72</ContinueRequest>"
    if token_mid != RETAIL:  # somebody else's page is as unknown as no page
        going = f"<ContinueRequest>{caller.soap(BODY).first('RequestID')}</ContinueRequest>"
    answer = caller.retrieve(f"{EVENT}{going}", token=caller.token(token_mid))
    assert answer.first("OverallStatus") == (
        "Error: The RequestID sent through ContinueRequest does not exist."
    )


@pytest.mark.parametrize(
    ("inner", "status"),
    [
        pytest.param(
            EVENT + props("SendID", "BounceReason"),
            "Error: The Request Property(s) BounceReason do not match with the fields of "
            "BounceEvent retrieve",
            id="property",
        ),
        pytest.param(
            "<ObjectType>Foo</ObjectType>",
            "Error: Unable to find a handler for object type: Foo. Object types are "
            "case-sensitive, check spelling.",
            id="object",
        ),
        pytest.param(
            "<ObjectType>bounceevent</ObjectType>",
            "Error: Unable to find a handler for object type: bounceevent. Object types are "
            "case-sensitive, check spelling.",
            id="case",
        ),
        pytest.param(
            EVENT + props("SendID") + "<Filter><Property>SendID</Property></Filter>",
            "Error: Unknown filter of type FilterPart encountered",
            id="filter without a type",
        ),
        pytest.param(
            EVENT + props("SendID") + simple("SendID", "equals", ""),
            "Error: Invalid argument for the equals operator. Filter array cannot be null.",
            id="empty value",
        ),
        pytest.param(
            EVENT + props("SendID") + '<Filter xsi:type="ComplexFilterPart">'
            + simple("SendID", "equals", "1", tag="LeftOperand")
            + "<LogicalOperator>AND</LogicalOperator></Filter>",
            "Error: Incorrect syntax near the keyword 'AND'",
            id="half a filter",
        ),
        pytest.param(
            EVENT + props("SendID") + simple("Nonsense", "equals", "1"),
            "Error: Invalid column name 'Nonsense'.",
            id="filter on an unknown column",
        ),
    ],
)  # fmt: skip
def test_sfmc_2_3_errors_come_with_http_200(caller: Caller, inner: str, status: str) -> None:
    answer = caller.retrieve(inner)
    assert (answer.status, answer.first("OverallStatus")) == (200, status)
    assert answer.results == []


@pytest.mark.parametrize("date", [True, False], ids=["DateValue", "Value"])
def test_sfmc_2_3_dates_filter_in_value_and_in_date_value(
    caller: Caller, tenant: Tenant, date: bool
) -> None:
    start, end = "2026-01-01T00:00:00", "2026-02-01T00:00:00"
    window = both(
        simple("EventDate", "greaterThanOrEqual", start, date=date),
        simple("EventDate", "lessThan", end, date=date),
    )
    rows = _all(caller, EVENT + props("EventDate", "SubscriberKey") + window)
    expected = tenant.db.cursor().execute(
        f"SELECT count(*) FROM bounce WHERE mid = {RETAIL} "
        f"AND event_time >= '{start}' AND event_time < '{end}'"
    ).fetchall()[0][0]  # fmt: skip
    assert len(rows) == expected > 0
    assert all(start <= (row["EventDate"] or "") < end for row in rows)


def test_sfmc_0_3_a_date_with_an_offset_is_turned_into_utc_minus_6(caller: Caller) -> None:
    plain = _all(caller, EVENT + props("SendID")
                 + simple("EventDate", "lessThan", "2026-01-01T00:00:00"))  # fmt: skip
    offset = _all(caller, EVENT + props("SendID")
                  + simple("EventDate", "lessThan", "2026-01-01T06:00:00Z"))  # fmt: skip
    assert len(plain) == len(offset) > 0


OPERATORS = [
    ("equals", ["550"], "code = '550'"),
    ("notEquals", ["550"], "code <> '550'"),
    ("IN", ["550", "554"], "code IN ('550', '554')"),
    ("between", ["450", "460"], "code BETWEEN '450' AND '460'"),
    ("like", ["55%"], "code LIKE '55%'"),
    ("beginsWith", ["4"], "code LIKE '4%'"),
    ("endsWith", ["2"], "code LIKE '%2'"),
    ("contains", ["5"], "code LIKE '%5%'"),
    ("notContains", ["5"], "NOT code LIKE '%5%'"),
    ("isNull", [], "code IS NULL"),
    ("isNotNull", [], "code IS NOT NULL"),
    ("greaterThan", ["500"], "code > '500'"),
    ("contains", ["%"], "false"),
]


@pytest.mark.parametrize(("operator", "values", "sql"), OPERATORS)
def test_sfmc_2_3_simple_operators(
    caller: Caller, tenant: Tenant, operator: str, values: list[str], sql: str
) -> None:
    rows = _all(caller, EVENT + props("SMTPCode") + simple("SMTPCode", operator, *values))
    expected = tenant.db.cursor().execute(
        f"SELECT count(*) FROM (SELECT code::VARCHAR AS code FROM bounce WHERE mid = {RETAIL}) "
        f"WHERE {sql}"
    ).fetchall()[0][0]  # fmt: skip
    assert len(rows) == expected


def test_a_filter_value_is_never_sql(caller: Caller) -> None:
    evil = "x' OR 1=1; DROP TABLE bounce; --"
    assert _all(caller, EVENT + props("SendID") + simple("SubscriberKey", "equals", evil)) == []
    assert caller.soap(BODY).first("OverallStatus") == "MoreDataAvailable"


def test_sfmc_2_3_or_and_additional_operands(caller: Caller) -> None:
    parts = "".join(simple("SMTPCode", "equals", code, tag="Operand") for code in ("552", "452"))
    inner = both(simple("SMTPCode", "equals", "554"), simple("SMTPCode", "equals", "421"), "OR")
    inner = inner.replace("</Filter>", f"<AdditionalOperands>{parts}</AdditionalOperands></Filter>")
    rows = _all(caller, EVENT + props("SMTPCode") + inner)
    assert {row["SMTPCode"] for row in rows} == {"554", "421", "552", "452"}


def test_sfmc_2_2_send_gives_the_denominators_of_a_job(caller: Caller, tenant: Tenant) -> None:
    names = ("ID", "EmailName", "NumberSent", "NumberDelivered", "HardBounces", "SoftBounces",
             "OtherBounces", "SentDate", "Email.ID")  # fmt: skip
    rows = caller.retrieve(f"<ObjectType>Send</ObjectType>{props(*names)}").results
    sent = tenant.db.cursor().execute(
        f"SELECT job_id, count(*) FROM sent WHERE mid = {RETAIL} GROUP BY 1"
    ).fetchall()  # fmt: skip
    # Email.ID is an element ID, too: the job's own comes first.
    assert {int(r["NumberSent"] or 0) for r in rows} == {count for _, count in sent}
    for row in rows:
        bounces = sum(int(row[f"{kind}Bounces"] or 0) for kind in ("Hard", "Soft", "Other"))
        assert int(row["NumberDelivered"] or 0) >= int(row["NumberSent"] or 0) - bounces


def test_sfmc_2_2_send_by_date_and_id_finds_nothing(caller: Caller) -> None:
    window = both(simple("SentDate", "greaterThan", "2020-01-01T00:00:00"),
                  simple("ID", "greaterThan", "0"))  # fmt: skip
    answer = caller.retrieve(f"<ObjectType>Send</ObjectType>{props('ID')}{window}")
    assert (answer.first("OverallStatus"), answer.results) == ("OK", [])
    by_id = caller.retrieve(
        f"<ObjectType>Send</ObjectType>{props('ID')}{simple('ID', 'greaterThan', '0')}"
    )
    assert by_id.results


def test_sfmc_2_2_sent_event_carries_list_and_subscriber_as_partner_properties(
    caller: Caller,
) -> None:
    answer = caller.retrieve(
        f"<ObjectType>SentEvent</ObjectType>{props('SendID', 'ListID', 'SubscriberID')}"
        "<Options><BatchSize>1</BatchSize></Options>"
    )
    pairs = [
        [child.text for child in node] for node in answer.root.iter(f"{PARTNER}PartnerProperties")
    ]
    assert [name for name, _ in pairs] == ["ListID", "SubscriberID"]
    assert all((value or "").isdigit() for _, value in pairs)


@pytest.mark.parametrize(
    ("object_type", "name"),
    [
        ("UnsubEvent", "ListID"), ("UnsubEvent", "UnsubscribeType"), ("UnsubEvent", "OptOut"),
        ("Subscriber", "ModifiedDate"), ("Subscriber", "Attributes"), ("Subscriber", "Lists"),
        ("OpenEvent", "SubscriberID"), ("ClickEvent", "SubscriberID"),
    ],
)  # fmt: skip
def test_sfmc_2_2_what_is_not_retrievable(caller: Caller, object_type: str, name: str) -> None:
    answer = caller.retrieve(f"<ObjectType>{object_type}</ObjectType>{props(name)}")
    assert answer.first("OverallStatus") == (
        f"Error: The Request Property(s) {name} do not match with the fields of "
        f"{object_type} retrieve"
    )


def test_sfmc_2_2_list_subscriber_finds_by_key_but_not_by_list(caller: Caller) -> None:
    head = f"<ObjectType>ListSubscriber</ObjectType>{props('SubscriberKey', 'ListID', 'Status')}"
    one = caller.retrieve(head + "<Options><BatchSize>1</BatchSize></Options>").results[0]
    by_key = caller.retrieve(head + simple("SubscriberKey", "equals", str(one["SubscriberKey"])))
    # Everybody is on All Subscribers and on one list of their own.
    assert by_key.results[0]["ListID"] == str(RETAIL % 1000)
    assert len({row["ListID"] for row in by_key.results}) == len(by_key.results) == 2
    by_list = simple("ListID", "equals", str(one["ListID"]), tag="LeftOperand")
    assert caller.retrieve(head + by_list.replace("LeftOperand", "Filter")).results == []
    # tap-exacttarget asks for a list's members by the day of their last change.
    since = simple("ModifiedDate", "greaterThan", "2010-01-01T00:00:00Z", tag="RightOperand")
    changed = (
        f'<Filter xsi:type="ComplexFilterPart">{by_list}'
        f"<LogicalOperator>AND</LogicalOperator>{since}</Filter>"
    )
    assert caller.retrieve(head + changed).results


def test_sfmc_2_3_query_all_accounts_lists_the_tree_from_the_enterprise(caller: Caller) -> None:
    head = f"<ObjectType>BusinessUnit</ObjectType>{props('ID', 'Name')}"
    all_units = "<QueryAllAccounts>true</QueryAllAccounts>"
    parent = caller.token(7_000_100)
    assert len(caller.retrieve(head, token=parent).results) == 1
    assert len(caller.retrieve(head + all_units, token=parent).results) == 5
    assert len(caller.retrieve(head + all_units).results) == 1


def test_sfmc_2_3_no_results_element_when_nothing_is_found(caller: Caller) -> None:
    answer = caller.retrieve(EVENT + props("SendID") + simple("SendID", "equals", "1"))
    assert answer.first("OverallStatus") == "OK"
    assert "<Results" not in answer.text


def test_sfmc_2_3_reply_text_survives_xml(caller: Caller, tenant: Tenant) -> None:
    rows = _all(caller, EVENT + props("SMTPReason"))
    stored = tenant.db.cursor().execute(
        f"SELECT reason_text FROM bounce WHERE mid = {RETAIL}"
    ).fetchall()  # fmt: skip
    assert sorted(str(r["SMTPReason"]) for r in rows) == sorted(text for (text,) in stored)
    assert any("<" in str(row["SMTPReason"]) for row in rows)
    assert any("\r\n" in str(row["SMTPReason"]) for row in rows)


def test_sfmc_2_3_only_a_servers_fault_has_a_detail(caller: Caller) -> None:
    bad = caller.post(envelope(BODY, "nonsense"))
    assert "<detail" not in bad.text
    assert bad.first("faultactor") == f"{caller.url}/Service.asmx"
    out = caller.soap(BODY, x_sandbox_scenario="soap-500")
    assert out.first("Code") == "2"
    assert '<apifault xmlns="urn:fault.partner.exacttarget.com">' in out.text


def test_the_wsdl_answers_a_head_request(caller: Caller) -> None:
    assert caller.http.head(f"{caller.url}/ETFramework.wsdl").status_code == 200
