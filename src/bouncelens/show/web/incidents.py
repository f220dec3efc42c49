"""The pages of incidents: all of them, and one with its evidence and what to do. They only read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bouncelens.errors import InputInvalid
from bouncelens.service import incident
from bouncelens.service.vocabulary import provider_names
from bouncelens.show import charts
from bouncelens.show.incident_chart import refused_over_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bouncelens.service.incident import Incident
    from bouncelens.service.workspace import Workspace
    from bouncelens.show.web.filters import Filters
    from bouncelens.show.web.source import Source

PATH = "/incidents"
_MOST_TOLD = 3  # on the overview, of those in which the provider was wrong
STATES = {
    "open": "nobody is suppressed for it",
    "confirmed": "the provider was wrong",
    "released": "the provider was right",
    "dismissed": "the provider was right",
}
_NEXT = {
    "open": (
        "Nothing is in a hurry: while it is open, these refusals suppress nobody.",
        "Mail these people again in a day or two, a few first.",
        "Once most of that mail is accepted, the incident is confirmed by itself.",
        "If the provider has said that it was wrong: `bouncelens incident confirm {id} --why …`",
        "If the accounts are really closed: `bouncelens incident release {id} --why …`",
    ),
    "confirmed": (
        "Its refusals do not count any more.",
        "The next plan releases whom only it had suppressed: `bouncelens suppress plan`",
        "Whom Marketing Cloud itself holds for it has to be set active there.",
        "A file of them: `bouncelens suppress export reactivate --tier accepted --out FILE`",
    ),
    "released": ("Its refusals count as any others. Nothing has to be done.",),
    "dismissed": ("Its refusals count as any others. Nothing has to be done.",),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One incident in a list."""

    id: int
    provider: str
    state: str
    state_words: str
    starts: str
    ends: str
    words: str

    @property
    def title(self) -> str:
        """What happened, as far as it is known."""
        if self.state == "open":
            return f"{self.provider} seems to call living addresses dead"
        if self.state == "confirmed":
            return f"{self.provider} called living addresses dead"
        return f"{self.provider} called many addresses dead, and was right"


@dataclass(frozen=True, slots=True)
class Figure:
    """The chart, for Vega and as a picture."""

    name: str
    description: str
    picture: str
    script: Mapping[str, Any]
    is_empty: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """All that the page of one incident shows."""

    line: Line
    facts: tuple[tuple[str, str], ...]
    next_steps: tuple[str, ...]
    links: tuple[tuple[str, str], ...]  # title, address: the same hours elsewhere
    tiers: tuple[tuple[str, int, str], ...]
    people: int
    reversal: int
    figure: Figure
    points: tuple[incident.Point, ...]


def lines(source: Source) -> tuple[Line, ...]:
    """Every incident, newest first. Raises StoreError."""
    return tuple(_line(one) for one in source.use(incident.incidents))


def concerning(source: Source, filters: Filters) -> tuple[Line, ...]:
    """Those that a page with these filters has to name: all that are open, and in its window the
    newest in which its provider was wrong. Raises StoreError."""
    since, until = filters.window
    told = [one for one in source.use(incident.incidents) if one.state in ("open", "confirmed")]
    near = [
        one
        for one in told
        if filters.provider in (None, one.provider)
        and (until is None or one.starts < until)
        and (since is None or one.ends is None or one.ends > since)
    ]
    wrong = [one for one in near if one.state == "confirmed"][:_MOST_TOLD]
    return tuple(_line(one) for one in told if one.state == "open" or one in wrong)


def blind(source: Source) -> tuple[str, ...]:
    """Business units in which an outage would not be noticed. Raises StoreError."""
    return tuple(one.sentence for one in source.use(incident.sight) if one.sentence)


def build(source: Source, number: int) -> Page:
    """The page of one. Raises InputInvalid where there is none, StoreError."""
    shown, points = source.use(lambda workspace: _found(workspace, number))
    one = shown.incident
    line = _line(one)
    drawing = refused_over_time(points, line.provider)
    script = {
        "spec": drawing.spec,
        "config": {theme: charts.config(theme) for theme in charts.THEMES},
    }
    picture = f"{PATH}/{number}.svg?"
    return Page(
        line=line,
        facts=_facts(one),
        next_steps=tuple(step.format(id=one.id) for step in _NEXT.get(one.state, ())),
        links=_links(one),
        tiers=tuple((name, n, shown.meanings[name]) for name, n in shown.tiers.items()),
        people=sum(shown.tiers.values()),
        reversal=len(shown.reversal),
        figure=Figure("incident", drawing.description, picture, script, drawing.spec is None),
        points=tuple(point for point in points if point.refused or point.expected >= 1),
    )


def picture(source: Source, number: int, theme: charts.Theme) -> str:
    """Its chart as SVG. Raises InputInvalid where there is none, StoreError."""
    shown, points = source.use(lambda workspace: _found(workspace, number))
    return charts.svg(refused_over_time(points, _name(shown.incident.provider)), theme)


def _found(workspace: Workspace, number: int) -> tuple[incident.Shown, tuple[incident.Point, ...]]:
    shown = incident.show(workspace, number)
    return shown, incident.curve(workspace, shown.incident)


def _links(one: Incident) -> tuple[tuple[str, str], ...]:
    """The days of the incident on other pages."""
    last = f"&until={(one.ends + timedelta(days=1)).date()}" if one.ends else ""
    query = f"?{urlencode({'provider': one.provider, 'since': one.starts.date()})}{last}"
    return (
        ("What bounced", f"/{query}"),
        ("The campaigns", f"/questions/by_campaign{query}"),
        ("The replies", f"/questions/by_reply{query}"),
        ("The domains", f"/questions/by_domain{query}"),
    )


def _facts(one: Incident) -> tuple[tuple[str, str], ...]:
    told = json.loads(one.evidence)
    if "refused" not in told:
        return (("Opened by", one.decided_by), ("Why", one.why))
    alive = f"{told['alive']:,} of {told['known']:,} of whom anything is known"
    sent = f" of {told['sent']:,} messages" if told.get("sent") else ""
    return (
        ("Called dead in the worst two hours", f"{told['refused']:,}{sent}"),
        ("Expected by what the others refused and what was sent", f"{told['expected']:,.0f}"),
        ("Opened, clicked or delivered to in the 90 days before", alive),
        ("Campaigns hit", f"{len(told.get('hit', [])) or told['jobs']:,}"),
        (
            "Refused by all other providers meanwhile",
            f"{told['others']:,}, where up to {told['others_expected']:,.0f} are as usual",
        ),
        ("Decided by", "nobody yet" if one.state == "open" else f"{one.decided_by}: {one.why}"),
    )


def _line(one: Incident) -> Line:
    return Line(
        one.id,
        _name(one.provider),
        one.state,
        STATES.get(one.state, ""),
        _at(one.starts),
        _at(one.ends) if one.ends else "still going on",
        one.why,
    )


def _name(provider: str) -> str:
    return provider_names().get(provider, provider)


def _at(moment: datetime) -> str:
    return moment.strftime("%d %b %Y, %H:%M")


def number_of(text: str) -> int:
    """The number in an address. Raises InputInvalid."""
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise InputInvalid(f"{text[:20]!r} is no incident's number.")
    return int(text)
