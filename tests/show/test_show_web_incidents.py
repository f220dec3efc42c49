"""The pages of incidents: what happened, how sure it is, and what to do, for people in a hurry."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bouncelens.service import incident
from bouncelens.service.vocabulary import provider_names
from bouncelens.service.workspace import Workspace
from bouncelens.settings import Settings
from bouncelens.show.web.app import create_app
from suppression_lake import DEAD, NOW, fill, people, settings_in

ORIGIN = "http://127.0.0.1:8000"
START = NOW - timedelta(days=3)
NAME = provider_names()["google"]
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Sixty living people whom Google called dead within an hour, and one other."""
    found = settings_in(tmp_path_factory.mktemp("incidents"))
    hit = [(f"p{n}", DEAD, 3 - n / 24 / 60) for n in range(60)]
    fill(found, [*hit, ("other", DEAD, 20)])
    people(
        found,
        [{"subscriber_key": name, "last_delivery": START - timedelta(days=9)} for name, *_ in hit],
    )
    with Workspace.open(found) as workspace:
        (one,) = incident.watch(workspace, now=START + timedelta(hours=2)).opened
        assert one.provider == "google"
        incident.hold(workspace, "yahoo", starts=START, ends=START + timedelta(hours=1), why=EVIL)
    return found


@pytest.fixture(scope="module")
def site(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url=ORIGIN) as client:
        yield client


def test_the_overview_leads_to_what_is_open(site: TestClient) -> None:
    page = site.get("/").text
    assert 'href="/incidents/1">' in page
    assert f"{NAME} seems to call living addresses dead" in page
    assert "These refusals suppress nobody until that is decided" in page


def test_the_overview_names_a_provider_that_was_wrong_in_its_window(tmp_path: Path) -> None:
    found = settings_in(tmp_path)
    fill(found, [("p1", DEAD, 1)])
    with Workspace.open(found) as workspace:
        made = incident.hold(
            workspace, "google", starts=START, ends=START + timedelta(hours=1), why="they said so"
        )
        incident.confirm(workspace, made.id, why="they said so")
    day, later = START.date(), START.date() + timedelta(days=1)
    with TestClient(create_app(found), base_url=ORIGIN) as client:
        told = {
            query: "called living addresses dead" in client.get(f"/{query}").text
            for query in ("", f"?since={day}&provider=google", f"?since={later}", "?provider=gmx")
        }
    assert list(told.values()) == [True, True, False, False]


def test_the_list_shows_every_incident_and_believes_no_words(site: TestClient) -> None:
    page = site.get("/incidents").text
    assert "2 incidents, newest first" in page
    assert EVIL not in page
    assert "&lt;script&gt;" in page


def test_an_incident_shows_evidence_people_and_what_to_do(site: TestClient) -> None:
    page = site.get("/incidents/1").text
    assert f"{NAME} seems to call living addresses dead" in page
    assert "Incident 1 is open" in page
    assert "60 people were hit" in page
    assert "bouncelens incident confirm 1 --why" in page
    assert "60 of 60 of whom anything is known" in page
    for place in ("/", "/questions/by_campaign", "/questions/by_reply"):
        (link,) = re.findall(rf'href="({place}\?[^"]*)"', page)
        assert site.get(html.unescape(link)).status_code == 200
    assert "nobody yet" in page
    picture = site.get("/incidents/1.svg?theme=dark")
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert "<svg" in picture.text


def test_what_was_opened_by_hand_says_so(site: TestClient) -> None:
    page = site.get("/incidents/2").text
    assert "Opened by" in page
    assert EVIL not in page


@pytest.mark.parametrize("number", ["9", "x", "99999999999", "1.svgx"])
def test_one_that_is_not_there_is_refused_in_words(site: TestClient, number: str) -> None:
    answer = site.get(f"/incidents/{number}")
    assert answer.status_code == 400
    assert "incident" in answer.text


def test_before_anything_happened_the_page_says_so(tmp_path: Path) -> None:
    found = settings_in(tmp_path)
    fill(found, [("p1", DEAD, 1)])
    with TestClient(create_app(found), base_url=ORIGIN) as client:
        page = client.get("/incidents").text
    assert "No provider was found to be wrong" in page


def test_where_nobody_tells_who_is_alive_it_is_said(tmp_path: Path) -> None:
    found = settings_in(tmp_path)
    fill(found, [(f"p{n}", DEAD, 1) for n in range(30)])
    with TestClient(create_app(found), base_url=ORIGIN) as client:
        page = client.get("/incidents").text
    assert "outage would not be noticed" in page
