"""The SOAP route for one account: jobs with their totals, bounces, sent counts, addresses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bouncelens.bounce import SEND_FIELDS, Account, arrow_schema
from bouncelens.errors import SignInRefused, SourceError
from bouncelens.extract.rows import domain_of
from bouncelens.service.intake import with_provider
from bouncelens.service.pull.bounces import Bounces, Tell
from bouncelens.service.pull.result import AccountPull

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.service.tenant import Tenant

# Jobs go on getting bounces for days after they were sent, so their totals are read again.
JOBS_BEFORE = timedelta(days=14)


@dataclass(slots=True)
class BySoap:
    """What the SOAP route does. `steps` are run in this order: jobs first, because what SFMC
    counts before we look must be there when we have looked."""

    tenant: Tenant
    bounces: Bounces
    notes: list[str]
    steps = ("jobs", "bounces", "sends")
    shares = (0.1, 0.8, 0.1)
    _jobs_found: pa.Table | None = None

    def take(self, step: str, account: Account, done: AccountPull, tell: Tell) -> AccountPull:
        """One step. Raises SignInRefused, SourceError, Partly."""
        if step == "jobs":
            self._jobs_found = None
            return self._jobs(account, done)
        if step == "sends":
            return self._sends(account, done)
        only = self.bounces.only
        complete = _Addresses(self, account)
        return self.bounces.pull(
            account,
            done,
            tell,
            fetch=lambda unit, window: self.tenant.soap.fetch(unit, window, only),
            complete=complete,
        )

    def tidy(self, account: Account) -> tuple[str, ...]:
        """SOAP only reads: nothing of it is left anywhere."""
        del account
        return ()

    def _jobs(self, account: Account, done: AccountPull) -> AccountPull:
        window = replace(done.window, start=done.window.start - JOBS_BEFORE)
        self._jobs_found = self.tenant.soap.jobs(account, window, self.bounces.only)
        self.bounces.workspace.lake.put_jobs(self._jobs_found)
        return replace(done, jobs=self._jobs_found.num_rows)

    def _sends(self, account: Account, done: AccountPull) -> AccountPull:
        import pyarrow as pa

        if self.bounces.only:  # the data extension cannot be narrowed
            return done
        counted = arrow_schema(SEND_FIELDS).empty_table()
        # Where the query route counts, by UTC day, a count by another day would come on top.
        is_counted = "query" in self.bounces.workspace.settings.routes
        if self.tenant.sends is not None and not is_counted:
            counted = self.tenant.sends.sends(account)
        if self._jobs_found is not None:
            counted = pa.concat_tables([counted, totals(self._jobs_found, counted)])
        self.bounces.workspace.lake.put_sends(with_provider(counted))
        return replace(done, sends=counted.num_rows)


@dataclass(slots=True)
class _Addresses:
    """Fills the addresses that SOAP bounces lack, and their domains, by asking Subscriber."""

    by_soap: BySoap
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
        settings = self.by_soap.bounces.workspace.settings
        if not new or not self.is_on or not settings.soap.addresses:
            return
        try:
            self.known |= self.by_soap.tenant.soap.addresses(self.account, new)
        except (SignInRefused, SourceError) as error:
            if error.may_retry:
                raise
            # Without the scope for subscribers the bounces are still worth having.
            self.is_on = False
            self.by_soap.notes.append(f"{self.account.name}: bounces have no addresses. {error}")


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
