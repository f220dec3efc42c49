"""What the guard rails look at: how large the lists are, how fresh and whole the data is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bouncelens.decide.guard import Facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bouncelens.service.workspace import Workspace

_LOOK_BACK_DAYS = 90
_BRINGS_DATA = ("pull", "import", "events")


def facts(workspace: Workspace, added: Mapping[str, int], now: datetime) -> Facts:
    """The facts at this moment. `added`: addresses that a plan adds, by provider."""
    recent = {"since": now - timedelta(days=_LOOK_BACK_DAYS), "until": now}
    rows = workspace.engine.ask("busiest_day", recent).to_pylist()
    if not rows:
        rows = workspace.engine.ask("busiest_day", {}).to_pylist()
    ledger = workspace.ledger
    open_ones = [(i.id, i.provider) for i in ledger.incidents.all() if i.state == "open"]
    return Facts(
        added=added,
        mailable={row["provider"]: row["sent"] for row in rows},
        known_until=_known_until(workspace),
        partial=_partial(workspace),
        incidents=open_ones,
    )


def addresses(workspace: Workspace, account: int | None) -> int:
    """How many people have a bounce in the lake."""
    only = {} if account is None else {"account": account}
    # Not of `totals`, which counts much else: a tenth of a plan's work.
    answer = workspace.engine.ask("incident_sight", only).to_pylist()
    return sum(row["people"] for row in answer)


def _known_until(workspace: Workspace) -> datetime | None:
    """Up to when the data is complete: where the pull that is furthest behind has got; without
    one, when something was last brought in."""
    if marks := workspace.ledger.bookmarks():
        furthest: dict[int, datetime] = {}
        for (account, _), through in marks.items():
            furthest[account] = max(furthest.get(account, through), through)
        return min(furthest.values())
    ends = [
        run.finished_at
        for verb in _BRINGS_DATA
        for run in workspace.ledger.runs(verb=verb, limit=1)
        if run.finished_at is not None
    ]
    return max(ends, default=None)


def _partial(workspace: Workspace) -> str:
    run = next(iter(workspace.ledger.runs(verb="pull", limit=1)), None)
    if run is None or run.outcome == "ok":
        return ""
    return run.detail or f"it is {run.outcome or 'still running, or was killed'}."
