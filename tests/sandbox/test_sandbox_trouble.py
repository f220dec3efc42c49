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
