"""Sign-in: one token per business unit, renewed in time, refusals explained, the secret kept."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from told_server import HASTY, SECRET, Said, Told

from bouncelens.errors import BouncelensError, SettingsInvalid, SignInRefused, SourceError
from bouncelens.extract.signin import Credentials, SignIn, auth_url
from bouncelens.extract.wire import Wire, checked_base
from bouncelens.settings import TenantSettings


def refusal(error: str, text: str = "", status: int = 401) -> Said:
    return Said(status, json.dumps({"error": error, "error_description": text}).encode())


class Clock:
    """Time that moves when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_asks_for_a_token_of_one_business_unit(told: Told, sign_in: SignIn) -> None:
    token = sign_in.token(7000001)
    assert (token.access, token.soap_url, token.rest_url) == ("token-1", told.url, told.url)
    (asked,) = told.asked
    assert (asked.method, asked.path) == ("POST", "/v2/token")
    assert json.loads(asked.body) == {
        "grant_type": "client_credentials",
        "client_id": "canary-id",
        "client_secret": SECRET,
        "account_id": "7000001",
    }


def test_a_token_is_kept_until_shortly_before_its_end(told: Told, wire: Wire) -> None:
    clock = Clock()
    sign_in = SignIn(wire, told.url, Credentials("i", "s"), patience=HASTY, clock=clock)
    assert sign_in.token(1).access == "token-1"
    clock.now += 1079 - 61
    assert sign_in.token(1).access == "token-1"
    clock.now += 2
    assert sign_in.token(1).access == "token-2"
    assert len(told.asked) == 2


def test_each_business_unit_has_its_own_token(told: Told, sign_in: SignIn) -> None:
    assert sign_in.token(1).access != sign_in.token(2).access
    assert [json.loads(a.body)["account_id"] for a in told.asked] == ["1", "2"]


def test_a_refused_token_is_renewed_once_however_many_threads_met_it(
    told: Told, sign_in: SignIn
) -> None:
    refused = sign_in.token(1)
    with ThreadPoolExecutor(8) as threads:
        renewed = list(threads.map(lambda _: sign_in.renew(1, refused).access, range(8)))
    assert renewed == ["token-2"] * 8
    assert len(told.asked) == 2


@pytest.mark.parametrize(
    ("answer", "meaning", "click"),
    [
        (refusal("invalid_client", "Client authentication failed."), "client id", "copy client id"),
        (refusal("invalid_scope", "no such scope", 400), "lacks a scope", "tick the scope"),
        (refusal("invalid_request", "account_id", 400), "business unit", "Check the MID"),
        (refusal("unsupported_grant_type", "", 400), "client credentials", "Server-to-Server"),
        (refusal("something_new", "be\x1b[31mware", 400), "something_new", "be[31mware"),
        (Said(403, b"<html>"), "HTTP 403", "copy client id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refusal_says_what_it_means_and_what_to_click(
    told: Told, sign_in: SignIn, answer: Said, meaning: str, click: str
) -> None:
    told.say("/v2/token", answer)
    with pytest.raises(SignInRefused) as caught:
        sign_in.token(7000001)
    assert meaning in str(caught.value)
    assert click in str(caught.value)
    assert caught.value.exit_code == 4
    assert len(told.asked) == 1


def test_the_secret_is_in_no_message_even_when_the_server_echoes_it(
    told: Told, sign_in: SignIn
) -> None:
    told.say("/v2/token", refusal("odd", f"secret {SECRET} of canary-id is wrong", 400))
    with pytest.raises(SignInRefused) as caught:
        sign_in.token(1)
    said = f"{caught.value} {caught.value.__cause__} {sign_in.__dict__}"
    assert SECRET not in said
    assert "canary-id" not in said


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_token_server_is_asked_again(told: Told, sign_in: SignIn, status: int) -> None:
    good = Said(body=json.dumps({
        "access_token": "late", "expires_in": 1079,
        "soap_instance_url": told.url, "rest_instance_url": told.url,
    }).encode())  # fmt: skip
    told.say("/v2/token", Said(status, b"", {"Retry-After": "0"}), good)
    assert sign_in.token(1).access == "late"


@pytest.mark.parametrize(
    "more",
    [
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "t\r\nX-Evil: 1", "soap_instance_url": "http://example.com/"},
        {"soap_instance_url": "http://example.com/"},
        {"rest_instance_url": "ftp://127.0.0.1/"},
        {"rest_instance_url": None},
        {"soap_instance_url": "https://user:pass@example.com/"},
    ],
    ids=str,
)
def test_an_answer_that_cannot_be_trusted_is_refused(
    told: Told, sign_in: SignIn, more: dict[str, object]
) -> None:
    told.say_token(**more)
    with pytest.raises(SourceError):
        sign_in.token(1)


@pytest.mark.parametrize("life_s", [None, "1079", True, -5, 0])
def test_an_odd_life_is_taken_as_the_usual_one(told: Told, wire: Wire, life_s: object) -> None:
    clock = Clock()
    told.say_token(life_s=life_s)
    sign_in = SignIn(wire, told.url, Credentials("i", "s"), patience=HASTY, clock=clock)
    assert sign_in.token(1).ends == pytest.approx(clock.now + 1079 - 60)


def test_an_unknown_host_is_said_at_once_and_a_closed_port_after_some_tries(wire: Wire) -> None:
    nowhere = SignIn(wire, "https://mc-nowhere.invalid/", Credentials("i", "s"), patience=HASTY)
    with pytest.raises(SourceError, match=r"mc-nowhere\.invalid is not known.*subdomain") as caught:
        nowhere.token(1)
    assert not caught.value.may_retry
    closed = SignIn(wire, "http://127.0.0.1:9/", Credentials("i", "s"), patience=HASTY)
    with pytest.raises(SourceError, match="cannot be reached") as caught:
        closed.token(1)
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://mc.auth.marketingcloudapis.com/", "http://"),
        ("mc.auth.marketingcloudapis.com", "not a base URL"),
        ("ftp://127.0.0.1/", "ftp://"),
        ("https://user:secret@example.com/", "not a base URL"),
        ("https://example.com:99999/", "not a base URL"),
        ("https://[::1", "not a base URL"),
        ("", "not a base URL"),
    ],
)
def test_a_secret_travels_over_https_only(url: str, reason: str) -> None:
    with pytest.raises(SettingsInvalid, match=reason) as caught:
        checked_base(url, meaning="tenant.auth_url")
    assert "secret@" not in str(caught.value)


@pytest.mark.parametrize(
    ("tenant", "url"),
    [
        (
            TenantSettings(subdomain="mc563885gzs27c5t9-63k636ttgm"),
            "https://mc563885gzs27c5t9-63k636ttgm.auth.marketingcloudapis.com/",
        ),
        (
            TenantSettings(subdomain="https://MCabc.rest.marketingcloudapis.com/"),
            "https://mcabc.auth.marketingcloudapis.com/",
        ),
        (TenantSettings(auth_url="https://auth.example/x"), "https://auth.example/x/"),
        (TenantSettings(auth_url="http://127.0.0.1:8080"), "http://127.0.0.1:8080/"),
    ],
)
def test_the_token_address_comes_from_the_settings(tenant: TenantSettings, url: str) -> None:
    assert auth_url(tenant) == url


@pytest.mark.parametrize(
    "subdomain",
    ["", "evil.example/", "a b", "x" * 64, "mc@x", "mc/../x", "https://a.rest.evil.example/"],
)
def test_a_subdomain_is_one_word(subdomain: str) -> None:
    with pytest.raises(BouncelensError):
        auth_url(TenantSettings(subdomain=subdomain))
