"""Tables named with their owner, as the server stores a checked query (fact sheet 6)."""

from __future__ import annotations

import sqlglot
from sqlglot import expressions as exp
from sqlglot.errors import SqlglotError


def with_owners(text: str, mid: int, parent: int) -> str:
    """The query with `C{MID}.` before each table; `Ent.` becomes the parent's."""
    try:
        query = sqlglot.parse_one(text, dialect="tsql")
    except SqlglotError:
        return text
    for table in query.find_all(exp.Table):
        owner = parent if table.db.lower() == "ent" else mid
        table.set("db", exp.to_identifier(f"C{owner}"))
    return query.sql(dialect="tsql")
