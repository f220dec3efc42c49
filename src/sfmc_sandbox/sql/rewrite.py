"""Nodes of a typed T-SQL tree that mean something else in DuckDB, each by its own small rule."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from sfmc_sandbox.rows import read_date
from sfmc_sandbox.sql.refuse import QueryRefused

if TYPE_CHECKING:
    from collections.abc import Callable

Node = Any  # a node of sqlglot's tree, whose classes its stubs describe loosely
_TEXT = exp.DataType.TEXT_TYPES
_WHOLE = exp.DataType.INTEGER_TYPES | {exp.DataType.Type.BIT}
_REAL = exp.DataType.REAL_TYPES
_TIME = exp.DataType.TEMPORAL_TYPES


@cache
def _styles() -> dict[int, str]:
    text = (files("sfmc_sandbox") / "sql" / "styles.toml").read_text(encoding="utf-8")
    return {int(number): shape for number, shape in tomllib.loads(text)["styles"].items()}


def rewrite(query: Node) -> Node:
    """The tree in DuckDB's terms. Children come before their parents. Raises QueryRefused."""
    for node in query.find_all(exp.Func):
        # Whatever else sqlglot knows could be a door of DuckDB's: files, settings, extensions.
        if not isinstance(node, _KNOWN):
            raise QueryRefused(
                f"'{node.sql_name().lower()}' is not a recognized built-in function name."
            )
    for node in reversed(list(query.walk(bfs=False))):
        rule = _RULES.get(type(node))
        made = rule(node) if rule else node
        if made is not node:
            made.type = node.type if made.type is None else made.type
            if node is query:
                query = made
            else:
                node.replace(made)
    return query


def _is(node: Node, kinds: set[Any]) -> bool:
    return node is not None and node.type is not None and node.type.this in kinds


def _call(name: str, *arguments: Node) -> Node:
    return exp.Anonymous(this=name, expressions=[a.copy() for a in arguments])


def _add(node: Node) -> Node:
    """Text + text joins (NULL stays NULL); a date and a number counts days."""
    left, right = node.this, node.expression
    if _is(left, _TEXT) and _is(right, _TEXT):
        return exp.DPipe(this=left.copy(), expression=right.copy())
    # A number wins over text, as in SQL Server: '1' + 2 is 3.
    if isinstance(node, exp.Add) and (_is(left, _TEXT) != _is(right, _TEXT)):
        parts = [
            exp.cast(side.copy(), "BIGINT") if _is(side, _TEXT) else side.copy()
            for side in (left, right)
        ]
        if not any(_is(side, _TIME) for side in (left, right)):
            return exp.Add(this=parts[0], expression=parts[1])
    if _is(left, _TIME) and (_is(right, _WHOLE) or _is(right, _REAL)):
        days = exp.Interval(this=exp.Paren(this=right.copy()), unit=exp.var("DAY"))
        made = type(node)(this=exp.cast(left.copy(), "TIMESTAMP"), expression=days)
        made.type = left.type
        return made
    return node


def _divide(node: Node) -> Node:
    whole = _is(node.this, _WHOLE) and _is(node.expression, _WHOLE)
    return _call("tsql_idiv" if whole else "tsql_div", node.this, node.expression)


def _average(node: Node) -> Node:
    """The average of whole numbers is a whole number."""
    if not _is(node.this, _WHOLE):
        return node
    return exp.cast(exp.Anonymous(this="trunc", expressions=[node.copy()]), "BIGINT")


def _length(node: Node) -> Node:
    return _call("tsql_len", node.this)


def _position(node: Node) -> Node:
    needle, hay, start = node.args["substr"], node.this, node.args.get("position")
    if start is None:
        return _call("tsql_charindex", needle, hay)
    return _call("tsql_charindex_from", needle, hay, start)


def _substring(node: Node) -> Node:
    start, length = node.args.get("start"), node.args.get("length")
    if start is None or length is None:
        return node
    return _call("tsql_mid", node.this, start, length)


def _round(node: Node) -> Node:
    """A third argument other than 0 cuts instead of rounding."""
    cut = node.args.get("truncate")
    digits = node.args.get("decimals") or exp.Literal.number(0)
    if cut is not None and cut.name != "0":
        power = exp.Anonymous(this="pow", expressions=[exp.Literal.number(10), digits.copy()])
        scaled = exp.Mul(this=exp.Paren(this=node.this.copy()), expression=power)
        cutted = exp.Anonymous(this="trunc", expressions=[scaled])
        return exp.Div(this=cutted, expression=power.copy())
    return exp.Round(this=node.this.copy(), decimals=digits.copy())


