"""Nodes of a typed T-SQL tree that mean something else in DuckDB, each by its own small rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from sfmc_sandbox.sql import choosing, comparing, moments, texts
from sfmc_sandbox.sql.nodes import (
    BIT,
    REAL,
    TEXT,
    TIME,
    WHOLE,
    Node,
    call,
    cast,
    is_a,
    meet,
    to_moment,
    to_whole,
)
from sfmc_sandbox.sql.refuse import QueryRefused

if TYPE_CHECKING:
    from collections.abc import Callable


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


def _add(node: Node) -> Node:
    """Text + text joins (NULL stays NULL); a date and a number counts days."""
    left, right = node.this, node.expression
    if is_a(left, TEXT) and is_a(right, TEXT):
        if isinstance(node, exp.Add):
            return exp.DPipe(this=left.copy(), expression=right.copy())
        return node
    if is_a(left, TIME) and is_a(right, WHOLE | REAL):
        return moments.days_later(node)
    if any(is_a(side, TIME) for side in (left, right)):
        return node
    return _number(node)


def _number(node: Node) -> Node:
    """A number wins over text, as in SQL Server: '1' + 2 is 3."""
    left, right = meet([node.this, node.expression])
    node.set("this", left)
    node.set("expression", right)
    return node


def _divide(node: Node) -> Node:
    node = _number(node)
    whole = is_a(node.this, WHOLE) and is_a(node.expression, WHOLE)
    return call("tsql_idiv" if whole else "tsql_div", node.this, node.expression)


def _modulo(node: Node) -> Node:
    node = _number(node)
    return call("tsql_mod", node.this, node.expression)


def _average(node: Node) -> Node:
    """The average of whole numbers is a whole number."""
    if not is_a(node.this, WHOLE):
        return node
    return cast(call("trunc", node), "BIGINT")


def _round(node: Node) -> Node:
    """A third argument other than 0 cuts instead of rounding."""
    cut = node.args.get("truncate")
    digits = node.args.get("decimals") or exp.Literal.number(0)
    if cut is not None and cut.name != "0":
        power = call("pow", exp.Literal.number(10), digits)
        scaled = exp.Mul(this=exp.Paren(this=node.this.copy()), expression=power)
        return exp.Div(this=call("trunc", scaled), expression=power.copy())
    return exp.Round(this=node.this.copy(), decimals=digits.copy())


def _cast(node: Node) -> Node:
    target, value = node.args["to"], node.this
    if target.this in TEXT:
        # TEXT has no length; the reader wraps LEN's and LEFT's values in it.
        size = (
            target.expressions[0].name
            if target.expressions
            else ("MAX" if target.this == exp.DataType.Type.TEXT else "30")
        )
        made = moments.written(value, node.meta.get("style"))
        if size.upper() == "MAX":
            return made
        return call("left", made, exp.Literal.number(size))
    if target.this in TIME:
        return _to_time(node, target, value)
    is_try = isinstance(node, exp.TryCast)
    if target.this == BIT:
        return type(node)(this=value.copy(), to=exp.DataType.build("BOOLEAN"))
    if target.this in WHOLE and is_a(value, TEXT):
        made = call("tsql_try_int", value) if is_try else to_whole(value)
        return type(node)(this=made, to=target.copy())
    if target.this in WHOLE and is_a(value, REAL):
        return exp.cast(call("trunc", value), target.copy())
    return node


def _to_time(node: Node, target: Node, value: Node) -> Node:
    style, is_try = node.meta.get("style"), isinstance(node, exp.TryCast)
    if is_a(value, TEXT) and (style in moments.styles() or is_try):
        made = moments.read(value, style, is_try=is_try)
    elif is_a(value, TEXT | WHOLE | REAL):
        made = to_moment(value)
    else:
        return node
    return exp.cast(made, target.copy())


def _coalesce(node: Node) -> Node:
    """COALESCE takes the type its values have together, ISNULL its first argument's."""
    values = [node.this, *node.expressions]
    if not node.args.get("is_null"):
        first, *rest = meet(values)
    else:
        first, rest = node.this, node.expressions
        if rest and first.type and first.type.this not in _UNTYPED:
            rest = [_as_first(first, rest[0])]
    node.set("this", first)
    node.set("expressions", rest)
    return node


_UNTYPED = {exp.DataType.Type.UNKNOWN, exp.DataType.Type.NULL}


def _as_first(first: Node, other: Node) -> Node:
    if is_a(first, TEXT):
        made = texts.as_text(other)
        size = first.type.expressions[0].name if first.type.expressions else "MAX"
        return made if size.upper() == "MAX" else call("left", made, exp.Literal.number(size))
    if is_a(first, TIME):
        return to_moment(other)
    if is_a(first, WHOLE - {BIT}) and is_a(other, TEXT):
        return to_whole(other)
    if is_a(other, {first.type.this}):
        return other
    return cast(other, "BOOLEAN" if is_a(first, {BIT}) else first.type.sql("duckdb"))


