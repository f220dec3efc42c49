"""T-SQL into DuckDB: names resolved for the unit, then what the two dialects mean differently."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.errors import OptimizeError, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from sfmc_sandbox.sql.refuse import QueryRefused, read_query
from sfmc_sandbox.sql.rewrite import rewrite

if TYPE_CHECKING:
    from datetime import datetime

# Name of a database table or view, and its columns with T-SQL types; None when there is none.
Resolver = Callable[[str, bool], "tuple[str, dict[str, str]] | None"]
_UNRESOLVED = re.compile(r"Column '\"?([^'\"]+)\"?'? could not be resolved")


def translate(text: str, resolve: Resolver, *, now: datetime) -> Any:
    """The query in DuckDB's terms. `now`: Marketing Cloud's clock. Raises QueryRefused."""
    query: Any = read_query(text)
    schema: dict[str, object] = {}
    for table in list(query.find_all(exp.Table)):
        _resolve(table, resolve, schema)
    query = query.transform(lambda node: _prepare(node, now))
    try:
        query = qualify(
            query, schema=schema, dialect="tsql", expand_alias_refs=False, quote_identifiers=True
        )
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


@cache
def zones() -> dict[str, str]:
    """Windows' time zones by lower-cased name."""
    text = (files("sfmc_sandbox") / "sql" / "zones.toml").read_text(encoding="utf-8")
    return {name.lower(): zone for name, zone in tomllib.loads(text).items()}


def _moment(moment: datetime) -> exp.Expression:
    text = moment.isoformat(sep=" ", timespec="milliseconds")
    return exp.cast(exp.Literal.string(text), "DATETIME")


def _prepare(node: Any, now: datetime) -> Any:
    """What has to be settled before types are inferred."""
    if isinstance(node, (exp.CurrentTimestamp, exp.CurrentDatetime)):
        return _moment(now)
    if isinstance(node, exp.Anonymous):
        name = node.name.upper()
        if name in {"GETUTCDATE", "SYSUTCDATETIME"}:
            return _moment(now + timedelta(hours=6))
        if name in {"GETDATE", "SYSDATETIME"}:
            return _moment(now)
        if name == "TODATETIMEOFFSET" and len(node.expressions) == 2:
            made = exp.AtTimeZone(this=node.expressions[0], zone=node.expressions[1])
            made.meta["starts"] = True
            return made
    if isinstance(node, exp.Convert):
        kind = exp.TryCast if node.args.get("safe") else exp.Cast
        cast = kind(this=node.expression, to=node.this)
        style = node.args.get("style")
        if isinstance(style, exp.Literal):
            cast.meta["style"] = int(style.name)
        return cast
    return node
