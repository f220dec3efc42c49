"""Hashes of skeletons, millions at a time: equal hashes mean equal templates, given equal salts.

Two tiers behind one interface: a compiled kernel where the package was built with one, and a
portable one. Their hashes differ and are never stored; what follows from them does not.
"""

from __future__ import annotations

from array import array
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


def compiled_kernel() -> ModuleType | None:
    """The compiled kernel; None where the package was built without one."""
    try:
        return import_module("bouncelens.parse._kernel")
    except ImportError:
        return None


class Fingerprints:
    """Fingerprints of texts under one `Keep`. Safe to share between threads."""

    def __init__(self, keep: Keep, *, compiled: bool | None = None) -> None:
        """`compiled`: which tier; None for the best there is."""
        self._kernel = None if compiled is False else compiled_kernel()
        if compiled and self._kernel is None:
            raise RuntimeError("this installation has no compiled kernel")
        self._table = keep_table(keep) if self._kernel else b""
        self._premask = None if self._kernel else Premask(keep)

    @property
    def tier(self) -> str:
        """`compiled` or `portable`."""
        return "compiled" if self._kernel else "portable"

    def of(self, texts: pa.Array[Any], salts: np.ndarray[Any, Any] | None = None) -> Any:
        """One uint64 per text, never 0. `salts`: uint64 per text, what else decides."""
        import numpy as np

        prints = np.empty(len(texts), np.uint64)
        if len(texts) and self._kernel:
            self._compiled(texts, salts, prints)
        elif len(texts) and self._premask:
            prints = self._premask.prints(texts, salts)
        return prints

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
    """What must not be masked, laid out for the kernel: three sets of hashes and an automaton."""
    forms = keep.code_forms
    addresses = [code for code in keep.codes if "@" in code or "." in code]
    sets = [_hash_set(words) for words in (TLDS, keep.hosts, addresses)]
    states = array("H", forms.table) if forms else array("H")
    if forms:
        accepting = forms.accepting
        states = array("H", (state | accepting[state] << 15 for state in states))
    head = array("Q", [*(len(slots) for slots in sets), len(forms.accepting) if forms else 0])
    return b"".join(part.tobytes() for part in (head, *sets, states))


def _hash_set(words: Iterable[str]) -> array[int]:
    """Open addressing; a quarter full, so that looking for what is not there ends at once."""
    hashes = {_backward_hash(word) for word in words}
    size = 8
    while size < 4 * len(hashes):
        size *= 2
    slots = array("Q", bytes(8 * size))
    for value in sorted(hashes):
        at = value % size
        while slots[at]:
            at = (at + 1) % size
        slots[at] = value
    return slots


def _backward_hash(word: str) -> int:
    """FNV-1a from the end: one pass then knows every domain above a host."""
    value = 14695981039346656037
    for byte in reversed(word.encode()):
        value = ((value ^ byte) * 1099511628211) & 0xFFFF_FFFF_FFFF_FFFF
    return value or 1
