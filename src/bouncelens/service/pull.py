"""`pull`: everything new out of Marketing Cloud, account by account, each bounce once.

The window goes from the bookmark, less an overlap for late arrivals, to now. What fails for one
account does not stop the others; a run that lacks something says so and is partial.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import bouncelens
from bouncelens.bounce import SEND_FIELDS, Account, Window, arrow_schema
from bouncelens.errors import SignInRefused, SourceError, Unreachable
from bouncelens.extract.rows import domain_of
from bouncelens.service.extracts import pull_extracts
from bouncelens.service.intake import Counts, Intake, with_provider
from bouncelens.service.tenant import Tenant, chosen, connected, patience_of

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.service.import_file import ImportResult
    from bouncelens.service.workspace import Workspace

# Jobs go on getting bounces for days after they were sent, so their totals are read again.
_JOBS_BEFORE = timedelta(days=14)


# Where each step begins, and its share, in the work for one account.
_SHARES = {"jobs": (0.0, 0.1), "bounces": (0.1, 0.8), "sends": (0.9, 0.1)}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is: for bars. `done` is the share of the account's work, 0 to 1."""

    account: Account
    number: int  # of the account, from 1
    of: int
    step: str  # jobs, bounces or sends
    done: float
    rows: int  # bounces received so far for this account


@dataclass(frozen=True, slots=True)
class AccountPull:
    """What was pulled for one account. `through`: complete up to there, None if not at all;
    `failed`: what could not be pulled, one sentence each."""

    mid: int
    name: str
    window: Window
    counts: Counts = field(default_factory=Counts)
    jobs: int = 0
    sends: int = 0
    through: datetime | None = None
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PullResult:
    """What a pull did. `partial`: what is lacking and why, one sentence each."""

    pages: int
    received: int
    stored: int
    known: int
    quarantined: int
    jobs: int
    sends: int
    accounts: tuple[AccountPull, ...]
    files: tuple[ImportResult, ...]
    partial: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def exit_code(self) -> int:
        """0, or 3 when something is lacking."""
        return 3 if self.partial else 0


