"""Is everything in place? Settings, rules, lake, ledger and sign-in, one check each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bouncelens.errors import BouncelensError

if TYPE_CHECKING:
    from bouncelens.service.tenant import Tenant
    from bouncelens.service.workspace import Workspace


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
    """Look at everything the settings name. `is_offline`: without signing in."""
    checks = [
        _checked("rules", lambda: _rules(workspace)),
        _checked("policy", lambda: _policy(workspace)),
        _checked("lake", lambda: _lake(workspace)),
        _checked("ledger", lambda: _ledger(workspace)),
    ]
    if not is_offline:
        checks += _sign_ins(workspace)
    return Diagnosis(tuple(checks))


def _checked(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except BouncelensError as error:
        return Check(name, False, str(error), error.exit_code)


def _rules(workspace: Workspace) -> str:
    judge = workspace.classifier
    engine, tier = judge.classifier.engine, judge.bulk.tier
    return f"{len(judge.ruleset.rules):,} rules, matched by {engine}, {tier} tier"


def _policy(workspace: Workspace) -> str:
    from bouncelens.decide.policy_file import load_policy
    from bouncelens.service.vocabulary import reasons

    policy = load_policy(workspace.settings.policy, reasons=reasons())
    return f"{policy.name} {policy.version}, {len(policy.rules)} rules"


def _lake(workspace: Workspace) -> str:
    tables = ", ".join(f"{name} v{version}" for name, version in workspace.lake.versions().items())
    return f"{workspace.lake.uri}: {tables}"


def _ledger(workspace: Workspace) -> str:
    marks = workspace.ledger.bookmarks()
    return f"{len(marks)} bookmarks, the last run {_last_run(workspace)}"


def _last_run(workspace: Workspace) -> str:
    runs = workspace.ledger.runs(limit=1)
    if not runs:
        return "is yet to come"
    return f"was {runs[0].verb!r} at {runs[0].started_at:%Y-%m-%d %H:%M} UTC: {runs[0].outcome}"


def _sign_ins(workspace: Workspace) -> Iterator[Check]:
    from bouncelens.service.tenant import chosen, connected

    try:
        accounts = chosen(workspace.settings, ())
        with connected(workspace.settings) as tenant:
            for account in accounts:
                name = f"sign-in {account.name}"
                yield _checked(name, partial(_signed_in, tenant, account.mid))
    except BouncelensError as error:
        yield Check("sign-in", False, str(error), error.exit_code)


def _signed_in(tenant: Tenant, mid: int) -> str:
    token = tenant.sign_in.token(mid)
    return f"MID {mid}, SOAP at {token.soap_url}"
