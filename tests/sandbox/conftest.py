"""A small tenant, made once, and a running sandbox to call over loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx2
import pytest
import uvicorn
from sandbox_caller import Caller

from sfmc_sandbox.wire.app import make_app
from sfmc_sandbox.wire.sandbox import Sandbox
from sfmc_sandbox.wire.tearing import TearableProtocol
from sfmc_sandbox.world.plan import Plan
from sfmc_sandbox.world.tenant import Tenant, make_tenant

SMALL = Plan(seed=11, bounces=6_000, months=12, until=datetime(2026, 6, 1, tzinfo=UTC))


@pytest.fixture(scope="session")
def tenant() -> Tenant:
    """A tenth of the default tenant."""
    return make_tenant(SMALL)


@pytest.fixture(scope="session")
def spare() -> Tenant:
    """A smaller tenant for tests that put a sandbox of their own around it."""
    return make_tenant(Plan(seed=12, bounces=2_000, until=SMALL.until))


@pytest.fixture(scope="session")
def running(tenant: Tenant) -> Iterator[Caller]:
    """A sandbox on a free port of loopback."""
    sandbox = Sandbox.of(tenant)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        make_app(sandbox), http=TearableProtocol, log_level="critical", lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    with httpx2.Client(timeout=60) as http:
        yield Caller(f"http://127.0.0.1:{listener.getsockname()[1]}", sandbox, http)
    server.should_exit = True
    thread.join()
    sandbox.close()


@pytest.fixture
def caller(running: Caller) -> Iterator[Caller]:
    """The running sandbox; scenarios are off again afterwards."""
    yield running
    running.sandbox.trouble.on.clear()
