"""Dates and times: parts, sums, differences, time zones, and how they are written."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from sqlglot import exp

from sfmc_sandbox.sql.nodes import (
    BIT,
    DATE,
    REAL,
    TIME,
    WHOLE,
    Node,
    call,
    cast,
    is_a,
    to_moment,
)
from sfmc_sandbox.sql.refuse import QueryRefused


@cache
def _book(name: str) -> dict[str, Any]:
    text = (files("sfmc_sandbox") / "sql" / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def styles() -> dict[int, str]:
    """CONVERT's styles, as strftime writes them."""
    return {int(number): shape for number, shape in _book("styles")["styles"].items()}


# The short names of units, and the units that a date without a time has.
_UNITS = {
    "mi": "MINUTE", "n": "MINUTE", "wk": "WEEK", "ww": "WEEK", "ss": "SECOND", "s": "SECOND",
    "ms": "MILLISECOND", "hh": "HOUR", "dd": "DAY", "d": "DAY", "dy": "DAY", "y": "DAY",
    "mm": "MONTH", "m": "MONTH", "qq": "QUARTER", "q": "QUARTER", "yy": "YEAR", "yyyy": "YEAR",
    "dayofyear": "DAY",
}  # fmt: skip
_OF_DAYS = {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}
# Parts that have names; DATENAME gives the others as numbers.
_NAMED = {"month": "%B", "weekday": "%A"}
_PARTS = {
    "mm": "month", "m": "month", "dw": "weekday", "w": "weekday", "yy": "year", "yyyy": "year",
    "qq": "quarter", "q": "quarter", "dd": "day", "d": "day", "hh": "hour", "mi": "minute",
    "n": "minute", "ss": "second", "s": "second", "ms": "millisecond", "dy": "dayofyear",
    "y": "dayofyear", "wk": "week", "ww": "week", "isowk": "iso_week", "isoww": "iso_week",
}  # fmt: skip


def part(node: Node) -> Node:
    """DATEPART, YEAR, MONTH, DAY."""
    made = _part(node.this.name.lower(), to_moment(node.expression))
    made.type = exp.DataType.build("INT")
    return made


def _part(unit: str, value: Node) -> Node:
    if unit in {"dayofweek", "weekday", "dw"}:
        day = exp.Extract(this=exp.var("dow"), expression=value)
        return exp.Paren(this=exp.Add(this=day, expression=exp.Literal.number(1)))
    if unit in {"week", "wk", "ww"}:
        return call("tsql_week", value)
    if unit in {"millisecond", "microsecond"}:
        within = exp.Literal.number(1_000 if unit == "millisecond" else 1_000_000)
        found = exp.Paren(this=exp.Extract(this=exp.var(unit), expression=value))
        return exp.Paren(this=exp.Mod(this=found, expression=within))
    unit = {"iso_week": "week", "isoweek": "week", "isowk": "week", "dy": "doy",
            "dayofyear": "doy"}.get(unit, unit)  # fmt: skip
    return exp.Extract(this=exp.var(unit), expression=value)


def part_name(unit: str, value: Node) -> Node:
    """DATENAME: text, always."""
    unit = _PARTS.get(unit.lower(), unit.lower())
    moment = to_moment(value)
    if unit in _NAMED:
        return call("strftime", moment, exp.Literal.string(_NAMED[unit]), kind="VARCHAR")
    known = {"year", "quarter", "day", "hour", "minute", "second", "millisecond", "dayofyear",
             "week", "iso_week"}  # fmt: skip
    if unit not in known:
        raise QueryRefused(f"'{unit[:40]}' is not a recognized datename option.")
    return cast(exp.Paren(this=_part(unit, moment)), "TEXT")


def _spell_unit(node: Node) -> str:
    name = (node.text("unit") or "DAY").lower()
    unit = _UNITS.get(name, name.upper())
    node.set("unit", exp.var(unit))
    return unit


def difference(node: Node) -> Node:
    """DATEDIFF: the borders of a unit that lie between two moments."""
    unit = _spell_unit(node)
    first, last = to_moment(node.expression), to_moment(node.this)
    if unit == "WEEK":
        return call("tsql_weeks", first, last, kind="INT")
    node.set("this", last)
    node.set("expression", first)
    return node


def addition(node: Node) -> Node:
    """DATEADD: a fraction of a number is cut off; a date stays a date."""
    unit = _spell_unit(node)
    is_day = is_a(node.this, {DATE}) and unit in _OF_DAYS
    count = node.expression
    if is_a(count, REAL):
        count = cast(call("trunc", count), "BIGINT")
        node.set("expression", count)
    node.set("this", to_moment(node.this))
    node.type = exp.DataType.build("DATE" if is_day else "TIMESTAMP")
    return cast(node, "DATE") if is_day else node


def days_later(node: Node) -> Node:
    """A date and a number count days; a fraction is a part of a day."""
    left, right = node.this, node.expression
    if is_a(right, WHOLE):
        days = exp.Interval(this=exp.Paren(this=right.copy()), unit=exp.var("DAY"))
    else:
        micros = exp.Mul(
            this=exp.Paren(this=right.copy()), expression=exp.Literal.number(86400000000)
        )
        days = call("to_microseconds", cast(exp.Paren(this=micros), "BIGINT"))
    made = type(node)(this=cast(left, "TIMESTAMP"), expression=days)
    made.type = exp.DataType.build("TIMESTAMP")
    return made


