"""The portable tier's fingerprints: what varies most, replaced in whole columns by Arrow.

A replaced piece gets a stand-in that the mask treats alike, so texts that become equal have equal
skeletons. What is not replaced here merely costs a look-up more; what rules speak of, and texts
with control or invisible characters, are left alone.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from bouncelens.parse.text import LIMIT
from bouncelens.parse.tlds import TLDS

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.parse.skeleton import Keep

# Signs of a piece, and a mark that keeps a kept host or code from being replaced.
_EDGE = r"(^|[^a-z0-9_.#@+\x01-])"
_END = r"(\.?(?:[^a-z0-9_.#@+-]|$))"
_NOT_PLAIN = (
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
    r"|[\x{ad}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2069}\x{feff}\x{fff9}-\x{fffb}]"
)
_ADDRESS = r"[a-z][a-z0-9_.+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24}\b"
_V4 = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
# Letters and digits; not "550-5.1.1", which is a code, nor a number alone.
_REST = r"(?:[a-z0-9_-]*[a-z0-9_])?"
_ID = rf"(?:[a-z_][a-z0-9_-]*[0-9]{_REST}|[0-9]+[a-z_]{_REST})"
_NUMBER = r"(?:[0-9]{1,2}|[0-9]{4,})"


class Premask:
    """Replaces in columns what `keep` lets it."""

    def __init__(self, keep: Keep) -> None:
        hosts = "|".join(re.escape(host) for host in sorted(keep.hosts))
        kept = [rf"(?:[a-z0-9_-]+\.)*(?:{hosts})"] if hosts else []
        kept += [re.escape(code) for code in sorted(keep.codes)]
        if keep.code_forms:
            forms = "|".join(keep.code_forms.patterns)
            kept += [forms, rf"{_ID}\.(?:{forms})"]
        tlds = "|".join(sorted(TLDS))
        host = rf"[a-z_][a-z0-9_-]{{0,62}}\.(?:[a-z0-9_-]{{1,63}}\.)*(?:{tlds})"
        self._steps = [
            *([(rf"{_EDGE}((?:{'|'.join(kept)})\b)", "\\1\x01\\2")] if kept else []),
            (rf"{_EDGE}{_ADDRESS}", r"\1a@b.example"),
            (rf"{_EDGE}{host}{_END}", r"\1b.example\2"),
            (rf"{_EDGE}{_V4}{_END}", r"\1192.0.2.1\2"),
            (rf"{_EDGE}{_ID}\.[0-9]{{1,2}}{_END}", r"\1x1x.9\2"),
            (rf"{_EDGE}{_ID}{_END}", r"\1x1x\2"),
            (rf"{_EDGE}{_NUMBER}{_END}", r"\19\2"),
        ]

    def prints(self, texts: pa.Array[Any], salts: Any) -> Any:
        """One uint64 per text, never 0."""
        import numpy as np

        encoded = self.replaced(texts).dictionary_encode()
        hashes = np.array(
            [
                int.from_bytes(blake2b((text or "").encode(), digest_size=8).digest(), "little") | 1
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
        """`texts` in lower case with stand-ins; those that are not plain as they came."""
        from pyarrow import compute

        pc: Any = compute
        texts = pc.fill_null(texts, "")
        masked = pc.ascii_lower(texts)
        for pattern, stand_in in self._steps:
            masked = pc.replace_substring_regex(masked, pattern, stand_in)
        is_odd = pc.or_(
            pc.match_substring_regex(texts, _NOT_PLAIN),
            pc.greater(pc.binary_length(texts), LIMIT),
        )
        columns: pa.Array[Any] = pc.if_else(is_odd, texts, masked)
        return columns
