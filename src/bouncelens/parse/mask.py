"""A reply into its template: what varies becomes a placeholder, what rules mention stays.

The class of a reply is a function of its canonical text (with code, status and provider), so
separators stay, and a `Keep` list, generated from the rules, says which hosts and codes do.
Canonical text: lower case, single spaces, plain quotes, the carrier's decoration gone, and
`<addr> <ip> <host> <url> <id> <time> <n>` for what varies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING

from bouncelens.parse.decoration import response_span
from bouncelens.parse.text import LIMIT
from bouncelens.parse.token import Keep, mask_token

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Keep", "Masked", "canonical", "masked", "template_id"]

# One character for one, so that places in the canonical text lead back to the server's words.
_PLAIN = str.maketrans(
    "\u2018\u2019\u201a\u00b4\u0060\u201c\u201d\u201e\u00ab\u00bb\u2010\u2011\u2012\u2013\u2014\u2212\u00a0\u3000\u0130",
    "'''''\"\"\"\"\"------  i",
)
# ASCII and Latin letters with what holds addresses, hosts, links and ids together. Other scripts
# stand outside: "用户user@example.cn不存在" must not lose its words to the address.
_TOKEN = re.compile(r"<[^<>\s]{1,320}>|[a-z0-9\u00df-\u024f.@+#%&~$:/=?!*^_-]+")
# Dates are many tokens: "mon, 12 nov 2020 10:11:12 +0100 (cet)", "nov 12 10:11:12".
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_SPECIAL = re.compile(
    r"(?<![\w.])(?P<code>[245][0-7]\d)(?:[ -]#?(?P<status>[245]\.\d{1,3}\.\d{1,3})(?![\d.])|-(?=\S)) ?"
    r"|(?:\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},? )?"
    rf"\b(?:\d{{1,2}} {_MONTH}|{_MONTH} \d{{1,2}})\b(?:,? \d{{4}}\b)?"
    r"(?:,? \d{1,2}:\d{2}(?::\d{2})?)?(?: [ap]m\b)?(?: [+-]\d{4})?"
    r"(?: \(?(?:gmt|utc|cet|[a-z]{1,3}[sd]t)\b\)?)?(?: \d{4}\b)?"
)


@dataclass(frozen=True, slots=True)
class Masked:
    """Canonical text, and for each of its pieces the place in the reply's text it came from."""

    text: str
    pieces: tuple[tuple[int, int, int], ...] = field(repr=False)  # canonical start, source span

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the reply's text behind `text[start:end]`."""
        low = high = None
        for (at, source, source_end), (following, _, _) in pairwise(
            (*self.pieces, (len(self.text), 0, 0))
        ):
            if following <= start or at >= end:
                continue
            is_verbatim = following - at == source_end - source
            if low is None:
                low = source + max(0, start - at) if is_verbatim else source
            high = source + min(end - at, source_end - source) if is_verbatim else source_end
        return (low or 0, high or 0)


def canonical(text: str, keep: Keep | None = None) -> str:
    """The canonical text of a reply's `text` (as `read_reply` gives it)."""
    return masked(text, keep).text


def masked(text: str, keep: Keep | None = None) -> Masked:
    """The canonical text together with the way back to `text`."""
    parts: list[str] = []
    pieces: list[tuple[int, int, int]] = []
    length = 0
    for words, start, end in _masked_parts(_lowered(text[:LIMIT]), keep or _NONE):
        parts.append(words)
        pieces.append((length, start, end))
        length += len(words)
    return Masked("".join(parts).rstrip(), tuple(pieces))


def template_id(text: str, code: int | None, status: str | None, provider: str | None) -> int:
    """Stable 64-bit signed id of a template: canonical `text` with what else decides."""
    key = "\x1f".join((text, str(code or ""), status or "", provider or ""))
    digest = blake2b(key.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


_NONE = Keep()


def _lowered(text: str) -> str:
    """Lower case, one character for one."""
    plain = text.translate(_PLAIN)
    lowered = plain.lower()
    if len(lowered) == len(plain):
        return lowered
    return "".join(letter.lower()[:1] for letter in plain)


def _masked_parts(folded: str, keep: Keep) -> Iterator[tuple[str, int, int]]:
    """Words or placeholder, with the span it stands for."""
    for words, low, high in _spans(folded, *response_span(folded)):
        if words is not None:
            yield words, low, high
            continue
        at = low
        for found in _TOKEN.finditer(folded, low, high):
            start = found.start()
            if at < start:
                yield folded[at:start], at, start
            for part, offset, length in mask_token(found[0], keep):
                yield part, start + offset, start + offset + length
            at = found.end()
        if at < high:
            yield folded[at:high], at, high


def _spans(folded: str, start: int, end: int) -> Iterator[tuple[str | None, int, int]]:
    """Dates as `<time>`, codes that merely repeat on each line of a reply as nothing, the rest.

    "550-5.1.1 no such 550 5.1.1 user" reads "550 5.1.1 no such user". A different code begins
    another reply and stays.
    """
    at = start
    seen: set[str] = set()
    for found in _SPECIAL.finditer(folded, start, end):
        words = "<time>"
        if found["code"]:
            key = f"{found['code']} {found['status'] or ''}"
            if key not in seen:
                seen |= {key, f"{found['code']} "}
                continue
            words = ""
        if at < found.start():
            yield None, at, found.start()
        yield words, found.start(), found.end()
        at = found.end()
    if at < end:
        yield None, at, end
