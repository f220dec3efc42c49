"""Which patterns occur in a text, for many patterns at once: one port, two engines.

Hyperscan where its wheel exists, google-re2 everywhere. Both run in linear time and give the
same answers, which the tests hold them to.
"""

from __future__ import annotations

import threading
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import re2

if TYPE_CHECKING:
    from collections.abc import Sequence


class Matcher(Protocol):
    """Finds which of its patterns occur in a text."""

    @property
    def name(self) -> str:
        """Name of the engine."""

    def matches(self, text: bytes) -> set[int]:
        """Indices of the patterns found in UTF-8 `text`."""


class Re2Matcher:
    """google-re2's filter: literals of all patterns first, then the few patterns they point to.

    Its plain set builds states for every pattern at every new word: fifteen times slower on
    replies it has not seen.
    """

    name = "re2"

    def __init__(self, patterns: Sequence[str]) -> None:
        self._filters = _filters(patterns, 0)

    def matches(self, text: bytes) -> set[int]:
        """Indices of the patterns found in UTF-8 `text`."""
        return {first + index for first, one in self._filters for index in (one.Match(text) or ())}


def _filters(patterns: Sequence[str], first: int) -> list[tuple[int, re2.Filter]]:
    """Filters over `patterns`, each with the index of its first one.

    All literals of a filter must fit into 8 MiB, which cannot be set: what does not fit is halved.
    """
    if not patterns:
        return []
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    one = re2.Filter()
    for pattern in patterns:
        one.Add(pattern, options)
    try:
        one.Compile()
    except re2.error:
        if len(patterns) == 1:
            raise
        middle = len(patterns) // 2
        return [*_filters(patterns[:middle], first), *_filters(patterns[middle:], first + middle)]
    return [(first, one)]


class HyperscanMatcher:
    """Hyperscan in block mode, for texts in ASCII; google-re2 for the others.

    Counted gaps (".{0,80}") over UTF-8 make Hyperscan compile for ten seconds and more; over
    ASCII a byte is a letter and both engines mean the same. Its scratch serves one scan at a
    time, so each thread has one.
    """

    name = "hyperscan"

    def __init__(self, patterns: Sequence[str]) -> None:
        import hyperscan

        self._hyperscan = hyperscan
        self._patterns = tuple(patterns)
        # Hyperscan knows "$" at the end of a pattern only; what it cannot take, re2 adds.
        self._fit = [index for index, pattern in enumerate(patterns) if "$" not in pattern]
        try:
            self._database = self._compiled()
        except hyperscan.error:
            self._fit = [index for index in self._fit if self._can_compile(patterns[index])]
            self._database = self._compiled()
        unfit = sorted(set(range(len(patterns))) - set(self._fit))
        self._unfit = (Re2Matcher([patterns[index] for index in unfit]), unfit) if unfit else None
        self._local = threading.local()

    def _compiled(self) -> Any:
        return self._database_of(self._fit, [self._patterns[index] for index in self._fit])

    def _can_compile(self, pattern: str) -> bool:
        try:
            self._database_of([0], [pattern])
        except self._hyperscan.error:
            return False
        return True

    def _database_of(self, ids: list[int], patterns: list[str]) -> Any:
        hyperscan = self._hyperscan
        plain = (
            hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_ALLOWEMPTY
        )
        database = hyperscan.Database()
        if patterns:
            # "é?" is one optional letter only where the pattern is read as UTF-8
            utf8 = plain | hyperscan.HS_FLAG_UTF8
            flags = [plain if pattern.isascii() else utf8 for pattern in patterns]
            database.compile(
                expressions=[pattern.encode() for pattern in patterns], ids=ids, flags=flags
            )
        return database

    @cached_property
    def _re2(self) -> Re2Matcher:
        return Re2Matcher(self._patterns)

    def matches(self, text: bytes) -> set[int]:
        """Indices of the patterns found in UTF-8 `text`."""
        if not text.isascii():
            return self._re2.matches(text)
        found: list[int] = []
        if self._unfit:
            matcher, indices = self._unfit
            found += [indices[index] for index in matcher.matches(text)]
        if not self._fit:
            return set(found)
        scratch = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = self._hyperscan.Scratch(self._database)

        def note(index: int, *_: object) -> None:
            found.append(index)

        self._database.scan(text, match_event_handler=note, scratch=scratch)
        return set(found)


class GrowingMatcher:
    """google-re2, ready at once, until texts keep coming; then Hyperscan, if it is there.

    Compiling for Hyperscan takes as long as some ten thousand new texts take with re2.
    """

    def __init__(self, patterns: Sequence[str], *, after: int = 20_000) -> None:
        self._patterns = tuple(patterns)
        self._matcher: Matcher = Re2Matcher(patterns)
        self._left = after if _has_hyperscan() else 0
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The engine at work now."""
        return self._matcher.name

    def matches(self, text: bytes) -> set[int]:
        """Indices of the patterns found in UTF-8 `text`."""
        if self._left:
            with self._lock:
                self._left = max(0, self._left - 1)
                if not self._left and self._matcher.name == "re2":
                    self._matcher = HyperscanMatcher(self._patterns)
        return self._matcher.matches(text)


def _has_hyperscan() -> bool:
    return find_spec("hyperscan") is not None
