"""The run: every route and account in turn. What fails for one does not stop the others; a run
that lacks something says so and is partial."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import bouncelens
from bouncelens.bounce import Account, Window
from bouncelens.errors import ForbiddenNow, SignInRefused, SourceError, Unreachable
from bouncelens.extract.gate import Gate, gate_of
from bouncelens.extract.wire import Waited
from bouncelens.service.extracts import pull_extracts
from bouncelens.service.incident.watch import after
from bouncelens.service.intake import Counts, earliest
from bouncelens.service.providers import after_pull
from bouncelens.service.pull.asked import Asked
from bouncelens.service.pull.bounces import Bounces, Reach, Tell
from bouncelens.service.pull.by_query import ByQuery
from bouncelens.service.pull.by_soap import JOBS_BEFORE, BySoap
from bouncelens.service.pull.result import AccountPull, Partly, Progress, PullResult
from bouncelens.service.tenant import Tenant, chosen, connected, guard_of, patience_of

if TYPE_CHECKING:
    from bouncelens.service.import_file import ImportResult
    from bouncelens.service.workspace import Workspace


class _Route(Protocol):
    """What a route does for an account: its steps, each with its share of the work."""

    @property
    def bounces(self) -> Bounces: ...

    @property
    def steps(self) -> tuple[str, ...]: ...

    @property
    def shares(self) -> tuple[float, ...]: ...

    def take(self, step: str, account: Account, done: AccountPull, tell: Tell) -> AccountPull: ...

    def tidy(self, account: Account) -> tuple[str, ...]: ...


def pull(
    workspace: Workspace,
    asked: Asked | None = None,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    now: datetime | None = None,
) -> PullResult:
    """Pull what was asked for; without wishes all that is new, by the routes of the settings.

    Raises SettingsInvalid and InputInvalid before anything is asked, StoreError at once, and
    SignInRefused or SourceError when nothing at all could be pulled.
    """
    began = time.monotonic()
    asked, settings = asked or Asked(), workspace.settings
    asked.checked(now)
    routes = asked.route_names(settings)
    by_tenant = tuple(name for name in routes if name != "tracking")
    # Whoever reads extracts only needs no tenant.
    has_tenant = bool(by_tenant) and bool(settings.accounts or "tracking" not in routes)
    wanted = chosen(settings, asked.accounts) if has_tenant else ()
    run = workspace.ledger.start_run("pull", version=bouncelens.__version__)
    work = _Pull(workspace, run, asked, now, gate_of(settings.calls))
    try:
        pulls = work.accounts(by_tenant, wanted, progress) if wanted else ()
        files = work.extracts() if "tracking" in routes else ()
        if work.errors and not files and all(p.failed and not p.counts.pages for p in pulls):
            raise work.errors[0]
    except BaseException as error:
        workspace.ledger.finish_run(run, "failed", counts={}, detail=str(error)[:2000])
        raise
    result = _result(work, pulls, files, time.monotonic() - began)
    workspace.ledger.finish_run(
        run,
        "partial" if result.partial else "ok",
        counts={name: n for name, n in asdict(result).items() if isinstance(n, int)},
        detail=" ".join(result.partial)[:2000],
    )
    workspace.lake.tidy()
    result = replace(result, notes=(*result.notes, *after_pull(workspace, now=now)))
    oldest = earliest(*(p.oldest for p in pulls), *(file.oldest for file in files))
    return replace(result, watched=after(workspace, now=now, since=oldest))


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells progress about one account."""

    progress: Callable[[Progress], None]
    account: Account
    number: int
    of: int
    route: _Route

    def __call__(self, step: str, done: float, rows: int) -> None:
        at = self.route.steps.index(step)
        share = sum(self.route.shares[:at]) + self.route.shares[at] * done
        name = self.route.bounces.route
        self.progress(Progress(self.account, self.number, self.of, step, share, rows, name))


def _result(
    work: _Pull, pulls: tuple[AccountPull, ...], files: tuple[ImportResult, ...], seconds: float
) -> PullResult:
    of_files = (
        Counts(f.pages, f.received, f.stored, f.known, f.quarantined, f.filled) for f in files
    )
    counts = sum((*(p.counts for p in pulls), *of_files), Counts())
    told = ("pages", "received", "stored", "known", "quarantined", "filled")
    return PullResult(
        **{name: getattr(counts, name) for name in told},
        jobs=sum(p.jobs for p in pulls) + sum(f.jobs for f in files),
        sends=sum(p.sends for p in pulls) + sum(f.sends for f in files),
        subscribers=sum(p.subscribers for p in pulls),
        accounts=pulls,
        files=files,
        partial=(*(sentence for p in pulls for sentence in p.failed), *work.failed),
        notes=tuple(work.notes),
        seconds=seconds,
        waited_s=round(work.waited.seconds, 3),
        calls=work.waited.calls,
        calls_at_once=work.waited.most,
    )


