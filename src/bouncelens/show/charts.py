"""Charts from answers: one Vega-Lite definition for the page, the report and the SVG.

A reason group has the same colour everywhere. Every rate carries its counts in the tooltip.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bouncelens.service.report import Answer

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")

# Ten groups, in the order in which they are stacked: what kills addresses at the bottom. Chosen so
# that stacked neighbours differ in lightness as well as in hue, for every kind of colour vision,
# and each is visible on both backgrounds (tests/show/test_show_charts.py measures it).
GROUP_COLOURS = {
    "address": "#ab0830",
    "mailbox": "#fdb774",
    "reputation": "#4d3bcb",
    "content": "#bf96ff",
    "authentication": "#008372",
    "policy": "#3bdfee",
    "throttling": "#a56600",
    "network": "#cdd505",
    "system": "#704b93",
    "other": "#98c4a6",
}
_INK = {"light": ("#1d232a", "#d5dae0"), "dark": ("#e6e9ed", "#3a424c")}  # text, grid
_FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
_MOST_BARS = 12


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart, ready for a theme. `spec` is None when there is nothing to draw."""

    name: str
    title: str
    description: str  # what a person hears who does not see it
    spec: dict[str, Any] | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bucket:
    """A day, week or month: what was sent and what bounced, by reason group."""

    start: date
    end: date  # half-open
    sent: int
    by_group: dict[str, int]

    @property
    def bounces(self) -> int:
        """Bounces of all groups."""
        return sum(self.by_group.values())


def rates_over_time(answer: Answer) -> Drawing:
    """Bounce rate in % of sent, by reason group, per day, week or month as the window is long.

    `answer` is of the question `overview`: one row per day and group, `sent` the day's total.
    """
    unit, bars = buckets(answer)
    name, title = "overview", f"Bounce rate by reason group, per {unit}"
    rows = [
        {
            "start": bucket.start.isoformat(),
            "end": bucket.end.isoformat(),
            "group": group,
            "order": _rank(group),
            "bounces": bounces,
            "sent": bucket.sent,
            "rate": bounces / bucket.sent,
        }
        for bucket in bars
        if bucket.sent
        for group, bounces in bucket.by_group.items()
        if bounces
    ]
    undrawn = sum(bucket.bounces for bucket in bars if not bucket.sent)
    notes = (f"{undrawn:,} bounces fell into a {unit} without sends: not drawn.",) * bool(undrawn)
    if not rows:
        return Drawing(name, title, "Nothing to draw.", None, notes)
    bounces, sent = sum(r["bounces"] for r in rows), sum(bucket.sent for bucket in bars)
    description = f"{title}. {bounces:,} bounces of {sent:,} sent in {len(bars)} {unit}s."
    return Drawing(name, title, description, _stacked(rows, unit), notes)


def buckets(answer: Answer) -> tuple[str, list[Bucket]]:
    """Days summed up, so that a window of any length has some dozens of bars, and their unit.

    `answer` is of the question `overview`.
    """
    rows = records(answer)
    if not rows:
        return "day", []
    days = [_as_date(row["day"]) for row in rows]
    span_days = (max(days) - min(days)).days + 1
    unit = "day" if span_days <= 62 else "week" if span_days <= 400 else "month"
    sent_by_day = {day: int(row["sent"] or 0) for day, row in zip(days, rows, strict=True)}
    sent: dict[date, int] = defaultdict(int)
    for day, count in sent_by_day.items():
        sent[_start(day, unit)] += count
    bounces: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for day, row in zip(days, rows, strict=True):
        bounces[_start(day, unit)][row["reason_group"] or "other"] += int(row["bounces"] or 0)
    return unit, [
        Bucket(start, _end(start, unit), sent[start], dict(bounces[start]))
        for start in sorted(bounces)
    ]


def top_reasons(answer: Answer) -> Drawing:
    """The reasons with most bounces; `answer` is of the question `by_reason`."""
    rows = [
        {**row, "label": str(row["reason"]), "group": row["reason_group"]}
        for row in records(answer)
    ]
    return _ranked("reasons", "Bounces by reason", rows)


def top_providers(answer: Answer) -> Drawing:
    """The providers with most bounces; `answer` is of the question `by_provider`."""
    rows = [{**row, "label": row["provider"] or "unknown"} for row in records(answer)]
    return _ranked("providers", "Bounces by provider", rows)


def records(answer: Answer) -> list[dict[str, Any]]:
    """The rows of an answer, each by column name."""
    names = [column.name for column in answer.columns]
    return [dict(zip(names, row, strict=True)) for row in answer.rows]


def themed(drawing: Drawing, theme: Theme) -> dict[str, Any]:
    """The drawing's specification in the colours of a theme. It must not be empty."""
    if drawing.spec is None:
        raise ValueError(f"{drawing.name} is empty")
    return {**drawing.spec, "config": config(theme)}


