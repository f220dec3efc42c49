"""Files from the pages: the same numbers, the same filters, kept rather than shown."""

from __future__ import annotations

import csv
import io
import zipfile

import openpyxl
import pytest
import show_lake
from lxml import html
from starlette.testclient import TestClient

KINDS = {
    "csv": b"\xef\xbb\xbfprovider,",
    "xlsx": b"PK",
    "parquet": b"PAR1",
    "html": b"<!doctype html>",
    "pdf": b"%PDF-",
    "md": b"# ",
}


@pytest.mark.parametrize("form", KINDS)
def test_every_form_comes_as_a_file_to_keep(site: TestClient, form: str) -> None:
    answer = site.get(f"/api/report/by_provider.{form}?since=2026-03-01&until=2026-03-03")
    assert answer.status_code == 200
    assert answer.content.startswith(KINDS[form])
    name = f"bounces-by_provider-2026-03-01-2026-03-02.{form}"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("query", ["", "?provider=google", "?job=41&until=2026-03-03"])
def test_a_file_has_the_rows_of_the_api_with_the_same_filters(site: TestClient, query: str) -> None:
    told = site.get(f"/api/report/by_campaign{query}").json()
    text = site.get(f"/api/report/by_campaign.csv{query}").content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == [column["name"] for column in told["columns"]]
    at = rows[0].index("bounced")
    assert [int(row[at]) for row in rows[1:]] == [row[at] for row in told["rows"]]


def test_the_whole_report_is_a_workbook_a_document_or_a_zip(site: TestClient) -> None:
    book = openpyxl.load_workbook(io.BytesIO(site.get("/api/report.xlsx").content))
    assert book.sheetnames[:3] == ["About", "totals", "by_reason"]
    assert site.get("/api/report.pdf").content.startswith(b"%PDF-")
    packed = site.get("/api/report.csv?reason=unknown_user")
    assert packed.headers["content-disposition"].endswith('"bounces-report.csv.zip"')
    with zipfile.ZipFile(io.BytesIO(packed.content)) as found:
        assert "by_day.csv" in found.namelist()


def test_a_pivot_can_be_kept_too(site: TestClient) -> None:
    answer = site.get("/api/report/by:provider,reason.csv")
    assert answer.headers["content-disposition"] == (
        'attachment; filename="bounces-by-provider-reason.csv"'
    )
    assert answer.content.startswith(b"\xef\xbb\xbfprovider,reason,")


def test_comparing_two_windows_can_be_kept(site: TestClient) -> None:
    query = "?since=2026-03-02&until=2026-03-03"
    told = site.get(f"/api/report/compare{query}").json()["rows"]
    text = site.get(f"/api/report/compare.csv{query}").content.decode("utf-8-sig")
    assert len(text.splitlines()) == len(told) + 1


@pytest.mark.parametrize("page", ["/", "/questions/by_campaign?provider=google"])
def test_every_download_link_of_a_page_works_and_keeps_its_filters(
    site: TestClient, page: str
) -> None:
    found = html.fromstring(site.get(page).text)
    links = [a.get("href") for a in found.iter("a") if a.get("download") is not None]
    assert len(links) >= 3
    for link in links:
        assert ("provider=google" in link) == ("provider=google" in page)
        assert site.get(link).status_code == 200, link


@pytest.mark.parametrize(
    ("path", "words"),
    [
        pytest.param("/api/report/by_provider.exe", "no form 'exe'", id="a form"),
        pytest.param("/api/report/nothing.csv", "no question 'nothing'", id="a question"),
        pytest.param("/api/report.docx", "no form 'docx'", id="a form of the report"),
        pytest.param("/api/report/by_day.csv?provider=gogle", "Did you mean", id="a filter"),
    ],
)
def test_what_does_not_exist_is_refused_in_words(site: TestClient, path: str, words: str) -> None:
    answer = site.get(path)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_without_a_lake_there_is_a_sentence_and_no_file(missing_site: TestClient) -> None:
    answer = missing_site.get("/api/report.csv")
    assert answer.status_code == 503
    assert "content-disposition" not in answer.headers


def test_a_hostile_campaign_stays_text_in_every_form(site: TestClient) -> None:
    page = html.fromstring(site.get("/api/report/by_campaign.html").text)
    assert show_lake.CAMPAIGN in [cell.text_content() for cell in page.iter("td")]
    assert not list(page.iter("script"))
    assert show_lake.CAMPAIGN in site.get("/api/report/by_campaign.csv").text
