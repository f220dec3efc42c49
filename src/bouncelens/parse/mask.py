"""A reply into its template: what varies becomes a placeholder, what rules mention stays.

The class of a reply is a function of its canonical text (with code, status and provider), so
separators stay, and a `Keep` list, generated from the rules, says which hosts and codes do.
Canonical text: lower case, single spaces, plain quotes, the carrier's decoration gone, and
`<addr> <ip> <host> <url> <id> <time> <n>` for what varies. The first half of the work is in
`skeleton`; the second, here, sees nothing but the first one's outcome.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from bouncelens.parse.codes import codes_in
from bouncelens.parse.decoration import response_span
from bouncelens.parse.skeleton import Keep, skeleton_parts
from bouncelens.parse.text import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bouncelens.parse.skeleton import Part

__all__ = ["Keep", "Masked", "canonical", "masked", "template_id"]

# One character for one, so that places in the canonical text lead back to the server's words.
# The dotted capital I and the Kelvin sign would turn into ASCII letters, and a dash into a sign
# that belongs to pieces; both would join what they part. So dashes become plain at the end.
_PLAIN = str.maketrans(
    "\u2018\u2019\u201a\u00b4\u0060\u201c\u201d\u201e\u00ab\u00bb"
    "\u2010\u2011\u2012\u2014\u2015\u2212\u00a0\u3000\u0130\u212a",
    "'''''\"\"\"\"\"\u2013\u2013\u2013\u2013\u2013\u2013  ??",
)
_DASH = "\u2013"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_CLOCK = r"<n>:<n>(?::(?:<n>|<id>))?(?:\.(?:<n>|<id>))?"
_INSIDE = r"(?:[^\s<>\"'()\[\]{},;|]|<(?:n|id|ip|host|addr|time)>)"
# "mon, <n> nov <n> <n>:<n>:<n> +<n> (cet)", "nov <n> <n>:<n>:<n>"
_TIME = (
    r"(?:\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},? )?"
    rf"(?:<n> {_MONTH}\b|\b{_MONTH} <n>)(?:,? <n>)?(?:,? {_CLOCK})?(?: [ap]m\b)?(?: [+-]<n>)?"
    r"(?: \(?(?:gmt|utc|cet|[a-z]{1,3}[sd]t)\b\)?)?(?: <n>)?"
    rf"|<id>:<n>:(?:<n>|<id>)(?:\.(?:<n>|<id>))?(?:[+-]<n>:<n>)?"
    rf"|(?:<id>|<n>/<n>/<n>),? {_CLOCK}|{_CLOCK}|<n>/<n>/<n>"
)
# Each begins with one of six signs, so that a text is searched at once.
_OTHERS = (
    r"[245hf<](?:"
    # a code repeated on each line of a reply
    r"(?<=[245])(?<![\w.].)[0-7]\d"
    r"(?:[ -]#?(?P<status>[245]\.\d{1,3}\.\d{1,3})(?![\d.])|-(?=\S)) ?"
    rf"|(?:(?<=h)ttps?|(?<=f)tp)://(?:<host>|<ip>)(?P<path>{_INSIDE}*)"
    r"|(?<=<)(?:<(?:addr|host|ip|id)>|[^<>\s]{1,320})>)"
)
_TIMELESS = re.compile(f"{_OTHERS}|(?P<time>(?!))")
# Every time holds one of these.
_TIME_SIGNS = re.compile(r">[:/]<")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Words in angle brackets that are no local part of an address: control characters by name, and
# what people and documents put for a masked thing.
_NAMED = frozenset(
    """
    cr lf crlf nul eof eom eol dot none null br p data rcpt mail helo ehlo starttls auth
    end-of-message localhost unknown sender recipient domain host-name
    addr ip host url id time n email address
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Masked:
    """Canonical text, the codes it holds, and what leads back to the reply's text."""

    text: str
    code: int | None
    status: str | None
    words: str = field(repr=False)  # the reply's text
    _keep: Keep = field(repr=False)

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the reply's text behind `text[start:end]`.

        The way there is found anew each time: most replies are judged and never looked into.
        """
        bones, to_source = _joined(skeleton_parts(lowered(self.words[:LIMIT]), self._keep))
        _, to_bones = _joined(_second_half(bones))
        low, high = _behind(to_bones, start, end)
        return _behind(to_source, low, high)


def canonical(text: str, keep: Keep | None = None) -> str:
    """The canonical text of a reply's `text` (as `read_reply` gives it)."""
    return masked(text, keep).text


