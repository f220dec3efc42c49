"""A question's SQL in Spark's words: sqlglot turns DuckDB's dialect, we mend what it gets wrong.

Each mending is one function from a node to a node. What Spark would answer otherwise is refused.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bouncelens.errors import QuestionInvalid
from bouncelens.store.questions import sql_type

if TYPE_CHECKING:
    from sqlglot import exp


@lru_cache(maxsize=256)
def spark_sql(sql: str) -> str:
    """The same query for Spark, its parameters as markers such as `:since`: a value never becomes
    text. Raises QuestionInvalid for what Spark would answer otherwise than DuckDB."""
    import sqlglot
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.errors import ErrorLevel, SqlglotError

    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
        for node in reversed(list(tree.walk(bfs=False))):  # the inner ones first
            _mend(node)
        spark = Dialect.get_or_raise("spark").generator(unsupported_level=ErrorLevel.RAISE)
        # sqlglot lifts inner CTEs out for Hive's sake, where names can meet that did not before.
        spark.EXPRESSIONS_WITHOUT_NESTED_CTES = set()  # type: ignore[misc]
        return spark.generate(tree)
    except SqlglotError as error:
        raise QuestionInvalid(f"Spark cannot answer this: {error}.", advice=_ADVICE) from error


_ADVICE = "Ask the engine duckdb."


def _mend(node: exp.Expr) -> None:
    """Put in place what means the same to Spark."""
    from sqlglot import exp

    # Estimates of percentiles come without a word; QUALIFY sees other columns.
    if isinstance(node, exp.Qualify | exp.PercentileCont | exp.PercentileDisc | exp.Quantile):
        raise QuestionInvalid(
            f"Spark would answer {node.key.upper()} otherwise than DuckDB.", advice=_ADVICE
        )
    if isinstance(node, exp.Placeholder):
        # An untyped NULL compares with nothing; a LIMIT wants no more than an integer.
        kind = "INT" if isinstance(node.parent, exp.Limit) else sql_type(node.name)
        node.replace(exp.cast(node.copy(), kind, dialect="duckdb"))
    elif isinstance(node, exp.DayOfWeekIso):  # sqlglot lets the week begin on a Sunday
        monday_is_0 = exp.Anonymous(this="WEEKDAY", expressions=[node.this.copy()])
        node.replace(_whole(exp.Add(this=monday_is_0, expression=exp.Literal.number(1))))
    elif isinstance(node, exp.TimeToUnix):  # UNIX_TIMESTAMP drops parts of a second
        micros = exp.Anonymous(this="UNIX_MICROS", expressions=[node.this.copy()])
        node.replace(exp.paren(exp.Div(this=micros, expression=exp.Literal.number(1_000_000))))
    elif isinstance(node, exp.Hour) or (
        isinstance(node, exp.Window) and isinstance(node.this, exp.RowNumber | exp.DenseRank)
    ):
        node.replace(_whole(node.copy()))


def _whole(node: Any) -> exp.Expr:
    """DuckDB counts in 64 bits where Spark takes 32."""
    from sqlglot import exp

    return exp.cast(node, "BIGINT")
