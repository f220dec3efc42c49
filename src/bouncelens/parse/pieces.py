"""Text as arrays: where its pieces begin and end, and how many signs of each class they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

# Classes of bytes. Letters and "_" are not even noted; a separator ends a piece, and a colon does.
V6 = 16  # stands for an IPv6 address, which is more than one piece
SEPARATOR, COLON, DIGIT, DOT, AT, MINUS, SIGN, PERHAPS_ODD, ODD = range(1, 10)


def _classes() -> bytearray:
    signs = bytearray([SEPARATOR] * 256)
    for byte in (*range(32), 127):
        signs[byte] = ODD
    signs[V6] = SEPARATOR
    for byte in (0xC2, 0xE2, 0xEF):  # where invisible characters begin
        signs[byte] = PERHAPS_ODD
    named = {"\t\n\r ": SEPARATOR, ":": COLON, ".": DOT, "@": AT, "-": MINUS, "#+": SIGN}
    named |= {"0123456789": DIGIT, "abcdefghijklmnopqrstuvwxyz_": 0}
    for letters, number in named.items():
        for letter in letters:
            signs[ord(letter)] = number
    return signs


SIGNS = _classes()  # of lower-case bytes
_BITS = 10  # of a count
LONGEST = (1 << _BITS) - 24  # of a piece whose counts are right
_MOST = (1 << _BITS) - 1
_FIELDS = {DIGIT: 0, DOT: 1, AT: 2, MINUS: 3, SIGN: 4}  # counts in one number
_PAIR = 5  # a dot that follows another one
_ONE = np.zeros(10, np.int64)
for _class, _field in _FIELDS.items():
    _ONE[_class] = 1 << (_field * _BITS)
_INTERESTING = sum(_MOST << (_FIELDS[number] * _BITS) for number in (DIGIT, DOT, AT))
_IS_END = np.array([number in (SEPARATOR, COLON, PERHAPS_ODD, ODD) for number in range(10)])


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces with a digit, a dot or an "@": byte ranges, and counts of their signs.

    Dots at the end of a piece are not part of it. Counts are right for up to `LONGEST` bytes.
    """

    raw: bytes  # lower case
    classes: Any  # of its bytes
    starts: Any
    ends: Any
    _counts: Any
    _places: Any  # of all bytes but letters
    _kinds: Any  # their classes
    _ending: Any  # which of them end a piece
    _chosen: Any  # which of those end the pieces here

    @classmethod
    def of(cls, raw: bytes, classes: Any) -> Pieces:
        """The pieces of `raw`, whose bytes have these `classes`; the last one ends a piece."""
        places = np.flatnonzero(classes != 0)
        kinds = classes.take(places)
        steps = _ONE.take(kinds)
        twice = _follow(places, kinds, DOT)
        steps[twice] += 1 << (_PAIR * _BITS)
        ending = np.flatnonzero(_IS_END.take(kinds))
        at = places.take(ending)
        counts = np.diff(np.cumsum(steps).take(ending), prepend=0)
        chosen = np.flatnonzero(counts & _INTERESTING != 0)
        starts = np.concatenate([[0], at[:-1] + 1])[: len(at)].take(chosen)
        ends, counts = at.take(chosen), counts.take(chosen)
        dotted = np.flatnonzero(classes.take(ends - 1) == DOT)
        while len(dotted):
            ends[dotted] -= 1
            counts[dotted] -= 1 << (_FIELDS[DOT] * _BITS)
            dotted = dotted[(classes.take(ends[dotted] - 1) == DOT) & (ends > starts)[dotted]]
            counts[dotted] -= 1 << (_PAIR * _BITS)
        return cls(raw, classes, starts, ends, counts, places, kinds, ending, chosen)

    def count(self, number: int) -> Any:
        """Bytes of a class in each piece."""
        return self._counts >> (_FIELDS[number] * _BITS) & _MOST

    @property
    def pairs(self) -> Any:
        """Dots that follow a dot, in each piece."""
        return self._counts >> (_PAIR * _BITS)

    def places_of(self, number: int) -> Any:
        """Where bytes of a class stand."""
        return self._places[self._kinds == number]

    def inside(self, which: Any, number: int) -> Any:
        """Where bytes of a class stand in some of the pieces."""
        last = self._ending.take(self._chosen.take(which))
        before = self._chosen.take(which) - 1
        first = np.where(before < 0, 0, self._ending.take(before) + 1)
        sizes = last - first
        at = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        return self._places.take(at[self._kinds.take(at) == number])

    def chains_of_colons(self) -> Any:
        """Where "::" or seven colons in one run may make an IPv6 address."""
        pairs = self._places[_follow(self._places, self._kinds, COLON)]
        colons = self._kinds.take(self._ending) == COLON
        two = colons[1:] & colons[:-1]
        four = two[2:] & two[:-2]
        seven = four[3:] & four[:-3]
        if not seven.any():
            return pairs
        return np.concatenate([pairs, self._places.take(self._ending[np.flatnonzero(seven)])])


def _follow(places: Any, kinds: Any, number: int) -> Any:
    """Indices of the bytes of a class that follow one of the same class."""
    among = np.flatnonzero(kinds == number)
    return among[1:][np.diff(places.take(among)) == 1]
