"""Propose which addresses must not be mailed again. Nothing is written to Marketing Cloud."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import bouncelens
from bouncelens.bounce import Hardness, PastBounce, Suppression

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from bouncelens.service.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Plan:
    """Proposed suppressions, each with its grounds; kept in the ledger as planned."""

    policy: str
    addresses: int  # histories looked at: refused for the address's own sake at least once
    suppressions: tuple[Suppression, ...]
    by_reason: tuple[tuple[str, int], ...]  # most first
    new: int  # not in the ledger before
    decided_at: datetime


def plan(
    workspace: Workspace,
    *,
    account: int | None = None,
    now: datetime | None = None,
) -> Plan:
    """Decide on every address by the settings' policy and keep the proposals in the ledger.

    Raises StoreError, and SettingsInvalid for an unknown policy.
    """
    from bouncelens.decide.policy_file import load_policy
    from bouncelens.decide.suppression import decide

    moment = (now or datetime.now(UTC)).replace(microsecond=0)
    policy = load_policy(workspace.settings.policy, reasons=workspace.classifier.ruleset.reasons)
    table = workspace.engine.ask(
        "suppression_history", {"account": account} if account is not None else {}
    )
    addresses, proposed = 0, list[Suppression]()
    for _, history in groupby(_history(table), key=attrgetter("account", "subscriber_key")):
        addresses += 1
        if (found := decide(tuple(history), policy, moment)) is not None:
            proposed.append(found)
    run = workspace.ledger.start_run("suppress plan", version=bouncelens.__version__)
    saved = workspace.ledger.save_suppressions(proposed, run=run)
    workspace.ledger.finish_run(
        run, "ok", counts={"addresses": addresses, "planned": len(proposed)}
    )
    return Plan(
        policy=policy.name,
        addresses=addresses,
        suppressions=tuple(proposed),
        by_reason=tuple(Counter(s.reason for s in proposed).most_common()),
        new=saved.added,
        decided_at=moment,
    )


def proposed(workspace: Workspace, *, account: int | None = None) -> int | None:
    """How many addresses the ledger holds as planned; None when nobody planned yet."""
    if not workspace.ledger.runs(verb="suppress plan", limit=1):
        return None
    return len(workspace.ledger.suppressions(state="planned", account=account))


def _history(table: pa.Table) -> Iterator[PastBounce]:
    """Rows of the question as nouns, in its order: account, subscriber, time."""
    names = [("group" if name == "reason_group" else name) for name in table.column_names]
    for batch in table.to_batches(max_chunksize=10_000):
        for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            row = dict(zip(names, cells, strict=True))
            row["hardness"] = Hardness(row["hardness"])
            yield PastBounce(**row)
