"""Apply a plan, exactly; undo it, exactly. What is going to be done is in the ledger before any of
it is done, and every write may be repeated: a run that was killed goes on, or is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

import bouncelens
from bouncelens.decide.guard import Finding, findings
from bouncelens.errors import InputInvalid, PlanRefused
from bouncelens.service.suppress.decisions import gone
from bouncelens.service.suppress.facts import facts
from bouncelens.service.suppress.plan_file import Head, Opened, open_plan
from bouncelens.service.suppress.record import Key, read, who
from bouncelens.service.suppress.targets import Targets, opened
from bouncelens.store.ledger.changes import Change, ChangeRow

if TYPE_CHECKING:
    from pathlib import Path

    from bouncelens.service.workspace import Workspace

_CHUNK = 50_000  # rows between two notes of how far it got
_LOCK_S = 10.0
_INVERSE = {"add": "release", "release": "add", "renew": "renew"}
_STAYS = "unsubscribed or complained: never made mailable again"

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a run. `outcomes`: addresses by done, skipped, refused."""

    run: int
    plan: str
    undoes: int | None
    resumed: bool
    outcomes: Mapping[str, int]
    refused: tuple[ChangeRow, ...]  # the first of them
    skipped: tuple[ChangeRow, ...]

    @property
    def exit_code(self) -> int:
        """0, or 3 when a row was refused."""
        return 3 if self.outcomes.get("refused") else 0


@dataclass(frozen=True, slots=True)
class Looked:
    """A plan as it would be applied now. `resumes`: the run that was interrupted."""

    hash: str
    head: Head
    findings: tuple[Finding, ...]
    resumes: int | None


@dataclass(frozen=True, slots=True)
class Undoable:
    """A run that may be undone. `begun`: an undo of it that was interrupted."""

    change: Change
    outcomes: Mapping[str, int]
    begun: Change | None


def look(workspace: Workspace, path: Path, *, now: datetime | None = None) -> Looked:
    """What a plan says and what is in its way, without doing anything.

    Raises InputInvalid for a changed file, PlanRefused for one whose time is over.
    """
    plan = open_plan(path)
    resumes = _checked(workspace, plan)
    moment = now or datetime.now(UTC)
    limits = workspace.settings.guard
    found = findings(facts(workspace, plan.head.added, moment), limits, moment)
    return Looked(plan.hash, plan.head, found, None if resumes is None else resumes.run)


def apply(
    workspace: Workspace,
    path: Path,
    *,
    override: str | None = None,
    targets: Targets | None = None,
    progress: Progress = lambda _step, _rows: None,
    now: datetime | None = None,
) -> Applied:
    """Do what the plan says and nothing else; go on where an earlier try was interrupted.

    Raises InputInvalid for a changed file, PlanRefused when a guard rail is in the way and there is
    no `override` reason, or when plan and facts do not fit any more; SourceError, SignInRefused,
    StoreError: then the same call goes on later.
    """
    with _alone(workspace), _where(workspace, targets) as places:
        looked = look(workspace, path, now=now)
        plan = open_plan(path)
        _same_places(plan.head, places)
        is_new = looked.resumes is None
        if is_new and looked.findings and not (override or "").strip():
            told = " ".join(finding.sentence for finding in looked.findings)
            raise PlanRefused(
                f"The plan is not applied. {told}",
                advice='Plan again, or pass the guard rails with --override "REASON".',
            )
        work = _Work(workspace, places, progress, now)
        if looked.resumes is not None:
            return work.carried_out(_change(workspace, looked.resumes), resumed=True)
        work.refuse_moved(plan)
        told_off = {"findings": [asdict(f) for f in looked.findings], "override": override}
        run = work.begin("suppress apply", {"plan": plan.hash, **told_off})
        change = Change(run, plan.hash, ", ".join(places.names), None, "running")
        workspace.ledger.changes.begin(change, plan.rows())
        return work.carried_out(change, resumed=False)


