"""Subscribers over SOAP: upsert by key, statuses as far as the API may set them (2.5)."""

from __future__ import annotations

import re

from sfmc_sandbox.wire.soap_change import Change, ChangeRefused, Outcome

# Active and Unsubscribed are the documented uses; the rest is unverified, so it is a setting.
SETTABLE = frozenset({"Active", "Unsubscribed"})
STATUSES = frozenset({"Active", "Bounced", "Held", "Unsubscribed", "Deleted"})
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")


def change_subscriber(change: Change) -> Outcome:
    """Creates, updates or deletes one subscriber."""
    key = change.text("SubscriberKey") or change.text("EmailAddress")
    if not key:
        raise ChangeRefused("The subscriber has no SubscriberKey.", 12000)
    row = (
        change.sandbox.tenant.db.cursor()
        .execute(
            # Keys are the database's, which does not tell upper from lower case.
            "SELECT sub, subscriber_id, status FROM subscriber "
            "WHERE mid = ? AND lower(subscriber_key) = lower(?)",
            [change.token.mid, key],
        )
        .fetchone()
    )
    is_gone = row is not None and row[2] == "Deleted"
    if row is not None and is_gone and (change.verb == "Create" or change.is_upsert):
        return _revive(change, int(row[0]), int(row[1]))
    if is_gone:
        row = None
    if change.verb == "Create" and row is not None and not change.is_upsert:
        raise ChangeRefused("The subscriber is already on the list", 12014)
    if row is None:
        if change.verb != "Create" and not change.is_upsert:
            raise ChangeRefused("The subscriber does not exist.", 12002)
        return _create(change, key)
    if change.verb == "Delete":
        change.sandbox.tenant.db.cursor().execute(
            "UPDATE subscriber SET status = 'Deleted' WHERE sub = ?", [row[0]]
        )
        change.sandbox.flow.status_set(int(row[0]), "Deleted")
        return Outcome("Subscriber deleted", fields=(("SubscriberKey", key),))
    _update(change, int(row[0]))
    return Outcome(
        "Updated Subscriber.", new_id=int(row[1]),
        fields=(("ID", str(row[1])), ("SubscriberKey", key)),
    )  # fmt: skip


def _create(change: Change, key: str) -> Outcome:
    address = change.text("EmailAddress")
    if not _ADDRESS.fullmatch(address):
        raise ChangeRefused("InvalidEmailAddress: the email address is not valid.", 12004)
    status = _status(change) or "Active"
    cursor = change.sandbox.tenant.db.cursor()
    number = (cursor.execute("SELECT max(sub) + 1 FROM subscriber").fetchone() or (0,))[0]
    subscriber_id = 125_000_000 + number * 3
    cursor.execute(
        "INSERT INTO subscriber VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, 0)",
        [
            number, subscriber_id, key, address, address.rpartition("@")[2].lower(),
            change.token.mid, status, change.sandbox.now(),
        ],
    )  # fmt: skip
    return Outcome(
        "Created Subscriber.", new_id=subscriber_id,
        fields=(("ID", str(subscriber_id)), ("EmailAddress", address), ("SubscriberKey", key)),
    )  # fmt: skip


def _revive(change: Change, number: int, subscriber_id: int) -> Outcome:
    """One who was deleted is created again."""
    if not _ADDRESS.fullmatch(change.text("EmailAddress")):
        raise ChangeRefused("InvalidEmailAddress: the email address is not valid.", 12004)
    status = _status(change) or "Active"
    change.sandbox.tenant.db.cursor().execute(
        "UPDATE subscriber SET status = ?, joined = ?, undeliverable = NULL, unsubscribed = NULL, "
        "bounce_count = 0 WHERE sub = ?",
        [status, change.sandbox.now(), number],
    )
    change.sandbox.flow.status_set(number, status)
    _update(change, number)
    return Outcome(
        "Created Subscriber.", new_id=subscriber_id,
        fields=(
            ("ID", str(subscriber_id)), ("EmailAddress", change.text("EmailAddress")),
            ("SubscriberKey", change.text("SubscriberKey") or change.text("EmailAddress")),
        ),
    )  # fmt: skip


def _update(change: Change, number: int) -> None:
    cursor = change.sandbox.tenant.db.cursor()
    if address := change.text("EmailAddress"):
        if not _ADDRESS.fullmatch(address):
            raise ChangeRefused("InvalidEmailAddress: the email address is not valid.", 12004)
        cursor.execute(
            "UPDATE subscriber SET email = ?, domain = ? WHERE sub = ?",
            [address, address.rpartition("@")[2].lower(), number],
        )
    status = _status(change)
    if status == "Unsubscribed":
        cursor.execute(
            "UPDATE subscriber SET status = ?, unsubscribed = ? WHERE sub = ?",
            [status, change.sandbox.now(), number],
        )
    elif status is not None:
        # Active again: Held and its count are over (fact sheet 2.5, 5).
        cursor.execute(
            "UPDATE subscriber SET status = ?, undeliverable = NULL, unsubscribed = NULL, "
            "bounce_count = 0 WHERE sub = ?",
            [status, number],
        )
    if status is not None:
        change.sandbox.flow.status_set(number, status)


def _status(change: Change) -> str | None:
    status = change.text("Status")
    if not status:
        return None
    if status not in STATUSES:
        raise ChangeRefused(f"The status {status[:40]} is not known.", 12008)
    if status not in change.sandbox.settable_statuses:
        raise ChangeRefused(f"The status {status} cannot be set by the API.", 12008)
    return status