def _extract(node: Node) -> Node:
    unit = node.this.name.lower()
    value = exp.cast(node.expression.copy(), "TIMESTAMP")
    if unit in {"dayofweek", "weekday", "dw"}:
        day = exp.Extract(this=exp.var("dow"), expression=value)
        return exp.Paren(this=exp.Add(this=day, expression=exp.Literal.number(1)))
    if unit in {"week", "wk", "ww"}:
        return exp.Anonymous(this="tsql_week", expressions=[value])
    unit = {"iso_week": "week", "isoweek": "week", "isowk": "week", "dy": "doy",
            "dayofyear": "doy"}.get(unit, unit)  # fmt: skip
    return exp.Extract(this=exp.var(unit), expression=value)


# The short names of DATEADD's and DATEDIFF's units that the reader leaves as they are.
_UNITS = {
    "mi": "MINUTE", "n": "MINUTE", "wk": "WEEK", "ww": "WEEK", "ss": "SECOND", "s": "SECOND",
    "ms": "MILLISECOND", "hh": "HOUR", "dd": "DAY", "d": "DAY", "dy": "DAY", "y": "DAY",
    "mm": "MONTH", "m": "MONTH", "qq": "QUARTER", "q": "QUARTER", "yy": "YEAR", "yyyy": "YEAR",
}  # fmt: skip


def _spell_unit(node: Node) -> None:
    name = (node.text("unit") or "").lower()
    if name in _UNITS:
        node.set("unit", exp.var(_UNITS[name]))


def _date_diff(node: Node) -> Node:
    _spell_unit(node)
    if (node.text("unit") or "").lower() in {"week", "wk", "ww"}:
        return _call("tsql_weeks", node.expression, node.this)
    return node


def _date_add(node: Node) -> Node:
    _spell_unit(node)
    node.set("this", exp.cast(node.this.copy(), "TIMESTAMP"))
    return node


def _cast(node: Node) -> Node:
    target, value = node.args["to"], node.this
    style = node.meta.get("style")
    if style is None and target.this in _TIME and isinstance(value, exp.Literal):
        return type(node)(this=exp.Literal.string(_iso(value.name)), to=target.copy())
    is_try = isinstance(node, exp.TryCast)
    if target.this in _TEXT:
        return _to_text(value, target, style)
    if target.this in _TIME and _is(value, _TEXT) and style in _styles() and not is_try:
        shape = exp.Literal.string(_styles()[style])
        read = exp.Anonymous(this="strptime", expressions=[value.copy(), shape])
        return exp.cast(read, target.copy())
    if target.this in _WHOLE - {exp.DataType.Type.BIT} and _is(value, _REAL | {_DECIMAL}):
        cut = exp.Anonymous(this="trunc", expressions=[value.copy()])
        return exp.cast(cut, target.copy())
    if target.this == exp.DataType.Type.BIT:
        return exp.cast(value.copy(), "BOOLEAN")
    return node


_DECIMAL = exp.DataType.Type.DECIMAL


def _to_text(value: Node, target: Node, style: int | None) -> Node:
    """Dates by style; text is cut at the length, which is 30 where none is said."""
    if _is(value, _TIME):
        is_day = value.type is not None and value.type.this == exp.DataType.Type.DATE
        number = style if style is not None else (23 if is_day else 0)
        stamp = exp.cast(value.copy(), "TIMESTAMP")
        if number in {0, 100}:
            made: Node = exp.Anonymous(this="tsql_style0", expressions=[stamp])
        elif number in _styles():
            shape = exp.Literal.string(_styles()[number])
            made = exp.Anonymous(this="strftime", expressions=[stamp, shape])
        else:
            raise QueryRefused(f"{number} is not a valid style number when converting from "
                               "datetime to a character string.")  # fmt: skip
    else:
        made = exp.cast(value.copy(), "TEXT")
    size = target.expressions[0].name if target.expressions else "30"
    # TEXT has no length; the reader itself puts such a cast around what LEFT and RIGHT cut.
    if size.upper() == "MAX" or target.this == exp.DataType.Type.TEXT:
        return made
    return exp.Anonymous(this="left", expressions=[made, exp.Literal.number(size)])


