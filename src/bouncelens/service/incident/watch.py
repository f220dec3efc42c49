"""The watch: whether a provider is wrong, whether it still is, and whether later mail says so."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bouncelens.decide.incident import QUARTER_S, Limits, Seen, is_confirmed
from bouncelens.decide.outage import Episode, episodes
from bouncelens.errors import BouncelensError
from bouncelens.parse.provider import provider_name
from bouncelens.service.incident.people import audited, people_of
from bouncelens.service.incident.signs import USUAL_DAYS, busy, learn, seen, usual
from bouncelens.store.ledger.incidents import Incident

if TYPE_CHECKING:
    from bouncelens.service.workspace import Workspace

_SEEN = "watch"  # who opened it, when nobody did
_LIMITS = Limits()
_RECENT = timedelta(hours=_LIMITS.recent_hours)
_OVER = timedelta(hours=_LIMITS.over_hours)
_PIECE = timedelta(days=7)
_BEFORE = _RECENT + timedelta(hours=1)  # with the whole of the hour in which it begins
# The window meets one full hour more than it is long; one of them has its share of the refusals.
_BUSY = -(-_LIMITS.least_again // (int(_LIMITS.window_hours) + 1))
_SCARCE = 20  # quarters of an hour: fewer say little of what is usual


@dataclass(frozen=True, slots=True)
class Watched:
    """What one look brought: incidents that were opened, went on, ended or were confirmed, and
    where it could not see; one sentence each."""

    opened: tuple[Incident, ...] = ()
    going_on: tuple[Incident, ...] = ()
    ended: tuple[Incident, ...] = ()
    confirmed: tuple[Incident, ...] = ()
    unseen: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a person has to know."""
        opened = tuple(one for one in self.opened if one.state == "open")
        told = [
            f"Incident {one.id} ({_where_and_when(one)}) {what}: {one.why} {todo}".rstrip()
            for what, found, todo in (
                ("opened", opened, "Its suppressions are held; see `incident show`."),
                ("goes on", self.going_on, ""),
                ("ended", self.ended, ""),
                ("confirmed", self.confirmed, "The next plan releases whom it suppressed."),
            )
            for one in found
        ]
        return (*told, *self.unseen)


def _where_and_when(one: Incident) -> str:
    name = provider_name(one.provider) or one.provider
    starts = one.starts.strftime("%Y-%m-%d %H:%M")
    if one.ends is None:
        return f"{name}, since {starts} UTC"
    form = "%H:%M" if one.ends.date() == one.starts.date() else "%Y-%m-%d %H:%M"
    return f"{name}, {starts} to {one.ends.strftime(form)} UTC"


def watch(
    workspace: Workspace, *, now: datetime | None = None, since: datetime | None = None
) -> Watched:
    """Look at every quarter of an hour since then; without `since`, of the last 26 hours. What
    went wrong in between is found however seldom it is looked. Raises StoreError."""
    began = time.monotonic()
    moment = now or datetime.now(UTC)
    since = min(_first(workspace, since) or moment, moment - _RECENT)
    learn(workspace, since, moment)
    told: dict[str, dict[int, Incident]] = defaultdict(dict)
    unseen: list[Episode] = []
    hours = busy(workspace, since - _BEFORE, moment, _BUSY)
    for span in _pieces(since, moment):
        if not any(span[0] - _BEFORE <= hour < span[1] for hour in hours):
            continue  # nothing that could be an outage
        look, found = _look(workspace, span)
        for episode in found:
            if episode.worst.is_seen:
                _settle(workspace, episode, look, moment, told=told)
        unseen += [episode for episode in found if not episode.worst.is_seen]
    for one in workspace.ledger.incidents.all():
        if one.ends is None and (ended := _ended(workspace, one, moment)) is not None:
            told["ended"][ended.id] = ended
    confirmed = [c for i in workspace.ledger.incidents.all() if (c := _confirm(workspace, i))]
    newest = {one.id: one for one in workspace.ledger.incidents.all()}
    return Watched(
        opened=tuple(newest[number] for number in told["opened"]),
        going_on=tuple(newest[n] for n in told["going_on"] if newest[n].ends is None),
        ended=tuple(newest[number] for number in told["ended"]),
        confirmed=tuple(confirmed),
        unseen=_unseen(unseen, newest.values()),
        seconds=round(time.monotonic() - began, 3),
    )


def _first(workspace: Workspace, since: datetime | None) -> datetime | None:
    """From when on something is stored, if that is later."""
    if since is None:
        return None
    told = workspace.engine.ask("history_span", {"since": since}).to_pylist()
    first: datetime | None = told[0]["first_event"] if told else None
    return first


