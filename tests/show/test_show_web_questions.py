"""A page per question: its answer, its SQL, its filters, and the way there from the overview."""

from __future__ import annotations

import html
import re

import pytest
import show_lake
from starlette.testclient import TestClient

from bouncelens.service.report import questions
from bouncelens.settings import Settings
from bouncelens.settings.report import ReportSettings
from bouncelens.show.web.app import create_app
from bouncelens.show.web.filters import Filters

ORIGIN = "http://127.0.0.1:8000"


def test_a_period_is_compared_with_the_one_before(site: TestClient) -> None:
    assert site.get("/questions/compare").status_code == 200  # the last thirty days
    page = html.unescape(site.get("/questions/compare?since=2026-03-02&until=2026-03-03").text)
    assert "The whole rate changed by" in page
    assert "Before is from 2026-03-01, before 2026-03-02." in page


def test_a_campaign_is_compared_with_another_that_the_page_offers(site: TestClient) -> None:
    lacking = site.get("/questions/compare?campaign=Spring+letter")
    assert lacking.status_code == 200
    assert "Say what to compare it with" in lacking.text
    assert '<option value="Spring letter">' in lacking.text
    page = site.get("/questions/compare?job=42&other_campaign=Spring+letter").text
    assert "+0.00 percentage points" in page  # job 42 is the Spring letter
    assert 'name="other_campaign"' in page
    assert 'value="Spring letter" placeholder' in page
    file = site.get("/api/report/compare.csv?job=42&other_campaign=Spring+letter")
    assert file.status_code == 200
    assert "rate_effect" in file.text
    wrong = site.get("/questions/compare?other_since=2026-03-02&other_until=2026-03-01")
    assert (wrong.status_code, "holds no day" in wrong.text) == (400, True)


@pytest.mark.parametrize("name", ["by_reason", "by:provider,domain", "templates_newest"])
def test_domain_and_provider_narrow_every_page(site: TestClient, name: str) -> None:
    page = site.get(f"/questions/{name}?domain=gmail.com&provider=google").text
    assert 'name="domain"' in page
    assert 'value="gmail.com"' in page
    assert '<option value="google" selected>' in page
    assert "yahoo" not in page.split("<tbody>")[1].split("</tbody>")[0]


def test_cells_lead_to_the_same_page_narrowed_by_them(site: TestClient) -> None:
    page = html.unescape(site.get("/questions/by:provider,reason?since=2026-03-01").text)
    links = re.findall(r'<a href="(/questions/[^"]*provider=[^"]*)"', page)
    assert links
    for link in links[:3]:
        assert "since=2026-03-01" in link
        assert site.get(link).status_code == 200


@pytest.mark.parametrize(("min_sent", "is_grey"), [(100, False), (101, True)])
def test_rates_of_few_messages_are_grey_and_said_so(
    web_settings: Settings, min_sent: int, is_grey: bool
) -> None:
    strict = web_settings.model_copy(update={"report": ReportSettings(min_sent=min_sent)})
    with TestClient(create_app(strict), base_url=ORIGIN) as site:
        page = site.get("/questions/by:day,domain,job").text  # 100 were sent to each
    assert ('class="n thin"' in page) is is_grey
    assert ("Grey rates are of fewer than 101" in page) is is_grey


def test_a_hostile_campaign_is_text_in_a_table(site: TestClient) -> None:
    page = site.get("/questions/by_campaign").text
    assert show_lake.CAMPAIGN not in page
    assert html.escape(show_lake.CAMPAIGN, quote=True).replace("&#x27;", "&#39;") in page


def test_a_subscribers_timeline_is_asked_for_in_the_page(site: TestClient) -> None:
    assert "Say who" in site.get("/questions/subscriber_timeline").text
    page = site.get("/questions/subscriber_timeline?subscriber=s0").text
    assert "2026-03-01 10:00" in page
    people = html.unescape(site.get("/questions/bouncing_subscribers").text)
    assert "/questions/subscriber_timeline?subscriber=s0" in people


def test_the_list_leads_to_every_question_and_to_any_two_dimensions(site: TestClient) -> None:
    page = site.get("/questions?provider=google").text
    for asked in questions():
        assert f'href="/questions/{asked.name}?provider=google"' in page
    people, machinery = page.split("What commands ask")
    assert 'href="/questions/by_domain' in people
    assert 'href="/questions/totals' in machinery


def test_an_interval_is_one_column(site: TestClient) -> None:
    page = site.get("/questions/by_provider").text
    assert ">95 % interval</th>" in page
    assert ">high</th>" not in page
    assert re.search(r"\d\.\d\d – \d+\.\d\d %</td>", page)


def test_other_dimensions_keep_the_filters(site: TestClient) -> None:
    for path in ("/questions?", "/questions/by:provider,reason?"):
        page = site.get(path + "domain=gmail.com&hardness=hard").text
        form = page.split('action="/pivot"')[1].split("</form>")[0]
        assert 'type="hidden" name="domain" value="gmail.com"' in form
        assert 'type="hidden" name="hardness" value="hard"' in form
    query = "by=provider&and=day&then=&domain=gmail.com&hardness=hard"
    answer = site.get(f"/pivot?{query}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/questions/by:provider,day?domain=gmail.com&hardness=hard",
    )
    bare = site.get("/pivot?by=&domain=gmail.com", follow_redirects=False)
    assert (bare.status_code, bare.headers["location"]) == (303, "/questions?domain=gmail.com")
    page = site.get("/questions/by:day,list,reason").text
    form = page.split('action="/pivot"')[1].split("</form>")[0]
    assert re.findall(r'value="(\w+)"[^>]* selected', form) == ["day", "list", "reason"]


@pytest.mark.parametrize(
    "condition", ["triggered_send=welcome", "sfmc_category=Hard+bounce", "job_category=Send"]
)
def test_whatever_narrows_a_question_narrows_its_page(site: TestClient, condition: str) -> None:
    page = site.get(f"/questions/by_reason?{condition}")
    assert page.status_code == 200
    assert f'name="{condition.split("=")[0]}"' in page.text


@pytest.mark.parametrize("path", ["/questions/nothing", "/pivot?by=colour", "/questions/by:x;y"])
def test_an_unknown_question_gets_a_sentence(site: TestClient, path: str) -> None:
    answer = site.get(path)
    assert answer.status_code == 400
    assert "There is no" in answer.text


def test_the_overview_leads_to_the_headline_numbers(site: TestClient) -> None:
    page = site.get("/?provider=google").text
    for name in (
        "still_mailed_after_hard_bounce", "bounced_but_engaged", "soft_bounce_recurrence",
        "freshness",
    ):  # fmt: skip
        assert f'href="/questions/{name}?provider=google"' in page


def test_a_filter_keeps_its_page() -> None:
    filters = Filters(domain="gmail.com", path="/questions/by_day")
    assert filters.link(domain=None) == "/questions/by_day"
    assert filters.to("/", list=5) == "/?domain=gmail.com&list=5"
