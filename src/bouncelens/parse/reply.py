"""`read_reply`: the server's words, its codes, its lines, and what the words name.

Nothing here raises on any input: what cannot be read is simply absent from the `Reply`.
"""

from __future__ import annotations

import re

from bouncelens.bounce import Reply
from bouncelens.parse import text as text_
from bouncelens.parse.facts import facts_in

# RFC 5321 §4.2: three digits; 2yz–5yz. A code is believed where a server would put it: at the
# start, after "said:" and its like, or before an enhanced status – not "500 messages per hour".
_CODE = re.compile(
    r"(?:^|[;:>\[('\"]|\b(?:code|error|status|returned|got|recv|said|response|reply|server)\b:?)"
    r"[ '\"(\[<#]{0,3}([245][0-7]\d)(?=[ \-:;,.)\]#'\"]|$)(?!\.\d)"
    r"|(?<![\w.])([245][0-7]\d)(?=[ -]#?[245]\.\d{1,3}\.\d{1,3}(?![\d.]*\d))"
    r"|(?<![\w.])([245][0-7]\d)(?=-\S)",
    re.IGNORECASE,
)
# RFC 3463 §2: class "." subject "." detail; neither an IP address nor a version of software.
_STATUS = re.compile(r"(?<![\w./])(?<!version )(?<!postfix )[#(]{0,2}([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)", re.I)
_CONTINUATION = re.compile(r"\s+(?=[245][0-7]\d-(?:[245]\.\d{1,3}\.\d{1,3}\s)?)")
_PREFIX = re.compile(r"^(?:smtp|x-[a-z-]{1,20}|dns)\s*;\s*", re.IGNORECASE)
_HOST = re.compile(
    r"\bhost ([a-z0-9][a-z0-9._-]{2,250})\s?(?:\[|\(|said:)|^([a-z0-9][a-z0-9._-]{2,250}) \[[0-9a-f.:]+\]",
    re.IGNORECASE,
)
_VAGUE = re.compile(r"[245]\.(?:0\.0|3\.0|5\.0)$")


def read_reply(
    text: str | bytes | None, *, code: int | None = None, status: str | None = None
) -> Reply:
    """Read a reply. `code` and `status` are what other columns claim: used where the text has none.

    At most 4,000 characters are read. Never raises; an empty text gives an empty reply.
    """
    was_cut = False
    if isinstance(text, bytes):
        text, was_cut = text_.decode(text[: 4 * text_.LIMIT + 4])
    whole = text or ""
    tamed = text_.tame(whole[: text_.LIMIT])
    words = text_.fold(tamed)
    if words.endswith("\ufffd"):
        words, was_cut = words.rstrip("\ufffd "), True
    own_code, own_status = codes_in(words)
    return Reply(
        text=words,
        code=own_code if own_code is not None else _sane_code(code),
        enhanced_status=own_status or _sane_status(status),
        lines=_lines(tamed),
        receiving_host=_receiving_host(words),
        is_truncated=was_cut or len(whole) >= text_.LIMIT,
        facts=facts_in(words),
    )


def codes_in(words: str) -> tuple[int | None, str | None]:
    """The reply code and the enhanced status in `words`: the first that says something."""
    body = _PREFIX.sub("", words)
    found = _CODE.search(body)
    code = int(found[1] or found[2] or found[3]) if found else None
    statuses = [match[1] for match in _STATUS.finditer(body)]
    # A platform's or Sendmail's x.0.0 stands before the real one: look for the words behind it.
    telling = (status for status in statuses if not _VAGUE.match(status))
    return code, next(telling, statuses[0] if statuses else None)


def _sane_code(code: int | None) -> int | None:
    return code if code is not None and 200 <= code <= 599 else None


def _sane_status(status: str | None) -> str | None:
    found = _STATUS.search(status[:40]) if status else None
    return found[1] if found else None


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
