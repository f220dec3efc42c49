"""docs/sandbox.md names every call, object and scenario that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sfmc_sandbox.cli import main
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


def test_every_option_of_serve_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    options = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out)) - {"--help"}
    assert not {name for name in options if name not in TEXT}
