"""Charts from answers: one Vega-Lite definition for the page, the report and the SVG.

A reason group has the same colour everywhere. Every rate carries its counts in the tooltip.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import altair as alt

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
ROWS: dict[str, Any] = {"name": "rows"}  # put in their place by with_rows


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
    """A day, week or month of sends: messages sent and, by reason group, messages bounced.

    `counted` leaves out the bounced messages of jobs whose sent count is not known; only they
    can be divided by `sent`.
    """

    start: date
    end: date  # half-open
    sent: int
    bounced: dict[str, int]
    counted: dict[str, int]


def rates_over_time(answer: Answer) -> Drawing:
    """Bounce rate in % of sent, by reason group, per day, week or month as the window is long.

    `answer` is of the question `overview`: one row per day and group, `sent` the day's total.
    Where nothing is known of what was sent, the bars are counts, and the title says so.
    """
    unit, bars = buckets(answer)
    has_rates = any(bar.sent for bar in bars)
    what = "Bounce rate" if has_rates else "Bounced messages (sent counts are not known)"
    name, title = "overview", f"{what} by reason group, per {unit}"
    rows = list(_parts(bars, has_rates=has_rates))
    bounced = sum(sum(bar.bounced.values()) for bar in bars)
    undrawn = bounced - sum(row["bounced"] for row in rows)
    notes = (f"Not drawn: {undrawn:,} bounced messages whose sent count is not known.",)
    if not rows:
        return Drawing(name, title, "Nothing to draw.", None, notes * bool(undrawn))
    sent = f" of {sum(bar.sent for bar in bars):,} sent" if has_rates else ""
    description = f"{title}. {bounced:,} bounced messages{sent} in {len(bars)} {unit}s."
    spec = _stacked(rows, unit, has_rates=has_rates)
    return Drawing(name, title, description, spec, notes * bool(undrawn))


def buckets(answer: Answer) -> tuple[str, list[Bucket]]:
    """Days summed up, so that a window of any length has some dozens of bars, and their unit.

    `answer` is of the question `overview`.
    """
    rows = list(answer.records())
    if not rows:
        return "day", []
    days = [row["day"] for row in rows]
    span_days = (max(days) - min(days)).days + 1
    unit = "day" if span_days <= 62 else "week" if span_days <= 400 else "month"
    found: dict[date, Bucket] = {}
    seen: set[date] = set()
    for row in sorted(rows, key=lambda row: row["day"]):
        start = _start(row["day"], unit)
        bar = found.get(start) or Bucket(start, _end(start, unit), 0, {}, {})
        if row["day"] not in seen:  # each row of a day carries the day's whole sent count
            seen.add(row["day"])
            bar = replace(bar, sent=bar.sent + (row["sent"] or 0))
        if group := row["reason_group"]:
            bar.bounced[group] = bar.bounced.get(group, 0) + row["bounced"]
            counted = row["bounced"] - row["uncounted"]
            bar.counted[group] = bar.counted.get(group, 0) + counted
        found[start] = bar
    return unit, list(found.values())


def top_reasons(answer: Answer) -> Drawing:
    """The reasons with most bounced messages; `answer` is of the question `by_reason`."""
    rows = [
        {**row, "label": str(row["reason"]), "group": row["reason_group"]}
        for row in answer.records()
    ]
    return _ranked("reasons", "Bounced messages by reason", rows)


def top_providers(answer: Answer) -> Drawing:
    """The providers with most bounced messages; `answer` is of the question `by_provider`."""
    rows = [{**row, "label": str(row["provider"])} for row in answer.records()]
    return _ranked("providers", "Bounced messages by provider", rows)


def drawn(answer: Answer) -> Drawing | None:
    """The chart that suits an answer; None where a table says it better."""
    names = [column.name for column in answer.columns]
    if answer.question == "overview":
        return rates_over_time(answer)
    if answer.question == "by_reason":
        return top_reasons(answer)
    if answer.question == "simulated_list":
        from bouncelens.show.list_chart import list_over_time

        return list_over_time(answer)
    is_ranked = len(answer.rows) > 1 and {"bounced", "sent", "rate"} <= set(names)
    first = next((name for name in names if name not in ("account", "job")), "")
    if not is_ranked or first in _NOT_RANKED:
        return None
    rows = [{**row, "label": _label(row[first])} for row in answer.records() if row["bounced"]]
    rows.sort(key=lambda row: -row["bounced"])
    rows = list(_told_apart(rows[:_MOST_BARS], names, first))
    plural = f"{first.replace('_', ' ')}s"
    return _ranked(plural, f"Bounced messages: {answer.title.lower()}", rows)


def _told_apart(
    rows: list[dict[str, Any]], names: Sequence[str], first: str
) -> Iterator[dict[str, Any]]:
    """Bars of one name each: where one stands twice, all with what else their rows are of."""
    place = names.index(first)
    others = [name for name in names[:place] if name == "job"]
    dimensions = takewhile(lambda name: name not in ("bounces", "bounced"), names[place + 1 :])
    others += [name for name in dimensions if name not in _NO_NAMES]
    is_plain = len({row["label"] for row in rows}) == len(rows) or not others
    for row in rows:
        words = ", ".join(_label(row[name]) for name in others)
        yield row if is_plain else {**row, "label": f"{row['label']} ({words})"}


_NO_NAMES = ("subject", "first_day")
_NOT_RANKED = ("", "day", "week", "month", "weekday", "hour", "bounces", "bounced")
_LONGEST_LABEL = 48
_LABEL_WIDTH = 300  # pixels


def _label(value: object) -> str:
    text = "not known" if value is None else str(value)
    return text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"


def themed(drawing: Drawing, theme: Theme) -> dict[str, Any]:
    """The drawing's specification in the colours of a theme. It must not be empty."""
    if drawing.spec is None:
        raise ValueError(f"{drawing.name} is empty")
    return {**drawing.spec, "config": config(theme)}


