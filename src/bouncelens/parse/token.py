"""One run of letters, digits and signs: kept as it is, or told for what it is.

A token is judged by its form alone, so masking is linear in the text and the same everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from bouncelens.parse.tlds import TLDS

if TYPE_CHECKING:
    from collections.abc import Iterator

Part = tuple[str, int, int]  # words or placeholder, offset in the token, length there


@dataclass(frozen=True, eq=False, slots=True)
class Keep:
    """What must not be masked because rules speak of it; all lower case.

    `hosts`: domains kept with whatever stands before them. `codes`: ids, numbers and addresses
    kept as they are. `code_patterns`: regular expressions of such, matched in full.
    """

    hosts: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    code_patterns: re.Pattern[str] | None = None

    def has_code(self, token: str) -> bool:
        """Whether `token` is one that rules speak of."""
        if token in self.codes:
            return True
        return bool(
            self.code_patterns and len(token) <= 40 and self.code_patterns.fullmatch(token)
        )

    def host(self, name: str) -> str:
        """`name` if a rule speaks of it or of a domain above it, else the placeholder."""
        labels = name.split(".")
        for at in range(len(labels) - 1):
            if ".".join(labels[at:]) in self.hosts:
                front = ["<n>" if not label.isalpha() else label for label in labels[:at]]
                return ".".join([*front[-3:], *labels[at:]])
        return "<host>"


_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_IPV6 = re.compile(r"(?:ipv6:)?(?=.*:.*:)[0-9a-f:]{3,39}(?:\d{1,3}(?:\.\d{1,3}){3})?")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?:am|pm|z)?")
_ISO_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(?:t[\d:.]{4,20}(?:z|[+-][\d:]{2,5})?)?|\d{1,4}/\d{1,2}/\d{1,4}")
_STATUS = re.compile(r"#?[245]\.\d{1,3}\.\d{1,3}")
_CODE = re.compile(r"[245][0-7]\d")
_NUMBER = re.compile(r"[\d.]*\d[\d.]*(?:kb|mb|gb|k|m|g|kib|mib|s|sec|min|h|d|x)?")
_HOST = re.compile(r"(?:[a-z0-9_\u00df-\u024f-]{1,63}\.){1,12}([a-z]{2,24}|xn--[a-z0-9-]{2,40})")
_SPLIT = re.compile(r"[:/=?&!*~^$%+]")
_PIECE = re.compile(r"[a-z0-9_\u00df-\u024f-]+")
_DOMAIN_END = re.compile(r"[a-z0-9_\u00df-\u024f-]*(?:\.[a-z0-9_\u00df-\u024f-]+)*")
_LABEL_BEFORE = re.compile(r"[a-z_]{1,12}=")
_URL = re.compile(r"https?://|ftp://|mailto:")
_IN_BRACKETS = frozenset(
    ["cr", "lf", "crlf", "nul", "eof", "eom", "eol", "dot", "none", "null", "br", "p"]
    + ["addr", "ip", "host", "url", "id", "time", "n", "email", "address"]
)
_MIN_MIXED, _MAX_WORD = 2, 40


@lru_cache(maxsize=65536)
def mask_token(token: str, keep: Keep) -> tuple[Part, ...]:
    """The parts of a lower-case `token` in order; together they cover it."""
    if token[0] == "<" and token[-1] == ">":
        return ((_bracketed(token[1:-1], keep), 0, len(token)),)
    return tuple(_parts(token, 0, keep))


def _bracketed(inner: str, keep: Keep) -> str:
    """`<…>`: an address, nearly always, also when only its local part is there."""
    if inner in _IN_BRACKETS:
        return f"<{inner}>"
    if "@" not in inner and (_IPV4.fullmatch(inner) or _IPV6.fullmatch(inner)):
        return "<ip>"
    if "@" not in inner and _is_host(inner):
        return keep.host(inner)
    if _URL.match(inner):
        return "".join(part for part, _, _ in _parts(inner, 0, keep))
    return "<addr>"


def _parts(token: str, at: int, keep: Keep) -> Iterator[Part]:
    if not token:
        return
    if token.isalpha() and len(token) <= _MAX_WORD:
        yield token, at, len(token)
        return
    if keep.has_code(token):
        yield token, at, len(token)
        return
    core = token.rstrip(".:?!*-=")
    if core != token:
        yield from _parts(core, at, keep)
        yield token[len(core) :], at + len(core), len(token) - len(core)
    elif found := _URL.search(token):
        yield from _parts(token[: found.start()], at, keep)
        yield from _url(token[found.start() :], at + found.start(), keep)
    elif "@" in token:
        yield from _address(token, at, keep)
    elif mask := _whole(token):
        yield mask, at, len(token)
    else:
        yield from _pieces(token, at, keep)


def _whole(token: str) -> str | None:
    """Tokens whose signs belong to them."""
    if _CLOCK.fullmatch(token) or _ISO_TIME.fullmatch(token):
        return "<time>"
    if token.count(":") > 1 and _IPV6.fullmatch(token):
        return "<ip>"
    return None


def _url(url: str, at: int, keep: Keep) -> Iterator[Part]:
    scheme_end = url.find(":") + 1
    while scheme_end < len(url) and url[scheme_end] == "/":
        scheme_end += 1
    host_end = scheme_end
    while host_end < len(url) and url[host_end] not in "/?#:":
        host_end += 1
    host = keep.host(url[scheme_end:host_end])
    path = tuple(_pieces(url[host_end:], at + host_end, keep))
    if host == "<host>" and not any(_is_kept_code(part) for part, _, _ in path):
        yield "<url>", at, len(url)
        return
    yield url[:scheme_end], at, scheme_end
    yield host, at + scheme_end, host_end - scheme_end
    yield from path


def _is_kept_code(part: str) -> bool:
    return part[0] != "<" and any(sign.isdigit() for sign in part)


def _address(token: str, at: int, keep: Keep) -> Iterator[Part]:
    """`to:user@example.com:`, `rcpt=user@example.com`, `@example.com`."""
    sign = token.index("@")
    start = max(token.rfind(":", 0, sign), token.rfind("/", 0, sign)) + 1
    if label := _LABEL_BEFORE.match(token, start, sign):
        start = label.end()
    ending = _DOMAIN_END.match(token, token.rfind("@") + 1)
    end = ending.end() if ending else len(token)
    if start:
        yield from _pieces(token[:start], at, keep)
    if start == sign:
        yield "@", at + start, 1
        yield from _parts(token[sign + 1 : end], at + sign + 1, keep)
    else:
        address = token[start:end]
        yield address if address in keep.codes else "<addr>", at + start, end - start
    yield from _parts(token[end:], at + end, keep)


def _pieces(token: str, at: int, keep: Keep) -> Iterator[Part]:
    """Split at signs that join independent things."""
    start = 0
    for found in _SPLIT.finditer(token):
        if start < found.start():
            yield from _piece(token[start : found.start()], at + start, keep)
        yield found[0], at + found.start(), 1
        start = found.end()
    if start < len(token):
        yield from _piece(token[start:], at + start, keep)


def _piece(piece: str, at: int, keep: Keep) -> Iterator[Part]:
    if _STATUS.fullmatch(piece) or keep.has_code(piece):
        yield piece, at, len(piece)
    elif _IPV4.fullmatch(piece):
        yield "<ip>", at, len(piece)
    elif _is_host(piece):
        yield keep.host(piece), at, len(piece)
    elif len(piece) > 4 and piece[3] == "-" and _CODE.match(piece):  # "550-5.1.1", "550-user"
        yield piece[:3] + " ", at, 4
        yield from _piece(piece[4:], at + 4, keep)
    else:
        start = 0
        for found in _PIECE.finditer(piece):
            if start < found.start():
                yield piece[start : found.start()], at + start, found.start() - start
            yield _simple(found[0], keep), at + found.start(), len(found[0])
            start = found.end()
        if start < len(piece):
            yield piece[start:], at + start, len(piece) - start


def _simple(word: str, keep: Keep) -> str:
    """A run of letters, digits, hyphens and underscores."""
    if keep.has_code(word) or _CODE.fullmatch(word):
        return word
    if not any(letter.isdigit() for letter in word):
        return word if len(word) <= _MAX_WORD else "<id>"
    return "<n>" if _NUMBER.fullmatch(word) else "<id>"


def _is_host(name: str) -> bool:
    found = _HOST.fullmatch(name)
    return bool(found) and (found[1] in TLDS or found[1].startswith("xn--"))  # type: ignore[index]
