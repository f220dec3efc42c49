"""Events from Marketing Cloud to the lake: registered, heard, kept, stored once, removed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import uvicorn
from light_workspace import LightWorkspace

from bouncelens.bounce import IDENTITY
from bouncelens.errors import BouncelensError, SettingsInvalid, SourceError
from bouncelens.extract.spool import Spool
from bouncelens.service.event_keys import EventKeys
from bouncelens.service.event_setup import setup_of
from bouncelens.service.events import Events, store_events
from bouncelens.service.pull import Asked, pull
from bouncelens.settings import Settings
from bouncelens.show.web.app import create_app
from sandbox_process import Sandbox, running_sandbox


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("tenant")
    arguments = ("--seed", "12", "--bounces", "100", "--months", "1", "--ens-key", "bytes")
    with running_sandbox(folder, *arguments) as sandbox:
        yield sandbox


@contextmanager
def serving(settings: Settings, listener: socket.socket) -> Iterator[None]:
    """The web server, in a thread."""
    app = create_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join()


def until(is_so: Callable[[], bool]) -> None:
    for _ in range(600):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to that")


def settings_of(tenant: Sandbox, place: Path, url: str, **more: object) -> Settings:
    # What arrives is stored by the tests themselves: a look every hour never comes.
    events = {"url": url, "folder": str(place / "events"), "keys": f"file:{place / 'keys'}"}
    return tenant.settings(place, events={**events, "every_s": 3600, **more})


def turn(tenant: Sandbox, verb: str, **what: object) -> dict[str, object]:
    answer = httpx2.post(f"{tenant.url}/_sandbox/{verb}", json=what, trust_env=False)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_from_the_plan_over_the_lake_to_the_end(tenant: Sandbox, tmp_path: Path) -> None:
    mid = tenant.accounts[1][0]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/events"
        settings = settings_of(tenant, tmp_path, url)
        with serving(settings, listener), setup_of(settings, (mid,)) as setup:
            assert setup.status().accounts[0].lacks == "no callback"
            (step,) = setup.registering()
            assert url in step.sentence
            setup.do(step)
            assert setup.registering() == ()
            assert setup.status().exit_code == 0
            key = tmp_path / "keys" / f"{mid}.key"
            assert key.stat().st_mode & 0o077 == 0

            job = turn(tenant, "send", mid=mid, size=3000, transactional=True)["job"]
            turn(tenant, "clock", advance_s=7 * 86_400)
            until(lambda: b'"batchId"' in kept(settings))
            until(lambda: is_quiet(settings))

            for step in setup.removing():
                setup.do(step)
            assert [s.verb for s in setup.registering()] == ["create"]
            assert not key.exists()
    with LightWorkspace.open(settings) as workspace:
        assert store_events(workspace).exit_code == 0
        assert kept(settings) == b""
        heard = workspace.lake.read("bounces").select([*IDENTITY, "routes"]).to_pylist()
        assert heard
        assert {row["routes"] for row in heard} == {"events"}
        later = datetime.now(UTC) + timedelta(days=9)  # the sandbox's clock is ahead of ours
        assert pull(workspace, Asked((mid,), ("soap",)), now=later).partial == ()
        rows = workspace.lake.read("bounces").select([*IDENTITY, "routes"]).to_pylist()
        told = [row for row in rows if "events" in row["routes"]]
        # Nothing is told by events that SOAP does not tell, and nothing twice.
        assert {row["routes"] for row in told} == {"soap,events"}
        assert len(told) == len(heard)
        mine, theirs = ([r for r in part if r["job"] == job] for part in (heard, rows))
        assert len(mine) == len(theirs) > 0


def kept(settings: Settings) -> bytes:
    folder = Path(settings.events.folder)
    return b"".join(path.read_bytes() for path in sorted(folder.glob("*-*")))


def is_quiet(settings: Settings) -> bool:
    before = len(kept(settings))
    time.sleep(0.5)
    return len(kept(settings)) == before


def test_an_address_that_nobody_hears_is_not_registered(tenant: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(tenant, tmp_path, "http://127.0.0.1:9/events")
    with setup_of(settings, (tenant.accounts[1][0],)) as setup:
        (step,) = setup.registering()
        with pytest.raises(SourceError, match=r"start `bouncelens serve`"):
            setup.do(step)
        assert [s.verb for s in setup.registering()] == ["create"]


def test_a_server_with_another_folder_refuses_and_a_lost_key_is_replaced(
    tenant: Sandbox, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/events"
        there = settings_of(tenant, tmp_path, url)
        here = settings_of(tenant, tmp_path, url, folder=str(tmp_path / "other"))
        mid = tenant.accounts[1][0]
        with serving(there, listener):
            # The server there knows nothing of a registration here: it answers 404.
            with setup_of(here, (mid,)) as setup:
                (step,) = setup.registering()
                with pytest.raises(SourceError, match="probeCallbackLiveness"):
                    setup.do(step, within_s=0.2)
            lost_key_is_replaced(there, mid)


def lost_key_is_replaced(there: Settings, mid: int) -> None:
    with setup_of(there, (mid,)) as setup:
        for step in setup.registering():
            setup.do(step)
        EventKeys(there.events.keys).forget(mid)
        assert setup.status().accounts[0].lacks.startswith("no signature key as file:")
        verbs = [step.verb for step in setup.registering()]
        assert verbs == ["unsubscribe", "remove", "create"]
        for step in setup.registering():
            setup.do(step)
        assert setup.status().exit_code == 0
        for step in setup.removing():
            setup.do(step)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "events.url is empty"),
        ("https://host:8443/events", "without port and query"),
        ("http://host.example/events", "https://host/path"),
        ("https://host/events?x=1", "without port"),
    ],
    ids=["no address", "a port", "no TLS", "a query"],
)
def test_an_address_that_marketing_cloud_refuses_is_refused_before(
    tenant: Sandbox, tmp_path: Path, url: str, words: str
) -> None:
    settings = settings_of(tenant, tmp_path, url)
    with pytest.raises(SettingsInvalid, match=words), setup_of(settings):
        pass


def test_the_server_stores_what_it_heard_by_itself(tmp_path: Path) -> None:
    settings = alone(tmp_path)
    events = Events(settings)
    EventKeys(settings.events.keys).keep(7, "a key")
    body = json.dumps([BOUNCE]).encode()
    signature = base64.b64encode(hmac.new(b"a key", body, hashlib.sha256).digest()).decode()
    events.start()
    assert events.receiver.take(7, body, signature) == 204
    until(lambda: (tmp_path / "x.db").exists() and not kept(settings))
    events.close()
    with LightWorkspace.open(settings) as workspace:
        assert workspace.lake.read("bounces").num_rows == 1
        (run,) = workspace.ledger.runs(limit=1)
        assert (run.verb, run.outcome, run.counts["stored"]) == ("events", "ok", 1)


BOUNCE = {
    "eventCategoryType": "TransactionalSendEvents.EmailBounced",
    "timestampUTC": 1583849944000,
    "composite": {"jobId": "1", "batchId": "2"},
    "mid": 7,
    "info": {"to": "a@example.com", "subscriberKey": "k", "bounceMessage": "550 5.1.1 no user"},
}


def alone(folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "lake": str(folder / "lake"),
            "ledger": f"sqlite:///{folder / 'x.db'}",
            "events": {
                "folder": str(folder / "events"),
                "keys": f"file:{folder / 'keys'}",
                "every_s": 0.05,
            },
        }
    )


def test_batches_that_come_again_add_nothing_and_nothing_is_lost(tmp_path: Path) -> None:
    settings = alone(tmp_path)
    sent = {**BOUNCE, "eventCategoryType": "TransactionalSendEvents.EmailSent"}
    other = {**BOUNCE, "timestampUTC": 1583849945000}
    batches = [[BOUNCE, sent], [BOUNCE], [other, BOUNCE, "x"], b"no json"]
    spool = Spool(Path(settings.events.folder))
    with LightWorkspace.open(settings) as workspace:
        for _ in range(2):
            for said in batches:
                spool.append(7, said if isinstance(said, bytes) else json.dumps(said).encode())
            spool.close()
            replay = [(path, path.read_bytes()) for path in spool.sealed()]
            first = store_events(workspace)
            assert (first.received, first.quarantined) == (4, 2)
            assert dict(first.others) == {sent["eventCategoryType"]: 1}
            for path, content in replay:  # as after a crash between storing and removing
                path.write_bytes(content)
            assert store_events(workspace).stored == 0
        assert workspace.lake.read("bounces").num_rows == 2
        assert spool.size() == 0
        reasons = {bad.reason for bad in workspace.ledger.quarantined()}
        assert reasons == {"it is no event with an eventCategoryType", "it is not a JSON array"}
        assert workspace.ledger.runs(limit=1)[0].verb == "events"


def test_what_cannot_be_stored_waits(tmp_path: Path) -> None:
    settings = alone(tmp_path)
    spool = Spool(Path(settings.events.folder))
    spool.append(7, json.dumps([BOUNCE]).encode())
    spool.close()
    (tmp_path / "lake").touch()
    with LightWorkspace.open(settings) as workspace, pytest.raises(BouncelensError):
        store_events(workspace)
    (tmp_path / "lake").unlink()
    with LightWorkspace.open(settings) as workspace:
        assert store_events(workspace).stored == 1


def test_keys_are_kept_where_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = EventKeys(f"file:{tmp_path / 'k'}")
    assert keys.key(7) is None
    keys.keep(7, "one")
    keys.keep(7, "two")
    assert keys.key(7) == "two"
    keys.forget(7)
    keys.forget(7)
    assert keys.key(7) is None
    monkeypatch.setenv("ENS_7", "from outside")
    outside = EventKeys("env:ENS")
    assert outside.key(7) == "from outside"
    with pytest.raises(SettingsInvalid, match="cannot keep a new key"):
        outside.keep(7, "x")
