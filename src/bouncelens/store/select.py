"""Whether a text is one SELECT over what a person may ask, by the engine's own reading of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bouncelens.errors import QuestionInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

HIDDEN = "rows_of_"  # how the names of what lies behind the tables begin
# They take a table or a query as text, and so could reach what its words do not show.
_DETOURS = frozenset({"query", "query_table", "histogram", "histogram_values"})


def one_select(connection: DuckDBPyConnection, sql: str) -> Any:
    """The statement. Raises QuestionInvalid for anything but one SELECT, and for words that reach
    behind the tables."""
    import duckdb

    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QuestionInvalid(sentence(error)) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QuestionInvalid(
            "Only one SELECT can be asked here.", advice="The lake is never written by SQL."
        )
    for key, word in _words(_tree(connection, sql)):
        if key == "function_name" and word.lower() in _DETOURS:
            raise QuestionInvalid(f"{word.lower()}() cannot be asked here.")
        if HIDDEN in word.lower() and key != "query":
            raise QuestionInvalid(f"There is no table {word[:60]!r}.")
    return statements[0]


def sentence(error: Exception) -> str:
    """What the engine says, in one line."""
    words = str(error).strip().split("\n\nLINE")[0].replace("\n", " ")
    return f"The query cannot be answered: {words[:500].rstrip('.')}."


def _tree(connection: DuckDBPyConnection, sql: str) -> Any:
    found = connection.sql("SELECT json_serialize_sql($sql::VARCHAR)", params={"sql": sql})
    tree = json.loads(found.to_arrow_table().column(0)[0].as_py())
    if tree["error"]:
        raise QuestionInvalid(f"The query cannot be answered: {tree.get('error_message')}.")
    return tree


def _words(tree: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in the tree, with the key it stands under."""
    waiting = [(key, tree)]
    while waiting:
        at, value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += ((at, part) for part in value)
        elif isinstance(value, str):
            yield at, value
