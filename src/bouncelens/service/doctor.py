"""Is everything in place? What the settings name is looked at, one check each, and nothing is made:
in an empty folder there is no lake and no ledger afterwards, either."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bouncelens.errors import BouncelensError, StoreError

if TYPE_CHECKING:
    from bouncelens.service.workspace import Workspace

_LEAST_FREE_BYTES = 1024**3  # a first pull, its checkpoints and DuckDB's spill files fit into it


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `exit_code` is what the program returns for its failure."""

    name: str
    is_ok: bool
    detail: str
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All checks, in order."""

    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """That of the first failure; 0 when all is well."""
        return next((check.exit_code for check in self.checks if not check.is_ok), 0)


def diagnose(workspace: Workspace, *, is_offline: bool = False) -> Diagnosis:
    """Look at everything the settings name. `is_offline`: without a call to anybody."""
    from bouncelens.service.doctor_tenant import tenant_checks

    checks = [
        checked("rules", lambda: _rules(workspace)),
        checked("policy", lambda: _policy(workspace)),
        checked("lake", lambda: _lake(workspace)),
        checked("ledger", lambda: _ledger(workspace)),
        _disk(workspace),
        *_sight(workspace),
    ]
    if not is_offline:
        checks += _dns(workspace)
        checks += tenant_checks(workspace.settings)
        checks += _targets(workspace)
    return Diagnosis(tuple(checks))


def checked(name: str, look: Callable[[], str]) -> Check:
    """The check of a name: what `look` says, or the error it raises."""
    try:
        return Check(name, True, look())
    except BouncelensError as error:
        return Check(name, False, str(error), error.exit_code)


def _targets(workspace: Workspace) -> list[Check]:
    """Whether a plan could be applied: one check per place that suppressions go to."""
    from bouncelens.service.suppress.targets import opened

    try:
        with opened(workspace) as targets:
            return [
                checked(f"suppressions to {name}", lambda name=name: targets.looked(name))  # type: ignore[misc]
                for name in targets.names
            ]
    except BouncelensError as error:
        return [Check("suppressions", False, str(error), error.exit_code)]


def _rules(workspace: Workspace) -> str:
    judge = workspace.classifier
    engine, tier = judge.classifier.engine, judge.bulk.tier
    words = "a compiled table" if engine == "compiled" else engine
    return f"{len(judge.ruleset.rules):,} rules, {tier} tier; words found by {words}, rules by re2"


def _policy(workspace: Workspace) -> str:
    from bouncelens.decide.policy_file import load_policy
    from bouncelens.service.vocabulary import reasons

    policy = load_policy(workspace.settings.policy, reasons=reasons())
    return f"{policy.name} {policy.version}, {len(policy.rules)} rules"


def _lake(workspace: Workspace) -> str:
    from bouncelens.settings import resolve_secret
    from bouncelens.store.files import local_path
    from bouncelens.store.lake import Lake
    from bouncelens.store.layout import is_there

    url = resolve_secret(workspace.settings.lake)
    if not is_there(url):
        return f"{url} is yet to be made, by the first pull or import"
    with Lake.open(url, create=False) as lake:
        rows = ", ".join(f"{count:,} {name}" for name, count in lake.count_rows().items())
        if (place := local_path(lake.uri)) is not None and not os.access(place, os.W_OK):
            raise StoreError(
                f"The lake at {lake.uri} can be read ({rows}), but not written by this user.",
                advice="A pull has to: is the disk mounted read-only, or the folder another's?",
            )
        return f"{lake.uri}: {rows}"


def _ledger(workspace: Workspace) -> str:
    from bouncelens.settings import resolve_secret
    from bouncelens.store.ledger.database import is_there

    if not is_there(resolve_secret(workspace.settings.ledger)):
        return "it is yet to be made, by the first pull or import"
    marks = workspace.ledger.bookmarks()
    return f"{len(marks)} bookmarks, the last run {_last_run(workspace)}"


def _last_run(workspace: Workspace) -> str:
    runs = workspace.ledger.runs(limit=1)
    if not runs:
        return "is yet to come"
    return f"was {runs[0].verb!r} at {runs[0].started_at:%Y-%m-%d %H:%M} UTC: {runs[0].outcome}"


def _dns(workspace: Workspace) -> list[Check]:
    """Whether DNS answers, where it is going to be asked."""
    from bouncelens.check.mx import OUTCOMES, MxAsker

    settings = workspace.settings
    if not settings.providers.lookup and not settings.dns.resolvers:
        return []
    told = MxAsker(settings.dns).answers()
    if told == "ok":
        return [Check("dns", True, "it answers; providers can be looked up by MX")]
    advice = "Name other resolvers as dns.resolvers, or set providers.lookup = false."
    return [Check("dns", False, f"it gives no answer ({told}): {OUTCOMES[told]}. {advice}", 5)]


def _sight(workspace: Workspace) -> list[Check]:
    """Whether an outage would be noticed: only where it is known who is alive. No failure, since
    other things work without it."""
    from bouncelens.service.incident import sight
    from bouncelens.settings import resolve_secret
    from bouncelens.store.layout import is_there

    try:
        if not is_there(resolve_secret(workspace.settings.lake)):
            return []
        blind = [one.sentence for one in sight(workspace) if one.sentence]
    except BouncelensError:  # the check of the lake says so
        return []
    return [Check("false bounces", True, " ".join(blind) or "an outage would be noticed")]


def _disk(workspace: Workspace) -> Check:
    """Room where the lake is, or will be."""
    from bouncelens.store.files import local_path

    place = local_path(workspace.settings.lake)
    if place is None:
        return Check("disk", True, "the lake is on object storage")
    place = place.expanduser().absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(Path(place)).free
    said = f"{free / 1024**3:,.1f} GiB free at {place}"
    if free >= _LEAST_FREE_BYTES:
        return Check("disk", True, said)
    return Check("disk", False, f"{said}. Make room: a pull wants a GiB at least.", 5)
