"""Replies by the million: each distinct template is judged once, rows only look it up.

A row's fingerprint stands for its template with the codes, domain and provider that came with
it. What is new goes through the judge, everything else through one table.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from hashlib import blake2b
from itertools import repeat
from typing import TYPE_CHECKING, Any

from bouncelens.parse.fingerprint import Fingerprints, compiled_kernel
from bouncelens.parse.provider import provider_of
from bouncelens.service.judge import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import numpy as np
    import pyarrow as pa

    from bouncelens.bounce import Template, Verdict
    from bouncelens.classify.classifier import Judgement
    from bouncelens.parse.mask import Masked
    from bouncelens.service.judge import Judge

_MOST_ENTRIES = 1 << 18  # random text is an attack; the table starts again rather than grow
_FIRST_SLOTS = 1 << 14


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one fingerprint: its template, and the reply met first."""

    template: Template
    shared: Verdict  # for every reply of the template: its evidence quotes the template
    sample: str
    _judgement: Judgement
    _mask: Masked

    @property
    def verdict(self) -> Verdict:
        """The verdict with the sample's own words as evidence."""
        return quoted(self._judgement, self._mask)


@dataclass(frozen=True, slots=True)
class Replies:
    """A batch of replies. Every column but `texts` may be missing; a missing value is null."""

    texts: pa.Array[Any]
    codes: pa.Array[Any] | None = None  # reply codes that other columns claim
    statuses: pa.Array[Any] | None = None
    providers: pa.Array[Any] | None = None


class Bulk:
    """Looks templates up, and judges what is new. Safe to share between threads."""

    def __init__(self, judge: Judge, *, compiled: bool | None = None, threads: int = 0) -> None:
        """`compiled`: which tier of prints, None for the best there is; `threads`: for a batch.

        With 0 there are two threads where there are two processors. They change no outcome.
        """
        self._judge = judge
        self._prints = Fingerprints(judge.keep, compiled=compiled, threads=threads)
        self._lock = threading.Lock()
        self.misses = 0  # replies that had to be judged
        self._columns: _Columns | None = None
        self._start_again()

    @property
    def tier(self) -> str:
        """`compiled` or `portable`."""
        return self._prints.tier

    def look_up(self, replies: Replies) -> tuple[np.ndarray[Any, Any], list[Entry]]:
        """Per reply the index of its entry, and the entries: a list that is only added to."""
        prints = self._prints.of(replies.texts, _salts(replies))
        with self._lock:
            if len(self._entries) > _MOST_ENTRIES:
                self._start_again()
            numbers, fresh = self._table.number(prints)
            self.misses += len(fresh)
            self._entries += self._judged(replies, fresh)
            return numbers, self._entries

    def columns(
        self, numbers: Any, entries: list[Entry], names: Collection[str] = ()
    ) -> list[tuple[str, pa.Array[Any]]]:
        """What `look_up` gave as columns, one value per row; words are dictionaries.

        `names`: of a verdict's columns, and `template_id`; none: all of the verdict's.
        """
        known = self._columns
        if known is None or not known.knows(entries):
            known = self._columns = _Columns(entries)
        return known.of(numbers, names)

    def _start_again(self) -> None:
        self._entries: list[Entry] = []
        self._table = _CompiledTable() if self._prints.tier == "compiled" else _PortableTable()

    def _judged(self, replies: Replies, rows: Any) -> Iterator[Entry]:
        import pyarrow as pa

        where = pa.array(rows)

        def cells(column: pa.Array[Any] | None) -> Iterable[Any]:
            return repeat(None) if column is None else column.take(where).to_pylist()

        columns = (replies.texts, replies.codes, replies.statuses, replies.providers)
        for text, code, status, provider in zip(*map(cells, columns), strict=False):
            template, judgement, mask = self._judge.judgement(
                text, code, status, provider=provider, quickly=self._prints.skeleton
            )
            yield Entry(template, judgement.verdict, text or "", judgement, mask)


class _CompiledTable:
    """Numbers of fingerprints, in the kernel's open-addressing table."""

    def __init__(self) -> None:
        self._next = 0
        self._make(_FIRST_SLOTS)

    def number(self, prints: Any) -> tuple[Any, Any]:
        """A number per print, and the rows at which a new number was given, in order."""
        import numpy as np

        kernel = compiled_kernel()
        numbers, fresh = np.empty(len(prints), np.int32), np.empty(len(prints), np.int64)
        row, found = 0, []
        while row < len(prints):
            row, self._next, noted = kernel.number(  # type: ignore[union-attr]
                prints, row, self._keys, self._values, self._next, numbers, fresh
            )
            found.append(fresh[:noted].copy())
            if row < len(prints):
                self._grow()
        return numbers, np.concatenate(found) if found else fresh[:0]

    def _make(self, slots: int) -> None:
        import numpy as np

        self._keys, self._values = np.zeros(slots, np.uint64), np.zeros(slots, np.int32)

    def _grow(self) -> None:
        import numpy as np

        used = np.flatnonzero(self._keys)
        keys, values = self._keys[used], self._values[used]
        self._make(4 * len(self._keys))
        mask = len(self._keys) - 1
        for key, value in zip(keys.tolist(), values.tolist(), strict=True):
            at = key & mask
            while self._keys[at]:
                at = (at + 1) & mask
            self._keys[at], self._values[at] = key, value


