"""Which patterns occur in a text, for many patterns at once: one port, three engines.

Words that a pattern needs rule most of them out: a compiled table of letters looks for the words
where there is one; else Hyperscan where its wheel exists, or a table in Python. What is left,
google-re2 tries, one pattern at a time and only when asked; so every answer is re2's.
"""

from __future__ import annotations

import re
import threading
from array import array
from collections import defaultdict
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import re2

from bouncelens.classify.literals import required_literals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

Words = Mapping[str, tuple[str, ...] | None]  # by pattern; None: it may occur in any text
_GRAM = 4  # bytes by which words are looked up; a shorter word is looked up as it is
_FEWEST_BYTES = 3  # of a word that the compiled table takes


class Matcher(Protocol):
    """Finds which of its patterns occur in a text."""

    @property
    def name(self) -> str:
        """Name of the engine."""

    def found(self, text: bytes) -> Found:
        """The patterns found in UTF-8 `text`, to be asked for one by one."""

    def matches(self, text: bytes) -> set[int]:
        """Numbers of the patterns found in UTF-8 `text`."""


class Found:
    """Which patterns occur in one text. `perhaps` holds all of them and some more: bit n for n."""

    __slots__ = ("_known", "_patterns", "_text", "perhaps")

    def __init__(self, text: bytes, patterns: _Patterns, perhaps: int) -> None:
        self.perhaps = perhaps
        self._text, self._patterns = text, patterns
        self._known: dict[str, Any] = {}

    def __contains__(self, number: int) -> bool:
        return bool(self.perhaps >> number & 1) and self._match(number) is not None

    def span(self, number: int) -> tuple[int, int]:
        """The first span of bytes that a pattern matches; empty where there is none."""
        found = self._match(number)
        return found.span() if found else (0, 0)

    def _match(self, number: int) -> Any:
        pattern = self._patterns.all[number] or ""
        if pattern not in self._known:
            self._known[pattern] = self._patterns.search(pattern, self._text)
        return self._known[pattern]


class _Patterns:
    """Patterns compiled one by one, when they are first asked for, and the words they need."""

    def __init__(self, patterns: Sequence[str | None], words: Words | None) -> None:
        self.all = tuple(patterns)
        self._compiled: dict[str, Any] = {}
        self.always = 0
        self.by_word: dict[bytes, list[int]] = {}
        for number, pattern in enumerate(patterns):
            if pattern is None:
                continue
            if not (needs := _needs(pattern, words)):
                self.always |= 1 << number
            for word in needs or ():
                self.by_word.setdefault(word.encode("utf-8", "replace"), []).append(number)

    def search(self, pattern: str, text: bytes) -> Any:
        if (compiled := self._compiled.get(pattern)) is None:
            compiled = self._compiled[pattern] = re2.compile(pattern, _OPTIONS)
        return compiled.search(text)


def _needs(pattern: str, words: Words | None) -> tuple[str, ...] | None:
    if words is not None:
        return words.get(pattern)
    found = required_literals(pattern)
    return tuple(found) if found else None


_OPTIONS = re2.Options()
_OPTIONS.dot_nl = True
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True


class _Numbers(dict[bytes, int]):
    """By word its patterns as bits; put together when they are first asked for."""

    def __init__(self, by_word: dict[bytes, list[int]]) -> None:
        super().__init__()
        self._by_word = by_word

    def __missing__(self, word: bytes) -> int:
        bits = self[word] = sum(1 << number for number in set(self._by_word[word]))
        return bits


class Re2Matcher:
    """google-re2, and a table of four letters of each word. Ready at once, on every platform."""

    name = "re2"

    def __init__(self, patterns: Sequence[str | None], words: Words | None = None) -> None:
        self._patterns = _Patterns(patterns, words)
        self._numbers = _Numbers(self._patterns.by_word)
        self._grams: dict[bytes, list[bytes]] = {}
        self._short: list[bytes] = []
        used: defaultdict[bytes, int] = defaultdict(int)
        for word in self._patterns.by_word:
            if len(word) < _GRAM:
                self._short.append(word)
                continue
            # of the word's own letters those that the fewest words have so far
            grams = [word[at : at + _GRAM] for at in range(len(word) - _GRAM + 1)]
            least = min(grams, key=used.__getitem__)
            used[least] += 1
            self._grams.setdefault(least, []).append(word)

    def found(self, text: bytes) -> Found:
        """The patterns found in UTF-8 `text`, to be asked for one by one."""
        numbers, perhaps = self._numbers, self._patterns.always
        grams = {text[at : at + _GRAM] for at in range(len(text) - _GRAM + 1)}
        # asked for by the text's letters: a text has fewer than there are words
        for gram in filter(self._grams.__contains__, grams):
            for word in self._grams[gram]:
                if word in text:
                    perhaps |= numbers[word]
        for word in self._short:
            if word in text:
                perhaps |= numbers[word]
        return Found(text, self._patterns, perhaps)

    def matches(self, text: bytes) -> set[int]:
        """Numbers of the patterns found in UTF-8 `text`."""
        return _all_of(self.found(text))


