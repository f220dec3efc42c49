"""One address, explained: what happened to it, what Marketing Cloud makes of it and why, what we
do and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import Hardness, Life, PastBounce
from bouncelens.decide.policy_file import load_policy
from bouncelens.decide.suppression import decide
from bouncelens.errors import InputInvalid
from bouncelens.service.timeline import Moment, is_of, timeline

if TYPE_CHECKING:
    from bouncelens.bounce import Suppression
    from bouncelens.service.workspace import Workspace
    from bouncelens.store.ledger.incidents import Incident


@dataclass(frozen=True, slots=True)
class Explained:
    """One person of one business unit."""

    account: int
    subscriber_key: str
    address: str | None
    timeline: tuple[Moment, ...]  # oldest first
    sfmc_status: str | None  # None: not known
    sfmc_why: str
    state: str  # what we did: active, released, or none
    why: str  # what the policy says now
    incidents: tuple[int, ...]  # whose refusals are not believed
    provider: str | None = None  # who runs the mailbox, by the domain's name or its MX
    provider_name: str | None = None
    mx_host: str | None = None  # None: the domain was never looked up, or has none


def explain_address(
    workspace: Workspace, address: str, *, now: datetime | None = None
) -> tuple[Explained, ...]:
    """Everybody whom the address, or subscriber key, stands for, by account and key.

    Raises InputInvalid when nothing is known of it, StoreError.
    """
    moment = now or datetime.now(UTC)
    bounces = _asked(workspace, "address_bounces", address)
    told = {_key(row): row for row in _asked(workspace, "address_people", address)}
    keys = sorted({*map(_key, bounces), *told})
    # The address may have changed since: the key tells the rest.
    for account, key in keys:
        if (account, key) not in told:
            rows = _asked(workspace, "address_people", key, account)
            told |= {_key(row): row for row in rows if _key(row) == (account, key)}
        if (account, key) not in {*map(_key, bounces)}:
            bounces += _asked(workspace, "address_bounces", key, account)
    if not keys:
        raise InputInvalid(
            f"Nothing is known of {address[:254]!r}.",
            advice="It never bounced in what was pulled, or is another address or key by now.",
        )
    return tuple(
        _explained(
            workspace, key, [b for b in bounces if _key(b) == key], told.get(key, {}), moment
        )
        for key in keys
    )


def _asked(
    workspace: Workspace, question: str, address: str, account: int | None = None
) -> list[dict[str, Any]]:
    wanted: dict[str, object] = {"address": address, "account": account}
    return workspace.engine.ask(question, wanted).to_pylist()


def _explained(
    workspace: Workspace,
    key: tuple[int, str],
    rows: list[dict[str, Any]],
    person: Mapping[str, Any],
    now: datetime,
) -> Explained:
    history = [_past(row) for row in rows]
    incidents = [i for i in workspace.ledger.incidents.all() if i.holds]
    doubted = [
        (b, i)
        for b in history
        for i in incidents
        if is_of(i, provider=b.provider, hardness=b.hardness, at=b.event_time)
    ]
    believed = [b for b in history if not any(b is d for d, _ in doubted)]
    life = Life(person.get("last_delivery"), person.get("last_open"), person.get("last_click"))
    ours = decide(believed, load_policy(workspace.settings.policy), now, life)
    known = workspace.ledger.suppression(*key)
    address = person.get("address") or next((r["address"] for r in rows if r["address"]), None)
    provider, name, host = _mailbox(workspace, address)
    return Explained(
        account=key[0],
        subscriber_key=key[1],
        address=address,
        timeline=timeline(workspace, *key),
        sfmc_status=person.get("status"),
        sfmc_why=_sfmc_why(history, person, life, now),
        state="none" if known is None else known.state,
        why=_why(ours, known, doubted),
        incidents=tuple(sorted({i.id for _, i in doubted})),
        provider=provider,
        provider_name=name,
        mx_host=host,
    )


def _mailbox(
    workspace: Workspace, address: str | None
) -> tuple[str | None, str | None, str | None]:
    """Slug and name of who runs the mailbox, and the MX host, as far as is known without asking."""
    from bouncelens.service.providers import show

    try:
        found = show(workspace, address or "")
    except InputInvalid:
        return None, None, None
    return found.provider, found.provider_name, found.mx_host


def _past(row: Mapping[str, Any]) -> PastBounce:
    return PastBounce(
        account=row["account"],
        job=row["job"],
        batch=row["batch"],
        subscriber_key=row["subscriber_key"],
        event_time=row["event_time"],
        reason=row["reason"],
        group=row["reason_group"],
        hardness=Hardness(row["hardness"]),
        is_temporary=row["is_temporary"],
        rule=row["rule"],
        is_false_bounce=row["is_false_bounce"],
        address=row["address"],
        send_day=row["send_day"],
        provider=row["provider"],
        sfmc_category=row["sfmc_category"],
    )


def _sfmc_why(
    history: Iterable[PastBounce], person: Mapping[str, Any], life: Life, now: datetime
) -> str:
    """Why Marketing Cloud has that status, as far as its own rule explains it."""
    status = person.get("status")
    known = list(history)
    model = decide(known, load_policy("sfmc"), now, life)
    rule = model.grounds if model else "By its own rule nothing speaks for Held."
    if status is None:
        return (
            "Its status is not known: only the query route tells it, of who bounced in the time "
            f"that it read. {rule}"
        )
    if status == "unsubscribed":
        return "The person unsubscribed or complained."
    if status == "held" and model is None:
        return (
            "Held, though its rule of three bounces over fifteen days or more does not explain it: "
            "one hard bounce of a trusted domain is enough, and older bounces may not be stored "
            "here."
        )
    if status == "bounced" and model is None and known:
        last = max(bounce.event_time for bounce in known)
        return f"It bounced last on {last:%Y-%m-%d}. By its own rule that is not enough for Held."
    return rule


def _why(
    ours: Suppression | None,
    known: Suppression | None,
    doubted: list[tuple[PastBounce, Incident]],
) -> str:
    held = ""
    if doubted:
        numbers = ", ".join(str(n) for n in sorted({i.id for _, i in doubted}))
        held = f" {len(doubted)} refusals do not count: incident {numbers}."
    if ours is not None:
        until = f" Tried again on {ours.expires_at:%Y-%m-%d}." if ours.expires_at else ""
        return f"{ours.grounds}{until}{held}"
    told = "The policy does not suppress it."
    if known is not None and known.state == "active":
        told += f" It is still suppressed, since {known.decided_at:%Y-%m-%d}: {known.grounds}"
    return told + held


def _key(row: Mapping[str, Any]) -> tuple[int, str]:
    return (row["account"], row["subscriber_key"])
