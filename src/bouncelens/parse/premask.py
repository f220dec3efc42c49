"""The portable tier's fingerprints: what varies, replaced in whole columns with numpy.

Pieces of text are told by counts of their signs, thousands at a time. Each kind has a stand-in of
its own that occurs in no plain text, so equal outcomes mean equal skeletons. What is not replaced
merely costs a look-up more; what is not plain text is left alone and marked.
"""

from __future__ import annotations

from hashlib import blake2b, shake_128
from typing import TYPE_CHECKING, Any

import numpy as np

from bouncelens.parse.pieces import ODD, PERHAPS_ODD, STAND_IN, V6, Pieces, Text
from bouncelens.parse.text import LIMIT
from bouncelens.parse.words import KeptWords

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.parse.skeleton import Keep

_ROWS = 16384  # at a time, so that what is worked on stays near the processor
_INVISIBLE = r"[\x{ad}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2069}\x{feff}\x{fff9}-\x{fffb}]"
_WEIGHTS = np.frombuffer(shake_128(b"places").digest(8 * (LIMIT + 2)), np.uint64) | np.uint64(1)
_GROUP = "(?:[0-9a-f]{1,4}:)"
_V6 = (
    r"(^|[^a-z0-9_.#@+:\x{10}-])((?:ipv6:)?)"
    rf"(?:{_GROUP}{{1,5}}:{_GROUP}?|{_GROUP}{{1,3}}:{_GROUP}{{0,3}}|{_GROUP}{{7}})[0-9a-f]{{1,4}}"
    r"(\.?(?:[^a-z0-9_.#@+:-]|$))"
)
_STAND_IN = rf"\1\2{chr(V6)}\3"
_ODD, _PERHAPS, _CHAINED = 1, 2, 4  # what keeps a text from being plain, or may


class Premask:
    """Hashes columns with what `keep` lets vary replaced. Safe to share between threads."""

    def __init__(self, keep: Keep) -> None:
        self._kept = KeptWords(keep)

    def prints(self, texts: pa.Array[Any], salts: Any) -> Any:
        """One uint64 per text, never 0."""
        import pyarrow as pa
        from pyarrow import compute

        pc: Any = compute
        texts = texts.cast(pa.string())
        if texts.null_count:
            texts = pc.fill_null(texts, "")
        prints, flags = self._hashed(texts)
        # what reading a reply takes out first
        where = np.flatnonzero(flags & (_PERHAPS | _ODD) == _PERHAPS)
        if len(where):
            some = pc.replace_substring_regex(_lowered(texts, where), _INVISIBLE, "")
            fewer = self._hashed(some)
            self._join_chains(some, *fewer)
            prints[where], flags[where] = fewer[0], fewer[1]
        self._join_chains(texts, prints, flags)
        if len(where := np.flatnonzero(flags & _ODD)):
            prints[where] = _whole(texts.take(_array(where)).to_pylist())
        if salts is not None:
            # a product of odd numbers is odd, and different salts give different products
            prints = (prints | np.uint64(1)) * (salts | np.uint64(1)) ^ (salts << np.uint64(1))
        return prints | np.uint64(1)

    def _join_chains(self, texts: pa.Array[Any], prints: Any, flags: Any) -> None:
        """Look again at rows with what is more than one piece, as one."""
        from pyarrow import compute

        pc: Any = compute
        where = np.flatnonzero(flags & (_CHAINED | _ODD) == _CHAINED)
        if len(where):
            some = pc.replace_substring_regex(_lowered(texts, where), _V6, _STAND_IN)
            prints[where], more = self._hashed(some, may_stand_in=True)
            flags[where] = np.where(more & _CHAINED, _ODD, more)

    def _hashed(self, texts: pa.Array[Any], *, may_stand_in: bool = False) -> tuple[Any, Any]:
        """Hashes of texts masked, and for each what may keep it from being plain."""
        parts = []
        for first in range(0, len(texts), _ROWS):
            padded, offsets = _lines(texts[first : first + _ROWS])
            text = Text.of(padded)
            found = self._kept.judged(Pieces.of(text))
            flags = _flags(text, offsets, may_stand_in)
            parts.append((_hashes(padded, offsets, *found), flags))
        hashes, flags = (np.concatenate(some) for some in zip(*parts, strict=True))
        return hashes, flags


