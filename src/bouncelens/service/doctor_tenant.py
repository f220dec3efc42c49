"""The doctor's look at Marketing Cloud: sign-in, scopes, clock, business units, every route and
SFTP; for each what works, what does not, and what to click."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING

from bouncelens.bounce import Account, Window
from bouncelens.errors import BouncelensError, SignInRefused
from bouncelens.extract.gate import gate_of
from bouncelens.extract.rest import Rest, RestCall, refusal
from bouncelens.extract.tracking import Place, TrackingSource
from bouncelens.service.doctor import Check, checked
from bouncelens.service.extracts import landings
from bouncelens.service.tenant import Tenant, chosen, connected, patience_of

if TYPE_CHECKING:
    from bouncelens.settings import Settings

_MOST_SKEW_S = 120
_PACKAGE = "In Setup > Apps > Installed Packages, open the package, choose Edit and tick"
# Scope, as the package's page calls it, and what it is for; by route.
_NEEDS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "soap": (
        ("tracking_events_read", "Tracking Events: Read", "bounces and the totals of sends"),
        ("list_and_subscribers_read", "List and Subscribers: Read", "addresses of bounces"),
    ),
    "query": (
        ("data_extensions_read", "Data Extensions: Read", "reading what a query wrote"),
        ("data_extensions_write", "Data Extensions: Write", "a data extension for it to write"),
        ("automations_read", "Automations: Read", "seeing whether a query runs"),
        ("automations_write", "Automations: Write", "making a query activity"),
        ("automations_execute", "Automations: Execute", "starting it"),
    ),
    "sends": (
        ("data_extensions_read", "Data Extensions: Read", "sent counts by receiving domain"),
    ),
    "suppressions": (
        ("data_extensions_read", "Data Extensions: Read", "reading back what was written"),
        ("data_extensions_write", "Data Extensions: Write", "the data extension of suppressions"),
        ("list_and_subscribers_read", "List and Subscribers: Read", "asking who unsubscribed"),
    ),
    "auto-suppression": (
        ("automations_read", "Automations: Read", "seeing how an import went"),
        ("automations_execute", "Automations: Execute", "starting it"),
        ("list_and_subscribers_read", "List and Subscribers: Read", "asking who unsubscribed"),
    ),
    "subscriber status": (
        ("list_and_subscribers_read", "List and Subscribers: Read", "asking for statuses"),
        ("list_and_subscribers_write", "List and Subscribers: Write", "setting them"),
    ),
}


def tenant_checks(settings: Settings) -> Iterator[Check]:
    """All checks that need a call."""
    on = [str(name) for name in settings.routes if name != "tracking" or settings.tracking.host]
    off = [name for name in ("soap", "query", "tracking") if name not in on]
    said = f"{', '.join(on)}" + (f"; off: {', '.join(off)}" if off else "")
    yield Check("routes", True, said)
    if settings.accounts or on != ["tracking"]:
        yield from _by_account(settings, on)
    if "tracking" in on:
        yield from _sftp(settings)
    if settings.auto_suppression.import_key and settings.tracking.host:
        yield from _import_folders(settings)


def _by_account(settings: Settings, on: list[str]) -> Iterator[Check]:
    try:
        accounts = chosen(settings, ())
        with connected(settings) as tenant:
            look = _Look(settings, tenant, Rest(tenant.sign_in, tenant.wire, patience_of(settings)))
            for number, account in enumerate(accounts):
                signed_in = checked(f"sign-in {account.name}", partial(look.sign_in, account))
                yield signed_in
                if not signed_in.is_ok:
                    continue
                if not number:
                    yield look.clock(account)
                yield checked(f"business unit {account.name}", partial(look.unit, account))
                yield from look.scopes(account, on)
                yield from look.routes(account, on)
    except BouncelensError as error:
        yield Check("sign-in", False, str(error), error.exit_code)


@dataclass(frozen=True, slots=True)
class _Look:
    settings: Settings
    tenant: Tenant
    rest: Rest

    def sign_in(self, account: Account) -> str:
        """Whether the package may sign in to the business unit."""
        token = self.tenant.sign_in.token(account.mid)
        return f"MID {account.mid}, SOAP at {token.soap_url}"

    def clock(self, account: Account) -> Check:
        """This machine's clock beside Marketing Cloud's: windows of time hang on it."""
        call = RestCall("GET", "platform/v1/tokenContext", "Clock", "")
        try:
            answer = self.rest.answer(account, call)
            theirs = parsedate_to_datetime(answer.headers.get("date", ""))
        except (BouncelensError, ValueError, TypeError):
            return Check("clock", True, "Marketing Cloud did not say what time it is")
        skew_s = (datetime.now(UTC) - theirs.astimezone(UTC)).total_seconds()
        if abs(skew_s) <= _MOST_SKEW_S:
            return Check("clock", True, "it agrees with Marketing Cloud's to within two minutes")
        side = "ahead of" if skew_s > 0 else "behind"
        said = f"it is {abs(skew_s) / 60:.0f} minutes {side} Marketing Cloud's"
        return Check("clock", False, f"{said}. Let this machine set its clock by NTP.", 1)

    def unit(self, account: Account) -> str:
        """Whether the token is one of the business unit that was meant."""
        call = RestCall("GET", "platform/v1/tokenContext", "Business unit", "")
        answer = self.rest.answer(account, call)
        if answer.status != 200:
            raise refusal(answer, call)
        said = answer.said if isinstance(answer.said, dict) else {}
        told = {k: v.get("id") for k, v in said.items() if isinstance(v, dict)}
        if str(told.get("organization", account.mid)) != str(account.mid):
            raise SignInRefused(
                f"A token for MID {account.mid} turned out to be one for {told['organization']}.",
                advice="Check the MID in the settings.",
            )
        parent = told.get("enterprise")
        return f"MID {account.mid}" + (f" of the enterprise {parent}" if parent else "")

    def scopes(self, account: Account, on: list[str]) -> Iterator[Check]:
        """What the package may do, beside what the routes need."""
        have = self.tenant.sign_in.token(account.mid).scopes
        if have is None:
            yield Check(f"scopes {account.name}", True, "the sign-in did not list them")
            return
        settings = self.settings
        further = {
            "sends": settings.sends.data_extension,
            "suppressions": settings.suppression.data_extension,
            "auto-suppression": settings.auto_suppression.import_key,
            "subscriber status": settings.subscriber_status.suppressed,
        }
        wanted = [*on, *(name for name, is_on in further.items() if is_on)]
        for route in wanted:
            needs = _NEEDS.get(route, ())
            lacking = [need for need in needs if need[0] not in have]
            name = f"scopes {account.name}, {route}"
            if not lacking:
                if needs:
                    yield Check(name, True, ", ".join(scope for scope, _, _ in needs))
                continue
            what = "; ".join(f"{scope} for {purpose}" for scope, _, purpose in lacking)
            ticks = ", ".join(label for _, label, _ in lacking)
            detail = f"missing: {what}. {_PACKAGE} {ticks}; it takes up to five minutes to count."
            yield Check(name, False, detail, 4)

    def routes(self, account: Account, on: list[str]) -> Iterator[Check]:
        """One harmless call by each route."""
        if "soap" in on:
            yield checked(f"soap {account.name}", lambda: self._soap(account))
        if "query" in on:
            yield checked(f"query {account.name}", lambda: self.tenant.query.look(account))
        if self.tenant.sends is not None:
            yield checked(f"sends {account.name}", lambda: self._sends(account))

    def _soap(self, account: Account) -> str:
        end = datetime.now(UTC).replace(microsecond=0)
        window = Window(end - timedelta(hours=1), end)
        rows = sum(page.events.num_rows for page in self.tenant.soap.fetch(account, window))
        return f"it answers: {rows:,} bounces in the last hour"

    def _sends(self, account: Account) -> str:
        assert self.tenant.sends is not None
        counted = self.tenant.sends.sends(account)
        key = self.settings.sends.data_extension
        if not counted.num_rows:
            return f"{key} is empty: does its automation run?"
        last = max(str(day) for day in counted["day"].to_pylist())
        return f"{key}: {counted.num_rows:,} counts, the newest of {last}"


def _sftp(settings: Settings) -> Iterator[Check]:
    try:
        places = landings(settings)
    except BouncelensError as error:
        yield Check("sftp", False, str(error), error.exit_code)
        return
    for landing in places:
        yield checked(landing.place.name, partial(_found, settings, landing.place))


def _import_folders(settings: Settings) -> Iterator[Check]:
    """Where the files of imports go."""
    folder = settings.auto_suppression.folder
    places = {landing.place.name: landing.place for landing in landings(settings)}
    for name, place in places.items():
        source = TrackingSource(
            replace(place, folder=folder),
            patience=patience_of(settings),
            gate=gate_of(settings.calls),
        )
        yield checked(f"{name}, {folder}", partial(_counted, source))


def _counted(source: TrackingSource) -> str:
    return f"{len(source.find()):,} files there"


def _found(settings: Settings, place: Place) -> str:
    source = TrackingSource(place, patience=patience_of(settings), gate=gate_of(settings.calls))
    files = source.find()
    if not files:
        return f"{place.folder} has no extract yet: does its automation run?"
    return (
        f"{len(files):,} files in {place.folder}, the newest {files[-1].changed:%Y-%m-%d %H:%M} UTC"
    )
