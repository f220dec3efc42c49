"""Mail that happens while the sandbox runs, its notifications, its page: sections 5 and 8."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
from sandbox_caller import RETAIL, XSI, Caller, props, running_sandbox, simple

from sfmc_sandbox.wire.app import make_app
from sfmc_sandbox.world.plan import Plan
from sfmc_sandbox.world.tenant import make_tenant

DAY = 86_400


@pytest.fixture(scope="module")
def moving() -> Iterator[Caller]:
    """A tenant of its own, because time passes in it."""
    plan = Plan(seed=21, bounces=2_000, months=6, until=datetime(2026, 6, 1, tzinfo=UTC))
    with running_sandbox(make_tenant(plan)) as caller:
        yield caller


def _turn(caller: Caller, verb: str, **what: object) -> dict[str, object]:
    answer = caller.http.post(f"{caller.url}/_sandbox/{verb}", json=what)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _count(caller: Caller, kind: str, job: object) -> int:
    answer = caller.retrieve(
        f"<ObjectType>{kind}</ObjectType>" + props("SendID") + simple("SendID", "equals", str(job))
    )
    return len(answer.results)


def test_sfmc_5_bounces_come_at_once_and_over_the_following_days(moving: Caller) -> None:
    job = _turn(moving, "send", mid=RETAIL, size=1500)["job"]
    assert _count(moving, "BounceEvent", job) == 0
    _turn(moving, "clock", advance_s=600)
    sent, first = _count(moving, "SentEvent", job), _count(moving, "BounceEvent", job)
    assert sent > 1000
    assert first > 0
    _turn(moving, "clock", advance_s=6 * DAY)
    assert _count(moving, "BounceEvent", job) > first
    send = moving.retrieve("<ObjectType>Send</ObjectType>" + props("ID", "NumberSent")
                           + simple("ID", "equals", str(job))).results  # fmt: skip
    assert [row["NumberSent"] for row in send] == [str(sent)]
    rowset = "/data/v1/customobjectdata/key/bouncelens_sends/rowset"
    asked = {"$filter": f"JobID eq {job}", "$pageSize": "2500"}
    rows = moving.rest(rowset, params=asked).json()
    assert sum(int(row["values"]["sent"]) for row in rows["items"]) == sent
    assert (
        moving.sandbox.tenant.truth.num_rows
        == (
            moving.sandbox.tenant.db.cursor()
            .execute("SELECT count(*) FROM bounce")
            .fetchall()[0][0]
        )
    )


def test_sfmc_5_statuses_move_from_active_over_bounced_to_held(moving: Caller) -> None:
    def held() -> int:
        return int(
            moving.sandbox.tenant.db.cursor()
            .execute("SELECT count(*) FROM subscriber WHERE status = 'Held'")
            .fetchall()[0][0]
        )

    before = held()
    for _ in range(4):
        _turn(moving, "send", mid=RETAIL, size=5000)
        _turn(moving, "clock", advance_s=8 * DAY)
    assert held() > before


PERSON = "<ObjectType>Subscriber</ObjectType>" + props("SubscriberKey", "Status")


def _people(caller: Caller, status: str) -> list[str]:
    rows = caller.retrieve(PERSON + simple("Status", "equals", status)).results
    return [str(row["SubscriberKey"]) for row in rows]


def _who(caller: Caller, kind: str, job: object) -> set[str]:
    asked = f"<ObjectType>{kind}</ObjectType>" + props("SubscriberKey")
    rows = caller.retrieve(asked + simple("SendID", "equals", str(job))).results
    return {str(row["SubscriberKey"]) for row in rows}


def _set(caller: Caller, verb: str, key: str, status: str = "") -> None:
    told = f"<Status>{status}</Status>" if status else ""
    answer = caller.soap(
        f'<{verb}Request xmlns="http://exacttarget.com/wsdl/partnerAPI" {XSI}><Options />'
        f'<Objects xsi:type="Subscriber"><SubscriberKey>{key}</SubscriberKey>{told}</Objects>'
        f"</{verb}Request>"
    )
    assert answer.first("OverallStatus") == "OK"


def test_sfmc_5_the_next_job_minds_what_the_api_set(moving: Caller) -> None:
    held, active = _people(moving, "Held"), _people(moving, "Active")
    _set(moving, "Update", held[0], "Active")
    _set(moving, "Update", active[0], "Unsubscribed")
    _set(moving, "Delete", active[1])
    job = _turn(moving, "send", mid=RETAIL, size=50_000)["job"]
    _turn(moving, "clock", advance_s=9 * DAY)
    sent = {
        str(key)
        for (key,) in moving.sandbox.tenant.db.cursor()
        .execute("SELECT subscriber_key FROM sent JOIN subscriber USING (sub) WHERE job_id = ?",
                 [job]).fetchall()
    }  # fmt: skip
    assert {held[0], active[2]} <= sent
    assert not {held[1], active[0], active[1]} & sent
    assert held[1] in _who(moving, "NotSentEvent", job)
    gone = _who(moving, "UnsubEvent", job)
    assert gone
    assert gone <= set(_people(moving, "Unsubscribed"))
    # An open makes Bounced active again; nobody who opened after the bounce is left as Bounced.
    stale = moving.sandbox.tenant.db.cursor().execute(
        "SELECT count(*) FROM subscriber s WHERE status = 'Bounced' AND "
        "(SELECT max(event_time) FROM open o WHERE o.sub = s.sub) > "
        "(SELECT max(event_time) FROM bounce b WHERE b.sub = s.sub)"
    ).fetchall()  # fmt: skip
    assert stale == [(0,)]


def test_the_clock_runs_at_a_speed(moving: Caller) -> None:
    first = moving.sandbox.now()
    _turn(moving, "clock", speed=3600)
    time.sleep(0.3)
    _turn(moving, "clock", speed=0)
    passed = (moving.sandbox.now() - first).total_seconds()
    assert passed > 600
    assert moving.sandbox.now() == moving.sandbox.now()


@dataclass
class Ear:
    """A callback that listens."""

    answer: int = 200
    before: Callable[[bytes], None] = lambda _: None  # what it does before it answers
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            ear.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
            ear.before(body)
            self.send_response(ear.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            del words

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ear.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield ear
    server.shutdown()
    server.server_close()


def _subscribe(caller: Caller, ear: Ear, name: str) -> dict[str, str]:
    token = caller.token()
    made = caller.rest("/platform/v1/ens-callbacks", token=token, method="POST",
                       json=[{"callbackName": name, "url": ear.url}])  # fmt: skip
    assert made.status_code == 201
    callback = dict(made.json()[0])
    handshake = json.loads(ear.heard[0][1])
    assert handshake["callbackId"] == callback["callbackId"]
    assert "x-sfmc-ens-signature" not in ear.heard[0][0]
    for status in (200, 400):  # the key is good once
        answer = caller.rest("/platform/v1/ens-verify", token=token, method="POST", json=handshake)
        assert answer.status_code == status
    subscribed = caller.rest(
        "/platform/v1/ens-subscriptions", token=token, method="POST",
        json=[{"callbackId": callback["callbackId"], "subscriptionName": name,
               "eventCategoryTypes": ["TransactionalSendEvents.EmailBounced",
                                      "TransactionalSendEvents.EmailSent"]}],
    )  # fmt: skip
    assert subscribed.status_code == 201
    assert subscribed.json()[0]["status"] == "active"
    listed = caller.rest(f"/platform/v1/ens-callbacks/{callback['callbackId']}", token=token).json()
    assert (listed["status"], "signatureKey" in listed) == ("verified", False)
    return callback


def _wait_for(ear: Ear, text: bytes) -> tuple[dict[str, str], bytes]:
    for _ in range(400):
        for headers, body in list(ear.heard):
            if text in body:
                return headers, body
        time.sleep(0.02)
    raise AssertionError("nothing was heard")


def test_sfmc_8_a_callback_may_verify_before_it_answers(moving: Caller, ear: Ear) -> None:
    token, seen = moving.token(), []

    def verify(body: bytes) -> None:
        for unit in (7_000_102, RETAIL):  # another unit's token verifies nothing
            mine = moving.token(unit)
            answer = moving.rest("/platform/v1/ens-verify", token=mine, method="POST", content=body)
            seen.append(answer.status_code)

    ear.before = verify
    made = moving.rest("/platform/v1/ens-callbacks", token=token, method="POST",
                       json=[{"callbackName": "at once", "url": ear.url}])  # fmt: skip
    assert (made.status_code, seen) == (201, [400, 200])


@pytest.mark.parametrize("reading", ["text", "bytes"])
def test_sfmc_8_transactional_bounces_are_told_signed(
    moving: Caller, ear: Ear, reading: str
) -> None:
    moving.sandbox.ens.key_reading = reading  # type: ignore[assignment]
    callback = _subscribe(moving, ear, f"cb-{reading}")
    job = _turn(moving, "send", mid=RETAIL, size=1500, transactional=True)["job"]
    _turn(moving, "clock", advance_s=600)
    headers, body = _wait_for(ear, b"EmailBounced")
    key = callback["signatureKey"].encode()
    key = base64.b64decode(key) if reading == "bytes" else key
    expected = base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()
    assert headers["x-sfmc-ens-signature"] == expected
    items = json.loads(body)
    assert len(items) <= 1000
    one = next(i for i in items if i["eventCategoryType"].endswith("EmailBounced"))
    assert one["composite"]["jobId"] == str(job)
    assert one["mid"] == RETAIL
    assert one["info"]["bounceCode"] in {"HARD", "SOFT"}
    assert one["timestampUTC"] > 1_700_000_000_000
    token = moving.token()
    moving.rest(f"/platform/v1/ens-callbacks/{callback['callbackId']}", token=token,
                method="DELETE")  # fmt: skip


def test_sfmc_8_there_is_no_bounce_event_for_bulk_mail(moving: Caller, ear: Ear) -> None:
    callback = _subscribe(moving, ear, "cb-bulk")
    job = _turn(moving, "send", mid=RETAIL, size=1000)["job"]
    _turn(moving, "clock", advance_s=DAY)
    time.sleep(0.2)
    assert not any(f'"jobId":"{job}"'.encode() in body for _, body in ear.heard)
    moving.rest(f"/platform/v1/ens-callbacks/{callback['callbackId']}", method="DELETE")


def test_sfmc_8_a_batch_is_tried_three_times_and_later_again(moving: Caller, ear: Ear) -> None:
    moving.sandbox.ens.retry_s = 0.01
    callback = _subscribe(moving, ear, "cb-retry")
    ear.answer = 503
    _turn(moving, "send", mid=RETAIL, size=20, transactional=True)
    _turn(moving, "clock", advance_s=300)
    _, body = _wait_for(ear, b"EmailSent")
    for _ in range(200):
        if sum(heard == body for _, heard in ear.heard) == 3:
            break
        time.sleep(0.02)
    assert sum(heard == body for _, heard in ear.heard) == 3
    # Ten minutes of its clock later the batch is tried once more, and arrives.
    ear.answer = 200
    for _ in range(100):
        _turn(moving, "clock", advance_s=601)
        if sum(heard == body for _, heard in ear.heard) == 4:
            break
        time.sleep(0.05)
    assert sum(heard == body for _, heard in ear.heard) == 4
    moving.rest(f"/platform/v1/ens-callbacks/{callback['callbackId']}", method="DELETE")


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example/x", "https://hooks.example:8443/x", "https://hooks.example/x?a=1",
     "ftp://hooks.example", "https://", "nonsense"],
)  # fmt: skip
def test_sfmc_8_a_callback_is_https_without_port_and_query(moving: Caller, url: str) -> None:
    answer = moving.rest("/platform/v1/ens-callbacks", method="POST",
                         json=[{"callbackName": "x", "url": url}])  # fmt: skip
    assert answer.status_code == 400


def test_sfmc_8_a_callback_that_does_not_answer_is_refused(moving: Caller, ear: Ear) -> None:
    ear.answer = 500
    answer = moving.rest("/platform/v1/ens-callbacks", method="POST",
                         json=[{"callbackName": "deaf", "url": ear.url}])  # fmt: skip
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(
        "MCMS_UWH_Runtime_GeneralFailure_probeCallbackLiveness"
    )


def test_the_page_shows_tenant_switches_and_requests(moving: Caller) -> None:
    moving.http.get(f"{moving.url}/<script>alert(1)</script>")
    moving.http.get(f"{moving.url}/%E2%80%AEtxt.exe%1b[31m%0d%0aX: 1")
    moving.post(b"<a/>", SOAPAction='"<img src=x onerror=alert(1)>"')
    moving.retrieve("<ObjectType>BounceEvent&lt;b&gt;</ObjectType>")
    answer = moving.http.get(f"{moving.url}/_sandbox")
    assert "Alderbrook Retail" in answer.text
    assert "reset-mid-page" in answer.text
    assert "<script>" not in answer.text
    assert "<img" not in answer.text
    # Nothing that turns the direction of text, and no control characters.
    assert not set(answer.text) & set("\u202e\x1b\r")
    assert "Retrieve BounceEvent&lt;b&gt;" in answer.text
    assert f"{moving.url}/v2/token" in answer.text
    assert "stands still" in answer.text
    assert "script" not in answer.headers["content-security-policy"].replace("default-src", "")
    assert moving.http.get(f"{moving.url}/_sandbox/style.css").status_code == 200


def test_scenarios_are_switched_on_the_page(moving: Caller) -> None:
    form = {"name": "throttled", "on": "on"}
    answer = moving.http.post(f"{moving.url}/_sandbox/scenarios", data=form, follow_redirects=False)
    assert answer.status_code == 303
    assert moving.http.get(f"{moving.url}/_sandbox/state").json()["on"] == ["throttled"]
    moving.http.post(f"{moving.url}/_sandbox/scenarios", data={"name": "throttled", "on": ""})
    assert moving.http.get(f"{moving.url}/_sandbox/state").json()["on"] == []
    bad = moving.http.post(f"{moving.url}/_sandbox/scenarios", json={"name": "x", "on": True})
    assert bad.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
    ids=str,
)
def test_no_other_site_turns_the_switches(moving: Caller, headers: dict[str, str]) -> None:
    answer = httpx2.post(f"{moving.url}/_sandbox/clock", json={"advance_s": 1}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("verb", "what"),
    [("send", {"mid": 1}), ("send", {"mid": RETAIL, "size": 10**9}), ("send", {"mid": "x"}),
     ("clock", {"advance_s": "soon"}), ("clock", {"advance_s": "nan"}),
     ("clock", {"advance_s": 1e300}), ("clock", {"advance_s": -1}), ("clock", {"speed": "inf"}),
     ("send", {"mid": RETAIL, "size": "1e999"}), ("clock", {"advance_s": "9" * 20_000}),
     ("scenarios", {})],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_bad_turns_are_refused(moving: Caller, verb: str, what: dict[str, object]) -> None:
    answer = moving.http.post(f"{moving.url}/_sandbox/{verb}", json=what)
    assert answer.status_code == 400


@pytest.mark.parametrize(("caller_at", "status"), [("203.0.113.5", 403), ("127.0.0.1", 200)])
def test_only_its_own_machine_turns_the_switches(
    moving: Caller, caller_at: str, status: int
) -> None:
    door = httpx2.ASGITransport(make_app(moving.sandbox), client=(caller_at, 50_000))

    async def ask() -> int:
        async with httpx2.AsyncClient(transport=door, base_url="http://127.0.0.1") as http:
            return (await http.get("/_sandbox/state")).status_code

    assert asyncio.run(ask()) == status
