"""What failed deliveries do to a callback: section 8 of the fact sheet tells it in two ways."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sandbox_caller import RETAIL, Caller, running_sandbox

from sfmc_sandbox.ens import Callback
from sfmc_sandbox.world.plan import Plan
from sfmc_sandbox.world.tenant import make_tenant

MINUTE = 60_000


def _callback() -> Callback:
    return Callback("id", RETAIL, "name", "http://127.0.0.1/x", "key", 1000, "", "verified")


# When batches were dropped (minutes), when we look, and until when the callback is suspended.
SUSPENSIONS = [
    pytest.param([0], 0, 0, id="one failure does nothing"),
    pytest.param([0, 6], 6, 0, id="two that lie six minutes apart do nothing"),
    pytest.param([0, 5], 5, 15, id="two within five minutes: ten minutes"),
    pytest.param([0, 1, 2], 2, 11, id="a third while suspended does not lengthen it"),
    pytest.param([0, 1, 20, 21], 21, 41, id="the next time twice as long"),
    pytest.param([0, 1, 20, 21, 50, 51, 100, 101, 200, 201], 201, 261, id="an hour at most"),
]


@pytest.mark.parametrize(("dropped", "at", "until"), SUSPENSIONS)
def test_sfmc_8_failures_suspend_a_callback_for_ten_minutes_to_an_hour(
    dropped: list[int], at: int, until: int
) -> None:
    callback = _callback()
    for minute in dropped:
        callback.fail(minute * MINUTE)
    assert callback.suspended_until_ms == until * MINUTE
    assert callback.is_suspended(at * MINUTE) == (until > at)
    assert not callback.is_suspended(until * MINUTE)


def test_sfmc_8_a_delivery_forgets_the_failures() -> None:
    callback = _callback()
    callback.fail(0)
    callback.succeed()
    callback.fail(MINUTE)
    assert callback.suspended_until_ms == 0


class _Ear(BaseHTTPRequestHandler):
    """Answers what the server says, and keeps what it hears."""

    def do_POST(self) -> None:
        server: Any = self.server
        server.heard.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(server.answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        del words


@pytest.fixture
def ear() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Ear)
    server.answer, server.heard = 200, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def caller() -> Iterator[Caller]:
    plan = Plan(seed=22, bounces=300, months=6, until=datetime(2026, 6, 1, tzinfo=UTC))
    with running_sandbox(make_tenant(plan)) as caller:
        caller.sandbox.ens.retry_s = 0.001
        yield caller


def _subscribed(caller: Caller, ear: Any) -> str:
    token, url = caller.token(), f"http://127.0.0.1:{ear.server_address[1]}/hook"
    made = caller.rest("/platform/v1/ens-callbacks", token=token, method="POST",
                       json=[{"callbackName": "cb", "url": url}]).json()[0]  # fmt: skip
    caller.rest("/platform/v1/ens-verify", token=token, method="POST",
                json=json.loads(ear.heard.pop()))  # fmt: skip
    caller.rest("/platform/v1/ens-subscriptions", token=token, method="POST", json=[
        {"callbackId": made["callbackId"], "subscriptionName": "s",
         "eventCategoryTypes": ["TransactionalSendEvents.EmailSent"]}])  # fmt: skip
    return str(made["callbackId"])


def _send(caller: Caller, seconds: int) -> None:
    """A transactional mail, and time passes."""
    told = {"mid": RETAIL, "size": 1, "transactional": True}
    caller.http.post(f"{caller.url}/_sandbox/send", json=told)
    caller.http.post(f"{caller.url}/_sandbox/clock", json={"advance_s": seconds})


def _wait(what: Any) -> None:
    for _ in range(1000):
        if what():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def test_sfmc_8_a_suspended_callback_says_so_and_hears_again_later(
    caller: Caller, ear: Any
) -> None:
    caller.sandbox.ens.on_failure = "suspend"
    number = _subscribed(caller, ear)
    path = f"/platform/v1/ens-callbacks/{number}"
    ear.answer = 500
    for dropped in (1, 2):
        _send(caller, 61)
        _wait(lambda dropped=dropped: caller.sandbox.ens.undelivered == dropped)
    told = caller.rest(path).json()
    assert (told["status"], bool(told["statusReason"])) == ("suspended", True)
    assert len(ear.heard) == 6  # two batches, three attempts each
    ear.answer = 200
    _send(caller, 61)
    _wait(lambda: caller.sandbox.ens.undelivered == 3)
    caller.http.post(f"{caller.url}/_sandbox/clock", json={"advance_s": 700})
    assert caller.rest(path).json()["status"] == "verified"
    assert len(ear.heard) == 6  # what was dropped does not come again
    _send(caller, 61)
    _wait(lambda: len(ear.heard) == 7)


def test_sfmc_8_by_default_a_batch_is_put_off_and_nothing_is_suspended(
    caller: Caller, ear: Any
) -> None:
    number = _subscribed(caller, ear)
    ear.answer = 500
    for waiting in (1, 2):
        _send(caller, 61)
        _wait(lambda waiting=waiting: len(caller.sandbox.ens.deferred) == waiting)
    assert caller.rest(f"/platform/v1/ens-callbacks/{number}").json()["status"] == "verified"
