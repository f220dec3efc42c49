"""An outage heard by events alone: Marketing Cloud is asked who was alive, and it is held."""

from __future__ import annotations

import socket
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn

from bouncelens.service.event_setup import setup_of
from bouncelens.service.events import store_events
from bouncelens.service.incident.serving import look
from bouncelens.show.web.app import create_app
from outage_town import FIRST, GMAIL, MID, UNIT, Town, tale, town
from sfmc_sandbox.world.plan import Plan

PLAN = Plan(
    seed=7, bounces=600, months=3, until=FIRST[0] - timedelta(hours=5), units=(UNIT,), people=3_000,
    messages=15_000, sendings=20, shares=(("google", 2.5),), tales=(tale(GMAIL, (FIRST,)),),
)  # fmt: skip


@pytest.mark.slow
def test_an_outage_that_only_events_tell_of_is_noticed_and_held(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/events"
        events = {"url": url, "folder": str(tmp_path / "events"), "every_s": 3600}
        more = {"events": {**events, "keys": f"file:{tmp_path / 'keys'}"}}
        with town(tmp_path, PLAN, **more) as here:
            here.sandbox.ens.key_reading = "bytes"
            here.pull()
            app = create_app(here.workspace.settings)
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                while not server.started:
                    time.sleep(0.01)
                with setup_of(here.workspace.settings, (MID,)) as setup:
                    for step in setup.registering():
                        setup.do(step)
                _send(here, Path(events["folder"]))
            finally:
                server.should_exit = True
                thread.join()
            _is_held(here)


def _send(here: Town, folder: Path) -> None:
    here.go_to(FIRST[0] + timedelta(minutes=10))
    here.sandbox.flow.send(MID, 1500, is_transactional=True)
    here.go_to(here.now + timedelta(minutes=15))
    for _ in range(600):  # they are posted one after the other
        kept = b"".join(path.read_bytes() for path in folder.glob("*-*"))
        if kept.count(b'"batchId"') >= len(here.truth()):
            return
        time.sleep(0.05)
    raise AssertionError("they never came")


def _is_held(here: Town) -> None:
    assert store_events(here.workspace).stored >= len(here.truth()) > 50
    told = look(here.workspace, now=here.now)
    assert [one.provider for one in told.opened] == ["google"]
    false = {(row["account"], row["subscriber_key"]) for row in here.truth()}
    assert len(false & here.suppressed()) > 50
    assert not false & here.suppressed(here.incidents())
