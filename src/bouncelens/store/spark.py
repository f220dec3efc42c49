"""Spark over the lake: the same questions and views as DuckDB, in its dialect.

Delta's own reader would be a download; as for DuckDB, the list of live files is all it takes.
"""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

from bouncelens.errors import StoreError
from bouncelens.store.closing import Closing
from bouncelens.store.files import explained, local_path, refuse_deletion_vectors
from bouncelens.store.questions import question as question_named
from bouncelens.store.questions import views
from bouncelens.store.sparksql import spark_sql
from bouncelens.store.sparkstart import spark
from bouncelens.store.tables import BOUNCES, SQL_TYPES, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pyarrow as pa
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession

    from bouncelens.store.lake import Lake
    from bouncelens.store.tables import LakeTable

# Of a session, whatever the cluster's are: the answers hang on them.
_SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
}

_PART = {"spark.sql.execution.arrow.maxRecordsPerBatch": "10000"}  # rows at once of a long answer


class SparkEngine(Closing):
    """The engine for lakes beyond one machine. Threads may ask at once: each has its own session
    and views."""

    name = "spark"

    def __init__(
        self, lake: Lake, *, master: str = "local[2]", conf: Mapping[str, str] | None = None
    ) -> None:
        """`master` and `conf` start Spark where none runs in this process; of one that runs, only
        what `conf` says of SQL counts. Raises StoreError."""
        self._lake = lake
        of_sql = {name: v for name, v in (conf or {}).items() if name.startswith("spark.sql.")}
        self._settings = _PART | of_sql | _SESSION
        self._root = spark(master, conf or {})
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
        with _explained(self._lake.uri):
            session = self.session()
            with _put_in(session, given or {}):
                found = session.sql(spark_sql(asked.sql), args=bound).toArrow()
        return found.cast(_plain(found.schema))

    @contextmanager
    def stream(
        self, question: str, parameters: Mapping[str, object]
    ) -> Iterator[pa.RecordBatchReader]:
        """The same rows part by part: one partition is held at a time. Raises QuestionInvalid or
        StoreError."""
        import pyarrow as pa

        asked = question_named(question)
        bound = asked.bound(parameters)
        with _explained(self._lake.uri):
            frame = self.session().sql(spark_sql(asked.sql), args=bound)
            schema = _plain(frame.limit(0).toArrow().schema)
            messages = frame.mapInArrow(_as_messages(), "message BINARY").toLocalIterator()

        def batches() -> Iterator[pa.RecordBatch]:
            with _explained(self._lake.uri):
                for message in messages:
                    for batch in pa.ipc.open_stream(message[0]):
                        yield batch.cast(schema)

        yield pa.RecordBatchReader.from_batches(schema, batches())

    def close(self) -> None:
        """Let go of the views. Spark itself ends with the process."""
        self._own = threading.local()

    def session(self) -> SparkSession:
        """This thread's session, in UTC; tables and views are its temporary views, as they are
        now."""
        versions = self._lake.versions()
        if getattr(self._own, "versions", None) != versions:
            if not hasattr(self._own, "session"):
                self._own.session = self._root.newSession()
                for name, value in self._settings.items():
                    if self._own.session.conf.isModifiable(name):
                        self._own.session.conf.set(name, value)
            self._make_views(self._own.session)
            self._own.versions = versions
        session: SparkSession = self._own.session
        return session

    def _make_views(self, session: SparkSession) -> None:
        for name, table in TABLES.items():
            rows = _rows(session, table, self._lake.delta(name))
            if table is BOUNCES:
                rows = rows.selectExpr("*", "CAST(event_time AS DATE) AS event_day")
            rows.createOrReplaceTempView(name)
        for name, (_, sql) in views().items():
            session.sql(spark_sql(sql)).createOrReplaceTempView(name)


def _rows(session: SparkSession, table: LakeTable, delta: DeltaTable) -> DataFrame:
    """The table's rows, typed, also when no file exists or older files lack a column."""
    refuse_deletion_vectors(delta, table.name)
    files = [_spark_path(uri) for uri in delta.file_uris()]
    if not files:
        return session.createDataFrame(table.schema.empty_table())
    kinds = ", ".join(f"`{name}` {_kind(kind)}" for name, kind, _ in table.fields)
    return session.read.schema(kinds).parquet(*files)


def _kind(kind: str) -> str:
    import sqlglot

    return sqlglot.exp.DataType.build(SQL_TYPES[kind], dialect="duckdb").sql("spark")


def _spark_path(uri: str) -> str:
    """Hadoop's name of a file, none of its characters a pattern."""
    if local_path(uri) is None:
        return re.sub("^s3://", "s3a://", uri)
    return re.sub(r"([{}\\])", r"\\\1", unquote(uri))


def _as_messages() -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What turns each batch into one row that holds it. Made here, it travels to the cluster with
    its code; there nobody has to know us."""

    def messages(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            yield pa.record_batch({"message": pa.array([sink.getvalue().to_pybytes()])})

    return messages


def _plain(schema: pa.Schema) -> pa.Schema:
    """As DuckDB's: nothing is called required, and times are in the zone UTC."""
    import pyarrow as pa

    utc = pa.timestamp("us", tz="UTC")
    kinds = {f.name: utc if pa.types.is_timestamp(f.type) else f.type for f in schema}
    return pa.schema([pa.field(name, kind) for name, kind in kinds.items()])


@contextmanager
def _put_in(session: SparkSession, given: Mapping[str, pa.Table]) -> Iterator[None]:
    """Rows in place of views, while the block runs."""
    try:
        for name, rows in given.items():
            session.createDataFrame(rows).createOrReplaceTempView(name)
        yield
    finally:
        for name in given:
            session.sql(spark_sql(views()[name][1])).createOrReplaceTempView(name)


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """What Spark raises about storage or its own end, as one sentence about the lake."""
    from py4j.protocol import Py4JError
    from pyspark.errors import AnalysisException, ParseException, PySparkException

    try:
        with explained(uri, "read"):
            yield
    except (PySparkException, Py4JError) as error:
        is_ours = isinstance(error, AnalysisException | ParseException)
        if is_ours and error.getCondition() != "PATH_NOT_FOUND":
            raise  # a bug
        words = str(error).strip().splitlines()[0][:300]
        raise StoreError(
            f"Spark could not read the lake at {uri}: {words.rstrip('.')}.",
            advice="See what Spark logged; for object storage set engine.spark_conf.",
        ) from error
