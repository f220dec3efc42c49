"""DuckDB over the lake: lazy views on the Parquet files of each table's present version.

It may read the lake and its own spill folder, nothing else, and its configuration is locked.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bouncelens.store.closing import Closing
from bouncelens.store.files import (
    as_arrow,
    as_parts,
    connect,
    explained,
    local_path,
    rows_sql,
)
from bouncelens.store.questions import question as question_named
from bouncelens.store.questions import views
from bouncelens.store.scratch import scratch_folder
from bouncelens.store.tables import BOUNCES, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from bouncelens.store.lake import Lake

# The day in UTC. Casting a moment to a date asks the calendar of a time zone: three times slower.
_EVENT_DAY = "DATE '1970-01-01' + CAST(epoch_us(event_time) // 86400000000 AS INTEGER)"


class DuckEngine(Closing):
    """The embedded engine. Threads may ask at once: each has its own connection and views."""

    name = "duckdb"

    def __init__(
        self, lake: Lake, *, memory_limit: str = "2GB", threads: int | None = None
    ) -> None:
        self._lake = lake
        scratch = scratch_folder(self)
        self._root = connect(memory_limit=memory_limit, temp_directory=scratch, threads=threads)
        allowed = [scratch]
        if (place := local_path(lake.uri)) is not None:
            allowed.append(str(place))
        self._root.execute("SET allowed_directories = $allowed", {"allowed": allowed})
        self._root.execute("SET enable_external_access = false")
        self._root.execute("SET lock_configuration = true")
        self._own = threading.local()

    def ask(
        self,
        question: str,
        parameters: Mapping[str, object],
        *,
        given: Mapping[str, pa.Table] | None = None,
    ) -> pa.Table:
        """The answer's rows. Raises QuestionInvalid or StoreError."""
        asked = question_named(question)
        bound = asked.bound(parameters)
        with explained(self._lake.uri, "read"):
            connection = self._connection()
            with _put_in(connection, given or {}):
                return as_arrow(connection, asked.sql, bound)

    @contextmanager
    def stream(
        self, question: str, parameters: Mapping[str, object]
    ) -> Iterator[pa.RecordBatchReader]:
        """The same rows part by part. Raises QuestionInvalid or StoreError."""
        asked = question_named(question)
        bound = asked.bound(parameters)
        with explained(self._lake.uri, "read"):
            reader = as_parts(self._connection(), asked.sql, bound)
            try:
                yield reader
            finally:
                reader.close()

    def close(self) -> None:
        """Let go of memory and spill files."""
        self._root.close()

    def _connection(self) -> DuckDBPyConnection:
        """This thread's connection, its views on the present version of every table."""
        versions = self._lake.versions()
        if getattr(self._own, "versions", None) != versions:
            if not hasattr(self._own, "connection"):
                self._own.connection = self._root.cursor()
            self._make_views(self._own.connection)
            self._own.versions = versions
        connection: DuckDBPyConnection = self._own.connection
        return connection

    def _make_views(self, connection: DuckDBPyConnection) -> None:
        for name, table in TABLES.items():
            rows = rows_sql(connection, table, self._lake.delta(name))
            if table is BOUNCES:
                rows = f"SELECT *, {_EVENT_DAY} AS event_day FROM ({rows})"  # noqa: S608
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {rows}")
        for name, (_, sql) in views().items():
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")


@contextmanager
def _put_in(connection: DuckDBPyConnection, given: Mapping[str, pa.Table]) -> Iterator[None]:
    """Rows in place of views, while the block runs."""
    try:
        for name, rows in given.items():
            connection.register(f"given_{name}", rows)
            connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM given_{name}"  # noqa: S608
            )
        yield
    finally:
        for name in given:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {views()[name][1]}")
            connection.unregister(f"given_{name}")