def _compare(node: Node) -> Node:
    """A date written as in the United States is a date beside a date."""
    for name, other in (("this", "expression"), ("expression", "this"), ("low", "this"),
                        ("high", "this")):  # fmt: skip
        literal, beside = node.args.get(name), node.args.get(other)
        if isinstance(literal, exp.Literal) and literal.is_string and _is(beside, _TIME):
            node.set(name, exp.Literal.string(_iso(literal.name)))
    return node


def _iso(text: str) -> str:
    try:
        return read_date(text).isoformat(sep=" ")
    except ValueError:
        return text


def _is_null(node: Node) -> Node:
    """ISNULL takes its first argument's type."""
    first, rest = node.this, node.expressions
    if node.args.get("is_null") and rest and first.type and not _is(rest[0], {first.type.this}):
        if first.type.this in {exp.DataType.Type.UNKNOWN, exp.DataType.Type.NULL}:
            return node
        kind = "VARCHAR" if _is(first, _TEXT) else first.type.sql("duckdb")
        node.set("expressions", [exp.cast(rest[0].copy(), kind)])
    return node


def _like(node: Node) -> Node:
    """Upper and lower case are the same; [a-z] is a set of characters."""
    pattern = node.expression
    if isinstance(pattern, exp.Literal) and "[" in pattern.name:
        regex = exp.Literal.string("^" + like_to_regex(pattern.name) + "$")
        options = exp.Literal.string("is")
        value = exp.cast(node.this.copy(), "TEXT")
        return exp.Anonymous(this="regexp_matches", expressions=[value, regex, options])
    value = node.this.copy() if _is(node.this, _TEXT) else exp.cast(node.this.copy(), "TEXT")
    return exp.ILike(this=value, expression=pattern.copy())


