"""A small tenant, made once, and a running sandbox to call over loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sandbox_caller import Caller, running_sandbox

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
    with running_sandbox(tenant) as caller:
        yield caller


@pytest.fixture
def caller(running: Caller) -> Iterator[Caller]:
    """The running sandbox; scenarios are off again afterwards."""
    yield running
    running.sandbox.trouble.on.clear()
