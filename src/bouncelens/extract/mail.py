"""Bounce messages as files: RFC 3464 reports, and what qmail, Exim and Gmail write instead.

A message becomes rows of text like those of any table; one that is no bounce is set aside, since
a mailbox of bounces also gets holiday replies, delays and spam.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator, Mapping
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from typing import BinaryIO

from bouncelens.bounce import Quarantined
from bouncelens.extract.archive import Part
from bouncelens.extract.records import Block, Records

_MOST_BYTES = 4 * 1024 * 1024  # of one message; a report is a few kilobytes and the mail it returns
_MOST_PARTS, _MOST_RECIPIENTS = 200, 1000
_BLOCK_ROWS = 5000
_RAW_CHARS = 2000
_COLUMNS = ("job", "SubscriberKey", "EmailAddress", "EventDate", "BounceReason")
_MAIL_START = re.compile(
    rb"(?i)(From \S+ .*\d{4}|(Return-Path|Received|Delivered-To|From|To|Date|Subject|Message-ID"
    rb"|MIME-Version|Content-Type|X-[A-Za-z0-9-]+|Auto-Submitted): ?\S?)"
)
_FROM_LINE = re.compile(rb"From \S+.*\d{4}\s*$")
# Marketing Cloud marks its mail with MID and JobID; the report returns the mail's headers.
_X_JOB = re.compile(r"(\d{4,12})_(\d{1,12})")
_ADDRESS = re.compile(r"[^\s<>;,()]{1,254}@[^\s<>;,()]{1,253}")
# qmail: "<pat@example.com>:" and then what happened. Exim: the address, then deeper what happened.
_QMAIL = re.compile(r"^<([^\s<>]+@[^\s<>]+)>:[ \t]*\n((?:[^\n]+\n?)+)", re.MULTILINE)
_EXIM = re.compile(r"^ {2}([^\s<>]+@[^\s<>]+)\n((?: {4}[^\n]*\n?)+)", re.MULTILINE)
_REPLY = re.compile(r"^.*?\b([45]\d\d[ -][^\n]*(?:\n[^\n]+)*)", re.MULTILINE)


def is_mail(part: Part) -> bool:
    """Whether a file begins like a message or a mailbox."""
    with part.open() as stream:
        return _MAIL_START.match(stream.read(1000)) is not None


def mail_records(part: Part) -> Records:
    """The bounces of a message, or of a mailbox in mbox form."""
    first = next(_blocks(part), None)
    return Records(first.header if first else _COLUMNS, lambda: _blocks(part), kind="bounces")


def _blocks(part: Part) -> Iterator[Block]:
    header: tuple[str, ...] | None = None
    rows, lines, bad = list[dict[str, str | None]](), list[int | None](), list[Quarantined]()
    with part.open() as stream:
        for line, raw in _messages(stream):
            found = _bounces(raw)
            if isinstance(found, str):
                shown = raw[:_RAW_CHARS].decode("utf-8", "replace")
                bad.append(Quarantined(part.name, line, found, shown))
            else:
                rows += found
                lines += [line] * len(found)
            if header is None and rows:
                header = (*_COLUMNS, "account") if rows[0]["account"] else _COLUMNS
            if len(rows) + len(bad) >= _BLOCK_ROWS:
                yield _block(header or _COLUMNS, rows, lines, bad)
                rows, lines, bad = [], [], []
    if rows or bad:
        yield _block(header or _COLUMNS, rows, lines, bad)


def _block(
    header: tuple[str, ...],
    rows: list[dict[str, str | None]],
    lines: list[int | None],
    bad: list[Quarantined],
) -> Block:
    columns = [[row[name] for row in rows] for name in header]
    return Block(header, columns, len(rows), lines, tuple(bad))


def _messages(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Each message of a mailbox, with the line it begins on; or the only one of a file."""
    number, begin, size, is_after_blank, is_mbox = 0, 1, 0, True, False
    held: list[bytes] = []
    while line := stream.readline(65_536):
        number += 1
        if is_after_blank and _FROM_LINE.match(line) and (is_mbox or number == 1):
            if held:
                yield begin, b"".join(held)
            held, size, begin, is_mbox = [], 0, number + 1, True
        elif size < _MOST_BYTES:
            held.append(line)
            size += len(line)
        is_after_blank = not line.strip()
    if held:
        yield begin, b"".join(held)