def like_to_regex(pattern: str) -> str:
    """A LIKE pattern as a regular expression (RE2)."""
    parts = []
    for piece in re.findall(r"\[\^?[^\]]+\]|%|_|.", pattern, re.DOTALL):
        if piece == "%":
            parts.append(".*")
        elif piece == "_":
            parts.append(".")
        elif len(piece) > 1:
            inner = piece[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            parts.append(f"[{inner}]")
        else:
            parts.append(re.escape(piece))
    return "".join(parts)


def _anonymous(node: Node) -> Node:
    name, arguments = node.name.upper(), node.expressions
    if name == "PATINDEX" and len(arguments) == 2 and isinstance(arguments[0], exp.Literal):
        return _pattern_index(arguments[0].name, arguments[1])
    if name in {"LEN"}:
        return _call("tsql_len", *arguments)
    if name.startswith("TSQL_") or name in {"STRFTIME", "STRPTIME", "LEFT", "TRUNC", "POW"}:
        return node
    raise QueryRefused(f"'{node.name}' is not a recognized built-in function name.")


def _pattern_index(pattern: str, value: Node) -> Node:
    inner = pattern.removeprefix("%")
    regex = ("" if pattern.startswith("%") else "^") + like_to_regex(inner.removesuffix("%"))
    if not inner.endswith("%"):
        regex += "$"
    text = exp.cast(value.copy(), "TEXT")
    found = exp.Anonymous(
        this="regexp_extract",
        expressions=[text, exp.Literal.string(f"(.*?)({regex})"), exp.Literal.number(1),
                     exp.Literal.string("is")],
    )  # fmt: skip
    matches = exp.Anonymous(
        this="regexp_matches",
        expressions=[text.copy(), exp.Literal.string(regex), exp.Literal.string("is")],
    )
    place = exp.Add(this=exp.Anonymous(this="length", expressions=[found]),
                    expression=exp.Literal.number(1))  # fmt: skip
    return exp.Case(ifs=[exp.If(this=matches, true=place)], default=exp.Literal.number(0))


def _at_time_zone(node: Node) -> Node:
    """The first zone says where the time is, the second carries it over; the clock's reading
    stays a plain time, as it is when it lands in a Date field."""
    zone = node.args["zone"].name
    name = _zone(zone)
    inner = node.this
    known = inner.meta.get("zone")
    if known is None or node.meta.get("starts"):
        made = exp.Paren(this=exp.cast(inner.copy(), "TIMESTAMP"))
    else:
        start = exp.AtTimeZone(this=inner.copy(), zone=exp.Literal.string(known))
        made = exp.Paren(
            this=exp.AtTimeZone(this=exp.Paren(this=start), zone=exp.Literal.string(name))
        )
    made.meta["zone"] = name
    made.type = exp.DataType.build("TIMESTAMP")
    return made


def _zone(name: str) -> str:
    from sfmc_sandbox.sql.translate import zones

    if offset := re.fullmatch(r"([+-])(\d\d):00", name):
        sign = "-" if offset.group(1) == "+" else "+"  # POSIX counts westward
        return f"Etc/GMT{sign}{int(offset.group(2))}"
    found = zones().get(name.lower())
    if found is None:
        raise QueryRefused(f"The time zone parameter '{name[:60]}' provided to AT TIME ZONE clause "
                           "is invalid.")  # fmt: skip
    return found


def _select(node: Node) -> Node:
    """TOP … WITH TIES keeps the rows that rank with the last."""
    limit, order = node.args.get("limit"), node.args.get("order")
    options = limit.args.get("limit_options") if limit is not None else None
    if options is None or limit is None:
        return node
    if options.args.get("percent"):
        return node
    if not options.args.get("with_ties"):
        return node
    if order is None:
        raise QueryRefused("The TOP N WITH TIES clause is not allowed without a corresponding "
                           "ORDER BY clause.")  # fmt: skip
    rank = exp.Window(this=exp.Anonymous(this="rank"), order=_over(order, node))
    node.set("qualify", exp.Qualify(this=exp.LTE(this=rank, expression=limit.expression.copy())))
    node.set("limit", None)
    return node


def _over(order: Node, select: Node) -> Node:
    """The ORDER BY for a window: the columns' expressions instead of their new names."""
    made = order.copy()
    named = {column.alias_or_name: column.unalias() for column in select.selects}
    for column in list(made.find_all(exp.Column)):
        if not column.table and column.name in named:
            column.replace(named[column.name].copy())
    return made


# The functions of fact sheet section 6, as sqlglot calls them, and what it makes of them itself.
_KNOWN = (
    exp.Abs, exp.Chr, exp.ConcatWs, exp.GroupConcat, exp.LastDay, exp.MD5, exp.Pow, exp.Repeat,
    exp.SHA2, exp.Sign, exp.Space, exp.Sqrt,
    exp.And, exp.Anonymous, exp.Avg, exp.Case, exp.Cast, exp.Ceil, exp.Coalesce,
    exp.Concat, exp.Count, exp.CurrentTimestamp, exp.DateAdd, exp.DateDiff, exp.DateFromParts,
    exp.DateTrunc, exp.Day, exp.DenseRank, exp.Exists, exp.Extract, exp.FirstValue, exp.Floor,
    exp.If, exp.Lag, exp.LastValue, exp.Lead, exp.Left, exp.Length, exp.Lower, exp.Max, exp.Min,
    exp.Month, exp.Not, exp.Nullif, exp.Or, exp.Rank, exp.Replace, exp.Right, exp.Round,
    exp.RowNumber, exp.Stddev, exp.StrPosition, exp.Substring, exp.Sum, exp.TimeStrToTime,
    exp.TimeToStr, exp.TimestampFromParts, exp.Trim, exp.TryCast, exp.TsOrDsToDate, exp.Upper,
    exp.Uuid, exp.Year,
)  # fmt: skip
_RULES: dict[type[Any], Callable[[Node], Node]] = {
    exp.Add: _add,
    exp.Sub: _add,
    exp.Div: _divide,
    exp.Avg: _average,
    exp.Length: _length,
    exp.StrPosition: _position,
    exp.Substring: _substring,
    exp.Round: _round,
    exp.Extract: _extract,
    exp.DateDiff: _date_diff,
    exp.DateAdd: _date_add,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Coalesce: _is_null,
    exp.Like: _like,
    exp.Anonymous: _anonymous,
    exp.AtTimeZone: _at_time_zone,
    exp.Select: _select,
    exp.EQ: _compare,
    exp.NEQ: _compare,
    exp.GT: _compare,
    exp.GTE: _compare,
    exp.LT: _compare,
    exp.LTE: _compare,
    exp.Between: _compare,
}
