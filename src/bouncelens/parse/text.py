"""Text as it reaches us into text a person can read: decoded, repaired, tamed, folded.

Replies are attacker-supplied and pass through many hands, so bytes may be cut inside a
character, encoded twice, or carry terminal escapes and invisible characters.
"""

from __future__ import annotations

import re

LIMIT = 4000  # characters; SFMC keeps no more, so a cut there must change nothing

_ESCAPE = re.compile(
    r"\x1b(?:\[[0-9;?]{0,40}[ -/]?[@-~]|\][^\x07\x1b]{0,400}(?:\x07|\x1b\\)?|[@-Z\\^_])"
)
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAK = re.compile(r"[ \t]*(?:\r\n|\n|\r|\u2028|\u2029)[ \t]*")
_SPACE = re.compile(r"\s+")
_ENTITY = re.compile(r"&(lt|gt|amp|quot|apos|nbsp|#39|#34|#60|#62);", re.IGNORECASE | re.ASCII)
_ENTITIES = {
    "lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'", "nbsp": " ",
    "#39": "'", "#34": '"', "#60": "<", "#62": ">",
}  # fmt: skip
# UTF-8 read as Latin-1 or cp1252: "nÃ£o", "donâ€™t", "Ð½Ðµ"
_MOJIBAKE = re.compile(
    "[\u00c2-\u00c5\u00d0\u00d1\u00e2-\u00e9][\u0080-\u00bf\u0152-\u02dc\u2010-\u2122]"
)


def decode(raw: bytes) -> tuple[str, bool]:
    """Text of `raw`, and whether it was cut inside a character. Never raises."""
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError as error:
        # A cut leaves at most three bytes of a character, at the very end.
        if error.reason == "unexpected end of data" and error.end == len(raw):
            return raw[: error.start].decode("utf-8", "replace"), True
    return raw.decode("cp1252", "replace"), False


def tame(text: str) -> str:
    """`text` without escapes, control and invisible characters; line breaks become newlines."""
    if text.isascii() and text.isprintable():
        return _unescape(text)
    # Removing an invisible character joins what it parts; one that only mending brings to light
    # becomes a space, so that the compiled kernel, which does not mend, need not know of it.
    text = _INVISIBLE.sub(" ", _mend(_INVISIBLE.sub("", _ESCAPE.sub("", text))))
    return _unescape(_CONTROL.sub(" ", _BREAK.sub("\n", text)))


def fold(text: str) -> str:
    """One line, single spaces."""
    return _SPACE.sub(" ", text).strip()


def _unescape(text: str) -> str:
    if "&" not in text:
        return text
    return _ENTITY.sub(lambda found: _ENTITIES[found[1].lower()], text)


def _mend(text: str) -> str:
    """Undo one round of UTF-8 read as an 8-bit code page, where that is certain."""
    if text.isascii() or not _MOJIBAKE.search(text):
        return text
    for code_page in ("cp1252", "latin-1"):
        try:
            return text.encode(code_page).decode("utf-8")
        except UnicodeError:
            continue
    return text
