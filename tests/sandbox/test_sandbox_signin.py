"""Sign-in: section 1 of the fact sheet."""

from __future__ import annotations

import pytest
from sandbox_caller import RETAIL, Caller


def test_sfmc_1_a_token_has_the_recorded_shape(caller: Caller) -> None:
    answer = caller.sign_in().json()
    assert answer["expires_in"] == 1079
    assert answer["token_type"] == "Bearer"
    assert 300 < len(answer["access_token"]) < 700
    assert answer["soap_instance_url"].endswith("/")
    assert answer["rest_instance_url"].endswith("/")
    assert "tracking_events_read" in answer["scope"].split()


@pytest.mark.parametrize("mid", [RETAIL, str(RETAIL)])
def test_sfmc_1_account_id_may_be_number_or_text(caller: Caller, mid: int) -> None:
    assert caller.sign_in(mid).status_code == 200


@pytest.mark.parametrize(
    ("more", "status", "error"),
    [
        pytest.param({"client_secret": "wrong"}, 401, "invalid_client", id="secret"),
        pytest.param({"client_id": "wrong"}, 401, "invalid_client", id="id"),
        pytest.param({"grant_type": "password"}, 400, "unsupported_grant_type", id="grant"),
        pytest.param({"account_id": 1}, 400, "invalid_request", id="account"),
        pytest.param({"scope": "everything"}, 400, "invalid_scope", id="scope"),
    ],
)
def test_sfmc_1_refusals(caller: Caller, more: dict[str, object], status: int, error: str) -> None:
    answer = caller.sign_in(**more)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_sfmc_1_a_wrong_secret_gets_the_recorded_words(caller: Caller) -> None:
    assert caller.sign_in(client_secret="no").json() == {
        "error": "invalid_client",
        "error_description": "Client authentication failed. Make sure that the client ID and "
        "client secret are valid and that the package is installed and enabled.",
        "error_uri": "https://developer.salesforce.com/docs",
    }


def test_sfmc_10_any_path_that_ends_in_the_tokens_signs_in(caller: Caller) -> None:
    body = {
        "grant_type": "client_credentials",
        "client_id": caller.sandbox.client_id,
        "client_secret": caller.sandbox.client_secret,
    }
    url = f"{caller.url}/https://mc0123456789abcdefghijklmnop.auth.marketingcloudapis.com/v2/token"
    assert caller.http.post(url, json=body).status_code == 200


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff\xfe", b'"text"'])
def test_a_body_that_is_no_object_is_an_invalid_request(caller: Caller, body: bytes) -> None:
    answer = caller.http.post(f"{caller.url}/v2/token", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_sfmc_1_rest_without_a_token_says_not_authorized(caller: Caller) -> None:
    answer = caller.http.get(f"{caller.url}/data/v1/customobjectdata/key/x/rowset")
    assert answer.status_code == 401
    assert answer.json() == {
        "documentation": "https://developer.salesforce.com/docs/atlas.en-us.mc-apis.meta/mc-apis/"
        "error-handling.htm",
        "errorcode": 0,
        "message": "Not Authorized",
    }


def test_sfmc_1_a_token_expires_and_soap_says_token_expired(caller: Caller) -> None:
    token = caller.token()
    tokens = caller.sandbox.tokens
    before = tokens.clock
    tokens.clock = lambda: before() + 1080
    try:
        answer = caller.retrieve("<ObjectType>Send</ObjectType>", token=token)
        rest = caller.rest("/data/v1/customobjectdata/key/bouncelens_sends/rowset", token=token)
    finally:
        tokens.clock = before
    assert (answer.status, answer.first("faultstring")) == (500, "Token Expired")
    assert answer.first("faultcode") == "q0:Security"
    assert rest.status_code == 401


def test_sfmc_1_a_bad_token_says_login_failed(caller: Caller) -> None:
    answer = caller.retrieve("<ObjectType>Send</ObjectType>", token="nonsense")
    assert (answer.status, answer.first("faultstring")) == (500, "Login failed")


def test_sfmc_1_a_missing_scope_is_refused_before_the_key_is_looked_up(caller: Caller) -> None:
    token = caller.token(scope="tracking_events_read")
    rest = caller.rest("/data/v1/customobjectdata/key/nowhere/rowset", token=token)
    assert (rest.status_code, rest.json()["errorcode"]) == (403, 20002)
    assert rest.json()["message"].startswith("Insufficient privileges to complete this action.")
    soap = caller.retrieve("<ObjectType>Subscriber</ObjectType>", token=token)
    assert (soap.first("OverallStatus") or "").startswith("Error: API Permission Failed")
    assert caller.retrieve("<ObjectType>Send</ObjectType>", token=token).first(
        "OverallStatus"
    ) == "OK"  # fmt: skip


def test_sfmc_0_7_a_token_sees_one_business_unit_only(caller: Caller) -> None:
    clients = set()
    for mid in (7_000_100, RETAIL):
        answer = caller.retrieve(
            "<ObjectType>Send</ObjectType><Properties>Client.ID</Properties>",
            token=caller.token(mid),
        )
        clients |= {(mid, row["ID"]) for row in answer.results}
    assert clients == {(7_000_100, "7000100"), (RETAIL, str(RETAIL))}


def test_sfmc_1_a_package_has_its_scopes(caller: Caller) -> None:
    before = caller.sandbox.package_scopes
    caller.sandbox.package_scopes = frozenset({"tracking_events_read"})
    try:
        assert caller.sign_in().json()["scope"] == "tracking_events_read"
        assert caller.sign_in(scope="data_extensions_read").json()["error"] == "invalid_scope"
    finally:
        caller.sandbox.package_scopes = before