class _PortableTable:
    """The same with a dictionary: only distinct fingerprints are looked up one by one."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def number(self, prints: Any) -> tuple[Any, Any]:
        """A number per print, and the rows at which a new number was given, in order."""
        import numpy as np
        import pyarrow as pa

        # the dictionary holds prints in order of appearance
        buffers = [None, pa.py_buffer(prints)]
        encoded = pa.Array.from_buffers(pa.uint64(), len(prints), buffers).dictionary_encode()
        codes = encoded.indices.to_numpy()
        before = np.maximum.accumulate(codes)
        first = np.flatnonzero(np.diff(before, prepend=-1) > 0)
        known, fresh = self._numbers, []
        distinct = encoded.dictionary.to_numpy().tolist()
        for key, row in zip(distinct, first.tolist(), strict=True):
            if key not in known:
                known[key] = len(known)
                fresh.append(row)
        numbers = np.fromiter((known[key] for key in distinct), np.int32, len(distinct))
        return numbers.take(codes), np.array(fresh, np.int64)


def _salts(replies: Replies) -> Any:
    """A hash per reply of what decides beside its text; None where there is nothing of it."""
    import numpy as np

    columns = [c for c in (replies.codes, replies.statuses, replies.providers) if c is not None]
    if not columns:
        return None
    key = np.zeros(len(replies.texts), np.int64)
    dictionaries = []
    for column in columns:
        encoded = column.dictionary_encode("encode")
        values = encoded.dictionary.to_pylist()
        dictionaries.append(values)
        indices = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        key = key * len(values) + indices if len(values) else key
    distinct, inverse = np.unique(key, return_inverse=True)
    salts = np.empty(len(distinct), np.uint64)
    for place, code in enumerate(distinct.tolist()):
        cells: list[str] = []
        rest = code
        for values in reversed(dictionaries):
            if values:
                rest, index = divmod(rest, len(values))
                cells.append(repr(values[index]))
        digest = blake2b("\x1f".join(cells).encode(), digest_size=8).digest()
        salts[place] = int.from_bytes(digest, "little")
    return salts[inverse]


def providers_of(domains: pa.Array[Any]) -> pa.Array[Any]:
    """Who runs the mailboxes of each domain; null where we do not know by name."""
    import pyarrow as pa

    encoded = domains.dictionary_encode("encode")
    slugs = [provider_of(domain) if domain else None for domain in encoded.dictionary.to_pylist()]
    return pa.array(slugs, pa.string()).take(encoded.indices)


class _Columns:
    """What is known of entries as columns, ready for rows to point into."""

    def __init__(self, entries: list[Entry]) -> None:
        import pyarrow as pa

        self._entries, self._count = entries, len(entries)
        known = entries[: self._count]
        verdicts = [entry.shared for entry in known]
        words: dict[str, list[str | None]] = {
            "reason": [verdict.reason for verdict in verdicts],
            "reason_group": [verdict.group for verdict in verdicts],
            "hardness": [verdict.hardness.value for verdict in verdicts],
            "rule": [verdict.rule for verdict in verdicts],
            "evidence": [verdict.evidence for verdict in verdicts],
            "actor": [verdict.actor for verdict in verdicts],
        }
        self._words = {
            name: pa.array(values, pa.string()).dictionary_encode()
            for name, values in words.items()
        }
        self._plain: dict[str, pa.Array[Any]] = {
            "is_temporary": pa.array([verdict.is_temporary for verdict in verdicts], pa.bool_()),
            "confidence": pa.array([verdict.confidence for verdict in verdicts], pa.float64()),
        }
        self._ids = pa.array([entry.template.template_id for entry in known], pa.int64())

    def knows(self, entries: list[Entry]) -> bool:
        """Whether these are the same entries, and no more of them."""
        return entries is self._entries and len(entries) == self._count

    def of(self, numbers: Any, names: Collection[str] = ()) -> list[tuple[str, pa.Array[Any]]]:
        """The columns for rows with these `numbers`; all but the template's id if none is named."""
        import pyarrow as pa

        rows = pa.array(numbers)
        columns: list[tuple[str, pa.Array[Any]]] = []
        for name, encoded in self._words.items():
            if not names or name in names:
                indices = encoded.indices.take(rows)
                columns.append((name, pa.DictionaryArray.from_arrays(indices, encoded.dictionary)))
        for name, values in self._plain.items():
            if not names or name in names:
                columns.append((name, values.take(rows)))
        if "template_id" in names:
            columns.append(("template_id", self._ids.take(rows)))
        return columns
