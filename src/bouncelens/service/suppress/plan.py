"""Plan: what would change since the last apply, against what is in the targets now. Writes nothing
but a file and a note in the ledger."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import bouncelens
from bouncelens.decide.guard import Finding, findings
from bouncelens.decide.policy import Action, Policy
from bouncelens.service.suppress.decisions import decisions, gone, policy_of
from bouncelens.service.suppress.facts import addresses, facts
from bouncelens.service.suppress.plan_file import Draft, Head, draft
from bouncelens.service.suppress.record import Key, key_of, who, written
from bouncelens.service.suppress.targets import Kept, Present, Targets, Wish, opened
from bouncelens.store.ledger.changes import ChangeRow, PlanMade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bouncelens.bounce import Suppression
    from bouncelens.service.workspace import Workspace
    from bouncelens.store.ledger.incidents import Incident

_EXPIRES_SOON_DAYS = 30
_KINDS = ("add", "renew", "release")
_COUNTED = ("suppressed", "provisional", "expiring", "add", "renew", "release", "kept", "held")
# What makes a decision another one. Days and counts in the grounds move on by themselves.
_ESSENCE = ("reason", "basis", "expires_at", "policy", "policy_version", "policy_rule")


@dataclass(frozen=True, slots=True)
class Planned:
    """One address that would change."""

    kind: str  # add, renew, release
    why: str
    suppression: Suppression


@dataclass(frozen=True, slots=True)
class Plan:
    """What would change. Counts are addresses."""

    hash: str
    path: Path | None
    policy: str
    policy_version: str
    decided_at: datetime
    targets: tuple[str, ...]
    addresses: int  # with a bounce in the lake
    suppressions: tuple[Suppression, ...]  # of those suppressed by now, as many as were asked for
    suppressed: int  # by the policy, in all
    counts: Mapping[str, int]
    by_reason: tuple[tuple[str, int], ...]  # of those suppressed, most first
    by_provider: tuple[tuple[str, int], ...]
    changes: tuple[tuple[str, str, str, int], ...]  # kind, reason, provider, addresses
    ending: tuple[tuple[str, str, int], ...]  # soon: reason, provider, addresses
    examples: tuple[Planned, ...]
    findings: tuple[Finding, ...]

    @property
    def new(self) -> int:
        """How many would be added."""
        return self.counts["add"]


def plan(
    workspace: Workspace,
    *,
    account: int | None = None,
    out: Path | None = None,
    limit: int = 20,
    targets: Targets | None = None,
    now: datetime | None = None,
) -> Plan:
    """Decide on every address by the settings' policy, and compare. `targets`: instead of those of
    the settings.

    Raises StoreError, SettingsInvalid, and SourceError or SignInRefused when a target cannot be
    read.
    """
    from bouncelens.service.incident import watch  # which reads decisions, as we do

    moment = (now or datetime.now(UTC)).replace(microsecond=0)
    policy = policy_of(workspace)
    run = workspace.ledger.start_run("suppress plan", version=bouncelens.__version__)
    try:
        watch(workspace, now=moment)  # what a provider says wrongly is not to be planned
        made = _Planning(workspace, policy, moment, account, limit).made(out, run, targets)
    except BaseException as error:
        workspace.ledger.finish_run(run, "failed", counts={}, detail=str(error)[:2000])
        raise
    workspace.ledger.finish_run(run, "ok", counts=dict(made.counts))
    return made


def proposed(workspace: Workspace) -> int | None:
    """How many addresses the newest plan suppresses; None when nobody planned yet."""
    last = workspace.ledger.changes.last_plan()
    return None if last is None else last.counts.get("suppressed", 0)


@dataclass
class _Planning:
    """The work of one plan."""

    workspace: Workspace
    policy: Policy
    now: datetime
    account: int | None
    limit: int

    def made(self, out: Path | None, run: int, given: Targets | None) -> Plan:
        """The plan."""
        self._counts = Counter(dict.fromkeys(_COUNTED, 0))
        self._reasons, self._providers = Counter[str](), Counter[str]()
        self._changes = Counter[tuple[str, str, str]]()
        self._ending = Counter[tuple[str, str]]()
        self._added = Counter[str]()
        self._number = 0
        self._shown: list[Suppression] = []
        self._examples: list[Planned] = []
        where = nullcontext(given) if given is not None else opened(self.workspace)
        with where as targets, draft() as file:
            targets.check()
            present = targets.read()
            for row in self._rows(targets, present):
                file.add(row)
            return self._finish(file, targets, out, run)

    def _rows(self, targets: Targets, present: Present) -> Iterator[ChangeRow]:
        active = {
            key_of(s): s
            for s in self.workspace.ledger.suppressions(state="active", account=self.account)
        }
        ended = {
            key_of(s): s
            for s in self.workspace.ledger.suppressions(state="released", account=self.account)
        }
        incidents = tuple(i for i in self.workspace.ledger.incidents.all() if i.holds)
        believed, kept, lacking = set[Key](), Kept(), list[Wish]()
        for found in self._decided(incidents):
            key = key_of(found)
            believed.add(key)
            targets.keep(found, kept)
            self._note(found)
            before = active.pop(key, None)
            after = targets.wanted(found, present)
            if before is None:
                yield self._row("add", present, after, was=ended.get(key), becomes=found)
            elif _essence(before) != _essence(found):
                yield self._row("renew", present, after, was=before, becomes=found)
            elif present.of(before) != (after := targets.wanted(before, present)):
                lacking.append((before, after))
        excused = targets.excused(lacking, present)
        for before, after in lacking:
            if key_of(before) not in excused:
                yield self._row("renew", present, after, was=before, becomes=before)
        held = self._held(incidents, believed)
        self._counts["held"] = len(held - active.keys())
        yield from self._released(targets, present, active, stays=held, kept=kept)

    def _released(
        self,
        targets: Targets,
        present: Present,
        active: Mapping[Key, Suppression],
        *,
        stays: set[Key],
        kept: Kept,
    ) -> Iterator[ChangeRow]:
        """Whom the policy lets go, but for those of an incident, and those who left."""
        left = gone(self.workspace) if active else None
        staying = {
            key: one
            for key, one in active.items()
            if key in stays or (left is not None and left.has(one.subscriber_key, one.address))
        }
        self._counts["kept"] += len(staying)
        for one in staying.values():
            targets.keep(one, kept)
        if len(staying) == len(active):
            return
        origins = targets.origins(self.workspace)
        for key, before in active.items():
            if key not in staying:
                is_over = replace(before, state="released")
                after = targets.released(before, present, origins, kept)
                yield self._row("release", present, after, was=before, becomes=is_over)

    def _decided(self, without: tuple[Incident, ...]) -> Iterator[Suppression]:
        for one in decisions(
            self.workspace, self.policy, self.now, account=self.account, without=without
        ):
            yield one.suppression

    def _held(self, incidents: tuple[Incident, ...], believed: set[Key]) -> set[Key]:
        """Whom only an open incident keeps from being suppressed."""
        if not any(incident.state == "open" for incident in incidents):
            return set()
        confirmed = tuple(i for i in incidents if i.state == "confirmed")
        return {key_of(found) for found in self._decided(confirmed)} - believed

    def _row(
        self,
        kind: str,
        present: Present,
        after: str | None,
        *,
        was: Suppression | None = None,
        becomes: Suppression,
    ) -> ChangeRow:
        self._counts[kind] += 1
        self._number += 1
        self._changes[kind, becomes.reason, becomes.provider] += 1
        if kind == "add":
            self._added[becomes.provider] += 1
        if self._counts[kind] <= self.limit:
            self._examples.append(Planned(kind, self._why(kind, was, becomes), becomes))
        return ChangeRow(
            number=self._number,
            kind=kind,
            account=becomes.account,
            subscriber_key=becomes.subscriber_key,
            before=present.of(becomes),
            after=after,
            was=None if was is None else written(was),
            becomes=written(becomes),
        )

    def _why(self, kind: str, was: Suppression | None, becomes: Suppression) -> str:
        if kind == "add":
            return becomes.grounds
        if kind == "release":
            if becomes.expires_at is not None and becomes.expires_at <= self.now:
                return f"Its time was over on {becomes.expires_at:%Y-%m-%d}: it is tried again."
            before, policy = (becomes.policy, becomes.policy_version), self.policy
            if before != (policy.name, policy.version):
                return f"The policy is another one now: {policy.name} {policy.version}."
            return "The policy does not suppress it any more: what was known has changed."
        return becomes.grounds if was != becomes else "The target does not hold it as written."

    def _note(self, found: Suppression) -> None:
        self._counts["suppressed"] += 1
        self._counts["provisional"] += found.basis == Action.PROVISIONAL
        soon = self.now + timedelta(days=_EXPIRES_SOON_DAYS)
        if found.expires_at is not None and found.expires_at < soon:
            self._counts["expiring"] += 1
            self._ending[found.reason, found.provider] += 1
        self._reasons[found.reason] += 1
        self._providers[found.provider] += 1
        if len(self._shown) < self.limit:
            self._shown.append(found)

    def _by_kind(self) -> list[tuple[tuple[str, str, str], int]]:
        """The changes, kind after kind, most first."""
        return sorted(self._changes.most_common(), key=lambda pair: _KINDS.index(pair[0][0]))

    def _finish(self, file: Draft, targets: Targets, out: Path | None, run: int) -> Plan:
        ledger = self.workspace.ledger
        newest = next(iter(ledger.changes.changes()), None)
        # What a run leaves half done is nothing to begin from: such a plan only shows.
        base = newest.run if newest is not None and newest.state != "running" else None
        head = Head(
            made_at=self.now.isoformat(),
            made_by=who(),
            policy=self.policy.name,
            policy_version=self.policy.version,
            ruleset=self.workspace.classifier.ruleset.hash,
            account=self.account,
            targets=list(targets.names),
            base=base,
            counts=dict(self._counts),
            added=dict(self._added),
        )
        digest = file.finish(head, out)
        ledger.changes.add_plan(
            PlanMade(
                digest, self.now, head.made_by, head.policy, head.policy_version, head.counts, run
            )
        )
        told = {"plan": digest, "policy": head.policy, "counts": head.counts}
        ledger.audit.add("suppress plan", told, who=head.made_by)
        return Plan(
            hash=digest,
            path=out,
            policy=head.policy,
            policy_version=head.policy_version,
            decided_at=self.now,
            targets=targets.names,
            addresses=addresses(self.workspace, self.account),
            suppressions=tuple(self._shown),
            suppressed=self._counts["suppressed"],
            counts=head.counts,
            by_reason=tuple(self._reasons.most_common()),
            by_provider=tuple(self._providers.most_common()),
            changes=tuple((*key, count) for key, count in self._by_kind()),
            ending=tuple((*key, count) for key, count in self._ending.most_common()),
            examples=tuple(self._examples),
            findings=findings(
                facts(self.workspace, head.added, self.now),
                self.workspace.settings.guard,
                self.now,
            ),
        )


def _essence(suppression: Suppression) -> tuple[object, ...]:
    return tuple(getattr(suppression, name) for name in _ESSENCE)
