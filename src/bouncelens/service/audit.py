"""The audit log: looked through, shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bouncelens.service.workspace import Workspace
    from bouncelens.store.ledger.audit import Entry, Verified


def verify(workspace: Workspace, *, seal: str | None = None) -> Verified:
    """Whether any entry was changed, removed or put in. `seal`: one noted earlier and kept
    elsewhere, which must occur. Raises StoreError."""
    return workspace.ledger.audit.verify(seal=seal)


def entries(workspace: Workspace, *, limit: int = 100) -> tuple[Entry, ...]:
    """The newest entries, newest first. Raises StoreError."""
    return workspace.ledger.audit.entries(limit=limit)
