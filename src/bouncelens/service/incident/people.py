"""Incidents: noticed while they go on, held, decided by people or by later mail."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bouncelens.decide.incident import (
    TIERS,
    Limits,
    Person,
    Sign,
    Suspicion,
    Usual,
    is_confirmed,
    suspicions,
    tiers,
)
from bouncelens.errors import InputInvalid
from bouncelens.service.suppress.decisions import incident_rows
from bouncelens.service.suppress.record import who
from bouncelens.store.ledger.incidents import Incident

if TYPE_CHECKING:
    from bouncelens.bounce import Suppression
    from bouncelens.service.workspace import Workspace

_RECENT_HOURS = 26
_USUAL_DAYS = 90
_OVER_HOURS = 6  # without further signs an incident is over
_AGAIN_HOURS = 24  # signs that come so soon after it are its own
_SEEN = "watch"  # who opened it, when nobody did
_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Watched:
    """What one look brought: incidents that were opened, went on, ended or were confirmed."""

    opened: tuple[Incident, ...]
    going_on: tuple[Incident, ...]
    ended: tuple[Incident, ...]
    confirmed: tuple[Incident, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """An incident with its people by tier, and the suppressions that rest on it alone."""

    incident: Incident
    tiers: dict[str, int]
    meanings: dict[str, str]  # of the tiers
    reversal: tuple[tuple[str, Suppression], ...]  # tier and suppression, the surest first


def watch(workspace: Workspace, *, now: datetime | None = None) -> Watched:
    """Look whether a provider is wrong now, whether it still is, and whether later mail says so.
    Raises StoreError."""
    moment = now or datetime.now(UTC)
    known = workspace.ledger.incidents.all()
    edge = moment - timedelta(hours=_RECENT_HOURS)
    recent = _signs(workspace, edge, moment)
    usual = _usual(workspace, known, edge)
    again = frozenset(
        i.provider
        for i in known
        if i.holds and (i.ends is None or i.ends > moment - timedelta(hours=_AGAIN_HOURS))
    )
    found = suspicions(recent, usual, moment, again=again, limits=_LIMITS)
    opened, going_on = [], []
    for suspicion in found:
        going = _going_on(known, suspicion)
        hit = _hit(recent, suspicion)
        if going is None:
            opened.append(_open(workspace, suspicion, hit, moment))
        else:
            going_on.append(_goes_on(workspace, going, suspicion, hit))
    over = [i for i in known if i.ends is None and i.id not in {g.id for g in going_on}]
    ended = [e for i in over if (e := _end(workspace, i, moment)) is not None]
    confirmed = [c for i in workspace.ledger.incidents.all() if (c := _confirm(workspace, i))]
    return Watched(tuple(opened), tuple(going_on), tuple(ended), tuple(confirmed))


def incidents(workspace: Workspace) -> tuple[Incident, ...]:
    """Every incident, newest first."""
    return workspace.ledger.incidents.all()


def show(workspace: Workspace, number: int) -> Shown:
    """One incident, its people, and what undoing it would mean. Raises InputInvalid."""
    incident = _one(workspace, number)
    found = tiers(_people(workspace, incident))
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
    Raises InputInvalid for a window that ends before it begins."""
    if ends is not None and ends <= starts:
        raise InputInvalid("The incident ends before it begins.")
    incident = Incident(
        0, provider, starts, ends, now or datetime.now(UTC), "open", "{}", who(), why
    )
    return _audited(workspace, "incident hold", workspace.ledger.incidents.open(incident))


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
    return _audited(workspace, f"incident {state}", changed)


def _one(workspace: Workspace, number: int) -> Incident:
    every = workspace.ledger.incidents.all()
    found = next((i for i in every if i.id == number), None)
    if found is None:
        numbers = ", ".join(str(i.id) for i in every) or "none"
        raise InputInvalid(f"There is no incident {number}.", advice=f"There are: {numbers}.")
    return found


def _audited(workspace: Workspace, verb: str, incident: Incident) -> Incident:
    told = {"incident": incident.id, "provider": incident.provider, "why": incident.why}
    workspace.ledger.audit.add(verb, told, who=incident.decided_by)
    return incident


