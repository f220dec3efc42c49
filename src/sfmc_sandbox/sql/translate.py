"""T-SQL into DuckDB: names resolved for the unit, then what the two dialects mean differently."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from sfmc_sandbox.sql.nodes import mark_clean
from sfmc_sandbox.sql.refuse import QueryRefused, read_query
from sfmc_sandbox.sql.rewrite import GIVES, rewrite

if TYPE_CHECKING:
    from datetime import datetime

# Name of a database table or view, and its columns with T-SQL types; None when there is none.
Resolver = Callable[[str, bool], "tuple[str, dict[str, str]] | None"]
_REPLIES = {"smtpbouncereason", "smtpmessage"}
_UNRESOLVED = re.compile(r"Column '\"?([^'\"]+)\"?'? could not be resolved")


def translate(text: str, resolve: Resolver, *, now: datetime) -> Any:
    """The query in DuckDB's terms. `now`: Marketing Cloud's clock. Raises QueryRefused."""
    query: Any = read_query(text)
    schema: dict[str, object] = {}
    for table in list(query.find_all(exp.Table)):
        _resolve(table, resolve, schema)
    for node in reversed(list(query.walk())):  # children first: a call may hold another
        made = _prepare(node, now)
        if made is not node:
            node.replace(made)
    for select in list(query.find_all(exp.Select)):
        _name_having(select, schema)
    try:
        query = qualify(
            query, schema=schema, dialect="tsql", expand_alias_refs=False, quote_identifiers=True
        )
        _mark_clean(query)
        query = annotate_types(query, schema=schema, dialect="tsql")
    except OptimizeError as problem:
        found = _UNRESOLVED.search(str(problem))
        name = found.group(1) if found else str(problem).partition("\n")[0][:120]
        # The reader folds names to lower case; people want theirs back.
        if spelled := re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE):
            name = spelled.group()
        raise QueryRefused(f"Invalid column name '{name}'.") from problem
    except (SqlglotError, RecursionError) as problem:
        raise QueryRefused(str(problem).partition("\n")[0][:200]) from problem
    return rewrite(query)


def _resolve(table: exp.Table, resolve: Resolver, schema: dict[str, object]) -> None:
    if not isinstance(table.this, exp.Identifier):
        raise QueryRefused(f"Invalid object name '{table.sql(dialect='tsql')[:80]}'.")
    name, owner = table.name, table.db
    if table.catalog or (owner and owner.lower() not in {"ent", "dbo"}):
        raise QueryRefused(
            f"The {owner}.{name} table has a multi-part specification. This is not allowed."
        )
    found = resolve(name, owner.lower() == "ent")
    if found is None:
        raise QueryRefused(f"Invalid object name '{name}'.")
    real, columns = found
    schema[real] = columns
    alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name, quoted=True))
    table.replace(exp.Table(this=exp.to_identifier(real), alias=alias))


def _name_having(select: Any, schema: dict[str, Any]) -> None:
    """HAVING knows the tables' columns and not the SELECT's new names."""
    having = select.args.get("having")
    if having is None:
        return
    joins = [join.this for join in select.args.get("joins") or []]
    sources = [select.args["from_"].this, *joins] if select.args.get("from_") else joins
    for column in [c for c in having.find_all(exp.Column) if not c.table]:
        if column.find_ancestor(exp.Select) is not select:
            continue
        owners = [s for s in sources if column.name.lower() in _names(s, schema)]
        if len(owners) != 1:
            problem = "Ambiguous" if owners else "Invalid"
            raise QueryRefused(f"{problem} column name '{column.name}'.")
        column.set("table", exp.to_identifier(owners[0].alias_or_name, quoted=True))


def _names(source: Any, schema: dict[str, Any]) -> set[str]:
    """The columns of a table or derived table, in lower case."""
    if isinstance(source, exp.Subquery):
        inner = source.this
        while isinstance(inner, exp.SetOperation):
            inner = inner.this
        return {name.lower() for name in inner.named_selects}
    return {name.lower() for name in schema.get(source.name, {})}


def _mark_clean(query: Any) -> None:
    """The data views' own text has no blanks at its end, apart from what servers replied."""
    real: dict[str, set[str]] = {}
    for table in query.find_all(exp.Table):
        real.setdefault(table.alias_or_name, set()).add(table.name)
    for inner in query.find_all(exp.Subquery):
        real.setdefault(inner.alias, set()).add("")
    for column in query.find_all(exp.Column):
        names = real.get(column.table, {""})
        if all(name.startswith("dv_") for name in names) and column.name not in _REPLIES:
            mark_clean(column)


def _moment(moment: datetime) -> exp.Expression:
    text = moment.isoformat(sep=" ", timespec="milliseconds")
    return exp.cast(exp.Literal.string(text), "DATETIME")


def _prepare(node: Any, now: datetime) -> Any:
    """What has to be settled before types are inferred."""
    if isinstance(node, (exp.CurrentTimestamp, exp.CurrentDatetime)):
        return _moment(now)
    if isinstance(node, exp.Anonymous):
        return _prepare_call(node, now)
    if isinstance(node, exp.Convert):
        kind = exp.TryCast if node.args.get("safe") else exp.Cast
        cast = kind(this=node.expression, to=node.this)
        style = node.args.get("style")
        if isinstance(style, exp.Literal):
            cast.meta["style"] = int(style.name)
        return cast
    return node


def _prepare_call(node: Any, now: datetime) -> Any:
    """A function that the reader has no node for."""
    name, given = node.name.upper(), node.expressions
    if name in {"GETUTCDATE", "SYSUTCDATETIME"}:
        return _moment(now + timedelta(hours=6))
    if name in {"GETDATE", "SYSDATETIME"}:
        return _moment(now)
    if name == "TODATETIMEOFFSET" and len(given) == 2:
        made = exp.AtTimeZone(this=given[0], zone=given[1])
        made.meta["starts"] = True
        return made
    if name == "CHOOSE" and len(given) > 1:
        branches = [
            exp.If(this=exp.Literal.number(place), true=value)
            for place, value in enumerate(given[1:], 1)
        ]
        return exp.Case(this=given[0], ifs=branches)
    if name == "SQUARE" and len(given) == 1:
        return exp.Pow(this=given[0], expression=exp.Literal.number(2))
    if name == "DATENAME" and given:
        given[0].replace(exp.Literal.string(given[0].name))  # a unit, not a column
    if name in GIVES:
        # A cast tells what comes out; it changes nothing.
        to = "VARCHAR(MAX)" if GIVES[name] == "VARCHAR" else GIVES[name]
        return exp.Cast(this=node.copy(), to=exp.DataType.build(to, dialect="tsql"))
    return node
