"""Events that have arrived into the lake, in batches, behind the server's back.

A segment of the spool is removed once it is stored. Whatever breaks before that, it is read again,
and the lake drops what it has already: each bounce arrives once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import bouncelens
from bouncelens.errors import BouncelensError
from bouncelens.extract.events import read_letters
from bouncelens.extract.spool import Letter, Spool, letters
from bouncelens.service.intake import Counts, Intake
from bouncelens.service.receive import Receiver, spool_of
from bouncelens.service.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from bouncelens.settings import Settings

_BATCH_BYTES = 4 * 1024 * 1024
_MOST_KINDS = 20  # of other events that a run names
_TIDY_EVERY = 50  # segments: each is a commit, and each commit a file
_RUN_S = 3600.0  # a server's run in the ledger stands for an hour, not for one look
_WAIT_MAX_S, _FAREWELL_S = 300.0, 5.0
_COUNTED = ("received", "stored", "known", "quarantined")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EventsStored:
    """What became of the events that had arrived. `others`: events of other types, by type."""

    received: int
    stored: int
    known: int
    quarantined: int
    others: tuple[tuple[str, int], ...]
    seconds: float

    @property
    def exit_code(self) -> int:
        """0, or 3 when something could not be read."""
        return 3 if self.quarantined else 0


def store_events(workspace: Workspace) -> EventsStored:
    """Store all that has arrived. Raises StoreError; what is not stored stays where it is."""
    began = time.monotonic()
    work = _Storing(workspace, spool_of(workspace.settings.events))
    work.all()
    counts = work.counts
    return EventsStored(
        counts.received,
        counts.stored,
        counts.known,
        counts.quarantined,
        tuple(work.others.most_common(_MOST_KINDS)),
        time.monotonic() - began,
    )


class Events:
    """The events route of a server: takes posts at once, stores them in a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._spool = spool_of(settings.events)
        self.receiver = Receiver(settings.events, self._spool)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    def start(self) -> None:
        """Begin to store."""
        self._thread.start()

    def close(self) -> None:
        """End, after what is being stored just now; the rest waits on disk for the next start."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_FAREWELL_S)
        self._spool.close()

    def _run(self) -> None:
        every_s, failures = self._settings.events.every_s, 0
        with Workspace.open(self._settings) as workspace:
            work = _Storing(workspace, self._spool)
            while not self._ended.wait(min(every_s * 2**failures, max(every_s, _WAIT_MAX_S))):
                try:
                    work.all()
                    failures = 0
                except BouncelensError as error:
                    failures = min(failures + 1, 10)
                    told = {"reason": str(error)}
                    _LOG.error("events wait: they could not be stored", extra=told)
                if work.age_s > _RUN_S:
                    work = _Storing(workspace, self._spool)


class _Storing:
    """One run of the ledger over what arrives. The run begins with the first event."""

    def __init__(self, workspace: Workspace, spool: Spool) -> None:
        self._workspace, self._spool = workspace, spool
        self._run: int | None = None
        self._began = time.monotonic()
        self.counts, self.others = Counts(), Counter[str]()
        self._segments = 0

    @property
    def age_s(self) -> float:
        """How old the run is."""
        return time.monotonic() - self._began

    def all(self) -> None:
        """Every segment, oldest first. Raises StoreError."""
        self._spool.seal()
        for path in self._spool.sealed():
            self._segment(path)

    def _note(self, run: int) -> None:
        """What the run has come to so far, in the ledger."""
        counts = {name: getattr(self.counts, name) for name in _COUNTED}
        counts["other_events"] = self.others.total()
        told = ", ".join(f"{kind} {n:,}" for kind, n in self.others.most_common(_MOST_KINDS))
        self._workspace.ledger.finish_run(
            run,
            "partial" if self.counts.quarantined else "ok",
            counts=counts,
            detail=f"Other events: {told}." if told else "",
        )

    def _segment(self, path: Path) -> None:
        if self._run is None:
            ledger = self._workspace.ledger
            self._run = ledger.start_run("events", version=bouncelens.__version__)
        run = self._run
        intake, others = Intake(self._workspace, run), Counter[str]()
        try:
            for batch in _batches(path):
                heard = read_letters(batch)
                intake.take(heard.page)
                others.update(heard.others)
            intake.flush()
        except FileNotFoundError:  # another process stored it
            return
        path.unlink(missing_ok=True)
        self.counts += intake.counts
        self.others += others
        self._note(run)
        self._segments += 1
        if self._segments % _TIDY_EVERY == 0:
            self._workspace.lake.tidy()


def _batches(path: Path) -> Iterator[list[Letter]]:
    batch, size = list[Letter](), 0
    for letter in letters(path):
        batch.append(letter)
        size += len(letter.body)
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
