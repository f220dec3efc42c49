"""`classify`, `explain`, `sql --lint` and `rules test`, as a person or a script runs them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from bouncelens.service.judge import Judge
from bouncelens.show.cli import run

ARTICLES_QUERY = """SELECT b.SubscriberKey, b.EventDate, b.IsUnique, b.BounceTypeID,
  b.BounceCategoryID, b.SMTPBounceReason, b.SMTPStatusCode
FROM _Bounce AS b
WHERE b.JobID = 1234"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BOUNCELENS_CONFIG", raising=False)


def _rows(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


CSV = (
    "JobID,SubscriberKey,EmailAddress,BounceReason,Note\n"
    '7,a,a@example.org,"550 5.1.1 <a@example.org>: user unknown",x\n'
    '8,b,b@example.org,"452 4.2.2 mailbox full",y\n'
)
JSONL = "\n".join(
    json.dumps({"id": n, "reply": text})
    for n, text in ((1, "550 5.1.1 user unknown"), (2, "452 4.2.2 mailbox full"))
)


def test_a_csv_gives_one_object_per_row_with_its_own_ids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bounces.csv").write_text(CSV)
    assert run(["classify", "bounces.csv"]) == 0
    first, second = _rows(capsys.readouterr().out)
    assert list(first) == [
        "JobID", "SubscriberKey", "line", "reason", "group", "hardness", "temporary", "rule",
        "confidence", "evidence", "action",
    ]  # fmt: skip
    assert (first["JobID"], first["SubscriberKey"], first["line"]) == ("7", "a", 2)
    assert (first["reason"], first["hardness"]) == ("unknown_user", "hard")
    assert (second["reason"], second["hardness"]) == ("mailbox_full", "soft")


def test_addresses_are_repeated_only_when_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bounces.csv").write_text(CSV)
    run(["classify", "bounces.csv"])
    assert "EmailAddress" not in capsys.readouterr().out
    run(["classify", "bounces.csv", "--keep", "emailaddress"])
    assert _rows(capsys.readouterr().out)[0]["EmailAddress"] == "a@example.org"


ODD_IDS = ['a"b', "a\\b", "größe", "\u202eevil", "\x9b31m", "", None, "=1+1", "{0}", "不", "\t"]


def test_ids_come_back_as_they_were_and_harm_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps({"id": cell, "reply": "452 4.2.2 full"}) for cell in ODD_IDS]
    (tmp_path / "odd.jsonl").write_text("\n".join(lines))
    assert run(["classify", "odd.jsonl"]) == 0
    out = capsys.readouterr().out
    assert [row["id"] for row in _rows(out)] == ODD_IDS
    assert out.replace("\n", "").isprintable()


def test_the_address_s_domain_and_other_columns_count_as_for_one_reply(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [
        ("no", "550", "", "x@gmail.com"), ("no", " 550", "5.1.1", "x@y@GMAIL.com "),
        ("no", "99999", "4.2.2", ""), ("no", "5\u0665\u0660", "x", "gmail.com"),
    ]  # fmt: skip
    rows = [",".join(f'"{cell}"' for cell in row) for row in cells]
    (tmp_path / "codes.csv").write_text("\n".join(["Reply,Code,Status,EmailAddress", *rows]))
    run(["classify", "codes.csv"])
    judge = Judge.of_rules()
    expected = [
        judge.judge("no", int(code) if code in ("550", "99999") else None, status or None,
                    domain=address.rpartition("@")[2]).verdict
        for _, code, status, address in cells
    ]  # fmt: skip
    said = _rows(capsys.readouterr().out)
    assert [(row["reason"], row["rule"]) for row in said] == [(v.reason, v.rule) for v in expected]


def test_jsonl_and_parquet_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "replies.jsonl").write_text(JSONL)
    rows = [json.loads(line) for line in JSONL.splitlines()]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "replies.parquet")
    said = []
    for name in ("replies.jsonl", "replies.parquet"):
        assert run(["classify", name]) == 0
        said.append([row | {"line": None} for row in _rows(capsys.readouterr().out)])
    assert said[0] == said[1]
    assert [row["id"] for row in said[0]] == ["1", "2"]


