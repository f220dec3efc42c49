"""Bounce messages as files: RFC 3464 reports, and what mail systems write in words instead.

A message becomes rows of text like those of any table; one that is no bounce is set aside, since
a mailbox of bounces also gets holiday replies, delays and spam.
"""

from __future__ import annotations

import base64
import email
import quopri
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from typing import BinaryIO

from bouncelens.bounce import Quarantined
from bouncelens.extract.archive import Part
from bouncelens.extract.mail_forms import decoded, other_than_bounce, texts_of, told
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
_X_JOB_LINE = re.compile(r"(?m)^X-Job: (\d{4,12})_(\d{1,12})[ \t]*$")
# A report is plain text by its standard; some systems encode it all the same.
_CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "base64": lambda coded: base64.b64decode(coded + b"=" * (-len(coded) % 4)),
    "quoted-printable": quopri.decodestring,
}


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
        parts = [part for part, _ in zip(_own_parts(message), range(_MOST_PARTS), strict=False)]
        if reason := other_than_bounce(message, parts):
            return reason
        texts = [text for text in texts_of(parts) if text.strip()]
        failures = _reported(parts) if _has_report(parts) else _told(message, texts)
        common = _common(message, texts)
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


def _own_parts(message: Message) -> Iterator[Message]:
    """The parts of a message, without those of messages inside it: what comes back with a report
    may itself be one."""
    yield message
    kind = message.get_content_type()
    if kind in ("message/rfc822", "message/global"):
        return
    payload = message.get_payload()
    if isinstance(payload, list) and not kind.endswith("delivery-status"):
        for part in payload:
            if isinstance(part, Message):
                yield from _own_parts(part)


def _common(message: Message, texts: Sequence[str]) -> dict[str, str | None]:
    everything = [part for part, _ in zip(message.walk(), range(_MOST_PARTS), strict=False)]
    returned = [
        email.message_from_string(decoded(part))
        for part in everything
        if part.get_content_type() in ("text/rfc822-headers", "message/global-headers")
    ]
    marks = (_X_JOB.fullmatch(_said(part, "X-Job")) for part in (*everything, *returned))
    # Reports in words have the message below them as text.
    below = (_X_JOB_LINE.search(text) for text in texts)
    x_job = next((mark for mark in (*marks, *below) if mark), None)
    return {
        "account": x_job[1] if x_job else None,
        "job": x_job[2] if x_job else "0",
        "EventDate": _moment(_said(message, "Date")),
    }


Failure = tuple[str, str | None, str | None]  # address, what the server said, when


def _told(message: Message, texts: Sequence[str]) -> list[Failure] | str:
    found = told(message, texts)
    return found if isinstance(found, str) else [(address, why, None) for address, why in found]


def _has_report(parts: list[Message]) -> bool:
    return any(p.get_content_type() in _REPORTS for p in parts)


def _reported(parts: list[Message]) -> list[Failure] | str:
    """RFC 3464: one block for the message, then one for each recipient. RFC 6533: in UTF-8."""
    found, other = list[Failure](), ""
    for part in parts:
        if part.get_content_type() not in _REPORTS:
            continue
        for block in _status_blocks(part):
            # §2.3.2, §2.3.1: the address as the last server knew it, or as it was asked for.
            address = next((a for n in _RECIPIENTS if (a := _recipient(block.get(n, "")))), None)
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


_REPORTS = ("message/delivery-status", "message/global-delivery-status")
_RECIPIENTS = ("final-recipient", "original-recipient")


def _recipient(text: str) -> str | None:
    return _address(text.partition(";")[2] or text)


def _status_blocks(part: Message) -> Iterator[Mapping[str, str]]:
    """The fields of a delivery-status part, block by block, names in lower case.

    Read from the text: the parser makes messages of blocks, and differently for broken ones.
    """
    payload = part.get_payload()
    texts = payload if isinstance(payload, list) else [part]
    whole = "\n\n".join(str(text) for text in texts).replace("\r\n", "\n")
    if (coding := _said(part, "Content-Transfer-Encoding").lower()) in _CODINGS:
        coded = whole.partition("\n\n")[2] if not isinstance(payload, list) else whole
        whole = _CODINGS[coding](coded.encode("ascii", "ignore")).decode("utf-8", "replace")
    for block in re.split(r"\n[ \t]*\n", whole):
        fields: dict[str, str] = {}
        for line in re.sub(r"\n[ \t]+", "\n ", block).replace("\n ", " ").split("\n"):
            name, colon, value = line.partition(":")
            if colon:
                fields.setdefault(name.strip().lower(), value.strip())
        yield fields


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
