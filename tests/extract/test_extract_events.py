"""What the Event Notification Service posts: proved by its signature, read item by item."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bouncelens.extract.again import read_again
from bouncelens.extract.events import (
    BOUNCED,
    KeyReading,
    Verification,
    is_signed,
    read_letters,
    read_verification,
)
from bouncelens.extract.spool import Letter

KEY = base64.b64encode(bytes(range(32))).decode()
BODY = b'[{"a": 1}]'


def signature(reading: str, *, body: bytes = BODY) -> str:
    secret = KEY.encode() if reading == "text" else base64.b64decode(KEY)
    return base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()


@pytest.mark.parametrize(
    ("made", "reading", "is_right"),
    [
        ("text", "text", True),
        ("text", "bytes", False),
        ("bytes", "bytes", True),
        ("bytes", "text", False),
        ("text", "either", True),
        ("bytes", "either", True),
    ],
)
def test_a_signature_counts_as_the_key_is_read(
    made: str, reading: KeyReading, *, is_right: bool
) -> None:
    assert is_signed(BODY, signature(made), KEY, reading=reading) is is_right


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("", id="empty"),
        pytest.param("not base64!", id="no base64"),
        pytest.param("ü", id="not even ASCII"),
        pytest.param(signature("text", body=BODY + b" "), id="of other bytes"),
        pytest.param(signature("text")[:-8], id="cut"),
        pytest.param(signature("text").lower(), id="lower case"),
    ],
)
def test_any_other_signature_is_refused(given: str) -> None:
    assert not is_signed(BODY, given, KEY)


def test_a_key_that_is_no_base64_still_counts_as_text() -> None:
    made = base64.b64encode(hmac.new(b"a key", BODY, hashlib.sha256).digest()).decode()
    assert is_signed(BODY, made, "a key")
    assert not is_signed(BODY, made, "a key", reading="bytes")


def item(**more: Any) -> dict[str, Any]:
    return {
        "eventCategoryType": BOUNCED,
        "timestampUTC": 1583849944999,
        "compositeId": "9bcfe8e8-5a3b-e911-a2c7-1402ec83d7c0.2001070.4153.44609.1251508322",
        "composite": {
            "jobId": "2001070",
            "batchId": "4153",
            "listId": "44609",
            "subscriberId": "1251508322",
            "emailId": "297967",
        },
        "definitionKey": "appointment",
        "definitionId": "9bcfe8e8-5a3b-e911-a2c7-1402ec83d7c0",
        "mid": 7000001,
        "eid": 7000000,
        "info": {
            "to": "Pat@Example.COM",
            "subscriberKey": "key-1",
            "messageKey": "hJlMt8",
            "bounceCode": "HARD",
            "bounceMessage": "550 5.1.1 User unknown",
            "smtpReason": "5.1.1",
        },
        **more,
    }


def letter(said: object) -> Letter:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return Letter(7000001, 1583849945000, body)


def test_a_bounce_event_has_the_identity_of_the_other_routes() -> None:
    heard = read_letters([letter([item()])])
    assert not heard.page.quarantined
    (event,) = heard.page.events.to_pylist()
    assert {name: value for name, value in event.items() if value is not None} == {
        "account": 7000001,
        "job": 2001070,
        "batch": 4153,
        "subscriber_key": "key-1",
        "event_time": datetime(2020, 3, 10, 14, 19, 4, tzinfo=UTC),
        "route": "events",
        "list_id": 44609,
        "subscriber_id": 1251508322,
        "address": "Pat@Example.COM",
        "domain": "example.com",
        "reply_text": "550 5.1.1 User unknown",
        "sfmc_category": "Hard bounce",
        "triggered_send_key": "appointment",
    }


def info(**more: object) -> dict[str, Any]:
    return item(info={**item()["info"], **more})


@pytest.mark.parametrize(
    ("said", "field", "value"),
    [
        pytest.param(info(bounceMessage=""), "reply_text", "5.1.1", id="the status alone"),
        pytest.param(info(bounceCode="SOFT"), "sfmc_category", None, id="soft may be a block"),
        pytest.param(item(timestampUTC="1583849944000"), "job", 2001070, id="time as text"),
        pytest.param(item(mid="7000002"), "account", 7000002, id="the item's own MID"),
        pytest.param(info(subscriberKey=5), "subscriber_key", "5", id="a key that is a number"),
        pytest.param(info(bounceMessage="\ud800 no"), "reply_text", "? no", id="a half character"),
    ],
)
def test_what_varies_between_tenants_is_read(
    said: dict[str, Any], field: str, value: object
) -> None:
    heard = read_letters([letter([said])])
    assert not heard.page.quarantined
    assert heard.page.events.to_pylist()[0][field] == value


BAD = {
    "no array": ({"a": 1}, None, "not a JSON array"),
    "no JSON": (b"[{", None, "not a JSON array"),
    "no text": (b"\xff\xfe\xfd", None, "not a JSON array"),
    "a million brackets": (b"[" * 1_000_000, None, "not a JSON array"),
    "a number": ([item(), 5], 2, "no event"),
    "no type": ([{}], 1, "no event"),
    "a type that is none": ([item(eventCategoryType="<b>")], 1, "no event"),
    "no subscriber": ([info(subscriberKey=None)], 1, "no subscriber_key"),
    "no composite": ([item(composite=None)], 1, "no job"),
    "a nested job": ([item(composite={"jobId": {"a": 1}})], 1, "job is not a whole number"),
    "no time": ([item(timestampUTC=None)], 1, "no event_time"),
    "an endless time": ([item(timestampUTC=10**14)], 1, "event_time is not"),
    "a true time": ([item(timestampUTC=True)], 1, "event_time is not"),
    "no MID": ([item(mid=None)], 1, "no account"),
}


@pytest.mark.parametrize(("said", "line", "reason"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_read_is_set_aside_item_by_item(
    said: object, line: int | None, reason: str
) -> None:
    heard = read_letters([letter(said), letter([item()])])
    (bad,) = heard.page.quarantined
    assert bad.source == "events, account 7000001, 2020-03-10T14:19:05Z"
    assert bad.line == line
    assert reason in bad.reason
    assert len(bad.raw) <= 2000
    assert "key-1" in heard.page.events["subscriber_key"].to_pylist()


def test_events_of_other_types_are_counted() -> None:
    sent = item(eventCategoryType="TransactionalSendEvents.EmailSent")
    new = item(eventCategoryType="EngagementEvents.SomethingNew")
    heard = read_letters([letter([sent, new, item()]), letter([sent])])
    assert heard.page.events.num_rows == 1
    assert dict(heard.others) == {sent["eventCategoryType"]: 2, new["eventCategoryType"]: 1}


def test_an_event_that_was_set_aside_can_be_read_again() -> None:
    (bad,) = read_letters([letter([item(timestampUTC="soon")])]).page.quarantined
    mended = type(bad)(bad.source, bad.line, bad.reason, bad.raw.replace('"soon"', "1583849944000"))
    again = read_again([bad, mended], route="events")
    assert again.batch["subscriber_key"].to_pylist() == ["key-1"]
    assert list(again.unreadable) == [0]


GUID = "0B6C3F2E-4B5A-4c0f-9a53-2f1d5e7c8a90"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param(
            {"callbackId": GUID, "verificationKey": "k"}, Verification(GUID.lower(), "k"), id="one"
        ),
        pytest.param({"callbackId": "../../etc/passwd", "verificationKey": "k"}, None, id="a path"),
        pytest.param({"callbackId": GUID, "verificationKey": ""}, None, id="no key"),
        pytest.param({"callbackId": GUID, "verificationKey": "k" * 501}, None, id="a long key"),
        pytest.param({"callbackId": GUID, "verificationKey": ["k"]}, None, id="a list"),
        pytest.param({"callbackId": GUID}, None, id="half of it"),
        pytest.param([], None, id="a batch"),
        pytest.param(
            {"callbackId": GUID, "verificationKey": "k", "x": "x" * 5000}, None, id="too large"
        ),
    ],
)
def test_a_verification_is_told_from_anything_else(
    body: object, found: Verification | None
) -> None:
    assert read_verification(json.dumps(body).encode()) == found