def test_standard_input_is_a_file_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CSV.encode())))
    assert run(["classify", "-"]) == 0
    assert [row["reason"] for row in _rows(capsys.readouterr().out)] == [
        "unknown_user",
        "mailbox_full",
    ]


def test_rows_that_cannot_be_read_are_counted_and_make_it_partial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bounces.csv").write_text(CSV + "too,few\n")
    assert run(["classify", "bounces.csv"]) == 3
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 2
    assert "line 4" in said.err
    assert "1 rows could not be read" in said.err


def test_the_column_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "odd.csv").write_text("Antwort\n550 5.1.1 user unknown\n")
    assert run(["classify", "odd.csv", "--column", "antwort"]) == 0
    assert _rows(capsys.readouterr().out)[0]["reason"] == "unknown_user"


def test_a_card_says_what_who_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "550 5.1.1 <a@example.org>: user unknown"]) == 0
    card = " ".join(capsys.readouterr().out.split())
    for words in ("unknown user · address · hard", "It means", "Who acts", "1. Stop mailing"):
        assert words in card
    assert "Decided by" in card


def test_explain_as_json_holds_verdict_steps_and_other_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["explain", "--json", "452", "4.2.2", "mailbox", "full"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"]["reason"] == "mailbox_full"
    assert found["steps"]
    assert found["called_elsewhere"]["sfmc_subcategories"]


def test_explain_says_how_long_to_wait_and_that_another_address_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reply = "450 4.2.0 <kim@other.example>: greylisted, try again in 300 seconds"
    assert run(["explain", "--json", "--to", "Kim@other.example", reply]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["retry_after_s"], found["other_addresses"]) == (300, [])
    assert found["other_address_note"] is None
    assert run(["explain", "--to", "jo@example.org", reply]) == 0
    card = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "The server asks to wait 5 minutes." in card
    assert "names kim@other.example, another address than the one mailed" in card
    assert run(["explain", reply]) == 0
    assert "may be another address than the one mailed" in " ".join(
        capsys.readouterr().out.replace("│", " ").split()
    )


def test_the_address_mailed_names_the_provider_as_its_domain_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for mailed in ("jo@gmail.com", "gmail.com"):
        assert run(["explain", "--json", "--to", mailed, "550 no"]) == 0
        assert json.loads(capsys.readouterr().out)["template"]["provider"] == "google"


def test_a_card_says_what_others_call_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "550 5.1.1 user unknown"]) == 0
    card = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "SFMC 1/2001; SparkPost 10, 30; SendGrid Invalid Address; PowerMTA bad-mailbox" in card


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_no_reply_can_steer_the_terminal(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "550 5.1.1 \x1b]0;owned\x07\x1b[2J \u202euser\u202c unknown \x9b31m [bold]x[/bold]"
    assert run(["explain", *options, hostile]) == 0
    out = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u202c"} & set(out)


def test_the_articles_query_is_told_the_columns_real_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "q.sql").write_text(ARTICLES_QUERY)
    assert run(["sql", "--lint", "q.sql"]) == 1
    assert "q.sql:2: _Bounce has no column SMTPStatusCode: it is called SMTPCode." in (
        capsys.readouterr().out
    )
    (tmp_path / "q.sql").write_text(ARTICLES_QUERY.replace("SMTPStatusCode", "SMTPCode"))
    assert run(["sql", "--lint", "q.sql", "--json"]) == 0


def test_your_own_rules_come_first_and_are_tested(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text(
        '[[rule]]\nid = "mine"\nreason = "mailbox_full"\ntext = "wobbly penguin"\n'
        'source = "seen in March"\nexamples = ["550 wobbly penguin", "550 5.0.0 Wobbly penguin!"]\n'
        'not_examples = ["550 penguin"]\n'
    )
    (tmp_path / "bouncelens.toml").write_text('rules = ["mine.toml"]\n')
    assert run(["explain", "--json", "550 a wobbly penguin"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"]["rule"] == "mine"
    run(["rules", "test", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["rules"] > 100
    assert not [finding for finding in found["findings"] if finding["rule"] == "mine"]
