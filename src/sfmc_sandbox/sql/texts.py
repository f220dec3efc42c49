"""Text: LIKE and PATINDEX, positions, lengths, REPLACE, and FORMAT of numbers."""

from __future__ import annotations

import re

from sqlglot import exp

from sfmc_sandbox.sql.moments import shaped, written
from sfmc_sandbox.sql.nodes import REAL, TEXT, WHOLE, Node, call, cast, is_a
from sfmc_sandbox.sql.refuse import QueryRefused


def as_text(node: Node) -> Node:
    """A value where text is wanted."""
    return node if is_a(node, TEXT) else written(node)


def like(node: Node) -> Node:
    """Upper and lower case are the same; [a-z] is a set of characters."""
    pattern, escape = node.expression, None
    if isinstance(node.parent, exp.Escape):
        escape = node.parent.expression.name
    value = as_text(node.this)
    if isinstance(pattern, exp.Literal) and ("[" in pattern.name or escape):
        regex = exp.Literal.string("^" + like_to_regex(pattern.name, escape) + "$")
        made = call("regexp_matches", value, regex, exp.Literal.string("is"))
    else:
        made = exp.ILike(this=value.copy(), expression=as_text(pattern).copy())
    if node.args.get("negate"):
        made = exp.Paren(this=exp.Not(this=exp.Paren(this=made)))
    made.type = exp.DataType.build("BOOLEAN")
    return made


def escaped(node: Node) -> Node:
    """LIKE … ESCAPE: the pattern has been read with it."""
    return node.this


def like_to_regex(pattern: str, escape: str | None = None) -> str:
    """A LIKE pattern as a regular expression (RE2)."""
    parts = []
    quoted = f"{re.escape(escape)}.|" if escape else ""
    for piece in re.findall(rf"{quoted}\[\^?[^\]]+\]|%|_|.", pattern, re.DOTALL):
        if escape and piece.startswith(escape) and len(piece) == 2:
            parts.append(re.escape(piece[1]))
        elif piece == "%":
            parts.append(".*")
        elif piece == "_":
            parts.append(".")
        elif len(piece) > 1:
            inner = piece[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            parts.append(f"[{inner}]")
        else:
            parts.append(re.escape(piece))
    return "".join(parts)


def pattern_index(pattern: Node, value: Node) -> Node:
    """PATINDEX: where a pattern is first found, counted from 1; 0 when it is not."""
    if not isinstance(pattern, exp.Literal):
        raise QueryRefused("The pattern of PATINDEX must be written out.")
    inner = pattern.name.removeprefix("%")
    regex = ("" if pattern.name.startswith("%") else "^") + like_to_regex(inner.removesuffix("%"))
    if not inner.endswith("%"):
        regex += "$"
    text, options = as_text(value), exp.Literal.string("is")
    found = call("regexp_extract", text, exp.Literal.string(f"(.*?)({regex})"),
                 exp.Literal.number(1), options)  # fmt: skip
    matches = call("regexp_matches", text, exp.Literal.string(regex), options)
    place = exp.Add(this=call("length", found), expression=exp.Literal.number(1))
    missing = exp.If(this=exp.Is(this=text.copy(), expression=exp.Null()), true=exp.Null())
    made = exp.Case(ifs=[missing, exp.If(this=matches, true=place)], default=exp.Literal.number(0))
    made.type = exp.DataType.build("INT")
    return made


def length(node: Node) -> Node:
    """LEN: blanks at the end do not count."""
    return call("tsql_len", as_text(node.this), kind="INT")


def position(node: Node) -> Node:
    """CHARINDEX."""
    needle, hay, start = node.args["substr"], node.this, node.args.get("position")
    if start is None:
        return call("tsql_charindex", as_text(needle), as_text(hay), kind="INT")
    return call("tsql_charindex_from", as_text(needle), as_text(hay), start, kind="INT")


def substring(node: Node) -> Node:
    """SUBSTRING, which may begin before the text does."""
    start, size = node.args.get("start"), node.args.get("length")
    if start is None or size is None:
        return node
    return call("tsql_mid", as_text(node.this), start, size, kind="VARCHAR")


def side(node: Node) -> Node:
    """LEFT, RIGHT, UPPER and others that take text first."""
    node.set("this", as_text(node.this))
    return node


def replace(node: Node) -> Node:
    """REPLACE finds text in whatever case."""
    old, new = as_text(node.expression), as_text(node.args["replacement"])
    if isinstance(old, exp.Literal) and old.name.upper() == old.name.lower() and old.name:
        return exp.Replace(this=as_text(node.this).copy(), expression=old.copy(),
                           replacement=new.copy())  # fmt: skip
    return call("tsql_replace", as_text(node.this), old, new, kind="VARCHAR")


def joined(node: Node) -> Node:
    """CONCAT, CONCAT_WS: everything becomes text."""
    node.set("expressions", [as_text(entry).copy() for entry in node.expressions])
    return node


def formatted(value: Node, pattern: Node) -> Node:
    """FORMAT of a number or a date, in the words of en-US."""
    if not isinstance(pattern, exp.Literal):
        raise QueryRefused("The pattern of FORMAT must be written out.")
    if not is_a(value, WHOLE | REAL):
        return shaped(value, pattern.name)
    text = pattern.name
    standard = re.fullmatch(r"([NnFfPpDd])(\d{0,2})", text)
    if standard and standard[1] in "Dd":
        return call("tsql_digits", value, exp.Literal.number(int(standard[2] or 1)), kind="VARCHAR")
    places = int(standard[2] or 2) if standard else len(text.partition(".")[2])
    has_commas = standard[1] in "NnPp" if standard else "," in text
    if not standard and not re.fullmatch(r"[#,0]*0(\.0+)?", text):
        raise QueryRefused(f"The pattern '{text[:40]}' of FORMAT is not run by the sandbox.")
    is_share = standard is not None and standard[1] in "Pp"
    number = exp.Mul(this=exp.Paren(this=value.copy()),
                     expression=exp.Literal.number(100 if is_share else 1))  # fmt: skip
    shape = "{:" + ("," if has_commas else "") + f".{places}f}}" + (" %" if is_share else "")
    made = call("format", exp.Literal.string(shape), cast(exp.Paren(this=number), "DOUBLE"))
    zeros = len(text.partition(".")[0].replace(",", "").replace("#", ""))
    if not standard and not has_commas and zeros > 1:
        width = exp.Literal.number(zeros + (places + 1 if places else 0))
        return call("lpad", made, width, exp.Literal.string("0"), kind="VARCHAR")
    return call("tsql_same", made, kind="VARCHAR")
