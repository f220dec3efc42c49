"""Importing: a file from a desk into the lake, twice without doubling, damaged without losing."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from light_workspace import LightWorkspace

from bouncelens.errors import InputInvalid
from bouncelens.service.import_file import import_file
from bouncelens.settings import Settings

HEADER = (
    *("ClientID", "SendID", "SubscriberKey", "EmailAddress", "EventDate", "BounceReason"),
    *("BatchID", "SMTPCode"),
)


def table(count: int, *, reason: str = "550 5.1.1 no such user") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    for n in range(count):
        time = f"1/5/2026 7:{n // 60 % 60:02d}:{n % 60:02d} PM"
        writer.writerow([7, 1, f"key-{n}", f"p{n}@gmail.com", time, reason, 3, 550])
    return text.getvalue().encode("utf-16")


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.csv", content)
    return packed.getvalue()


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[LightWorkspace]:
    settings = Settings(
        lake=str(tmp_path / "lake"), ledger=f"sqlite:///{tmp_path / 'bouncelens.db'}"
    )
    with LightWorkspace.open(settings) as workspace:
        yield workspace


SENT = "ClientID,SendID,SubscriberKey,EmailAddress,EventDate,EventType\r\n" + "".join(
    f"7,1,key-{n},p{n}@gmail.com,1/5/2026 7:00:00 AM,Sent\r\n" for n in range(40)
)
JOBS = (
    "ClientID,SendID,FromEmail,SentTime,Subject,EmailName\r\n"
    "7,1,a@b.example,1/5/2026 7:00:00 AM,Hi,spring\r\n"
)


def test_an_extract_fills_bounces_jobs_and_sends_and_a_second_time_changes_nothing(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    path = tmp_path / "extract.zip"
    path.write_bytes(
        zipped(
            Bounces=table(30),
            Sent=SENT.encode("utf-16"),
            SendJobs=JOBS.encode("utf-16"),
            Opens=SENT.encode("utf-16"),
        )
    )
    result = import_file(workspace, path)
    assert (result.stored, result.jobs, result.sends, result.exit_code) == (30, 1, 1, 0)
    assert result.skipped == ("extract.zip/Opens.csv",)
    (sent,) = workspace.lake.read("sends").to_pylist()
    assert (sent["domain"], sent["sent"], sent["provider"]) == ("gmail.com", 40, "google")
    before = workspace.lake.versions()
    again = import_file(workspace, path)
    assert (again.stored, again.known) == (0, 30)
    assert workspace.lake.versions() == before


def test_the_same_bounces_as_csv_and_zip_are_one(workspace: LightWorkspace, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(table(10))
    (tmp_path / "b.zip").write_bytes(zipped(Bounces=table(25)))
    assert import_file(workspace, tmp_path / "a.csv").stored == 10
    assert import_file(workspace, tmp_path / "b.zip").stored == 15


def test_rows_that_cannot_be_read_are_kept_counted_and_said(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    text = table(5).decode("utf-16").replace("1/5/2026 7:00:02 PM", "soon")
    path = tmp_path / "Bounces.csv"
    path.write_text(text, "utf-8", newline="")
    for _ in range(2):
        result = import_file(workspace, path)
        assert (result.received, result.quarantined, result.exit_code) == (4, 1, 3)
    (kept,) = workspace.ledger.quarantined()
    assert (kept.source, kept.line) == ("Bounces.csv", 4)
    assert "'soon'" in kept.reason


def test_a_file_without_one_readable_row_is_refused_with_the_first_reason(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    path = tmp_path / "Bounces.csv"
    path.write_text(table(3).decode("utf-16").replace(" PM", ""), "utf-8", newline="")
    path.write_text(path.read_text().replace(":00,", ":00 o'clock,").replace("7:0", "x"))
    with pytest.raises(
        InputInvalid,
        match=r"none of its 3 rows could be read \(such as Bounces.csv, line 2: event_time",
    ):
        import_file(workspace, path)
    assert workspace.ledger.runs()[0].outcome == "failed"


def test_a_zip_that_breaks_off_keeps_what_came_before(
    workspace: LightWorkspace, tmp_path: Path
) -> None:
    whole = bytearray(zipped(Bounces=table(60_000, reason="550 no")))
    at = len(whole) * 3 // 4
    whole[at : at + 40] = bytes(40)
    path = tmp_path / "x.zip"
    path.write_bytes(whole)
    result = import_file(workspace, path)
    assert result.exit_code == 3
    assert "damaged" in result.partial[0]
    assert 0 < result.stored < 60_000


def test_account_and_job_are_asked_for_or_known(workspace: LightWorkspace, tmp_path: Path) -> None:
    path = tmp_path / "query.csv"
    path.write_text("SubscriberKey,EventDate,SMTPBounceReason\nk,2026-01-05 01:00:00,550 no\n")
    with pytest.raises(InputInvalid, match="--account"):
        import_file(workspace, path)
    with pytest.raises(InputInvalid, match="--job"):
        import_file(workspace, path, account=7)
    assert import_file(workspace, path, account=7, job=1).stored == 1


def test_many_small_imports_leave_few_files(workspace: LightWorkspace, tmp_path: Path) -> None:
    """Every commit makes a file; joined, or a year of nights would make thousands."""
    for night in range(12):
        path = tmp_path / f"{night}.csv"
        path.write_text(
            "ClientID,SendID,BatchID,SubscriberKey,EventDate,BounceReason\r\n"
            f"7,1,1,key-{night},1/5/2026 7:00:00 PM,550 5.1.1 no such user\r\n",
            encoding="utf-8",
        )
        import_file(workspace, path)
    assert workspace.lake.count_rows()["bounces"] == 12
    assert len(workspace.lake.delta("bounces").file_uris()) <= 9
