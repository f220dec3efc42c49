"""The demo against its own planted truth, small."""

from __future__ import annotations

from bouncelens.service.demo import Wanted, check, demo
from bouncelens.service.report import answer


def test_nothing_planted_is_lost_or_doubled() -> None:
    steps = list[str]()
    with demo(Wanted(bounces=400, months=2), lambda step, *_: steps.append(step)) as run:
        found = check(run)
        totals = next(iter(answer(run.workspace, "totals").records()))
        routes = run.workspace.lake.read("bounces")["routes"].to_pylist()
    assert (found.lost, found.doubled, found.foreign) == (0, 0, 0)
    assert found.planted == found.stored == run.sandbox.planted
    assert found.is_whole
    assert {name for row in routes for name in row.split(",")} == {"query", "soap", "extract"}
    assert found.classified_pct > 80
    assert found.reason_accuracy > 0.7
    assert totals["sent"] > totals["bounced"]
    assert list(dict.fromkeys(steps)) == [
        "Planting a year of bounces",
        "Pulling and judging",
        "Ordering an extract",
        "Planning suppressions",
    ]
