"""`import`: what a person has on their desk into the lake: zip, csv, tsv, jsonl, parquet."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import bouncelens
from bouncelens.errors import InputInvalid
from bouncelens.extract.files import FileSource
from bouncelens.extract.people import PEOPLE_FIELDS
from bouncelens.service.incident.watch import after
from bouncelens.service.intake import Counts, Intake, with_provider

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from bouncelens.service.incident import Watched
    from bouncelens.service.workspace import Workspace


_MOST_REASONS = 20


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did. `read`: the parts of the file and what each holds; `skipped`: parts that
    hold nothing for us; `partial`: what is lacking and why."""

    file: str
    read: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]
    pages: int
    received: int
    stored: int
    known: int
    quarantined: int
    jobs: int
    sends: int
    partial: tuple[str, ...]
    seconds: float
    filled: int = 0  # stored bounces to which known rows added something
    subscribers: int = 0  # people of whom a status or an end is told
    not_sent: tuple[tuple[str, int], ...] = ()  # messages held back by Marketing Cloud, by reason
    oldest: datetime | None = None  # event time of what was new
    watched: Watched | None = None  # whether a provider is or was wrong

    @property
    def exit_code(self) -> int:
        """0, or 3 when something is lacking; incidents do not change it."""
        return 3 if self.partial else 0


def import_file(
    workspace: Workspace,
    path: Path,
    *,
    account: int | None = None,
    job: int | None = None,
    progress: Callable[[Counts], None] = lambda _: None,
) -> ImportResult:
    """Read a file into the lake. `account` and `job` count where the file has no such column;
    the settings' only account is assumed without being said.

    Raises InputInvalid when the file cannot be used at all, StoreError. A file that breaks off in
    the middle is partial, and so is one with rows that could not be read.
    """
    began = time.monotonic()
    source = FileSource(path, given=_given(workspace, account, job))
    run = workspace.ledger.start_run("import", version=bouncelens.__version__)
    try:
        result = take_in(workspace, source, path.name, run, progress=progress)
    except BaseException as error:
        workspace.ledger.finish_run(run, "failed", counts={}, detail=str(error)[:2000])
        raise
    counts = {name: n for name, n in asdict(result).items() if isinstance(n, int)}
    outcome = "partial" if result.partial else "ok"
    workspace.ledger.finish_run(run, outcome, counts=counts, detail=" ".join(result.partial)[:2000])
    workspace.lake.tidy()
    result = replace(result, watched=after(workspace, since=result.oldest))
    return replace(result, seconds=time.monotonic() - began)


def take_in(
    workspace: Workspace,
    source: FileSource,
    name: str,
    run: int,
    *,
    progress: Callable[[Counts], None] = lambda _: None,
) -> ImportResult:
    """An opened file into the lake, as part of a run. Raises InputInvalid when nothing of it can
    be used, StoreError."""
    intake, partial = Intake(workspace, run), list[str]()
    beside = _Beside()
    try:
        try:
            for page in source.pages():
                intake.take(page)
                progress(intake.counts)
        finally:
            intake.flush()
        _read_beside(workspace, source, intake, beside)
    except InputInvalid as error:
        if not intake.counts.stored + intake.counts.known:
            raise
        partial.append(str(error))
    counts = intake.counts
    if counts.quarantined:
        if not (counts.received or any(asdict(beside).values())):
            raise InputInvalid(_nothing(workspace, run, name, counts.quarantined))
        is_one = counts.quarantined == 1
        rows = "1 row" if is_one else f"{counts.quarantined:,} rows"
        aside = f"{name}: {rows} could not be read and {'is' if is_one else 'are'} set aside"
        partial.append(f"{aside}{_such_as(workspace, run)}.")
    return ImportResult(
        name,
        tuple((content.part.name, content.kind) for content in source.contents),
        source.skipped,
        **asdict(counts),
        **asdict(beside),
        partial=tuple(partial),
        seconds=0.0,
        oldest=intake.oldest,
    )


@dataclass(slots=True)
class _Beside:
    """What a file holds beside bounces."""

    jobs: int = 0
    sends: int = 0
    subscribers: int = 0
    not_sent: tuple[tuple[str, int], ...] = ()


def _read_beside(workspace: Workspace, source: FileSource, intake: Intake, beside: _Beside) -> None:
    lake = workspace.lake
    found = source.jobs()
    intake.quarantine(list(found.quarantined))
    lake.put_jobs(found.table)
    beside.jobs = found.table.num_rows
    counted = source.sends()
    intake.quarantine(list(counted.quarantined))
    lake.put_sends(with_provider(counted.table))
    beside.sends = counted.table.num_rows
    beside.subscribers = _people(workspace, source, intake)
    held_back, bad = source.not_sent()
    intake.quarantine(list(bad))
    beside.not_sent = tuple(held_back.items())[:_MOST_REASONS]


def _people(workspace: Workspace, source: FileSource, intake: Intake) -> int:
    """Statuses, unsubscribes and complaints into the lake; how many people."""
    if not any(content.kind in PEOPLE_FIELDS for content in source.contents):
        return 0
    known: Any = workspace.lake.read("subscribers")["subscriber_key"]
    found = source.people(known.combine_chunks())
    intake.quarantine(list(found.quarantined))
    workspace.lake.put_subscribers(found.table)
    return found.table.num_rows


def _nothing(workspace: Workspace, run: int, name: str, count: int) -> str:
    none = "its only row could not" if count == 1 else f"none of its {count:,} rows could"
    return f"{name}: {none} be read{_such_as(workspace, run)}."


def _such_as(workspace: Workspace, run: int) -> str:
    """One row of those set aside, and why: mostly the rest has the same cause."""
    row = next(iter(workspace.ledger.quarantined(run=run, limit=1)), None)
    if row is None:  # known from an earlier run
        return ""
    line = f", line {row.line}" if row.line else ""
    return f" (such as {row.source}{line}: {row.reason})"


def _given(workspace: Workspace, account: int | None, job: int | None) -> dict[str, int]:
    known = workspace.settings.accounts
    if account is None and len(known) == 1:
        account = known[0].mid
    return {n: v for n, v in (("account", account), ("job", job)) if v is not None}
