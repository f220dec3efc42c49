"""Rows of a data extension over REST: paged, restarted, and never followed elsewhere."""

from __future__ import annotations

import json
from datetime import date

import pytest
from told_server import HASTY, Said, Told

from bouncelens.bounce import Account
from bouncelens.errors import SignInRefused, SourceError
from bouncelens.extract.rowset import RowsetSource
from bouncelens.extract.signin import SignIn
from bouncelens.extract.wire import Wire

UNIT = Account(7000001, "Shop")
FIRST = "/data/v1/customobjectdata/key/"
NEXT = "/data/v1/customobjectdata/token/"


def rowset(*rows: tuple[str, str, str, str], count: int, following: str | None = None) -> Said:
    """Names come lower-cased, values as text; without rows there are no items at all."""
    said: dict[str, object] = {"links": {"self": "x"}, "pageSize": 2500, "count": count}
    if following:
        said["links"] = {"next": following}
    if rows:
        said["items"] = [
            {"keys": {"jobid": job, "domain": domain, "sendday": day}, "values": {"sent": sent}}
            for job, domain, day, sent in rows
        ]
    return Said(body=json.dumps(said).encode())


A = ("1", "Example.com", "1/5/2026 12:00:00 AM", "40")
B = ("1", "example.org", "1/5/2026 12:00:00 AM", "2")
PAGE_2 = "/v1/customobjectdata/token/abc/rowset?$page=2"


@pytest.fixture
def sends(sign_in: SignIn, wire: Wire) -> RowsetSource:
    return RowsetSource(sign_in, wire, "my sends/ü", patience=HASTY)


def test_reads_all_pages_with_the_prefix_that_links_lack(told: Told, sends: RowsetSource) -> None:
    told.say(FIRST, rowset(A, count=2, following=PAGE_2))
    told.say(NEXT, rowset(B, count=2))
    rows = sorted(sends.sends(UNIT).to_pylist(), key=lambda r: r["domain"])
    assert rows == [
        {
            "account": 7000001,
            "job": 1,
            "domain": "example.com",
            "day": date(2026, 1, 5),
            "sent": 40,
        },
        {"account": 7000001, "job": 1, "domain": "example.org", "day": date(2026, 1, 5), "sent": 2},
    ]
    first, second = told.asked[1:]
    assert first.path == f"{FIRST}my%20sends%2F%C3%BC/rowset?$page=1&$pageSize=2500"
    assert second.path == "/data/v1/customobjectdata/token/abc/rowset?$page=2"
    assert first.headers["authorization"] == "Bearer token-1"


def test_an_empty_data_extension_has_no_items_at_all(told: Told, sends: RowsetSource) -> None:
    told.say(FIRST, rowset(count=0))
    assert sends.sends(UNIT).num_rows == 0


def test_a_rowset_that_ended_midway_is_read_again_from_its_start(
    told: Told, sends: RowsetSource
) -> None:
    told.say(FIRST, rowset(A, count=2, following=PAGE_2))
    told.say(NEXT, Said(404, b'{"message":"token"}'), rowset(B, count=2))
    assert sum(sends.sends(UNIT)["sent"].to_pylist()) == 42
    assert len(told.asked_of(FIRST)) == 2


def test_fewer_rows_than_the_server_counted_is_no_success(told: Told, sends: RowsetSource) -> None:
    told.say(FIRST, rowset(A, count=2))
    with pytest.raises(SourceError, match="ended or changed midway"):
        sends.sends(UNIT)


def test_a_lost_page_is_asked_again(told: Told, sends: RowsetSource) -> None:
    whole = rowset(A, count=1)
    told.say(FIRST, Said(200, whole.body, cut=20), Said(429, b"", {"Retry-After": "0"}), whole)
    assert sends.sends(UNIT).num_rows == 1


def test_an_expired_token_is_renewed_once(told: Told, sends: RowsetSource) -> None:
    told.say(FIRST, Said(401, b'{"message":"Not Authorized","errorcode":0}'), rowset(A, count=1))
    assert sends.sends(UNIT).num_rows == 1
    told.say(FIRST, Said(401, b"{}"))
    with pytest.raises(SignInRefused):
        sends.sends(UNIT)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1/customobjectdata/token/x",
        "//evil.example/v1/customobjectdata/token/x",
        "/platform/v1/tokenContext",
        "/v1/customobjectdata/../../hub/v1/x",
        "@evil.example/v1/customobjectdata/",
    ],
)
def test_a_token_is_not_carried_elsewhere(told: Told, sends: RowsetSource, link: str) -> None:
    told.say(FIRST, rowset(A, count=2, following=link))
    with pytest.raises(SourceError, match="leads somewhere else"):
        sends.sends(UNIT)
    assert len(told.asked) == 2


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Said(404, b'{"message":"Not found"}'), SourceError, "external key"),
        (Said(403, b'{"message":"Insufficient privileges"}'), SignInRefused, "Data Extensions"),
        (Said(200, b"[]"), SourceError, "not JSON"),
        (rowset(("x", "a", "1/5/2026", "1"), count=1), SourceError, "job is not a whole number"),
        (rowset(("1", "a", "", "1"), count=1), SourceError, "no day"),
    ],
    ids=["no such key", "scope", "shape", "bad number", "no day"],
)
def test_what_is_wrong_is_said(
    told: Told, sends: RowsetSource, answer: Said, error: type[Exception], words: str
) -> None:
    told.say(FIRST, answer)
    with pytest.raises(error, match=words):
        sends.sends(UNIT)
