"""Hashes of skeletons, millions at a time: equal hashes mean equal templates, given equal salts.

Two tiers behind one interface: a compiled kernel where the package was built with one, and a
portable one. Their hashes differ and are never stored; what follows from them does not.
"""

from __future__ import annotations

import os
from array import array
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bouncelens.parse.mask import lowered
from bouncelens.parse.premask import Premask
from bouncelens.parse.reply import words_of
from bouncelens.parse.skeleton import Keep, skeleton_parts
from bouncelens.parse.text import LIMIT
from bouncelens.parse.tlds import TLDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    import numpy as np
    import pyarrow as pa


_MOST_THREADS = 2  # more help little: the reader and the table behind them have one
_FEWEST_ROWS = 8192  # of a thread; fewer do not pay for it


def compiled_kernel() -> ModuleType | None:
    """The compiled kernel; None where the package was built without one."""
    try:
        return import_module("bouncelens.parse._kernel")
    except ImportError:
        return None


class Fingerprints:
    """Fingerprints of texts under one `Keep`. Safe to share between threads."""

    def __init__(self, keep: Keep, *, compiled: bool | None = None, threads: int = 0) -> None:
        """`compiled`: which tier; None for the best there is. `threads` per batch; 0 for two."""
        self._kernel = None if compiled is False else compiled_kernel()
        if compiled and self._kernel is None:
            raise RuntimeError("this installation has no compiled kernel")
        self._table = keep_table(keep) if self._kernel else b""
        self._premask = None if self._kernel else Premask(keep)
        self._threads = threads or min(_MOST_THREADS, os.cpu_count() or 1)

    @property
    def tier(self) -> str:
        """`compiled` or `portable`."""
        return "compiled" if self._kernel else "portable"

    def of(self, texts: pa.Array[Any], salts: np.ndarray[Any, Any] | None = None) -> Any:
        """One uint64 per text, never 0. `salts`: uint64 per text, what else decides."""
        import numpy as np

        prints = np.empty(len(texts), np.uint64)
        # Each print depends on its own row alone, so it does not matter who works on which.
        step = max(_FEWEST_ROWS, -(-len(texts) // self._threads))
        parts = [slice(start, start + step) for start in range(0, len(texts), step)]

        def work(part: slice) -> None:
            some = None if salts is None else salts[part]
            self._part(texts.slice(part.start, step), some, prints[part])

        if len(parts) < 2:
            for part in parts:
                work(part)
        else:
            with ThreadPoolExecutor(len(parts)) as pool:
                list(pool.map(work, parts))
        return prints

    def skeleton(self, plain: str) -> str | None:
        """The skeleton of a lower-case text that was read; None where only Python can tell."""
        # an entity left in a text that was read is no entity, and the kernel would resolve it
        if self._kernel is None or "&" in plain:
            return None
        bones = self._kernel.skeleton(plain.encode("utf-8", "replace"), self._table)
        return None if bones is None else str(bones, "utf-8")

    def _part(self, texts: pa.Array[Any], salts: Any, prints: Any) -> None:
        if self._premask:
            prints[:] = self._premask.prints(texts, salts)
        else:
            self._compiled(texts, salts, prints)

    def _compiled(self, texts: pa.Array[Any], salts: Any, prints: Any) -> None:
        import pyarrow as pa

        if texts.null_count:
            texts = texts.fill_null("")
        is_wide = pa.types.is_large_string(texts.type)
        _, offsets, data = texts.buffers()
        self._kernel.fingerprints(  # type: ignore[union-attr]
            offsets, is_wide, texts.offset, data or b"", self._table,
            b"" if salts is None else salts, prints,
        )  # fmt: skip


def skeleton(text: str, keep: Keep) -> str:
    """The skeleton of a raw text."""
    words = lowered(words_of(text)[0][:LIMIT])
    return "".join(part for part, _, _ in skeleton_parts(words, keep))


def keep_table(keep: Keep) -> bytes:
    """What must not be masked, laid out for the kernel: sets of hashes, filters, an automaton."""
    forms = keep.code_forms
    addresses = [code for code in keep.codes if "@" in code or "." in code]
    hosts = {_backward_hash(word) for word in keep.hosts}
    sets = [
        _hash_set({_tail_hash(word) if len(word) <= 8 else _backward_hash(word) for word in TLDS}),
        _hash_set(hosts),
        _hash_set({_backward_hash(word) for word in addresses}),
    ]
    states = array("H", forms.table) if forms else array("H")
    if forms:
        accepting = forms.accepting
        states = array("H", (state | accepting[state] << 15 for state in states))
    short = {len(host.encode()) for host in keep.hosts if len(host.encode()) < 8}
    counts = [*(len(slots) for slots in sets), len(forms.accepting) if forms else 0]
    head = array("Q", [*counts, sum(1 << length for length in short)])
    filters = [_filter(keep.hosts), _filter(addresses)]
    return b"".join(part.tobytes() for part in (head, *sets, *filters, states))


def _hash_set(hashes: set[int]) -> array[int]:
    """Open addressing; a quarter full, so that looking for what is not there ends at once."""
    size = 8
    while size < 4 * len(hashes):
        size *= 2
    slots = array("Q", bytes(8 * size))
    for value in sorted(value or 1 for value in hashes):
        at = value % size
        while slots[at]:
            at = (at + 1) % size
        slots[at] = value
    return slots


def _filter(words: Iterable[str]) -> array[int]:
    """4,096 bits: by their last eight bytes, words that are not among `words` are told."""
    bits = array("Q", bytes(512))
    for word in words:
        place = _tail_key(word) * _TAIL_PRIME % (1 << 64) >> 52
        bits[place >> 6] |= 1 << (place & 63)
    return bits


_TAIL_PRIME = 0x9E3779B97F4A7C15


def _tail_key(word: str) -> int:
    return int.from_bytes(word.encode()[-8:], "little")


def _tail_hash(word: str) -> int:
    value = _tail_key(word) * _TAIL_PRIME % (1 << 64)
    return value ^ value >> 32


def _backward_hash(word: str) -> int:
    """FNV-1a from the end: one pass then knows every domain above a host."""
    value = 14695981039346656037
    for byte in reversed(word.encode()):
        value = ((value ^ byte) * 1099511628211) & 0xFFFF_FFFF_FFFF_FFFF
    return value
