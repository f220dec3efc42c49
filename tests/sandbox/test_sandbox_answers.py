"""The errors of REST's families, and what a request may ask for: section 3 of the fact sheet."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from sandbox_caller import PARTNER, RETAIL, Caller, props

from sfmc_sandbox.extensions import Field

ROWSET = "/data/v1/customobjectdata/key/bouncelens_sends/rowset"
ROWS = "/data/v1/async/dataextensions/key:answers/rows"
QUERIES = "/automation/v1/queries"
OTHER = 7_000_102


@pytest.fixture(scope="module", autouse=True)
def answers(running: Caller) -> None:
    fields = (Field("Id", "Number", is_key=True), Field("Name", "Text", 10))
    running.sandbox.extensions.make(RETAIL, "answers", "answers", fields)


@pytest.mark.parametrize(
    ("query", "size", "page"),
    [("$pagesize=3&$page=2", 3, 2), ("$PAGESIZE=3&$PAGE=2", 3, 2), ("$pageSize=9999", 2500, 1),
     ("", 50, 1)],
)  # fmt: skip
def test_sfmc_3_parameters_are_read_in_any_case(
    caller: Caller, query: str, size: int, page: int
) -> None:
    answer = caller.rest(f"{ROWSET}?{query}").json()
    assert (answer["pageSize"], answer["page"]) == (size, page)


def test_sfmc_3_order_is_read_in_any_case(caller: Caller) -> None:
    items = caller.rest(f"{ROWSET}?$orderby=Sent desc&$pagesize=5").json()["items"]
    sent = [int(item["values"]["sent"]) for item in items]
    assert sent == sorted(sent, reverse=True) != sent[::-1]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", ROWSET, "GET, HEAD"), ("PUT", QUERIES, "GET, HEAD, POST"),
     ("OPTIONS", QUERIES, "GET, HEAD, POST"), ("GET", "/platform/v1/ens-verify/", "POST")],
)  # fmt: skip
def test_a_wrong_method_is_not_an_unknown_address(
    caller: Caller, method: str, path: str, allowed: str
) -> None:
    answer = caller.rest(path, method=method)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert method in answer.json()["message"]
    assert caller.rest(path + "/nowhere/at/all", method=method).status_code == 404
    assert caller.http.request(method, caller.url + path).status_code == 401


def test_sfmc_3_an_aggregate_error_names_its_parts(caller: Caller) -> None:
    answer = caller.rest("/hub/v1/dataevents/key:answers/rowset", method="POST",
                         json=[{"keys": {"Id": 1}, "values": {"Name": "x" * 11}}])  # fmt: skip
    body = answer.json()
    assert (answer.status_code, body["errorcode"]) == (400, 10006)
    assert [part["message"] for part in body["additionalErrors"]] == [body["message"]]


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"items": 1}'])
def test_sfmc_3_the_data_family_has_an_error_of_its_own(caller: Caller, content: bytes) -> None:
    answer = caller.rest(ROWS, method="POST", content=content)
    assert answer.status_code == 400
    body = answer.json()
    assert set(body) == {"requestId", "resultMessages"}
    assert set(body["resultMessages"][0]) == {
        "resultType", "resultClass", "resultCode", "message",
    }  # fmt: skip


def test_sfmc_0_7_another_units_request_is_as_unknown_as_none(caller: Caller) -> None:
    made = caller.rest(ROWS, method="POST", json={"items": [{"Id": 77}]}).json()["requestId"]
    for part in ("status", "results"):
        theirs = caller.rest(f"/data/v1/async/{made}/{part}", token=caller.token(OTHER)).json()
        assert theirs["resultMessages"][0]["resultCode"] == "AsyncRequestStatusNotFound"


BROKEN: list[tuple[str, str, Any]] = [
    ("POST", QUERIES, {"name": "x", "queryText": "SELECT 1 AS Id", "categoryId": "x",
                       "targetKey": "answers"}),
    ("POST", QUERIES, {"name": "x", "queryText": "SELECT 1 AS Id", "categoryId": 1,
                       "targetKey": "answers", "targetUpdateTypeId": [1]}),
    ("POST", QUERIES, {"name": "\ud800", "queryText": "SELECT 1 AS Id", "categoryId": 1}),
    ("POST", "/automation/v1/automations", {"name": {}}),
    ("POST", "/automation/v1/dataextracts",
     {"name": "e", "fileSpec": "x", "dataExtractTypeId": []}),
    ("POST", "/asset/v1/content/assets/query", {"page": 5}),
    ("POST", "/asset/v1/content/assets/query", {"page": {"page": -1}}),
    ("POST", "/asset/v1/content/assets/query", {"query": {"property": "name"}}),
    ("POST", "/asset/v1/content/assets/query", {"sort": 5}),
    ("POST", "/platform/v1/ens-callbacks", [{"callbackName": "a", "url": "http://["}]),
    ("POST", "/platform/v1/ens-callbacks", [{"callbackName": "a", "url": "https://x:99999/"}]),
    ("POST", "/data/v1/customObjects", {"name": "c", "categoryId": 1, "fields": []}),
    ("POST", "/data/v1/customObjects",
     {"name": "c", "categoryId": 1, "fields": [{"name": "a", "type": "Text", "length": 5000}]}),
    ("POST", "/data/v1/customObjects",
     {"name": "c", "categoryId": 1, "fields": [{"name": "a", "type": "Text"}] * 2}),
    ("POST", "/hub/v1/dataevents/key:answers/rowset",
     [{"keys": {"Id": 1}, "values": {"Name": {"a": 1}}}]),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "content"), BROKEN)
def test_a_field_of_the_wrong_kind_is_the_callers_fault(
    caller: Caller, method: str, path: str, content: object
) -> None:
    answer = caller.rest(path, method=method, content=json.dumps(content).encode())
    assert (answer.status_code, "documentation" in answer.json()) == (400, True)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"client_id": "\\ud800"}', b'{"a": NaN}'])
def test_a_sign_in_that_cannot_be_read_is_an_invalid_request(caller: Caller, body: bytes) -> None:
    answer = caller.http.post(f"{caller.url}/v2/token", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def _query(caller: Caller, name: str, **more: object) -> dict[str, Any]:
    body = {"name": name, "key": name, "categoryId": 5, "targetKey": "answers",
            "queryText": "SELECT TOP 3 JobID AS Id, EmailName FROM Ent._Job j", **more}  # fmt: skip
    return dict(caller.rest(QUERIES, method="POST", json=body).json())


def test_sfmc_6_the_server_copies_the_targets_columns_out_of_a_derived_table(
    caller: Caller,
) -> None:
    made = _query(caller, "wrapped")
    assert made["validatedQueryText"] == (
        "SET NOCOUNT ON; SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;\r\n\r\n"
        f"INSERT INTO C{RETAIL}.[answers] ([Id])\r\nSELECT querydef.[Id]\r\n"
        "FROM (SELECT TOP 3 JobID AS Id, EmailName FROM C7000100._Job j) AS querydef \r\n"
        "SELECT @rcInsert = @@ROWCOUNT;;\r\n"
    )
    read = caller.rest(f"{QUERIES}/{made['queryDefinitionId']}").json()
    assert read == {k: v for k, v in made.items() if k != "validatedQueryText"}


def test_sfmc_3_a_query_remembers_when_it_was_made_and_changed(caller: Caller) -> None:
    made = _query(caller, "dated")
    assert made["createdDate"] == made["modifiedDate"]
    clock = caller.sandbox.flow.clock
    before = clock.start_ms
    clock.move(3600)
    path = f"{QUERIES}/{made['queryDefinitionId']}"
    try:
        changed = caller.rest(path, method="PATCH", json={"name": "later"}).json()
    finally:
        clock.start_ms = before
    assert changed["createdDate"] == made["createdDate"] < changed["modifiedDate"]
    for field, value in (("targetUpdateTypeId", 9), ("targetKey", "nowhere")):
        assert caller.rest(path, method="PATCH", json={field: value}).status_code == 400


def test_sfmc_3_the_log_is_empty_after_a_run_that_went_well(caller: Caller) -> None:
    made = _query(caller, "mended", queryText="SELECT 1 AS Id FROM Ent._Job")
    path = f"{QUERIES}/{made['queryDefinitionId']}"

    def run() -> list[dict[str, str]]:
        caller.rest(f"{path}/actions/start", method="POST")
        asked = "SELECT max(n) FROM task WHERE completed IS NOT NULL AND interaction_id = ?"
        cursor = caller.sandbox.tenant.db.cursor()
        before = cursor.execute(asked, [made["queryDefinitionId"]]).fetchall()
        for _ in range(200):
            if cursor.execute(asked, [made["queryDefinitionId"]]).fetchall() != before:
                break
            time.sleep(0.02)
        return list(caller.rest(f"{path}/log").json()["items"])

    assert "PRIMARY KEY" in run()[0]["statusMessage"]
    caller.rest(path, method="PATCH", json={"queryText": "SELECT DISTINCT 1 AS Id FROM Ent._Job"})
    assert run() == []


def _assets(caller: Caller, **body: object) -> dict[str, Any]:
    answer = caller.rest("/asset/v1/content/assets/query", method="POST", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_sfmc_3_assets_are_found_by_conditions_sorted_and_cut(caller: Caller) -> None:
    kind = {"property": "assetType.id", "simpleOperator": "equal", "value": 208}
    html = _assets(caller, query=kind)["items"]
    assert {asset["assetType"]["name"] for asset in html} == {"htmlemail"}
    named = {"property": "name", "simpleOperator": "equal", "value": html[0]["name"].upper()}
    joined = {"leftOperand": kind, "logicalOperator": "AND", "rightOperand": named}
    assert html[0] in _assets(caller, query=joined)["items"]
    either = {**joined, "logicalOperator": "OR"}
    assert _assets(caller, query=either)["count"] >= len(html)
    cut = _assets(caller, query=kind, fields=["status"], page={"page": 1, "pageSize": 2},
                  sort=[{"property": "id", "direction": "DESC"}])  # fmt: skip
    base = {"id", "customerKey", "name", "assetType", "legacyData"}
    assert [set(item) for item in cut["items"]] == [base | {"status"}] * 2
    assert cut["items"][0]["id"] == max(asset["id"] for asset in html)


@pytest.mark.parametrize("path", [ROWSET, "/Service.asmx"])
def test_a_scenario_that_does_not_exist_is_told(caller: Caller, path: str) -> None:
    if path == ROWSET:
        told = caller.rest(path, headers={"x-sandbox-scenario": "nonsense"}).json()["message"]
    else:
        answer = caller.retrieve("<ObjectType>Send</ObjectType>" + props("ID"),
                                 x_sandbox_scenario="nonsense")  # fmt: skip
        told = answer.first("faultstring") or ""
    assert "no scenario is called 'nonsense'; there are: expired-token" in told


def test_a_background_run_is_in_the_scenario_its_request_asked_for(caller: Caller) -> None:
    made = _query(caller, "partial", queryText="SELECT DISTINCT JobID AS Id FROM Ent._Job")
    path = f"{QUERIES}/{made['queryDefinitionId']}"
    caller.rest(f"{path}/actions/start", method="POST",
                headers={"x-sandbox-scenario": "query-partial-rows"})  # fmt: skip
    for _ in range(200):
        if items := caller.rest(f"{path}/log").json()["items"]:
            break
        time.sleep(0.02)
    assert items[0]["statusMessage"] == "The query failed after part of its rows was written."


LEGACY = "/legacy/v1/beta/bulk/automations/automation/definition"


def test_automations_have_an_older_address_too(caller: Caller) -> None:
    made = caller.rest("/automation/v1/automations", method="POST",
                       json={"name": "older", "description": "d"}).json()  # fmt: skip
    listed = caller.rest(f"{LEGACY}/?$top=50&$skip=0").json()
    assert listed["totalResults"] == len(listed["entry"]) > 0
    entry = next(entry for entry in listed["entry"] if entry["key"] == made["key"])
    one = caller.rest(f"{LEGACY}/{entry['id']}").json()
    assert (one["name"], one["description"], one["status"]) == ("older", "d", "Ready")
    notes = caller.rest(f"/legacy/v1/beta/automations/notifications/{entry['id']}").json()
    assert notes == {"programId": entry["id"]}
    assert caller.rest(f"{LEGACY}/{entry['id']}", token=caller.token(OTHER)).status_code == 404
    programs = caller.retrieve("<ObjectType>Program</ObjectType>" + props("ObjectID")).every(
        "ObjectID"
    )
    assert made["id"] in programs


def test_folders_of_the_enterprise_are_seen_from_below(caller: Caller) -> None:
    head = "<ObjectType>DataFolder</ObjectType>" + props(
        "ID", "Client.ID", "Name", "ContentType", "ParentFolder.ID", "ParentFolder.CustomerKey"
    )
    own = caller.retrieve(head)
    assert set(own.every("ContentType")) >= {"dataextension", "queryactivity", "automations"}
    assert not any((kind or "").startswith("shared") for kind in own.every("ContentType"))
    wide = caller.retrieve(head + "<QueryAllAccounts>true</QueryAllAccounts>")
    assert "shared_dataextension" in wide.every("ContentType")
    parent = own.root.find(f".//{PARTNER}ParentFolder")
    # An object inside of another has its own head, and what is not known is left out.
    assert [node.tag.removeprefix(PARTNER) for node in parent] == ["PartnerKey", "ID", "ObjectID"]
    tables = caller.retrieve("<ObjectType>DataExtension</ObjectType>"
                             + props("Name", "SendableDataExtensionField.Name"))  # fmt: skip
    assert "SendableDataExtensionField" not in tables.text