def pull(
    workspace: Workspace,
    *,
    accounts: Iterable[int | str] = (),
    since: datetime | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    now: datetime | None = None,
) -> PullResult:
    """Pull bounces, jobs and sends of the accounts named by MID or name, or of all.

    `since` (UTC) starts the window there instead of at the bookmark. Raises SettingsInvalid and
    InputInvalid before anything is asked, StoreError at once, and SignInRefused or SourceError
    when nothing at all could be pulled.
    """
    began = time.monotonic()
    settings, named = workspace.settings, tuple(accounts)
    has_extracts = bool(settings.tracking.host) and not named
    # Whoever reads extracts only needs no tenant.
    wanted = chosen(settings, named) if settings.accounts or not has_extracts else ()
    run = workspace.ledger.start_run("pull", version=bouncelens.__version__)
    work = _Pull(workspace, run, since, now)
    try:
        pulls = work.accounts(wanted, progress) if wanted else ()
        files = work.extracts() if has_extracts else ()
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
    return result


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells progress about one account."""

    progress: Callable[[Progress], None]
    account: Account
    number: int
    of: int

    def __call__(self, step: str, done: float, rows: int) -> None:
        begin, share = _SHARES[step]
        at = Progress(self.account, self.number, self.of, step, begin + share * done, rows)
        self.progress(at)


def _result(
    work: _Pull, pulls: tuple[AccountPull, ...], files: tuple[ImportResult, ...], seconds: float
) -> PullResult:
    of_files = (Counts(f.pages, f.received, f.stored, f.known, f.quarantined) for f in files)
    counts = sum((*(p.counts for p in pulls), *of_files), Counts())
    return PullResult(
        **asdict(counts),
        jobs=sum(p.jobs for p in pulls) + sum(f.jobs for f in files),
        sends=sum(p.sends for p in pulls) + sum(f.sends for f in files),
        accounts=pulls,
        files=files,
        partial=(*(sentence for p in pulls for sentence in p.failed), *work.failed),
        notes=tuple(work.notes),
        seconds=seconds,
    )


Tell = Callable[[str, float, int], None]


@dataclass(slots=True)
class _Pull:
    """One run. `errors` are those of single accounts or folders, in order; `failed` what could
    not be read of extracts."""

    workspace: Workspace
    run: int
    since: datetime | None
    end: datetime | None  # None: whenever the bounces of an account are asked for
    errors: list[Exception] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: tuple[str, ...] = ()
    _tenant: Tenant | None = None
    _jobs_found: pa.Table | None = None

    @property
    def tenant(self) -> Tenant:
        """The tenant, while it is connected."""
        assert self._tenant is not None
        return self._tenant

    def accounts(
        self, wanted: tuple[Account, ...], progress: Callable[[Progress], None]
    ) -> tuple[AccountPull, ...]:
        """Every account, one after the other."""
        self._leave_another_lake()
        with connected(self.workspace.settings) as self._tenant:
            return tuple(
                self.account(account, _Teller(progress, account, number, len(wanted)))
                for number, account in enumerate(wanted, 1)
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
            files, self.failed = pull_extracts(self.workspace, self.run, patience=patience)
        except (SignInRefused, SourceError) as error:
            self.errors.append(error)
            self.failed = (str(error),)
            return ()
        return files

    def account(self, account: Account, tell: Tell) -> AccountPull:
        """Everything of one account, as far as it can be had."""
        done = AccountPull(account.mid, account.name, self._window(account))
        if self._is_cut_off():
            return replace(done, failed=(f"{account.name}: {self.errors[-1]}",))
        self._jobs_found = None
        mark = self._mark(account)
        # Jobs first: what SFMC counts before we look must be there when we have looked.
        for step, work in (
            ("jobs", self._jobs),
            ("bounces", self._bounces),
            ("sends", self._sends),
        ):
            tell(step, 0.0, done.counts.received)
            try:
                done = work(account, done, tell)
            except _Partly as partly:
                done, error = partly.done, partly.error
            except (SignInRefused, SourceError) as failure:
                error = failure
            else:
                tell(step, 1.0, done.counts.received)
                continue
            self.errors.append(error)
            done = replace(done, failed=(*done.failed, f"{account.name}, {step}: {error}"))
            # What cannot be signed in to or reached for one cannot for the rest.
            if isinstance(error, SignInRefused | Unreachable):
                break
        if not done.failed and self.end is None:
            # Before the first window nothing was pulled, so nothing older can be compared.
            older = _JOBS_BEFORE if mark is not None and self.since is None else timedelta(0)
            begin = done.window.start - older
            done = replace(done, failed=self._lacking(account, replace(done.window, start=begin)))
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
        return bool(self.errors) and isinstance(self.errors[-1], Unreachable)

    def _window(self, account: Account) -> Window:
        soap = self.workspace.settings.soap
        end = (self.end or datetime.now(UTC)).replace(microsecond=0)
        if self.since is not None:
            return Window(min(self.since, end), end)
        mark = self._mark(account)
        if mark is None:
            return Window(end - timedelta(days=soap.history_days), end)
        return Window(min(mark - timedelta(hours=soap.overlap_hours), end), end)

    def _mark(self, account: Account) -> datetime | None:
        return self.workspace.ledger.bookmark(account.mid, self.tenant.soap.name)

    def _bounces(self, account: Account, done: AccountPull, tell: Tell) -> AccountPull:
        # A year back from the beginning, up to the moment after the jobs were read.
        window = replace(done.window, end=self._window(account).end)
        done, route = replace(done, window=window), self.tenant.soap.name
        # A bookmark says that all before it is stored: a pull from later on must not move it.
        mark = self._mark(account)
        whole = window.end - timedelta(days=self.workspace.settings.soap.history_days)
        is_gapless = window.start <= (mark or whole)
        through = done.through

        def moved(moment: datetime) -> None:
            nonlocal through
            through = moment
            if is_gapless:
                self.workspace.ledger.move_bookmark(account.mid, route, moment)

        intake = Intake(self.workspace, self.run, moved, _Addresses(self, account))
        span_s = max((window.end - window.start).total_seconds(), 1.0)
        share = 0.0
        try:
            try:
                for page in self.tenant.soap.fetch(account, window):
                    intake.take(page)
                    if page.through is not None:
                        share = (page.through - window.start).total_seconds() / span_s
                    tell("bounces", share, intake.counts.received)
            finally:
                intake.flush()
        except (SignInRefused, SourceError) as error:
            raise _Partly(replace(done, counts=intake.counts, through=through), error) from error
        return replace(done, counts=intake.counts, through=through)

    def _jobs(self, account: Account, done: AccountPull, _: Tell) -> AccountPull:
        window = replace(done.window, start=done.window.start - _JOBS_BEFORE)
        self._jobs_found = self.tenant.soap.jobs(account, window)
        self.workspace.lake.put_jobs(self._jobs_found)
        return replace(done, jobs=self._jobs_found.num_rows)

    def _sends(self, account: Account, done: AccountPull, _: Tell) -> AccountPull:
        import pyarrow as pa

        counted = arrow_schema(SEND_FIELDS).empty_table()
        if self.tenant.sends is not None:
            counted = self.tenant.sends.sends(account)
        if self._jobs_found is not None:
            counted = pa.concat_tables([counted, totals(self._jobs_found, counted)])
        self.workspace.lake.put_sends(with_provider(counted))
        return replace(done, sends=counted.num_rows)


class _Partly(Exception):
    """A step broke off after it had stored something."""

    def __init__(self, done: AccountPull, error: SignInRefused | SourceError) -> None:
        super().__init__(str(error))
        self.done, self.error = done, error


@dataclass(slots=True)
class _Addresses:
    """Fills the addresses that SOAP bounces lack, and their domains, by asking Subscriber."""

    pull: _Pull
    account: Account
    is_on: bool = True
    known: dict[str, str] = field(default_factory=dict)

    def __call__(self, events: pa.Table) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        keys = [str(key) for key in events["subscriber_key"].to_pylist()]
        self._look_up(keys)
        if not self.known:
            return events
        found = pa.array([self.known.get(key) for key in keys], pa.string())
        address = pc.coalesce(events["address"].combine_chunks(), found)
        domain = pc.coalesce(events["domain"].combine_chunks(), domain_of(address))
        for name, column in (("address", address), ("domain", domain)):
            events = events.set_column(events.schema.get_field_index(name), name, column)
        return events

    def _look_up(self, keys: list[str]) -> None:
        new = {key for key in keys if key not in self.known}
        if not new or not self.is_on or not self.pull.workspace.settings.soap.addresses:
            return
        try:
            self.known |= self.pull.tenant.soap.addresses(self.account, new)
        except (SignInRefused, SourceError) as error:
            if error.may_retry:
                raise
            # Without the scope for subscribers the bounces are still worth having.
            self.is_on = False
            self.pull.notes.append(f"{self.account.name}: bounces have no addresses. {error}")


def totals(jobs: pa.Table, counted: pa.Table) -> pa.Table:
    """The total of each job that nobody counted by domain, as rows with an empty domain."""
    import pyarrow as pa

    known = set(zip(counted["account"].to_pylist(), counted["job"].to_pylist(), strict=True))
    rows = [
        {
            "account": job["account"],
            "job": job["job"],
            "domain": "",
            "day": job["sent_time"].date(),
            "sent": job["number_sent"],
        }
        for job in jobs.to_pylist()
        if job["number_sent"] is not None
        and job["sent_time"] is not None
        and (job["account"], job["job"]) not in known
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(SEND_FIELDS))
