"""The chart of an incident: what a provider refused beside what was to be expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bouncelens.show.charts import GROUP_COLOURS, ROWS, Drawing, with_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bouncelens.service.incident import Point

_COLOURS = {
    "alive before": GROUP_COLOURS["address"],
    "not alive, or not known": GROUP_COLOURS["mailbox"],
}


def refused_over_time(points: Sequence[Point], provider: str) -> Drawing:
    """Bars of the refused by quarter of an hour, and a line of the expected. Times are UTC."""
    import altair as alt

    title = f"Addresses that {provider} called dead, per quarter of an hour"
    if not any(point.refused for point in points):
        return Drawing("incident", title, "Nothing to draw.", None)
    rows = list(_rows(points))
    time = alt.X(
        "at:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(format="%d %b %H:%M")
    )
    bars = (
        alt.Chart(ROWS)
        .mark_bar(size=4)
        .encode(
            x=time,
            y=alt.Y("n:Q", title="addresses", stack="zero"),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values())),
                legend=alt.Legend(orient="top"),
            ),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("at:N", title="Quarter of an hour from"),
                alt.Tooltip("kind:N", title="Who"),
                alt.Tooltip("n:Q", title="Called dead", format=",d"),
                alt.Tooltip("expected:Q", title="Expected", format=",.1f"),
            ],
        )
    )
    line = (
        alt.Chart(ROWS)
        .mark_line(interpolate="step-after", strokeDash=[4, 3], color=GROUP_COLOURS["throttling"])
        .encode(x=time, y=alt.Y("expected:Q", aggregate="max"))
    )
    worst = max(points, key=lambda point: point.refused)
    description = (
        f"{title}. At most {worst.refused:,}, from {worst.at:%Y-%m-%d %H:%M} UTC on, where "
        f"{worst.expected:,.0f} were to be expected."
    )
    chart = alt.layer(bars, line).properties(width="container", height=260)
    return Drawing("incident", title, description, with_rows(chart, rows))


def _rows(points: Sequence[Point]) -> Iterator[dict[str, Any]]:
    for point in points:
        at = point.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        counts = (point.alive, point.refused - point.alive)
        for order, (kind, n) in enumerate(zip(_COLOURS, counts, strict=True)):
            yield {"at": at, "kind": kind, "order": order, "n": n, "expected": point.expected}
