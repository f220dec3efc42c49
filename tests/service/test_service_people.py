"""What extracts say of people, and that an old word never overrules a new one."""

from __future__ import annotations

import io
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from light_workspace import LightWorkspace

from bouncelens.extract.files import FileSource
from bouncelens.service.import_file import ImportResult, import_file
from bouncelens.settings import Settings

WHO = "ClientID,SubscriberKey,EmailAddress,SubscriberID"
EVENT = "ClientID,SendID,SubscriberKey,EmailAddress,SubscriberID,ListID,EventDate,EventType,BatchID"
SUBSCRIBERS = f"""{WHO},Status,DateHeld,DateCreated,DateUnsubscribed
7,fine,f@example.com,1,Active,,1/1/2020 1:00:00 AM,
7,held,h@example.com,2,Held,2/1/2026 6:00:00 PM,1/1/2020 1:00:00 AM,
8,held,h@example.org,3,Bounced,,1/1/2020 1:00:00 AM,
7,gone,g@example.com,4,Unsubscribed,,1/1/2020 1:00:00 AM,2/2/2026 6:00:00 PM
7,odd,o@example.com,5,Deleted,,,
7,bad,b@example.com,six,Held,,,
"""
UNSUBS = f"""{EVENT}
7,1,gone,g@example.com,4,9,2/3/2026 6:00:00 PM,Unsubscribe,1
7,1,gone,g@example.com,4,9,2/1/2026 6:00:00 PM,Unsubscribe,1
7,1,new,n@example.com,6,9,2/4/2026 6:00:00 PM,Unsubscribe,1
"""
COMPLAINTS = f"{EVENT},Domain\n7,1,held,h@example.com,2,9,2/5/2026 6:00:00 PM,Complaint,1,x\n"
CHANGES = f"""{WHO},OldStatus,NewStatus,DateChanged
7,turn,t@example.com,7,Active,Bounced,2/1/2026 6:00:00 PM
7,turn,t@example.com,7,Bounced,Held,2/6/2026 6:00:00 PM
7,turn,t@example.com,7,Active,Bounced,1/1/2026 6:00:00 PM
"""
NOT_SENT = f"""{EVENT},Reason
7,1,a,a@example.com,1,9,2/1/2026 6:00:00 PM,NotSent,1,status is held
7,1,b,b@example.com,2,9,2/1/2026 6:00:00 PM,NotSent,1,status is held
7,1,c,c@example.com,3,9,2/1/2026 6:00:00 PM,NotSent,1,List detective
"""
FILES = {
    "Subscribers": SUBSCRIBERS,
    "2026-02_Unsubs": UNSUBS,
    "Complaints": COMPLAINTS,
    "shop StatusChanges": CHANGES,
    "NotSent": NOT_SENT,
}


def packed(path: Path, files: dict[str, str], day: int = 10) -> Path:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.csv", text.replace("\n", "\r\n").encode("utf-16"))
    path.write_bytes(out.getvalue())
    moment = datetime(2026, 2, day, tzinfo=UTC).timestamp()
    os.utime(path, (moment, moment))
    return path


def at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def test_every_file_says_its_part(tmp_path: Path) -> None:
    source = FileSource(packed(tmp_path / "x.zip", FILES))
    found = source.people(pa.array([], pa.string()))
    rows = {(r["account"], r["subscriber_key"]): r for r in found.table.to_pylist()}
    assert set(rows) == {(7, k) for k in ("held", "gone", "odd", "new", "turn")} | {(8, "held")}
    told: dict[Any, tuple[Any, ...]] = {
        key: tuple(row[n] for n in ("status", "held_time", "unsubscribed_time", "complained_time"))
        for key, row in rows.items()
    }
    assert told == {
        (7, "held"): ("held", at(2, 2), None, at(2, 6)),
        (8, "held"): ("bounced", None, None, None),
        (7, "gone"): ("unsubscribed", None, at(2, 4), None),
        (7, "odd"): (None, None, None, None),
        (7, "new"): (None, None, at(2, 5), None),
        (7, "turn"): ("held", at(2, 7), None, None),
    }
    assert rows[7, "turn"]["status_time"] == at(2, 7)
    assert rows[7, "held"]["status_time"] == at(2, 10)
    assert rows[7, "new"]["status_time"] is None
    (bad,) = found.quarantined
    assert (bad.source, bad.line) == ("x.zip/Subscribers.csv", 7)
    assert source.not_sent() == ({"status is held": 2, "List detective": 1}, ())


def take(tmp_path: Path, files: dict[str, str], day: int = 10) -> tuple[ImportResult, list[Any]]:
    settings = Settings(lake=str(tmp_path / "lake"), ledger=f"sqlite:///{tmp_path / 'x.db'}")
    with LightWorkspace.open(settings) as workspace:
        result = import_file(workspace, packed(tmp_path / "x.zip", files, day))
        return result, workspace.lake.read("subscribers").sort_by("subscriber_key").to_pylist()


HEAD = f"{WHO},Status,DateHeld,DateCreated,DateUnsubscribed\n"


def test_an_old_extract_changes_no_status(tmp_path: Path) -> None:
    _, (row,) = take(tmp_path, {"Subscribers": f"{HEAD}7,a,a@x.example,1,Held,,,\n"}, day=10)
    assert row["status"] == "held"
    _, (row,) = take(tmp_path, {"Subscribers": f"{HEAD}7,a,,1,Bounced,,,2/1/2026 6:00:00 PM\n"}, 9)
    assert (row["status"], row["unsubscribed_time"]) == ("held", at(2, 2))
    _, (row,) = take(tmp_path, {"Subscribers": f"{HEAD}7,a,,1,Active,,,\n7,b,,2,Active,,,\n"}, 11)
    assert (row["status"], row["address"]) == ("active", "a@x.example")
    _, (row,) = take(tmp_path, {"Unsubs": f"{EVENT}\n7,1,a,,1,9,3/1/2026 6:00:00 PM,x,1\n"}, 12)
    assert (row["status"], row["unsubscribed_time"]) == ("active", at(3, 2))


def test_an_import_says_how_many_people_and_what_was_held_back(tmp_path: Path) -> None:
    result, _ = take(tmp_path, FILES)
    assert result.subscribers == 6
    assert result.not_sent == (("status is held", 2), ("List detective", 1))
    assert result.quarantined == 1
    assert "1 row could not be read and is set aside" in result.partial[0]


@pytest.mark.parametrize("name", ["StatusChanges", "Subscribers", "Unsubs", "NotSent"])
def test_a_side_file_with_other_columns_is_skipped_by_name(tmp_path: Path, name: str) -> None:
    bounces = "ClientID,SendID,SubscriberKey,EventDate,BounceReason\n7,1,k,1/1/2026 1:00:00 PM,no\n"
    files = {"Bounces": bounces, name: "ClientID,Whatever\n7,x\n"}
    source = FileSource(packed(tmp_path / "x.zip", files))
    assert source.skipped == (f"x.zip/{name}.csv",)
    assert [content.kind for content in source.contents] == ["bounces"]
