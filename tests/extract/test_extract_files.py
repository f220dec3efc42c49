"""Files from people's desks: every format, every encoding, and everything that can be wrong."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bouncelens.bounce import Page, Quarantined
from bouncelens.errors import BouncelensError, InputInvalid
from bouncelens.extract.files import FileSource

_HEAD = (
    "ClientID,SendID,SubscriberKey,EmailAddress,SubscriberID,ListID,EventDate,EventType,"
    "BounceCategory,SMTPCode,BounceReason,BatchID,TriggeredSendExternalKey"
)
HEADER = _HEAD.split(",")
REASON = '550 5.1.1 The account "pat" does not exist,\r\ntry double-checking: größer'


def row(number: int, *, reason: str = REASON) -> list[str]:
    return [
        *("7000001", "2001070", f"key-{number}", f"Pat{number}@Example.COM", str(number), "44"),
        *("11/29/2022 7:42:18 PM", "Bounce", "Hard bounce", "550", reason, "4153", ""),
    ]


def written(rows: list[list[str]], *, delimiter: str = ",", encoding: str = "utf-16") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows([HEADER, *rows])
    return text.getvalue().encode(encoding)


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.csv", content)
    return packed.getvalue()


def read(path: Path) -> tuple[pa.Table, list[Quarantined]]:
    pages: list[Page] = list(FileSource(path).pages())
    events = pa.Table.from_batches([page.events for page in pages])
    return events, [bad for page in pages for bad in page.quarantined]


def as_jsonl(rows: list[list[str]]) -> bytes:
    return b"".join(json.dumps(dict(zip(HEADER, r, strict=True))).encode() + b"\n" for r in rows)


def as_parquet(rows: list[list[str]], *, typed: bool) -> bytes:
    columns: dict[str, list[object]] = {n: [r[i] for r in rows] for i, n in enumerate(HEADER)}
    if typed:
        columns |= {n: [int(v) for v in columns[n]] for n in ("ClientID", "SendID", "BatchID")}
        columns["SMTPCode"] = [float(v) for v in columns["SMTPCode"]]
        columns["EventDate"] = [datetime(2022, 11, 29, 19, 42, 18) for _ in rows]  # noqa: DTZ001
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


ROWS = [row(n) for n in range(5)]
FORMATS = {
    "utf-16 with mark": written(ROWS),
    "utf-16le without mark": written(ROWS, encoding="utf-16-le"),
    "utf-16be without mark": written(ROWS, encoding="utf-16-be"),
    "utf-8": written(ROWS, encoding="utf-8"),
    "utf-8 with mark": written(ROWS, encoding="utf-8-sig"),
    "cp1252": written(ROWS, encoding="cp1252"),
    "tab": written(ROWS, delimiter="\t"),
    "semicolon": written(ROWS, delimiter=";", encoding="utf-8"),
    "excel's sep line": b"sep=;\r\n" + written(ROWS, delimiter=";", encoding="utf-8"),
    "jsonl": as_jsonl(ROWS),
    "parquet of text": as_parquet(ROWS, typed=False),
    "parquet, typed": as_parquet(ROWS, typed=True),
    "zip": zipped(Bounces=written(ROWS), Opens=b"ClientID\r\n1\r\n"),
}


@pytest.mark.parametrize("content", FORMATS.values(), ids=FORMATS.keys())
def test_the_same_bounces_come_out_of_every_format(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "extract"
    path.write_bytes(content)
    events, bad = read(path)
    assert not bad
    assert events["subscriber_key"].to_pylist() == [f"key-{n}" for n in range(5)]
    assert {n: v for n, v in events.to_pylist()[3].items() if v is not None} == {
        "account": 7000001,
        "job": 2001070,
        "batch": 4153,
        "subscriber_key": "key-3",
        "event_time": datetime(2022, 11, 30, 1, 42, 18, tzinfo=UTC),
        "route": "file",
        "list_id": 44,
        "subscriber_id": 3,
        "address": "Pat3@Example.COM",
        "domain": "example.com",
        "reply_text": REASON,
        "sfmc_code": 550,
        "sfmc_category": "Hard bounce",
    }


def lines(*changed: str) -> bytes:
    """A good row, changed lines, another good row."""
    good = [",".join(row(n, reason="550 no")) for n in (1, 2)]
    return "\n".join([",".join(HEADER), good[0], *changed, good[1], ""]).encode()


GOOD = ",".join(row(9, reason="550 no"))
BAD_ROWS = {
    "a cell too few": (GOOD.rpartition(",")[0].rpartition(",")[0], "11 cells where the header"),
    "a cell too many": (GOOD + ",x", "14 cells"),
    "words in a number": (GOOD.replace("2001070", "spring sale"), "job is not a whole number"),
    "shifted by one": (",".join(["x", *row(9, reason="550 no")[:-1]]), "account is not"),
    "no subscriber": (GOOD.replace("key-9", ""), "no subscriber_key"),
    "no time": (GOOD.replace("11/29/2022 7:42:18 PM", ""), "no event_time"),
    "a time without seconds": (GOOD.replace(":18 PM", ""), "import the file as it was exported)"),
    "a time of half a day": (GOOD.replace(":18 PM", " PM"), "(Excel drops them: import the file"),
    "a time without its day": (GOOD.replace("11/29/2022 7:42:18 PM", "42:18.1"), "Excel drops"),
    "no time of any clock": (GOOD.replace("7:42", "77:42"), "a time with seconds: '11/29/2022 77"),
    "no such day": (GOOD.replace("11/29", "2/30"), "event_time is not"),
    "an endless number": (GOOD.replace("2001070", "9" * 30), "job is not"),
    "a code too large": (GOOD.replace(",550,", ",99999999999,"), "sfmc_code is not"),
    "a bare quote in quotes": (GOOD.replace("550 no", '"550 "no" yes"'), "quotes do not match"),
    "the header again": (",".join(HEADER), "header again"),
    "bytes of another encoding": (GOOD.replace("key-9", "k\ufffdy"), "unreadable characters"),
}


@pytest.mark.parametrize(("line", "reason"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_bad_row_is_set_aside_with_its_line_and_reason(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = tmp_path / "Bounces.csv"
    path.write_bytes(lines(line))
    events, bad = read(path)
    assert events["subscriber_key"].to_pylist() == ["key-1", "key-2"]
    assert [(b.source, b.line) for b in bad] == [("Bounces.csv", 3)]
    assert reason in bad[0].reason


def test_an_unclosed_quote_costs_its_own_row_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "Bounces.csv"
    path.write_bytes(lines(GOOD.replace("550 no", '"550 no'), *[GOOD] * 3000))
    events, bad = read(path)
    assert events.num_rows == 3002
    assert [b.line for b in bad] == [3]


@pytest.mark.parametrize(
    ("line", "key", "text"),
    [
        pytest.param(GOOD.replace("550 no", "550 no\x00"), "key-9", "550 no\ufffd", id="NUL"),
        pytest.param(GOOD + ",,", "key-9", "550 no", id="delimiters at the end"),
        pytest.param(GOOD.replace("550 no", '"a\rb\nc"'), "key-9", "a\rb\nc", id="lines inside"),
        pytest.param(
            GOOD.replace("550 no", "x" * 1_000_000), "key-9", "x" * 1_000_000, id="a megabyte"
        ),
        pytest.param(GOOD.replace("550 no", 'is "no"'), "key-9", 'is "no"', id="quotes unquoted"),
        pytest.param(GOOD.replace("key-9", " key-9 "), "key-9", "550 no", id="blanks around a key"),
    ],
)
def test_odd_rows_that_are_clear_are_read(tmp_path: Path, line: str, key: str, text: str) -> None:
    path = tmp_path / "Bounces.csv"
    path.write_bytes(lines(line))
    events, bad = read(path)
    assert not bad
    assert (events["subscriber_key"][1].as_py(), events["reply_text"][1].as_py()) == (key, text)


def test_a_missing_column_is_said_before_any_row_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("Email,When,Why\npat@example.com,2026-01-01 00:00:00,no\n")
    with pytest.raises(InputInvalid, match=r"mine\.csv: no column for account .*found 'Email'"):
        FileSource(path)


def test_an_extract_that_lacks_the_batch_is_refused_and_a_persons_file_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "Bounces.csv"
    path.write_bytes(
        b"".join(
            line.rpartition(b",4153")[0] + b"\n"
            if b"4153" in line
            else line.replace(b",BatchID,TriggeredSendExternalKey", b"")
            for line in written(ROWS, encoding="utf-8").splitlines(True)
        )
    )
    with pytest.raises(InputInvalid, match="no column for batch"):
        FileSource(path, route="extract")
    assert set(read(path)[0]["batch"].to_pylist()) == {0}


def test_account_and_job_can_be_stated(tmp_path: Path) -> None:
    path = tmp_path / "query.csv"
    path.write_text("SubscriberKey,EventDate,SMTPBounceReason\nk,2026-01-01 00:00:00,550 no\n")
    (page,) = FileSource(path, given={"account": 7, "job": 8}).pages()
    assert page.events.select(["account", "job", "batch"]).to_pylist() == [
        {"account": 7, "job": 8, "batch": 0}
    ]


def test_the_child_business_unit_counts_where_the_view_names_it(tmp_path: Path) -> None:
    path = tmp_path / "view.csv"
    head = "AccountID,OYBAccountID,JobID,SubscriberKey,EventDate,SMTPBounceReason,SMTPMessage\n"
    tail = "2001070,k,2026-01-01 00:00:00,,from the message\n"
    path.write_text(f"{head}1,2,{tail}1,,{tail}")
    events, _ = read(path)
    assert events["account"].to_pylist() == [2, 1]
    assert events["reply_text"].to_pylist() == ["from the message"] * 2


def test_sent_is_counted_per_job_domain_and_utc_day_while_it_streams(tmp_path: Path) -> None:
    head = "ClientID,SendID,SubscriberKey,EmailAddress,EventDate,EventType\r\n"
    rows = "".join(
        f"7,{job},k{n},p{n}@{domain},{day} 7:00:00 PM,Sent\r\n"
        for job, domain, day, count in (
            (1, "Example.com", "1/5/2026", 3),
            (1, "example.org", "1/5/2026", 2),
            (2, "example.com", "1/6/2026", 1),
        )
        for n in range(count)
    )
    path = tmp_path / "extract.zip"
    bad = "7,1,k,p@example.com,never,Sent\r\n"
    path.write_bytes(zipped(Sent=(head + rows + bad).encode("utf-16"), Bounces=written(ROWS)))
    sends = FileSource(path).sends()
    counted = sends.table.drop_columns(["hours"]).to_pylist()
    assert all(row["hours"].split(",")[1] == str(row["sent"]) for row in sends.table.to_pylist())
    assert sorted(counted, key=lambda r: (r["job"], -r["sent"])) == [
        {"account": 7, "job": 1, "domain": "example.com", "day": date(2026, 1, 6), "sent": 3},
        {"account": 7, "job": 1, "domain": "example.org", "day": date(2026, 1, 6), "sent": 2},
        {"account": 7, "job": 2, "domain": "example.com", "day": date(2026, 1, 7), "sent": 1},
    ]
    assert [(b.source, b.line) for b in sends.quarantined] == [("extract.zip/Sent.csv", 8)]


def test_counts_that_somebody_made_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "sends.csv"
    path.write_text("AccountID,JobID,Domain,SendDay,Sent\n7,1,example.com,2026-01-05,40\n")
    (sent,) = FileSource(path).sends().table.to_pylist()
    assert sent == {
        "account": 7, "job": 1, "domain": "example.com", "day": date(2026, 1, 5), "sent": 40,
        "hours": None,
    }  # fmt: skip


def test_jobs_come_from_send_jobs(tmp_path: Path) -> None:
    head = "ClientID,SendID,FromName,FromEmail,SchedTime,SentTime,Subject,EmailName,JobStatus"
    text = f"{head}\r\n7,1,Acme,news@acme.example,,1/5/2026 7:00:00 AM,Hello,spring,Complete\r\n"
    path = tmp_path / "x.zip"
    path.write_bytes(zipped(SendJobs=text.encode("utf-16")))
    (job,) = FileSource(path).jobs().table.to_pylist()
    assert (job["job"], job["email_name"], job["from_address"], job["number_sent"]) == (
        *(1, "spring", "news@acme.example"),
        None,
    )
    assert job["sent_time"] == datetime(2026, 1, 5, 13, tzinfo=UTC)


UNUSABLE = {
    "nothing": (b"", "is empty"),
    "blank lines": (b"\n\n", "is empty"),
    "a pdf": (b"%PDF-1.4 ...", "is a PDF"),
    "xml": (b"<?xml version='1.0'?><a/>", "is XML"),
    "gzip": (b"\x1f\x8b\x08\x00", "gzip"),
    "old excel": (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel"),
    "half a parquet": (FORMATS["parquet of text"][:-40], "parquet"),
    "half a zip": (FORMATS["zip"][:-60], "damaged"),
    "noise": (bytes(range(256)) * 40, "no column"),
    "json of lists": (b'{"a": [1]}\n', "no column"),
}


@pytest.mark.parametrize(("content", "reason"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_is_no_table_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "thing"
    path.write_bytes(content)
    with pytest.raises(InputInvalid, match=reason) as caught:
        FileSource(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path / "no.csv", "does not exist"),
        (tmp_path, "folder without messages"),
    ):
        with pytest.raises(InputInvalid, match=reason):
            FileSource(path)


def test_json_lines_may_differ_in_names_and_bad_ones_are_set_aside(tmp_path: Path) -> None:
    good = dict(zip(HEADER, row(1), strict=True))
    more = {**good, "Domain": "Example.NET", "SubscriberKey": "key-2", "Nothing": None}
    text = [
        json.dumps(good),
        "{broken",
        "[1]",
        json.dumps({**good, "X": {"y": 1}}),
        json.dumps(more),
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(text))
    events, bad = read(path)
    assert events["subscriber_key"].to_pylist() == ["key-1", "key-2"]
    assert events["domain"].to_pylist() == ["example.com", "example.net"]
    assert [(b.line, b.reason) for b in bad] == [
        (2, "it is not JSON in UTF-8"),
        (3, "it is not a JSON object"),
        (4, "the value of 'X' is nested"),
    ]


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\ufffd\ufeff"), max_size=30)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reasons=st.lists(CELLS, min_size=1, max_size=6),
    encoding=st.sampled_from(["utf-16", "utf-8", "utf-8-sig"]),
    delimiter=st.sampled_from([",", "\t", ";"]),
)
def test_whatever_a_csv_writer_writes_is_read_back(
    tmp_path: Path, reasons: list[str], encoding: str, delimiter: str
) -> None:
    path = tmp_path / "Bounces.csv"
    rows = [row(n, reason=text) for n, text in enumerate(reasons)]
    path.write_bytes(written(rows, encoding=encoding, delimiter=delimiter))
    events, bad = read(path)
    assert not bad
    expected = [text if text.strip(" \t\n\r\v\f") else None for text in reasons]
    assert [r or None for r in events["reply_text"].to_pylist()] == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), insert=st.sampled_from(['"', ",", "\n", "\r", "x", '"",', ""]))
def test_one_wrong_character_never_shifts_a_value(tmp_path: Path, place: int, insert: str) -> None:
    """Each value carries its column's letter: it may be set aside, but not turn up elsewhere."""
    text = written([[f"7{n}", f"1{n}", f"K{n}", f"A{n}@D{n}", f"5{n}", f"4{n}",
                     f"1/1/2026 1:00:0{n} PM", "Bounce", f"C{n}", f"55{n}", f"R{n}, so it is",
                     f"3{n}", f"T{n}"] for n in range(8)], encoding="utf-8").decode()  # fmt: skip
    body = text.index("\n") + 1
    at = body + place % (len(text) - body)
    path = tmp_path / "Bounces.csv"
    path.write_bytes((text[:at] + insert + text[at + (not insert) :]).encode())
    events, bad = read(path)
    assert events.num_rows + len(bad) >= 8 - (not insert)
    assert events.num_rows >= 6
    letters = {"subscriber_key": "K", "address": "A", "sfmc_category": "C", "reply_text": "R"}
    for name, letter in letters.items():
        wrong = [v for v in events[name].to_pylist() if v and letter not in v]
        assert len(wrong) <= 1, f"{name}: {wrong}"  # the letter itself may be what was deleted
        assert not any(other in v for v in wrong for other in "KACRT" if other != letter)


@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_bytes_are_read_or_refused_by_name(tmp_path: Path, data: st.DataObject) -> None:
    """Whole files of noise, and good files with noise in them."""
    base = data.draw(st.sampled_from([*FORMATS.values(), b""]))
    at, gap = data.draw(st.integers(0, len(base))), data.draw(st.integers(0, 40))
    path = tmp_path / "any"
    path.write_bytes(base[:at] + data.draw(st.binary(max_size=60)) + base[at + gap :])
    try:
        source = FileSource(path)
        list(source.pages())
        source.sends()
        source.jobs()
    except BouncelensError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most files are readable
