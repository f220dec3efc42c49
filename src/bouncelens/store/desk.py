"""A person's own SQL over the lake: one SELECT at a time, within limits, nothing else in reach.

The engine gets the lake as rows, never as files: it has no folder and no network, and columns that
may hold addresses are left out of those rows, so no wording of a query can bring them back.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bouncelens.errors import QuestionInvalid
from bouncelens.store.closing import Closing
from bouncelens.store.files import connect, explained, refuse_deletion_vectors
from bouncelens.store.questions import views
from bouncelens.store.scratch import scratch_folder
from bouncelens.store.tables import BOUNCES, SQL_TYPES, TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from bouncelens.store.lake import Lake
    from bouncelens.store.tables import LakeTable

# Replies repeat the address they refuse; so do samples and the words that decided.
MAY_HOLD_ADDRESSES = frozenset(
    {"address", "reply_text", "sfmc_message", "disagreements", "sample", "evidence"}
)
_EVENT_DAY = "CAST(event_time AS DATE) AS event_day"
_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take."""

    seconds: float = 60
    memory_mb: int = 1024
    rows: int = 10_000


@dataclass(frozen=True, slots=True)
class Told:
    """Rows of a query. `is_cut`: there are more than the limit."""

    columns: tuple[tuple[str, str], ...]  # name and type
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool


class Desk(Closing):
    """Where SQL is asked. Its configuration is locked before the first query."""

    def __init__(self, lake: Lake, limits: Limits, *, with_addresses: bool = False) -> None:
        self._limits, self._lake = limits, lake
        scratch = scratch_folder(self)
        memory = f"{limits.memory_mb}MB"
        self._duck = connect(memory_limit=memory, temp_directory=scratch, threads=None)
        with explained(lake.uri, "read"):
            for table in TABLES.values():
                _put_in(self._duck, lake, table, with_addresses=with_addresses)
            for name, (_, sql) in views().items():
                if not name.startswith("policy_"):
                    self._duck.execute(f"CREATE TEMP VIEW {name} AS {sql}")
        self._duck.execute(f"SET max_temp_directory_size = '{4 * limits.memory_mb}MB'")
        self._duck.execute("SET python_enable_replacements = false")
        self._duck.execute("SET allowed_directories = $scratch", {"scratch": [scratch]})
        self._duck.execute("SET enable_external_access = false")
        self._duck.execute("SET lock_configuration = true")

    def ask(self, sql: str) -> Told:
        """The rows of one SELECT. Raises QuestionInvalid, saying what is wrong with it or which
        limit it met, and StoreError."""
        import duckdb

        statement = _one_select(self._duck, sql)
        timer = threading.Timer(self._limits.seconds, self._duck.interrupt)
        timer.start()
        try:
            with explained(self._lake.uri, "read"):
                return self._fetched(statement)
        except duckdb.InterruptException as error:
            raise QuestionInvalid(
                f"The query was stopped after {self._limits.seconds:g} s.",
                advice="Ask for less, or raise sql.seconds in the settings.",
            ) from error
        except duckdb.OutOfMemoryException as error:
            raise QuestionInvalid(
                f"The query needs more than {self._limits.memory_mb:,} MB.",
                advice="Ask for less, or raise sql.memory_mb in the settings.",
            ) from error
        except duckdb.Error as error:
            raise QuestionInvalid(_sentence(error)) from error
        finally:
            timer.cancel()

    def _fetched(self, statement: Any) -> Told:
        reader = self._duck.sql(statement).to_arrow_reader(_BATCH)
        most = self._limits.rows
        columns = tuple((field.name, str(field.type)) for field in reader.schema)
        rows: list[tuple[Any, ...]] = []
        for batch in reader:
            rows += zip(*(column.to_pylist() for column in batch.columns), strict=True)
            if len(rows) > most:
                break
        reader.close()
        return Told(columns, tuple(rows[:most]), len(rows) > most)

    def close(self) -> None:
        """Let go of memory and spilled rows."""
        self._duck.close()


def _put_in(
    connection: DuckDBPyConnection, lake: Lake, table: LakeTable, *, with_addresses: bool
) -> None:
    """A table as a view over rows; what is left out of them, or is not there yet, is NULL."""
    import pyarrow as pa

    delta = lake.delta(table.name)
    refuse_deletion_vectors(delta, table.name)
    whole: Any = delta.to_pyarrow_dataset()
    names = [
        name for name, _, _ in table.fields if with_addresses or name not in MAY_HOLD_ADDRESSES
    ]
    held = [whole.schema.field(name) for name in names if name in whole.schema.names]
    connection.register(f"rows_of_{table.name}", whole.replace_schema(pa.schema(held)))
    there = {field.name for field in held}
    columns = [
        name if name in there else f"CAST(NULL AS {SQL_TYPES[kind]}) AS {name}"
        for name, kind, _ in table.fields
    ]
    if table is BOUNCES:
        columns.append(_EVENT_DAY)
    connection.execute(
        f"CREATE TEMP VIEW {table.name} AS SELECT {', '.join(columns)} FROM rows_of_{table.name}"  # noqa: S608 - names of our own
    )


def _one_select(connection: DuckDBPyConnection, sql: str) -> Any:
    import duckdb

    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QuestionInvalid(_sentence(error)) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QuestionInvalid(
            "Only one SELECT can be asked here.", advice="The lake is never written by SQL."
        )
    return statements[0]


def _sentence(error: Exception) -> str:
    words = str(error).strip().split("\n\nLINE")[0].replace("\n", " ")
    return f"The query cannot be answered: {words[:500].rstrip('.')}."
