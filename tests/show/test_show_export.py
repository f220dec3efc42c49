"""Answers taken away: read back by other programs, and harmless in each of them."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pypdfium2
import pytest
import show_lake
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree, html
from typer.testing import CliRunner

from bouncelens.service.report import Answer, Column
from bouncelens.service.stream import Stream, stream
from bouncelens.service.workspace import Workspace
from bouncelens.settings import Settings
from bouncelens.show import charts
from bouncelens.show.cli.app import app
from bouncelens.show.export.building import build_report
from bouncelens.show.export.cells import clean, harmless, interval, plain, shown
from bouncelens.show.export.delimited import write_csv
from bouncelens.show.export.excel import MOST_CHARACTERS, write_xlsx
from bouncelens.show.export.forms import FORMS
from bouncelens.show.export.markdown import markdown
from bouncelens.show.export.page import html as page
from bouncelens.show.export.paper import pdf
from bouncelens.show.export.pictures import picture
from bouncelens.show.export.report import Report, section
from bouncelens.show.export.writing import write_document

NOW = datetime(2026, 4, 1, 12, 30, tzinfo=UTC)
FORMULAS = [
    pytest.param("=1+1", "'=1+1", id="equals"),
    pytest.param("+1-800", "'+1-800", id="plus"),
    pytest.param("-2+3", "'-2+3", id="minus"),
    pytest.param("@SUM(A1)", "'@SUM(A1)", id="at"),
    pytest.param("\t=1+1", "' =1+1", id="tab"),
    pytest.param("\r=1+1", "' =1+1", id="carriage return"),
    pytest.param("\tx", "' x", id="tab alone"),
    pytest.param("  =1+1", "'  =1+1", id="blanks before"),
    pytest.param("\x00=1+1", "'=1+1", id="hidden by a control character"),
    pytest.param("\u200b=1+1", "'=1+1", id="hidden by a zero-width space"),
    pytest.param('"=1+1', "'\"=1+1", id="hidden by a quote"),
    pytest.param("＝1+1", "'＝1+1", id="full width"),
    pytest.param("\ufe66cmd", "'\ufe66cmd", id="small form"),
    pytest.param("\u2212 1", "'\u2212 1", id="true minus"),
    pytest.param("=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0", id="DDE"),
    pytest.param("a;=1+1", "a;'=1+1", id="after a semicolon, a separator elsewhere"),
    pytest.param("550 5.1.1 no such user", "550 5.1.1 no such user", id="a reply"),
    pytest.param("a=b", "a=b", id="in the middle"),
    pytest.param("", "", id="nothing"),
]


@pytest.mark.parametrize(("text", "expected"), FORMULAS)
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str, expected: str) -> None:
    assert harmless(text) == expected


@given(st.text())
def test_no_text_begins_with_what_a_formula_begins_with(text: str) -> None:
    found = harmless(text)
    assert found.lstrip()[:1] not in set("=+-@＝＋－＠")
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", found)


NUMBERS = [
    pytest.param(-5, "-5", id="a negative number"),
    pytest.param(-0.25, "-0.25", id="a negative share"),
    pytest.param(None, "", id="not known"),
    pytest.param(True, "true", id="a claim"),
    pytest.param(datetime(2026, 3, 1, 9, 5, tzinfo=UTC), "2026-03-01T09:05:00Z", id="a moment"),
    pytest.param(date(2026, 3, 1), "2026-03-01", id="a day"),
]


def test_a_difference_of_rates_is_in_points_and_no_share() -> None:
    change = Column("difference", "points", "")
    assert [shown(value, change) for value in (0.0326, -0.0004, -0.00001)] == [
        "+3.26 pp", "-0.04 pp", "+0.00 pp",
    ]  # fmt: skip
    assert interval("-0.04 pp", "+0.01 pp", " ") == "-0.04 to +0.01 pp"
    book = workbook(about(("what", ""), ("difference", "points"), rows=(("all", 0.0326),)))
    cell = book.worksheets[1]["B2"]
    assert (cell.value, cell.number_format.split(";")[0]) == (3.26, '+0.00" pp"')
    assert book.worksheets[1].auto_filter.ref == "A1:B2"


@pytest.mark.parametrize(("value", "expected"), NUMBERS)
def test_numbers_and_moments_stay_what_they_are(value: object, expected: str) -> None:
    assert plain(value) == expected


def about(*columns: tuple[str, str], rows: tuple[tuple[Any, ...], ...] = ()) -> Answer:
    return Answer(
        question="by:reply",
        title="Replies",
        asks="What was said?",
        denominator="messages sent",
        columns=tuple(Column(name, unit, f"the {name}") for name, unit in columns),
        rows=rows,
        since=datetime(2026, 3, 1, tzinfo=UTC),
        until=datetime(2026, 4, 1, tzinfo=UTC),
        time_zone="UTC",
        notes=("Of: messages sent.",),
    )


def streamed(found: Answer, size: int = 2) -> Stream:
    columns = list(zip(*found.rows, strict=True))
    names = [column.name for column in found.columns]
    table = pa.table({name: list(values) for name, values in zip(names, columns, strict=True)})
    return Stream(found, table.schema, iter(table.to_batches(max_chunksize=size)))


MIXED = about(
    ("reply", ""),
    ("template_id", ""),
    ("bounced", "messages"),
    ("rate", "share"),
    ("seen", ""),
    rows=(
        ("=cmd|' /C calc'!A0", 2**60 + 1, -3, 0.125, datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("http://evil.example/x", 12, 4_000, None, None),
        ("{=1+1}", 12, 0, 1.0, None),
        ("n" * 40_000, 12, 0, 0.0, None),
        ("550 \x1b[31m\u202eresu\x07", 12, 0, 0.0, None),
    ),
)


def workbook(found: Answer, **options: Any) -> Any:
    file = io.BytesIO()
    write_xlsx([streamed(found)], file, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # openpyxl's own
        return openpyxl.load_workbook(file)


def test_excel_gets_text_as_text_and_numbers_as_numbers() -> None:
    book = workbook(MIXED)
    sheet = book["by reply"]
    kinds = [[cell.data_type for cell in row] for row in sheet.iter_rows(min_row=2, max_row=4)]
    assert kinds == [
        ["s", "s", "n", "n", "d"],
        ["s", "n", "n", "n", "n"],
        ["s", "n", "n", "n", "n"],
    ]
    assert sheet["A2"].value == "=cmd|' /C calc'!A0"
    assert sheet["A2"].quotePrefix
    assert (sheet["B2"].value, sheet["C2"].value, sheet["D2"].value) == (str(2**60 + 1), -3, 0.125)
    assert sheet["D2"].number_format == "0.00%"
    assert sheet["A3"].hyperlink is None
    assert sheet["A6"].value == "550 [31mresu"


def test_no_cell_of_the_file_itself_is_a_formula() -> None:
    file = io.BytesIO()
    write_xlsx([streamed(MIXED)], file)
    with zipfile.ZipFile(file) as packed:
        for name in packed.namelist():
            assert b"<f>" not in packed.read(name), name


def test_what_excel_has_no_room_for_is_cut_or_continued_and_said() -> None:
    book = workbook(MIXED, most_rows=3)
    assert book.sheetnames == ["About", "by reply", "by reply (2)", "by reply (3)"]
    assert [book[name].max_row for name in book.sheetnames[1:]] == [3, 3, 2]
    longest = book["by reply (2)"]["A3"].value
    assert len(longest) == MOST_CHARACTERS
    assert longest.endswith("…")
    said = " ".join(str(cell.value) for row in book["About"].iter_rows() for cell in row)
    for words in ("go on in by reply (2)", "1 texts are longer", "1 numbers are text"):
        assert words in said
    assert "From 2026-03-01 to 2026-03-31, days in UTC" in said
    assert "messages sent" in said


@pytest.fixture(scope="module")
def workspace(web_settings: Settings) -> Iterator[Workspace]:
    with Workspace.open(web_settings, create=False) as opened:
        yield opened


def test_a_stream_has_the_rows_of_the_answer(workspace: Workspace) -> None:
    from bouncelens.service.report import answer

    for name in ("by_campaign", "by_provider", "totals", "templates_newest"):
        with stream(workspace, name) as found:
            rows = [tuple(row.values()) for batch in found.batches for row in batch.to_pylist()]
        assert tuple(rows) == answer(workspace, name).rows


def test_a_stream_stops_at_its_limit_whether_or_not_the_question_has_one(
    workspace: Workspace,
) -> None:
    for name in ("by_campaign", "by_provider"):
        with stream(workspace, name, limit=1) as found:
            assert sum(batch.num_rows for batch in found.batches) == 1


def test_csv_read_back_has_every_row_and_no_formula(workspace: Workspace) -> None:
    file = io.StringIO()
    with stream(workspace, "templates_newest") as found:
        write_csv(found, file)
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    samples = {row["sample"] for row in rows}
    assert {clean(reply) for reply in show_lake.HOSTILE} <= samples
    assert all(row["bounces"].isdigit() for row in rows)


def documented(workspace: Workspace) -> Report:
    from bouncelens.service.report import answer

    names = ("totals", "by_reason", "by_campaign", "by_day", "templates_newest")
    overview = answer(workspace, "overview")
    found = [section(answer(workspace, n), limit=50, overview=overview) for n in names]
    return Report("Report <b>&</b>", ("One = two.",), tuple(found), NOW)


SVG_PARTS = {"svg", "g", "path", "rect", "line", "text", "tspan", "defs", "clippath", "title"}
PAGE_PARTS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "ul", "li", "nav", "a",
    "section", "p", "figure", "figcaption", "div", "table", "thead", "tbody", "tr", "th", "td",
    "footer",
}  # fmt: skip


def test_a_page_holds_nothing_that_runs_or_loads(workspace: Workspace) -> None:
    text = page(documented(workspace))
    found = html.fromstring(text)
    for element in found.iter():
        assert element.tag in SVG_PARTS | PAGE_PARTS, element.tag
        for name, value in element.attrib.items():
            assert not name.startswith("on"), name
            assert name not in ("src", "srcset", "style", "action"), name
            assert name != "href" or value.startswith("#"), value
    policy = found.find(".//meta[@http-equiv]").get("content")
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "Report &lt;b&gt;&amp;&lt;/b&gt;" in text


def test_a_page_says_every_campaign_word_by_word(workspace: Workspace) -> None:
    found = html.fromstring(page(documented(workspace)))
    assert show_lake.CAMPAIGN in [cell.text_content() for cell in found.iter("td")]
    assert {clean(r) for r in show_lake.HOSTILE} <= {c.text_content() for c in found.iter("td")}


def test_every_section_of_a_page_has_its_window_its_denominator_and_its_charts(
    workspace: Workspace,
) -> None:
    found = html.fromstring(page(documented(workspace)))
    parts = found.findall(".//section")
    assert len(parts) == 5
    for part in parts:
        assert "days in UTC" in part.text_content()
        assert re.search("Of: |No rates: ", part.text_content())
    assert [len(part.findall(".//svg")) for part in parts] == [0, 1, 1, 1, 0]
    ids = [element.get("id") for element in found.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


def test_the_styles_hash_in_the_policy_is_that_of_the_style(workspace: Workspace) -> None:
    import base64
    import hashlib

    text = page(documented(workspace))
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"sha256-{digest}" in text.replace("&#43;", "+")


def test_a_drawing_lets_nothing_through_but_shapes_and_words() -> None:
    name = "</text><script>alert(1)</script><image href='file:///etc/passwd'/>"
    found = about(
        ("domain", ""), ("bounced", "messages"), ("sent", "messages"), ("rate", "share"),
        rows=((name, 5, 10, 0.5), ("b.example", 4, 10, 0.4)),
    )  # fmt: skip
    drawing = charts.drawn(found)
    assert drawing is not None
    root = etree.fromstring(picture(drawing, prefix="x-").encode())
    tags = {str(element.tag).rpartition("}")[2].lower() for element in root.iter()}
    assert tags <= SVG_PARTS
    assert "&lt;/text&gt;" in etree.tostring(root, encoding="unicode")


def pages_of(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    try:
        return "\n".join(each.get_textpage().get_text_bounded() for each in document)
    finally:
        document.close()


def test_paper_says_what_the_page_says_and_reads_no_markup(workspace: Workspace) -> None:
    report = documented(workspace)
    hostile = '#read("/etc/passwd") *bold* $x$ @ref <label> \\ #import "x.typ"'
    text = pages_of(pdf(Report(hostile, (hostile,), report.sections, NOW))).replace("\r\n", " ")
    assert text.count(hostile) >= 2
    for words in ("Bounces by campaign", "days in UTC", "Of: messages sent", "unknown_user"):
        assert words in text


def test_a_document_of_one_answer_says_first_what_its_rows_say() -> None:
    found = replace(MIXED, title="Compared", notes=("It rose.", "Of: messages sent."))
    made = build_report(lambda _name, _limit: found, ("compare",), made_at=NOW)
    assert made.lead == ("It rose.",)
    assert "It rose." not in made.sections[0].notes
    assert markdown(made).count("Compared") == 1


def test_paper_without_rows_says_so() -> None:
    report = Report("Empty", (), (section(about(("reply", "")), limit=5),), NOW)
    assert "Nothing in this window." in pages_of(pdf(report))


MARKDOWN = [
    pytest.param("unknown_user", "`unknown_user`", id="underscores"),
    pytest.param("3.13 %", "3.13 %", id="a rate"),
    pytest.param("@everyone look", "`@everyone look`", id="a mention"),
    pytest.param("#12 [x](http://e.example)", "`#12 [x](http://e.example)`", id="a link"),
    pytest.param("evil.example", "`evil.example`", id="a bare domain"),
    pytest.param("a|b", r"`a\|b`", id="a bar"),
    pytest.param("a`b``c", "```a`b``c```", id="backticks"),
    pytest.param("<img src=x>", "`<img src=x>`", id="a tag"),
]


@pytest.mark.parametrize(("text", "expected"), MARKDOWN)
def test_a_ticket_shows_strangers_words_as_code(text: str, expected: str) -> None:
    found = about(("reply", ""), ("n", "messages"), rows=((text, 1), ("b", 2)))
    file = io.BytesIO()
    report = Report("T", (), (section(found, limit=5),), NOW)
    write_document(report, FORMS["md"], file)
    assert f"| {expected} | 1 |" in file.getvalue().decode()


def run(*words: str) -> tuple[int, bytes, str]:
    result = CliRunner().invoke(app, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        return 2, b"", str(result.exception)
    return result.exit_code, result.stdout_bytes, result.stderr


@pytest.fixture(scope="module")
def config(web_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("config") / "bouncelens.toml"
    place.write_text(f"lake = '{web_settings.lake}'\nledger = '{web_settings.ledger}'\n", "utf-8")
    return str(place)


def test_the_command_writes_a_table_for_each_answer_into_a_zip(config: str, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv.zip"
    code, _, said = run("report", "-c", config, "--out", str(out))
    assert (code, "Written" in said) == (0, True)
    with zipfile.ZipFile(out) as packed:
        assert packed.namelist() == [
            "totals.csv", "by_reason.csv", "by_provider.csv", "by_campaign.csv", "by_day.csv",
            "about.txt",
        ]  # fmt: skip
        assert packed.read("by_day.csv").startswith(b"\xef\xbb\xbfday,")
        assert b"Of: messages sent" in packed.read("about.txt")


def test_the_command_writes_a_folder_of_parquet_that_knows_what_it_is(
    config: str, tmp_path: Path
) -> None:
    code, *_ = run(
        "report", "-c", config, "--since", "2026-03-01", "--until", "2026-03-03",
        "--format", "parquet", "--out", str(tmp_path / "answers"),
    )  # fmt: skip
    assert code == 0
    schema = pq.read_schema(tmp_path / "answers" / "by_provider.parquet")
    told = json.loads(schema.metadata[b"bouncelens"])
    assert told["window"] == "From 2026-03-01 to 2026-03-02, days in UTC"
    assert told["denominator"] == "messages sent to that provider"
    assert schema.field("rate").metadata[b"unit"] == b"share"


def test_several_tables_do_not_go_into_one_csv(config: str, tmp_path: Path) -> None:
    code, _, said = run("report", "-c", config, "--out", str(tmp_path / "all.csv"))
    assert code == 2
    assert "--format csv --out answers.zip" in said
    assert list(tmp_path.iterdir()) == []


def test_a_failed_export_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    missing = tmp_path / "bouncelens.toml"
    missing.write_text(f"lake = '{tmp_path / 'none'}'\n", "utf-8")
    out = tmp_path / "kept.csv"
    out.write_text("kept", "utf-8")
    code, *_ = run("report", "by_day", "-c", str(missing), "--out", str(out))
    assert code != 0
    assert out.read_text("utf-8") == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bouncelens.toml", "kept.csv"]


def test_one_csv_can_be_piped(config: str) -> None:
    code, out, said = run("report", "by_provider", "-c", config, "--format", "csv")
    assert code == 0
    assert out.startswith(b"provider,")
    assert "messages sent to that provider" in said


EXTRACT = """SubscriberKey,SendID,EventDate,EmailAddress,BounceCategory,SMTPCode,BounceReason
k1,9,3/1/2026 10:00:00 AM,a@x.example,Hard bounce,550,550 5.1.1 <script>x</script> user unknown
k2,9,3/1/2026 10:00:01 AM,b@x.example,Hard bounce,550,=HYPERLINK("x") 5.1.1 user unknown
"""


@pytest.mark.parametrize("form", ["html", "pdf", "xlsx", "md"])
def test_a_zip_on_the_desk_becomes_a_report_without_tenant_or_lake(
    form: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "extract.zip", "w") as packed:
        packed.writestr("Bounces.csv", EXTRACT)
    out = tmp_path / f"report.{form}"
    settings = tmp_path / "bouncelens.toml"
    settings.write_text(f"lake = '{tmp_path / 'no-lake'}'\n", "utf-8")
    code, _, said = run(
        "report", str(tmp_path / "extract.zip"), "--account", "7", "-c", str(settings),
        "--out", str(out),
    )  # fmt: skip
    assert code in (0, 3), said
    assert not (tmp_path / "no-lake").exists()
    content = out.read_bytes()
    if form == "html":
        assert b"2 messages bounced; how many were sent is not known" in content
        assert b"Read from extract.zip" in content
    elif form == "pdf":
        assert "2 messages bounced" in pages_of(content)
    elif form == "xlsx":
        assert content[:2] == b"PK"
    else:
        assert "2 messages bounced" in content.decode()


def test_nothing_heavy_is_loaded_for_help() -> None:
    import subprocess

    script = "import sys; from bouncelens.show.cli.app import app; print([m for m in ('typst','xlsxwriter','pyarrow','altair','lxml') if m in sys.modules])"  # noqa: E501
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found