@dataclass(slots=True)
class _Pull:
    """One run. `errors` are those of single accounts or folders, in order; `failed` what could
    not be read of extracts."""

    workspace: Workspace
    run: int
    asked: Asked
    end: datetime | None  # None: whenever the bounces of an account are asked for
    gate: Gate
    errors: list[Exception] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: tuple[str, ...] = ()
    waited: Waited = field(default_factory=Waited)

    def accounts(
        self,
        routes: tuple[str, ...],
        wanted: tuple[Account, ...],
        progress: Callable[[Progress], None],
    ) -> tuple[AccountPull, ...]:
        """Every account by every route, one after the other."""
        self._leave_another_lake()
        settings = self.workspace.settings
        with self._connected() as tenant:
            self.waited = tenant.wire.waited
            of_name: dict[str, _Route] = {
                "soap": BySoap(tenant, self._bounces("soap", settings.soap), self.notes),
                "query": ByQuery(tenant, self._bounces("query", settings.query), self.notes),
            }
            turns = [(account, of_name[name]) for account in wanted for name in routes]
            return tuple(
                self.account(account, route, _Teller(progress, account, n, len(turns), route))
                for n, (account, route) in enumerate(turns, 1)
            )

    def _connected(self) -> AbstractContextManager[Tenant]:
        guard = guard_of(self.workspace)
        return connected(self.workspace.settings, gate=self.gate, guard=guard)

    def _bounces(self, route: str, settings: _HasReach) -> Bounces:
        reach = Reach(
            timedelta(days=settings.history_days), timedelta(hours=settings.overlap_hours)
        )
        only = self.asked.only
        return Bounces(
            self.workspace, self.run, route, reach, self.asked.since, end=self.end, only=only
        )

    def _leave_another_lake(self) -> None:
        """Into an empty lake all is pulled: bookmarks beside it speak of one that is gone."""
        if self.workspace.lake.versions()["bounces"] or not self.workspace.ledger.bookmarks():
            return
        self.workspace.ledger.forget_bookmarks()
        self.notes.append("The lake is empty: the ledger's bookmarks were dropped, all is pulled.")

    def extracts(self) -> tuple[ImportResult, ...]:
        """What is new over SFTP."""
        try:
            patience = patience_of(self.workspace.settings)
            files, self.failed = pull_extracts(
                self.workspace, self.run, patience=patience, gate=self.gate
            )
        except (SignInRefused, SourceError) as error:
            self.errors.append(error)
            self.failed = (str(error),)
            return ()
        return files

    def account(self, account: Account, route: _Route, tell: Tell) -> AccountPull:
        """Everything of one account by one route, as far as it can be had."""
        bounces = route.bounces
        done = AccountPull(account.mid, account.name, bounces.window(account), route=bounces.route)
        if self._is_cut_off():
            return replace(done, failed=(f"{account.name}: {self.errors[-1]}",))
        mark = bounces.mark(account)
        try:
            done = self._steps(account, route, done, tell)
        finally:
            self.notes += route.tidy(account)
        if not done.failed and self.end is None and not self.asked.only:
            # Before the first window nothing was pulled, so nothing older can be compared.
            has_older = mark is not None and self.asked.since is None
            begin = done.window.start - (JOBS_BEFORE if has_older else timedelta(0))
            done = replace(done, failed=self._lacking(account, replace(done.window, start=begin)))
        return done

    def _steps(self, account: Account, route: _Route, done: AccountPull, tell: Tell) -> AccountPull:
        for step in route.steps:
            tell(step, 0.0, done.counts.received)
            try:
                done = route.take(step, account, done, tell)
            except Partly as partly:
                done, error = partly.done, partly.error
            except (SignInRefused, SourceError) as failure:
                error = failure
            else:
                tell(step, 1.0, done.counts.received)
                continue
            self.errors.append(error)
            done = replace(done, failed=(*done.failed, f"{account.name}, {step}: {error}"))
            # What cannot be signed in to or reached for one cannot for the rest.
            if isinstance(error, SignInRefused | Unreachable | ForbiddenNow):
                break
        return done

    def _lacking(self, account: Account, window: Window) -> tuple[str, ...]:
        """Fewer bounces than SFMC itself counts: no run that lacks some is green."""
        asked = {"account": account.mid, "since": window.start, "until": window.end}
        rows = self.workspace.engine.ask("reconcile", asked).to_pylist()
        short = [row for row in rows if row["difference"] < 0]
        if not short:
            return ()
        lacking, first = -sum(row["difference"] for row in short), short[0]
        sentence = (
            f"{account.name}: Marketing Cloud counts {lacking:,} more bounces than arrived, in "
            f"{len(short):,} jobs (job {first['job']}: {first['counted']:,}, "
            f"stored {first['stored']:,}). Pull again with an earlier start."
        )
        return (sentence,)

    def _is_cut_off(self) -> bool:
        return bool(self.errors) and isinstance(self.errors[-1], Unreachable | ForbiddenNow)


class _HasReach(Protocol):
    @property
    def history_days(self) -> int: ...

    @property
    def overlap_hours(self) -> int: ...
