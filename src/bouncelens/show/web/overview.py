"""The overview page: answers of the service, arranged for a person. No HTML, no SQL.

Whatever is counted here is counted by the questions; this module only picks, names and links.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bouncelens.service.hiding import hides_addresses
from bouncelens.service.vocabulary import provider_names, reasons
from bouncelens.show import charts
from bouncelens.show.web.controls import Controls, controls
from bouncelens.show.web.headlines import Tile, headlines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bouncelens.service.report import Answer
    from bouncelens.settings import Settings
    from bouncelens.show.web.filters import Filters
    from bouncelens.show.web.source import Source

_MOST_ROWS = 12
_MOST_REPLIES = 10
_MASKED = "Addresses, and what else varies, are placeholders; serve --addresses shows raw replies."

HARDNESS_WORDS = {
    "hard": "dead: stop mailing",
    "soft": "may work later",
    "block": "address is fine",
    "none": "no failure",
    "unknown": "not known yet",
}
ACTOR_WORDS = {
    "list_owner": "for whoever keeps the list",
    "dns_admin": "for whoever keeps your DNS",
    "content_author": "for whoever wrote the message",
    "platform_support": "for the sending platform's support",
    "receiving_admin": "for the receiver's administrator",
    "nobody": "nobody has to act",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with links, and a caption that says of what."""

    caption: str
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart as the page needs it: for Vega, for people without scripts, and as a table."""

    name: str
    title: str
    description: str
    unit: str
    hint: str
    picture: str
    script: Mapping[str, Any]
    is_empty: bool
    groups: tuple[str, ...]
    rows: tuple[charts.Bucket, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """All that the template shows."""

    filters: Filters
    headline: str
    lead: str
    window_words: str
    is_empty: bool
    tiles: tuple[Tile, ...]
    choices: Controls
    over_time: Figure
    reasons: Table
    providers: Table
    campaigns: Table
    newest: tuple[Mapping[str, Any], ...]
    newest_hint: str
    notes: tuple[str, ...]


def build(settings: Settings, filters: Filters, source: Source) -> Page:
    """The page for one set of filters. Raises StoreError where the lake cannot be read."""

    def rows(question: str, limit: int | None = None) -> list[dict[str, Any]]:
        return list(source.ask(question, filters, limit=limit).records())

    totals = next(iter(rows("headline")), {})
    over_time, choices = source.ask("overview", filters), controls(settings, filters)
    by_reason, by_provider = rows("by_reason"), rows("by_provider")
    bounced, sent = int(totals.get("bounced") or 0), int(totals.get("sent") or 0)
    return Page(
        filters=filters,
        headline=_headline(totals, bounced, sent),
        lead=_lead(bounced, by_reason, by_provider=by_provider, over_time=over_time),
        window_words=_window_words(filters, totals),
        is_empty=not bounced and not sent,
        tiles=(
            *_tiles(totals, bounced, filters=filters, proposed=source.proposed()),
            *headlines(source, filters, dict(choices.accounts)),
        ),
        choices=choices,
        over_time=_figure(over_time, filters),
        reasons=_reasons(by_reason, filters, bounced=bounced),
        providers=_providers(by_provider, filters),
        campaigns=_campaigns(rows("by_campaign", _MOST_ROWS + 1), filters),
        newest=_newest(rows("templates_newest", _MOST_REPLIES), settings.time_zone),
        newest_hint=_MASKED if hides_addresses(settings) else "",
        notes=(f"A rate is a share of: {over_time.denominator}.", *over_time.notes[1:]),
    )


def rate(share: float | None) -> str:
    """A rate in words: `2.94 %`; a dash where the sent count is not known."""
    return "–" if share is None else f"{share * 100:.2f} %"


def label(name: str | None) -> str:
    """A reason or group as people write it."""
    return (name or "unknown").replace("_", " ")


def _headline(totals: Mapping[str, Any], bounced: int, sent: int) -> str:
    if not bounced:
        return f"None of {sent:,} messages bounced" if sent else "No bounces here"
    if not sent:
        return f"{bounced:,} messages bounced; how many were sent is not known"
    return f"{bounced:,} of {sent:,} messages bounced: {rate(totals['rate'])}"


def _lead(
    bounced: int,
    by_reason: Sequence[Mapping[str, Any]],
    *,
    by_provider: Sequence[Mapping[str, Any]],
    over_time: Answer,
) -> str:
    if not bounced or not by_reason:
        return ""
    first = max(by_reason, key=_bounced)
    parts = [f"Most often: {label(first['reason'])} ({_share(_bounced(first), bounced)})."]
    named = [row for row in by_provider if row["provider"] != "other"]
    if named and len(by_provider) > 1:
        most = max(named, key=_bounced)
        name = provider_names().get(most["provider"], most["provider"])
        parts.append(f"The largest share came from {name}: {_share(_bounced(most), bounced)}.")
    return " ".join([*parts, _worst(over_time)])


def _worst(over_time: Answer) -> str:
    """The day, week or month with the highest rate, leaving out those with next to no sends."""
    unit, bars = charts.buckets(over_time)
    if not (sent := sum(bar.sent for bar in bars)):
        return "How much was sent is not known, so there are no rates."
    large = [bar for bar in bars if bar.sent * len(bars) * 10 >= sent]
    worst = max(large, key=lambda bar: sum(bar.counted.values()) / bar.sent)
    if len(large) < 2 or not worst.counted:
        return ""
    high = rate(sum(worst.counted.values()) / worst.sent)
    group = max(worst.counted, key=lambda group: worst.counted[group])
    when = {"day": "%d %b %Y", "week": "that from %d %b %Y", "month": "%b %Y"}[unit]
    return f"The worst {unit} was {worst.start.strftime(when)}: {high}, mostly {group}."


def _tiles(
    totals: Mapping[str, Any], bounced: int, *, filters: Filters, proposed: int | None
) -> tuple[Tile, ...]:
    def part(title: str, column: str, words: str) -> Tile:
        count, link = int(totals.get(column) or 0), filters.to("/questions/by:hardness,reason")
        return Tile(title, f"{count:,}", f"{_share(count, bounced)} of bounced. {words}", link)

    sent = totals.get("sent")
    of_sent = f"of {sent:,} sent" if sent else "sent count not known"
    return (
        Tile(
            "Bounce rate",
            rate(totals.get("rate")),
            f"{bounced:,} bounced, {of_sent}",
            filters.to("/questions/by_day"),
        ),
        part("Address is dead", "hard", "Stop mailing these."),
        part("Sender or message refused", "block", "The addresses are fine."),
        part("Not classified", "unclassified", "Nobody can act on these yet."),
        Tile(
            "Suppressions proposed",
            "–" if proposed is None else f"{proposed:,}",
            "Not planned yet: bouncelens suppress plan"
            if proposed is None
            else "Addresses not to mail again, of all time.",
        ),
    )


def _reasons(rows: Sequence[Mapping[str, Any]], filters: Filters, *, bounced: int) -> Table:
    known = reasons()

    def shown(row: Mapping[str, Any]) -> Mapping[str, Any]:
        reason = known.get(row["reason"])
        return {
            **row,
            "group": row["reason_group"],
            "label": label(row["reason"]),
            "link": filters.link(reason=row["reason"]),
            "meaning": reason.meaning if reason else "",
            "action": reason.action if reason else "",
            "actor": ACTOR_WORDS.get(reason.actor, "") if reason else "",
            "hardness_words": HARDNESS_WORDS.get(row["hardness"], row["hardness"]),
            "part": _bounced(row) / bounced if bounced else 0,
        }

    return Table(_caption(rows, "reasons"), tuple(shown(row) for row in _most(rows)))


def _providers(rows: Sequence[Mapping[str, Any]], filters: Filters) -> Table:
    names = provider_names()

    def shown(row: Mapping[str, Any]) -> Mapping[str, Any]:
        slug = row["provider"]
        return {
            **row,
            "label": names.get(slug, slug),
            "link": filters.link(provider=slug),
        }

    return Table(_caption(rows, "providers"), tuple(shown(row) for row in _most(rows)))


def _campaigns(rows: Sequence[Mapping[str, Any]], filters: Filters) -> Table:
    def shown(row: Mapping[str, Any]) -> Mapping[str, Any]:
        day = f", sent {row['first_day']:%d %b %Y}" if row["first_day"] else ""
        return {
            **row,
            "label": row["campaign"] or f"Job {row['job']}",
            "detail": f"job {row['job']}{day}",
            "link": filters.link(job=row["job"], account=row["account"]),
        }

    return Table(_caption(rows, "campaigns"), tuple(shown(row) for row in _most(rows)))


def _newest(rows: Sequence[Mapping[str, Any]], time_zone: str) -> tuple[Mapping[str, Any], ...]:
    names, zone = provider_names(), ZoneInfo(time_zone)

    def shown(row: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            **row,
            "group": row["reason_group"],
            "label": label(row["reason"]),
            "hardness_words": HARDNESS_WORDS.get(row["hardness"], row["hardness"]),
            "provider": names.get(row["provider"], row["provider"]),
            "first_seen": f"{row['first_seen'].astimezone(zone):%d %b %Y, %H:%M %Z}",
            "sample": row["sample"] or row["template"] or "",
        }

    return tuple(shown(row) for row in rows)


def _figure(answer: Answer, filters: Filters) -> Figure:
    drawing = charts.rates_over_time(answer)
    unit, bars = charts.buckets(answer)
    present = {group for bar in bars for group in bar.bounced}
    script = {
        "spec": charts.without_legend(drawing),  # the page has its own, which can wrap
        "config": {theme: charts.config(theme) for theme in charts.THEMES},
    }
    return Figure(
        name=drawing.name,
        title=drawing.title,
        description=drawing.description,
        unit=unit,
        hint=_hint(unit, has_rates=any(bar.sent for bar in bars)),
        picture=filters.picture(drawing.name),
        script=script,
        is_empty=drawing.spec is None,
        groups=tuple(group for group in charts.GROUP_COLOURS if group in present),
        rows=tuple(reversed(bars)),
        notes=drawing.notes,
    )


def _hint(unit: str, *, has_rates: bool) -> str:
    colours = "Each colour is a family of reasons"
    if not has_rates:
        return f"{colours}; the height of a bar is the number of messages that bounced."
    return (
        f"Of the messages sent in a {unit}, the share that bounced, then or later. "
        f"{colours}; the height of a bar is the whole bounce rate."
    )


def _window_words(filters: Filters, totals: Mapping[str, Any]) -> str:
    first, last = totals.get("first_event"), totals.get("last_event")
    since = filters.since or (first.date() if first else None)
    # `until` is half-open; people name the last day that belongs to a window.
    until = filters.until - timedelta(days=1) if filters.until else (last.date() if last else None)
    if since is None or until is None:
        return _asked_words(filters)
    return f"{since:%d %b %Y} – {until:%d %b %Y}"


def _asked_words(filters: Filters) -> str:
    """The window that was asked for, where nothing is in it."""
    since, until = filters.since, filters.until
    if since is None and until is None:
        return "all time"
    start = f"from {since:%d %b %Y}" if since else "from the beginning"
    return f"{start} before {until:%d %b %Y}" if until else f"{start} on"


def _most(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(rows, key=_bounced, reverse=True)[:_MOST_ROWS]


def _caption(rows: Sequence[Mapping[str, Any]], things: str) -> str:
    if len(rows) > _MOST_ROWS:
        return f"The {_MOST_ROWS} {things} with most bounced messages"
    return f"All {things}, most bounced messages first"


def _bounced(row: Mapping[str, Any]) -> int:
    return int(row["bounced"] or 0)


def _share(part: int, whole: int) -> str:
    return f"{part / whole * 100:.1f} %" if whole else "0 %"
