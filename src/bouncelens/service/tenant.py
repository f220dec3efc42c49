"""The connection to a tenant, made from settings: sign-in and the routes that use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bouncelens.bounce import Account
from bouncelens.errors import InputInvalid, SettingsInvalid, SourceError
from bouncelens.extract.gate import Gate, gate_of
from bouncelens.extract.limits import Patience
from bouncelens.extract.query import QuerySource
from bouncelens.extract.rowset import RowsetSource
from bouncelens.extract.signin import Credentials, SignIn, auth_url
from bouncelens.extract.soap import SoapSource
from bouncelens.extract.staging import Guard
from bouncelens.extract.wire import Wire
from bouncelens.settings import Settings, TenantSettings, resolve_secret

if TYPE_CHECKING:
    from bouncelens.service.workspace import Workspace

# A query is read back within minutes; one that another pull runs may take its full time twice.
_TURN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Tenant:
    """The routes into one tenant. `sends` is None where no data extension has the counts."""

    sign_in: SignIn
    wire: Wire
    soap: SoapSource
    query: QuerySource
    sends: RowsetSource | None


@dataclass(frozen=True, slots=True)
class Line:
    """What any call to a tenant needs."""

    sign_in: SignIn
    wire: Wire
    patience: Patience


@contextmanager
def line_to(settings: Settings, *, gate: Gate | None = None) -> Iterator[Line]:
    """A line to the tenant, nothing asked yet; connections end with the block.

    Calls pass the given gate, or the one that the settings describe. Raises SettingsInvalid when
    tenant or secret are not stated.
    """
    patience = patience_of(settings)
    wire = Wire(timeout_s=settings.soap.timeout_s, gate=gate or gate_of(settings.calls))
    try:
        sign_in = SignIn(
            wire, auth_url(settings.tenant), _credentials(settings.tenant), patience=patience
        )
        yield Line(sign_in, wire, patience)
    finally:
        wire.close()


@contextmanager
def connected(
    settings: Settings, *, gate: Gate | None = None, guard: Guard | None = None
) -> Iterator[Tenant]:
    """The tenant's routes, nothing asked yet; connections end with the block.

    `guard` keeps other processes from a business unit while a query runs there. Raises
    SettingsInvalid when tenant or secret are not stated.
    """
    with line_to(settings, gate=gate) as line:
        wire, patience = line.wire, line.patience
        key = settings.sends.data_extension
        yield Tenant(
            line.sign_in,
            wire,
            SoapSource(line.sign_in, wire, settings=settings.soap, patience=patience),
            QuerySource(
                line.sign_in, wire, settings=settings.query, patience=patience, guard=guard
            ),
            RowsetSource(line.sign_in, wire, key, patience=patience) if key else None,
        )


def guard_of(workspace: Workspace, *, wait_s: float = _TURN_S) -> Guard:
    """Keeps other pulls with the same ledger from a business unit, one query at a time: they take
    turns. Raises SourceError when a turn does not come within `wait_s`."""

    @contextmanager
    def guard(name: str) -> Iterator[None]:
        with workspace.ledger.holding(name, wait_s=wait_s) as has_it:
            if not has_it:
                detail = "another pull with this ledger has not let go of it."
                raise SourceError(name, detail, may_retry=False, advice="Run it again later.")
            yield

    return guard


def patience_of(settings: Settings) -> Patience:
    """How often and how long one call is tried."""
    retry = settings.retry
    return Patience(retry.attempts, retry.wait_s, retry.wait_max_s, jitter_s=min(1.0, retry.wait_s))


def chosen(settings: Settings, wanted: tuple[int | str, ...]) -> tuple[Account, ...]:
    """The accounts of the settings, or those wanted by MID or name.

    Raises SettingsInvalid when there is none, InputInvalid for one that is not in the settings.
    """
    every = tuple(Account(a.mid, a.name or str(a.mid)) for a in settings.accounts)
    if not every:
        raise SettingsInvalid(
            "There is no account in the settings.",
            advice="Write one [[accounts]] table with its mid for each business unit.",
        )
    if not wanted:
        return every
    found = []
    for want in wanted:
        hits = [a for a in every if str(want) == str(a.mid) or str(want).lower() == a.name.lower()]
        if not hits:
            raise InputInvalid(
                f"No account {want!r} in the settings.",
                advice=f"There are: {', '.join(f'{a.mid} ({a.name})' for a in every)}.",
            )
        found += hits
    return tuple(dict.fromkeys(found))


def _credentials(tenant: TenantSettings) -> Credentials:
    for name in ("client_id", "client_secret"):
        if not getattr(tenant, name):
            raise SettingsInvalid(
                f"tenant.{name} is empty.", advice="Write it into bouncelens.toml as a reference."
            )
    return Credentials(resolve_secret(tenant.client_id), resolve_secret(tenant.client_secret))
