"""docs/sandbox.md names every call, object and scenario that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfmc_sandbox.wire.rest import ROUTES
from sfmc_sandbox.wire.soap import _CALLS, _CHANGERS
from sfmc_sandbox.wire.soap_objects import OBJECTS
from sfmc_sandbox.wire.trouble import SCENARIOS

TEXT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")


@pytest.mark.parametrize("path", sorted({path.lower() for _, path, _, _ in ROUTES}))
def test_every_rest_route_is_documented(path: str) -> None:
    assert f"{path}`" in TEXT.lower()


@pytest.mark.parametrize("name", sorted({*_CALLS, *_CHANGERS, *OBJECTS, *SCENARIOS}))
def test_every_soap_call_object_and_scenario_is_documented(name: str) -> None:
    assert f"`{name}`" in TEXT