def _flags(text: Text, offsets: Any, may_stand_in: bool) -> Any:
    """What may keep each row from being plain."""
    flags = np.where(np.diff(offsets) > LIMIT + 1, _ODD, 0).astype(np.uint8)
    notes = [(_CHAINED, text.chains()), (_ODD, text.places_of(ODD))]
    notes.append((_PERHAPS, text.places_of(PERHAPS_ODD)))
    if not may_stand_in:
        notes.append((_ODD, text.places_of(STAND_IN)))
    for note, places in notes:
        flags[np.searchsorted(offsets, places, side="right") - 1] |= note
    return flags


def _lines(texts: pa.Array[Any]) -> tuple[Any, Any]:
    """Texts in lower case, each with a blank behind it, as `Text` wants them; where they start."""
    import pyarrow as pa
    from pyarrow import compute

    pc: Any = compute
    lowered = pc.ascii_lower(texts)
    _, buffer, _ = lowered.buffers()
    offsets: Any = np.frombuffer(buffer, np.int32)[lowered.offset :][: len(lowered) + 1]
    offsets = offsets - offsets[0] + np.arange(len(offsets), dtype=np.int32)
    ends: Any = np.array([0, len(lowered)], np.int32)
    one = pa.Array.from_buffers(
        pa.list_(pa.string()), 1, [None, pa.py_buffer(ends)], children=[lowered]
    )
    _, _, data = pc.binary_join(one, " ").buffers()
    # Arrow's memory is kept for the next one; new pages would take longer than the bytes
    memory: Any = pa.allocate_buffer(int(offsets[-1]) + 32)
    padded = np.frombuffer(memory, np.uint8)
    padded[:8] = padded[-24:] = 0
    if size := int(offsets[-1]) - 1:
        padded[8:-25] = np.frombuffer(data, np.uint8, size)
    padded[-25] = ord(" ")
    return padded, offsets


def _hashes(text: Any, offsets: Any, starts: Any, ends: Any, kinds: Any) -> Any:
    """A hash per row of what is between the pieces found, and of their kinds."""
    import pyarrow as pa

    text = text[8:]
    text[starts] = kinds
    # A stretch ends with a piece's kind, or with its row. Between two there is what is gone: null.
    before = np.searchsorted(starts, offsets)
    last = before[1:] + np.arange(len(before) - 1)  # stretch of each row
    count = len(starts) + len(last)
    is_last = np.zeros(count, bool)
    is_last[last] = True
    inner = np.flatnonzero(~is_last)
    edges = np.empty((count + 1, 2), np.int32)
    edges[0, 0] = 0
    edges[1:, 0][inner], edges[1:, 0][last] = ends, offsets[1:]
    edges[:-1, 1][inner], edges[:-1, 1][last] = starts + 1, offsets[1:]
    buffers = [np.full(count // 4 + 1, 0x55, np.uint8), edges.reshape(-1)[:-1], text]
    encoded = pa.Array.from_buffers(
        pa.binary(), 2 * count - 1, [pa.py_buffer(some) for some in buffers]
    ).dictionary_encode()
    hashes = np.fromiter(map(hash, encoded.dictionary.to_pylist()), np.int64).view(np.uint64)
    codes: Any = encoded.indices.buffers()[1]
    values = hashes.take(np.frombuffer(codes, np.int32)[: 2 * count : 2])
    first = np.concatenate([[0], last[:-1] + 1])
    place = np.arange(count) - np.repeat(first, last - first + 1)
    return np.add.reduceat(values * _WEIGHTS.take(place, mode="clip"), first)


def _whole(texts: list[Any]) -> list[int]:
    """Hashes of texts that are left alone."""
    hashes = (blake2b(text.encode(), digest_size=8, key=b"whole").digest() for text in texts)
    return [int.from_bytes(digest, "little") for digest in hashes]


def _lowered(texts: pa.Array[Any], where: Any) -> Any:
    from pyarrow import compute

    pc: Any = compute
    return pc.ascii_lower(texts.take(_array(where)))


def _array(numbers: Any) -> Any:
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])
