"""Subscriber statuses: asked, and set as far as the API may. Here, in the lowest place that can
write one, nobody who unsubscribed or complained is made mailable again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from bouncelens.bounce import Account
from bouncelens.extract.envelope import Change, OneOf
from bouncelens.extract.limits import Patience
from bouncelens.extract.objects import Objects
from bouncelens.extract.signin import SignIn
from bouncelens.extract.soap_call import clean
from bouncelens.extract.wire import Wire

STAYS = "unsubscribed or complained: never made mailable again"
SETTABLE = ("active", "bounced", "held")  # by us; to unsubscribe is the person's alone
_MAILABLE = ("active", "bounced")
_ASKED_AT_ONCE = 500  # keys of one filter
_SET_AT_ONCE = 50  # objects of a synchronous call
_WANTED = ("SubscriberKey", "Status")
_GONE = "unsubscribed"


class Left(Protocol):
    """Who is known to have left, by other ways than the status."""

    def __contains__(self, key: object, /) -> bool:
        """Whether this subscriber key did."""
        ...


class SubscriberStatuses:
    """The statuses of subscribers of one tenant, in lower case. Keys are the caller's spelling:
    Marketing Cloud does not tell upper from lower case in them."""

    def __init__(self, sign_in: SignIn, wire: Wire, patience: Patience) -> None:
        self._objects = Objects(sign_in, wire, patience)

    def of(self, account: Account, keys: Sequence[str]) -> dict[str, str]:
        """As they are now; absent: no such subscriber. Raises SignInRefused, SourceError."""
        found = dict[str, str]()
        for part in _parts(keys, _ASKED_AT_ONCE):
            where = OneOf("SubscriberKey", tuple(part))
            rows = self._objects.find(account, "Subscriber", _WANTED, where)
            told = {_folded(row.get("SubscriberKey")): _folded(row.get("Status")) for row in rows}
            found |= {key: told[_folded(key)] for key in part if _folded(key) in told}
        return found

    def left(self, account: Account, keys: Sequence[str]) -> set[str]:
        """Those who are unsubscribed: by this key, or by another one with the same address. Raises
        SignInRefused, SourceError."""
        found = set[str]()
        for part in _parts(keys, _ASKED_AT_ONCE):
            where = OneOf("SubscriberKey", tuple(part))
            names = (*_WANTED, "EmailAddress")
            rows = self._objects.find(account, "Subscriber", names, where)
            told = {_folded(row.get("SubscriberKey")): row for row in rows}
            mine = {key: told[_folded(key)] for key in part if _folded(key) in told}
            addresses = {_folded(row.get("EmailAddress")) for row in mine.values()} - {""}
            gone = self._gone(account, sorted(addresses))
            found |= {
                key
                for key, row in mine.items()
                if _folded(row.get("Status")) == _GONE or _folded(row.get("EmailAddress")) in gone
            }
        return found

    def _gone(self, account: Account, addresses: Sequence[str]) -> set[str]:
        """Those of the addresses with which anybody is unsubscribed."""
        if not addresses:
            return set()
        where = OneOf("EmailAddress", tuple(addresses))
        rows = self._objects.find(account, "Subscriber", ("EmailAddress", "Status"), where)
        return {_folded(r.get("EmailAddress")) for r in rows if _folded(r.get("Status")) == _GONE}

    def all(self, account: Account, statuses: Sequence[str]) -> dict[str, str]:
        """Everybody with one of the statuses. Raises SignInRefused, SourceError."""
        where = OneOf("Status", tuple(status.capitalize() for status in statuses))
        rows = self._objects.find(account, "Subscriber", _WANTED, where)
        return {row.get("SubscriberKey") or "": _folded(row.get("Status")) for row in rows}

    def put(self, account: Account, wanted: Mapping[str, str], *, left: Left) -> dict[str, str]:
        """Set statuses by key; who was refused, each with the words. Somebody whom Marketing Cloud
        does not know is no failure, nor is whoever unsubscribed and shall be held.

        Each is asked for its status right before, and nobody who has unsubscribed, or is among
        those who `left`, is set to a status that is mailed. Raises SignInRefused, SourceError.
        """
        if strange := set(wanted.values()) - set(SETTABLE):
            raise ValueError(f"not ours to set: {sorted(strange)}")
        refused = dict[str, str]()
        for part in _parts(list(wanted), _SET_AT_ONCE):
            now = self.of(account, part)
            gone = self.left(account, [key for key in part if wanted[key] in _MAILABLE])
            todo = list[str]()
            for key in part:
                status = wanted[key]
                is_gone = key in gone or now.get(key) == _GONE or key in left
                if is_gone and status in _MAILABLE:
                    refused[key] = STAYS
                elif now.get(key) not in (None, status, _GONE, "deleted"):
                    todo.append(key)
            if todo:
                refused |= self._set(account, {key: wanted[key] for key in todo})
        return refused

    def _set(self, account: Account, wanted: Mapping[str, str]) -> dict[str, str]:
        """One call, and what it came to: the answer does not say of whom its words are."""
        objects = [
            (("SubscriberKey", key), ("Status", status.capitalize()))
            for key, status in wanted.items()
        ]
        change = Change("Update", "Subscriber", objects[0], more=tuple(objects[1:]))
        said = self._objects.told(account, change)
        now = self.of(account, list(wanted))
        words = clean(said.refusal or said.message) or "refused without words"
        return {
            key: f"the status {status} was not taken ({words})"
            for key, status in wanted.items()
            if now.get(key) not in (None, status, "unsubscribed")
        }


def _folded(text: str | None) -> str:
    return (text or "").lower()


def _parts(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
