"""Pages into the lake: judged, stored, and only then counted as done.

One order for every route: templates and verdicts, events, quarantine, bookmark. Whatever breaks in
between is read again the next time, and the lake adds only what it does not have already.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bouncelens.parse.provider import provider_of
from bouncelens.service.hand import with_hands
from bouncelens.service.judge import judge_events

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from bouncelens.bounce import Page, Quarantined
    from bouncelens.service.workspace import Workspace

# A commit of the lake costs the same for ten rows as for ten thousand; but a slow tenant's rows
# must not be at risk for long. Where rows are filled, whole files are written anew: the fewer times
# the better.
_ROWS_PER_COMMIT, _ROWS_PER_FILL, _SECONDS_PER_COMMIT = 10_000, 100_000, 20.0

Complete = Callable[["pa.Table"], "pa.Table"]


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of rows."""

    pages: int = 0
    received: int = 0  # rows that could be read
    stored: int = 0  # new in the lake
    known: int = 0  # there already
    quarantined: int = 0  # rows that could not be read; each is kept once
    filled: int = 0  # stored bounces to which known rows added something

    def __add__(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(
            self.pages + other.pages,
            self.received + other.received,
            self.stored + other.stored,
            self.known + other.known,
            self.quarantined + other.quarantined,
            self.filled + other.filled,
        )


@dataclass(slots=True)
class Intake:
    """Takes pages and stores them by the thousand. Call `flush` at the end, also after failure:
    every page that was given is valid."""

    workspace: Workspace
    run: int
    mark: Callable[[datetime], None] = lambda _: None  # moves the bookmark
    complete: Complete = lambda events: events  # fills fields before judging
    counts: Counts = field(default_factory=Counts)
    oldest: datetime | None = None  # event time of what was new
    _events: list[pa.RecordBatch] = field(default_factory=list)
    _bad: list[Quarantined] = field(default_factory=list)
    _rows: int = 0
    _most: int = _ROWS_PER_COMMIT
    _through: datetime | None = None
    _flushed: float = field(default_factory=time.monotonic)

    def take(self, page: Page) -> None:
        """Take a page; store what has come together when it is enough."""
        self._events.append(page.events)
        self._bad += page.quarantined
        self._rows += page.events.num_rows
        self._through = page.through or self._through
        self.counts += Counts(pages=1, received=page.events.num_rows)
        is_old = time.monotonic() - self._flushed >= _SECONDS_PER_COMMIT
        if self._rows + len(self._bad) >= self._most or is_old:
            self.flush()

    def flush(self) -> None:
        """Store what was taken, then move the bookmark."""
        import pyarrow as pa

        if self._rows:
            events = pa.Table.from_batches([b for b in self._events if b.num_rows])
            self._store(self.complete(events))
        self.quarantine(self._bad)
        if self._through is not None:
            self.mark(self._through)
        self._events, self._bad, self._rows, self._through = [], [], 0, None
        self._flushed = time.monotonic()

    def quarantine(self, rows: list[Quarantined]) -> None:
        """Keep and count rows that could not be read."""
        if rows:
            self.workspace.ledger.quarantine(rows, run=self.run)
            self.counts += Counts(quarantined=len(rows))

    def _store(self, events: pa.Table) -> None:
        lake = self.workspace.lake
        names = ["routes" if name == "route" else name for name in events.column_names]
        added = lake.add_bounces(events.rename_columns(names), judge=self._judged)
        self.oldest = earliest(self.oldest, added.oldest)
        self._most = _ROWS_PER_FILL if added.filled else _ROWS_PER_COMMIT
        self.counts += Counts(stored=added.inserted, known=added.known, filled=added.filled)

    def _judged(self, bounces: pa.Table) -> pa.Table:
        """Judge what is about to be written. Their templates come first: of a bounce in the lake
        the verdict is known, whatever breaks."""
        judged = judge_events(bounces, self.workspace.classifier)
        self.workspace.lake.put_templates(judged.templates)
        self.workspace.lake.put_verdicts(with_hands(judged.verdicts, self.workspace))
        return judged.bounces


def earliest(*moments: datetime | None) -> datetime | None:
    """The earliest of those that there are."""
    return min((moment for moment in moments if moment is not None), default=None)


def with_provider(sends: pa.Table) -> pa.Table:
    """Send counts with who runs each domain's mailboxes."""
    import pyarrow as pa

    of = {domain: provider_of(domain) for domain in sends["domain"].unique().to_pylist()}
    column = pa.array([of[d] for d in sends["domain"].to_pylist()], pa.string())
    return sends.append_column("provider", column)
