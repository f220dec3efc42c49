"""Runs query activities: the SELECT is wrapped, its rows checked against the target, then moved.

Nothing is a transaction: a late failure can leave rows behind (fact sheet section 6).
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import duckdb

from sfmc_sandbox.sql.refuse import PREFIX, QueryRefused
from sfmc_sandbox.sql.translate import translate

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sfmc_sandbox.extensions import DataExtension, Extensions, Field
    from sfmc_sandbox.sql.views import DataViews
    from sfmc_sandbox.world.tenant import Tenant

_TSQL_TYPES = {
    "VARCHAR": "VARCHAR", "INTEGER": "INT", "BIGINT": "BIGINT", "SMALLINT": "SMALLINT",
    "TIMESTAMP": "DATETIME", "TIMESTAMP_MS": "DATETIME", "DATE": "DATE", "BOOLEAN": "BIT",
}  # fmt: skip
_OWN_WORDS = "Invalid Input Error: "  # what functions.sql raises comes after it
_UNGROUPED = re.compile(r'column "([^"]+)" must appear in the GROUP BY clause')
TIMED_OUT = "The query was stopped: it ran longer than the limit of 30 minutes."


class QueryFailed(Exception):
    """A query that began and failed; the text is what its log says."""


@cache
def _functions() -> str:
    return (files("sfmc_sandbox") / "sql" / "functions.sql").read_text(encoding="utf-8")


@dataclass(slots=True)
class Queries:
    """Checks and runs queries for business units."""

    tenant: Tenant
    extensions: Extensions
    views: DataViews
    parent: int
    now: Callable[[], datetime]
    limit_s: float = 1800.0
    _columns: dict[str, dict[str, str]] = field(default_factory=dict)
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.tenant.db.cursor().execute(_functions())

    def _resolver(self, mid: int) -> Callable[[str, bool], tuple[str, dict[str, str]] | None]:
        def resolve(name: str, is_shared: bool) -> tuple[str, dict[str, str]] | None:
            owner = self.parent if is_shared else mid
            if name.startswith("_"):
                real = self.views.find(owner, name)
            else:
                found = self.extensions.named(owner, name)
                real = None if found is None else found.table
            return None if real is None else (real, self._describe(real))

        return resolve

    def _describe(self, table: str) -> dict[str, str]:
        rows = self.tenant.db.cursor().execute(f"DESCRIBE {table}").fetchall()
        return {
            row[0]: "DECIMAL" if row[1].startswith("DECIMAL") else _TSQL_TYPES.get(row[1], "INT")
            for row in rows
        }

    def to_duckdb(self, mid: int, text: str) -> tuple[str, list[str]]:
        """The query for DuckDB and the names of its columns. Raises QueryRefused."""
        query = translate(text, self._resolver(mid), now=self.now())
        return query.sql(dialect="duckdb"), [column.alias_or_name for column in query.selects]

    def check(self, mid: int, text: str, target: DataExtension | None) -> str | None:
        """What is wrong with a query, in the platform's words; None when nothing is."""
        try:
            sql, columns = self.to_duckdb(mid, text)
            self._cursor().execute(f"EXPLAIN {sql}")
        except QueryRefused as problem:
            return f"{PREFIX}{problem}"
        except duckdb.Error as problem:
            return f"{PREFIX}{first_line(problem)}"
        names = {name.lower() for name in columns}
        for f in target.fields if target is not None else ():
            if (f.is_key or f.is_required) and f.name.lower() not in names and f.default is None:
                return f"Field '{f.name}' is required for the Target Data Extension"
        return None

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """SQL Server's default collation does not tell upper from lower case."""
        cursor = self.tenant.db.cursor()
        cursor.execute("SET default_collation = 'NOCASE'")
        return cursor

    def run(
        self, mid: int, text: str, target: DataExtension, *, update_type: str,
        fails_late: bool = False,
    ) -> int:  # fmt: skip
        """Fills the target; how many rows. Raises QueryFailed."""
        cursor = self._cursor()
        timer = threading.Timer(self.limit_s, cursor.interrupt)
        timer.start()
        with self._lock:
            self._count += 1
            table = f"run_{self._count}"
        try:
            sql, columns = self.to_duckdb(mid, text)
            wrapped = f"SELECT * FROM ({sql}) AS querydef"  # noqa: S608 - that is the point
            cursor.execute(f"CREATE TEMP TABLE {table} AS {wrapped}")
            chosen = [f for f in target.fields if f.name.lower() in {c.lower() for c in columns}]
            typed = self._typed(cursor, table, target, chosen=[f.name for f in chosen])
            with self.tenant.writing:
                return self._move(cursor, typed, target, update_type=update_type, late=fails_late)
        except QueryRefused as problem:
            raise QueryFailed(str(problem)) from problem
        except duckdb.InterruptException as problem:
            raise QueryFailed(TIMED_OUT) from problem
        except duckdb.Error as problem:
            raise QueryFailed(first_line(problem)) from problem
        finally:
            timer.cancel()

    def _typed(
        self, cursor: duckdb.DuckDBPyConnection, table: str, target: DataExtension, *,
        chosen: list[str],
    ) -> str:  # fmt: skip
        """The rows in the target's types; overlong text and missing values are refused."""
        from sfmc_sandbox.extensions import SQL_TYPES

        fields = [f for f in target.fields if f.name in chosen]
        if not fields:
            raise QueryFailed("No column of the query exists in the target Data Extension.")
        for f in fields:
            if SQL_TYPES[f.type] == "VARCHAR":
                long = f"max(length(CAST({f.quoted} AS VARCHAR))) > {f.max_length or 4000}"
                if _truth(cursor, f"SELECT {long} FROM {table}"):  # noqa: S608
                    raise QueryFailed("String or binary data would be truncated.")
        for f in target.fields:
            if not (f.is_key or f.is_required) or f.default is not None:
                continue
            missing = f"SELECT count(*) > 0 FROM {table}"  # noqa: S608
            if f in fields:
                missing += f" WHERE {f.quoted} IS NULL"
            if _truth(cursor, missing):
                raise QueryFailed(
                    f"Cannot insert the value NULL into column '{f.name}', table "
                    f"'C{target.mid}.{target.name}'; column does not allow nulls. INSERT fails."
                )
        casts = ", ".join(f"CAST({f.quoted} AS {SQL_TYPES[f.type]}) AS {f.quoted}" for f in fields)
        cursor.execute(f"CREATE TEMP TABLE {table}_typed AS SELECT {casts} FROM {table}")  # noqa: S608
        return f"{table}_typed"

    def _move(
        self, cursor: duckdb.DuckDBPyConnection, rows: str, target: DataExtension, *,
        update_type: str, late: bool,
    ) -> int:  # fmt: skip
        keys = list(target.keys)
        violation = QueryFailed(
            "Violation of PRIMARY KEY constraint. Cannot insert duplicate key in object "
            f"'C{target.mid}.{target.name}'."
        )
        if keys and _truth(
            cursor,
            f"SELECT count(*) <> count(DISTINCT ({', '.join(map(_compared, keys))})) FROM {rows}",  # noqa: S608
        ):
            raise violation
        same = " AND ".join(f"{_compared(key, 't.')} = {_compared(key, 'r.')}" for key in keys)
        if update_type == "Overwrite":
            cursor.execute(f"DELETE FROM {target.table}")  # noqa: S608
        elif update_type == "Append":
            if keys and _truth(
                cursor,
                f"SELECT count(*) > 0 FROM {target.table} t JOIN {rows} r ON {same}",  # noqa: S608
            ):
                raise violation
        elif not keys:
            raise QueryFailed("Update needs a primary key in the target Data Extension.")
        else:
            cursor.execute(f"DELETE FROM {target.table} t USING {rows} r WHERE {same}")  # noqa: S608
        columns = [row[0] for row in cursor.execute(f"DESCRIBE {rows}").fetchall()]
        names = ", ".join('"' + column.replace('"', '""') + '"' for column in columns)
        count = int((cursor.execute(f"SELECT count(*) FROM {rows}").fetchone() or (0,))[0])  # noqa: S608
        part = f" LIMIT {count // 2}" if late else ""
        cursor.execute(
            f"INSERT INTO {target.table} ({names}) SELECT {names} FROM {rows}{part}"  # noqa: S608
        )
        if late:
            raise QueryFailed("The query failed after part of its rows was written.")
        return count


def _compared(key: Field, owner: str = "") -> str:
    """A key as it is compared: no upper or lower case, no blanks at the end."""
    from sfmc_sandbox.extensions import SQL_TYPES

    if SQL_TYPES[key.type] != "VARCHAR":
        return f"{owner}{key.quoted}"
    return f"lower(rtrim({owner}{key.quoted}, ' '))"


def _truth(cursor: duckdb.DuckDBPyConnection, question: str) -> bool:
    row = cursor.execute(question).fetchone()
    return bool(row and row[0])


def first_line(problem: Exception) -> str:
    """The first line of an engine's message, as SQL Server would say it where we know it."""
    text = str(problem).partition("\n")[0]
    if "Divide by zero" in text:
        return "Divide by zero error encountered."
    if text.startswith(_OWN_WORDS):
        return text.removeprefix(_OWN_WORDS)
    if found := _UNGROUPED.search(text):
        return (
            f"Column '{found.group(1)}' is invalid in the select list because it is not contained "
            "in either an aggregate function or the GROUP BY clause."
        )
    if text.startswith("Conversion Error"):
        return f"Conversion failed when converting a value: {text.partition(': ')[2]}"
    return text
