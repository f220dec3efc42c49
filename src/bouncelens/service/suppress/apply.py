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
from bouncelens.service.suppress.interrupted import interrupted
from bouncelens.service.suppress.plan_file import Head, Opened, open_plan
from bouncelens.service.suppress.record import Key, read, who
from bouncelens.service.suppress.targets import Present, Targets, opened
from bouncelens.store.ledger.changes import Change, ChangeRow

if TYPE_CHECKING:
    from pathlib import Path

    from bouncelens.bounce import Suppression
    from bouncelens.service.workspace import Workspace

_CHUNK = 50_000  # rows between two notes of how far it got
_LOCK_S = 10.0
_INVERSE = {"add": "release", "release": "add", "renew": "renew"}
_STAYS = "unsubscribed or complained: never made mailable again"

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a run. `outcomes`: addresses by done, skipped, refused, by_hand (all done but
    what a person has to do)."""

    run: int
    plan: str
    undoes: int | None
    resumed: bool
    outcomes: Mapping[str, int]
    lacking: tuple[ChangeRow, ...]  # the first that were refused, or need a hand
    skipped: tuple[ChangeRow, ...]

    @property
    def exit_code(self) -> int:
        """0, or 3 when a row was refused or needs a hand."""
        return 3 if self.outcomes.get("refused") or self.outcomes.get("by_hand") else 0


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
        present = work.unmoved(plan)
        told_off = {"findings": [asdict(f) for f in looked.findings], "override": override}
        file = str(path.absolute())
        run = work.begin("suppress apply", {"plan": plan.hash, "file": file, **told_off})
        change = Change(run, plan.hash, ", ".join(places.names), None, "running")
        workspace.ledger.changes.begin(change, _still(plan.rows(), places, present))
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
        if found.change.target != ", ".join(places.names):
            raise PlanRefused(
                f"Run {run} wrote to {found.change.target}, the settings name "
                f"{', '.join(places.names)}.",
                advice="Name the same places in the settings, then undo it.",
            )
        if found.begun is not None:
            return work.carried_out(found.begun, resumed=True)
        present, plan = places.read(), found.change.plan
        number = work.begin("suppress undo", {"plan": plan, "undoes": run})
        undone = Change(number, plan, found.change.target, run, "running")
        ledger.changes.begin(undone, _inverse(ledger.changes.rows(run), places, present))
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

    def unmoved(self, plan: Opened) -> Present:
        """What is there. A plan says what was there; where something else is now, it is another
        plan's turn."""
        present = self._targets.read()
        moved = sum(
            self._targets.has_moved((row.before, row.after), present.rows(_whom(row)))
            for row in plan.rows()
        )
        if moved:
            raise PlanRefused(
                f"{moved:,} rows of {', '.join(self._targets.names)} have changed since the plan "
                "was made.",
                advice="Plan again.",
            )
        return present

    def carried_out(self, change: Change, *, resumed: bool) -> Applied:
        """Write, read back, decide. Each step may be the last one before a crash."""
        self._write(change)
        self._verify(change)
        changes = self._ledger.changes
        changes.end(change, _decided(changes.rows(change.run, "done", "skipped", "by_hand")))
        outcomes = changes.outcomes(change.run)
        lacking = tuple(islice(changes.rows(change.run, "refused", "by_hand"), 20))
        self._ledger.finish_run(
            change.run,
            "partial" if lacking else "ok",
            counts=outcomes,
            detail=lacking[0].detail if lacking else "",
            now=self._now,
        )
        ended = {"run": change.run, "outcomes": outcomes, "undoes": change.undoes}
        self._ledger.audit.add("suppress done", ended, who=who(), now=self._now)
        skipped = tuple(islice(changes.rows(change.run, "skipped"), 20))
        return Applied(change.run, change.plan, change.undoes, resumed, outcomes, lacking, skipped)

    def _write(self, change: Change) -> None:
        rows = self._ledger.changes.rows(change.run, "pending")
        left = gone(self._workspace)
        sent = 0
        while part := list(islice(rows, _CHUNK)):
            freed = {_key(row): row for row in part if self._frees(row)}
            stays = {k for k, row in freed.items() if left.has(k[1], _whom(row).address)}
            stays |= self._targets.unsubscribed(list(freed))
            if stays:
                skipped = [freed[key].number for key in stays]
                self._ledger.changes.note(change.run, skipped, "skipped", _STAYS)
            todo = {_key(row): row for row in part if _key(row) not in stays}
            undone = self._targets.write([(_whom(row), row.after) for row in todo.values()])
            for key, what in undone.items():
                number = todo[key].number
                self._ledger.changes.note(change.run, [number], what.outcome, what.words)
            sent_now = [row.number for key, row in todo.items() if key not in undone]
            self._ledger.changes.note(change.run, sent_now, "sent")
            sent += len(part)
            self._progress("written", sent)

    def _frees(self, row: ChangeRow) -> bool:
        """Whether the person would be mailable after it, as a whole or in one place."""
        is_over = row.becomes is None or read(row.becomes).state != "active"
        return is_over or self._targets.frees((row.before, row.after))

    def _verify(self, change: Change) -> None:
        present, targets = self._targets.read(), self._targets
        rows = self._ledger.changes.rows(change.run, "sent", "by_hand")
        seen = 0
        while part := list(islice(rows, _CHUNK)):
            wishes = {_key(row): (_whom(row), row.after) for row in part}
            lacking = [
                row
                for row in part
                if not targets.holds(wishes[_key(row)], present, by_hand=row.outcome == "by_hand")
            ]
            excused = targets.excused([wishes[_key(row)] for row in lacking], present)
            refused = [row.number for row in lacking if _key(row) not in excused]
            is_not = {*refused, *(row.number for row in part if row.outcome == "by_hand")}
            done = [row.number for row in part if row.number not in is_not]
            self._ledger.changes.note(change.run, done, "done")
            if refused:
                words = "what was written could not be read back"
                self._ledger.changes.note(change.run, refused, "refused", words)
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
                advice="Set suppression.data_extension or suppression.file, or another target.",
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
            begun = interrupted(workspace)
            raise PlanRefused(
                f"Run {change.run} was interrupted, and comes first.",
                advice="" if begun is None else begun.sentence,
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


def _still(rows: Iterator[ChangeRow], targets: Targets, present: Present) -> Iterator[ChangeRow]:
    """A plan's rows, with what others have changed since where they write, too."""
    for row in rows:
        before, after = targets.still((row.before, row.after), present.rows(_whom(row)))
        yield replace(row, before=before, after=after)


def _inverse(rows: Iterator[ChangeRow], targets: Targets, present: Present) -> Iterator[ChangeRow]:
    """What takes a run back, whatever of it has happened. Who was skipped is left alone."""
    for row in rows:
        if row.outcome != "skipped":
            one = _whom(row)
            yield replace(
                row,
                kind=_INVERSE[row.kind],
                before=present.of(one),
                after=targets.undone((row.before, row.after), present.rows(one)),
                was=row.becomes,
                becomes=row.was,
                outcome="pending",
                detail="",
            )


def _whom(row: ChangeRow) -> Suppression:
    """The person of a row: one of both decisions is there."""
    return read(row.becomes or row.was or "")


def _key(row: ChangeRow) -> Key:
    return (row.account, row.subscriber_key)


def _decided(
    rows: Iterator[ChangeRow],
) -> Iterator[tuple[ChangeRow, Mapping[str, object] | None]]:
    for row in rows:
        text = row.was if row.outcome == "skipped" else row.becomes
        yield row, None if text is None else asdict(read(text))
