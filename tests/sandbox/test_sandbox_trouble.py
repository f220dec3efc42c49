"""Scenarios: trouble by name, for one request or for a whole run."""

from __future__ import annotations

import itertools

import httpx2
import pytest
from sandbox_caller import Caller, props

from sfmc_sandbox.wire.trouble import SCENARIOS, Trouble, UnknownScenario

ROWSET = "/data/v1/customobjectdata/key/bouncelens_sends/rowset"
SEND = f"<ObjectType>Send</ObjectType>{props('ID')}"


def _with(name: str) -> dict[str, str]:
    return {"x-sandbox-scenario": name}


def test_sfmc_1_throttled_rest_says_when_to_come_again(caller: Caller) -> None:
    answer = caller.rest(ROWSET, headers=_with("throttled"))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    body = answer.json()
    assert (body["errorcode"], body["retryAfter"]) == (50100, 5)
    assert body["message"] == "Rate limit exceeded"


def test_sfmc_1_a_harder_block_does_not_say_when_to_come_again(caller: Caller) -> None:
    answer = caller.rest(ROWSET, headers=_with("blocked"))
    assert (answer.status_code, answer.json()["errorcode"]) == (429, 50200)
    assert "retry-after" not in answer.headers


def test_sfmc_1_throttled_soap_is_a_fault_with_500(caller: Caller) -> None:
    answer = caller.retrieve(SEND, x_sandbox_scenario="throttled")
    assert (answer.status, answer.first("faultcode")) == (500, "soap:Server")


def test_sfmc_2_3_an_outage_is_a_server_fault_with_detail(caller: Caller) -> None:
    answer = caller.retrieve(SEND, x_sandbox_scenario="soap-500")
    assert answer.status == 500
    assert (answer.first("Code"), answer.first("Message")) == ("2", "Unplanned Outage")


def test_an_expired_token_may_be_asked_for(caller: Caller) -> None:
    answer = caller.retrieve(SEND, x_sandbox_scenario="expired-token")
    assert answer.first("faultstring") == "Token Expired"
    assert caller.rest(ROWSET, headers=_with("expired-token")).status_code == 401


def test_a_page_may_be_torn_in_the_middle(caller: Caller) -> None:
    with pytest.raises(httpx2.HTTPError):
        caller.rest(ROWSET, headers=_with("reset-mid-page"))
    assert caller.rest(ROWSET).status_code == 200


def test_a_runs_trouble_comes_at_a_beat_and_a_second_try_succeeds(caller: Caller) -> None:
    caller.sandbox.trouble.switch("soap-500", on=True)
    states = [caller.retrieve(SEND).status for _ in range(10)]
    assert states.count(500) == 2
    assert (500, 500) not in itertools.pairwise(states)


def test_an_unknown_scenario_names_those_there_are() -> None:
    with pytest.raises(UnknownScenario, match="throttled"):
        Trouble.of(["nonsense"])
    assert all(every >= 1 for every, _ in SCENARIOS.values())


EVENTS = f"<ObjectType>BounceEvent</ObjectType>{props('SendID', 'SubscriberKey', 'EventDate')}"


def _pages(caller: Caller, scenario: str = "") -> tuple[list[str], list[tuple[object, ...]]]:
    token = caller.token()
    asked = {"x_sandbox_scenario": scenario} if scenario else {}
    inner = EVENTS + "<Options><BatchSize>1500</BatchSize></Options>"
    answer = caller.retrieve(inner, token=token)
    statuses, rows = [str(answer.first("OverallStatus"))], answer.results
    while statuses[-1] == "MoreDataAvailable":
        going = f"<ContinueRequest>{answer.first('RequestID')}</ContinueRequest>"
        answer = caller.retrieve(going, token=token, **asked)
        asked = {}
        statuses.append(str(answer.first("OverallStatus")))
        rows = rows + answer.results
    return statuses, [tuple(row.values()) for row in rows]


def test_a_page_may_expire(caller: Caller) -> None:
    statuses, _ = _pages(caller, "page-expires")
    assert statuses[-1] == "Error: The RequestID sent through ContinueRequest does not exist."
    link = caller.rest(ROWSET).json()["links"]["next"]
    assert caller.rest("/data" + link, headers=_with("page-expires")).status_code == 400


def test_a_page_may_come_twice_and_none_is_missing(caller: Caller) -> None:
    _, once = _pages(caller)
    _, doubled = _pages(caller, "duplicate-page")
    assert len(doubled) == len(once) + 1500
    assert sorted(set(doubled), key=str) == sorted(once, key=str)


def test_late_events_are_missing_until_they_come(caller: Caller) -> None:
    _, all_rows = _pages(caller)
    caller.sandbox.trouble.switch("late-events", on=True)
    _, early = _pages(caller)
    caller.sandbox.trouble.switch("late-events", on=False)
    assert set(early) <= set(all_rows)
    assert _pages(caller)[1] == all_rows


def test_maintenance_has_its_code(caller: Caller) -> None:
    answer = caller.retrieve(SEND, x_sandbox_scenario="maintenance")
    assert (answer.status, answer.first("Code")) == (500, "9")
    assert caller.rest(ROWSET, headers=_with("maintenance")).status_code == 503


def test_a_scope_may_seem_to_be_missing(caller: Caller) -> None:
    answer = caller.retrieve(SEND, x_sandbox_scenario="scope-missing")
    assert (answer.first("OverallStatus") or "").startswith("Error: API Permission Failed")
    rest = caller.rest(ROWSET, headers=_with("scope-missing"))
    assert (rest.status_code, rest.json()["errorcode"]) == (403, 20002)


def test_the_servers_clock_may_be_ahead(caller: Caller) -> None:
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    answer = caller.rest(ROWSET, headers=_with("clock-skew"))
    ahead = parsedate_to_datetime(answer.headers.get_list("date")[-1]) - datetime.now(UTC)
    assert 5 < ahead.total_seconds() / 60 < 9


def test_every_promised_scenario_is_there() -> None:
    assert set(SCENARIOS) >= {
        "expired-token", "throttled", "soap-500", "reset-mid-page", "slow", "page-expires",
        "duplicate-page", "late-events", "half-a-zip", "zip-bomb", "utf16-cut", "extra-column",
        "missing-column", "query-partial-rows", "isrunning-race", "clock-skew", "scope-missing",
        "maintenance",
    }  # fmt: skip
