"""Which patterns occur in a text, for many patterns at once: one port, two engines.

Words that a pattern needs rule most of them out: Hyperscan looks for the words where its wheel
exists, a table of letters does everywhere else. What is left, google-re2 tries, one pattern at a
time and only when asked; so every answer is re2's, whoever looked for the words.
"""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import re2

from bouncelens.classify.literals import required_literals

if TYPE_CHECKING:
    from collections.abc import Sequence

Words = Mapping[str, tuple[str, ...] | None]  # by pattern; None: it may occur in any text
_GRAM = 4  # bytes by which words are looked up; a shorter word is looked up as it is


class Matcher(Protocol):
    """Finds which of its patterns occur in a text."""

    @property
    def name(self) -> str:
        """Name of the engine."""

    def found(self, text: bytes) -> Found:
        """The patterns found in UTF-8 `text`, to be asked for one by one."""

    def matches(self, text: bytes) -> set[int]:
        """Indices of the patterns found in UTF-8 `text`."""


class Found:
    """Which patterns occur in one text: `perhaps` holds all of them and some more."""

    __slots__ = ("_known", "_patterns", "_text", "perhaps")

    def __init__(self, text: bytes, patterns: _Patterns, perhaps: set[int]) -> None:
        self.perhaps = perhaps
        self._text, self._patterns = text, patterns
        self._known: dict[object, bool] = {}

    def __contains__(self, number: object) -> bool:
        if number not in self.perhaps:
            return False
        if (known := self._known.get(number)) is None:
            known = self._known[number] = self._patterns.search(number, self._text) is not None
        return known

    def span(self, number: int) -> tuple[int, int]:
        """The first span of bytes that a pattern matches; empty where there is none."""
        found = self._patterns.search(number, self._text)
        return found.span() if found else (0, 0)


class _Patterns:
    """Patterns compiled one by one, when they are first asked for, and the words they need."""

    def __init__(self, patterns: Sequence[str], words: Words | None) -> None:
        if words is None:
            needed = {pattern: required_literals(pattern) for pattern in patterns}
            words = {pattern: tuple(found) if found else None for pattern, found in needed.items()}
        self._patterns = tuple(patterns)
        self._compiled: dict[object, Any] = {}
        self.always: set[int] = set()
        self.by_word: dict[bytes, list[int]] = {}
        for number, pattern in enumerate(patterns):
            if not (needs := words.get(pattern)):
                self.always.add(number)
            for word in needs or ():
                self.by_word.setdefault(word.encode("utf-8", "replace"), []).append(number)

    def search(self, number: Any, text: bytes) -> Any:
        if (compiled := self._compiled.get(number)) is None:
            compiled = self._compiled[number] = re2.compile(self._patterns[number], _OPTIONS)
        return compiled.search(text)


_OPTIONS = re2.Options()
_OPTIONS.dot_nl = True
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True


class Re2Matcher:
    """google-re2, and a table of four letters of each word. Ready at once, on every platform."""

    name = "re2"

    def __init__(self, patterns: Sequence[str], words: Words | None = None) -> None:
        self._patterns = _Patterns(patterns, words)
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
        by_word, perhaps = self._patterns.by_word, set(self._patterns.always)
        grams = {text[at : at + _GRAM] for at in range(len(text) - _GRAM + 1)}
        for gram in self._grams.keys() & grams:
            for word in self._grams[gram]:
                if word in text:
                    perhaps.update(by_word[word])
        for word in self._short:
            if word in text:
                perhaps.update(by_word[word])
        return Found(text, self._patterns, perhaps)

    def matches(self, text: bytes) -> set[int]:
        """Indices of the patterns found in UTF-8 `text`."""
        return _all_of(self.found(text))


class HyperscanMatcher:
    """Hyperscan over the words. Its scratch serves one scan at a time: each thread has one."""

    name = "hyperscan"

    def __init__(self, patterns: Sequence[str], words: Words | None = None) -> None:
        import hyperscan

        self._hyperscan = hyperscan
        self._patterns = _Patterns(patterns, words)
        by_word = self._patterns.by_word
        self._numbers = list(by_word.values())
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
        numbers, perhaps = self._numbers, set(self._patterns.always)
        if not numbers:
            return Found(text, self._patterns, perhaps)
        scratch = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = self._hyperscan.Scratch(self._database)

        def note(word: int, *_: object) -> None:
            perhaps.update(numbers[word])

        self._database.scan(text, match_event_handler=note, scratch=scratch)
        return Found(text, self._patterns, perhaps)

    def matches(self, text: bytes) -> set[int]:
        """Indices of the patterns found in UTF-8 `text`."""
        return _all_of(self.found(text))


class GrowingMatcher:
    """The table of letters, ready at once, until texts keep coming; then Hyperscan, if it is there.

    Compiling for Hyperscan takes as long as some ten thousand new texts take without it.
    """

    def __init__(
        self, patterns: Sequence[str], words: Words | None = None, *, after: int = 20_000
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
        """Indices of the patterns found in UTF-8 `text`."""
        return _all_of(self.found(text))


def _all_of(found: Found) -> set[int]:
    return {number for number in found.perhaps if number in found}