def _pieces(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """A week at a time: what is usual is what the weeks before it were like."""
    start = since
    while start < until:
        end = min(start + _PIECE, until)
        if until - end < _RECENT:  # the last hours are not looked at apart
            end = until
        yield start, end
        start = end


def after(
    workspace: Workspace, *, now: datetime | None = None, since: datetime | None = None
) -> Watched:
    """The watch at the end of another verb, whose work is done: what fails is told, not raised."""
    try:
        return watch(workspace, now=now, since=since)
    except BouncelensError as error:
        return Watched(unseen=(f"It was not looked for false bounces: {error}",))


def _look(
    workspace: Workspace, span: tuple[datetime, datetime]
) -> tuple[Seen, tuple[Episode, ...]]:
    """What was seen in a span, and what is found there. At the beginning of all that is stored, the
    weeks after it say what is usual."""
    start, end = span
    look = seen(workspace, start if end - start <= _RECENT else start - _RECENT, end)
    if not look.signs:
        return look, ()
    known = [one for one in workspace.ledger.incidents.all() if one.holds]
    wrong: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for one in known:
        wrong[one.provider].append((one.starts, _until(one) or end))
    before = timedelta(days=USUAL_DAYS)
    expect = usual(workspace, known, start - before, start)
    if expect.quarters < _SCARCE:
        later = usual(workspace, known, end, end + before)
        expect = max(expect, later, key=lambda one: one.quarters)
    return look, episodes(look, expect, (start, end), wrong=wrong, limits=_LIMITS)


def _settle(
    workspace: Workspace,
    episode: Episode,
    look: Seen,
    now: datetime,
    *,
    told: dict[str, dict[int, Incident]],
) -> None:
    """An episode becomes an incident, or part of one that is known; of one that was released, it
    says nothing new."""
    same = _same(workspace.ledger.incidents.all(provider=episode.provider), episode)
    hit = _hit(look, episode)
    if same is None:
        made = _open(workspace, episode, hit, now)
        told["opened"][made.id] = made
    elif same.holds:
        changed = _widened(workspace, same, episode, hit, now)
        if changed is not None and changed.id not in told["opened"]:
            told["going_on"][changed.id] = changed


def _same(known: Iterable[Incident], episode: Episode) -> Incident | None:
    """The incident to which it belongs: one that holds, soon before or after it, rather than one
    that does not, which has to meet it."""
    met = [
        one
        for one in known
        if one.starts <= episode.last + _OVER
        and ((end := _until(one)) is None or episode.starts <= end + _OVER * one.holds)
    ]
    return next((one for one in met if one.holds), met[0] if met else None)


def _until(incident: Incident) -> datetime | None:
    """When it ended, or was seen last. None: a person opened it, and it goes on."""
    last = json.loads(incident.evidence).get("last")
    if incident.ends is not None or last is None or incident.decided_by != _SEEN:
        return incident.ends
    return datetime.fromisoformat(last)


def _widened(
    workspace: Workspace, one: Incident, episode: Episode, hit: list[list[int]], now: datetime
) -> Incident | None:
    """The incident with what the episode adds; None when that is nothing, and it is over."""
    starts = min(one.starts, episode.starts)
    ends = None if one.ends is None else max(one.ends, episode.last)
    if ends is not None and ends > (one.ends or ends) and now - ends < _OVER:
        ends = None if one.state == "open" else ends
    evidence = _evidence(episode, hit, one.evidence)
    if (starts, ends, evidence) == (one.starts, one.ends, one.evidence):
        return one if ends is None else None
    return workspace.ledger.incidents.change(one.id, starts=starts, ends=ends, evidence=evidence)


def _hit(look: Seen, episode: Episode) -> list[list[int]]:
    """The jobs that the provider refused living people of."""
    first, last = (
        int(moment.timestamp()) // QUARTER_S for moment in (episode.starts, episode.last)
    )
    return [
        list(pair)
        for pair in sorted(
            {
                (sign.account, sign.job)
                for sign in look.between(first, last)
                if sign.provider == episode.provider and sign.alive
            }
        )
    ]


def _evidence(episode: Episode, hit: list[list[int]], before: str = "{}") -> str:
    old = json.loads(before)
    jobs = sorted({tuple(pair) for pair in (*hit, *old.get("hit", []))})
    told = {**asdict(episode.worst), "sentence": episode.worst.sentence}
    if old.get("refused", 0) >= episode.worst.refused:  # the worst hours are the evidence
        told |= {key: value for key, value in old.items() if key not in ("hit", "last")}
    last = max(episode.last, datetime.fromisoformat(old.get("last", episode.last.isoformat())))
    told |= {"hit": jobs, "last": last}
    return json.dumps(told, default=lambda value: value.isoformat())


def _open(workspace: Workspace, episode: Episode, hit: list[list[int]], now: datetime) -> Incident:
    ends = episode.last if now - episode.last >= _OVER else None
    sentence = episode.worst.sentence
    evidence = _evidence(episode, hit)
    incident = Incident(
        0, episode.provider, episode.starts, ends, now, "open", evidence, _SEEN, sentence
    )
    return audited(workspace, "incident open", workspace.ledger.incidents.open(incident))


def _ended(workspace: Workspace, incident: Incident, now: datetime) -> Incident | None:
    last = _until(incident)
    if last is None or now - last < _OVER:
        return None
    return workspace.ledger.incidents.change(incident.id, ends=last)


def _confirm(workspace: Workspace, incident: Incident) -> Incident | None:
    if incident.state != "open" or incident.ends is None:
        return None
    if not is_confirmed(people_of(workspace, incident), _LIMITS):
        return None
    changed = workspace.ledger.incidents.change(
        incident.id,
        state="confirmed",
        decided_by="later mail",
        why="Most of those who were called dead were accepted, opened or clicked afterwards.",
    )
    return audited(workspace, "incident confirmed", changed)


def _unseen(found: Iterable[Episode], known: Iterable[Incident]) -> tuple[str, ...]:
    """Of whom too little is known, unless an incident is open for them anyway."""
    held = [one for one in known if one.holds]
    return tuple(
        f"Perhaps a false bounce: {episode.worst.sentence} "
        "`pull --route query` tells who was alive."
        for episode in found
        if not episode.worst.is_seen
        and _same((one for one in held if one.provider == episode.provider), episode) is None
    )
