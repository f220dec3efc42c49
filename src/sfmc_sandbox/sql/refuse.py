"""What a query activity may not say, in the words of SQL Server and Marketing Cloud."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.dialects.tsql import TSQL
from sqlglot.errors import ParseError, TokenError

PREFIX = "An error occurred while checking the query syntax. Errors: "
_ORDER = (
    "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and "
    "common table expressions, unless TOP, OFFSET or FOR XML is also specified."
)
_NUMBER_TABLE = re.compile(r"(?i)\b(?:from|join)\s+\[?(\d+)\]?\s*\.\s*\[?([\w ]+)\]?")
_FORBIDDEN = (
    exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.Command,
    exp.TruncateTable, exp.Declare, exp.Set, exp.Into, exp.Parameter, exp.SessionParameter,
)  # fmt: skip


class _Dialect(TSQL):
    """T-SQL whose FORMAT and DATENAME are kept as they were written."""

    class Parser(TSQL.Parser):  # type: ignore[valid-type, misc]  # made by a metaclass
        FUNCTIONS = {  # noqa: RUF012 - sqlglot's own form
            name: build
            for name, build in TSQL.Parser.FUNCTIONS.items()
            if name not in {"FORMAT", "DATENAME"}
        }


class QueryRefused(ValueError):
    """A query that may not run; the text is what the platform answers."""


def read_query(text: str) -> exp.Query:
    """The one SELECT in the text. Raises QueryRefused."""
    if found := _NUMBER_TABLE.search(text):
        name = f"{found.group(1)}.{found.group(2).strip()}"
        raise QueryRefused(f"The {name} table has a multi-part specification. This is not allowed.")
    try:
        statements = [s for s in sqlglot.parse(text, read=_Dialect) if s is not None]
    except (ParseError, TokenError, RecursionError) as problem:
        raise QueryRefused(_syntax(problem)) from problem
    if not statements:
        raise QueryRefused("The query is empty.")
    if len(statements) > 1:
        raise QueryRefused("Incorrect syntax near ';'. Only one SELECT statement is allowed.")
    query = statements[0]
    if not isinstance(query, exp.Query) or isinstance(query, exp.Subquery):
        raise QueryRefused("Only SELECT statements are allowed in a query activity.")
    if query.find(exp.With):
        raise QueryRefused("Incorrect syntax near the keyword 'WITH'.")
    for node in query.find_all(*_FORBIDDEN):
        raise QueryRefused(f"Incorrect syntax near the keyword '{type(node).key.upper()}'.")
    _check_order(query)
    _check_columns(query)
    return query


def _syntax(problem: Exception) -> str:
    errors = getattr(problem, "errors", None)
    near = (errors[0].get("highlight") if errors else None) or "the query"
    return f"Incorrect syntax near '{str(near)[:80]}'."


def _check_order(query: exp.Query) -> None:
    """The server wraps the query into a derived table, so ORDER BY needs TOP."""
    for node in [query, *(s.this for s in query.find_all(exp.Subquery))]:
        if isinstance(node, exp.Query) and node.args.get("order"):
            bounded = node.args.get("limit") or node.args.get("offset")
            if not bounded:
                raise QueryRefused(_ORDER)


def _check_columns(query: exp.Query) -> None:
    seen: set[str] = set()
    select = query
    while isinstance(select, exp.SetOperation):
        select = select.this
    for place, column in enumerate(select.selects, 1):
        if isinstance(column, exp.Star) or column.is_star:
            continue
        name = column.output_name
        if not name:
            raise QueryRefused(f"No column name was specified for column {place} of 'querydef'.")
        if name.lower() in seen:
            raise QueryRefused(f"The column '{name}' was specified multiple times for 'querydef'.")
        seen.add(name.lower())
