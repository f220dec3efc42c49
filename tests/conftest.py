"""A small Marketing Cloud for the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox_process import Sandbox, running_sandbox


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A year with a few thousand bounces, without trouble."""
    folder = tmp_path_factory.mktemp("sandbox")
    with running_sandbox(folder, "--seed", "7", "--bounces", "3000", "--months", "12") as sandbox:
        yield sandbox
