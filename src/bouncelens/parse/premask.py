"""The portable tier's fingerprints: what varies, replaced in whole columns with numpy.

Pieces of text are told by counts of their signs, thousands at a time. Each kind has a stand-in of
its own that occurs in no plain text, so equal outcomes mean equal skeletons. What is not replaced
merely costs a look-up more; what is not plain text is left alone and marked.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from bouncelens.parse.pieces import ODD, PERHAPS_ODD, SIGNS, V6, Pieces
from bouncelens.parse.text import LIMIT
from bouncelens.parse.words import KeptWords

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.parse.skeleton import Keep

_ROWS = 4096  # at a time, so that what is worked on stays near the processor
_INVISIBLE = r"[\x{ad}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2069}\x{feff}\x{fff9}-\x{fffb}]"
_CLASSES = bytes(SIGNS)
_MARK = "\x01"  # before a text that was left alone
_GROUP = "(?:[0-9a-f]{1,4}:)"
_V6 = (
    r"(^|[^a-z0-9_.#@+:\x{10}-])((?:ipv6:)?)"
    rf"(?:{_GROUP}{{1,5}}:{_GROUP}?|{_GROUP}{{1,3}}:{_GROUP}{{0,3}}|{_GROUP}{{7}})[0-9a-f]{{1,4}}"
    r"(\.?(?:[^a-z0-9_.#@+:-]|$))"
)
_STAND_IN = rf"\1\2{chr(V6)}\3"
_ODD, _PERHAPS, _CHAINED = 1, 2, 4  # what keeps a text from being plain, or may


class Premask:
    """Replaces in columns what `keep` lets it. Safe to share between threads."""

    def __init__(self, keep: Keep) -> None:
        self._kept = KeptWords(keep)

    def prints(self, texts: pa.Array[Any], salts: Any) -> Any:
        """One uint64 per text, never 0."""
        encoded = self.replaced(texts).dictionary_encode()
        hashes = np.array(
            [
                int.from_bytes(blake2b(text or b"", digest_size=8).digest(), "little") | 1
                for text in encoded.dictionary.to_pylist()
            ],
            np.uint64,
        )
        prints = hashes[encoded.indices.to_numpy(zero_copy_only=False)]
        if salts is not None:
            # a product of odd numbers is odd, and different salts give different products
            prints = prints * (salts | np.uint64(1)) ^ (salts << np.uint64(1))
        return prints | np.uint64(1)

    def replaced(self, texts: pa.Array[Any]) -> pa.Array[Any]:
        """`texts` as bytes, in lower case with stand-ins; those that are not plain as they came."""
        import pyarrow as pa
        from pyarrow import compute

        pc: Any = compute
        texts = pc.fill_null(texts.cast(pa.string()), "")
        lowered = pc.ascii_lower(texts)
        masked, flags = self._masked(lowered)
        # what reading a reply takes out first, and what is more than one piece
        for reason, pattern, stand_in in ((_PERHAPS, _INVISIBLE, ""), (_CHAINED, _V6, _STAND_IN)):
            chosen = (flags & reason != 0) & (flags & _ODD == 0)
            if len(where := np.flatnonzero(chosen)):
                some = pc.replace_substring_regex(lowered.take(_array(where)), pattern, stand_in)
                fewer, more = self._masked(some, may_stand_in=reason == _CHAINED)
                masked = pc.replace_with_mask(masked, _mask(chosen), fewer)
                lowered = pc.replace_with_mask(lowered, _mask(chosen), some)
                flags[where] = more
        if (is_odd := flags & (_ODD | _CHAINED) != 0).any():
            left = pc.binary_join_element_wise(_MARK, texts.filter(_mask(is_odd)), "")
            masked = pc.replace_with_mask(masked, _mask(is_odd), left.cast(pa.binary()))
        result: pa.Array[Any] = masked
        return result

    def _masked(self, lowered: pa.Array[Any], *, may_stand_in: bool = False) -> tuple[Any, Any]:
        """Texts masked, and for each what may keep it from being plain."""
        import pyarrow as pa

        starts = range(0, len(lowered), _ROWS)
        parts = [self._part(lowered.slice(at, _ROWS), may_stand_in) for at in starts]
        return pa.concat_arrays([part for part, _ in parts]), np.concatenate([f for _, f in parts])

    def _part(self, lowered: pa.Array[Any], may_stand_in: bool) -> tuple[Any, Any]:
        import pyarrow as pa
        from pyarrow import compute

        pc: Any = compute
        rows = pc.binary_join_element_wise(lowered, "", "\n")
        _, offset_buffer, data = rows.buffers()
        offsets = np.frombuffer(offset_buffer, np.int32, len(lowered) + 1)
        raw = bytes(memoryview(data)[: offsets[-1]])
        pieces = Pieces.of(raw, np.frombuffer(raw.translate(_CLASSES), np.uint8))
        found = self._kept.judged(pieces)
        masked = pa.Array.from_buffers(
            pa.binary(), len(lowered), [None, *_without(raw, offsets, found)]
        )
        flags = np.where(np.diff(offsets) > LIMIT + 1, _ODD, 0).astype(np.uint8)
        flags[_rows(offsets, pieces.chains_of_colons())] |= _CHAINED
        flags[_rows(offsets, pieces.places_of(PERHAPS_ODD))] |= _PERHAPS
        flags[_rows(offsets, pieces.places_of(ODD))] |= _ODD
        if not may_stand_in and V6 in raw:
            flags[_rows(offsets, np.flatnonzero(np.frombuffer(raw, np.uint8) == V6))] |= _ODD
        return masked, flags


def _without(raw: bytes, offsets: Any, found: tuple[Any, Any, Any]) -> list[Any]:
    """Buffers of offsets and bytes in which each piece found is one byte, its kind."""
    import pyarrow as pa

    starts, ends, kinds = found
    text = np.frombuffer(raw, np.uint8).copy()
    text[starts] = kinds
    edges = np.zeros(2 * len(starts) + 2, np.int64)
    edges[1:-1:2], edges[2:-1:2], edges[-1] = starts + 1, ends, len(text)
    is_kept = np.ones(len(edges) - 1, bool)
    is_kept[1::2] = False
    kept: Any = np.compress(np.repeat(is_kept, np.diff(edges)), text)
    gone = np.concatenate([[0], np.cumsum(ends - starts - 1)])
    shorter: Any = (offsets - gone[np.searchsorted(starts, offsets)]).astype(np.int32)
    return [pa.py_buffer(shorter), pa.py_buffer(kept)]


def _rows(offsets: Any, places: Any) -> Any:
    return np.searchsorted(offsets, places, side="right") - 1


def _array(numbers: Any) -> Any:
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])


def _mask(flags: Any) -> Any:
    import pyarrow as pa

    bits: Any = np.packbits(flags, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(flags), [None, pa.py_buffer(bits)])
