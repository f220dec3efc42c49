"""Bounce messages: reports by the standard, reports in words, and mail that is neither."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bouncelens.bounce import Quarantined
from bouncelens.errors import BouncelensError
from bouncelens.extract.files import FileSource

WHEN = datetime(2026, 3, 1, 10, 0, 5, tzinfo=UTC)
HEAD = (
    "From: Mail Delivery System <MAILER-DAEMON@mx.example>\n"
    "Date: Sun, 1 Mar 2026 11:00:05 +0100 (CET)\nSubject: Undelivered\n"
)


def report(*recipients: str, returned: str = "X-Job: 7000001_2001070") -> bytes:
    blocks = "\n\n".join(("Reporting-MTA: dns; mx.example", *recipients))
    return (
        f"{HEAD}MIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nSorry, it did not work.\n"
        f"--b\nContent-Type: message/delivery-status\n\n{blocks}\n"
        f"--b\nContent-Type: text/rfc822-headers\n\n{returned}\nSubject: News\n\n--b--\n"
    ).encode()


FAILED = (
    "Final-Recipient: rfc822; pat@gmail.com\nAction: failed\nStatus: 5.1.1\n"
    "Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach\n"
    "    does not exist."
)
REASON = "smtp; 550-5.1.1 The email account that you tried to reach does not exist."
QMAIL = (
    f"{HEAD}\nHi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to\n\n"
    "<pat@gmail.com>:\n192.0.2.1 does not like recipient.\n"
    "Remote host said: 550 sorry, no mailbox here by that name\n\n--- Below is a copy\n"
)
EXIM = (
    f"{HEAD}X-Failed-Recipients: pat@gmail.com\n\nThis message was created automatically by mail "
    "delivery software.\n\n  pat@gmail.com\n    host mx.example [192.0.2.1]\n"
    "    SMTP error from remote mail server after RCPT TO:<pat@gmail.com>:\n"
    "    550 5.1.1 unknown user\n\n"
)
GMAIL = (
    f"{HEAD}X-Failed-Recipients: pat@gmail.com\n\nDelivery failed. The response was:\n\n"
    "The error that the other server returned was:\n550 5.1.1 no such user here\n\n"
)

BOUNCES = {
    "a report": (report(FAILED), REASON, 2001070),
    "its CRLF form": (report(FAILED).replace(b"\n", b"\r\n"), REASON, 2001070),
    "a status only": (
        report("Final-Recipient: rfc822; pat@gmail.com\nAction: failed\nStatus: 5.2.2"),
        "5.2.2",
        2001070,
    ),
    "another sender's mail": (report(FAILED, returned="X-Other: 1"), REASON, 0),
    "qmail": (
        QMAIL.encode(),
        (
            "192.0.2.1 does not like recipient. "
            "Remote host said: 550 sorry, no mailbox here by that name"
        ),
        0,
    ),
    "exim": (
        EXIM.encode(),
        (
            "host mx.example [192.0.2.1] SMTP error from remote mail server after "
            "RCPT TO:<pat@gmail.com>: 550 5.1.1 unknown user"
        ),
        0,
    ),
    "gmail's words": (GMAIL.encode(), "550 5.1.1 no such user here", 0),
}


def read(path: Path) -> tuple[list[dict[str, object]], list[Quarantined]]:
    pages = list(FileSource(path, given={"account": 7000001}).pages())
    events = pa.Table.from_batches([page.events for page in pages])
    return events.to_pylist(), [bad for page in pages for bad in page.quarantined]


@pytest.mark.parametrize(("message", "reason", "job"), BOUNCES.values(), ids=BOUNCES.keys())
def test_reads_who_was_refused_why_and_when(
    tmp_path: Path, message: bytes, reason: str, job: int
) -> None:
    path = tmp_path / "x.eml"
    path.write_bytes(message)
    (event,), bad = read(path)
    assert not bad
    assert event["reply_text"] == reason
    assert (event["address"], event["domain"]) == ("pat@gmail.com", "gmail.com")
    assert (event["account"], event["job"], event["event_time"]) == (7000001, job, WHEN)


def test_each_recipient_that_failed_is_a_bounce(tmp_path: Path) -> None:
    path = tmp_path / "x.eml"
    second = FAILED.replace("pat@", "kim@") + "\nLast-Attempt-Date: Mon, 2 Mar 2026 00:00:00 -0000"
    relayed = "Final-Recipient: rfc822; lee@gmail.com\nAction: relayed\nStatus: 2.0.0"
    path.write_bytes(report(FAILED, second, relayed))
    events, bad = read(path)
    assert [(e["address"], e["event_time"]) for e in events] == [
        ("pat@gmail.com", WHEN),
        ("kim@gmail.com", datetime(2026, 3, 2, tzinfo=UTC)),
    ]
    assert not bad


NO_BOUNCES = {
    "a delay": (report(FAILED.replace("failed", "delayed")), "reports no failure: delayed"),
    "a holiday": (b"From: kim@example.com\nSubject: away\n\nBack on Monday.", "no bounce message"),
    "a riddle": (f"{HEAD}\nSomething went wrong.\n".encode(), "form is not known"),
    "no date": (report(FAILED).replace(b"Date:", b"X-Date:"), "no date"),
    "nobody": (report("Final-Recipient: rfc822;\nAction: failed"), "names no recipient"),
}


@pytest.mark.parametrize(("message", "reason"), NO_BOUNCES.values(), ids=NO_BOUNCES.keys())
def test_what_is_no_bounce_is_set_aside(tmp_path: Path, message: bytes, reason: str) -> None:
    path = tmp_path / "x.eml"
    path.write_bytes(message)
    events, (bad,) = read(path)
    assert not events
    assert reason in bad.reason
    assert bad.raw


def mailbox(*messages: bytes) -> bytes:
    return b"".join(b"From MAILER-DAEMON Sun Mar  1 11:00:05 2026\n" + m + b"\n" for m in messages)


def test_a_mailbox_is_read_message_by_message(tmp_path: Path) -> None:
    path = tmp_path / "bounces.mbox"
    away = b"From: kim@example.com\nDate: x\n\nBack soon.\n\n>From here on it is quiet.\n"
    path.write_bytes(mailbox(report(FAILED), away, QMAIL.encode(), EXIM.encode()))
    events, bad = read(path)
    assert len(events) == 3
    assert [b.reason for b in bad] == ["it is no bounce message"]


def test_a_maildir_and_a_folder_of_messages_are_read(tmp_path: Path) -> None:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    (tmp_path / "box/new/1700000000.M1P1.mx").write_bytes(report(FAILED))
    (tmp_path / "box/cur/1700000001.M1P1.sent:2,S").write_bytes(QMAIL.encode())
    (tmp_path / "box/tmp/half").write_bytes(b"From: x")
    assert len(read(tmp_path / "box")[0]) == 2
    (tmp_path / "a.eml").write_bytes(EXIM.encode())
    (tmp_path / "notes.txt").write_bytes(b"not mail")
    assert len(read(tmp_path)[0]) == 1


def test_a_message_nested_without_end_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "x.eml"
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(2000)
    )
    path.write_bytes(HEAD.encode() + deep)
    events, (bad,) = read(path)
    assert not events
    assert bad.reason


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_message_is_read_or_set_aside(tmp_path: Path, data: st.DataObject) -> None:
    base = data.draw(st.sampled_from([m for m, *_ in (*BOUNCES.values(), *NO_BOUNCES.values())]))
    at, gap = data.draw(st.integers(0, len(base))), data.draw(st.integers(0, 40))
    path = tmp_path / "any.eml"
    path.write_bytes(base[:at] + data.draw(st.binary(max_size=40)) + base[at + gap :])
    try:
        events, bad = read(path)
    except BouncelensError:
        return
    assert len(events) + len(bad) >= 1
