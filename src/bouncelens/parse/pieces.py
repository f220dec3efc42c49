"""Text as arrays: where its pieces begin and end, and how many signs of each class they hold.

Whether a byte is of a class is one bit, and 64 of them are a number. One addition finds the ends of
all runs that hold a mark: what is carried stops behind its run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

# Classes of bytes. What is above `_LAST` parts pieces; the first three make a piece interesting.
V6 = 16  # stands for an IPv6 address, which is more than one piece
LETTER, DIGIT, DOT, AT, MINUS, SIGN, SEPARATOR, COLON, PERHAPS_ODD, ODD, STAND_IN = range(11)
PAIR = 11  # a dot that follows another one: not a byte's class, but counted like one
_LAST = SIGN


def _classes() -> bytearray:
    signs = bytearray([SEPARATOR] * 256)
    for byte in (*range(32), 127):
        signs[byte] = ODD
    signs[V6] = STAND_IN
    for byte in (0xC2, 0xE2, 0xEF):  # where invisible characters begin
        signs[byte] = PERHAPS_ODD
    named = {"\t\n\r ": SEPARATOR, ":": COLON, ".": DOT, "@": AT, "-": MINUS, "#+": SIGN}
    named |= {"0123456789": DIGIT, "abcdefghijklmnopqrstuvwxyz_": LETTER}
    for letters, number in named.items():
        for letter in letters:
            signs[ord(letter)] = number
    return signs


SIGNS = bytes(_classes())  # of lower-case bytes
_CLASSES = np.frombuffer(SIGNS, np.uint8)
_RUN = LETTER  # and what else belongs to pieces
_NOTED = (_RUN, DIGIT, DOT, AT, MINUS, SIGN, COLON, ODD)
_CHUNK = 1 << 17  # bytes at a time, so that what is worked on stays near the processor
# the places of the ones in a byte, eight for each
_NTH = np.array(
    [(*(bit for bit in range(8) if byte >> bit & 1), *[0] * 8)[:8] for byte in range(256)], np.intp
).reshape(-1)
LONGEST = 1000  # bytes of a piece; what is longer is not looked at
_WINDOW = 56  # bits that can be read before any place at once
_ALL = np.uint64((1 << _WINDOW) - 1)
_LAST_BITS = np.array([(1 << 56) - (1 << 56 - size) for size in range(_WINDOW + 1)], np.uint64)
_MOST_COLONS = 7  # in an IPv6 address


@dataclass(frozen=True, slots=True)
class Text:
    """Lines of text one behind the other, in lower case: eight zeros, the bytes, 24 zeros."""

    bytes: Any
    bits: dict[int, Any]  # of each class: which bytes are of it
    _others: Any  # places of control characters and what is not ASCII
    _kinds: Any  # their classes

    @classmethod
    def of(cls, padded: Any) -> Self:
        """What is to be known of the bytes between the zeros; the last one parts pieces."""
        size = len(padded) - 32
        bits = {number: np.zeros(size // 64 + 3, "<u8") for number in _NOTED}
        octets = {number: words.view(np.uint8) for number, words in bits.items()}
        for at in range(0, size, _CHUNK):
            chunk = padded[at + 8 : min(at + _CHUNK, size) + 8]
            for number, flags in _flags(chunk):
                packed = np.packbits(flags, bitorder="little")
                octets[number][8 + at // 8 :][: len(packed)] = packed
        runs, dots = bits[_RUN], bits[DOT]
        for number in (DIGIT, DOT, AT, MINUS, SIGN):
            runs |= bits[number]
        bits[PAIR] = np.zeros_like(dots)
        bits[PAIR][1:-1] = dots[1:-1] & (dots[1:-1] << _ONE | dots[:-2] >> _TOP)
        others = _places(bits[ODD][1:-1].view(np.uint8))
        return cls(padded, bits, others, _CLASSES.take(padded.take(others + 8)))

    def places_of(self, number: int) -> Any:
        """Where bytes of a class stand, for classes of what is odd or may be."""
        return self._others[self._kinds == number]

    def eight(self, places: Any, *, ahead: int = 8) -> Any:
        """The eight bytes at each place, as numbers; with `ahead` 0, those before it."""
        views = np.ndarray((len(self.bytes) - 8 - ahead,), "<u8", self.bytes, ahead, (1,))
        return views[places]

    def two(self, places: Any) -> Any:
        """The two bytes at each place, as numbers."""
        return np.ndarray((len(self.bytes) - 10,), "<u2", self.bytes, 8, (1,))[places]

    def chains(self) -> Any:
        """Where "::" or seven colons in one run may make an IPv6 address."""
        colons = self.bits[COLON]
        pairs = colons[1:-1] & (colons[1:-1] << _ONE | colons[:-2] >> _TOP)
        pairs = _places(pairs.view(np.uint8)) if pairs.any() else np.zeros(0, np.intp)
        counts = np.bitwise_count(colons)
        if not (counts[1:] + counts[:-1] >= _MOST_COLONS).any():  # it has no more than 43 signs
            return pairs
        classes = _CLASSES.take(self.bytes[8:-24])
        parting = np.flatnonzero(classes > _LAST)
        is_colon = classes.take(parting) == COLON
        two = is_colon[1:] & is_colon[:-1]
        four = two[2:] & two[:-2]
        seven = four[3:] & four[:-3]
        return np.concatenate([pairs, parting[np.flatnonzero(seven)]])


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces with a digit, an "@" or a dot inside, as ranges of bytes.

    Dots at the end are no part of them. Longer ones than `LONGEST` begin too late.
    """

    text: Text
    ends: Any
    sizes: Any  # in bytes
    _bits: dict[int, Any]  # of each class: which bytes are of it

    @classmethod
    def of(cls, text: Text) -> Self:
        """The pieces of `text`."""
        bits, runs = text.bits, text.bits[_RUN]
        dots_inside = bits[DOT][1:-1] & (runs[1:-1] >> _ONE | runs[2:] << _TOP)
        ends = _behind(runs[1:-1], bits[DIGIT][1:-1] | bits[AT][1:-1] | dots_inside)
        sizes = _sizes(runs, ends)
        dotted = np.flatnonzero(text.bytes.take(ends + 7) == ord("."))
        while len(dotted):
            ends[dotted] -= 1
            sizes[dotted] -= 1
            is_dot = text.bytes.take(ends[dotted] + 7) == ord(".")
            dotted = dotted[is_dot & (sizes.take(dotted) > 0)]
        return cls(text, ends, sizes, bits)

    @property
    def starts(self) -> Any:
        """Where the pieces begin."""
        return self.ends - self.sizes

    def chosen(self, which: Any) -> Pieces:
        """Some of the pieces."""
        return Pieces(self.text, self.ends.take(which), self.sizes.take(which), self._bits)

    def windows(self, *numbers: int) -> list[Any]:
        """Of each piece's last 56 bytes, which ones are of a class: a bit each, of 56."""
        mask, at = _LAST_BITS.take(self.sizes, mode="clip"), self.ends >> 3
        shift = (self.ends & 7).view(np.uint64)
        return [_eights(self._bits[number])[at] >> shift & mask for number in numbers]

    def count(self, *numbers: int) -> list[Any]:
        """Bytes of some classes in each piece."""
        counts = [np.bitwise_count(bits) for bits in self.windows(*numbers)]
        long = np.flatnonzero(self.sizes > _WINDOW)
        if len(long):
            counts = [count.astype(np.int16) for count in counts]
            ends, sizes = self.ends.take(long) - _WINDOW, self.sizes.take(long) - _WINDOW
            more = Pieces(self.text, ends, sizes, self._bits).count(*numbers)
            for count, some in zip(counts, more, strict=True):
                count[long] += some
        return counts

    def inside(self, *numbers: int) -> list[Any]:
        """Where bytes of some classes stand in the pieces."""
        first, sizes = self.starts, self.sizes
        at = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        classes = _CLASSES.take(self.text.bytes.take(at + 8))
        return [at[classes == number] for number in numbers]


