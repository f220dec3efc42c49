"""Answers in the terminal: what fits is shown, what does not is named, thin rates are not told."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import show_lake

from bouncelens.service.compare import other_side
from bouncelens.service.report import Answer, Column
from bouncelens.show.cli import run
from bouncelens.show.cli.answers import bar, print_answer, sparkline
from bouncelens.show.cli.screen import columns_wide

RATES = (
    Column("bounces", "events", ""),
    Column("bounced", "messages", ""),
    Column("uncounted", "messages", "", is_detail=True),
    Column("sent", "messages", ""),
    Column("rate", "share", ""),
    Column("low", "share", "", is_detail=True),
    Column("high", "share", "", is_detail=True),
)


def answer(*rows: tuple[Any, ...], first: Column, more: tuple[Column, ...] = ()) -> Answer:
    return Answer(
        question="by:x", title="Bounces by x", asks="?", denominator="messages sent",
        columns=(first, *RATES, *more), rows=rows, since=None, until=None, time_zone="UTC",
        notes=("Of: messages sent.",), min_sent=100,
    )  # fmt: skip


def test_a_rate_of_few_messages_is_a_dash_and_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer(
        answer(
            ("large", 2, 2, 0, 200, 0.01, 0.002, 0.03),
            ("small", 1, 1, 0, 99, 0.0101, 0.002, 0.03),
            ("unknown", 1, 1, 1, None, None, None, None),
            first=Column("provider", "", ""),
        )
    )
    shown = capsys.readouterr().out
    assert re.search(r"1\.00 % +0\.20–3\.00 %", shown)
    assert "1.01 %" not in shown
    assert "fewer than 100 sent are not shown" in shown


def test_no_thin_rate_no_word_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer(answer(("x", 2, 2, 0, 200, 0.01, 0.0, 0.1), first=Column("provider", "", "")))
    assert "fewer than" not in capsys.readouterr().out


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_of_a_table_is_wider_than_the_screen(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    words = Column("template", "", "")
    more = tuple(Column(f"detail_{n}", "messages", "", is_detail=True) for n in range(9))
    row = ("word " * 90, 12_345, 12_345, 3, 1_234_567, 0.5, 0.4, 0.6, *range(9))
    print_answer(answer(row, first=words, more=more))
    shown = capsys.readouterr()
    table = shown.out.splitlines()[1:-2]
    assert max(map(columns_wide, table)) <= width
    assert "1,234,567" in shown.out
    assert "detail_8" in shown.err
    assert "--wide" in shown.err


def test_a_narrow_screen_leaves_columns_out_before_it_breaks_words_or_moments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "84")
    first = Column("sender_domain", "", "")
    more = (Column("last_bounce", "", ""), Column("status", "", ""), Column("last_sign", "", ""))
    when = "2026-11-24 15:38"
    row = ("offers.alderbrook-travel.example", 9, 9, 0, 200, 0.05, 0.04, 0.06, when, "held", when)
    print_answer(answer(row, first=first, more=more))
    shown = capsys.readouterr()
    assert (
        f"offers.alderbrook-travel.example        9        9   200  5.00 %  {when}\n" in shown.out
    )
    assert "No room for low, high, status, last_sign" in shown.err


def test_a_table_of_very_many_rows_looks_like_one_of_few(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [(f"provider-{n % 10}", n, n, 0, 200, 0.05, 0.04, 0.06) for n in range(1001)]
    shown = []
    for many in (rows[-10:], rows):
        print_answer(answer(*many, first=Column("provider", "", "")), limit=len(many))
        shown.append([line.split() for line in capsys.readouterr().out.splitlines()])
    few, many_lines = shown
    assert many_lines[:2] == few[:2]
    assert many_lines[-12:-2] == few[2:12]


def test_wide_shows_every_column(capsys: pytest.CaptureFixture[str]) -> None:
    more = tuple(Column(f"detail_{n}", "messages", "", is_detail=True) for n in range(30))
    row = ("x", 1, 1, 0, 200, 0.5, 0.4, 0.6, *range(30))
    print_answer(answer(row, first=Column("provider", "", ""), more=more), is_wide=True)
    shown = capsys.readouterr()
    assert "detail 29" in shown.out
    assert "uncounted" in shown.out
    assert shown.err == ""


def test_days_have_bars_and_a_line_over_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(20)]
    rows = [(day, n, n, 0, 1000, n / 1000, 0.0, 1.0) for n, day in enumerate(days)]
    print_answer(answer(*rows, first=Column("day", "", "")), limit=5)
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert [line.count("█") for line in lines if "2026-01-20" in line] == [16, 0]
    assert "lowest 0.00 %, highest 1.90 %" in shown.out
    assert "▁▁▂▂▂▃▃▄▄▄▅▅▅▆▆▇▇▇█" in shown.out
    assert "15 more rows" in shown.err


def test_days_of_nothing_but_people_have_bars_too(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(date(2026, 1, 1), 2, 1.0), (date(2026, 1, 2), 4, 0.5)]
    found = answer(*rows, first=Column("day", "", ""))
    columns = (Column("addresses", "addresses", ""), Column("share", "share", ""))
    print_answer(replace(found, columns=(found.columns[0], *columns)))
    lines = capsys.readouterr().out.splitlines()[2:4]
    assert [line.count("█") for line in lines] == [8, 16]
    assert all(line.index("█") < line.index(" %") for line in lines)  # beside what they count


def test_no_line_over_days_that_have_several_rows_each(
    capsys: pytest.CaptureFixture[str],
) -> None:
    group = Column("reason_group", "", "")
    rows = [(date(2026, 1, n), "address", n, n, 0, 1000, n / 1000, 0.0, 1.0) for n in range(1, 9)]
    found = answer(*rows, first=Column("day", "", ""))
    print_answer(replace(found, columns=(found.columns[0], group, *RATES)), limit=5)
    assert "lowest" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "line"),
    [
        pytest.param([0.0, 0.5, 1.0], "▁▅█", id="from lowest to highest"),
        pytest.param([None, 2.0], " █", id="not known is a blank"),
        pytest.param([0.0, 0.0], "▁▁", id="nothing anywhere"),
        pytest.param([], "", id="no values"),
    ],
)
def test_lines_of_values(values: list[float | None], line: str) -> None:
    assert sparkline(values) == line


def test_bars_are_as_long_as_their_share() -> None:
    assert [len(bar(share)) for share in (0, 0.01, 0.5, 1)] == [0, 1, 8, 16]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings = show_lake.filled(tmp_path)
    (tmp_path / "bouncelens.toml").write_text(
        f"lake = {settings.lake!r}\n[report]\nmin_sent = 1\n", "utf-8"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BOUNCELENS_CONFIG", raising=False)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert run(["report", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("lake")
def test_a_pivot_is_narrowed_by_conditions_and_options_alike(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = told(capsys, "--by", "provider,reason", "--where", "campaign=Spring letter")
    assert found["title"] == "Bounces by provider and reason"
    assert "Only campaign = Spring letter." in found["notes"]
    whole = sum(row[2] for row in found["rows"])
    assert whole == 18
    one = told(
        capsys, "--by", "provider,reason", "--provider", "google", "--where", "group=mailbox"
    )
    two = told(capsys, "--by", "provider", "--by", "reason", "--where", "provider=google",
               "--group", "mailbox")  # fmt: skip
    assert one["rows"] == two["rows"]
    assert {row[0] for row in one["rows"] if row[1]} == {"google"}


@pytest.mark.usefixtures("lake")
def test_the_sql_of_a_question_can_be_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "by_provider", "--query"]) == 0
    shown = capsys.readouterr().out
    assert "WITH messages AS (" in shown
    assert "ORDER BY bounced DESC" in shown


@pytest.mark.usefixtures("lake")
def test_a_comparison_says_its_difference_and_the_other_side_can_be_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    period = told(capsys, "compare", "--since", "2026-03-02", "--until", "2026-03-03")
    named = told(capsys, "compare", "--since", "2026-03-02", "--until", "2026-03-03",
                 "--against", "2026-03-01..2026-03-02")  # fmt: skip
    assert "1.50 % of 800 messages bounced, 1.50 % of 800 before" in period["notes"][0]
    assert "95 % interval -1.28 to +1.28), no clear change" in period["notes"][0]
    assert period["notes"][1].startswith("The whole rate changed by")
    assert period["notes"][2].startswith("By provider: ")
    assert period["notes"][3].startswith("By reason: ")
    assert "Before is from 2026-03-01, before 2026-03-02." in period["notes"]
    assert period["rows"] == named["rows"]
    jobs = told(capsys, "compare", "--job", "42", "--against", "campaign=Spring letter")
    assert {round(row[4], 12) for row in jobs["rows"]} == {0.0}  # job 42 is the Spring letter


def test_a_period_until_now_is_compared_with_as_many_whole_days() -> None:
    now, since = datetime(2026, 3, 9, 15, 37, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)
    found = other_side({"since": since}, (), now=now)
    assert found == {"other_since": datetime(2026, 2, 28, tzinfo=UTC), "other_until": since}


WRONG = [
    pytest.param(["compare"], "needs two sides", id="one side"),
    pytest.param(["compare", "--against", "provider=google"], "cannot differ", id="no side"),
    pytest.param(["totals", "--against", "job=1"], "belongs to", id="nothing to compare"),
    pytest.param(["--by", "colour"], "no dimension 'colour'", id="no dimension"),
    pytest.param(["totals", "--by", "reason"], "not both", id="a question and dimensions"),
    pytest.param(["--where", "provider"], "is no condition", id="no value"),
    pytest.param(["--where", "provder=google"], "Did you mean 'provider'", id="a filter misspelt"),
    pytest.param(["--where", "hardness=hrd"], "Did you mean 'hard'", id="a word misspelt"),
    pytest.param(["--where", "group=adress"], "Did you mean 'address'", id="a group misspelt"),
    pytest.param(["--where", "list=x"], "whole number", id="no number"),
    pytest.param(["--where", "since=soon"], "a day such as", id="no day"),
    pytest.param(["--job", "1", "--where", "job=2"], "given twice", id="twice"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG)
@pytest.mark.usefixtures("lake")
def test_what_cannot_be_asked_is_said(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", *words]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
