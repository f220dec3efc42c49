"""A small Marketing Cloud and a PostgreSQL for the whole run."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from postgres_server import Postgres, running_postgres
from sandbox_process import Sandbox, running_sandbox

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As under `nohup make test &`: the programs that tests start would not hear of Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that does other things is no fault of what is tested, nor is the draw of a lot: each run
# tries the same cases, and `make test-new` others.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("new", deadline=None, derandomize=False)
settings.load_profile("same")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A year with a few thousand bounces, without trouble."""
    folder = tmp_path_factory.mktemp("sandbox")
    with running_sandbox(folder, "--seed", "7", "--bounces", "3000", "--months", "12") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server whose databases start empty."""
    with running_postgres() as server:
        yield server
