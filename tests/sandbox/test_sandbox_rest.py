"""The families of REST: section 3 of the fact sheet."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from sandbox_caller import RETAIL, Caller

from sfmc_sandbox.extensions import Field

FIELDS = (Field("Id", "Number", is_key=True), Field("Name", "Text", 10), Field("Day", "Date"))


def _make(caller: Caller, key: str) -> None:
    if caller.sandbox.extensions.find(RETAIL, key) is None:
        caller.sandbox.extensions.make(RETAIL, key, key, FIELDS)


def _wait(ask: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
    for _ in range(300):
        answer = ask()
        if done(answer):
            return answer
        time.sleep(0.03)
    raise AssertionError("waited in vain")


def test_sfmc_3_async_rows_have_status_and_results(caller: Caller) -> None:
    _make(caller, "async_rows")
    token = caller.token()
    items = [{"Id": 1, "Name": "a", "Day": "2026-01-02"}, {"Id": 2, "Name": "x" * 11}]
    begun = caller.rest("/data/v1/async/dataextensions/key:async_rows/rows", token=token,
                        method="PUT", json={"items": items})  # fmt: skip
    assert begun.status_code == 202
    assert begun.json()["resultMessages"] == []
    number = begun.json()["requestId"]
    first = caller.rest(f"/data/v1/async/{number}/status", token=token).json()
    assert first["status"]["requestStatus"] in {"Pending", "Executing", "Complete"}
    status = _wait(
        lambda: caller.rest(f"/data/v1/async/{number}/status", token=token).json()["status"],
        lambda s: s["requestStatus"] == "Complete",
    )
    assert status["hasErrors"] is True
    results = caller.rest(f"/data/v1/async/{number}/results", token=token).json()
    assert [item["status"] for item in results["items"]] == ["OK", "Error"]
    rows = caller.rest("/data/v1/customobjectdata/key/async_rows/rowset", token=token).json()
    assert rows["items"] == [
        {"keys": {"id": "1"}, "values": {"name": "a", "day": "1/2/2026 12:00:00 AM"}}
    ]


def test_sfmc_3_an_unknown_async_request_is_told_with_200(caller: Caller) -> None:
    answer = caller.rest("/data/v1/async/b0b0/status")
    assert answer.status_code == 200
    assert answer.json()["resultMessages"][0]["resultCode"] == "AsyncRequestStatusNotFound"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"items": 1}', b'{"items": [1]}'])
def test_async_rows_refuse_what_is_no_list_of_rows(caller: Caller, body: bytes) -> None:
    _make(caller, "async_rows")
    answer = caller.rest("/data/v1/async/dataextensions/key:async_rows/rows", method="POST",
                         content=body)  # fmt: skip
    assert answer.status_code == 400
    assert "Traceback" not in answer.text


def test_sfmc_3_dataevents_upsert_at_once_and_echo(caller: Caller) -> None:
    _make(caller, "sync_rows")
    rows = [{"keys": {"Id": 5}, "values": {"Name": "five"}}]
    path = "/hub/v1/dataevents/key:sync_rows/rowset"
    assert caller.rest(path, method="POST", json=rows).json() == rows
    one = caller.rest("/hub/v1/dataevents/key:sync_rows/rows/Id:5", method="PUT",
                      json={"values": {"Name": "V"}})  # fmt: skip
    assert one.status_code == 200
    read = caller.rest("/data/v1/customobjectdata/key/sync_rows/rowset").json()
    assert [row["values"]["name"] for row in read["items"]] == ["V"]
    bad = caller.rest(path, method="POST", json=[{"keys": {"Nope": 1}}])
    assert (bad.status_code, bad.json()["errorcode"]) == (400, 10006)


def _query(caller: Caller, token: str, name: str, text: str) -> dict[str, Any]:
    _make(caller, "rest_target")
    body = {"name": name, "key": name, "queryText": text, "targetKey": "rest_target",
            "targetUpdateTypeId": 0, "categoryId": 1}  # fmt: skip
    answer = caller.rest("/automation/v1/queries", token=token, method="POST", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


GOOD = "SELECT JobID AS Id, 'n' AS Name FROM _Job"


def test_sfmc_3_a_query_is_created_started_and_watched(caller: Caller) -> None:
    token = caller.token()
    made = _query(caller, token, "rest-q1", GOOD)
    assert made["validatedQueryText"].startswith("SET NOCOUNT ON;")
    assert made["targetUpdateTypeName"] == "Overwrite"
    base = f"/automation/v1/queries/{made['queryDefinitionId']}"

    def running() -> bool:
        return bool(caller.rest(f"{base}/actions/isrunning/", token=token).json()["isRunning"])

    assert not running()
    begun = caller.rest(f"{base}/actions/start/", token=token, method="POST")
    assert (begun.status_code, begun.text) == (200, "OK")
    # The race: it says that it does not run before it does.
    assert not running()
    _wait(running, lambda r: r)
    _wait(running, lambda r: not r)
    assert caller.rest(f"{base}/log", token=token).json() == {"items": []}
    rows = caller.rest("/data/v1/customobjectdata/key/rest_target/rowset", token=token).json()
    assert rows["count"] > 10
    assert caller.rest(base, token=token, method="DELETE").text == '"OK"'
    assert caller.rest(base, token=token).status_code == 404


def test_sfmc_3_a_start_with_a_body_does_nothing(caller: Caller) -> None:
    token = caller.token()
    made = _query(caller, token, "rest-q2", GOOD)
    base = f"/automation/v1/queries/{made['queryDefinitionId']}"
    answer = caller.rest(f"{base}/actions/start/", token=token, method="POST", json={})
    assert answer.text == "OK"
    time.sleep(0.6)
    tasks = caller.sandbox.tenant.db.cursor().execute(
        "SELECT count(*) FROM task WHERE interaction_id = ?", [made["queryDefinitionId"]]
    ).fetchall()  # fmt: skip
    assert tasks == [(0,)]


def test_sfmc_3_the_log_tells_what_failed(caller: Caller) -> None:
    token = caller.token()
    made = _query(caller, token, "rest-q3", "SELECT 1 AS Id FROM _Job")
    base = f"/automation/v1/queries/{made['queryDefinitionId']}"
    caller.rest(f"{base}/actions/start/", token=token, method="POST")
    log = _wait(lambda: caller.rest(f"{base}/log", token=token).json()["items"], bool)
    assert log[0]["status"] == "Error"
    assert "PRIMARY KEY" in log[0]["statusMessage"]


def test_sfmc_3_a_query_must_select_the_targets_key(caller: Caller) -> None:
    _make(caller, "rest_target")
    body = {"name": "rest-q4", "queryText": "SELECT EmailName AS Name FROM _Job",
            "targetKey": "rest_target", "categoryId": 1}  # fmt: skip
    answer = caller.rest("/automation/v1/queries", method="POST", json=body)
    assert answer.status_code == 400
    assert "Field 'Id' is required for the Target Data Extension" in answer.json()["message"]


@pytest.mark.parametrize("missing", ["name", "queryText", "categoryId"])
def test_a_query_needs_its_fields(caller: Caller, missing: str) -> None:
    body = {"name": "x", "queryText": GOOD, "targetKey": "rest_target", "categoryId": 1}
    del body[missing]
    answer = caller.rest("/automation/v1/queries", method="POST", json=body)
    assert (answer.status_code, answer.json()["errorcode"]) == (400, 10002)


def test_sfmc_3_validate_reads_the_field_text(caller: Caller) -> None:
    path = "/automation/v1/queries/actions/validate/"
    good = caller.rest(path, method="POST", json={"Text": GOOD}).json()
    assert good == {"queryValid": True, "errors": [], "warnings": []}
    bad = caller.rest(path, method="POST", json={"Text": "SELECT nope FROM _Job"}).json()
    assert bad["queryValid"] is False
    assert "Invalid column name 'nope'" in bad["errors"][0]["message"]
    assert caller.rest(path, method="POST", json={"queryText": GOOD}).status_code == 400


def test_sfmc_3_queries_come_25_to_the_page(caller: Caller) -> None:
    token = caller.token()
    for number in range(26):
        _query(caller, token, f"many-{number}", GOOD)
    answer = caller.rest("/automation/v1/queries?$page=1&$pageSize=100", token=token).json()
    assert (answer["pageSize"], len(answer["items"])) == (25, 25)
    one = caller.rest("/automation/v1/queries", token=token,
                      params={"$filter": "Name eq 'many-3'"}).json()  # fmt: skip
    assert [item["name"] for item in one["items"]] == ["many-3"]


def test_sfmc_3_an_automation_runs_its_query(caller: Caller) -> None:
    token = caller.token()
    made = _query(caller, token, "rest-q5", GOOD)
    steps = [{"activities": [{"name": "q", "activityObjectId": made["queryDefinitionId"],
                              "objectTypeId": 300}]}]  # fmt: skip
    auto = caller.rest("/automation/v1/automations", token=token, method="POST",
                       json={"name": "nightly-rest", "steps": steps}).json()  # fmt: skip
    assert (auto["statusId"], auto["steps"][0]["step"]) == (2, 1)
    base = f"/automation/v1/automations/{auto['id']}"
    done = caller.rest(f"{base}/actions/runallonce", token=token, method="POST")
    assert done.status_code == 200
    _wait(lambda: caller.rest(base, token=token).json(), lambda a: bool(a["lastRunTime"]))
    listed = caller.rest("/automation/v1/automations", token=token).json()
    assert any(item["name"] == "nightly-rest" for item in listed["items"])


def test_sfmc_2_6_extract_types_have_the_recorded_ids(caller: Caller) -> None:
    items = caller.rest("/automation/v1/dataextracttypes").json()
    assert {item["extractId"]: item["name"] for item in items}[
        "c7219016-a7f0-4c72-8657-1ec12c28a0db"
    ] == "Tracking Extract"


def test_sfmc_3_emails_are_listed_without_and_read_with_content(caller: Caller) -> None:
    token = caller.token()
    query = {"page": {"page": 1, "pageSize": 50},
             "query": {"property": "assetType.id", "simpleOperator": "in",
                       "value": [207, 208, 209]}}  # fmt: skip
    listed = caller.rest("/asset/v1/content/assets/query", token=token, method="POST",
                         json=query).json()  # fmt: skip
    assert listed["count"] > 0
    assert "views" not in listed["items"][0]
    one = caller.rest(f"/asset/v1/content/assets/{listed['items'][0]['id']}", token=token).json()
    assert set(one["views"]) == {"html", "subjectline", "preheader"}


def test_sfmc_3_the_token_says_whose_it_is(caller: Caller) -> None:
    answer = caller.rest("/platform/v1/tokenContext").json()
    assert (answer["enterprise"]["id"], answer["organization"]["id"]) == (7_000_100, RETAIL)


def test_sfmc_3_custom_objects_need_a_search(caller: Caller) -> None:
    assert caller.rest("/data/v1/customObjects").status_code == 400
    found = caller.rest("/data/v1/customObjects?$search=bouncelens").json()
    assert [item["key"] for item in found["items"]] == ["bouncelens_sends"]
    assert found["pageSize"] == 25


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/automation/v1/queries"), ("POST", "/automation/v1/automations"),
     ("POST", "/automation/v1/dataextracts"), ("POST", "/asset/v1/content/assets/query"),
     ("POST", "/hub/v1/dataevents/key:bouncelens_sends/rowset"),
     ("POST", "/automation/v1/queries/actions/validate")],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"[" * 100_000, b'"x"'], ids=repr)
def test_json_that_is_not_json_gets_rests_error_body(
    caller: Caller, method: str, path: str, body: bytes
) -> None:
    answer = caller.rest(path, method=method, content=body)
    assert answer.status_code == 400
    assert set(answer.json()) >= {"message", "errorcode", "documentation"}


def test_sfmc_3_a_custom_object_is_created_whole(caller: Caller) -> None:
    fields = [{"name": "Id", "type": "Number", "isPrimaryKey": True, "isNullable": False},
              {"name": "Note", "type": "Text", "length": 20}]  # fmt: skip
    body = {"name": "by_rest", "key": "by_rest", "categoryId": 1001, "fields": fields}
    made = caller.rest("/data/v1/customObjects", method="POST", json=body)
    assert (made.status_code, made.json()["fieldCount"]) == (201, 2)
    assert caller.rest("/data/v1/customObjects", method="POST", json=body).status_code == 400
    rows = caller.rest("/data/v1/customobjectdata/key/by_rest/rowset").json()
    assert (rows["count"], "items" in rows) == (0, False)
    # Paths are case-insensitive: one client writes them all in lower case.
    assert caller.rest("/data/v1/customobjects?$search=by_rest").json()["count"] == 1


def test_sfmc_3_file_locations_name_the_enhanced_ftp(caller: Caller) -> None:
    items = caller.rest("/automation/v1/ftplocations").json()["items"]
    assert [item["locationTypeId"] for item in items] == [4, 0]
    assert items[1]["relPath"] == items[1]["name"] == "ExactTarget Enhanced FTP"
    own = caller.rest("/data/v1/filetransferlocations").json()
    assert (own["count"], own["items"], own["resultMessages"]) == (0, [], [])


def test_sfmc_3_file_transfers_and_extracts_are_kept(caller: Caller) -> None:
    made = caller.rest("/automation/v1/filetransfers", method="POST",
                       json={"name": "ft", "fileSpec": "x.csv"}).json()  # fmt: skip
    assert set(made) >= {"id", "customerKey", "fileSpec", "isUpload", "fileTransferLocationId"}
    again = caller.rest(f"/automation/v1/filetransfers/{made['id']}").json()
    assert again == made
    by_name = {"$filter": "name eq 'ft'"}
    listed = caller.rest("/automation/v1/filetransfers", params=by_name).json()["items"]
    # A list tells less.
    assert [{**made, **item} for item in listed] == [made]
    assert set(listed[0]) == {
        "id", "name", "description", "customerKey", "createdDate", "modifiedDate",
    }  # fmt: skip
    other = caller.rest(f"/automation/v1/filetransfers/{made['id']}", token=caller.token(7_000_102))
    assert other.status_code == 404


def test_sfmc_3_an_automation_is_changed(caller: Caller) -> None:
    made = caller.rest("/automation/v1/automations", method="POST", json={"name": "old"}).json()
    path = f"/automation/v1/automations/{made['id']}"
    changed = caller.rest(path, method="PATCH", json={"name": "new"}).json()
    assert (changed["name"], changed["status"]) == ("new", "Ready")
    again = caller.rest("/automation/v1/automations", method="POST", json={"name": "new"})
    assert again.status_code == 400


def test_sfmc_3_a_query_is_patched_and_checked_again(caller: Caller) -> None:
    token = caller.token()
    made = _query(caller, token, "patched", GOOD)
    path = f"/automation/v1/queries/{made['queryDefinitionId']}"
    bad = caller.rest(path, token=token, method="PATCH", json={"queryText": "SELECT x FROM _Job"})
    assert bad.status_code == 400
    good = caller.rest(path, token=token, method="PATCH", json={"targetUpdateTypeId": 2}).json()
    assert (good["targetUpdateTypeName"], good["queryText"]) == ("Append", GOOD)
    assert "status" not in good
