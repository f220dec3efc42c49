"""Simulations and forecasts as people meet them: terminal, files, chart and page."""

from __future__ import annotations

import html
import json
import re
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import suppression_lake as small
from bouncelens.service.report import Answer, Column
from bouncelens.settings import Settings
from bouncelens.show.cli import run
from bouncelens.show.list_chart import _COLOURS, _IN_FACT_COLOUR, list_over_time
from bouncelens.show.web.app import create_app
from bouncelens.show.web.simulate import PATH
from suppression_lake import BLOCKED, DEAD, NOW

ORIGIN = "http://127.0.0.1:8000"
EVIL = "=cmd|' /C calc'!A1 <script>alert(1)</script> \u202eevil\x1b[31m"
MINE = """name = {name}
version = "1"
[[rule]]
id = "dead"
groups = ["address"]
hardness = ["hard"]
action = "at_once"
"""


def toml(text: str) -> str:
    return json.dumps(text)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a lake, settings and two policies of one's own, one of them hostile."""
    folder = tmp_path_factory.mktemp("desk")
    settings = small.settings_in(folder)
    small.fill(
        settings,
        [
            *(("dead", DEAD, n) for n in (60, 40, 20)),
            *(("back", DEAD, n) for n in (50,)),
            ("late", BLOCKED, 1),
        ],
        sfmc_category="Hard bounce",
    )
    small.people(
        settings,
        [
            {"subscriber_key": "back", "last_click": NOW - timedelta(days=10)},
            {"subscriber_key": "late", "status": "held", "held_time": NOW - timedelta(days=5)},
        ],
    )
    (folder / "bouncelens.toml").write_text(
        f'lake = "lake"\nledger = "sqlite:///{folder / "ledger.db"}"\n'
        "[money]\ncurrency = 'CHF'\nper_1000_sends = 1000\ncontact_month = 30.4375\n"
    )
    (folder / "mine.toml").write_text(MINE.format(name=toml("mine")))
    (folder / "evil.toml").write_text(MINE.format(name=toml(EVIL).replace("\\u001b", "\\u001B")))
    return folder


