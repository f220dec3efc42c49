"""What a SELECT chooses: groups, distinct rows, ranks, unions. Blanks at the end do not count."""

from __future__ import annotations

from sqlglot import exp

from sfmc_sandbox.sql.nodes import Node, call, is_padded, meet, trimmed
from sfmc_sandbox.sql.refuse import QueryRefused


def distinct(node: Node) -> Node:
    """COUNT(DISTINCT …)."""
    if isinstance(node.parent, exp.AggFunc):
        node.set("expressions", [trimmed(entry) for entry in node.expressions])
    return node


def window(node: Node) -> Node:
    """PARTITION BY and ORDER BY of a window."""
    node.set("partition_by", [trimmed(entry) for entry in node.args.get("partition_by") or []])
    trim_order(node.args.get("order"))
    return node


def trim_order(order: Node) -> None:
    """ORDER BY, where ties matter."""
    for entry in order.expressions if order is not None else ():
        entry.set("this", trimmed(entry.this))


def select(node: Node) -> Node:
    """GROUP BY, DISTINCT and TOP … WITH TIES of a SELECT."""
    _group(node)
    found = node.args.get("distinct")
    if found is not None and any(is_padded(column.unalias()) for column in node.selects):
        # What is padded by its trimmed value, the rest by its place.
        chosen = [
            trimmed(column.unalias()).copy()
            if is_padded(column.unalias())
            else exp.Literal.number(place)
            for place, column in enumerate(node.selects, 1)
        ]
        found.set("on", exp.Tuple(expressions=chosen))
    limit = node.args.get("limit")
    options = limit.args.get("limit_options") if limit is not None else None
    if options is None:
        return node
    is_tied, is_share = bool(options.args.get("with_ties")), bool(options.args.get("percent"))
    if not (is_tied or is_share):
        return node
    return _top(node, limit.expression.copy(), is_tied=is_tied, is_share=is_share)


def _top(node: Node, count: Node, *, is_tied: bool, is_share: bool) -> Node:
    """TOP with ties keeps the rows that rank with the last; a share of the rows is rounded up."""
    order = node.args.get("order")
    if order is None and is_tied:
        raise QueryRefused("The TOP N WITH TIES clause is not allowed without a corresponding "
                           "ORDER BY clause.")  # fmt: skip
    if order is not None:
        order = _over(order, node)
        trim_order(order)
    # A window in a window is not allowed: what is ranked becomes a column of its own first.
    names = [column.output_name for column in node.selects]
    node.set("limit", None)
    node.set("order", None)
    for place, entry in enumerate(order.expressions if order is not None else ()):
        node.append("expressions", exp.alias_(entry.this.copy(), f"tsql_tie_{place}"))
        entry.set("this", exp.column(f"tsql_tie_{place}"))
    if is_share:
        every = exp.Window(this=exp.Count(this=exp.Star()))
        share = exp.Mul(this=every, expression=exp.Paren(this=count))
        count = call("ceil", exp.Div(this=share, expression=exp.Literal.number("100.0")))
    rank = exp.Window(this=call("rank" if is_tied else "row_number"), order=order)
    inner = exp.Subquery(this=node.copy(), alias=exp.TableAlias(this=exp.to_identifier("top_rows")))
    made = exp.select(*(exp.column(name, quoted=True) for name in names)).from_(inner)
    made.set("qualify", exp.Qualify(this=exp.LTE(this=rank, expression=count)))
    return made.order_by(*order.copy().expressions) if order is not None else made


def _over(order: Node, select: Node) -> Node:
    """The ORDER BY for a window: the columns' expressions instead of their new names."""
    made = order.copy()
    named = {column.alias_or_name: column.unalias() for column in select.selects}
    for column in list(made.find_all(exp.Column)):
        if not column.table and column.name in named:
            column.replace(named[column.name].copy())
    return made


def _group(node: Node) -> None:
    """Groups are made of trimmed values; what is shown is one of the group's own."""
    group = node.args.get("group")
    if group is None:
        return
    if group.args.get("rollup") and not group.args["rollup"][0].expressions:
        # … WITH ROLLUP, as older queries have it.
        keys = [entry.copy() for entry in group.expressions]
        group.set("expressions", [exp.Rollup(expressions=keys)])
        group.set("rollup", None)
    sets = [e for e in group.expressions if isinstance(e, (exp.Rollup, exp.Cube, exp.GroupingSets))]
    for holder in sets:
        for key in [k for k in holder.find_all(exp.Column) if is_padded(k)]:
            _show(node, key, is_plain=False)
            key.replace(trimmed(key))
    for key in [e for e in group.expressions if is_padded(e)]:
        _show(node, key, is_plain=not sets)
        key.replace(trimmed(key))


def _show(select: Node, key: Node, *, is_plain: bool) -> None:
    """Puts a group's value in the place of its key wherever the SELECT shows it."""
    parts = [*select.expressions, select.args.get("having"), select.args.get("order")]
    for part in [p for p in parts if p is not None]:
        for found in [n for n in part.walk() if n == key]:
            if found.find_ancestor(exp.AggFunc, exp.Select, exp.Window) not in {None, select}:
                continue
            made = exp.AnyValue(this=key.copy()) if is_plain else trimmed(key).copy()
            made.type = key.type
            if found is part:
                part.replace(made)
            else:
                found.replace(made)


def set_operation(node: Node) -> Node:
    """UNION, INTERSECT, EXCEPT: columns meet in one type; rows that differ in blanks are the
    same, and shown without them."""
    if isinstance(node.parent, exp.SetOperation):
        return node
    leaves = _leaves(node)
    width = min(len(leaf.selects) for leaf in leaves)
    for place in range(width):
        values = meet([leaf.selects[place].unalias() for leaf in leaves])
        for leaf, value in zip(leaves, values, strict=True):
            _put(leaf, place, value)
    is_distinct = any(n.args.get("distinct") for n in node.find_all(exp.SetOperation))
    if is_distinct:
        for leaf in leaves:
            trim_columns(leaf)
    return node


def _leaves(node: Node) -> list[Node]:
    if isinstance(node, exp.SetOperation):
        return [*_leaves(node.left), *_leaves(node.right)]
    if isinstance(node, exp.Subquery):
        return _leaves(node.this)
    return [node]


def trim_columns(query: Node) -> None:
    """The columns that a query gives, without blanks at their ends."""
    for leaf in _leaves(query):
        for place, column in enumerate(leaf.selects):
            _put(leaf, place, trimmed(column.unalias()))


def _put(select: Node, place: int, value: Node) -> None:
    column = select.selects[place]
    if column.unalias() is value:
        return
    named = exp.alias_(value.copy(), column.output_name, quoted=True)
    named.type = value.type
    column.replace(named)
