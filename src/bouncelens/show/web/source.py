"""Where the pages' answers come from: the settings' lake and ledger."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bouncelens.service import compare, report, suppress
from bouncelens.service.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from bouncelens.service.report import Answer
    from bouncelens.settings import Settings
    from bouncelens.show.web.filters import Filters

    _T = TypeVar("_T")


_MOST_KEPT = 64  # answers; each has some thousand rows at most


class Source:
    """One workspace, opened at first use. Requests come from many threads and a workspace belongs
    to one, so they take turns; each question takes some hundredths of a second."""

    def __init__(self, settings: Settings) -> None:
        # Nothing is made where nothing is: pages only read.
        self._workspace = Workspace.open(settings, create=False)
        self._answers: dict[tuple[object, ...], Answer] = {}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="workspace")

    def ask(self, question: str, filters: Filters, *, limit: int | None = None) -> Answer:
        """The answer to a question within the filters. Raises QuestionInvalid, StoreError."""
        return self._turn(lambda: self._kept(question, filters, limit))

    def _kept(self, question: str, filters: Filters, limit: int | None) -> Answer:
        """The answer, as it was given before where the lake is what it was within the hour."""
        versions = tuple(sorted(self._workspace.lake.versions().items()))
        key = (question, filters, limit, versions, int(time.time() // 3600))
        if key not in self._answers:
            if len(self._answers) >= _MOST_KEPT:
                self._answers.pop(next(iter(self._answers)))
            self._answers[key] = self._asked(question, filters, limit)
        return self._answers[key]

    def _asked(self, question: str, filters: Filters, limit: int | None) -> Answer:
        return report.answer(self._workspace, question, limit=limit, **given(question, filters))

    def unanswered(self, question: str, filters: Filters) -> Answer:
        """All that is said about an answer, without its rows. Raises QuestionInvalid."""
        told = filters.others()
        return self._turn(lambda: report.unanswered(self._workspace, question, told))

    def use(self, work: Callable[[Workspace], _T]) -> _T:
        """What some work makes of the workspace, in its turn. Raises what it raises."""
        return self._turn(lambda: work(self._workspace))

    def proposed(self) -> int | None:
        """How many suppressions are planned; None when nobody planned. Raises StoreError."""
        return self._turn(lambda: suppress.proposed(self._workspace))

    def close(self) -> None:
        """Let go of the workspace."""
        self._turn(self._workspace.close)
        self._worker.shutdown()

    def _turn(self, work: Callable[[], _T]) -> _T:
        return self._worker.submit(work).result()


def given(question: str, filters: Filters) -> dict[str, Any]:
    """Window and filters by the names that a question takes."""
    since, until = filters.window
    named = {"since": since, "until": until, **filters.others()}
    if question == "compare" and not any(name.startswith("other_") for name in named):
        named |= compare.other_side(named, ())
    return named