def _anonymous(node: Node) -> Node:
    name, given = node.name.upper(), node.expressions
    if name == "PATINDEX" and len(given) == 2:
        return texts.pattern_index(given[0], given[1])
    if name == "FORMAT" and len(given) in {2, 3}:
        return texts.formatted(given[0], given[1])
    if name == "DATENAME" and len(given) == 2:
        return moments.part_name(given[0].name, given[1])
    if name in _OWN:
        return call(f"tsql_{name.lower()}", *(texts.as_text(value) for value in given))
    if name.startswith("TSQL_") or name in _OURS:
        return node
    raise QueryRefused(f"'{node.name}' is not a recognized built-in function name.")


# Functions that sqlglot has no node for, with the types of what they give; and DuckDB's own, which
# only our rules call.
_OWN = {"DATALENGTH": "INT", "ISDATE": "INT", "ISNUMERIC": "INT", "QUOTENAME": "VARCHAR"}
GIVES = {**_OWN, "PATINDEX": "INT", "FORMAT": "VARCHAR", "DATENAME": "VARCHAR"}
_OURS = {
    "STRFTIME", "STRPTIME", "TRY_STRPTIME", "LEFT", "TRUNC", "POW", "LPAD", "LENGTH",
    "TO_MICROSECONDS", "REGEXP_EXTRACT", "REGEXP_MATCHES",
}  # fmt: skip


def _stuff(node: Node) -> Node:
    value = texts.as_text(node.this)
    given = [node.args["start"], node.args["length"], texts.as_text(node.expression)]
    return call("tsql_stuff", value, *given, kind="VARCHAR")


# The functions of fact sheet section 6, as sqlglot calls them, and what it makes of them itself.
_KNOWN = (
    exp.Abs, exp.Ascii, exp.Chr, exp.ConcatWs, exp.GroupConcat, exp.LastDay, exp.MD5, exp.Pow,
    exp.Repeat, exp.Reverse, exp.SHA2, exp.Sign, exp.Space, exp.Sqrt, exp.Stuff,
    exp.And, exp.Anonymous, exp.Avg, exp.Case, exp.Cast, exp.Ceil, exp.Coalesce,
    exp.Concat, exp.Count, exp.CurrentTimestamp, exp.DateAdd, exp.DateDiff, exp.DateFromParts,
    exp.DateTrunc, exp.Day, exp.DenseRank, exp.Exists, exp.Extract, exp.FirstValue, exp.Floor,
    exp.If, exp.Lag, exp.LastValue, exp.Lead, exp.Left, exp.Length, exp.Lower, exp.Max, exp.Min,
    exp.Month, exp.Not, exp.Nullif, exp.Or, exp.Rank, exp.Replace, exp.Right, exp.Round,
    exp.RowNumber, exp.Stddev, exp.StrPosition, exp.Substring, exp.Sum, exp.TimeStrToTime,
    exp.TimestampFromParts, exp.Trim, exp.TryCast, exp.TsOrDsToDate, exp.Upper,
    exp.Uuid, exp.Year,
)  # fmt: skip
_RULES: dict[type[Any], Callable[[Node], Node]] = {
    exp.Add: _add,
    exp.Sub: _add,
    exp.Mul: _number,
    exp.Div: _divide,
    exp.Mod: _modulo,
    exp.Avg: _average,
    exp.Round: _round,
    exp.Length: texts.length,
    exp.StrPosition: texts.position,
    exp.Substring: texts.substring,
    exp.Left: texts.side,
    exp.Right: texts.side,
    exp.Upper: texts.side,
    exp.Lower: texts.side,
    exp.Reverse: texts.side,
    exp.Trim: texts.side,
    exp.Replace: texts.replace,
    exp.Concat: texts.joined,
    exp.ConcatWs: texts.joined,
    exp.Like: texts.like,
    exp.Escape: texts.escaped,
    exp.Stuff: _stuff,
    exp.Extract: moments.part,
    exp.DateDiff: moments.difference,
    exp.DateAdd: moments.addition,
    exp.AtTimeZone: moments.at_time_zone,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Coalesce: _coalesce,
    exp.Anonymous: _anonymous,
    exp.Select: choosing.select,
    exp.Case: comparing.case,
    exp.If: comparing.choose,
    exp.Nullif: comparing.null_if,
    exp.In: comparing.within,
    exp.Between: comparing.compare,
    exp.Distinct: choosing.distinct,
    exp.Window: choosing.window,
    exp.Union: choosing.set_operation,
    exp.Except: choosing.set_operation,
    exp.Intersect: choosing.set_operation,
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), comparing.compare),
}