def config(theme: Theme) -> dict[str, Any]:
    """Vega-Lite's configuration for a theme: fonts, ink and grid."""
    ink, grid = _INK[theme]
    words = {"labelColor": ink, "titleColor": ink, "labelFontSize": 13, "titleFontSize": 13}
    return {
        "background": "transparent",
        "font": _FONT,
        "view": {"stroke": "transparent"},
        "axis": {**words, "gridColor": grid, "domainColor": grid, "tickColor": grid},
        "legend": {**words, "symbolType": "square", "labelLimit": 220},
    }


def svg(drawing: Drawing, theme: Theme = "light") -> str:
    """The drawing as SVG; an empty one says so in words."""
    if drawing.spec is None:
        return _EMPTY_SVG.format(ink=_INK[theme][0], font=_FONT)
    import vl_convert

    spec = json.dumps({**themed(drawing, theme), "width": 900})
    # No base URL is allowed: a chart never loads anything, whatever its rows say.
    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))


_EMPTY_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="120" role="img">'
    '<text x="450" y="64" text-anchor="middle" fill="{ink}" font-family="{font}" font-size="16">'
    "No bounces in this window.</text></svg>"
)


def _stacked(rows: Sequence[dict[str, Any]], unit: str) -> dict[str, Any]:
    import altair as alt

    groups = [group for group in GROUP_COLOURS if any(row["group"] == group for row in rows)]
    chart = (
        alt.Chart(alt.Data(values=list(rows)))
        .mark_bar(orient="vertical", binSpacing=1)
        .encode(
            x=alt.X("start:T", title=None, scale=alt.Scale(type="utc"), axis=_time_axis()),
            x2="end:T",
            y=alt.Y("rate:Q", title="% of sent", stack="zero", axis=alt.Axis(format=".1%")),
            color=alt.Color(
                "group:N",
                title="Reason group",
                scale=alt.Scale(domain=groups, range=[GROUP_COLOURS[group] for group in groups]),
                sort=groups,
                legend=alt.Legend(orient="top", direction="horizontal", columns=5),
            ),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("start:T", title=f"{unit.capitalize()} from", format="%d %b %Y"),
                alt.Tooltip("group:N", title="Group"),
                *_counts(),
            ],
        )
        .properties(width="container", height=300)
    )
    return dict(chart.to_dict())


def _ranked(name: str, title: str, rows: Iterable[dict[str, Any]]) -> Drawing:
    import altair as alt

    kept = [
        {
            "label": row["label"],
            "group": row.get("group"),
            "bounces": row["bounces"],
            "sent": row["sent"],
            "rate": row["bounces"] / row["sent"] if row["sent"] else None,
        }
        for row in sorted(rows, key=lambda row: -row["bounces"])[:_MOST_BARS]
    ]
    if not kept:
        return Drawing(name, title, "Nothing to draw.", None)
    colour = alt.Color(
        "group:N",
        scale=alt.Scale(domain=list(GROUP_COLOURS), range=list(GROUP_COLOURS.values())),
        legend=None,
    )
    has_groups = any(row["group"] for row in kept)
    chart = (
        alt.Chart(alt.Data(values=kept))
        .mark_bar()
        .encode(
            x=alt.X("bounces:Q", title="bounces", axis=alt.Axis(format=",d")),
            y=alt.Y("label:N", title=None, sort=[row["label"] for row in kept]),
            color=colour if has_groups else alt.value(GROUP_COLOURS["reputation"]),
            tooltip=[alt.Tooltip("label:N", title=name.removesuffix("s")), *_counts()],
        )
        .properties(width="container", height=alt.Step(22))
    )
    description = f"{title}: " + ", ".join(f"{r['label']} {r['bounces']:,}" for r in kept[:5])
    return Drawing(name, title, description, dict(chart.to_dict()))


def _counts() -> list[Any]:
    import altair as alt

    return [
        alt.Tooltip("bounces:Q", title="Bounces", format=",d"),
        alt.Tooltip("sent:Q", title="Of sent", format=",d"),
        alt.Tooltip("rate:Q", title="Rate", format=".2%"),
    ]


def _time_axis() -> Any:
    import altair as alt

    return alt.Axis(grid=False, labelOverlap=True, tickCount=12)


def _rank(group: str) -> int:
    return list(GROUP_COLOURS).index(group) if group in GROUP_COLOURS else len(GROUP_COLOURS)


def _as_date(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def _start(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def _end(start: date, unit: str) -> date:
    if unit == "month":
        return (start.replace(day=28) + timedelta(days=4)).replace(day=1)
    return start + timedelta(days=7 if unit == "week" else 1)
