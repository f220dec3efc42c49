"""`events register|status|remove`: callbacks and subscriptions in Marketing Cloud, plan first.

The command makes the callback, the running server hears the verification key, and the events
folder is where both meet. The signature key, told once, is kept before anything else is done.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bouncelens.errors import SettingsInvalid, SourceError
from bouncelens.extract.ens import Callback, EnsAdmin, Subscription, checked_address
from bouncelens.extract.events import BOUNCED
from bouncelens.extract.rest import Rest
from bouncelens.service.event_keys import EventKeys
from bouncelens.service.receive import Desk, spool_of
from bouncelens.service.tenant import chosen, line_to

if TYPE_CHECKING:
    from bouncelens.bounce import Account
    from bouncelens.settings import Settings

_HEARD_WITHIN_S = 30.0
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Step:
    """One change in Marketing Cloud. `verb`: create, verify, subscribe, unsubscribe or remove;
    `target`: the id of what is there already."""

    mid: int
    verb: str
    sentence: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class AccountEvents:
    """How the events route stands for one business unit. `lacks` says what is missing."""

    mid: int
    name: str
    url: str
    callback: str  # its status; empty where there is none
    subscription: str  # its status; empty where there is none for bounces
    has_key: bool
    lacks: str


@dataclass(frozen=True, slots=True)
class EventsStatus:
    """How the events route stands, and how much waits to be stored here."""

    accounts: tuple[AccountEvents, ...]
    waiting_bytes: int

    @property
    def exit_code(self) -> int:
        """0, or 1 when something is missing."""
        return 1 if any(account.lacks for account in self.accounts) else 0


@contextmanager
def setup_of(settings: Settings, accounts: tuple[int | str, ...] = ()) -> Iterator[EventsSetup]:
    """The set-up of the accounts named by MID or name, or of all. Nothing is asked yet.

    Raises SettingsInvalid when there is no address or no tenant, InputInvalid for an account.
    """
    if not settings.events.url:
        raise SettingsInvalid(
            "events.url is empty, so Marketing Cloud has no address to post to.",
            advice="Write the public https address that leads to /events of `bouncelens serve`.",
        )
    base, wanted = checked_address(settings.events.url), chosen(settings, accounts)
    with line_to(settings) as line:
        admin = EnsAdmin(Rest(line.sign_in, line.wire, line.patience))
        yield EventsSetup(settings, admin, base, wanted)


class EventsSetup:
    """Looks, plans and does. Every step that is done is found done when it is planned again."""

    def __init__(
        self, settings: Settings, admin: EnsAdmin, base: str, accounts: tuple[Account, ...]
    ) -> None:
        self._settings, self._admin, self._base = settings.events, admin, base
        self._accounts = {account.mid: account for account in accounts}
        self._keys, self._desk = EventKeys(settings.events.keys), Desk(settings.events)

    def status(self) -> EventsStatus:
        """How each account stands. Raises SignInRefused, SourceError."""
        found = tuple(self._status(account) for account in self._accounts.values())
        return EventsStatus(found, spool_of(self._settings).size())

    def registering(self) -> tuple[Step, ...]:
        """What `register` would do; nothing where all is in place. Raises SourceError …"""
        return tuple(s for a in self._accounts.values() for s in self._missing(a))

    def removing(self) -> tuple[Step, ...]:
        """What `remove` would do: subscriptions first, then callbacks; only those of our name
        and address. Raises SourceError …"""
        steps = list[Step]()
        for account in self._accounts.values():
            for callback in self._callbacks(account):
                steps += self._undone(account, callback)
        return tuple(steps)

    def do(self, step: Step, *, within_s: float = _HEARD_WITHIN_S) -> None:
        """Make one change. `within_s`: how long the verification key may take to be heard.

        Raises SourceError, SignInRefused, SettingsInvalid; StoreError when the events folder
        cannot be written.
        """
        account = self._accounts[step.mid]
        if step.verb == "create":
            self._keys.check_writable()
            self._desk.open(account.mid)
            made = self._admin.create_callback(account, self._settings.name, self._url(account))
            self._keys.keep(account.mid, made.signature_key)
            self._verify(account, made.callback_id, within_s)
            self._subscribe(account, made.callback_id)
        elif step.verb == "verify":
            self._verify(account, step.target, within_s)
        elif step.verb == "subscribe":
            self._subscribe(account, step.target)
        elif step.verb == "unsubscribe":
            self._admin.unsubscribe(account, step.target)
        else:
            self._admin.remove_callback(account, step.target)
            self._keys.forget(account.mid)

    def _url(self, account: Account) -> str:
        return f"{self._base}/{account.mid}"

    def _callbacks(self, account: Account) -> list[Callback]:
        url = self._url(account)
        return [c for c in self._admin.callbacks(account) if c.url.rstrip("/") == url]

    def _subscription(self, account: Account, callback: Callback) -> Subscription | None:
        every = self._admin.subscriptions(account, callback.callback_id)
        return next((s for s in every if BOUNCED in s.event_types), None)

    def _missing(self, account: Account) -> Iterator[Step]:
        url, name = self._url(account), account.name
        callback = next(iter(self._callbacks(account)), None)
        if callback is not None and not self._is_usable(account, callback):
            why = "its signature key is not here, and is told only when a callback is made"
            if self._keys.key(account.mid):
                why = "its verification key was not heard, and is sent only once"
            for step in self._undone(account, callback):
                yield Step(step.mid, step.verb, f"{step.sentence[:-1]}: {why}.", step.target)
            callback = None
        if callback is None:
            sentence = (
                f"{name}: create the callback {self._settings.name!r} to {url}, keep its key as "
                f"{self._keys.where(account.mid)}, verify it, and subscribe it to {BOUNCED}."
            )
            yield Step(account.mid, "create", sentence)
            return
        number = callback.callback_id
        if not callback.is_verified:
            sentence = f"{name}: verify the callback {number} to {url}."
            yield Step(account.mid, "verify", sentence, number)
        if not callback.is_verified or self._subscription(account, callback) is None:
            sentence = f"{name}: subscribe the callback {number} to {BOUNCED}."
            yield Step(account.mid, "subscribe", sentence, number)

    def _is_usable(self, account: Account, callback: Callback) -> bool:
        if not self._keys.key(account.mid):
            return False
        heard = self._desk.key(account.mid, callback.callback_id)
        return callback.is_verified or heard is not None

    def _undone(self, account: Account, callback: Callback) -> Iterator[Step]:
        number = callback.callback_id
        for subscription in self._admin.subscriptions(account, number):
            told = ", ".join(subscription.event_types)
            sentence = f"{account.name}: remove the subscription {subscription.name!r} ({told})."
            yield Step(account.mid, "unsubscribe", sentence, subscription.subscription_id)
        sentence = f"{account.name}: remove the callback {number} to {callback.url}."
        yield Step(account.mid, "remove", sentence, number)

    def _verify(self, account: Account, callback_id: str, within_s: float) -> None:
        end = time.monotonic() + within_s
        while (key := self._desk.key(account.mid, callback_id)) is None:
            if time.monotonic() > end:
                raise SourceError(
                    f"Event notifications, account {account.mid}",
                    f"the server did not hear the verification key of {callback_id}.",
                    may_retry=False,
                    advice="Register where `bouncelens serve` runs, with the same events.folder.",
                )
            time.sleep(_LOOK_S)
        self._admin.verify(account, callback_id, key)
        self._desk.close(account.mid)

    def _subscribe(self, account: Account, callback_id: str) -> None:
        self._admin.subscribe(account, callback_id, f"{self._settings.name} {account.mid} bounces")

    def _status(self, account: Account) -> AccountEvents:
        callback = next(iter(self._callbacks(account)), None)
        told = self._subscription(account, callback) if callback is not None else None
        has_key = self._keys.key(account.mid) is not None
        lacks = ""
        if callback is None:
            lacks = "no callback"
        elif not callback.is_verified:
            lacks = "the callback is not verified"
        elif told is None:
            lacks = "no subscription to bounces"
        elif not has_key:
            lacks = f"no signature key as {self._keys.where(account.mid)}"
        return AccountEvents(
            account.mid,
            account.name,
            self._url(account),
            callback.status if callback else "",
            told.status if told else "",
            has_key,
            lacks,
        )
