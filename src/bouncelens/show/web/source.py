"""Where the pages' answers come from: the settings' lake and ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bouncelens.service import report, suppress
from bouncelens.service.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from bouncelens.service.report import Answer
    from bouncelens.settings import Settings
    from bouncelens.show.web.filters import Filters

    _T = TypeVar("_T")


class Source:
    """One workspace, opened at first use. Requests come from many threads and a workspace belongs
    to one, so they take turns; each question takes some hundredths of a second."""

    def __init__(self, settings: Settings) -> None:
        # Nothing is made where nothing is: pages only read.
        self._workspace = Workspace.open(settings, create=False)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="workspace")

    def ask(self, question: str, filters: Filters, *, limit: int | None = None) -> Answer:
        """The answer to a question within the filters. Raises QuestionInvalid, StoreError."""
        since, until = filters.window
        return self._turn(
            lambda: report.answer(
                self._workspace,
                question,
                since=since,
                until=until,
                limit=limit,
                **filters.others(),
            )
        )

    def proposed(self) -> int | None:
        """How many suppressions are planned; None when nobody planned. Raises StoreError."""
        return self._turn(lambda: suppress.proposed(self._workspace))

    def close(self) -> None:
        """Let go of the workspace."""
        self._turn(self._workspace.close)
        self._worker.shutdown()

    def _turn(self, work: Callable[[], _T]) -> _T:
        return self._worker.submit(work).result()