def undo(
    workspace: Workspace,
    run: int,
    *,
    targets: Targets | None = None,
    progress: Progress = lambda _step, _rows: None,
    now: datetime | None = None,
) -> Applied:
    """Restore what was before a run, also one that was interrupted; people who unsubscribed or
    complained since stay suppressed. Goes on where an earlier undo was interrupted.

    Raises PlanRefused when there is nothing to undo or a later run comes first.
    """
    with _alone(workspace), _where(workspace, targets) as places:
        ledger = workspace.ledger
        work = _Work(workspace, places, progress, now)
        found = undoable(workspace, run)
        if found.begun is not None:
            return work.carried_out(found.begun, resumed=True)
        present, plan = places.read(), found.change.plan
        number = work.begin("suppress undo", {"plan": plan, "undoes": run})
        undone = Change(number, plan, found.change.target, run, "running")
        ledger.changes.begin(undone, _inverse(ledger.changes.rows(run), present))
        return work.carried_out(undone, resumed=False)


def undoable(workspace: Workspace, run: int) -> Undoable:
    """What a run did, if it may be undone now. Raises PlanRefused."""
    changes = workspace.ledger.changes.changes()
    found = next((c for c in changes if c.run == run), None)
    if found is None or found.undoes is not None:
        runs = ", ".join(str(c.run) for c in changes if c.undoes is None and c.state != "undone")
        raise PlanRefused(
            f"Run {run} applied no plan.", advice=f"Those that did: {runs or 'none'}."
        )
    if found.state == "undone":
        raise PlanRefused(f"Run {run} is undone already.")
    later = [c for c in changes if c.run > run and c.undoes is None and c.state != "undone"]
    if later:
        raise PlanRefused(
            f"Run {later[0].run} came after run {run}.", advice=f"Undo {later[0].run} first."
        )
    begun = next((c for c in changes if c.undoes == run and c.state == "running"), None)
    return Undoable(found, workspace.ledger.changes.outcomes(run), begun)


class _Work:
    """One run on its way."""

    def __init__(
        self, workspace: Workspace, targets: Targets, progress: Progress, now: datetime | None
    ) -> None:
        self._workspace, self._targets = workspace, targets
        self._progress, self._now = progress, now
        self._ledger = workspace.ledger

    def begin(self, verb: str, detail: Mapping[str, object]) -> int:
        """A new run, in the audit log before it does anything."""
        run = self._ledger.start_run(verb, version=bouncelens.__version__, now=self._now)
        self._ledger.audit.add(verb, {"run": run, **detail}, who=who(), now=self._now)
        return run

    def refuse_moved(self, plan: Opened) -> None:
        """A plan says what was there; where something else is now, it is another plan's turn."""
        present = self._targets.read()
        moved = sum(
            present.get((row.account, row.subscriber_key)) not in (row.before, row.after)
            for row in plan.rows()
        )
        if moved:
            raise PlanRefused(
                f"{moved:,} rows of {', '.join(self._targets.names)} have changed since the plan "
                "was made.",
                advice="Plan again.",
            )

    def carried_out(self, change: Change, *, resumed: bool) -> Applied:
        """Write, read back, decide. Each step may be the last one before a crash."""
        self._write(change)
        self._verify(change)
        changes = self._ledger.changes
        changes.end(change, _decided(changes.rows(change.run, "done", "skipped")))
        outcomes = changes.outcomes(change.run)
        refused = tuple(islice(changes.rows(change.run, "refused"), 20))
        self._ledger.finish_run(
            change.run,
            "partial" if refused else "ok",
            counts=outcomes,
            detail=refused[0].detail if refused else "",
            now=self._now,
        )
        ended = {"run": change.run, "outcomes": outcomes, "undoes": change.undoes}
        self._ledger.audit.add("suppress done", ended, who=who(), now=self._now)
        skipped = tuple(islice(changes.rows(change.run, "skipped"), 20))
        return Applied(change.run, change.plan, change.undoes, resumed, outcomes, refused, skipped)

    def _write(self, change: Change) -> None:
        rows = self._ledger.changes.rows(change.run, "pending")
        left = gone(self._workspace)
        sent = 0
        while part := list(islice(rows, _CHUNK)):
            freed = [_key(row) for row in part if _frees(row)]
            stays = {key for key in freed if key in left} | self._targets.unsubscribed(freed)
            skipped = [row.number for row in part if _frees(row) and _key(row) in stays]
            if skipped:
                self._ledger.changes.note(change.run, skipped, "skipped", _STAYS)
            todo = {_key(row): row for row in part if not (_frees(row) and _key(row) in stays)}
            refused = self._targets.write({key: row.after for key, row in todo.items()})
            for key, words in refused.items():
                self._ledger.changes.note(change.run, [todo[key].number], "refused", words)
            done = [row.number for key, row in todo.items() if key not in refused]
            self._ledger.changes.note(change.run, done, "sent")
            sent += len(part)
            self._progress("written", sent)

    def _verify(self, change: Change) -> None:
        present = self._targets.read()
        rows = self._ledger.changes.rows(change.run, "sent")
        seen = 0
        while part := list(islice(rows, _CHUNK)):
            holds = [row for row in part if present.get(_key(row)) == row.after]
            found = {row.number for row in holds}
            lacking = [row.number for row in part if row.number not in found]
            self._ledger.changes.note(change.run, sorted(found), "done")
            if lacking:
                words = "what was written could not be read back"
                self._ledger.changes.note(change.run, lacking, "refused", words)
            seen += len(part)
            self._progress("verified", seen)


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    with workspace.ledger.holding("suppress", wait_s=_LOCK_S) as has_it:
        if not has_it:
            raise PlanRefused("Another plan is being applied or undone.", advice="Wait for it.")
        yield