def masked(
    text: str, keep: Keep | None = None, *, quickly: Callable[[str], str | None] | None = None
) -> Masked:
    """The canonical text of a reply's `text`, its codes, and the way back.

    `quickly`: the skeleton of a lower-case text by other means; None where it does not know.
    """
    keep = keep or _NONE
    plain = lowered(text[:LIMIT])
    bones = quickly(plain) if quickly else None
    if bones is None:
        bones = "".join([part for part, _, _ in skeleton_parts(plain, keep)])
    code, status = codes_in(bones)
    words = "".join([part for part, _, _ in _second_half(bones)])
    return Masked(words.rstrip().replace(_DASH, "-"), code, status, text, keep)


def template_id(text: str, code: int | None, status: str | None, provider: str | None) -> int:
    """Stable 64-bit signed id of a template: canonical `text` with what else decides."""
    key = "\x1f".join((text, str(code or ""), status or "", provider or ""))
    digest = blake2b(key.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def lowered(text: str) -> str:
    """Lower case with plain quotes, one character for one."""
    plain = text.translate(_PLAIN)
    lower = plain.lower()
    if len(lower) == len(plain):
        return lower
    return "".join(letter.lower()[:1] for letter in plain)


_NONE = Keep()


class _Places(NamedTuple):
    """Where parts start here, and the spans they came from."""

    starts: list[int]
    spans: list[tuple[int, int]]


def _joined(parts: Iterable[Part]) -> tuple[str, _Places]:
    words: list[str] = []
    places = _Places([], [])
    length = 0
    for part, start, size in parts:
        if part:
            words.append(part)
            places.starts.append(length)
            places.spans.append((start, start + size))
            length += len(part)
    return "".join(words), places


def _behind(places: _Places, start: int, end: int) -> tuple[int, int]:
    if end <= start or not places.starts:
        return 0, 0
    return _place(places, start)[0], _place(places, end - 1)[1]


def _place(places: _Places, position: int) -> tuple[int, int]:
    """The span behind one character: its own where the part was taken over as it stood."""
    index = bisect_right(places.starts, position) - 1
    start, end = places.spans[index]
    is_last = index + 1 == len(places.starts)
    if is_last or places.starts[index + 1] - places.starts[index] == end - start:
        place = start + position - places.starts[index]
        if place < end:
            return place, place + 1
    return start, end


def _second_half(bones: str) -> Iterator[Part]:
    """What needs more than one piece: decoration, repeated codes, dates, links, brackets."""
    at, end = response_span(bones)
    seen: set[str] = set()
    special = _special_form() if _may_hold_time(bones) else _TIMELESS
    for found in special.finditer(bones, at, end):
        words = _special(found, seen)
        if words is None:
            continue
        start = found.start()
        if at < start:
            yield bones[at:start], at, start - at
        yield words, start, found.end() - start
        at = found.end()
    if at < end:
        yield bones[at:end], at, end - at


@cache
def _special_form() -> re.Pattern[str]:
    """Compiled when it is needed first: most single replies hold no time."""
    return re.compile(f"(?P<time>{_TIME})|{_OTHERS}")


def _may_hold_time(bones: str) -> bool:
    if _TIME_SIGNS.search(bones):
        return True
    return "<n>" in bones and any(month in bones for month in _MONTHS)


def _special(found: re.Match[str], seen: set[str]) -> str | None:
    """What stands for it; None: leave it as it is."""
    whole, first = found[0], found[0][0]
    if found["time"]:
        return "<time>"
    if first in "245":
        # "550-5.1.1 no such 550 5.1.1 user" reads "550 5.1.1 no such user"; a different code
        # begins another reply and stays.
        code, status = whole[:3], found["status"] or ""
        key = f"{code} {status}"
        if key in seen:
            return ""
        seen |= {key, f"{code} "}
        return whole.replace("-", " ")
    if first != "<":
        is_kept = _HAS_DIGIT.search(found["path"])
        return None if is_kept else "<url>"
    inner = whole[1:-1]
    if inner in _NAMED:
        return None
    return inner if inner[0] == "<" else "<addr>"


_HAS_DIGIT = re.compile(r"\d")
