"""The overview page over a real lake: its numbers, its links, and text that must stay text."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import pytest
import show_lake
from starlette.testclient import TestClient

from bouncelens.show.web.pages import visible

# Elements and attributes by which a stranger's words could do something.
ALLOWED_SCRIPTS = {"/static/vega", "/static/charts"}


class Reader(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "script":
            self.scripts.append(dict(attrs))
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def test_the_headline_names_the_rate_with_both_of_its_numbers(site: TestClient) -> None:
    totals = dict(
        zip(
            [c["name"] for c in site.get("/api/report/totals").json()["columns"]],
            site.get("/api/report/totals").json()["rows"][0],
            strict=True,
        )
    )
    page = site.get("/").text
    rate = f"{totals['rate'] * 100:.2f} %"
    assert f"{totals['bounced']:,} of {totals['sent']:,} messages bounced: {rate}" in page
    assert "01 Mar 2026 – 03 Mar 2026 (UTC)" in page


def test_a_page_carries_no_script_style_or_handler_but_its_own(site: TestClient) -> None:
    reader = read(site.get("/").text)
    for script in reader.scripts:
        source = script.get("src") or ""
        assert script.get("type") == "application/json" or source.partition(".")[0] in (
            ALLOWED_SCRIPTS
        )
    assert not [entry for entry in reader.attributes if entry[1].startswith("on")]
    assert not [entry for entry in reader.attributes if entry[1] == "style"]
    assert "iframe" not in reader.tags
    assert "style" not in reader.tags


def test_every_address_in_a_page_is_on_this_server(site: TestClient) -> None:
    for _, name, value in read(site.get("/").text).attributes:
        if name in {"href", "src", "srcset", "action"}:
            assert (value or "")[:1] in "/#", value
            assert not (value or "").startswith("//"), value


@pytest.mark.parametrize("reply", show_lake.HOSTILE)
def test_a_hostile_reply_is_shown_word_by_word(site: TestClient, reply: str) -> None:
    page = site.get("/").text
    assert html.escape(visible(reply), quote=True) in page.replace("&#39;", "&#x27;").replace(
        "&#34;", "&quot;"
    )
    assert "49" not in re.findall(r"450 4\.2\.2 (\S+)", page)


def test_controls_and_marks_that_reorder_text_are_written_out() -> None:
    assert visible("a\u202eb\x1b[31mc\x00\r\nd") == "a[U+202E]b[U+001B][31mc[U+0000]\nd"
    assert visible("用户不存在 – نام") == "用户不存在 – نام"


def test_the_charts_data_cannot_end_its_script_element(site: TestClient) -> None:
    page = site.get("/").text
    blocks = re.findall(r'<script type="application/json">(.*?)</script>', page, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        assert "<" not in block
        assert set(json.loads(block)) == {"spec", "config"}


def test_every_link_of_a_page_leads_to_a_page(site: TestClient) -> None:
    links = {html.unescape(link) for link in read(site.get("/").text).links if link[:1] == "/"}
    assert len(links) >= 12
    for link in links:
        assert site.get(link).status_code == 200, link


def test_filters_narrow_the_page_and_stay_in_its_links(site: TestClient) -> None:
    page = site.get("/?provider=google&since=2026-03-02&until=2026-03-04").text
    assert "Most often: " in page
    assert "largest share" not in page  # of one provider's bounces, that provider has all
    assert "02 Mar 2026 – 03 Mar 2026" in page
    assert '<option value="google" selected>' in page
    reasons = [link for link in read(page).links if "reason=" in link]
    assert reasons
    assert all("provider=google" in link and "until=2026-03-04" in link for link in reasons)
    assert "TSS04" not in page


WRONG = [
    pytest.param("/?since=tomorrow", 400, "day such as", id="bad day"),
    pytest.param("/?sinse=2026-01-01", 400, "Did you mean &#39;since&#39;", id="filter misspelt"),
    pytest.param("/?provider=%3Cscript%3Ealert(1)%3C/script%3E", 400, "provider", id="markup"),
    pytest.param("/nowhere", 404, "no such page", id="no page"),
    pytest.param("/static/../app.py", 404, "no such page", id="out of the folder"),
    pytest.param("/static/style.css", 404, "no such page", id="name without hash"),
    pytest.param("/charts/nothing.svg", 404, "no such page", id="no chart"),
    pytest.param("/charts/overview.svg?theme=pink", 400, "cannot be read", id="no theme"),
]


@pytest.mark.parametrize(("path", "status", "words"), WRONG)
def test_a_wrong_address_gets_a_sentence(
    site: TestClient, path: str, status: int, words: str
) -> None:
    answer = site.get(path)
    assert answer.status_code == status
    assert words in answer.text
    assert "<script>" not in answer.text
    assert "Traceback" not in answer.text


def test_an_empty_lake_says_what_to_do_next(empty_site: TestClient) -> None:
    page = empty_site.get("/").text
    assert "bouncelens pull" in page
    assert "data-chart" not in page


def test_filters_that_match_nothing_offer_the_way_back(site: TestClient) -> None:
    page = site.get("/?since=2020-01-01&until=2020-02-01").text
    assert "Nothing in the lake matches these filters" in page


def test_a_missing_lake_is_not_made_and_not_a_stack_trace(missing_site: TestClient) -> None:
    answer = missing_site.get("/")
    assert answer.status_code == 503
    assert "Traceback" not in answer.text
    assert missing_site.get("/health").json() == {"status": "ok"}


def test_static_names_change_with_their_content_and_may_be_kept(site: TestClient) -> None:
    for name in re.findall(r'"(/static/[^"]+)"', site.get("/").text):
        assert re.fullmatch(r"/static/\w+\.[0-9a-f]{12}\.\w+", name)
        assert "immutable" in site.get(name).headers["cache-control"]


@pytest.mark.parametrize("name", ["overview", "reasons", "providers"])
def test_every_chart_has_a_picture(site: TestClient, name: str) -> None:
    answer = site.get(f"/charts/{name}.svg?theme=dark")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "<svg" in answer.text


def test_the_api_gives_the_answer_that_the_page_shows(site: TestClient) -> None:
    answer = site.get("/api/report/by_reason?group=address").json()
    names = [column["name"] for column in answer["columns"]]
    assert {"reason", "bounced", "sent", "rate"} <= set(names)
    assert {row[names.index("reason_group")] for row in answer["rows"]} == {"address"}
    assert answer["denominator"]


@pytest.mark.parametrize(
    "path", ["/api/report/nothing", "/api/report/totals?since=x", "/api/report/by_campaign?limit=0"]
)
def test_the_api_refuses_in_json(site: TestClient, path: str) -> None:
    answer = site.get(path)
    assert answer.status_code == 400
    assert answer.json()["error"]
