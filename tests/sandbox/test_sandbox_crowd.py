"""Many clients at once: nobody's answer is lost, mixed up or broken by another's writes."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
from sandbox_caller import PARTNER, RETAIL, Caller, props, simple

from sfmc_sandbox.extensions import Field

UNITS = (RETAIL, 7_000_102, 7_000_103, 7_000_104)


def _everything(caller: Caller, mid: int) -> tuple[int, int]:
    token = caller.token(mid)
    inner = "<ObjectType>BounceEvent</ObjectType>" + props("SendID", "SubscriberKey", "Client.ID")
    inner += "<Options><BatchSize>400</BatchSize></Options>"
    answer, rows = caller.retrieve(inner, token=token), 0
    while True:
        assert {row["ID"] for row in answer.results} <= {str(mid)}
        rows += len(answer.results)
        if answer.first("OverallStatus") != "MoreDataAvailable":
            assert answer.first("OverallStatus") == "OK"
            return mid, rows
        going = f"<ContinueRequest>{answer.first('RequestID')}</ContinueRequest>"
        answer = caller.retrieve(going, token=token)


def _write(caller: Caller, start: int) -> int:
    rows = [{"keys": {"Id": start + n}, "values": {"Name": "x"}} for n in range(20)]
    answer = caller.rest("/hub/v1/dataevents/key:crowd/rowset", method="POST", json=rows)
    return answer.status_code


def test_units_read_side_by_side_while_rows_are_written(caller: Caller) -> None:
    fields = (Field("Id", "Number", is_key=True), Field("Name", "Text", 10))
    caller.sandbox.extensions.make(RETAIL, "crowd", "crowd", fields)
    with ThreadPoolExecutor(8) as pool:
        reads = [pool.submit(_everything, caller, mid) for mid in UNITS * 2]
        writes = [pool.submit(_write, caller, start * 100) for start in range(8)]
        queries = [
            pool.submit(
                caller.retrieve,
                "<ObjectType>Subscriber</ObjectType>" + props("SubscriberKey")
                + simple("Status", "equals", "Held"),
            )
            for _ in range(4)
        ]  # fmt: skip
        counts = {job.result() for job in reads}
        assert {job.result() for job in writes} == {200}
        assert {job.result().first("OverallStatus") for job in queries} == {"OK"}
    accounts = caller.sandbox.tenant.truth["account"].to_pylist()
    assert counts == {(mid, accounts.count(mid)) for mid in UNITS}
    written = caller.rest("/data/v1/customobjectdata/key/crowd/rowset").json()
    assert written["count"] == 160


def test_an_automation_is_paused_while_it_begins_and_ends(caller: Caller) -> None:
    sandbox = caller.sandbox
    object_id = sandbox.activities.add_automation(
        RETAIL, "crowded", "crowded", steps=[], now=sandbox.now()
    )

    def meddle(turn: int) -> None:
        for _ in range(40):
            assert sandbox.runs.schedule(RETAIL, object_id, is_on=bool(turn % 2))
            assert sandbox.runs.start_automation(RETAIL, object_id) is not None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(meddle, range(8)))
    sandbox.activities.remove("automation", object_id)


# Each client's calls, again and again: what one makes, another reads, changes and takes away.
def _mixed(caller: Caller, turn: int) -> list[int]:
    token, told = caller.token(), []

    def rest(path: str, method: str = "GET", **more: object) -> httpx2.Response:
        answer = caller.rest(path, token=token, method=method, **more)
        told.append(answer.status_code)
        return answer

    key = f"mixed{turn % 3}"  # three of eight meet at the same keys
    field = {"name": "Id", "type": "Number", "isPrimaryKey": True, "isNullable": False}
    for number in range(3):
        rest("/data/v1/customObjects", "POST",
             json={"name": key, "key": key, "categoryId": 1, "fields": [field]})  # fmt: skip
        rest("/data/v1/customObjects?$search=mixed")
        rows = [{"keys": {"Id": turn * 10 + number}, "values": {}}]
        rest(f"/hub/v1/dataevents/key:{key}/rowset", "POST", json=rows)
        rest(f"/data/v1/customobjectdata/key/{key}/rowset")
        made = rest("/automation/v1/automations", "POST", json={"name": key, "key": key}).json()
        rest("/automation/v1/automations")
        if "id" in made:
            rest(f"/automation/v1/automations/{made['id']}/actions/runallonce", "POST")
        person = f"<SubscriberKey>{key}</SubscriberKey><EmailAddress>{key}@a.example</EmailAddress>"
        upsert = "<Options><SaveOptions><SaveOption><SaveAction>UpdateAdd</SaveAction></SaveOption>"
        upsert += "</SaveOptions></Options>"
        for verb, options, kind, inner in (
            ("Create", upsert, "Subscriber", person),
            ("Delete", "<Options/>", "DataExtension", f"<CustomerKey>{key}</CustomerKey>"),
            ("Delete", "<Options/>", "Automation", f"<CustomerKey>{key}</CustomerKey>"),
        ):
            objects = f'<Objects xsi:type="{kind}">{inner}</Objects>'
            body = f'<{verb}Request xmlns="{PARTNER[1:-1]}">{options}{objects}</{verb}Request>'
            told.append(caller.soap(body, token=token).status)
        caller.sandbox.flow.advance()
    return told


def test_what_one_makes_another_takes_away_at_the_same_time(caller: Caller) -> None:
    with ThreadPoolExecutor(8) as pool:
        told = Counter(code for codes in pool.map(_mixed, [caller] * 8, range(8)) for code in codes)
    assert set(told) <= {200, 201, 400, 404}
    assert told[200] > 100
    people = caller.retrieve(
        "<ObjectType>Subscriber</ObjectType>" + props("ID")
        + simple("SubscriberKey", "beginsWith", "mixed")
    )  # fmt: skip
    assert len({row["ID"] for row in people.results}) == len(people.results) == 3
