"""Cells as a source wrote them, into typed rows: one reading for SOAP, rowsets and files alike.

A cell that is not what its column promises makes the row unreadable, never null: a number column
with words in it means that the row is shifted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import EVENT_FIELDS, arrow_schema
from bouncelens.extract.clock import read_days, read_times

if TYPE_CHECKING:
    import pyarrow as pa

Fields = tuple[tuple[str, str, str], ...]

# Arrow is told every type here: to infer one it looks for a module on disk, each time.
_INT = r"^[+-]?\d{1,18}(\.0+)?$"  # a spreadsheet or data frame writes 550 as 550.0
_MOSTLY_DISTINCT = ("subscriber_key", "subscriber_id", "address", "event_time", "reply_text")
_INT32_MAX = 2**31 - 1
_YES, _NO = ("true", "1", "yes", "y"), ("false", "0", "no", "n")
# What Excel leaves of a time when it saves a CSV: `1/5/2026 19:42`, or `42:18.1` without the day.
_SHORTENED = re.compile(r"(?:^|[ T])\d{1,2}:\d{2}(?:\.\d)?(?:\s*[AaPp][Mm])?$")
_NO_SECONDS = "is not a time with seconds (Excel drops them: import the file as it was exported)"
_SLASHED = re.compile(
    r"[0-3]?\d/(?:0?[1-9]|1[0-2])/\d{4}"
    r"(?:,?\s+[0-2]?\d:[0-5]\d:[0-5]\d(?:\.\d+)?\s*(?:[AaPp][Mm])?)?"
)
DAY_FIRST = "seems to have the day before the month (write it as 2026-12-31 10:00:00)"
_WHAT = {
    "int64": "a whole number",
    "int32": "a whole number",
    "bool": "true or false",
    "timestamp": "a time with seconds",
    "date": "a date",
    "string": "text",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows that could be read, and for each that could not: its index among the rows given."""

    batch: pa.RecordBatch
    unreadable: Mapping[int, str]  # index → reason


def read_rows(
    cells: Mapping[str, Sequence[str | None] | pa.Array[Any]],
    count: int,
    fields: Fields,
    *,
    needed: Sequence[str] = (),
    given: Mapping[str, object] | None = None,
) -> Reading:
    """Typed rows of `fields` from text cells per field; fields without cells are null.

    `needed`: fields whose emptiness makes a row unreadable. `given`: a constant for a field,
    used where the source has no value of its own.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    given = given or {}
    no = pa.scalar(False, pa.bool_())
    arrays, unreadable = [], dict[int, str]()
    for (name, kind, _), field in zip(fields, arrow_schema(fields), strict=True):
        if name not in cells:
            arrays.append(pa.repeat(pa.scalar(given.get(name), field.type), count))
        else:
            array, is_wrong, text = _read(cells[name], name, kind)
            _note(unreadable, is_wrong, text, f"{name} is not {_WHAT[kind]}")
            if name in given:
                array = pc.fill_null(array, pa.scalar(given[name], field.type))
            arrays.append(array)
        if name in needed:
            _note(unreadable, pc.is_null(arrays[-1]), None, f"no {name}")
            if kind == "string":  # U+FFFD: bytes that the encoding could not read
                is_garbled = pc.fill_null(pc.match_substring(arrays[-1], "\ufffd"), no)
                _note(unreadable, is_garbled, arrays[-1], f"{name} has unreadable characters")
    batch = pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(fields))
    if unreadable:
        good = [i for i in range(count) if i not in unreadable]
        batch = batch.take(pa.array(good, pa.int64()))
    return Reading(batch, unreadable)


def read_events(
    cells: Mapping[str, Sequence[str | None] | pa.Array[Any]],
    count: int,
    *,
    route: str,
    given: Mapping[str, object] | None = None,
) -> Reading:
    """Bounce events from text cells: identity complete, domain from the address where it lacks."""
    import pyarrow.compute as pc

    given = {"batch": 0, **(given or {})}
    needed = ("account", "job", "subscriber_key", "event_time")
    reading = read_rows(
        {k: v for k, v in cells.items() if k != "route"},
        count,
        EVENT_FIELDS,
        needed=needed,
        given={"route": route, **given},
    )
    batch = reading.batch
    domain = pc.coalesce(pc.utf8_lower(batch["domain"]), domain_of(batch["address"]))
    columns = [domain if n == "domain" else batch[n] for n in batch.schema.names]
    return Reading(type(batch).from_arrays(columns, schema=batch.schema), reading.unreadable)


def domain_of(addresses: pa.Array[Any]) -> pa.Array[Any]:
    """The lower-case domain of each address; null where there is none."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    no = pa.scalar(False, pa.bool_())
    # Domains are few: the part after the only @ is cut off first, and each is looked at once.
    halves: Any = pc.split_pattern(addresses, "@")
    is_whole = pc.fill_null(pc.equal(pc.list_value_length(halves), pa.scalar(2, pa.int32())), no)
    some: Any = halves.filter(is_whole)
    ends = some.flatten().take(pa.array(np.arange(1, 2 * len(some), 2), pa.int64()))
    coded = ends.dictionary_encode()
    found = pc.extract_regex(
        coded.dictionary, r"^(?P<domain>[^@\s<>\"'.]+(?:\.[^@\s<>\"'.]+)*)[>.\s]*$"
    )
    known: Any = pc.utf8_lower(pc.struct_field(found, "domain")).take(coded.indices)
    nothing = pa.nulls(len(addresses), pa.string())
    domain: pa.Array[Any] = pc.replace_with_mask(nothing, is_whole, known)
    return domain


