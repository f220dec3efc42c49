"""Tables named with their owner, as the server stores a checked query (fact sheet 6)."""

from __future__ import annotations

import sqlglot
from sqlglot import expressions as exp
from sqlglot.errors import SqlglotError


def with_owners(text: str, mid: int, parent: int) -> str:
    """The query on one line, `C{MID}.` before each table; `Ent.` becomes the parent's."""
    try:
        query = sqlglot.parse_one(text, dialect="tsql")
    except SqlglotError:
        return " ".join(text.split())
    marks = []
    for table in query.find_all(exp.Table):
        ent = table.args.get("db")
        first = ent if ent is not None else table.this
        start = first.meta.get("start")
        if start is None:  # where it stands is not known
            return " ".join(text.split())
        end = table.this.meta["start"] if ent is not None else start
        marks.append((start, end, parent if ent is not None else mid))
    for start, end, owner in sorted(marks, reverse=True):
        text = f"{text[:start]}C{owner}.{text[end:]}"
    return " ".join(text.split())