_ONE, _TOP = np.uint64(1), np.uint64(63)


def _flags(chunk: Any) -> Iterator[tuple[int, Any]]:
    """Which bytes are of each class noted; each answer holds until the next one."""
    flags, other = np.empty(len(chunk), bool), np.empty(len(chunk), bool)
    ranked = np.empty(len(chunk), np.uint8)
    for number, first, count in ((_RUN, "a", 26), (DIGIT, "0", 10)):
        np.less(np.subtract(chunk, ord(first), out=ranked), count, out=flags)
        if number == _RUN:
            np.logical_or(flags, np.equal(chunk, ord("_"), out=other), out=flags)
        yield number, flags
    for number, sign in ((DOT, "."), (AT, "@"), (MINUS, "-"), (COLON, ":")):
        yield number, np.equal(chunk, ord(sign), out=flags)
    np.equal(chunk, ord("#"), out=flags)
    yield SIGN, np.logical_or(flags, np.equal(chunk, ord("+"), out=other), out=flags)
    # all but what can be printed
    yield ODD, np.greater_equal(np.subtract(chunk, 32, out=ranked), 95, out=flags)


def _behind(runs: Any, marks: Any) -> Any:
    """The places behind those runs that hold a mark."""
    total = runs + marks
    is_carried = total < runs
    while is_carried.any():
        is_carried[1:] = is_carried[:-1]
        is_carried[0] = False
        total += is_carried
        is_carried &= total == 0
    return _places((total & ~runs).view(np.uint8))


def _places(octets: Any) -> Any:
    """The places of all ones, in order."""
    found = np.flatnonzero(octets != 0)
    values = octets.take(found)
    counts = np.bitwise_count(values)
    if len(found) and counts.max() > 1:
        first = np.cumsum(counts, dtype=np.intp) - counts
        found, values, first = (np.repeat(some, counts) for some in (found, values, first))
        return found * 8 + _NTH.take(values.astype(np.intp) * 8 + np.arange(len(first)) - first)
    return found * 8 + _NTH.take(values.astype(np.intp) * 8)


def _eights(bits: Any) -> Any:
    """Eight bytes of bits from any place, the first ones seven before the bits."""
    return np.ndarray((8 * len(bits) - 8,), "<u8", bits, offset=1, strides=(1,))


def _sizes(runs: Any, ends: Any, known: int = 0) -> Any:
    """How many ones stand in a row before each place, `known` of them known; `LONGEST` of more."""
    places = ends - known
    zeros = ~(_eights(runs)[places >> 3] >> (places & 7).view(np.uint64)) & _ALL
    # As floats, numbers know their highest bit; those below it are thinned so that none is carried.
    thin = zeros & ~(zeros >> _ONE)
    sizes = known + 1023 + _WINDOW - 1 - (thin.astype(np.float64).view(np.int64) >> 52)
    full = np.flatnonzero(zeros == 0)
    if len(full):
        known += _WINDOW
        sizes[full] = _sizes(runs, ends.take(full), known) if known < LONGEST else LONGEST
    return sizes
