"""Comparisons: types meet, upper and lower case are the same, blanks at the end do not count."""

from __future__ import annotations

from sqlglot import exp

from sfmc_sandbox.sql.choosing import trim_columns
from sfmc_sandbox.sql.nodes import TEXT, Node, is_a, meet, trimmed


def compare(node: Node) -> Node:
    """`a = b` and its kin; BETWEEN."""
    names = [name for name in ("this", "expression", "low", "high") if node.args.get(name)]
    values = meet([node.args[name] for name in names])
    for name, value in zip(names, values, strict=True):
        node.set(name, trimmed(value))
    return node


def within(node: Node) -> Node:
    """`a IN (…)`."""
    query = node.args.get("query")
    if query is not None:
        select = query.this if isinstance(query, exp.Subquery) else query
        if is_a(node.this, TEXT):
            node.set("this", trimmed(node.this))
        if isinstance(select, exp.Query):
            trim_columns(select)
        return node
    first, *rest = (trimmed(value) for value in meet([node.this, *node.expressions]))
    node.set("this", first)
    node.set("expressions", rest)
    return node


def case(node: Node) -> Node:
    """CASE with a value, CASE with conditions: what is compared meets, and so do the results."""
    branches = node.args["ifs"]
    if node.this is not None:
        first, *rest = (trimmed(v) for v in meet([node.this, *(b.this for b in branches)]))
        node.set("this", first)
        for branch, value in zip(branches, rest, strict=True):
            branch.set("this", value)
    default = node.args.get("default")
    results = [branch.args["true"] for branch in branches] + ([default] if default else [])
    for branch, value in zip(branches, meet(results), strict=False):
        branch.set("true", value)
    if default:
        node.set("default", meet(results)[-1])
    return node


def choose(node: Node) -> Node:
    """IIF; a branch of CASE is no IIF."""
    if isinstance(node.parent, exp.Case):
        return node
    names = [name for name in ("true", "false") if node.args.get(name)]
    for name, value in zip(names, meet([node.args[name] for name in names]), strict=True):
        node.set(name, value)
    return node


def null_if(node: Node) -> Node:
    """NULLIF compares and gives back its first value as it is."""
    left, right = (trimmed(value).copy() for value in meet([node.this, node.expression]))
    if not is_a(node.this, TEXT):
        return node
    same = exp.EQ(this=left, expression=right)
    made = exp.Case(ifs=[exp.If(this=same, true=exp.Null())], default=node.this.copy())
    made.type = node.this.type
    return made
