"""DuckDB over the lake: lazy views on the Parquet files of each table's present version.

It may read the lake and its own spill folder, nothing else, and its configuration is locked.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bouncelens.store import grain
from bouncelens.store.closing import Closing
from bouncelens.store.files import (
    EVENT_DAY,
    as_arrow,
    as_parts,
    connect,
    explained,
    local_path,
    rows_sql,
)
from bouncelens.store.questions import question as question_named
from bouncelens.store.questions import views
from bouncelens.store.rollup import Bound, bind
from bouncelens.store.scratch import scratch_folder
from bouncelens.store.tables import BOUNCES, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from bouncelens.store.lake import Lake


class DuckEngine(Closing):
    """The embedded engine. Threads may ask at once: each has its own connection and views."""

    name = "duckdb"

    def __init__(
        self,
        lake: Lake,
        *,
        memory_limit: str = "2GB",
        threads: int | None = None,
        rollup: bool = True,
    ) -> None:
        """`rollup`: use it where there is one; without it every bounce is read."""
        self._lake, self._uses_rollup = lake, rollup
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
        live = grain.live(asked.sql, asked.bound(parameters))
        with explained(self._lake.uri, "read"):
            connection = self._connection(live.grain)
            with _put_in(connection, given or {}):
                return as_arrow(connection, live.sql, live.parameters)

    @contextmanager
    def stream(
        self, question: str, parameters: Mapping[str, object]
    ) -> Iterator[pa.RecordBatchReader]:
        """The same rows part by part. Raises QuestionInvalid or StoreError."""
        asked = question_named(question)
        live = grain.live(asked.sql, asked.bound(parameters))
        with explained(self._lake.uri, "read"):
            reader = as_parts(self._connection(live.grain), live.sql, live.parameters)
            try:
                yield reader
            finally:
                reader.close()

    def close(self) -> None:
        """Let go of memory and spill files."""
        self._root.close()

    def _connection(self, of: str | None) -> DuckDBPyConnection:
        """This thread's connection, its views on the present version of every table, its cells of
        a grain or none."""
        own = self._own
        if not hasattr(own, "connection"):
            own.connection, own.versions, own.grain = self._root.cursor(), None, None
        connection: DuckDBPyConnection = own.connection
        while own.versions != (versions := self._versions()):
            self._make_views(connection)
            own.bound = bind(connection, self._lake) if self._uses_rollup else Bound()
            own.versions, own.grain = versions, None
            _take(connection, "sent_days", "rolled_sent" if own.bound.has_sent else None)
        wanted = of if own.bound.has_cells else None
        if own.grain != wanted:
            is_whole = wanted is not None and wanted != "domain" and own.bound.has_sent
            _take(connection, "cells", wanted and f"rolled_{wanted}")
            _take(connection, "apart", wanted and "rolled_apart")
            _take(connection, "sent", "rolled_sent" if is_whole else None)
            own.grain = wanted
        return connection

    def _versions(self) -> dict[str, int]:
        versions = self._lake.versions()
        return versions | ({"rollup": self._lake.rollup.version()} if self._uses_rollup else {})

    def _make_views(self, connection: DuckDBPyConnection) -> None:
        for name, table in TABLES.items():
            rows = rows_sql(connection, table, self._lake.delta(name))
            if table is BOUNCES:
                rows = f"SELECT *, {EVENT_DAY} AS event_day FROM ({rows})"  # noqa: S608 - names of our own
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {rows}")
        for name, (_, sql) in views().items():
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")


def _take(connection: DuckDBPyConnection, view: str, rolled: str | None) -> None:
    """Let a view be one of the rollup; None: what it is without."""
    sql = f"SELECT * FROM {rolled}" if rolled else views()[view][1]  # noqa: S608 - names of our own
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS {sql}")


@contextmanager
def _put_in(connection: DuckDBPyConnection, given: Mapping[str, pa.Table]) -> Iterator[None]:
    """Rows in place of views, while the block runs."""
    try:
        for name, rows in given.items():
            connection.register(f"given_{name}", rows)
            connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM given_{name}"  # noqa: S608 - names of our own
            )
        yield
    finally:
        for name in given:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {views()[name][1]}")
            connection.unregister(f"given_{name}")
