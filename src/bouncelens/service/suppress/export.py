"""Suppressions as files for others: a CRM, an auto-suppression list. Read from what is applied."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bouncelens.bounce import Suppression
from bouncelens.errors import InputInvalid, StoreError
from bouncelens.service.suppress.own_targets import safe_cell
from bouncelens.settings.owned import owned_whole

if TYPE_CHECKING:
    from bouncelens.service.workspace import Workspace


def _crm(one: Suppression) -> tuple[object, ...] | None:
    """Confirmed for good only: nothing that is not final, nothing that is tried again."""
    if one.basis == "provisional" or one.expires_at is not None:
        return None
    when = f"{one.event_time:%Y-%m-%d}"
    return (one.account, one.subscriber_key, one.address or "", one.reason, when, one.grounds)


def _auto(one: Suppression) -> tuple[object, ...] | None:
    """An auto-suppression list knows addresses, not keys."""
    return (one.address, f"{one.decided_at:%Y-%m-%d}") if one.address else None


_Make = Callable[[Suppression], tuple[object, ...] | None]
FEEDS: dict[str, tuple[tuple[str, ...], _Make]] = {
    "crm": (("Account", "SubscriberKey", "EmailAddress", "Reason", "Since", "Grounds"), _crm),
    "auto-suppression": (("Email Address", "Date Added"), _auto),
}


def export(workspace: Workspace, feed: str, out: Path, *, account: int | None = None) -> int:
    """Write a feed as CSV, whole or not at all; how many rows it has. Raises InputInvalid for an
    unknown feed, StoreError."""
    if feed not in FEEDS:
        raise InputInvalid(
            f"There is no feed {feed!r}.", advice=f"There are {', '.join(FEEDS)}, reactivate."
        )
    names, make = FEEDS[feed]
    made = (make(s) for s in workspace.ledger.suppressions(state="active", account=account))
    rows = sorted({row for row in made if row is not None}, key=str)
    try:
        with owned_whole(out) as file:
            writer = csv.writer(file)
            writer.writerow(names)
            writer.writerows([safe_cell(str(cell)) for cell in row] for row in rows)
    except OSError as error:
        raise StoreError(f"{out} cannot be written: {error}.") from error
    return len(rows)
