"""The port: what the service asks of whatever answers questions over the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    import pyarrow as pa


class Engine(Protocol):
    """Answers the questions of `questions.py` over the lake as it is at that moment."""

    @property
    def name(self) -> str:
        """What people call it: duckdb, spark."""
        ...

    def ask(
        self,
        question: str,
        parameters: Mapping[str, object],
        *,
        given: Mapping[str, pa.Table] | None = None,
    ) -> pa.Table:
        """The answer's rows, with the question's columns in order; an absent or None parameter
        means all. `given`: rows instead of views of these names, such as policy_rules. Raises
        QuestionInvalid or StoreError."""
        ...

    def stream(
        self, question: str, parameters: Mapping[str, object]
    ) -> AbstractContextManager[pa.RecordBatchReader]:
        """The same rows part by part, for answers of any length, while the block runs; nothing
        else may be asked meanwhile. Raises QuestionInvalid or StoreError, reading too."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...
