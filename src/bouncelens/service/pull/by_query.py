"""The query route for one account: jobs by name, bounces with all columns, sent counts by domain
and day, and the people who bounced. What it made in the tenant is removed at the end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bouncelens.bounce import Account
from bouncelens.errors import SignInRefused
from bouncelens.service.intake import with_provider
from bouncelens.service.pull.bounces import Bounces, Tell
from bouncelens.service.pull.by_soap import JOBS_BEFORE
from bouncelens.service.pull.result import AccountPull

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.service.tenant import Tenant


@dataclass(slots=True)
class ByQuery:
    """What the query route does, in the order of `steps`."""

    tenant: Tenant
    bounces: Bounces
    notes: list[str]
    steps = ("jobs", "bounces", "sends", "subscribers")
    shares = (0.1, 0.5, 0.2, 0.2)

    def take(self, step: str, account: Account, done: AccountPull, tell: Tell) -> AccountPull:
        """One step. Raises SignInRefused, SourceError, Partly."""
        only, query = self.bounces.only, self.tenant.query
        lake = self.bounces.workspace.lake
        if step == "jobs":
            return self._jobs(account, done)
        if step == "sends":
            counted = query.sends(account, done.window, only)
            lake.put_sends(with_provider(counted))
            return replace(done, sends=counted.num_rows)
        if step == "subscribers":
            if only:  # they are people, not a campaign's
                return done
            people = query.subscribers(account)
            lake.put_subscribers(people)
            return replace(done, subscribers=people.num_rows)
        return self.bounces.pull(
            account,
            done,
            tell,
            fetch=lambda unit, window: query.fetch(unit, window, only),
            complete=_as_they_are,
        )

    def tidy(self, account: Account) -> tuple[str, ...]:
        """Remove what was made in the tenant; what is left there, one sentence each."""
        return self.tenant.query.tidy(account)

    def _jobs(self, account: Account, done: AccountPull) -> AccountPull:
        """Names from _Job; SFMC's own totals from Send, where the package may read them."""
        window = replace(done.window, start=done.window.start - JOBS_BEFORE)
        lake, only = self.bounces.workspace.lake, self.bounces.only
        try:
            lake.put_jobs(self.tenant.soap.jobs(account, window, only))
        except SignInRefused as error:
            self.notes.append(f"{account.name}: no totals to compare with. {error}")
        found = self.tenant.query.jobs(account, window, only)
        lake.put_jobs(found)
        return replace(done, jobs=found.num_rows)


def _as_they_are(events: pa.Table) -> pa.Table:
    return events
