"""The overview page: answers of the service, arranged for a person. No HTML, no SQL.

Whatever is counted here is counted by the questions; this module only picks, names and links.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bouncelens.service.vocabulary import provider_names, reasons
from bouncelens.show import charts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bouncelens.service.report import Answer
    from bouncelens.settings import Settings
    from bouncelens.show.web.filters import Filters

    Ask = Callable[[str], Answer]

_MOST_ROWS = 12
_MOST_REPLIES = 10
_PRESETS_DAYS = (7, 30, 90, 365)

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
class Tile:
    """One headline number with the number it is a part of."""

    title: str
    number: str
    words: str


@dataclass(frozen=True, slots=True)
class Preset:
    """A link to a usual window."""

    title: str
    link: str
    is_current: bool


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
    time_zone: str
    is_empty: bool
    tiles: tuple[Tile, ...]
    presets: tuple[Preset, ...]
    over_time: Figure
    reasons: Table
    providers: Table
    campaigns: Table
    newest: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    accounts: tuple[tuple[int, str], ...]
    all_providers: tuple[tuple[str, str], ...]
    all_reasons: tuple[Any, ...]


def build(settings: Settings, filters: Filters, ask: Ask, *, proposed: int | None) -> Page:
    """The page for one set of filters. `ask` answers a question by name within them;
    `proposed`: suppressions that are planned but not applied, None when nobody planned."""
    totals = _one(ask("totals"))
    over_time = ask("overview")
    by_reason, by_provider = _rows(ask("by_reason")), _rows(ask("by_provider"))
    bounces, sent = int(totals.get("bounces") or 0), int(totals.get("sent") or 0)
    return Page(
        filters=filters,
        headline=_headline(bounces, sent),
        lead=_lead(bounces, sent, by_reason=by_reason, by_provider=by_provider),
        window_words=_window_words(over_time, settings.time_zone),
        time_zone=settings.time_zone,
        is_empty=not bounces and not sent,
        tiles=_tiles(totals, bounces, sent, proposed=proposed),
        presets=_presets(filters, settings.time_zone),
        over_time=_figure(over_time, filters),
        reasons=_reasons(by_reason, filters, bounces=bounces),
        providers=_providers(by_provider, filters),
        campaigns=_campaigns(_rows(ask("by_campaign")), filters),
        newest=_newest(_rows(ask("templates_newest")), settings.time_zone),
        notes=tuple(over_time.notes),
        accounts=tuple(
            (account.mid, account.name or str(account.mid)) for account in settings.accounts
        ),
        all_providers=tuple(sorted(provider_names().items(), key=lambda pair: pair[1].lower())),
        all_reasons=tuple(reasons().values()),
    )


def rate(bounces: int | None, sent: int | None) -> str:
    """A rate in words: `2.94 %`; a dash where nothing was sent that it could be a part of."""
    if not sent:
        return "–"
    return f"{(bounces or 0) / sent * 100:.2f} %"


def label(name: str | None) -> str:
    """A reason or group as people write it."""
    return (name or "unknown").replace("_", " ")


def _rows(answer: Answer) -> list[dict[str, Any]]:
    return charts.records(answer)


def _one(answer: Answer) -> dict[str, Any]:
    return next(iter(charts.records(answer)), {})


def _headline(bounces: int, sent: int) -> str:
    if not bounces:
        return "No bounces here" if sent else "No bounces yet"
    if not sent:
        return f"{bounces:,} bounces; how much was sent is not known"
    return f"{bounces:,} of {sent:,} messages bounced: {rate(bounces, sent)}"


def _lead(
    bounces: int,
    sent: int,
    *,
    by_reason: Sequence[Mapping[str, Any]],
    by_provider: Sequence[Mapping[str, Any]],
) -> str:
    if not bounces or not by_reason:
        return ""
    first = max(by_reason, key=_bounces)
    parts = [f"Most often: {label(first['reason'])} ({_share(_bounces(first), bounces)})."]
    named = [row for row in by_provider if row["provider"]]
    if named:
        most = max(named, key=_bounces)
        name = provider_names().get(most["provider"], most["provider"])
        parts.append(f"Most bounces came from {name} ({_share(_bounces(most), bounces)}).")
    if not sent:
        parts.append("Without sent counts there are no rates: see the settings [sends].")
    return " ".join(parts)


def _tiles(
    totals: Mapping[str, Any], bounces: int, sent: int, *, proposed: int | None
) -> tuple[Tile, ...]:
    def part(title: str, column: str, words: str) -> Tile:
        count = int(totals.get(column) or 0)
        return Tile(title, f"{count:,}", f"{_share(count, bounces)} of bounces. {words}")

    return (
        Tile("Bounce rate", rate(bounces, sent), f"{bounces:,} bounces of {sent:,} sent"),
        part("Dead addresses", "hard", "Stop mailing them."),
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


def _reasons(rows: Sequence[Mapping[str, Any]], filters: Filters, *, bounces: int) -> Table:
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
            "hardness": reason.hardness if reason else "unknown",
            "hardness_words": HARDNESS_WORDS[reason.hardness if reason else "unknown"],
            "part": _bounces(row) / bounces if bounces else 0,
        }

    return Table(_caption(rows, "reasons"), tuple(shown(row) for row in _most(rows)))


def _providers(rows: Sequence[Mapping[str, Any]], filters: Filters) -> Table:
    names = provider_names()

    def shown(row: Mapping[str, Any]) -> Mapping[str, Any]:
        slug = row["provider"]
        return {
            **row,
            "label": names.get(slug, slug) if slug else "Everybody else",
            "link": filters.link(provider=slug) if slug else "",
        }

    return Table(_caption(rows, "providers"), tuple(shown(row) for row in _most(rows)))


def _campaigns(rows: Sequence[Mapping[str, Any]], filters: Filters) -> Table:
    def shown(row: Mapping[str, Any]) -> Mapping[str, Any]:
        sent_time = row.get("sent_time")
        detail = f"job {row['job']}" + (f", sent {sent_time:%d %b %Y}" if sent_time else "")
        return {
            **row,
            "label": row.get("email_name") or f"Job {row['job']}",
            "detail": detail,
            "link": filters.link(job=row["job"]),
        }

    return Table(_caption(rows, "campaigns"), tuple(shown(row) for row in _most(rows)))


def _newest(rows: Sequence[Mapping[str, Any]], time_zone: str) -> tuple[Mapping[str, Any], ...]:
    names, zone = provider_names(), ZoneInfo(time_zone)

    def shown(row: Mapping[str, Any]) -> Mapping[str, Any]:
        hardness = row["hardness"] or "unknown"
        return {
            **row,
            "group": row["reason_group"],
            "label": label(row["reason"] or "unclassified"),
            "hardness": hardness,
            "hardness_words": HARDNESS_WORDS.get(hardness, hardness),
            "provider": names.get(row["provider"], row["provider"]) or "Provider not known",
            "first_seen": f"{row['first_seen'].astimezone(zone):%d %b %Y, %H:%M}",
            "sample": row["sample"] or "",
            "confidence": row["confidence"] or 0.0,
        }

    return tuple(shown(row) for row in rows[:_MOST_REPLIES])


def _figure(answer: Answer, filters: Filters) -> Figure:
    drawing = charts.rates_over_time(answer)
    unit, bars = charts.buckets(answer)
    present = {group for bar in bars for group in bar.by_group}
    script = {
        "spec": drawing.spec,
        "config": {theme: charts.config(theme) for theme in charts.THEMES},
    }
    return Figure(
        name=drawing.name,
        title=drawing.title,
        description=drawing.description,
        unit=unit,
        picture=filters.picture(drawing.name),
        script=script,
        is_empty=drawing.spec is None,
        groups=tuple(group for group in charts.GROUP_COLOURS if group in present),
        rows=tuple(reversed(bars)),
        notes=drawing.notes,
    )


def _presets(filters: Filters, time_zone: str) -> tuple[Preset, ...]:
    today = datetime.now(UTC).astimezone(ZoneInfo(time_zone)).date()

    def preset(title: str, since: date | None) -> Preset:
        is_current = filters.since == since and filters.until is None
        return Preset(title, filters.link(since=since, until=None), is_current)

    return (
        preset("All time", None),
        *(
            preset(f"Last {days} days", today - timedelta(days=days - 1))
            for days in reversed(_PRESETS_DAYS)
        ),
    )


def _window_words(answer: Answer, time_zone: str) -> str:
    zone = ZoneInfo(time_zone)
    if answer.since is None or answer.until is None:
        return "all time"
    # `until` is half-open; people name the last day that belongs to a window.
    last = (answer.until - timedelta(microseconds=1)).astimezone(zone)
    return f"{answer.since.astimezone(zone):%d %b %Y} – {last:%d %b %Y}"


def _most(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(rows, key=_bounces, reverse=True)[:_MOST_ROWS]


def _caption(rows: Sequence[Mapping[str, Any]], things: str) -> str:
    shown = min(len(rows), _MOST_ROWS)
    return f"{shown} of {len(rows)} {things}, most bounces first"


def _bounces(row: Mapping[str, Any]) -> int:
    return int(row["bounces"] or 0)


def _share(part: int, whole: int) -> str:
    return f"{part / whole * 100:.1f} %" if whole else "0 %"
