"""`reconcile`: our bounces beside Marketing Cloud's own counts, and route beside route."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bouncelens.show.cli.options import Account, Config, Engine, Json, Since, Until
from bouncelens.show.cli.screen import print_json, print_table, say, settings_of

if TYPE_CHECKING:
    from bouncelens.service.reconcile import JobCounts, Reconciled, RouteDay

_ROWS = 15


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(reconcile)


def reconcile(
    since: Since = None,
    until: Until = None,
    account: Account = None,
    job: Annotated[
        int | None, typer.Option(metavar="ID", help="Only this job.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows shown of each table.")] = _ROWS,
    engine: Engine = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Compare our bounces with Marketing Cloud's counts.

    Per job: our hard, soft and other bounces beside those of SFMC's Send object, and what explains
    the difference. Per account, job and day: which routes brought the bounces, what one lacks that
    others have, and where they disagree.
    Exit code 1 when a difference is not explained.
    """
    from bouncelens.service.reconcile import reconcile as reconciled
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config, engine=engine), create=False) as workspace:
        found = reconciled(
            workspace, since=_utc(since), until=_utc(until), account=account, job=job
        )
    if as_json:
        print_json(_told(found))
    else:
        _print(found, limit)
    raise typer.Exit(found.exit_code)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def _told(found: Reconciled) -> dict[str, object]:
    from bouncelens.show.cli.screen import plain

    jobs = [
        plain(one) | {"difference": one.difference, "unexplained": one.unexplained}
        for one in found.jobs
    ]
    told: dict[str, object] = plain(found)
    return told | {"jobs": jobs, "time_zone": "UTC"}


def _print(found: Reconciled, limit: int) -> None:
    unequal = [one for one in found.jobs if one.difference]
    if unequal:
        print_table(
            "Jobs that differ from Marketing Cloud's count; hard, soft, other as ours/theirs",
            (
                ("account", True), ("job", True), ("sent (UTC)", False), ("ours", True),
                ("theirs", True), ("hard", True), ("soft", True), ("other", True),
                ("because", False),
            ),
            [_job_cells(one) for one in unequal[:limit]],
        )  # fmt: skip
        _say_hidden(len(unequal) - limit)
    if found.days:
        used = [route for route in found.days[0].by if any(day.by[route] for day in found.days)]
        odd = sorted(found.days, key=lambda day: (-_oddness(day), day.day, day.account, day.job))
        print_table(
            "Bounces by route, days with gaps and disagreements first; lacks: by route",
            (
                ("account", True), ("job", True), ("day (UTC)", False), ("bounces", True),
                *((route, True) for route in used), ("shared", True), ("lacks", False),
                ("disagree", True),
            ),
            [_day_cells(day, used) for day in odd[:limit]],
        )  # fmt: skip
        _say_hidden(len(odd) - limit)
    _say_sums(found)


def _job_cells(one: JobCounts) -> list[str]:
    because = [f"{ground.events:,} {ground.sentence}" for ground in one.grounds]
    if one.unexplained:
        because.append(f"{abs(one.unexplained):,} not explained")
    pairs = (
        (one.hard, one.hard_counted), (one.soft, one.soft_counted), (one.other, one.other_counted)
    )  # fmt: skip
    return [
        str(one.account),
        str(one.job),
        f"{one.sent_time:%Y-%m-%d}" if one.sent_time else "–",
        f"{one.stored:,}",
        f"{one.counted:,}",
        *(f"{ours:,}/{'–' if theirs is None else f'{theirs:,}'}" for ours, theirs in pairs),
        "; ".join(because),
    ]


def _oddness(day: RouteDay) -> int:
    return sum(count or 0 for count in day.lacks.values()) + day.disagreements


def _day_cells(day: RouteDay, used: list[str]) -> list[str]:
    lacks = [f"{route} {count:,}" for route, count in day.lacks.items() if count]
    return [
        str(day.account),
        str(day.job),
        f"{day.day:%Y-%m-%d}",
        f"{day.bounces:,}",
        *(f"{day.by[route]:,}" for route in used),
        f"{day.shared:,}",
        ", ".join(lacks) or "–",
        f"{day.disagreements:,}",
    ]


def _say_hidden(count: int) -> None:
    if count > 0:
        say(f"{count:,} more rows; --limit shows them.")


def _say_sums(found: Reconciled) -> None:
    total = sum(day.bounces for day in found.days)
    by = Counter[str]()
    for day in found.days:
        by.update(day.by)
    told = ", ".join(f"{route} {count:,}" for route, count in by.items() if count)
    say(f"{total:,} bounces in the window{f' (brought by {told})' if told else ''}.")
    equal = sum(not one.difference for one in found.jobs)
    say(
        f"Of {len(found.jobs):,} jobs with a count by Marketing Cloud {equal:,} are equal, "
        f"{len(found.jobs) - equal:,} differ; {found.unexplained:,} bounces are not explained."
    )
    if found.uncounted:
        bounces = sum(one.stored for one in found.uncounted)
        say(
            f"{len(found.uncounted):,} jobs with {bounces:,} bounces are not compared: Marketing "
            "Cloud told no count of them."
        )
