"""How Marketing Cloud sorts a bounce: category, subcategory and the code it shows (labels.toml).

Its rules are not published; ours are coarse by intent and know nothing of the planted truth.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Label:
    """What the data views show beside the reply's words (fact sheet 4.1, 5)."""

    category_id: int
    category: str
    subcategory_id: int
    subcategory: str
    code: int | None  # SMTPCode


_CODE = re.compile(r"(?<![\d.])([245]\d\d)(?![\d.]\d|\d)")
_STATUS = re.compile(r"(?<![\d.])([245])\.\d{1,3}\.\d{1,3}(?![\d.])")
# Categories counted as hard and soft in a job's totals; the rest is "other".
_EVENT_TYPES = {"Hard bounce": "HardBounce", "Soft bounce": "SoftBounce"}


@cache
def _table() -> tuple[dict[str, int], dict[str, int], list[tuple[re.Pattern[str], int, str, str]]]:
    text = (files("sfmc_sandbox") / "labels.toml").read_text(encoding="utf-8")
    book = tomllib.loads(text)
    rows = [
        (re.compile(row["words"], re.IGNORECASE), row["id"], row["label"], row["category"])
        for row in book["subcategory"]
    ]
    return book["categories"], book["types"], rows


def label(text: str) -> Label:
    """Marketing Cloud's view of a reply text."""
    categories, _, rows = _table()
    _, number, name, category = next(row for row in rows if row[0].search(text))
    return Label(categories[category], category, number, name, reply_code(text))


def reply_code(text: str) -> int | None:
    """The basic code in the text, or the one its enhanced status implies, or None."""
    if found := _CODE.search(text[:200]):
        return int(found.group(1))
    if found := _STATUS.search(text):
        return {"2": 250, "4": 450, "5": 550}[found.group(1)]
    return None


def type_id(name: str) -> int:
    """BounceTypeID. Sources conflict (fact sheet 5), so the table decides."""
    return _table()[1][name]


def event_type(category: str) -> str:
    """SOAP's EventType of a category."""
    return _EVENT_TYPES.get(category, "OtherBounce")
