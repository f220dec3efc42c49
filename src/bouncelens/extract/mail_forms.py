"""What a message is, and the failures it tells in words only. The forms are data: mail_forms.toml.

RE2 finds them, so the time is linear in what a stranger wrote.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

_MOST_CHARS = 100_000
_MOST_FAILURES = 1000
_ADDRESS = re.compile(r"[^\s<>;,()\"]{1,254}@[^\s<>;,()\"]{1,253}")
_REPLY = re.compile(r"^.{0,200}?\b([45]\d\d[ -][^\n]*(?:\n[^\n]+)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a failure in words."""

    id: str
    marks: tuple[str, ...]
    entry: Any  # a compiled RE2 pattern with the groups `address` and `reply`


@cache
def forms() -> tuple[Form, ...]:
    """The forms of mail_forms.toml, in order."""
    import re2

    return tuple(
        Form(form["id"], tuple(form["mark"]), re2.compile(form["entry"]))
        for form in _table()["form"]
    )


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("mail_forms.toml").read_text("utf-8"))


def _has_word(text: str, kind: str) -> bool:
    return any(word in text for word in _table()["words"][kind])


def other_than_bounce(message: Message, parts: Sequence[Message]) -> str | None:
    """Why a message is none that reports a failure, where it says so itself."""
    kinds = {part.get_content_type() for part in parts}
    if "message/feedback-report" in kinds:  # RFC 5965
        return "it is a complaint (feedback report), no bounce"
    if "message/disposition-notification" in kinds:  # RFC 8098
        return "it is a receipt for reading, no bounce"
    if kinds & {"message/delivery-status", "message/global-delivery-status"}:
        return None
    said = _header(message, "Auto-Submitted").partition(";")[0]
    # RFC 3834 §5.1: replies of people's agents are auto-replied; system messages auto-generated.
    is_marked = said == "auto-replied" or any(
        _header(message, name)
        for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress-Reply")
    )
    subject = _header(message, "Subject")
    is_away = is_marked or _has_word(subject, "away")
    if is_away and not is_system(message) and not message.get("X-Failed-Recipients"):
        return "it is an automatic reply, no bounce"
    return None


def is_system(message: Message) -> bool:
    """Whether a mail system wrote it, by its own word."""
    sender = _header(message, "From")
    returned = " ".join(str(message.get("Return-Path") or "").split())
    return returned == "<>" or _has_word(sender, "systems")


def told(message: Message, texts: Sequence[str]) -> list[tuple[str, str | None]] | str:
    """Addresses and replies that a message tells in words, or why there are none. `texts`: what a
    person would read, one after the other until one says something."""
    failed = str(message.get("X-Failed-Recipients") or "")
    if not (is_system(message) or failed):
        return "it is no bounce message"
    for text in texts:
        if found := _entries(text):
            return found
    subject = _header(message, "Subject")
    for text in texts:
        if _has_word(text.lower(), "delays") or ("delay" in subject and "fail" not in subject):
            return "it reports no failure: delayed"
        reply = _REPLY.search(text)
        addresses = dict.fromkeys(_ADDRESS.findall(failed))
        if addresses and reply:
            return [(address, " ".join(reply[1].split())) for address in addresses]
    return "it is a report whose form is not known"


def _entries(text: str) -> list[tuple[str, str | None]]:
    lower = text.lower()
    if _has_word(lower, "delays"):
        return []
    for form in forms():
        if not any(mark in lower for mark in form.marks):
            continue
        found: dict[str, str | None] = {}
        for entry in form.entry.finditer(text):
            address = entry.group("address").strip("'\"()[].,;:")
            if _ADDRESS.fullmatch(address) and len(found) < _MOST_FAILURES:
                found.setdefault(address, " ".join(entry.group("reply").split()))
        if found:
            return list(found.items())
    return []


def texts_of(parts: Sequence[Message]) -> Iterator[str]:
    """What a person would read: plain parts first, then HTML without its tags."""
    for part in parts:
        if part.get_content_type() == "text/plain":
            yield decoded(part)
    for part in parts:
        if part.get_content_type() == "text/html":
            yield plain_text(decoded(part))


def decoded(part: Message) -> str:
    """The text of a part, with plain line ends; at most 100,000 characters."""
    payload = part.get_payload(decode=True)
    body = payload if isinstance(payload, bytes) else b""
    try:
        text = body.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        text = body.decode("utf-8", "replace")
    return text[:_MOST_CHARS].replace("\r\n", "\n").replace("\xa0", " ")


def plain_text(html: str) -> str:
    """HTML as lines of text; what cannot be parsed is left out."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = ("".join(reader.found)).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines)


_BREAKS = frozenset(("br", "p", "div", "tr", "li", "table", "h1", "h2", "h3", "pre", "td", "hr"))


class _Reader(HTMLParser):
    """Collects text; block elements end a line."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in ("style", "script"):
            self._hidden += 1
        elif tag in _BREAKS:
            self.found.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BREAKS:
            self.found.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(data.replace("\n", " "))


def _header(message: Message, name: str) -> str:
    """A header's words in lower case, encoded words decoded (RFC 2047)."""
    from email.header import decode_header, make_header

    raw = str(message.get(name) or "")[:2000]
    try:
        text = str(make_header(decode_header(raw)))
    except (LookupError, ValueError, UnicodeError):
        text = raw
    return " ".join(text.split()).lower()
