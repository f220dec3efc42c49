"""The one address that the outside posts to, and that nothing else opens with it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bouncelens.service.event_keys import EventKeys
from bouncelens.service.receive import Desk, Receiver, spool_of
from bouncelens.settings import Settings
from bouncelens.show.web.app import create_app
from bouncelens.show.web.events import EventsDoor

OUTSIDE = "https://bounces.example.com"
KEY = "canary-signature-key"
BODY = b'[{"eventCategoryType": "EngagementEvents.EmailOpen"}]'
GUID = "0b6c3f2e-4b5a-4c0f-9a53-2f1d5e7c8a90"


def signed(body: bytes, key: str = KEY) -> dict[str, str]:
    made = base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()
    return {"x-sfmc-ens-signature": made}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    events = {
        "url": f"{OUTSIDE}/events",
        "folder": str(tmp_path / "events"),
        "keys": f"file:{tmp_path / 'keys'}",
        "every_s": 3600,
        "most_body_mb": 1,
    }
    table = {"lake": str(tmp_path / "lake"), "ledger": f"sqlite:///{tmp_path / 'x.db'}"}
    made = Settings.model_validate({**table, "events": events})
    EventKeys(made.events.keys).keep(7, KEY)
    return made


@pytest.fixture
def outside(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url=OUTSIDE) as client:
        yield client


POSTS = {
    "signed": ("/events/7", BODY, signed(BODY), 204),
    "with a slash": ("/events/7/", BODY, signed(BODY), 204),
    "signed, no JSON": ("/events/7", b"\xff", signed(b"\xff"), 204),
    "another signature": ("/events/7", BODY, signed(BODY, "other"), 401),
    "a signature of other bytes": ("/events/7", BODY + b" ", signed(BODY), 401),
    "no signature": ("/events/7", BODY, {}, 401),
    "a business unit without a key": ("/events/8", BODY, signed(BODY), 404),
    "no business unit": ("/events/x", BODY, signed(BODY), 404),
    "a way up": ("/events/..%2f7", BODY, signed(BODY), 404),
    "no signature, large": ("/events/7", b"x" * 5000, {}, 413),
    "signed, too large": ("/events/7", b"x" * 1_100_000, signed(b"x" * 1_100_000), 413),
}


@pytest.mark.parametrize(("path", "body", "headers", "status"), POSTS.values(), ids=POSTS.keys())
def test_a_post_is_kept_before_it_is_answered_or_refused(
    outside: TestClient,
    settings: Settings,
    path: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
) -> None:
    answer = outside.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.content) == (status, b"")
    waiting = spool_of(settings.events).size()
    assert (waiting > len(body)) is (status == 204)


def test_a_body_that_does_not_say_its_size_is_limited_too(outside: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    answer = outside.post("/events/7", content=endless(), headers=signed(b"x"))
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/", "/health", "/api/report/overview", "/events", "/static/x"])
def test_the_outside_reaches_nothing_else(outside: TestClient, path: str) -> None:
    assert outside.get(path).status_code == 421
    assert outside.post(path).status_code == 421


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_events_can_only_be_posted(outside: TestClient, method: str) -> None:
    answer = outside.request(method, "/events/7")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_without_an_address_in_the_settings_there_is_no_such_door(tmp_path: Path) -> None:
    with TestClient(create_app(Settings()), base_url="http://127.0.0.1") as client:
        assert client.post("/events/7", content=BODY).status_code == 405


def test_a_verification_is_heard_only_while_somebody_registers(
    outside: TestClient, settings: Settings
) -> None:
    said = json.dumps({"callbackId": GUID, "verificationKey": "once"}).encode()
    desk = Desk(settings.events)
    assert outside.post("/events/8", content=said).status_code == 404
    desk.open(8)
    assert outside.post("/events/8", content=b"[]").status_code == 401
    assert outside.post("/events/8", content=said).status_code == 200
    assert desk.key(8, GUID.upper()) == "once"
    desk.close(8)
    assert desk.key(8, GUID) is None
    assert outside.post("/events/8", content=said).status_code == 404


def test_strangers_who_verify_fill_no_disk(outside: TestClient, settings: Settings) -> None:
    desk = Desk(settings.events)
    desk.open(8)
    for number in range(60):
        said = {"callbackId": f"{number:08x}{GUID[8:]}", "verificationKey": "k" * 400}
        assert outside.post("/events/8", content=json.dumps(said)).status_code == 200
    assert len(list((Path(settings.events.folder) / "registering" / "8").iterdir())) == 20


def test_a_full_folder_asks_marketing_cloud_to_come_again(
    outside: TestClient, settings: Settings
) -> None:
    body = b"x" * 1_000_000
    full = settings.events.model_copy(update={"most_waiting_mb": 1})
    spool = spool_of(full)
    door = EventsDoor(nobody, receiver=Receiver(full, spool))
    client = TestClient(door, base_url=OUTSIDE)
    assert client.post("/events/7", content=body, headers=signed(body)).status_code == 204
    answer = client.post("/events/7", content=body, headers=signed(body))
    spool.close()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert outside.post("/events/7", content=body, headers=signed(body)).status_code == 204


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    """The application behind the door."""


def test_whoever_hangs_up_midway_leaves_nothing(settings: Settings) -> None:
    door = EventsDoor(nobody, receiver=Receiver(settings.events, spool_of(settings.events)))
    told = iter(
        [
            {"type": "http.request", "body": BODY[:9], "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(told)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(name.encode(), value.encode()) for name, value in signed(BODY).items()]
    scope = {"type": "http", "path": "/events/7", "method": "POST", "headers": headers}
    asyncio.run(door(scope, receive, send))
    assert sent[0]["status"] == 400
    assert spool_of(settings.events).size() == 0
