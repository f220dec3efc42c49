"""The running sandbox: a tenant, its tokens, its trouble, its open pages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfmc_sandbox.activities import Activities
from sfmc_sandbox.clock import from_epoch_ms, to_sfmc
from sfmc_sandbox.definitions import Definitions
from sfmc_sandbox.ens import Ens
from sfmc_sandbox.extensions import Extensions
from sfmc_sandbox.flow import Clock, Flow
from sfmc_sandbox.folders import Folders
from sfmc_sandbox.imports import IMPORT, Imports, run_import_activity
from sfmc_sandbox.queries import Queries
from sfmc_sandbox.runs import Runs
from sfmc_sandbox.sql.views import DataViews
from sfmc_sandbox.storage import (
    DATA_EXTRACT,
    FILE_TRANSFER,
    SftpRules,
    Storage,
    run_extract_activity,
)
from sfmc_sandbox.transfers import run_transfer_activity
from sfmc_sandbox.wire.change_subscriber import SETTABLE
from sfmc_sandbox.wire.paging import Pages
from sfmc_sandbox.wire.request_log import Log
from sfmc_sandbox.wire.rest_rows import RowsRequests
from sfmc_sandbox.wire.rowset import Rowsets
from sfmc_sandbox.wire.tokens import SCOPES, Tokens
from sfmc_sandbox.wire.trouble import Trouble

if TYPE_CHECKING:
    from datetime import datetime
    from threading import RLock

    from starlette.requests import Request

    from sfmc_sandbox.world.tenant import Tenant

MAX_BODY_BYTES = 8 * 1024 * 1024


@dataclass(slots=True)
class Sandbox:
    """Everything a request may need."""

    tenant: Tenant
    extensions: Extensions
    activities: Activities
    queries: Queries
    runs: Runs
    trouble: Trouble
    storage: Storage
    flow: Flow
    ens: Ens
    imports: Imports
    folders: Folders
    tokens: Tokens = field(default_factory=Tokens)
    pages: Pages = field(default_factory=Pages)
    rowsets: Rowsets = field(default_factory=Rowsets)
    rows_requests: RowsRequests = field(default_factory=RowsRequests)
    definitions: Definitions = field(default_factory=Definitions)
    log: Log = field(default_factory=Log)
    sftp_rules: SftpRules = field(default_factory=SftpRules)
    live_elements: bool = False  # elements that live answers carry and the WSDL lacks
    package_scopes: frozenset[str] = frozenset(SCOPES.split())  # of the installed package
    settable_statuses: frozenset[str] = SETTABLE  # subscriber statuses the API may set

    @classmethod
    def of(cls, tenant: Tenant, trouble: Trouble | None = None) -> Sandbox:
        """A sandbox around a tenant, with the data extensions a tenant starts with."""
        trouble = trouble or Trouble()

        clock = Clock(tenant.plan.until_ms)

        def now() -> datetime:
            return to_sfmc(from_epoch_ms(clock.now_ms))

        extensions = Extensions.of(tenant)
        activities = Activities.of(tenant)
        views = DataViews(tenant, now())
        queries = Queries(tenant, extensions, views, tenant.units[0].mid, now)
        runs = Runs(activities, extensions, queries, trouble, now)
        flow = Flow(tenant, extensions, clock)
        ens = Ens(tenant)
        ens.now_ms = lambda: clock.now_ms
        flow.listeners.append(ens.happened)
        flow.tickers.append(ens.tick)
        flow.tickers.append(runs.tick)
        storage = Storage(tenant.plan.seed)
        storage.now_ms = lambda: clock.now_ms
        flow.tickers.append(storage.sweep)
        imports, folders = Imports.of(tenant), Folders.of(tenant)
        made = cls(
            tenant, extensions, activities, queries, runs, trouble, storage, flow, ens, imports,
            folders,
        )  # fmt: skip
        runs.other[DATA_EXTRACT] = lambda activity: run_extract_activity(made, activity)
        runs.other[FILE_TRANSFER] = lambda activity: run_transfer_activity(made, activity)
        runs.other[IMPORT] = lambda activity: run_import_activity(made, activity)
        return made

    def close(self) -> None:
        """Ends what runs and removes the files."""
        self.flow.close()
        self.ens.close()
        self.runs.close()
        self.storage.close()

    def now(self) -> datetime:
        """The world's now in Marketing Cloud's clock."""
        return self.queries.now()

    @property
    def writing(self) -> RLock:
        """Held by what writes in more than one step."""
        return self.tenant.writing

    @property
    def client_id(self) -> str:
        """The installed package's client id: the same for the same seed."""
        return hashlib.sha256(f"id {self.tenant.plan.seed}".encode()).hexdigest()[:24]

    @property
    def client_secret(self) -> str:
        """The installed package's secret. A sandbox has nothing to hide."""
        return hashlib.sha256(f"secret {self.tenant.plan.seed}".encode()).hexdigest()[:24]

    @staticmethod
    def base_url(request: Request) -> str:
        """Where the client found us, with a slash at the end."""
        return f"{request.url.scheme}://{request.url.netloc}/"
