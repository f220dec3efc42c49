"""The first half of masking: each piece of text judged by its own form alone.

A piece is a run of ASCII letters, digits and `_ . # @ + -`. Being local, this half is linear, is
what the compiled kernel repeats, and its outcome decides everything after it: two replies with
the same skeleton have the same codes, the same template and the same verdict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from bouncelens.parse.automaton import Automaton
from bouncelens.parse.tlds import TLDS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

Part = tuple[str, int, int]  # words or placeholder, offset, length there


@dataclass(frozen=True, eq=False, slots=True)
class Keep:
    """What must not be masked because rules speak of it; all lower case.

    `hosts`: domains kept with whatever stands before them. `codes`: addresses and the like, kept
    as they are. `code_forms`: an automaton of ids and numbers. Made by `keep_of`.
    """

    hosts: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    code_forms: Automaton | None = field(default=None, repr=False)

    def has_code(self, word: str) -> bool:
        """Whether `word` is one that rules speak of."""
        return word in self.codes or (self.code_forms is not None and self.code_forms.accepts(word))

    def host(self, name: str) -> str:
        """`name` if a rule speaks of it or of a domain above it, else the placeholder."""
        labels = name.split(".")
        for at in range(len(labels) - 1):
            if ".".join(labels[at:]) in self.hosts:
                front = [label if _LETTERS.fullmatch(label) else "<n>" for label in labels[:at]]
                return ".".join([*front[-3:], *labels[at:]])
        return "<host>"


def keep_of(hosts: Iterable[str], codes: Iterable[str], code_patterns: Iterable[str]) -> Keep:
    """A `Keep` of domains, of codes as they stand, and of patterns that match codes in full."""
    codes = frozenset(codes)
    # A code within one word goes into the automaton too, so that there is one place to look.
    dotted = frozenset(code for code in codes if "@" in code or "." in code)
    patterns = [*code_patterns, *(re.escape(code) for code in sorted(codes - dotted))]
    return Keep(frozenset(hosts), dotted, Automaton(patterns) if patterns else None)


LONGEST_WORD = 40
# A run of piece signs and colons that may change: it holds more than letters, or is very long.
# Possessive, and only from a run's start, so that no text makes it look twice.
_RUN = re.compile(
    r"(?<![a-z0-9_.#@+:-])[a-z_#+-]*+(?:[0-9@.:][a-z0-9_.#@+:-]*+|(?<=[a-z_#+-]{41}))"
)
_V6 = re.compile(r"[0-9a-f:.]{2,45}")
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?=-|$)")
_CODE = re.compile(r"[245][0-7][0-9](?=-|$)")
_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+([a-z]{2,24}|xn--[a-z0-9-]{2,40})")
_NUMBER = re.compile(r"[0-9.]+")
_LETTERS = re.compile(r"[a-z]+")
_HAS_DIGIT = re.compile(r"[0-9]")
_NOT_PLAIN = re.compile(r"[0-9@.]")
_WORD = re.compile(r"[a-z0-9_-]+")
_TRIM = ".#+-"


def skeleton_parts(lowered: str, keep: Keep) -> Iterator[Part]:
    """Words or placeholders with their places in `lowered`, a lower-case text; they cover it."""
    at = 0
    for found in _RUN.finditer(lowered):
        start = found.start()
        if at < start:
            yield lowered[at:start], at, start - at
        for words, offset, length in mask_run(found[0], keep):
            yield words, start + offset, length
        at = found.end()
    if at < len(lowered):
        yield lowered[at:], at, len(lowered) - at


@lru_cache(maxsize=65536)
def mask_run(run: str, keep: Keep) -> tuple[Part, ...]:
    """The parts of a maximal run of piece signs and colons, in order; they cover it."""
    return tuple(_run_parts(run, keep))


def _run_parts(run: str, keep: Keep) -> Iterator[Part]:
    """An IPv6 address is one thing, other colons join independent ones."""
    if run.count(":") > 1:
        start = 5 if run.startswith("ipv6:") else 0
        core = run[start:].rstrip(".")
        if core.endswith(":") and not core.endswith("::"):
            core = core[:-1]
        if _is_v6(core):
            yield run[:start], 0, start
            yield "<ip>", start, len(core)
            end = start + len(core)
            yield run[end:], end, len(run) - end
            return
    at = 0
    for piece in run.split(":"):
        if at:
            yield ":", at - 1, 1
        yield from _piece_parts(piece, at, keep)
        at += len(piece) + 1


def _is_v6(text: str) -> bool:
    """RFC 4291 §2.2: one "::", or seven colons."""
    if not _V6.fullmatch(text):
        return False
    pairs = sum(text[at : at + 2] == "::" for at in range(len(text) - 1))
    colons = text.count(":")
    return (pairs == 1 and colons <= 7) or (pairs == 0 and colons == 7)


def _piece_parts(piece: str, at: int, keep: Keep) -> Iterator[Part]:
    """A piece, without the signs around it that are mere punctuation."""
    while piece:
        core = piece.lstrip(_TRIM)
        if start := len(piece) - len(core):
            yield piece[:start], at, start
        at += start
        core = core.rstrip(_TRIM)
        tail = piece[start + len(core) :]
        used = (yield from _core_parts(core, at, keep)) if core else 0
        if used == len(core):
            if tail:
                yield tail, at + used, len(tail)
            return
        piece, at = core[used:] + tail, at + used


def _core_parts(core: str, at: int, keep: Keep) -> Generator[Part, None, int]:
    """Parts of the beginning of `core`, all of it as a rule; how much of it, is returned."""
    size = len(core)
    if not _NOT_PLAIN.search(core):
        yield core if size <= LONGEST_WORD else "<id>", at, size
    elif keep.has_code(core):
        yield core, at, size
    elif found := _CODE.match(core) or _STATUS.match(core):
        yield found[0], at, found.end()
        if found.end() < size:  # "550-5.1.1", "550-user": the dash says that more lines follow
            yield "-", at + found.end(), 1
            return found.end() + 1
    elif core[0] == "@":
        yield "@", at, 1
        return 1
    elif "@" in core:
        # Sendmail's "user@example.com...user": the address ends at the dots
        dots = core.find("..", core.index("@"))
        end = size if dots < 0 else dots
        yield "<addr>", at, end
        return end
    elif _IPV4.fullmatch(core):
        yield "<ip>", at, size
    elif _NUMBER.fullmatch(core):
        yield "<n>", at, size
    elif (found := _HOST.fullmatch(core)) and (found[1] in TLDS or found[1].startswith("xn--")):
        yield keep.host(core), at, size
    else:
        yield from _word_parts(core, at, keep)
    return size


def _word_parts(core: str, at: int, keep: Keep) -> Iterator[Part]:
    start = 0
    for found in _WORD.finditer(core):
        if start < found.start():
            yield core[start : found.start()], at + start, found.start() - start
        after_dot = core[found.start() - 1 : found.start()] == "."
        yield _word(found[0], keep, after_dot=after_dot), at + found.start(), len(found[0])
        start = found.end()
    if start < len(core):
        yield core[start:], at + start, len(core) - start


def _word(word: str, keep: Keep, *, after_dot: bool) -> str:
    """A word of a piece. After a dot it is no reply code: ids end in any number ("qvb.228")."""
    if not _HAS_DIGIT.search(word):
        return word if len(word) <= LONGEST_WORD else "<id>"
    if keep.has_code(word) or (not after_dot and len(word) == 3 and _CODE.match(word)):
        return word
    return "<n>" if word.isdigit() else "<id>"