def coalesced(columns: Sequence[Sequence[str | None] | pa.Array[Any]]) -> pa.Array[Any]:
    """The first non-empty cell per row over several columns."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(columns) == 1:
        only = columns[0]
        return only if isinstance(only, pa.Array) else pa.array(only, pa.string())
    first: pa.Array[Any] = pc.coalesce(*[_text(column, keep_edges=True) for column in columns])
    return first


def _read(column: Sequence[str | None] | pa.Array[Any], name: str, kind: str) -> Any:
    """A column typed, which of its cells are wrong, and its text. Where values repeat – job,
    list, code, category –, each distinct one is read once."""
    import pyarrow as pa

    text = column if isinstance(column, pa.Array) else pa.array(column, pa.string())
    if name in _MOSTLY_DISTINCT:
        text = _text(text, keep_edges=name == "reply_text")
        return *_typed(text, kind), text
    coded = text.dictionary_encode()
    values = _text(coded.dictionary, keep_edges=False)
    typed, is_wrong = _typed(values, kind)
    return tuple(part.take(coded.indices) for part in (typed, is_wrong, values))


def _text(column: Sequence[str | None] | pa.Array[Any], *, keep_edges: bool) -> Any:
    """Strings, trimmed; empty and blank ones are null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = column if isinstance(column, pa.Array) else pa.array(column, pa.string())
    trimmed = pc.ascii_trim_whitespace(text)
    is_empty = pc.equal(trimmed, pa.scalar("", pa.string()))
    if not pc.any(is_empty).as_py():
        return text if keep_edges else trimmed
    return pc.if_else(is_empty, pa.scalar(None, pa.string()), text if keep_edges else trimmed)


def _typed(text: Any, kind: str) -> tuple[Any, Any]:
    """The typed array, and which cells are something else than the kind promises."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind == "string":
        if _has_nul(text):  # no database keeps it
            text = pc.replace_substring(text, "\x00", "\ufffd")
        return text, pa.repeat(pa.scalar(False, pa.bool_()), len(text))
    if kind in ("timestamp", "date"):
        array = read_times(text) if kind == "timestamp" else read_days(text)
    elif kind == "bool":
        lower = pc.utf8_lower(text)
        is_yes, is_no = (pc.is_in(lower, pa.array(words, pa.string())) for words in (_YES, _NO))
        array = pc.if_else(pc.or_(is_yes, is_no), is_yes, pa.scalar(None, pa.bool_()))
    else:
        array = _numbers(text, kind)
    return array, pc.and_(pc.is_valid(text), pc.is_null(array))


def _has_nul(text: Any) -> bool:
    import numpy as np

    values = text.buffers()[2]
    return values is not None and not np.frombuffer(values, np.uint8).all()


def _numbers(text: Any, kind: str) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    # Almost always all of them are plain digits; Arrow alone would take "0x1F" for a number too.
    if not pc.any(pc.match_substring(text, "x", ignore_case=True)).as_py():
        with suppress(pa.ArrowInvalid):
            return text.cast(pa.int64() if kind == "int64" else pa.int32())
    is_number = pc.fill_null(pc.match_substring_regex(text, _INT), pa.scalar(False, pa.bool_()))
    digits = pc.if_else(is_number, text, pa.scalar(None, pa.string()))
    if pc.any(pc.match_substring(digits, ".")).as_py():
        digits = pc.replace_substring_regex(digits, r"\.0+$", "")
    digits = pc.utf8_ltrim(digits, "+")
    array = digits.cast(pa.int64())
    if kind == "int32":
        fits = pc.less_equal(pc.abs(array), pa.scalar(_INT32_MAX, pa.int64()))
        array = pc.if_else(fits, array, pa.scalar(None, pa.int64())).cast(pa.int32())
    return array


def _note(unreadable: dict[int, str], wrong: Any, text: Any, reason: str) -> None:
    import pyarrow.compute as pc

    if not pc.any(wrong).as_py():
        return
    for index in pc.indices_nonzero(wrong).to_pylist():
        if text is None:
            unreadable.setdefault(index, reason)
            continue
        cell = text[index].as_py()
        unreadable.setdefault(index, f"{_said(reason, cell[:60])}: {_shown(cell)}")


def _said(reason: str, cell: str) -> str:
    """The reason; of a time what is mostly behind it."""
    name = reason.partition(" ")[0]
    if reason.endswith(_WHAT["timestamp"]) and _SHORTENED.search(cell):
        return f"{name} {_NO_SECONDS}"
    is_moment = reason.endswith((_WHAT["timestamp"], _WHAT["date"]))
    return f"{name} {DAY_FIRST}" if is_moment and _SLASHED.fullmatch(cell) else reason


def _shown(text: str) -> str:
    safe = "".join(c if c.isprintable() else "�" for c in text[:60])
    return repr(safe + ("…" if len(text) > 60 else ""))
