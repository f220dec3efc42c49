"""One subscriber's whole timeline: what the lake tells of them, and what we did, from the ledger.

A plan that nobody applied names its addresses only in its own file, so it is not here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import Hardness

if TYPE_CHECKING:
    from datetime import datetime

    from bouncelens.service.workspace import Workspace
    from bouncelens.store.ledger.changes import Deed
    from bouncelens.store.ledger.incidents import Incident

QUESTION = "subscriber_timeline"
_DEEDS = {"add": "suppressed", "renew": "renewed", "release": "released"}
_AIMS = {"add": "suppress it", "renew": "renew its suppression", "release": "release it"}


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to a subscriber, or that we did. `event` as in the question."""

    at: datetime
    event: str
    told: str


def timeline(workspace: Workspace, account: int, subscriber_key: str) -> tuple[Moment, ...]:
    """Everything known of one subscriber of one business unit, oldest first. Raises StoreError."""
    records = records_of(workspace, {"subscriber": subscriber_key, "account": account})
    return tuple(
        Moment(record["time"], record["event"], _sentence(record))
        for record in records
        if record["subscriber_key"] == subscriber_key
    )


def records_of(workspace: Workspace, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of the question with our own deeds among them, oldest first. Raises StoreError."""
    table = workspace.engine.ask(QUESTION, given)
    records: list[dict[str, Any]] = table.to_pylist()
    empty = dict.fromkeys(table.column_names)
    people = {(r["account"], r["subscriber_key"]) for r in records}
    people |= _known_to_ledger(workspace, given)
    since, until = given.get("since"), given.get("until")
    incidents = workspace.ledger.incidents.all()
    for account, key in sorted(people):
        of_person = [r for r in records if (r["account"], r["subscriber_key"]) == (account, key)]
        done = workspace.ledger.changes.of_person(account, key)
        for moment in (*_deeds(done), *_of_incidents(incidents, of_person)):
            if (since is None or moment.at >= since) and (until is None or moment.at < until):
                told = {"time": moment.at, "event": moment.event, "told": moment.told}
                records.append(empty | told | {"account": account, "subscriber_key": key})
    return sorted(records, key=lambda r: (r["time"], r["account"], r["subscriber_key"]))


def is_of(
    incident: Incident, *, provider: str | None, hardness: Hardness | str, at: datetime
) -> bool:
    """Whether a bounce is one of those that the incident is about."""
    return (
        Hardness(hardness) is Hardness.HARD
        and provider == incident.provider
        and incident.starts <= at
        and (incident.ends is None or at < incident.ends)
    )


def _known_to_ledger(workspace: Workspace, given: Mapping[str, Any]) -> set[tuple[int, str]]:
    who, account = given.get("subscriber"), given.get("account")
    found = workspace.ledger.changes.people(str(who)) if who is not None else ()
    return {person for person in found if account in (None, person[0])}


def _deeds(done: Iterable[Deed]) -> Iterator[Moment]:
    for deed in done:
        grounds = json.loads(deed.becomes or "{}").get("grounds") or ""
        if deed.plan_made_at is not None and deed.undoes is None:
            aim = _AIMS.get(deed.kind, deed.kind)
            told = f"a plan by {deed.plan_made_by} was to {aim}. {grounds}".strip()
            yield Moment(deed.plan_made_at, "planned", told)
        event = "undone" if deed.undoes is not None else _DEEDS.get(deed.kind, deed.kind)
        undoes = f", taking back run {deed.undoes}" if deed.undoes is not None else ""
        came = "" if deed.outcome == "done" else f": {deed.outcome}. {deed.detail}".rstrip()
        yield Moment(deed.at, event, f"run {deed.run} in {deed.target}{undoes}{came}")


def _of_incidents(
    incidents: Sequence[Incident], records: Sequence[Mapping[str, Any]]
) -> Iterator[Moment]:
    bounces = [record for record in records if record["event"] == "bounced"]
    for incident in incidents:
        held = sum(
            is_of(incident, provider=b["provider"], hardness=b["hardness"], at=b["time"])
            for b in bounces
        )
        if not held:
            continue
        believed = "are not believed" if incident.holds else "count again"
        told = f"incident {incident.id} of {incident.provider}, {incident.state}"
        yield Moment(incident.starts, "incident began", f"{told}: {held} refusals {believed}")
        if incident.ends is not None:
            yield Moment(incident.ends, "incident ended", told)


def _sentence(record: Mapping[str, Any]) -> str:
    if record["event"] != "bounced":
        return record["told"] or _SIGNS.get(record["event"], "")
    category = record["sfmc_category"]
    sorted_as = f"; Marketing Cloud: {category}" if category else ""
    false = ", found false afterwards" if record["is_false_bounce"] else ""
    return (
        f"{record['reason']} ({record['hardness']}{false}{sorted_as}) in job {record['job']}: "
        f"{record['told'] or 'no reply was told'}"
    )


_SIGNS = {
    "delivered": "the last message that did not come back was sent",
    "opened": "the last open",
    "clicked": "the last click",
    "held": "Marketing Cloud stopped mailing",
}
