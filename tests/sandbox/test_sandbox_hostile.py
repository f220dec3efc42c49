"""Bad requests get Marketing Cloud's errors and never a stack trace."""

from __future__ import annotations

import pytest
from sandbox_caller import Caller, envelope

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;">]><x>&d;</x>'
)
XXE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
CASES = [
    pytest.param(b"", id="empty"),
    pytest.param(b"not xml", id="no xml"),
    pytest.param(b"<a><b></a>", id="malformed"),
    pytest.param(b"\x00\xff\xfe", id="bytes"),
    pytest.param(BOMB.encode(), id="entity bomb"),
    pytest.param(XXE.encode(), id="external entity"),
    pytest.param(XXE.replace('"1.0"', '"1.0" encoding="utf-16"').encode("utf-16"), id="utf-16 xxe"),
    pytest.param(b"<a/>", id="no envelope"),
    pytest.param(b'<e:Envelope xmlns:e="urn:x"/>', id="other envelope"),
    pytest.param(
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>', id="no body"
    ),
    pytest.param(b"<a>" * 5_000, id="deep"),
]


@pytest.mark.parametrize("raw", CASES)
def test_bad_xml_gets_a_client_fault(caller: Caller, raw: bytes) -> None:
    answer = caller.post(raw)
    assert answer.status == 500
    assert (answer.first("faultcode") or "") in {"soap:Client", "soap:VersionMismatch"}
    assert "Traceback" not in answer.text
    assert "root:" not in answer.text


def test_sfmc_2_3_an_unknown_action_is_named(caller: Caller) -> None:
    answer = caller.post(envelope("<Test/>", caller.token()), SOAPAction="Test")
    assert answer.first("faultstring") == (
        "Server did not recognize the value of HTTP Header SOAPAction: Test."
    )
    assert answer.first("faultcode") == "soap:Client"


def test_a_body_without_an_action_is_refused(caller: Caller) -> None:
    answer = caller.post(envelope("<Nothing/>", caller.token()))
    assert answer.first("faultcode") == "soap:Client"


def test_a_filter_may_not_be_nested_without_end(caller: Caller) -> None:
    inner = '<Filter xsi:type="ComplexFilterPart">'
    part = '<LeftOperand xsi:type="ComplexFilterPart">'
    right = (
        '<LogicalOperator>AND</LogicalOperator><RightOperand xsi:type="SimpleFilterPart">'
        "<Property>SendID</Property><SimpleOperator>isNotNull</SimpleOperator></RightOperand>"
    )
    deep = inner + part * 60 + (right + "</LeftOperand>") * 60 + right + "</Filter>"
    answer = caller.retrieve("<ObjectType>BounceEvent</ObjectType>" + deep)
    assert (answer.first("OverallStatus") or "").startswith("Error: ")


@pytest.mark.parametrize(
    "query",
    ["$filter=x", "$filter=Domain eq", "$filter=Nope eq 1", "$filter=((((", "$orderBy=Nope",
     "$page=0", "$pageSize=-1", "$page=999999999999999999", "$filter=JobID eq 'abc'",
     "$fields=Nope", "$filter=" + "(" * 300 + "JobID eq 1"],
)  # fmt: skip
def test_bad_rowset_queries_get_rests_error_body(caller: Caller, query: str) -> None:
    answer = caller.rest(f"/data/v1/customobjectdata/key/bouncelens_sends/rowset?{query}")
    assert answer.status_code == 400
    assert set(answer.json()) >= {"message", "errorcode", "documentation"}


def test_unknown_addresses_say_not_found_to_those_who_signed_in(caller: Caller) -> None:
    assert caller.rest("/nowhere").status_code == 404
    assert caller.http.get(f"{caller.url}/nowhere").status_code == 401