def ink(theme: Theme) -> tuple[str, str]:
    """The colours of a theme's words and of its grid."""
    return _INK[theme]


def config(theme: Theme) -> dict[str, Any]:
    """Vega-Lite's configuration for a theme: fonts, ink and grid."""
    words_ink, grid = _INK[theme]
    words = {
        "labelColor": words_ink,
        "titleColor": words_ink,
        "labelFontSize": 13,
        "titleFontSize": 13,
    }
    return {
        "background": "transparent",
        "font": _FONT,
        "view": {"stroke": "transparent"},
        "axis": {**words, "gridColor": grid, "domainColor": grid, "tickColor": grid},
        "legend": {**words, "symbolType": "square", "labelLimit": 220},
    }


def without_legend(drawing: Drawing) -> dict[str, Any] | None:
    """The drawing's specification for a place that shows the colours' meaning by itself."""
    if drawing.spec is None:
        return None
    encoding = drawing.spec["encoding"]
    colour = {**encoding["color"], "legend": None}
    return {**drawing.spec, "encoding": {**encoding, "color": colour}}


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


def _parts(bars: Iterable[Bucket], *, has_rates: bool) -> Iterator[dict[str, Any]]:
    for bar in bars:
        if has_rates and not bar.sent:
            continue
        for group, bounced in (bar.counted if has_rates else bar.bounced).items():
            if bounced:
                yield {
                    "start": bar.start.isoformat(),
                    "end": bar.end.isoformat(),
                    "group": group,
                    "order": _rank(group),
                    "bounced": bounced,
                    "sent": bar.sent or None,
                    "rate": bounced / bar.sent if bar.sent else None,
                }


