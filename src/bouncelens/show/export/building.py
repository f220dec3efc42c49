"""Questions into a document: what is asked for it, and how many rows it has room for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bouncelens.show.export.cells import clean
from bouncelens.show.export.report import Report, headline, sections

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from bouncelens.service.report import Answer

ROWS_OF_MANY, ROWS_OF_ONE = 30, 500  # of each of several answers, and of one alone


def build_report(
    ask: Callable[[str, int | None], Answer],
    names: Sequence[str],
    *,
    made_at: datetime,
    limit: int | None = None,
    lead: Sequence[str] = (),
) -> Report:
    """A document that answers questions. `ask`: answers one, with so many rows at least (None: as
    many as it gives). `lead`: sentences said first."""
    most = limit or (ROWS_OF_MANY if len(names) > 1 else ROWS_OF_ONE)
    answers = [ask(name, most) for name in names]
    overview = ask("overview", None) if "by_day" in names else None
    first = (headline(answers[0]),) if names[0] == "totals" else ()
    title = "Bounce report"
    if len(answers) == 1:  # what its rows say comes before them
        (alone,) = answers
        title, first = alone.title, (*first, *alone.told)
        answers = [replace(alone, notes=alone.notes[len(alone.told) :])]
    parts = sections(answers, limit=most, overview=overview)
    return Report(title, (*map(clean, first), *lead), parts, made_at)
