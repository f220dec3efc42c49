"""The figures of `bench growth` as a picture: processor seconds over bounces, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SHOWN = {
    "overview": "overview",
    "by:provider,reason": "provider × reason",
    "by:domain,reason": "domain × reason",
    "compare": "compare",
    "headline, one campaign": "one campaign",
}


def plot(figures: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the SVG."""
    rows = list(_rows(figures))
    line = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(point=True)
        .encode(
            alt.X("bounces:Q", scale=alt.Scale(type="log"), title="bounces in the lake").axis(
                format="~s"
            ),
            alt.Y("seconds:Q", scale=alt.Scale(type="log"), title="processor seconds, warm"),
            alt.Color("question:N", title=None, sort=list(SHOWN.values())),
            alt.StrokeDash("how:N", title=None, sort=["with the rollup", "without"]),
        )
        .properties(width=520, height=300, title="Questions over a lake that grows")
    )
    aim = (
        alt.Chart(alt.Data(values=[{"seconds": 1}]))
        .mark_rule(color="#888", strokeDash=[2, 3])
        .encode(alt.Y("seconds:Q"))
    )
    (line + aim).save(str(path), format="svg")


def _rows(figures: Sequence[dict[str, Any]]) -> Iterator[dict[str, object]]:
    for one in figures:
        for name, question in SHOWN.items():
            found = one["asked"].get(name)
            if found is None:
                continue
            at = {"bounces": one["rows"], "question": question}
            yield {**at, "how": "with the rollup", "seconds": round(found["warm_cpu"], 4)}
            if "without_cpu" in found:
                yield {**at, "how": "without", "seconds": round(found["without_cpu"], 4)}