def _signs(workspace: Workspace, since: datetime, until: datetime) -> list[Sign]:
    rows = workspace.engine.ask("incident_signs", {"since": since, "until": until}).to_pylist()
    return [Sign(**row) for row in rows]


def _people(workspace: Workspace, incident: Incident) -> list[Person]:
    given = {"policy_incidents": incident_rows((incident,))}
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


def _usual(workspace: Workspace, known: Sequence[Incident], until: datetime) -> Usual:
    """What providers refuse without an incident."""
    given = {"policy_incidents": incident_rows(tuple(i for i in known if i.holds))}
    window = {"since": until - timedelta(days=_USUAL_DAYS), "until": until}
    rows = workspace.engine.ask("incident_usual", window, given=given).to_pylist()
    refused = {row["provider"]: row["refused"] for row in rows}
    return Usual(refused, rows[0]["quarters"] if rows else 0)


def _going_on(known: Sequence[Incident], suspicion: Suspicion) -> Incident | None:
    since = suspicion.starts - timedelta(hours=_AGAIN_HOURS)
    return next(
        (
            i
            for i in known
            if i.provider == suspicion.provider and i.holds and (i.ends is None or i.ends > since)
        ),
        None,
    )


def _hit(signs: Iterable[Sign], suspicion: Suspicion) -> list[list[int]]:
    """The jobs that the provider refused living people of."""
    return [
        list(pair)
        for pair in sorted(
            {
                (sign.account, sign.job)
                for sign in signs
                if sign.provider == suspicion.provider
                and sign.alive
                and datetime.fromtimestamp(sign.quarter * 900, UTC) >= suspicion.starts
            }
        )
    ]


def _evidence(suspicion: Suspicion, hit: list[list[int]], before: str = "{}") -> str:
    old = json.loads(before)
    jobs = sorted({tuple(pair) for pair in (*hit, *old.get("hit", []))})
    told = {**asdict(suspicion), "hit": jobs, "sentence": suspicion.sentence}
    if old.get("refused", 0) > suspicion.refused:  # the worst hours are the evidence
        told |= {key: value for key, value in old.items() if key not in ("hit", "last", "starts")}
    return json.dumps(told, default=lambda value: value.isoformat())


def _open(
    workspace: Workspace, suspicion: Suspicion, hit: list[list[int]], now: datetime
) -> Incident:
    incident = Incident(
        0,
        suspicion.provider,
        suspicion.starts,
        None,
        now,
        "open",
        _evidence(suspicion, hit),
        _SEEN,
        suspicion.sentence,
    )
    return _audited(workspace, "incident open", workspace.ledger.incidents.open(incident))


def _goes_on(
    workspace: Workspace, incident: Incident, suspicion: Suspicion, hit: list[list[int]]
) -> Incident:
    return workspace.ledger.incidents.change(
        incident.id,
        starts=min(incident.starts, suspicion.starts),
        ends=None,
        evidence=_evidence(suspicion, hit, incident.evidence),
    )


def _end(workspace: Workspace, incident: Incident, now: datetime) -> Incident | None:
    last = json.loads(incident.evidence).get("last")
    if last is None:  # opened by hand: ended by hand
        return None
    moment = datetime.fromisoformat(last)
    if now - moment < timedelta(hours=_OVER_HOURS):
        return None
    return workspace.ledger.incidents.change(incident.id, ends=moment)


def _confirm(workspace: Workspace, incident: Incident) -> Incident | None:
    if incident.state != "open" or incident.ends is None:
        return None
    if not is_confirmed(_people(workspace, incident), _LIMITS):
        return None
    changed = workspace.ledger.incidents.change(
        incident.id,
        state="confirmed",
        decided_by="later mail",
        why="Most of those who were called dead were accepted, opened or clicked afterwards.",
    )
    return _audited(workspace, "incident confirmed", changed)


def _is_hit(incident: Incident, suppression: Suppression) -> bool:
    hit = json.loads(incident.evidence).get("hit", [])
    return [suppression.account, suppression.job] in hit
