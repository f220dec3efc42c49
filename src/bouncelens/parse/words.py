"""Which pieces of text vary, judged in whole arrays: what `skeleton` says of the simple ones.

A piece that needs a closer look is left as it is; that is safe, and rare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bouncelens.parse.automaton import ALPHABET
from bouncelens.parse.pieces import AT, DIGIT, DOT, LONGEST, MINUS, PAIR, SIGN
from bouncelens.parse.skeleton import LONGEST_WORD
from bouncelens.parse.tlds import TLDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bouncelens.parse.pieces import Pieces, Text
    from bouncelens.parse.skeleton import Keep

ADDRESS, IP, NUMBER, ID, HOST = range(3, 8)  # stand-ins: bytes that are in no plain text
_IS_TRIMMED = np.isin(np.arange(256), list(b".-#+"))
_IS_TRIMMED = (_IS_TRIMMED[:, None] | _IS_TRIMMED).reshape(-1)  # of a piece's first and last byte
_LONGEST_HOST = 64  # so that no label is longer than 63
_DEAD = len(ALPHABET)
_SPREAD, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(52)  # a number into twelve bits


class KeptWords:
    """What rules speak of, laid out for arrays."""

    def __init__(self, keep: Keep) -> None:
        self._tlds = _sorted(tld for tld in TLDS if len(tld) < 8)
        self._host_tails = _Tails(host for host in keep.hosts if len(host.encode()) >= 8)
        short = [host for host in keep.hosts if len(host.encode()) < 8]
        self._short_hosts = {
            size: _sorted(host for host in short if len(host.encode()) == size)
            for size in {len(host.encode()) for host in short}
        }
        # Before a kept domain, labels vary: "mail-qk1-f172.google.com". None of these has a digit
        # but in its last two labels.
        self._has_plain_fronts = not any(
            any(sign.isdigit() for sign in ".".join(host.split(".")[:-2])) for host in keep.hosts
        )
        self._code_tails = _Tails(keep.codes)
        self._codes = _Codes(keep)

    def judged(self, pieces: Pieces) -> tuple[Any, Any, Any]:
        """Starts and ends of what varies, in order, and the stand-in for each."""
        pieces = self._looked_at(pieces)
        has_at, kinds = pieces.count(AT)[0] > 0, np.zeros(len(pieces.ends), np.uint8)
        where = np.flatnonzero(has_at)
        addresses = pieces.chosen(where)
        is_one = (pieces.text.bytes.take(addresses.starts + 8) != ord("@")) & (
            addresses.count(PAIR)[0] == 0
        )
        kinds[where] = np.where(is_one, ADDRESS, 0)
        where = np.flatnonzero(~has_at)
        kinds[where], inside = self._without_at(pieces.chosen(where))
        return _merged(_found(pieces, kinds), inside)

    def _looked_at(self, pieces: Pieces) -> Pieces:
        """The pieces that are neither plain codes nor in need of a closer look."""
        heads = pieces.text.eight(pieces.starts)
        rest = np.flatnonzero(~_are_codes(heads, pieces.sizes))
        pieces, heads = pieces.chosen(rest), heads.take(rest)
        sizes, tails = pieces.sizes, pieces.text.eight(pieces.ends, ahead=0)
        is_simple = ~_IS_TRIMMED.take(heads & 255 | tails >> 56 << 8)
        is_simple &= (sizes > 0) & (sizes < LONGEST)
        # "550-5.1.1", "550-user": a code, and more behind it
        begins = np.flatnonzero(_begins_code(heads))
        is_simple[begins[pieces.chosen(begins).count(MINUS)[0] > 0]] = False
        is_simple[self._code_tails.among(_tail(tails, np.minimum(sizes, 8)))] = False
        return pieces.chosen(np.flatnonzero(is_simple))

    def _without_at(self, pieces: Pieces) -> tuple[Any, list[tuple[Any, Any, Any]]]:
        """Stand-ins for numbers, hosts and words, and what varies inside of others."""
        (digits, dots, signs), sizes = pieces.count(DIGIT, DOT, SIGN), pieces.sizes
        kinds = np.zeros(len(sizes), np.uint8)
        is_number = (digits + dots == sizes) & (dots > 0)
        where = np.flatnonzero(is_number)
        kinds[where] = _numbers(pieces.chosen(where), dots.take(where))

        is_rest = ~is_number & (signs == 0)
        where = np.flatnonzero(is_rest & (dots == 0) & (digits > 0))
        words = pieces.chosen(where)
        kinds[where] = self._words(pieces.text, words.starts, words.sizes, digits.take(where))

        where = np.flatnonzero(is_rest & (dots > 0) & (sizes <= _LONGEST_HOST))
        hosts = pieces.chosen(where)
        where = where[hosts.count(PAIR)[0] == 0]
        hosts = pieces.chosen(where)
        kinds[where], is_other, is_kept = self._hosts(hosts)
        inside = []
        has_digits = digits.take(where) > 0
        if len(others := np.flatnonzero(is_other & has_digits)):
            inside.append(self._parts(hosts.chosen(others)))
        if self._has_plain_fronts and len(kept := np.flatnonzero(is_kept & has_digits)):
            inside.append(_fronts(hosts.chosen(kept)))
        return kinds, inside

    def _words(self, text: Text, starts: Any, sizes: Any, digits: Any) -> Any:
        """Stand-ins for words with digits; 0 for reply codes and what rules speak of."""
        kinds = np.where(digits == sizes, NUMBER, ID).astype(np.uint8)
        heads = text.two(starts)
        is_code = (sizes == 3) & (digits == 3) & _begins_code(heads) & (heads >> 8 <= ord("7"))
        kinds[is_code] = 0
        kinds[self._codes.among(text, starts, sizes)] = 0
        return kinds

    def _hosts(self, hosts: Pieces) -> tuple[Any, Any, Any]:
        """`HOST` where no rule speaks of it; what is no host; what a rule may speak of."""
        tails, sizes = hosts.text.eight(hosts.ends, ahead=0), hosts.sizes
        size = _last_label(tails)  # 0 where it is longer than seven bytes
        is_host = (size >= 2) & _is_in(self._tlds, _tail(tails, size))
        is_kept = np.zeros(len(sizes), bool)
        is_kept[self._host_tails.among(tails)] = True
        is_kept &= sizes >= 8
        for short, hosts in self._short_hosts.items():
            before = tails >> np.uint64(8 * (7 - short)) & np.uint64(255)
            is_end = (sizes == short) | (before == ord("."))
            is_kept |= is_end & _is_in(hosts, tails >> np.uint64(8 * (8 - short)))
        kinds = np.where(is_host & ~is_kept, HOST, 0).astype(np.uint8)
        label = _tail(tails, size)
        is_punycode = label & np.uint64(0xFFFFFFFF) == int.from_bytes(b"xn--", "little")
        return kinds, (size > 0) & ~is_host & ~is_punycode, is_host & is_kept

    def _parts(self, pieces: Pieces) -> tuple[Any, Any, Any]:
        """The words between dots of what is neither a host nor a number: "x1-20020a.83"."""
        first, last, count, _ = _labels(pieces)
        kinds = self._words(pieces.text, first, last - first, count)
        varies = np.flatnonzero(kinds != 0)
        return first.take(varies), last.take(varies), kinds.take(varies)


def _found(pieces: Pieces, kinds: Any) -> tuple[Any, Any, Any]:
    varies = np.flatnonzero(kinds)
    some = pieces.chosen(varies)
    return some.starts, some.ends, kinds.take(varies)


def _fronts(pieces: Pieces) -> tuple[Any, Any, Any]:
    """Labels with digits of hosts, but for the last two, with their stand-in."""
    first, last, _, is_front = _labels(pieces)
    first, last = first[is_front], last[is_front]
    return first, last, np.full(len(first), NUMBER, np.uint8)


def _labels(pieces: Pieces) -> tuple[Any, Any, Any, Any]:
    """Starts and ends of what dots part, where it has digits; how many; if two more follow it."""
    starts, ends = pieces.starts, pieces.ends
    dots, digits = pieces.inside(DOT, DIGIT)
    edges = np.concatenate([ends, starts - 1, dots])
    order = np.argsort(edges, kind="stable")
    is_end = np.append(order < len(ends), True)
    first, last = edges[order][:-1] + 1, edges[order][1:]
    count = np.searchsorted(digits, last) - np.searchsorted(digits, first)
    found = np.flatnonzero(~is_end[:-2] & (count > 0))
    is_front = ~is_end.take(found + 1) & ~is_end.take(found + 2)
    return first.take(found), last.take(found), count.take(found), is_front


class _Tails:
    """The last eight bytes of words, for looking where few are found."""

    def __init__(self, words: Iterable[str]) -> None:
        self._tails = _sorted(words)
        self._may_be = np.zeros(1 << 12, bool)
        self._may_be[self._tails * _SPREAD >> _SHIFT] = True

    def among(self, tails: Any) -> Any:
        """Indices of those that are tails of these words."""
        where = np.flatnonzero(self._may_be.take((tails * _SPREAD >> _SHIFT).view(np.int64)))
        return where[_is_in(self._tails, tails.take(where))]


class _Codes:
    """The automaton of codes, run over many words at once."""

    def __init__(self, keep: Keep) -> None:
        forms = keep.code_forms
        if forms is None:
            self._table = np.zeros((2, _DEAD + 1), np.uint16)
            self._accepting = np.zeros(2, bool)
        else:
            states = np.frombuffer(forms.table, np.uint16).reshape(-1, len(ALPHABET))
            self._table = np.pad(states, ((0, 0), (0, 1)))
            self._accepting = np.frombuffer(bytes(forms.accepting), np.uint8) > 0
        self._sign = np.full(256, _DEAD, np.uint8)
        for index, sign in enumerate(ALPHABET):
            self._sign[ord(sign)] = index
        # the state after the first two bytes, or after one if the second is zero
        after = self._table[self._table[1].take(self._sign)][:, self._sign].T.copy()
        after[0] = self._table[1].take(self._sign)
        self._after_two = after.reshape(-1)

    def among(self, text: Text, starts: Any, sizes: Any) -> Any:
        """Indices of the words that are codes."""
        pairs = text.two(starts)
        states = self._after_two.take(np.where(sizes == 1, pairs & 255, pairs))
        alive = np.flatnonzero((states > 0) & (sizes <= LONGEST_WORD))
        states, at, left = states.take(alive), starts.take(alive) + 10, sizes.take(alive) - 2
        found = []
        while len(alive):
            found.append(alive[(left <= 0) & self._accepting.take(states)])
            states = self._table[states, self._sign.take(text.bytes.take(at))]
            going = np.flatnonzero((states > 0) & (left > 0))
            alive, states = alive.take(going), states.take(going)
            at, left = at.take(going) + 1, left.take(going) - 1
        return np.concatenate(found) if found else alive


def _are_codes(heads: Any, sizes: Any) -> Any:
    """Whether a piece is a plain code such as 550 or 5.1.1, as most of them are."""
    is_code = (sizes == 3) & (heads & 0xF0F8F0 == 0x303030)
    is_code &= heads + 0x060000 & 0xF00000 == 0x300000
    is_status = (sizes == 5) & (heads & 0xF0FFF0FFF0 == 0x302E302E30)
    is_status &= heads + 0x0600060000 & 0xF000F00000 == 0x3000300000
    return (is_code | is_status) & _begins_code(heads)


def _numbers(pieces: Pieces, dots: Any) -> Any:
    """Stand-ins for digits with dots; 0 for what may be an enhanced status."""
    heads = pieces.text.eight(pieces.starts)
    kinds = np.full(len(heads), NUMBER, np.uint8)
    kinds[(dots == 2) & _begins_code(heads) & (heads >> 8 & 255 == ord("."))] = 0
    short = np.flatnonzero((dots == 3) & (pieces.sizes <= 15))
    some = pieces.chosen(short)
    shapes = some.windows(DOT)[0] >> (56 - some.sizes).view(np.uint64)
    kinds[short[_IS_V4.take(shapes.view(np.int64) | np.left_shift(1, some.sizes))]] = IP
    return kinds


def _v4_shapes() -> Any:
    """Whether the bits of a number, its highest one as the end, part four times 1 to 3 digits."""
    shapes = np.zeros(1 << 16, bool)
    for first in range(1, 4):
        for second in range(1, 4):
            for third in range(1, 4):
                for fourth in range(1, 4):
                    a, b = first, first + second + 1
                    c = b + third + 1
                    shapes[1 << a | 1 << b | 1 << c | 1 << (c + fourth + 1)] = True
    return shapes


_IS_V4 = _v4_shapes()
_LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
_DOTS = np.uint64(0x2E2E2E2E2E2E2E2E)
_GATHER = np.uint64(0x0102040810204080)
_LAST_BIT = np.array([0, *(8 - number.bit_length() for number in range(1, 256))])


def _dots_of(eight: Any) -> Any:
    """Which of eight bytes are dots: bit n for byte n."""
    other = eight ^ _DOTS
    zero = ~((other & _LOW) + _LOW | other | _LOW)  # the high bit of each zero byte
    return ((zero >> np.uint64(7)) * _GATHER >> np.uint64(56)).astype(np.int64)


def _last_label(tails: Any) -> Any:
    """Bytes behind the last dot within eight; 0 where there is no dot or nothing behind it."""
    return _LAST_BIT.take(_dots_of(tails))


def _tail(tails: Any, sizes: Any) -> Any:
    """The last `sizes` bytes as a number; meaningless for none."""
    return tails >> ((8 - sizes) * 8 & 63).astype(np.uint64)


def _begins_code(heads: Any) -> Any:
    first = heads & 255
    return (first == ord("2")) | (first == ord("4")) | (first == ord("5"))


def _sorted(words: Iterable[str]) -> Any:
    """The last eight bytes of each word as a number."""
    return np.array(
        sorted({int.from_bytes(word.encode()[-8:], "little") for word in words}), np.uint64
    )


def _is_in(values: Any, numbers: Any) -> Any:
    if not len(values):
        return np.zeros(len(numbers), bool)
    at = np.minimum(np.searchsorted(values, numbers), len(values) - 1)
    return values.take(at) == numbers


def _merged(
    found: tuple[Any, Any, Any], others: list[tuple[Any, Any, Any]]
) -> tuple[Any, Any, Any]:
    if not others:
        return found
    starts, ends, kinds = (np.concatenate(some) for some in zip(*others, strict=True))
    order = np.argsort(starts, kind="stable")
    at = np.searchsorted(found[0], starts.take(order))
    more = (starts.take(order), ends.take(order), kinds.take(order))
    starts, ends, kinds = (np.insert(a, at, b) for a, b in zip(found, more, strict=True))
    return starts, ends, kinds
