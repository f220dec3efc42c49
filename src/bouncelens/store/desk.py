"""A person's own SQL over the lake: one SELECT at a time, within limits, nothing else in reach.

The engine gets the lake as rows, never as files: it has no folder and no network, and columns that
may hold addresses are left out of those rows, so no wording of a query can bring them back.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bouncelens.errors import QuestionInvalid
from bouncelens.store.bounds import bounded, stopped_after
from bouncelens.store.closing import Closing
from bouncelens.store.files import connect, explained, kept_apart, refuse_deletion_vectors
from bouncelens.store.questions import views
from bouncelens.store.scratch import scratch_folder
from bouncelens.store.select import HIDDEN, one_select, sentence
from bouncelens.store.tables import BOUNCES, SQL_TYPES, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from duckdb import DuckDBPyConnection

    from bouncelens.store.lake import Lake
    from bouncelens.store.tables import LakeTable

# Replies repeat the address they refuse; so do samples and the words that decided.
MAY_HOLD_ADDRESSES = frozenset(
    {"address", "reply_text", "sfmc_message", "disagreements", "sample", "evidence"}
)
# A subscriber key often is an address. The same one gets the same stand-in, so people are counted.
STAND_IN = "hidden-"
_KEY = (
    "CASE WHEN contains(subscriber_key, '@')"
    f" THEN '{STAND_IN}' || left(sha256(lower(subscriber_key)), 16) ELSE subscriber_key END"
    " AS subscriber_key"
)
_FROM_FILES = "Python exception occurred"  # DuckDB's words where reading the rows failed
_EVENT_DAY = "CAST(event_time AS DATE) AS event_day"
_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may take."""

    seconds: float = 60
    memory_mb: int = 1024
    rows: int = 10_000
    grace_s: float = 5  # after the interrupt, until a query counts as stuck


@dataclass(frozen=True, slots=True)
class Told:
    """Rows of a query. `is_cut`: there are more than the limit."""

    columns: tuple[tuple[str, str], ...]  # name and type
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool


class Desk(Closing):
    """Where SQL is asked. Its configuration is locked before the first query."""

    def __init__(
        self,
        lake: Lake,
        limits: Limits,
        *,
        with_addresses: bool = False,
        stuck: Callable[[], None] | None = None,
    ) -> None:
        """`stuck` is called, in another thread, for a query that an interrupt did not end."""
        self._limits, self._lake, self._stuck = limits, lake, stuck
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

        statement, limits = one_select(self._duck, sql), self._limits
        try:
            with (
                stopped_after(
                    self._duck.interrupt,
                    self._stuck,
                    seconds=limits.seconds,
                    grace_s=limits.grace_s,
                ),
                bounded(limits.memory_mb),
                explained(self._lake.uri, "read"),
                _refused_words(),
            ):
                return self._fetched(statement)
        except duckdb.InterruptException as error:
            raise QuestionInvalid(
                f"The query was stopped after {limits.seconds:g} s.",
                advice="Ask for less, or raise sql.seconds in the settings.",
            ) from error
        except (duckdb.OutOfMemoryException, MemoryError) as error:
            raise QuestionInvalid(
                f"The query needs more than {limits.memory_mb:,} MB.",
                advice="Ask for less, or raise sql.memory_mb in the settings.",
            ) from error
        except duckdb.Error as error:
            raise QuestionInvalid(sentence(error)) from error

    def _fetched(self, statement: Any) -> Told:
        most = self._limits.rows
        rows: list[tuple[Any, ...]] = []
        # Left open, it would be in the way of the next query.
        with closing(self._duck.sql(statement).to_arrow_reader(_BATCH)) as reader:
            columns = tuple((field.name, str(field.type)) for field in reader.schema)
            for batch in reader:
                rows += _plain_rows(batch)
                if len(rows) > most:
                    break
        return Told(columns, tuple(rows[:most]), len(rows) > most)

    def close(self) -> None:
        """Let go of memory and spilled rows."""
        self._duck.close()


@contextmanager
def _refused_words() -> Iterator[None]:
    """DuckDB calls a wrong query invalid input, and rows that cannot be read, too."""
    import duckdb

    try:
        yield
    except duckdb.InvalidInputException as error:
        if _FROM_FILES in str(error):
            raise
        raise QuestionInvalid(sentence(error)) from error


def _plain_rows(batch: Any) -> Iterator[tuple[Any, ...]]:
    try:
        columns = [column.to_pylist() for column in batch.columns]
    except (OverflowError, ValueError) as error:
        raise QuestionInvalid(
            "The answer holds a value that cannot be shown, such as a day before the year 1.",
            advice="Cast the column to VARCHAR.",
        ) from error
    return zip(*columns, strict=True)


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
    hidden = HIDDEN + table.name
    connection.register(hidden, whole.replace_schema(pa.schema(held)))
    there = {field.name for field in held}
    columns = [
        _column(name, kind, with_addresses=with_addresses)
        if name in there
        else f"CAST(NULL AS {SQL_TYPES[kind]}) AS {name}"
        for name, kind, _ in table.fields
    ]
    if table is BOUNCES:
        columns.append(_EVENT_DAY)
    connection.execute(
        f"CREATE TEMP VIEW {table.name} AS SELECT {', '.join(columns)} FROM {hidden}"  # noqa: S608 - names of our own
    )


def _column(name: str, kind: str, *, with_addresses: bool) -> str:
    if name == "subscriber_key" and not with_addresses:
        return _KEY
    return kept_apart(name) if kind == "string" else name