@pytest.fixture
def said(desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `suppress …` there: exit code, stdout, stderr."""
    monkeypatch.chdir(desk)

    def runs(*words: str) -> tuple[int, str, str]:
        code = run(["suppress", *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return runs


SEVERAL = ("--policy", "default", "--policy", "sfmc", "--policy", "mine.toml", "--dates", "4")


def test_the_terminal_shows_every_table_with_what_its_numbers_are_of(said: Any) -> None:
    code, out, _ = said("simulate", *SEVERAL)
    assert code == 0
    for words in ("Policies side by side", "The list over time", "Wrongly on the list", "SFMC in"):
        assert words in out
    assert "1,000.00 CHF for a thousand messages" in out
    assert "assumption" in out
    assert "sees only what was known on its day" in out


def test_one_policy_may_stand_alone_and_is_else_that_of_the_settings(said: Any) -> None:
    code, out, _ = said("simulate", "--dates", "4", "--json")
    told = json.loads(out)
    assert code == 0
    (outcome,) = told["simulation"]["outcomes"]
    # Decisions 60, 39, 18 days ago and at the end; back was clicked 10 days ago.
    assert (outcome["name"], outcome["sizes"]) == ("default", [1, 2, 2, 1])
    assert (outcome["ever"], outcome["wrong"], outcome["saved"]) == (2, 1, 2)
    assert outcome["signs"] == {"click": 1}
    assert (outcome["harm_days"], outcome["harm_days_most"]) == (39 - 10, 39)
    assert told["limits"]


def test_a_table_goes_into_a_csv_and_all_of_them_into_a_zip(said: Any, tmp_path: Path) -> None:
    code, out, _ = said("simulate", *SEVERAL, "--table", "list", "--format", "csv")
    assert code == 0
    head, *rows = out.splitlines()
    assert head == "decided_on,default,sfmc,mine,held_in_fact"
    assert rows[-1].split(",")[1:] == ["1", "1", "2", "1"]
    packed = ("--dates", "2", "--out", str(tmp_path / "all.zip"), "--format", "csv")
    assert said("simulate", *packed)[0] == 0
    names = zipfile.ZipFile(tmp_path / "all.zip").namelist()
    assert names[:2] == ["simulated_policies.csv", "simulated_list.csv"]
    code, _, err = said("simulate", "--format", "csv", "--dates", "2")
    assert (code, "4 tables" in err) == (2, True)


def test_money_is_reckoned_from_the_settings_alone(said: Any) -> None:
    _, out, _ = said("simulate", "--dates", "4", "--table", "policies", "--format", "csv")
    row = dict(zip(*(line.split(",") for line in out.splitlines()[:2]), strict=True))
    # Two messages at a thousand a thousand; a day is worth one.
    assert (row["saved_money"], row["lost_money"], row["lost_most"]) == ("2.0", "29.0", "39.0")


def test_a_hostile_policy_is_text_everywhere(said: Any, tmp_path: Path) -> None:
    evil = ("simulate", "--policy", "evil.toml", "--dates", "2")
    code, out, _ = said(*evil)
    assert code == 0
    assert not re.search("[\x1b\u202e]", out)
    _, out, _ = said(*evil, "--table", "list", "--format", "csv")
    assert "cmd" in out
    assert not re.search(r"(^|,)[\"']*[=+@-]", out)
    said(*evil, "--out", str(tmp_path / "evil.html"))
    page = (tmp_path / "evil.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<svg" in page


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["--policy", "defautl"], "There is no suppression policy", id="unknown"),
        pytest.param(["--policy", "gone.toml"], "gone.toml cannot be read", id="no file"),
        pytest.param(["--table", "lists"], "There is no table", id="no such table"),
        pytest.param(["--dates", "1"], "There can be 2 to", id="one decision"),
        pytest.param(["--since", "2030-01-01"], "The lake has bounces from", id="too late"),
    ],
)
def test_what_cannot_be_tried_is_said_in_a_sentence(
    said: Any, words: list[str], expected: str
) -> None:
    code, out, err = said("simulate", *words)
    assert (code, out) == (2, "")
    assert expected in err
    assert "Traceback" not in err


def test_the_forecast_tells_who_and_how_many(said: Any, tmp_path: Path) -> None:
    code, out, err = said("forecast", "--days", "60", "--every", "20")
    assert code == 0
    assert "Will be held within 60 days" in out
    assert "only the sender, the message or the way was refused" in out
    assert "1 of 1 people held now (100.0 %)" in err
    told = json.loads(said("forecast", "--days", "60", "--every", "20", "--json")[1])
    assert (told["due"], told["over"]) == (1, {"blocks": 1})
    assert said("forecast", "--out", str(tmp_path / "ahead.html"))[0] == 0
    assert "At most" in (tmp_path / "ahead.html").read_text()
    assert said("forecast", "--model", "default")[0] == 2


def an_answer(names: list[str], rows: list[tuple[Any, ...]]) -> Answer:
    columns = (Column("decided_on", "", ""), *(Column(n, "addresses", "") for n in names))
    return Answer("simulated_list", "T", "A?", "none", columns, tuple(rows), None, None, "UTC", ())


def test_the_chart_has_a_line_for_each_list_and_says_where_they_end() -> None:
    day = NOW.date()
    found = list_over_time(
        an_answer(["default", "held_in_fact"], [(day, 3, 1), (day + timedelta(days=7), 4, 2)])
    )
    assert found.spec is not None
    assert len(found.spec["data"]["values"]) == 4
    assert "default 4, SFMC in fact 2" in found.description
    assert list_over_time(an_answer(["default"], [])).spec is None


@pytest.mark.parametrize("paper", ["#ffffff", "#1c2126"])
def test_every_line_stands_out_on_light_and_on_dark(paper: str) -> None:
    for colour in (*_COLOURS, _IN_FACT_COLOUR):
        light, dark = sorted((luminance(colour), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3, "WCAG 2.2, 1.4.11"


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# The page


def settled(site: TestClient, query: str = "") -> str:
    """The page once it is there."""
    for _ in range(600):
        answer = site.get(PATH + query)
        assert answer.status_code == 200
        if "looks again by itself" not in answer.text:
            return html.unescape(answer.text)
        assert 'http-equiv="refresh"' in answer.text
        time.sleep(0.05)
    raise AssertionError("it never came")


@pytest.fixture(scope="module")
def what_if(desk: Path) -> Any:
    settings = Settings(
        lake=str(desk / "lake"),
        ledger=f"sqlite:///{desk / 'ledger.db'}",
        policy=str(desk / "evil.toml"),
    )
    with TestClient(create_app(settings), base_url=ORIGIN) as site:
        yield site


def test_the_page_tries_policies_and_draws_them(what_if: TestClient) -> None:
    page = settled(what_if, "?policy=default&policy=sfmc&since=&until=")
    assert "<svg" in page
    assert "Policies side by side" in page
    assert "Held by Marketing Cloud" in page
    assert 'value="default" checked' in page
    assert 'value="strict">' in page
    assert "bouncelens suppress simulate --policy default --policy sfmc" in page


def test_a_policy_file_of_the_settings_is_tried_by_no_path_and_is_only_text(
    what_if: TestClient,
) -> None:
    settled(what_if, "?policy=settings")
    page = what_if.get(f"{PATH}?policy=settings").text
    assert "<script>alert" not in page
    assert "evil.toml" not in page


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("?policy=/etc/passwd", id="a path"),
        pytest.param("?policy=evil.toml", id="a file"),
        pytest.param("?since=yesterday", id="no day"),
        pytest.param("?provider=google", id="a filter it has not"),
        pytest.param("?since=2026-02-02&until=2026-02-01", id="no days"),
        pytest.param(
            "?policy=default&policy=careful&policy=strict&policy=sfmc&policy=settings",
            id="too many",
        ),
    ],
)
def test_an_address_that_asks_for_anything_else_is_refused(what_if: TestClient, query: str) -> None:
    answer = what_if.get(PATH + query)
    assert answer.status_code == 400
    assert "Traceback" not in answer.text


def test_an_empty_lake_and_none_at_all_are_said(
    empty_site: TestClient, missing_site: TestClient
) -> None:
    assert "nothing to try a policy on" in settled(empty_site)
    for _ in range(200):
        answer = missing_site.get(PATH)
        if answer.status_code == 503:
            break
        time.sleep(0.05)
    assert answer.status_code == 503
    assert "There is no lake" in html.unescape(answer.text)