class HyperscanMatcher:
    """Hyperscan over the words. Its scratch serves one scan at a time: each thread has one."""

    name = "hyperscan"

    def __init__(self, patterns: Sequence[str | None], words: Words | None = None) -> None:
        import hyperscan

        self._hyperscan = hyperscan
        self._patterns = _Patterns(patterns, words)
        by_word = self._patterns.by_word
        numbers = _Numbers(by_word)
        self._numbers = [numbers[word] for word in by_word]
        self._database = hyperscan.Database()
        self._local = threading.local()
        if by_word:
            self._database.compile(
                expressions=[re.escape(word) for word in by_word],
                ids=list(range(len(by_word))),
                flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(by_word),
            )

    def found(self, text: bytes) -> Found:
        """The patterns found in UTF-8 `text`, to be asked for one by one."""
        numbers, perhaps = self._numbers, self._patterns.always
        if not numbers:
            return Found(text, self._patterns, perhaps)
        scratch = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = self._hyperscan.Scratch(self._database)

        def note(word: int, *_: object) -> None:
            nonlocal perhaps
            perhaps |= numbers[word]

        self._database.scan(text, match_event_handler=note, scratch=scratch)
        return Found(text, self._patterns, perhaps)

    def matches(self, text: bytes) -> set[int]:
        """Numbers of the patterns found in UTF-8 `text`."""
        return _all_of(self.found(text))


def compiled_words() -> ModuleType | None:
    """The compiled table of words; None where the package was built without one."""
    try:
        return import_module("bouncelens.classify._words")
    except ImportError:
        return None


class CompiledMatcher:
    """The table of letters, compiled. Raises RuntimeError where the package has none."""

    name = "compiled"

    def __init__(self, patterns: Sequence[str | None], words: Words | None = None) -> None:
        compiled = compiled_words()
        if compiled is None:
            raise RuntimeError("this installation has no compiled table of words")
        self._patterns = _Patterns(patterns, words)
        self._always = self._patterns.always
        letters, ends, numbers, number_ends = bytearray(), array("I"), array("I"), array("I")
        for word, needed_by in self._patterns.by_word.items():
            if len(word) < _FEWEST_BYTES:
                self._always |= _Numbers(self._patterns.by_word)[word]
                continue
            letters += word
            ends.append(len(letters))
            numbers.extend(needed_by)
            number_ends.append(len(numbers))
        answer = len(patterns) // 8 + 1  # bytes
        self._table = compiled.table(bytes(letters), ends, numbers, number_ends, answer)
        self._found = compiled.found

    def found(self, text: bytes) -> Found:
        """The patterns found in UTF-8 `text`, to be asked for one by one."""
        perhaps = self._always | int.from_bytes(self._found(self._table, text), "little")
        return Found(text, self._patterns, perhaps)

    def matches(self, text: bytes) -> set[int]:
        """Numbers of the patterns found in UTF-8 `text`."""
        return _all_of(self.found(text))


class GrowingMatcher:
    """The table of letters, ready at once, until texts keep coming; then Hyperscan, if it is there.

    Compiling for Hyperscan takes as long as some ten thousand new texts take without it.
    """

    def __init__(
        self,
        patterns: Sequence[str | None],
        words: Words | None = None,
        *,
        after: int = 20_000,
    ) -> None:
        self._given = tuple(patterns), words
        self._matcher: Matcher = Re2Matcher(patterns, words)
        self._left = after if find_spec("hyperscan") is not None else 0
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The engine at work now."""
        return self._matcher.name

    def found(self, text: bytes) -> Found:
        """The patterns found in UTF-8 `text`, to be asked for one by one."""
        if self._left:
            with self._lock:
                self._left = max(0, self._left - 1)
                if not self._left and self._matcher.name == "re2":
                    self._matcher = HyperscanMatcher(*self._given)
        return self._matcher.found(text)

    def matches(self, text: bytes) -> set[int]:
        """Numbers of the patterns found in UTF-8 `text`."""
        return _all_of(self.found(text))


def best_matcher(patterns: Sequence[str | None], words: Words | None = None) -> Matcher:
    """The compiled matcher where the package has one, else the growing one."""
    if compiled_words() is None:
        return GrowingMatcher(patterns, words)
    return CompiledMatcher(patterns, words)


def bits_of(number: int) -> Iterator[int]:
    """The places of the ones in `number`, the lowest first."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


def _all_of(found: Found) -> set[int]:
    return {number for number in bits_of(found.perhaps) if number in found}
