"""Who did not ask for addresses sees none: on no page, in no file, in no question's answer."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
import show_lake
from starlette.testclient import TestClient

from bouncelens.errors import InputInvalid
from bouncelens.service.hiding import showing_addresses
from bouncelens.service.report import answer, questions, shown
from bouncelens.service.stream import stream
from bouncelens.service.workspace import Workspace
from bouncelens.settings import Settings
from bouncelens.settings.report import ReportSettings
from bouncelens.show.web.app import create_app

ORIGIN = "http://127.0.0.1:8000"
NAMES = [asked.name for asked in questions()]
ONE = re.compile(r"s\d+(@|=|%40|&#64;)(gmail|yahoo|acme|evil)")  # show_lake's people
WHO = "s0@gmail.com"
HOLDING = (
    "templates_newest", "incident_domains", "bouncing_subscribers", "subscriber_timeline",
    "address_bounces", "bounced_but_engaged", "suppression_history", "held_over",
)  # fmt: skip


@pytest.fixture(scope="module")
def naming(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return show_lake.naming(tmp_path_factory.mktemp("naming"))


@pytest.fixture(scope="module")
def careful_site(naming: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(naming), base_url=ORIGIN) as client:
        yield client


@pytest.mark.parametrize("name", [*NAMES, "by:provider,reason", "by:event_day"])
def test_every_question_has_a_page_with_its_query_and_without_an_address(
    careful_site: TestClient, name: str
) -> None:
    found = careful_site.get(f"/questions/{name}")
    assert found.status_code == 200
    page = html.unescape(found.text)
    assert shown(name).sql in page
    assert shown(name).title in page
    assert not ONE.search(page)


@pytest.mark.parametrize("path", ["/", "/incidents", "/suppressions/simulate", "/api/report.md"])
def test_no_other_page_names_an_address(careful_site: TestClient, path: str) -> None:
    found = careful_site.get(path)
    assert found.status_code == 200
    assert not ONE.search(html.unescape(found.text))


def test_a_file_holds_addresses_only_where_they_were_asked_for(naming: Settings) -> None:
    with Workspace.open(naming) as careful, Workspace.open(_asked(naming)) as asking:
        for name in HOLDING:
            assert ONE.search(_written(asking, name)), name
            assert not ONE.search(_written(careful, name)), name


def test_a_timeline_tells_replies_as_templates_and_our_words_as_they_are(naming: Settings) -> None:
    with Workspace.open(naming) as workspace:
        found = answer(workspace, "subscriber_timeline", subscriber=WHO)
    records = list(found.records())
    told = [record["told"] for record in records if record["event"] == "bounced"]
    assert ["<addr>" in words for words in told] == [True]
    assert records[0]["subscriber_key"].startswith("hidden-")
    assert "Keys that are addresses are written as hidden-…; --addresses shows them." in found.notes


def test_a_stand_in_leads_to_no_page_that_would_be_empty(careful_site: TestClient) -> None:
    page = careful_site.get("/questions/bouncing_subscribers").text
    assert "hidden-" in page
    assert "subscriber=hidden" not in page


def test_settings_can_refuse_addresses_to_everybody(naming: Settings) -> None:
    never = naming.model_copy(update={"report": ReportSettings(addresses="never")})
    assert showing_addresses(never, asked=False) == never
    with pytest.raises(InputInvalid, match="never show addresses"):
        showing_addresses(never, asked=True)


def _asked(settings: Settings) -> Settings:
    return showing_addresses(settings, asked=True)


def _written(workspace: Workspace, name: str) -> str:
    """An answer's rows as a file has them."""
    kind = {"subscriber_timeline": "subscriber", "address_bounces": "address"}.get(name)
    with stream(workspace, name, **({kind: WHO} if kind else {})) as found:
        return str([batch.to_pydict() for batch in found.batches])
