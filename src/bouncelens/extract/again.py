"""Rows out of quarantine, read again by today's readers, from what was kept of them.

Kept is a row's text, at most 2,000 characters, not its file. A row kept as names and cells can be
read again; a bare line cannot, because its header was not kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bouncelens.bounce import EVENT_FIELDS, Quarantined
from bouncelens.errors import InputInvalid
from bouncelens.extract.columns import kind_by_name, place
from bouncelens.extract.events import BOUNCED, bounce_cells
from bouncelens.extract.rows import DAY_FIRST, read_events

if TYPE_CHECKING:
    import pyarrow as pa

_RAW_CHARS = 2000
_ASKED_SOURCE = re.compile(r"(?:SOAP BounceEvent|Query _Bounce), account (\d{1,18})")
_FIELDS = tuple(name for name, _, _ in EVENT_FIELDS if name != "route")

CUT = "its text was cut at 2,000 characters; read its file again"
BARE = "it was kept as text without a header; correct its file and import that again"
GARBLED = "characters of it were lost before it was kept; read its file again"
SWAPPED = "it seems to have the day before the month; correct its file and import that again"
COUNTED = "it is no bounce; correct its file and import that again"


@dataclass(frozen=True, slots=True)
class Again:
    """Rows that can be read now, and for each that cannot: its index among those given."""

    batch: pa.RecordBatch  # of event_schema()
    unreadable: Mapping[int, str]  # index → reason
    lost: frozenset[int]  # those of them that no reader can read, for too little was kept


def read_again(
    rows: Sequence[Quarantined], *, route: str, given: Mapping[str, int] | None = None
) -> Again:
    """Bounces from rows that were set aside. `given`: account and job, where a row has none."""
    unreadable, cells, places = dict[int, str](), list[Mapping[str, str]](), list[int]()
    for index, row in enumerate(rows):
        found = _fields(row)
        if isinstance(found, str):
            unreadable[index] = found
        else:
            cells.append(found)
            places.append(index)
    lost = frozenset(index for index, why in unreadable.items() if why in _LOST)
    columns = {name: [row.get(name) for row in cells] for name in _FIELDS}
    reading = read_events(columns, len(cells), route=route, given=given)
    unreadable |= {places[index]: reason for index, reason in reading.unreadable.items()}
    return Again(reading.batch, unreadable, lost)


_LOST = frozenset((CUT, BARE, GARBLED, SWAPPED, COUNTED))


def _fields(row: Quarantined) -> dict[str, str] | str:
    """A row's cells by our fields, or why there are none."""
    if kind_by_name(row.source) not in (None, "bounces", "other"):
        return COUNTED
    if row.source.startswith("events, account ") and (said := _event(row.raw)) is not None:
        return said
    if DAY_FIRST in row.reason:  # alone, without the rows that told so, it would be believed
        return SWAPPED
    cells = _cells(row.raw)
    if isinstance(cells, str):
        return cells
    try:
        # All that a row needs may be empty here: only cells with something in them were kept.
        found = place(row.source, tuple(cells), "bounces", given=_FIELDS).places
    except InputInvalid as error:
        return str(error)
    values = tuple(cells.values())
    first = {
        name: next((values[i] for i in at if values[i].strip()), "") for name, at in found.items()
    }
    told = {name: value for name, value in first.items() if value}
    if "account" not in told and (asked := _ASKED_SOURCE.fullmatch(row.source)):
        told["account"] = asked[1]
    return told


def _event(raw: str) -> dict[str, str] | None:
    """The cells of a bounce event that was kept whole; None when it is none."""
    try:
        item = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(item, dict) or item.get("eventCategoryType") != BOUNCED:
        return None
    return {name: cell for name, cell in bounce_cells(item).items() if cell}


def _cells(raw: str) -> dict[str, str] | str:
    if "\ufffd" in raw:
        return GARBLED
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        return CUT if len(raw) >= _RAW_CHARS else BARE
    if not isinstance(said, dict):
        return BARE
    if any(isinstance(value, dict | list) for value in said.values()):
        return "one of its values is nested"
    # A lone surrogate can be written in JSON and in no other place.
    return {
        name: _text(value).encode("utf-8", "replace").decode()
        for name, value in said.items()
        if value is not None
    }


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)
