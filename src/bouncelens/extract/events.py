"""The events route: what the Event Notification Service posts, proved and read.

A batch is a JSON array signed over its bytes. Times are epoch milliseconds, UTC; only mail that
is sent by the transactional API tells of its bounces.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from bouncelens.bounce import Page, Quarantined, event_schema
from bouncelens.extract.rows import read_events

if TYPE_CHECKING:
    from bouncelens.extract.spool import Letter

BOUNCED = "TransactionalSendEvents.EmailBounced"
ROUTE = "events"
KeyReading = Literal["either", "text", "bytes"]

_RAW_CHARS = 2000
_MOST_VERIFICATION_BYTES = 4096
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_TYPE = re.compile(r"[A-Za-z]{1,60}(\.[A-Za-z]{1,60})?")
# SOFT covers what other routes call soft, block, technical and unknown: to name one is a guess.
_CATEGORIES = {"HARD": "Hard bounce"}
_FIELDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("account", ("mid",)),
    ("job", ("composite", "jobId")),
    ("batch", ("composite", "batchId")),
    ("subscriber_key", ("info", "subscriberKey")),
    ("list_id", ("composite", "listId")),
    ("subscriber_id", ("composite", "subscriberId")),
    ("address", ("info", "to")),
    ("triggered_send_key", ("definitionKey",)),
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What batches said: bounces, and how many events of other types."""

    page: Page
    others: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Verification:
    """What a callback is sent when it is made. `key` proves that its address hears."""

    callback_id: str
    key: str


def is_signed(body: bytes, signature: str, key: str, *, reading: KeyReading = "either") -> bool:
    """Whether `signature` is that of the body: base64 of HMAC-SHA256 over its raw bytes.

    Whether the key counts as text or as the bytes behind its base64 is nowhere said: `reading`.
    """
    try:
        given = base64.b64decode(signature.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        return False
    is_right = False
    for secret in _secrets(key, reading):
        made = hmac.new(secret, body, hashlib.sha256).digest()
        is_right |= hmac.compare_digest(made, given)
    return is_right


def _secrets(key: str, reading: KeyReading) -> Iterator[bytes]:
    if reading != "bytes":
        yield key.encode()
    if reading != "text":
        try:
            yield base64.b64decode(key.encode("ascii"), validate=True)
        except (ValueError, binascii.Error):
            return


def read_verification(body: bytes) -> Verification | None:
    """The verification in an unsigned post; None when it is none."""
    if len(body) > _MOST_VERIFICATION_BYTES:
        return None
    said = _json(body)
    if not isinstance(said, dict):
        return None
    callback, key = said.get("callbackId"), said.get("verificationKey")
    if not isinstance(callback, str) or not isinstance(key, str) or not _GUID.fullmatch(callback):
        return None
    if not 0 < len(key) <= 500 or not key.isprintable():
        return None
    return Verification(callback.lower(), key)


def read_letters(letters: Sequence[Letter]) -> Heard:
    """Bounces out of batches. What cannot be read is set aside item by item; events of other
    types are counted."""
    others: Counter[str] = Counter()
    items, sources = list[Any](), list[tuple[str, int | None]]()
    bad = list[Quarantined]()
    for letter in letters:
        when = datetime.fromtimestamp(letter.received_ms / 1000, UTC)
        source = f"events, account {letter.account}, {when:%Y-%m-%dT%H:%M:%S}Z"
        said = None if letter.is_damaged else _json(letter.body)
        if not isinstance(said, list):
            why = "the disk damaged it" if letter.is_damaged else "it is not a JSON array"
            raw = letter.body[:_RAW_CHARS].decode("utf-8", "replace")
            bad.append(Quarantined(source, None, why, raw))
            continue
        for number, item in enumerate(said, 1):
            kind = _type_of(item)
            if kind == BOUNCED:
                items.append(item)
                sources.append((source, number))
            elif kind is None:
                reason = "it is no event with an eventCategoryType"
                bad.append(Quarantined(source, number, reason, _raw(item)))
            else:
                others[kind] += 1
    return _read(items, sources, bad=bad, others=others)


def bounce_cells(item: Mapping[str, Any]) -> dict[str, str | None]:
    """The cells of a bounce event by our fields, as text."""
    cells = {field: _text(_at(item, path)) for field, path in _FIELDS}
    info = item.get("info")
    info = info if isinstance(info, dict) else {}
    cells["event_time"] = _moment(item.get("timestampUTC"))
    # smtpReason holds the enhanced status alone; the words are in bounceMessage.
    cells["reply_text"] = _text(info.get("bounceMessage")) or _text(info.get("smtpReason"))
    cells["sfmc_category"] = _CATEGORIES.get(str(info.get("bounceCode")).upper())
    return cells


def _read(
    items: Sequence[Mapping[str, Any]],
    sources: Sequence[tuple[str, int | None]],
    *,
    bad: list[Quarantined],
    others: Mapping[str, int],
) -> Heard:
    if not items:
        import pyarrow as pa

        empty = pa.RecordBatch.from_pylist([], schema=event_schema())
        return Heard(Page(empty, None, tuple(bad)), others)
    rows = [bounce_cells(item) for item in items]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    reading = read_events(columns, len(rows), route=ROUTE)
    for index, reason in sorted(reading.unreadable.items()):
        source, number = sources[index]
        bad.append(Quarantined(source, number, reason, _raw(items[index])))
    return Heard(Page(reading.batch, None, tuple(bad)), others)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _type_of(item: Any) -> str | None:
    kind = item.get("eventCategoryType") if isinstance(item, dict) else None
    return kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else None


def _at(item: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = item
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str | None:
    """A cell; a nested value stays as JSON, so that a typed column refuses it."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    # A lone surrogate can be written in JSON and in no other place.
    return text.encode("utf-8", "replace").decode()


def _moment(value: Any) -> str | None:
    """Epoch milliseconds, also as text, in ISO form; what is no such time as it was."""
    text = _text(value)
    if text is None or not re.fullmatch(r"\d{1,15}", text):
        return text
    try:
        return f"{datetime.fromtimestamp(int(text) // 1000, UTC):%Y-%m-%dT%H:%M:%S}Z"
    except (OverflowError, ValueError, OSError):
        return text


def _raw(item: Any) -> str:
    return json.dumps(item, ensure_ascii=False).encode("utf-8", "replace").decode()[:_RAW_CHARS]
