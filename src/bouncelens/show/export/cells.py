"""What stands in a cell. Values come from strangers' servers and from file names: no control
character is taken away with them, and no spreadsheet takes one for a formula."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bouncelens.service.report import Column

NUMBERS = ("events", "messages", "addresses", "share", "points", "days", "money")
UNKNOWN = "–"
_POINTS = " pp"  # percentage points: a difference of two shares

# What a spreadsheet may begin a formula with, full-width and small forms and the true minus too:
# OWASP, CSV Injection.
_BEGINS = "=+\\-@＝＋－＠\ufe66\ufe62\ufe63\ufe6b\u2212"
_FORMULA = re.compile(rf"[\s'\"]*[{_BEGINS}]")
# Where the semicolon parts cells, as in half of Europe, one may begin in the middle.
_AFTER_SEMICOLON = re.compile(rf"(;[\s\"]*)(?=[{_BEGINS}])")
_SPACES = re.compile(r"[\t\r\n\v\f\x85\u2028\u2029]+")
_WRITTEN = "\u200c\u200d"  # joiners that people write words with


def clean(value: object) -> str:
    """Text on one line, without control characters and marks that turn text around."""
    text = str(value)
    if text.isprintable():
        return text
    text = _SPACES.sub(" ", text)
    return "".join(c for c in text if c in _WRITTEN or not _is_hidden(c))


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs")


def is_formula_like(text: str) -> bool:
    """Whether a spreadsheet could take cleaned text for a formula."""
    return _FORMULA.match(text) is not None


def harmless(value: object) -> str:
    """Cleaned text that is none for any spreadsheet: an apostrophe before it says that it is
    text (OWASP, CSV Injection). Text that held a tab or a line's end at its start counts, too."""
    text = clean(value)
    begins_with_control = str(value)[:1] in ("\t", "\r", "\n")
    if is_formula_like(text) or (begins_with_control and text):
        text = "'" + text
    return _AFTER_SEMICOLON.sub(r"\1'", text)


def interval(low: str, high: str, gap: str = "") -> str:
    """Both ends of an interval as one text, `gap` on either side of the dash; a word where a minus
    would stand beside it."""
    if UNKNOWN in (low, high):
        return UNKNOWN
    between = " to " if {"-", "+"} & set(low + high) else f"{gap}–{gap}"
    return f"{low.removesuffix(' %').removesuffix(_POINTS)}{between}{high}"


def shown(value: Any, column: Column) -> str:
    """A value as people read it, letters as they came; a dash where it is not known."""
    if value is None:
        return UNKNOWN
    if column.unit == "share":
        return f"{100 * value:.2f} %".replace("-0.00", "0.00")
    if column.unit == "points":
        return f"{100 * value:+.2f}{_POINTS}".replace("-0.00", "+0.00")
    if column.unit == "money":
        return f"{value:,.2f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if column.unit in NUMBERS:
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{moment(value):%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else str(value)


def written(value: Any, column: Column) -> str:
    """The same for a file: on one line, without control characters."""
    return clean(shown(value, column))


def moment(value: datetime) -> datetime:
    """A moment in UTC, without saying so: the heads say it."""
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def plain(value: Any) -> str:
    """A value as programs read it: nothing where it is not known, moments in ISO 8601, numbers
    as numbers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return f"{moment(value).isoformat()}Z"
    return value.isoformat() if isinstance(value, date) else harmless(value)
