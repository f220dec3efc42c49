"""What a node of a typed T-SQL tree is, and how one type becomes another as SQL Server does it.

Of two types that meet, text yields to a number and both yield to a date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from sfmc_sandbox.rows import read_date

if TYPE_CHECKING:
    from collections.abc import Sequence

Node = Any  # a node of sqlglot's tree, whose classes its stubs describe loosely
_Kind = exp.DataType.Type
BIT, DECIMAL, DATE = _Kind.BIT, _Kind.DECIMAL, _Kind.DATE
TEXT = exp.DataType.TEXT_TYPES
WHOLE = exp.DataType.INTEGER_TYPES
REAL = exp.DataType.REAL_TYPES
TIME = exp.DataType.TEMPORAL_TYPES
_CLEAN = "clean"  # mark of a column whose text has no blanks at its end


def is_a(node: Node, kinds: set[Any]) -> bool:
    """Whether a node's type is known and one of these."""
    return node is not None and node.type is not None and node.type.this in kinds


def call(name: str, *arguments: Node, kind: str | None = None) -> Node:
    """A call of a function of DuckDB's or ours, of a type that is said."""
    made = exp.Anonymous(this=name, expressions=[a.copy() for a in arguments])
    if kind is not None:
        made.type = exp.DataType.build(kind)
    return made


def cast(node: Node, kind: str) -> Node:
    """A cast whose type is known to whoever asks."""
    made = exp.cast(node.copy(), kind)
    made.type = exp.DataType.build(kind)
    return made


def iso(text: str) -> str:
    """A date as ISO writes it, where it can be read as one; empty text is the first day of 1900."""
    if not text.strip():
        return "1900-01-01"
    try:
        return read_date(text.strip()).isoformat(sep=" ")
    except ValueError:
        return text


def to_moment(node: Node) -> Node:
    """A date and time; a number counts days from 1900 on."""
    if isinstance(node, exp.Literal) and node.is_string:
        return cast(exp.Literal.string(iso(node.name)), "TIMESTAMP")
    if is_a(node, TEXT):
        return call("tsql_moment", node, kind="TIMESTAMP")
    if is_a(node, WHOLE | REAL):
        return call("tsql_day0", node, kind="TIMESTAMP")
    return cast(node, "TIMESTAMP")


def to_whole(node: Node) -> Node:
    """A whole number out of text; blank text is 0."""
    return call("tsql_int", node, kind="BIGINT")


def meet(nodes: Sequence[Node]) -> list[Node]:
    """Values of different types as the one type they have together; others stay as they are."""
    if any(is_a(node, TIME) for node in nodes):
        return [to_moment(n) if is_a(n, TEXT | WHOLE | REAL) else n for n in nodes]
    if any(is_a(node, REAL) for node in nodes):
        return [cast(n, "DOUBLE") if is_a(n, TEXT) else n for n in nodes]
    if any(is_a(node, WHOLE - {BIT}) for node in nodes):
        made = [to_whole(n) if is_a(n, TEXT) else n for n in nodes]
        return [cast(n, "INT") if is_a(n, {BIT}) else n for n in made]
    if any(is_a(node, {BIT}) for node in nodes):
        return [cast(n, "BOOLEAN") if is_a(n, TEXT) else n for n in nodes]
    return list(nodes)


def mark_clean(column: Node) -> None:
    """Notes that a column's text never ends in blanks."""
    column.meta[_CLEAN] = True


def is_padded(node: Node) -> bool:
    """Whether a node is text that may end in blanks, which no comparison minds."""
    if not is_a(node, TEXT):
        return False
    if isinstance(node, exp.Literal):
        return bool(node.name.endswith(" "))
    return not (isinstance(node, exp.Column) and node.meta.get(_CLEAN))


def trimmed(node: Node) -> Node:
    """A node as comparisons see it."""
    if not is_padded(node):
        return node
    if isinstance(node, exp.Literal):
        made = exp.Literal.string(node.name.rstrip(" "))
        made.type = node.type
        return made
    return call("tsql_rtrim", node, kind="VARCHAR")
