"""The Event Notification Service's set-up: callbacks and subscriptions of a business unit.

A callback's signature key is told once, when it is made: whoever loses it has to make another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from bouncelens.errors import SettingsInvalid, SourceError
from bouncelens.extract.events import BOUNCED
from bouncelens.extract.rest import RestCall, refusal

if TYPE_CHECKING:
    from bouncelens.bounce import Account
    from bouncelens.extract.rest import Rest

_CALLBACKS = "platform/v1/ens-callbacks"
_SUBSCRIPTIONS = "platform/v1/ens-subscriptions"
_SCOPES = "Event Notifications: Callbacks and Subscriptions, Create, Read, Update and Delete"
_BATCH = 1000
_LOCAL = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which events a callback is told."""

    subscription_id: str
    name: str
    event_types: tuple[str, ...]
    status: str


@dataclass(frozen=True, slots=True)
class Callback:
    """An address that events are posted to. `signature_key` is known at creation only."""

    callback_id: str
    name: str
    url: str
    status: str
    signature_key: str = field(default="", repr=False)

    @property
    def is_verified(self) -> bool:
        """Whether Marketing Cloud knows that the address hears."""
        return self.status.lower() == "verified"


class EnsAdmin:
    """Finds, makes and removes callbacks and subscriptions."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def callbacks(self, account: Account) -> tuple[Callback, ...]:
        """The account's callbacks. Raises SignInRefused, SourceError."""
        said = self._ask(account, "GET", _CALLBACKS)
        return tuple(_callback(item) for item in _items(said))

    def subscriptions(self, account: Account, callback_id: str) -> tuple[Subscription, ...]:
        """What a callback is told. Raises SignInRefused, SourceError."""
        path = f"platform/v1/ens-subscriptions-by-cb/{quote(callback_id, safe='')}"
        return tuple(_subscription(item) for item in _items(self._ask(account, "GET", path)))

    def create_callback(self, account: Account, name: str, url: str) -> Callback:
        """Make a callback. Marketing Cloud posts to the address while this waits.

        Raises SourceError when that got no answer, or the address is registered already.
        """
        body = [{"callbackName": name, "url": url, "maxBatchSize": _BATCH}]
        call = _call(account, "POST", _CALLBACKS, body)
        answer = self._rest.answer(account, call)
        if answer.status == 304:
            raise SourceError(call.source, f"{url} is registered already.", may_retry=False)
        if answer.status not in (200, 201):
            raise refusal(answer, call, advice=_NOT_HEARD)
        made = next((_callback(item) for item in _items(answer.said)), None)
        if made is None or not made.callback_id or not made.signature_key:
            raise SourceError(call.source, "the answer names no callback.", may_retry=False)
        return made

    def verify(self, account: Account, callback_id: str, key: str) -> None:
        """Give back the key that was posted to the address. Raises SourceError."""
        self._ask(
            account,
            "POST",
            "platform/v1/ens-verify",
            {"callbackId": callback_id, "verificationKey": key},
        )

    def subscribe(self, account: Account, callback_id: str, name: str) -> None:
        """Ask for bounce events. Raises SourceError."""
        wanted = {"callbackId": callback_id, "subscriptionName": name}
        body = [{**wanted, "eventCategoryTypes": [BOUNCED]}]
        self._ask(account, "POST", _SUBSCRIPTIONS, body)

    def unsubscribe(self, account: Account, subscription_id: str) -> None:
        """Remove a subscription; one that is gone is fine. Raises SourceError."""
        self._remove(account, f"{_SUBSCRIPTIONS}/{quote(subscription_id, safe='')}")

    def remove_callback(self, account: Account, callback_id: str) -> None:
        """Remove a callback; one that is gone is fine. Raises SourceError."""
        self._remove(account, f"{_CALLBACKS}/{quote(callback_id, safe='')}")

    def _remove(self, account: Account, path: str) -> None:
        call = _call(account, "DELETE", path)
        answer = self._rest.answer(account, call)
        if answer.status not in (200, 202, 204, 404):
            raise refusal(answer, call)

    def _ask(self, account: Account, method: str, path: str, body: object = None) -> Any:
        return self._rest.ask(account, _call(account, method, path, body))


def checked_address(url: str) -> str:
    """A public address as a callback may have it, without a slash at its end.

    Raises SettingsInvalid: Marketing Cloud takes https only, and neither port nor query.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    is_local = (parts.hostname or "") in _LOCAL
    is_fit = parts.scheme == "https" and port is None
    is_plain = not (parts.query or parts.fragment or parts.username)
    if not parts.hostname or not is_plain or not (is_fit or (is_local and parts.scheme)):
        raise SettingsInvalid(
            "events.url is not an address that Marketing Cloud can post to.",
            advice="Write https://host/path, without port and query, as the outside reaches it.",
        )
    return url.rstrip("/")


_NOT_HEARD = (
    "Marketing Cloud posts to events.url and wants 200: start `bouncelens serve`, and check the "
    "reverse proxy and the certificate."
)


def _call(account: Account, method: str, path: str, body: object = None) -> RestCall:
    return RestCall(method, path, f"Event notifications, account {account.mid}", _SCOPES, body)


def _items(said: Any) -> list[dict[str, Any]]:
    """The entries of a list, bare or wrapped as REST wraps others."""
    if isinstance(said, dict):
        said = next((said[name] for name in ("items", "entry") if name in said), [said])
    return [item for item in said if isinstance(item, dict)] if isinstance(said, list) else []


def _callback(item: dict[str, Any]) -> Callback:
    names = ("callbackId", "callbackName", "url", "status", "signatureKey")
    return Callback(*(str(item.get(name) or "") for name in names))


def _subscription(item: dict[str, Any]) -> Subscription:
    types = item.get("eventCategoryTypes")
    return Subscription(
        str(item.get("subscriptionId") or ""),
        str(item.get("subscriptionName") or ""),
        tuple(str(kind) for kind in types) if isinstance(types, list) else (),
        str(item.get("status") or ""),
    )
