"""What the tests of the pages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import show_lake
from starlette.testclient import TestClient

from bouncelens.settings import Settings
from bouncelens.show.web.app import create_app

ORIGIN = "http://127.0.0.1:8000"


@pytest.fixture(scope="session")
def web_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a lake with bounces."""
    return show_lake.filled(tmp_path_factory.mktemp("filled"))


@pytest.fixture(scope="session")
def site(web_settings: Settings) -> Iterator[TestClient]:
    """The site over a lake with bounces."""
    with TestClient(create_app(web_settings), base_url=ORIGIN) as client:
        yield client


@pytest.fixture(scope="session")
def empty_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The site over a lake without bounces."""
    settings = show_lake.empty(tmp_path_factory.mktemp("empty"))
    with TestClient(create_app(settings), base_url=ORIGIN) as client:
        yield client


@pytest.fixture
def missing_site(tmp_path: Path) -> Iterator[TestClient]:
    """The site of somebody who has not pulled yet: there is no lake."""
    settings = Settings(lake=str(tmp_path / "lake"), ledger=f"sqlite:///{tmp_path / 'x.db'}")
    with TestClient(create_app(settings), base_url=ORIGIN) as client:
        yield client
