"""People whom Marketing Cloud holds and should not, as a file for All Subscribers, by how sure it
is that they live. Nobody in it unsubscribed or complained, as far as lake and tenant know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bouncelens.errors import InputInvalid
from bouncelens.service.suppress.decisions import Gone, gone, incident_rows
from bouncelens.service.suppress.own_targets import is_risky, write_csv
from bouncelens.service.suppress.record import who

if TYPE_CHECKING:
    from bouncelens.service.workspace import Workspace

TIERS = {
    "accepted": "mail was accepted, opened or clicked after the last refusal",
    "alive": "opened, clicked or was delivered to in the 90 days before it; never called dead",
    "unknown": "no sign of life is known; never called dead",
    "dead": "called dead, and no sign of life since: not to be reactivated",
}
STEPS = (
    "Email Studio > Subscribers > All Subscribers > Import: choose the file.",
    "Map Subscriber Key, Email Address and Status; choose Add and Update.",
    "Send to few of them first, and look at the bounces before you take the next tier.",
)
_COLUMNS = ("Subscriber Key", "Email Address", "Status")


@dataclass(frozen=True, slots=True)
class Reactivation:
    """What was written. Counts are people; `left_out`: of the tier, by why."""

    out: Path
    tier: str
    account: int
    written: int
    tiers: Mapping[str, int]  # of everybody who is held and did not leave
    left_out: Mapping[str, int]
    is_asked: bool  # whether the tenant was asked for their statuses now
    steps: tuple[str, ...] = STEPS


def reactivate(
    workspace: Workspace, tier: str, out: Path, *, account: int | None = None
) -> Reactivation:
    """Write the people of a tier, whole or not at all, for one business unit.

    Raises InputInvalid for another tier or when the business unit is not clear; StoreError,
    SourceError, SignInRefused.
    """
    if tier not in TIERS or tier == "dead":
        able = ", ".join(name for name in TIERS if name != "dead")
        why = "Nobody who was called dead is reactivated" if tier == "dead" else "No such tier"
        raise InputInvalid(f"{why}: {tier!r}.", advice=f"There are {able}.")
    mid = _unit(workspace, account)
    incidents = tuple(i for i in workspace.ledger.incidents.all() if i.holds)
    answer = workspace.engine.ask(
        "held_people", {"account": mid}, given={"policy_incidents": incident_rows(incidents)}
    )
    rows: list[dict[str, Any]] = answer.to_pylist()
    suppressed = {
        s.subscriber_key for s in workspace.ledger.suppressions(state="active", account=mid)
    }
    left_out, chosen = Counter[str](), list[dict[str, Any]]()
    left = gone(workspace)
    for row in (row for row in rows if row["tier"] == tier):
        if why_not := _why_not(row, suppressed, left):
            left_out[why_not] += 1
        else:
            chosen.append(row)
    now = _now(workspace, mid, [row["subscriber_key"] for row in chosen])
    if now is not None:
        left_out["not held any more"] += sum(
            now.get(row["subscriber_key"]) != "held" for row in chosen
        )
        chosen = [row for row in chosen if now.get(row["subscriber_key"]) == "held"]
    cells = ((row["subscriber_key"], row["address"], "Active") for row in chosen)
    write_csv(out, _COLUMNS, cells)
    told = {"tier": tier, "account": mid, "people": len(chosen)}
    workspace.ledger.audit.add("suppress export reactivate", told, who=who())
    tiers = Counter(dict.fromkeys(TIERS, 0)) + Counter(row["tier"] for row in rows)
    counts = {name: tiers[name] for name in TIERS}
    return Reactivation(
        out, tier, mid, len(chosen), counts, dict(+left_out), is_asked=now is not None
    )


def _why_not(row: Mapping[str, Any], suppressed: set[str], left: Gone) -> str:
    if left.has(row["subscriber_key"], row["address"]):
        return "unsubscribed or complained"
    if row["subscriber_key"] in suppressed:
        return "suppressed by the policy"
    if not row["address"]:
        return "no address is known"
    if is_risky(row["subscriber_key"]) or is_risky(row["address"]):
        return "key or address reads as a formula; reactivate by hand"
    return ""


def _unit(workspace: Workspace, account: int | None) -> int:
    """The business unit: All Subscribers is imported in one at a time."""
    mids = [unit.mid for unit in workspace.settings.accounts]
    if account is None and len(mids) == 1:
        return mids[0]
    if account is None:
        raise InputInvalid(
            "A file is imported in one business unit, and there are several.",
            advice=f"Say --account: {', '.join(map(str, mids)) or 'its MID'}.",
        )
    return account


def _now(workspace: Workspace, mid: int, keys: Sequence[str]) -> dict[str, str] | None:
    """Their statuses at this moment; None where no tenant is set to be asked."""
    settings = workspace.settings
    unit = next((u for u in settings.accounts if u.mid == mid), None)
    if unit is None or not settings.tenant.client_id:
        return None
    from bouncelens.bounce import Account
    from bouncelens.extract.statuses import SubscriberStatuses
    from bouncelens.service.tenant import line_to

    with line_to(settings) as line:
        statuses = SubscriberStatuses(line.sign_in, line.wire, line.patience)
        return statuses.of(Account(mid, unit.name), keys)
