"""Where the pages' answers come from: the workspace's lake and ledger, asked one at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from bouncelens.service.report import Answer
    from bouncelens.service.workspace import Workspace
    from bouncelens.settings import Settings
    from bouncelens.show.web.filters import Filters


class Source(Protocol):
    """Answers questions for the pages."""

    def ask(self, question: str, filters: Filters) -> Answer:
        """The answer to a question within the filters. Raises QuestionInvalid, StoreError."""
        ...

    def proposed(self) -> int | None:
        """How many suppressions are planned and not applied; None when nobody planned."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class WorkspaceSource:
    """The settings' own lake and ledger, opened at first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._workspace: Workspace | None = None

    def ask(self, question: str, filters: Filters) -> Answer:
        """The answer to a question within the filters."""
        from bouncelens.service import report

        since, until = filters.window(self._settings.time_zone)
        with self._lock:
            return report.answer(
                self._open(), question, since=since, until=until, **filters.others()
            )

    def proposed(self) -> int | None:
        """How many suppressions the ledger holds as planned."""
        return None

    def close(self) -> None:
        """Close the workspace; the next question opens it again."""
        with self._lock:
            if self._workspace is not None:
                self._workspace.close()
                self._workspace = None

    def _open(self) -> Workspace:
        if self._workspace is None:
            from bouncelens.service.workspace import Workspace

            self._workspace = Workspace.open(self._settings)
        return self._workspace


def as_json(answer: Answer) -> dict[str, Any]:
    """An answer as plain values for JSON; times in ISO 8601 with their offset."""
    raise NotImplementedError(answer)
