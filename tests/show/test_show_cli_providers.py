"""`providers` on the terminal, and what it found on the pages and in the API."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bouncelens.settings import Settings
from bouncelens.show.cli import run
from bouncelens.show.web.app import create_app
from dns_server import DnsServer, Zone, closed_port, running_dns

ZONES: dict[str, Zone | str] = {
    "acme.example": Zone(mx=("0 acme-example.mail.protection.outlook.com.",)),
    "evil.example": Zone(mx=(r"0 mx\027[2J.pphosted.com.", "5 mxa.gslb.pphosted.com.")),
}
Command = Callable[..., int]


@pytest.fixture(scope="module")
def server() -> Iterator[DnsServer]:
    with running_dns(ZONES) as running:
        yield running


@pytest.fixture(scope="module")
def settings(
    web_settings: Settings, server: DnsServer, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings of a lake of our own, looked up."""
    folder = tmp_path_factory.mktemp("providers")
    lake = shutil.copytree(web_settings.lake, folder / "lake")
    made = web_settings.model_copy(
        update={"lake": str(lake), "ledger": f"sqlite:///{folder / 'bouncelens.db'}"}
    )
    for resolver, name in ((server.resolver, "online"), (closed_port(), "offline")):
        text = f'[dns]\nresolvers = ["{resolver}"]\ntimeout_s = 0.4\n'
        (folder / f"{name}.toml").write_text(text)
    assert run(["providers", "lookup", "--config", str(folder / "online.toml")]) == 0
    return made


@pytest.fixture(scope="module")
def found_site(settings: Settings) -> Iterator[TestClient]:
    """The site over that lake."""
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def command(settings: Settings) -> Command:
    def called(*words: str, config: str = "online") -> int:
        place = Path(settings.lake).parent / f"{config}.toml"
        return run(["providers", *words, "--config", str(place)])

    return called


def test_a_look_up_tells_what_it_found(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert command("lookup", "--json", "--again") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["domains"], told["asked"], told["found"]) == (2, 2, 2)
    assert dict(told["providers"]) == {"microsoft_365": 1, "proofpoint": 1}
    assert command("lookup") == 0
    shown = capsys.readouterr()
    assert "microsoft_365" in shown.out
    assert "0 domains asked, 2 still known; the provider of 2 of 2 is known." in shown.err


def test_without_dns_it_says_so_and_is_partial(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("lookup", "--again", config="offline") == 3
    assert "DNS gives no answer" in capsys.readouterr().err


def test_a_domain_is_shown_with_its_gateway_and_without_escapes(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("show", "kim@evil.example") == 0
    shown = capsys.readouterr().out
    assert "Proofpoint, a gateway" in shown
    assert "\x1b[2J" not in shown
    assert command("show", "acme.example", "--json") == 0
    assert json.loads(capsys.readouterr().out)["provider"] == "microsoft_365"
    assert command("show", "x" * 400) == 2


@pytest.mark.parametrize(
    ("filters", "domains"),
    [
        ("provider=microsoft_365", {"acme.example"}),
        ("provider=proofpoint", {"evil.example"}),
        ("provider=proofpoint&domain=evil.example", {"evil.example"}),
        ("provider=proofpoint&domain=acme.example", set()),
        ("provider=other", set()),
    ],
)
def test_pages_and_api_know_what_was_found(
    found_site: TestClient, filters: str, domains: set[str]
) -> None:
    told = found_site.get(f"/api/report/by_domain.csv?{filters}").content.decode("utf-8-sig")
    page = found_site.get(f"/questions/by_domain?{filters}")
    assert {row["domain"] for row in csv.DictReader(told.splitlines())} == domains
    assert page.status_code == 200
    assert all(domain in page.text for domain in domains)