def written(value: Node, style: int | None = None) -> Node:
    """A value as text: dates by style, bits as 0 and 1."""
    if is_a(value, {BIT}):
        return cast(cast(value, "INT"), "TEXT")
    if not is_a(value, TIME):
        return cast(value, "TEXT")
    number = style if style is not None else (23 if is_a(value, {DATE}) else 0)
    number = {20: 120, 21: 121, 25: 121, 13: 113, 14: 114, 24: 108, 9: 109}.get(number, number)
    stamp = to_moment(value)
    special = {0: "tsql_style0", 100: "tsql_style0", 109: "tsql_style109", 126: "tsql_style126"}
    if number in special:
        return call(special[number], stamp, kind="VARCHAR")
    if number in styles():
        return call("strftime", stamp, exp.Literal.string(styles()[number]), kind="VARCHAR")
    raise QueryRefused(f"{number} is not a valid style number when converting from datetime to a "
                       "character string.")  # fmt: skip


def read(value: Node, style: int | None, *, is_try: bool) -> Node:
    """A date out of text, by style where one is said."""
    if style in styles():
        shape = exp.Literal.string(styles()[style])
        return call("try_strptime" if is_try else "strptime", value, shape, kind="TIMESTAMP")
    if is_try:
        return call("tsql_try_moment", value, kind="TIMESTAMP")
    return to_moment(value)


# What a pattern of FORMAT's stands for, longest first.
_SHAPES = (
    ("yyyy", "%Y"), ("yy", "%y"), ("MMMM", "%B"), ("MMM", "%b"), ("MM", "%m"), ("M", "%-m"),
    ("dddd", "%A"), ("ddd", "%a"), ("dd", "%d"), ("d", "%-d"), ("HH", "%H"), ("H", "%-H"),
    ("hh", "%I"), ("h", "%-I"), ("mm", "%M"), ("m", "%-M"), ("ss", "%S"), ("s", "%-S"),
    ("fff", "%g"), ("tt", "%p"),
)  # fmt: skip
_WHOLE_SHAPES = {
    "d": "M/d/yyyy", "D": "dddd, MMMM d, yyyy", "g": "M/d/yyyy h:mm tt", "t": "h:mm tt",
    "G": "M/d/yyyy h:mm:ss tt", "T": "h:mm:ss tt", "s": "yyyy-MM-ddTHH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ss", "y": "MMMM yyyy", "M": "MMMM d",
}  # fmt: skip


def shaped(value: Node, pattern: str) -> Node:
    """FORMAT of a date, in the words of en-US."""
    pattern = _WHOLE_SHAPES.get(pattern, pattern)
    shapes = dict(_SHAPES)
    wanted = "|".join(re.escape(name) for name, _ in _SHAPES)
    parts = re.findall(rf"'[^']*'|{wanted}|.", pattern, re.DOTALL)
    shape = "".join(
        shapes.get(p) or (p[1:-1] if len(p) > 1 else p).replace("%", "%%") for p in parts
    )
    return call("strftime", to_moment(value), exp.Literal.string(shape), kind="VARCHAR")


def at_time_zone(node: Node) -> Node:
    """The first zone says where the time is, the second carries it over; the clock's reading
    stays a plain time, as it is when it lands in a Date field."""
    zone = _zone(node.args["zone"].name)
    inner = node.this
    known = inner.meta.get("zone")
    if known is None or node.meta.get("starts"):
        made = exp.Paren(this=to_moment(inner))
    else:
        made = exp.Paren(this=_carried(_carried(inner.copy(), known, "UTC"), "UTC", zone))
    made.meta["zone"] = zone
    made.type = exp.DataType.build("TIMESTAMP")
    return made


def _carried(value: Node, start: str | int, end: str | int) -> Node:
    """A clock's reading in one zone as the reading in another, one of which is UTC. A whole
    number is a zone's offset in minutes."""
    if start == end:
        return value
    if isinstance(start, int) or isinstance(end, int):
        minutes = (end if isinstance(end, int) else 0) - (start if isinstance(start, int) else 0)
        span = exp.Interval(this=exp.Literal.string(str(minutes)), unit=exp.var("MINUTE"))
        return exp.Paren(this=exp.Add(this=value, expression=span))
    at = exp.AtTimeZone(this=value, zone=exp.Literal.string(start))
    return exp.Paren(
        this=exp.AtTimeZone(this=exp.Paren(this=at), zone=exp.Literal.string(end))
    )  # fmt: skip


def _zone(name: str) -> str | int:
    """A zone by the name that Windows has for it, or an offset in minutes."""
    if offset := re.fullmatch(r"([+-])(\d\d):([0-5]\d)", name):
        minutes = int(offset[2]) * 60 + int(offset[3])
        return -minutes if offset[1] == "-" else minutes
    zones = {known.lower(): zone for known, zone in _book("zones").items()}
    found = zones.get(name.lower())
    if found is None:
        raise QueryRefused(f"The time zone parameter '{name[:60]}' provided to AT TIME ZONE clause "
                           "is invalid.")  # fmt: skip
    return str(found)