def _stacked(rows: Sequence[dict[str, Any]], unit: str, *, has_rates: bool) -> dict[str, Any]:
    import altair as alt

    groups = [group for group in GROUP_COLOURS if any(row["group"] == group for row in rows)]
    field, title, shape = (
        ("rate:Q", "% of sent", ".1%") if has_rates else ("bounced:Q", "messages", ",d")
    )
    chart = (
        alt.Chart(ROWS)
        .mark_bar(orient="vertical")
        .encode(
            # Bars span their days; days are UTC, so the axis must not be the reader's own zone.
            x=alt.X("start:T", title=None, scale=alt.Scale(type="utc"), axis=_time_axis()),
            x2="end:T",
            y=alt.Y(field, title=title, stack="zero", axis=alt.Axis(format=shape)),
            color=alt.Color(
                "group:N",
                title="Reason group",
                scale=alt.Scale(domain=groups, range=[GROUP_COLOURS[group] for group in groups]),
                sort=groups,
                legend=alt.Legend(orient="top", direction="horizontal", columns=5),
            ),
            order=alt.Order("order:Q"),
            tooltip=[
                # As text, for the same reason.
                alt.Tooltip("start:N", title=f"{unit.capitalize()} from"),
                alt.Tooltip("group:N", title="Group"),
                *_counts(has_rates=has_rates),
            ],
        )
        .properties(width="container", height=300)
    )
    return with_rows(chart, rows)


def _ranked(name: str, title: str, rows: Iterable[dict[str, Any]]) -> Drawing:
    import altair as alt

    kept = [
        {
            "label": row["label"],
            "group": row.get("group"),
            "bounced": row["bounced"],
            "sent": row["sent"],
            "rate": row["rate"],
        }
        for row in sorted(rows, key=lambda row: -row["bounced"])[:_MOST_BARS]
    ]
    if not kept:
        return Drawing(name, title, "Nothing to draw.", None)
    label = alt.Tooltip("label:N", title=name.removesuffix("s"))
    colour = alt.Color(
        "group:N",
        scale=alt.Scale(domain=list(GROUP_COLOURS), range=list(GROUP_COLOURS.values())),
        legend=None,
    )
    has_rates = any(row["sent"] for row in kept)
    has_groups = any(row["group"] for row in kept)
    chart = (
        alt.Chart(ROWS)
        .mark_bar()
        .encode(
            x=alt.X("bounced:Q", title="bounced messages", axis=_count_axis()),
            y=alt.Y(
                "label:N",
                title=None,
                sort=[row["label"] for row in kept],
                axis=alt.Axis(labelLimit=_LABEL_WIDTH),
            ),
            color=colour if has_groups else alt.value(GROUP_COLOURS["reputation"]),
            tooltip=[label, *_counts(has_rates=has_rates)],
        )
        .properties(width="container", height=alt.Step(22))
    )
    description = f"{title}: " + ", ".join(f"{r['label']} {r['bounced']:,}" for r in kept[:5])
    return Drawing(name, title, description, with_rows(chart, kept))


def with_rows(chart: alt.TopLevelMixin, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The chart as Vega-Lite, with its rows inside."""
    spec = chart.to_dict()
    spec.pop("datasets", None)
    return {**spec, "data": {"values": list(rows)}}


def _counts(*, has_rates: bool) -> list[Any]:
    import altair as alt

    bounced = alt.Tooltip("bounced:Q", title="Bounced messages", format=",d")
    if not has_rates:
        return [bounced]
    return [
        bounced,
        alt.Tooltip("sent:Q", title="Of sent", format=",d"),
        alt.Tooltip("rate:Q", title="Rate", format=".2%"),
    ]


def _time_axis() -> Any:
    import altair as alt

    return alt.Axis(grid=False, labelOverlap=True, tickCount=12)


def _count_axis() -> Any:
    import altair as alt

    # A step can still be a half where counts are small: no label there, or 1 would stand twice.
    label = "datum.value % 1 ? '' : format(datum.value, ',d')"
    return alt.Axis(labelExpr=label, labelOverlap=True, tickCount=8, tickMinStep=1)


def _rank(group: str) -> int:
    return list(GROUP_COLOURS).index(group) if group in GROUP_COLOURS else len(GROUP_COLOURS)


def _start(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


def _end(start: date, unit: str) -> date:
    if unit == "month":
        return (start.replace(day=28) + timedelta(days=4)).replace(day=1)
    return start + timedelta(days=7 if unit == "week" else 1)