def _bounces(raw: bytes) -> list[dict[str, str | None]] | str:
    """Rows for the recipients that a message says failed, or why there are none."""
    try:
        message = email.message_from_bytes(raw)
        parts = [part for part, _ in zip(message.walk(), range(_MOST_PARTS), strict=False)]
        common = _common(message, parts)
        failures = _reported(parts) if _has_report(parts) else _told(message, parts)
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError):
        return "it is no message that can be read"
    if isinstance(failures, str):
        return failures
    if common["EventDate"] is None:
        return "it has no date"
    return [
        {
            **common,
            "SubscriberKey": address,
            "EmailAddress": address,
            "BounceReason": reason,
            "EventDate": moment or common["EventDate"],
        }
        for address, reason, moment in failures[:_MOST_RECIPIENTS]
    ]


def _common(message: Message, parts: list[Message]) -> dict[str, str | None]:
    returned = [
        email.message_from_string(_text(part))
        for part in parts
        if part.get_content_type() == "text/rfc822-headers"
    ]
    marks = (_X_JOB.fullmatch(_said(part, "X-Job")) for part in (*parts, *returned))
    x_job = next((mark for mark in marks if mark), None)
    return {
        "account": x_job[1] if x_job else None,
        "job": x_job[2] if x_job else "0",
        "EventDate": _moment(_said(message, "Date")),
    }


Failure = tuple[str, str | None, str | None]  # address, what the server said, when


def _has_report(parts: list[Message]) -> bool:
    return any(p.get_content_type() == "message/delivery-status" for p in parts)


def _reported(parts: list[Message]) -> list[Failure] | str:
    """RFC 3464: one block for the message, then one for each recipient."""
    found, other = list[Failure](), ""
    for part in parts:
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in _status_blocks(part):
            # §2.3.2, §2.3.1: the address as the last server knew it, or as it was asked for.
            recipient = block.get("final-recipient") or block.get("original-recipient") or ""
            address = _address(recipient.partition(";")[2] or recipient)
            if address is None:
                continue
            action = block.get("action", "failed").split()[0].lower() if block.get("action") else ""
            if action not in ("failed", ""):
                other = action
                continue
            # §2.3.6: the reply is in Diagnostic-Code; without it the status is all there is.
            reason = block.get("diagnostic-code") or block.get("status")
            moment = _moment(block.get("last-attempt-date", ""))
            found.append((address, reason, moment))
    if found:
        return found
    if other:
        return f"it reports no failure: {''.join(c for c in other if c.isalnum())[:20]}"
    return "its report names no recipient"


def _status_blocks(part: Message) -> Iterator[Mapping[str, str]]:
    """The fields of a delivery-status part, block by block, names in lower case.

    Read from the text: the parser makes messages of blocks, and differently for broken ones.
    """
    payload = part.get_payload()
    texts = payload if isinstance(payload, list) else [part]
    whole = "\n\n".join(str(text) for text in texts).replace("\r\n", "\n")
    for block in re.split(r"\n[ \t]*\n", whole):
        fields: dict[str, str] = {}
        for line in re.sub(r"\n[ \t]+", "\n ", block).replace("\n ", " ").split("\n"):
            name, colon, value = line.partition(":")
            if colon:
                fields.setdefault(name.strip().lower(), value.strip())
        yield fields


def _told(message: Message, parts: list[Message]) -> list[Failure] | str:
    """Reports in words only."""
    text = next((_text(p) for p in parts if p.get_content_type() == "text/plain"), "")
    sender = _said(message, "From").lower()
    is_system = "mailer-daemon" in sender or "postmaster" in sender or "mail delivery" in sender
    failed = _said(message, "X-Failed-Recipients")
    if not (is_system or failed):
        return "it is no bounce message"
    found = (_QMAIL if "qmail" in text[:400] else _EXIM).findall(text)
    if found:
        return [(address, " ".join(reason.split()), None) for address, reason in found]
    reply = _REPLY.search(text)
    reason = " ".join(reply[1].split()) if reply else None
    addresses = dict.fromkeys(_ADDRESS.findall(failed))
    if addresses and reason:
        return [(address, reason, None) for address in addresses]
    return "it is a report whose form is not known"


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    body = payload if isinstance(payload, bytes) else b""
    try:
        text = body.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:
        text = body.decode("utf-8", "replace")
    return text[:100_000].replace("\r\n", "\n")


def _said(part: Message, name: str) -> str:
    return re.sub(r"\s+", " ", str(part.get(name) or "")).strip()[:4000]


def _address(text: str) -> str | None:
    address = parseaddr(text.strip())[1] or text.strip().strip("<>")
    return address if _ADDRESS.fullmatch(address) else None


def _moment(text: str) -> str | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    # RFC 5322 §3.3: "-0000" says UTC without a place, which Python gives without a zone.
    zone = moment.strftime("%z") or "+0000"
    return f"{moment:%Y-%m-%dT%H:%M:%S}{zone[:3]}:{zone[3:5]}"
