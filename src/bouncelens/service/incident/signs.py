"""What the lake knows for the watch: refusals by quarter of an hour, what is usual, what was sent,
and of whom anything is known at all."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bouncelens.decide.incident import QUARTER_S, Seen, Sign, Usual
from bouncelens.parse.provider import provider_of, provider_said
from bouncelens.service.suppress.decisions import incident_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.service.workspace import Workspace
    from bouncelens.store.ledger.incidents import Incident

USUAL_DAYS = 90
_PIECE = timedelta(days=14)  # of history that is asked for at once
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()


def learn(workspace: Workspace, since: datetime, until: datetime) -> int:
    """Keep who runs the mailboxes of domains of which nothing is known but replies that say so: at
    an outage of Gmail, companies whose mailboxes Google runs are hit, too. How many domains are
    new. Raises StoreError."""
    said: dict[str, Counter[str]] = defaultdict(Counter)
    window = {"since": since, "until": until}
    for row in workspace.engine.ask("incident_domains", window).to_pylist():
        said[row["domain"]][provider_said(row["sample"] or "") or ""] += row["refused"]
    found = [(domain, *counts.most_common(1)[0], counts.total()) for domain, counts in said.items()]
    now = datetime.now(UTC)
    rows = [
        {"domain": domain, "provider": name, "outcome": "reply", "looked_at": now}
        for domain, name, count, total in found
        if name and 2 * count > total  # some only pass on what another one said
    ]
    if rows:
        workspace.lake.put_domains(_domain_rows(rows))
    return len(rows)


def _domain_rows(rows: list[dict[str, object]]) -> pa.Table:
    """Rows of the table `domains`."""
    import pyarrow as pa

    from bouncelens.store.tables import DOMAINS

    return pa.Table.from_pylist(rows, schema=DOMAINS.schema)


def busy(workspace: Workspace, since: datetime, until: datetime, least: int) -> list[datetime]:
    """The hours in which one provider refused so many, in order. Raises StoreError."""
    rows = workspace.engine.ask("incident_busy", {"since": since, "until": until}).to_pylist()
    return [
        datetime.fromtimestamp(3600 * row["hour"], UTC) for row in rows if row["refused"] >= least
    ]


def seen(workspace: Workspace, since: datetime, until: datetime) -> Seen:
    """Refusals of a span, in order of time, and what was sent around it. Raises StoreError."""
    return Seen(list(_signs(workspace, since, until)), _sent(workspace, since, until))


def _signs(workspace: Workspace, since: datetime, until: datetime) -> Iterator[Sign]:
    """Domains that a provider keeps for everybody are one; those of companies are told apart."""
    while since < until:
        end = min(since + _PIECE, until)
        end -= timedelta(seconds=end.timestamp() % QUARTER_S) if end < until else timedelta(0)
        rows = workspace.engine.ask("incident_signs", {"since": since, "until": end})
        found: dict[tuple[str, int, int, int, str], list[int]] = {}
        names = ("refused", "known", "alive", "engaged", "gap_s")
        for row in rows.to_pylist():
            domain = "" if provider_of(row["domain"]) else str(row["domain"])
            key = (row["provider"], row["quarter"], row["account"], row["job"], domain)
            counts = found.setdefault(key, [0] * len(names))
            for place, name in enumerate(names):
                counts[place] += row[name]
        for (provider, quarter, account, job, domain), counts in found.items():
            refused, known, alive, *further = counts
            yield Sign(provider, quarter, account, job, refused, known, alive, domain, *further)
        since = end


def _sent(
    workspace: Workspace, since: datetime, until: datetime
) -> dict[tuple[str, int, int, int], int]:
    window = {"since": since - timedelta(days=2), "until": until + timedelta(days=2)}
    rows = workspace.engine.ask("incident_sent", window).to_pylist()
    return {
        (row["provider"], row["account"], row["job"], (row["day"] - _EPOCH).days): row["sent"]
        for row in rows
    }


def usual(
    workspace: Workspace, without: Iterable[Incident], since: datetime, until: datetime
) -> Usual:
    """What providers refuse without incidents. Raises StoreError."""
    given = {"policy_incidents": incident_rows(tuple(without))}
    window = {"since": since, "until": until}
    rows = workspace.engine.ask("incident_usual", window, given=given).to_pylist()
    refused = {row["provider"]: row["refused"] for row in rows}
    of_sent = {r["provider"]: (r["of_sent"], r["sent"]) for r in rows if r["sent"] is not None}
    living = (sum(row[name] for row in rows) for name in ("alive", "engaged", "gap_s"))
    return Usual(refused, rows[0]["quarters"] if rows else 0, of_sent, *living)


@dataclass(frozen=True, slots=True)
class Sight:
    """Of how many people who bounced signs of life are known."""

    account: int
    people: int
    seen: int

    @property
    def sentence(self) -> str:
        """In words; empty where enough is known."""
        if self.people < 20 or 20 * self.seen >= self.people:
            return ""
        return (
            f"Business unit {self.account}: of {self.seen:,} of {self.people:,} people who bounced "
            "it is known whether they are alive, so a provider's outage would not be noticed. "
            "`pull --route query` tells; set routes accordingly."
        )


def sight(workspace: Workspace, *, since: datetime | None = None) -> tuple[Sight, ...]:
    """How much is known in every business unit. Raises StoreError."""
    window = {} if since is None else {"since": since}
    rows = workspace.engine.ask("incident_sight", window).to_pylist()
    return tuple(Sight(row["account"], row["people"], row["seen"]) for row in rows)


@dataclass(frozen=True, slots=True)
class Point:
    """A quarter of an hour of an incident: refused by its provider, how many of them alive, and how
    many were to be expected by what the others refused."""

    at: datetime
    refused: int
    alive: int
    expected: float


def curve(workspace: Workspace, incident: Incident, *, hours: float = 6) -> tuple[Point, ...]:
    """Every quarter of an hour from some hours before the incident to some hours after it, a week
    at most. Raises StoreError."""
    beside = timedelta(hours=hours)
    since = incident.starts - beside
    last = json.loads(incident.evidence).get("last")
    seen_last = datetime.fromisoformat(last) if last else datetime.now(UTC)
    until = min((incident.ends or seen_last) + beside, since + timedelta(days=7))
    known = tuple(i for i in workspace.ledger.incidents.all() if i.holds)
    loud = frozenset(i.provider for i in known if i.starts < until and (i.ends or until) > since)
    loud |= {incident.provider}
    before = usual(workspace, known, since - timedelta(days=USUAL_DAYS), since)
    mine, alive, others = Counter[int](), Counter[int](), Counter[int]()
    for sign in _signs(workspace, since, until):
        if sign.provider == incident.provider:
            mine[sign.quarter] += sign.refused
            alive[sign.quarter] += sign.alive
        elif sign.provider not in loud:
            others[sign.quarter] += sign.believable
    ratio = before.ratio(incident.provider, loud)
    first, last = (int(moment.timestamp()) // QUARTER_S for moment in (since, until))
    return tuple(
        Point(
            datetime.fromtimestamp(quarter * QUARTER_S, UTC),
            mine[quarter],
            alive[quarter],
            round(others[quarter] * ratio, 1),
        )
        for quarter in range(first, last + 1)
    )
