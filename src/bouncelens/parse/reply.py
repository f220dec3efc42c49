"""`read_reply`: the server's words, its codes, its lines, and what the words name.

Nothing here raises on any input: what cannot be read is simply absent from the `Reply`.
"""

from __future__ import annotations

import re

from bouncelens.bounce import Reply
from bouncelens.parse import text as text_
from bouncelens.parse.codes import sane_code, sane_status
from bouncelens.parse.facts import facts_in
from bouncelens.parse.mask import Keep, Masked, masked

_CONTINUATION = re.compile(r"\s+(?=[245][0-7]\d-(?:[245]\.\d{1,3}\.\d{1,3}\s)?)")
_HOST = re.compile(
    r"\bhost ([a-z0-9][a-z0-9._-]{2,250})\s?(?:\[|\(|said:)"
    r"|^([a-z0-9][a-z0-9._-]{2,250}) \[[0-9a-f.:]+\]",
    re.IGNORECASE,
)


def read_reply(
    text: str | bytes | None, *, code: int | None = None, status: str | None = None
) -> Reply:
    """Read a reply. `code` and `status` are what other columns claim: used where the text has none.

    At most 4,000 characters are read. Never raises; an empty text gives an empty reply.
    """
    return reply_and_mask(text, None, code=code, status=status)[0]


def reply_and_mask(
    text: str | bytes | None,
    keep: Keep | None,
    *,
    code: int | None = None,
    status: str | None = None,
) -> tuple[Reply, Masked]:
    """The same with the reply's canonical text, masked by what `keep` says."""
    words, tamed, is_cut = words_of(text)
    mask = masked(words, keep)
    reply = Reply(
        text=words,
        code=mask.code if mask.code is not None else sane_code(code),
        enhanced_status=mask.status or sane_status(status),
        lines=_lines(tamed),
        receiving_host=_receiving_host(words),
        is_truncated=is_cut,
        facts=facts_in(words),
    )
    return reply, mask


def words_of(text: str | bytes | None) -> tuple[str, str, bool]:
    """The words on one line, the same with the reply's own line breaks, and whether it was cut."""
    was_cut = False
    if isinstance(text, bytes):
        text, was_cut = text_.decode(text[: 4 * text_.LIMIT + 4])
    whole = text or ""
    tamed = text_.tame(whole[: text_.LIMIT])
    words = text_.fold(tamed)
    if words.endswith("\ufffd"):
        words, was_cut = words.rstrip("\ufffd "), True
    return words, tamed, was_cut or len(whole) >= text_.LIMIT


def _lines(tamed: str) -> tuple[str, ...]:
    """The reply's lines; those of a reply flattened to one line are told apart by `550-`."""
    parts = [line for line in tamed.split("\n") if line.strip()]
    if len(parts) == 1:
        parts = _CONTINUATION.split(parts[0])
    return tuple(text_.fold(part) for part in parts)


def _receiving_host(words: str) -> str | None:
    found = _HOST.search(words[:600])
    host = (found[1] or found[2]).lower().rstrip(".") if found else ""
    return host if "." in host else None
