"""The subscriber status as a target: whoever is suppressed is set to Held, and gets back what was
before. Marketing Cloud, its people and others change statuses, too, so nothing is taken back that
is not of our making."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bouncelens.bounce import Account
from bouncelens.extract.statuses import SubscriberStatuses
from bouncelens.service.suppress.decisions import Gone
from bouncelens.service.suppress.own_targets import by_account
from bouncelens.service.suppress.record import Key, Row, key_of
from bouncelens.service.suppress.target import Left

if TYPE_CHECKING:
    from collections.abc import Callable

    from bouncelens.bounce import Suppression
    from bouncelens.settings.model import SubscriberStatusSettings

_GONE = "unsubscribed"
_ACTIVE = "active"  # told by having no row: most people are


class StatusTarget:
    """Statuses of people in each business unit; a row for each who is not active. `left`: who
    unsubscribed or complained, as far as the lake knows, asked when it is needed."""

    is_shared = True

    def __init__(
        self,
        statuses: SubscriberStatuses,
        settings: SubscriberStatusSettings,
        accounts: Sequence[Account],
        left: Callable[[], Gone],
    ) -> None:
        self._statuses, self._left = statuses, left
        self._accounts = {account.mid: account for account in accounts}
        self._held = settings.suppressed.lower()
        # A Bounced person is mailed as an active one is; where it cannot be set, it is no state.
        bounced = ("bounced",) if settings.bounced_as == "Bounced" else ()
        self._told = (self._held, _GONE, *bounced)

    @property
    def name(self) -> str:
        """Its name."""
        return f"status:{self._held}"

    def place(self, one: Suppression) -> Key | None:
        """By account and subscriber key."""
        return key_of(one)

    def wanted(self, one: Suppression, there: Row | None) -> Row | None:
        """Held; unsubscribed stays."""
        return there if _status(there) == _GONE else _row(self._held, one.subscriber_key)

    def check(self) -> None:
        """Nothing is needed; each refusal is told with its row."""

    def read(self) -> dict[Key, Row]:
        """Everybody who is not active."""
        return {
            (mid, key): _row(status, key)
            for mid, account in self._accounts.items()
            for key, status in self._statuses.all(account, self._told).items()
        }

    def put(self, rows: Mapping[Key, Row]) -> dict[Key, Left]:
        """Set statuses. A row of somebody unsubscribed says what is not to be touched."""
        wanted = {key: _status(row) for key, row in rows.items() if _status(row) != _GONE}
        return self._set(wanted)

    def drop(self, places: Sequence[Key]) -> dict[Key, Left]:
        """Set to active: nobody who unsubscribed or complained."""
        return self._set(dict.fromkeys(places, _ACTIVE))

    def is_ours(self, row: Row) -> bool:
        """Held may be."""
        return _status(row) == self._held

    def still(self, after: Row | None, there: Row | None) -> Row | None:
        """Whoever unsubscribed stays so; whoever is not Held is not to be let go."""
        if _status(there) == _GONE:
            return there
        is_freed = _status(after) != self._held
        return there if is_freed and _status(there) != self._held else after

    def undone(self, before: Row | None, after: Row | None, there: Row | None) -> Row | None:
        """What was before, where the run changed it and nobody has since."""
        if before == after or _status(there) == _GONE:
            return there
        is_held_again = _status(before) == self._held
        return before if is_held_again or there == after else there

    def excused(self, places: Sequence[Key]) -> set[Key]:
        """Whom Marketing Cloud does not know, and who unsubscribed."""
        found = set[Key]()
        for mid, part in by_account(places).items():
            if (account := self._accounts.get(mid)) is not None:
                now = self._statuses.of(account, [key for _, key in part])
                found |= {place for place in part if now.get(place[1], _GONE) == _GONE}
        return found

    def _set(self, wanted: Mapping[Key, str]) -> dict[Key, Left]:
        left = self._left() if wanted else Gone()
        refused = dict[Key, Left]()
        for mid, part in by_account(wanted).items():
            if (account := self._accounts.get(mid)) is None:
                words = f"the settings have no account {mid}"
                refused |= dict.fromkeys(part, Left("refused", words))
                continue
            told = {key: wanted[mid, key] for _, key in part}
            words_by_key = self._statuses.put(account, told, left=left)
            refused |= {(mid, k): Left("refused", words) for k, words in words_by_key.items()}
        return refused


def _row(status: str, key: str) -> Row:
    return {"SubscriberKey": key, "Status": status.capitalize()}


def _status(row: Row | None) -> str:
    return row["Status"].lower() if row else _ACTIVE