@contextmanager
def _where(workspace: Workspace, given: Targets | None) -> Iterator[Targets]:
    with nullcontext(given) if given is not None else opened(workspace) as targets:
        if not targets.names:
            raise InputInvalid(
                "There is nowhere to write suppressions to.",
                advice="Set suppression.data_extension or suppression.file.",
            )
        yield targets


def _checked(workspace: Workspace, plan: Opened) -> Change | None:
    """The interrupted run of the plan, if there is one. Raises InputInvalid, PlanRefused."""
    if workspace.ledger.changes.plan(plan.hash) is None:
        raise InputInvalid(
            f"{plan.path} was changed after it was made, or made with another ledger.",
            advice="Make it anew: bouncelens suppress plan --out FILE",
        )
    changes = workspace.ledger.changes.changes()
    for change in changes:
        if change.state == "running":
            if change.plan == plan.hash and change.undoes is None:
                return change
            verb = f"undo {change.undoes}" if change.undoes else f"undo {change.run}"
            raise PlanRefused(
                f"Run {change.run} was interrupted.",
                advice=f"Apply its plan again, or bouncelens suppress {verb}, first.",
            )
        if change.plan == plan.hash and change.undoes is None:
            raise PlanRefused(f"The plan is applied already, by run {change.run}.")
    newest = changes[0].run if changes else None
    if newest != plan.head.base:
        raise PlanRefused(f"Run {newest} came after the plan was made.", advice="Plan again.")
    return None


def _same_places(head: Head, targets: Targets) -> None:
    if list(targets.names) != head.targets:
        raise PlanRefused(
            f"The plan is for {', '.join(head.targets) or 'no target'}, the settings name "
            f"{', '.join(targets.names)}.",
            advice="Plan again.",
        )


def _change(workspace: Workspace, run: int) -> Change:
    return next(c for c in workspace.ledger.changes.changes() if c.run == run)


def _inverse(rows: Iterator[ChangeRow], present: Mapping[Key, str]) -> Iterator[ChangeRow]:
    """What takes a run back, whatever of it has happened. Who was skipped is left alone."""
    for row in rows:
        if row.outcome != "skipped":
            yield replace(
                row,
                kind=_INVERSE[row.kind],
                before=present.get(_key(row)),
                after=row.before,
                was=row.becomes,
                becomes=row.was,
                outcome="pending",
                detail="",
            )


def _key(row: ChangeRow) -> Key:
    return (row.account, row.subscriber_key)


def _frees(row: ChangeRow) -> bool:
    """Whether the person would be mailable after it."""
    return row.becomes is None or read(row.becomes).state != "active"


def _decided(
    rows: Iterator[ChangeRow],
) -> Iterator[tuple[ChangeRow, Mapping[str, object] | None]]:
    for row in rows:
        text = row.was if row.outcome == "skipped" else row.becomes
        yield row, None if text is None else asdict(read(text))
