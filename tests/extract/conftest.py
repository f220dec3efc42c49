"""Fixtures of the extract room."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from told_server import HASTY, SECRET, Told, handler

from bouncelens.extract.signin import Credentials, SignIn
from bouncelens.extract.wire import Wire


@pytest.fixture
def told() -> Iterator[Told]:
    """A server that answers as told."""
    told = Told()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(told))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/"
    told.say_token()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Patience of two seconds, answers of at most a megabyte."""
    wire = Wire(timeout_s=2, max_bytes=1_000_000)
    yield wire
    wire.close()


@pytest.fixture
def sign_in(told: Told, wire: Wire) -> SignIn:
    """A sign-in at the told server."""
    return SignIn(wire, told.url, Credentials("canary-id", SECRET), patience=HASTY)
