"""The chart of a simulation: how long each policy's list would have been, decision by decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bouncelens.show import charts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import altair as alt

    from bouncelens.service.report import Answer

# Each three times as light or as dark as both backgrounds: a line is thin. In this order, two that
# are next to each other differ for every kind of colour vision, and in their dashes.
_COLOURS = (
    *("#6f5ff0", "#b36b00", "#00897b", "#d0455f", "#3d7fd6", "#5f8a00", "#c04fb0", "#8a6fc9"),
)
_DASHES = ([1, 0], [8, 3], [3, 3], [10, 3, 2, 3])  # so that colours need not be told apart
_IN_FACT, _IN_FACT_COLOUR, _IN_FACT_DASH = "held_in_fact", "#7a8490", [2, 5]
_LONGEST = 30


def list_over_time(answer: Answer) -> charts.Drawing:
    """Addresses on each list, as steps from decision to decision. `answer`: `simulated_list`,
    the day first, then a column per list."""
    names = [column.name for column in answer.columns[1:]]
    title = "Addresses on the list, by policy"
    rows = [
        {"day": row[0].isoformat(), "list": _label(name), "addresses": size}
        for row in answer.rows
        for name, size in zip(names, row[1:], strict=True)
    ]
    if not rows:
        return charts.Drawing("list", title, "Nothing to draw.", None)
    labels = [_label(name) for name in names]
    spec = charts.with_rows(_lines(names), rows)
    ends = ", ".join(
        f"{label} {size:,}" for label, size in zip(labels, answer.rows[-1][1:], strict=True)
    )
    description = f"{title}. On {answer.rows[-1][0]}: {ends}."
    return charts.Drawing("list", title, description, spec)


def _lines(names: Sequence[str]) -> alt.Chart:
    import altair as alt

    def look(own: Sequence[Any], in_fact: Any) -> alt.Scale:
        usual = (own[place % len(own)] for place in range(len(names)))
        pairs = zip(names, usual, strict=True)
        shown = [in_fact if name == _IN_FACT else value for name, value in pairs]
        return alt.Scale(domain=labels, range=shown)

    labels = [_label(name) for name in names]
    legend = alt.Legend(orient="top", direction="horizontal", columns=4, symbolType="stroke",
                        symbolStrokeWidth=2, symbolSize=700)  # fmt: skip
    axis = alt.Axis(grid=False, labelOverlap=True, labelSeparation=10, tickCount=8)
    count = alt.Axis(format=",d", tickMinStep=1)
    colours, dashes = look(_COLOURS, _IN_FACT_COLOUR), look(_DASHES, _IN_FACT_DASH)
    made: alt.Chart = (
        alt.Chart(charts.ROWS)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=axis),
            y=alt.Y("addresses:Q", title="addresses", axis=count),
            color=alt.Color("list:N", title=None, scale=colours, sort=labels, legend=legend),
            strokeDash=alt.StrokeDash("list:N", title=None, scale=dashes, sort=labels),
            tooltip=[
                alt.Tooltip("list:N", title="List"),
                alt.Tooltip("day:N", title="Decided on"),
                alt.Tooltip("addresses:Q", title="Addresses", format=",d"),
            ],
        )
        .properties(width="container", height=300)
    )
    return made


def _label(name: str) -> str:
    words = "SFMC in fact" if name == _IN_FACT else name
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
