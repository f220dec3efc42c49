"""A Delta table as DuckDB sees it: the Parquet files of its present version, read lazily.

DuckDB's own Delta extension would be a download at run time; the file list is all it takes.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from bouncelens.errors import StoreError
from bouncelens.store.refusal import advice_for, cause_of
from bouncelens.store.tables import SQL_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

    from bouncelens.store.tables import LakeTable

# The day in UTC. Casting a moment to a date asks the calendar of a time zone: three times slower.
EVENT_DAY = "DATE '1970-01-01' + CAST(epoch_us(event_time) // 86400000000 AS INTEGER)"


def connect(*, memory_limit: str, temp_directory: str, threads: int | None) -> DuckDBPyConnection:
    """A DuckDB in memory, in UTC, that never fetches an extension."""
    import duckdb

    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": memory_limit,
            "temp_directory": temp_directory,
            # Parquet footers of unchanged files are read once.
            "enable_object_cache": True,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    if threads:
        connection.execute(f"SET threads = {int(threads)}")
    return connection


def local_path(uri: str) -> Path | None:
    """The folder behind a local URI or path; None for object storage."""
    scheme = urlsplit(uri).scheme
    if scheme == "file":
        return Path(unquote(urlsplit(uri).path))
    # One letter is a Windows drive.
    return None if len(scheme) > 1 and "://" in uri else Path(uri)


def resolved(url: str) -> str:
    """The lake's place as Delta takes it: an absolute path, or the URL as it is. Raises StoreError
    for characters that Delta cannot write in a path or DuckDB takes for a pattern."""
    path = local_path(url)
    if path is None:
        return url.rstrip("/")
    whole = str(path.expanduser().absolute())
    if bad := sorted(set(whole) & set("[]^|%*?")):
        raise StoreError(
            f"The lake's path {whole} must not contain {' '.join(bad)}.",
            advice="Name another folder as `lake` in the settings.",
        )
    return whole


def rows_sql(
    connection: DuckDBPyConnection,
    table: LakeTable,
    delta: DeltaTable,
    *,
    only: Sequence[tuple[str, str, object]] | None = None,
) -> str:
    """SQL that yields the table's rows, typed, also when no file exists or older files lack a
    column. `only` leaves out files that, by their statistics, hold no row of that kind."""
    refuse_deletion_vectors(delta, table.name)
    nothing = _no_rows(table)
    kind = list(only) if only else None
    files = delta.file_uris(file_pruning_predicate=kind)
    if not files:
        return nothing
    if local_path(files[0]) is None:
        name = f"remote_{table.name}"
        connection.register(name, delta.to_pyarrow_dataset(file_pruning_predicate=kind))
        source = f'"{name}"'
    else:
        listed = ", ".join(_quoted(unquote(name)) for name in files)
        source = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
    held = set(connection.sql(f"SELECT * FROM {source}").columns)  # noqa: S608 - our own list
    names = [name for name, _, _ in table.fields if name in held]
    taken = [_name(name) for name in names]
    if local_path(files[0]) is None:
        taken = [kept_apart(name) if is_text(table, name) else _name(name) for name in names]
    some = f"SELECT {', '.join(taken)} FROM {source}"  # noqa: S608 - names of our own
    return some if len(names) == len(table.fields) else f"{nothing} UNION ALL BY NAME {some}"


def kept_apart(column: str) -> str:
    """A text column of Arrow rows for which DuckDB hands no filter down: Delta's merge writes text
    as views, which Arrow cannot compare (apache/arrow#49368, delta-io/delta-rs#4579)."""
    return f"coalesce({_name(column)}, {_name(column)}) AS {_name(column)}"


def is_text(table: LakeTable, column: str) -> bool:
    """Whether a column holds text."""
    return any(name == column and kind == "string" for name, kind, _ in table.fields)


def refuse_deletion_vectors(delta: DeltaTable, name: str) -> None:
    """Another writer may mark rows as deleted beside the files; reading on would revive them."""
    if "deletionVectors" in (delta.protocol().reader_features or ()):
        raise StoreError(
            f"Table {name!r} of the lake uses deletion vectors, which bouncelens cannot read.",
            advice="Purge and disable them where they were switched on.",
        )


def _no_rows(table: LakeTable) -> str:
    typed = (f"NULL::{SQL_TYPES[kind]} AS {_name(name)}" for name, kind, _ in table.fields)
    return f"SELECT {', '.join(typed)} WHERE false"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def as_arrow(
    connection: DuckDBPyConnection, sql: str, parameters: dict[str, object] | None = None
) -> pa.Table:
    """The rows of a query as an Arrow table."""
    relation = connection.sql(sql, params=parameters) if parameters else connection.sql(sql)
    found: pa.Table = relation.to_arrow_table()
    return found.cast(_in_utc(found.schema))


_ROWS_A_PART = 10_000


def as_parts(
    connection: DuckDBPyConnection, sql: str, parameters: dict[str, object]
) -> pa.RecordBatchReader:
    """The rows of a query, some thousands at a time; valid until the connection is asked again."""
    import pyarrow as pa

    relation = connection.sql(sql, params=parameters) if parameters else connection.sql(sql)
    found = relation.to_arrow_reader(_ROWS_A_PART)
    schema = _in_utc(found.schema)
    return pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in found))


def _in_utc(schema: pa.Schema) -> pa.Schema:
    """DuckDB calls the zone Etc/UTC; one name is enough."""
    import pyarrow as pa

    utc = pa.timestamp("us", tz="UTC")
    return pa.schema(
        [
            field.with_type(utc) if pa.types.is_timestamp(field.type) and field.type.tz else field
            for field in schema
        ]
    )


@contextmanager
def explained(uri: str, doing: str) -> Iterator[None]:
    """What the engines raise about storage, as one sentence about the lake."""
    import duckdb
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    try:
        yield
    except (DeltaError, duckdb.IOException, duckdb.InvalidInputException, pa.ArrowException) as e:
        raise StoreError(_sentence(uri, doing, e), advice=advice_for(e, _ADVICE)) from e
    except OSError as e:
        raise StoreError(_sentence(uri, doing, e), advice=advice_for(e, _ADVICE)) from e


_ADVICE = (
    "Restore the lake from a backup, or name another folder as `lake` in the settings and pull "
    "everything again with --since: the bookmarks are those of the old one."
)


def _sentence(uri: str, doing: str, error: Exception) -> str:
    first = cause_of(error) or re.split(r"\n|\. |: \n", str(error).strip())[0][:300]
    return f"The lake at {uri} could not be {doing}: {first.rstrip('.')}."
