"""Reply code and enhanced status, found where a server would put them.

They are looked for in text whose variable pieces are masked, so that an address or an id never
passes for a code, and one template always has the same codes.
"""

from __future__ import annotations

import re

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
# It begins with its digits, and looks back from behind the first: so texts are searched at once.
_STATUS = re.compile(
    r"([245](?<![\w./].)(?<!version .)(?<!postfix .)\.\d{1,3}\.\d{1,3})(?!\.?\d)", re.I
)
_ANY_CODE = re.compile(r"[245][0-7]\d")
_PREFIX = re.compile(r"^(?:smtp|x-[a-z-]{1,20}|dns)\s*;\s*", re.IGNORECASE)
_VAGUE = re.compile(r"[245]\.(?:0\.0|3\.0|5\.0)$")


def codes_in(words: str) -> tuple[int | None, str | None]:
    """The reply code and the enhanced status in `words`: the first that says something."""
    body = _PREFIX.sub("", words) if ";" in words[:40] else words
    found = _CODE.search(body) if _ANY_CODE.search(body) else None
    code = int(found[1] or found[2] or found[3]) if found else None
    statuses = [match[1] for match in _STATUS.finditer(body)]
    # A platform's or Sendmail's x.0.0 stands before the real one: look for the words behind it.
    telling = (status for status in statuses if not _VAGUE.match(status))
    return code, next(telling, statuses[0] if statuses else None)


def sane_code(code: int | None) -> int | None:
    """A reply code that another column claims, if it can be one."""
    return code if code is not None and 200 <= code <= 599 else None


def sane_status(status: str | None) -> str | None:
    """An enhanced status that another column claims, if it can be one."""
    found = _STATUS.search(status[:40]) if status else None
    return found[1] if found else None
