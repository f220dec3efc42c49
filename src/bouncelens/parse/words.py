"""Which pieces of text vary, judged in whole arrays: what `skeleton` says of the simple ones.

A piece that needs a closer look is left as it is; that is safe, and rare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bouncelens.parse.automaton import ALPHABET
from bouncelens.parse.pieces import AT, DIGIT, DOT, LONGEST, MINUS, SIGN
from bouncelens.parse.skeleton import LONGEST_WORD
from bouncelens.parse.tlds import TLDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bouncelens.parse.pieces import Pieces
    from bouncelens.parse.skeleton import Keep

ADDRESS, IP, NUMBER, ID, HOST = range(3, 8)  # stand-ins: bytes that are in no plain text
_TRIMMED = np.isin(np.arange(10), [DOT, MINUS, SIGN])
_LONGEST_HOST = 64  # so that no label is longer than 63
_DEAD = len(ALPHABET)


class KeptWords:
    """What rules speak of, laid out for arrays."""

    def __init__(self, keep: Keep) -> None:
        self._tlds = _sorted(tld for tld in TLDS if len(tld) < 8)
        self._host_tails = _sorted(host for host in keep.hosts if len(host.encode()) >= 8)
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
        self._code_tails = _sorted(keep.codes)
        self._codes = _Codes(keep)

    def judged(self, pieces: Pieces) -> tuple[Any, Any, Any]:
        """Starts and ends of what varies, in order, and the stand-in for each."""
        view = _View(pieces.raw)
        starts, ends = pieces.starts, pieces.ends
        sizes = ends - starts
        tails = view.eight.take(ends)
        heads = view.eight.take(starts + 8)
        first, last = pieces.classes.take(starts), pieces.classes.take(ends - 1)
        is_plain = ~(_TRIMMED.take(first) | _TRIMMED.take(last))
        is_plain &= (sizes > 0) & (sizes <= LONGEST)
        # "550-5.1.1", "550-user": a code, and more behind it
        dashed = np.flatnonzero(pieces.count(MINUS) > 0)
        is_plain[dashed] &= ~_begins_code(heads.take(dashed))
        digits, dots, ats = pieces.count(DIGIT), pieces.count(DOT), pieces.count(AT)
        signs, kinds = pieces.count(SIGN), np.zeros(len(sizes), np.uint8)
        has_at = ats > 0
        kinds[is_plain & has_at & (first != AT) & (pieces.pairs == 0)] = ADDRESS

        where = np.flatnonzero(is_plain & ~has_at & (dots == 0) & (signs == 0) & (digits > 0))
        kinds[where] = self._words(view, starts.take(where), sizes.take(where), digits.take(where))

        is_dotted = is_plain & ~has_at & (dots > 0)
        is_number = digits + dots == sizes
        where = np.flatnonzero(is_dotted & is_number)
        kinds[where] = _numbers(view, starts.take(where), sizes.take(where), dots.take(where))

        where = np.flatnonzero(
            is_dotted & ~is_number & (signs == 0) & (pieces.pairs == 0) & (sizes <= _LONGEST_HOST)
        )
        hosts, is_other, is_kept = self._hosts(tails.take(where), sizes.take(where))
        kinds[where] = hosts
        if len(self._code_tails):
            kinds[_is_in(self._code_tails, _tail(tails, np.minimum(sizes, 8)))] = 0
            is_other &= ~_is_in(self._code_tails, _tail(tails, np.minimum(sizes, 8)).take(where))

        found = np.flatnonzero(kinds != 0)
        result = starts.take(found), ends.take(found), kinds.take(found)
        has_digits = digits.take(where) > 0
        if len(others := where[is_other & has_digits]):
            result = _merged(result, self._parts(view, pieces, others))
        if self._has_plain_fronts and len(kept := where[is_kept & has_digits]):
            result = _merged(result, _fronts(pieces, kept))
        return result

    def _words(self, view: _View, starts: Any, sizes: Any, digits: Any) -> Any:
        """Stand-ins for words with digits; 0 for reply codes and what rules speak of."""
        kinds = np.where(digits == sizes, NUMBER, ID).astype(np.uint8)
        heads = view.two.take(starts + 8)
        is_code = (sizes == 3) & (digits == 3) & _begins_code(heads) & (heads >> 8 <= ord("7"))
        kinds[is_code] = 0
        kinds[self._codes.among(view, starts, sizes)] = 0
        return kinds

    def _hosts(self, tails: Any, sizes: Any) -> tuple[Any, Any, Any]:
        """`HOST` where no rule speaks of it; what is no host; what a rule may speak of."""
        size = _last_label(tails)  # 0 where it is longer than seven bytes
        is_host = (size >= 2) & _is_in(self._tlds, _tail(tails, size))
        is_kept = _is_in(self._host_tails, tails) & (sizes >= 8)
        for short, hosts in self._short_hosts.items():
            before = tails >> np.uint64(8 * (7 - short)) & np.uint64(255)
            is_end = (sizes == short) | (before == ord("."))
            is_kept |= is_end & _is_in(hosts, tails >> np.uint64(8 * (8 - short)))
        kinds = np.where(is_host & ~is_kept, HOST, 0).astype(np.uint8)
        label = _tail(tails, size)
        is_punycode = label & np.uint64(0xFFFFFFFF) == int.from_bytes(b"xn--", "little")
        return kinds, (size > 0) & ~is_host & ~is_punycode, is_host & is_kept

    def _parts(self, view: _View, pieces: Pieces, which: Any) -> tuple[Any, Any, Any]:
        """The words between dots of what is neither a host nor a number: "x1-20020a.83"."""
        first, last, count, _ = _labels(pieces, which)
        kinds = self._words(view, first, last - first, count)
        varies = np.flatnonzero(kinds != 0)
        return first.take(varies), last.take(varies), kinds.take(varies)


def _fronts(pieces: Pieces, which: Any) -> tuple[Any, Any, Any]:
    """Labels with digits of hosts, but for the last two, with their stand-in."""
    first, last, _, is_front = _labels(pieces, which)
    first, last = first[is_front], last[is_front]
    return first, last, np.full(len(first), NUMBER, np.uint8)


def _labels(pieces: Pieces, which: Any) -> tuple[Any, Any, Any, Any]:
    """Starts and ends of what dots part, where it has digits; how many; if two more follow it."""
    starts, ends = pieces.starts.take(which), pieces.ends.take(which)
    dots, digits = pieces.inside(which, DOT), pieces.inside(which, DIGIT)
    edges = np.concatenate([ends, starts - 1, dots])
    order = np.argsort(edges, kind="stable")
    is_end = np.append(order < len(ends), True)
    first, last = edges[order][:-1] + 1, edges[order][1:]
    count = np.searchsorted(digits, last) - np.searchsorted(digits, first)
    found = np.flatnonzero(~is_end[:-2] & (count > 0))
    is_front = ~is_end.take(found + 1) & ~is_end.take(found + 2)
    return first.take(found), last.take(found), count.take(found), is_front


class _View:
    """Bytes read several at a time from any place; place 8 is the first one."""

    def __init__(self, raw: bytes) -> None:
        padded = bytes(8) + raw + bytes(24)
        self.bytes = np.frombuffer(padded, np.uint8)
        size = len(raw) + 24
        self.eight: Any = np.ndarray((size,), "<u8", padded, strides=(1,))
        self.two: Any = np.ndarray((size,), "<u2", padded, strides=(1,))


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

    def among(self, view: _View, starts: Any, sizes: Any) -> Any:
        """Indices of the words that are codes."""
        pairs = view.two.take(starts + 8)
        states = self._after_two.take(np.where(sizes == 1, pairs & 255, pairs))
        alive = np.flatnonzero((states > 0) & (sizes <= LONGEST_WORD))
        states, at, left = states.take(alive), starts.take(alive) + 10, sizes.take(alive) - 2
        found = []
        while len(alive):
            found.append(alive[(left <= 0) & self._accepting.take(states)])
            states = self._table[states, self._sign.take(view.bytes.take(at))]
            going = np.flatnonzero((states > 0) & (left > 0))
            alive, states = alive.take(going), states.take(going)
            at, left = at.take(going) + 1, left.take(going) - 1
        return np.concatenate(found) if found else alive


def _numbers(view: _View, starts: Any, sizes: Any, dots: Any) -> Any:
    """Stand-ins for digits with dots; 0 for what may be an enhanced status."""
    heads = view.eight.take(starts + 8)
    kinds = np.full(len(starts), NUMBER, np.uint8)
    kinds[(dots == 2) & _begins_code(heads) & (heads >> 8 & 255 == ord("."))] = 0
    short = np.flatnonzero((dots == 3) & (sizes <= 15))
    places = _dots_of(heads.take(short)) | _dots_of(view.eight.take(starts.take(short) + 16)) << 8
    end = np.left_shift(1, sizes.take(short))
    kinds[short[_IS_V4.take(places & end - 1 | end)]] = IP
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


def _merged(one: tuple[Any, Any, Any], other: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    at = np.searchsorted(one[0], other[0])
    starts, ends, kinds = (np.insert(a, at, b) for a, b in zip(one, other, strict=True))
    return starts, ends, kinds
