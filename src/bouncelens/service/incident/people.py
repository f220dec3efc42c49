"""Incidents as people see and decide them: who was hit, what undoing means, by hand or not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bouncelens.decide.incident import TIERS, Person, tiers
from bouncelens.errors import InputInvalid
from bouncelens.service.narrow import check_words
from bouncelens.service.suppress.decisions import incident_rows
from bouncelens.service.suppress.record import who
from bouncelens.store.ledger.incidents import Incident

if TYPE_CHECKING:
    from bouncelens.bounce import Suppression
    from bouncelens.service.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Shown:
    """An incident with its people by tier, and the suppressions that rest on it alone."""

    incident: Incident
    tiers: dict[str, int]
    meanings: dict[str, str]  # of the tiers
    reversal: tuple[tuple[str, Suppression], ...]  # tier and suppression, the surest first


def incidents(workspace: Workspace) -> tuple[Incident, ...]:
    """Every incident, newest first."""
    return workspace.ledger.incidents.all()


def show(workspace: Workspace, number: int) -> Shown:
    """One incident, its people, and what undoing it would mean. Raises InputInvalid."""
    incident = _one(workspace, number)
    found = tiers(people_of(workspace, incident))
    of = {
        (person.account, person.subscriber_key): name
        for name, people in found.items()
        for person in people
    }
    active = workspace.ledger.suppressions(state="active")
    ends = incident.ends or datetime.now(UTC)
    rests = [
        (of[s.account, s.subscriber_key], s)
        for s in active
        if of.get((s.account, s.subscriber_key), "dead") != "dead"
        and incident.starts <= s.event_time
        and (s.event_time < ends or _is_hit(incident, s))
    ]
    order = list(found)
    rests.sort(key=lambda pair: (order.index(pair[0]), pair[1].account, pair[1].subscriber_key))
    counts = {name: len(people) for name, people in found.items()}
    return Shown(incident, counts, dict(TIERS), tuple(rests))


def hold(
    workspace: Workspace,
    provider: str,
    *,
    starts: datetime,
    ends: datetime | None,
    why: str,
    now: datetime | None = None,
) -> Incident:
    """Open an incident by hand: hard refusals of the provider in this window suppress nobody.
    Raises InputInvalid for a window that ends before it begins, and a provider nobody knows: it
    would hold nobody."""
    check_words({"provider": provider})
    if ends is not None and ends <= starts:
        raise InputInvalid("The incident ends before it begins.")
    incident = Incident(
        0, provider, starts, ends, now or datetime.now(UTC), "open", "{}", who(), why
    )
    return audited(workspace, "incident hold", workspace.ledger.incidents.open(incident))


def confirm(workspace: Workspace, number: int, *, why: str) -> Incident:
    """They were wrong: its refusals never count, and the next plan releases whom only they
    suppressed. Raises InputInvalid."""
    return _decide(workspace, number, "confirmed", why)


def release(workspace: Workspace, number: int, *, why: str) -> Incident:
    """They were right: its refusals count again from the next plan on. Raises InputInvalid."""
    return _decide(workspace, number, "released", why)


def _decide(workspace: Workspace, number: int, state: str, why: str) -> Incident:
    incident = _one(workspace, number)
    ends = incident.ends or datetime.now(UTC)
    changed = workspace.ledger.incidents.change(
        number, state=state, why=why, decided_by=who(), ends=ends
    )
    return audited(workspace, f"incident {state}", changed)


def _one(workspace: Workspace, number: int) -> Incident:
    every = workspace.ledger.incidents.all()
    found = next((i for i in every if i.id == number), None)
    if found is None:
        numbers = ", ".join(str(i.id) for i in every) or "none"
        raise InputInvalid(f"There is no incident {number}.", advice=f"There are: {numbers}.")
    return found


def audited(workspace: Workspace, verb: str, incident: Incident) -> Incident:
    """The incident, once the audit log knows what became of it. Raises StoreError."""
    told = {"incident": incident.id, "provider": incident.provider, "why": incident.why}
    workspace.ledger.audit.add(verb, told, who=incident.decided_by)
    return incident


def people_of(workspace: Workspace, incident: Incident) -> list[Person]:
    """Who was called dead in it. Raises StoreError."""
    others = (
        one
        for one in workspace.ledger.incidents.all(provider=incident.provider)
        if one.holds and one.id != incident.id
    )
    given = {"policy_incidents": incident_rows((incident, *others), incident)}
    answer = workspace.engine.ask(
        "incident_people", {"provider": incident.provider}, given=given
    ).to_pylist()
    return [
        Person(
            row["account"],
            row["subscriber_key"],
            is_alive=row["is_alive"],
            is_alive_again=row["alive_again"] is not None,
            is_refused_before=row["is_refused_before"],
            is_refused_after=row["is_refused_after"],
        )
        for row in answer
    ]


def _is_hit(incident: Incident, suppression: Suppression) -> bool:
    hit = json.loads(incident.evidence).get("hit", [])
    return [suppression.account, suppression.job] in hit
