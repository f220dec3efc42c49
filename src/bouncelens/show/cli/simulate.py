"""`suppress simulate | forecast`: policies tried on the past, and what Marketing Cloud will do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bouncelens.show.cli.options import Account, Config, Engine, Json, Since, Until, Wide
from bouncelens.show.cli.screen import print_json, print_table, progress, say, settings_of, visible
from bouncelens.show.cli.taking import Form, Out

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.progress import Progress, TaskID

    from bouncelens.service.report import Answer
    from bouncelens.service.suppress.forecast import Forecast
    from bouncelens.show.cli.taking import Wanted

_MOST_ROWS = 60
_TABLES = ("policies", "list", "signs", "reasons")


def add_to(group: typer.Typer) -> None:
    """Register the commands in the group `suppress`."""
    group.command()(simulate)
    group.command()(forecast)


def simulate(
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A policy that we ship, or your own .toml file; may be given again. Else the "
            "settings'.",
            show_default=False,
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    dates: Annotated[
        int | None,
        typer.Option(
            help="Decisions at most, evenly apart; each costs as much as a plan. Else 53; 27 over "
            "one million bounces, 14 over five.",
            show_default=False,
        ),
    ] = None,
    account: Account = None,
    table: Annotated[
        str | None,
        typer.Option(help=f"Only one table: {', '.join(_TABLES)}.", show_default=False),
    ] = None,
    wide: Wide = False,
    form: Form = None,
    out: Out = None,
    as_json: Json = False,
    engine: Engine = None,
    config: Config = None,
) -> None:
    """Try policies on the past: the list over time, messages saved, living people hit, money.

    Each decision sees only what was known on its day; what came later judges it. Reads only.
    """
    from bouncelens.service.suppress.simulate import Trial
    from bouncelens.service.suppress.simulate import simulate as simulated
    from bouncelens.service.suppress.what_if import answers, limits
    from bouncelens.service.workspace import Workspace

    place = _placed(table)
    asked = None if as_json and form is None and out is None else _wanted(form, out)
    trial = Trial(tuple(policy or ()), _day(since), _day(until), dates, account)
    settings = settings_of(config, engine=engine)
    with Workspace.open(settings, create=False) as workspace, progress() as bars:
        found = simulated(workspace, trial, progress=_Bar(bars))
    told = limits(found)
    if (as_json and asked is None) or (asked is not None and asked.form == "json"):
        _give_json({"simulation": found, "limits": told}, asked)
        return
    tables = answers(found)
    chosen = tables if place is None else tables[place : place + 1]
    if asked is not None:
        _take(chosen, asked, title="Suppression policies tried on the past")
        return
    for answer in chosen:
        is_first = answer.question == tables[0].question
        told_once = replace(answer, notes=()) if is_first else answer
        _print(told_once, rows=_MOST_ROWS, is_wide=wide)
    for sentence in told:
        typer.echo(visible(f"- {sentence}"))


def _placed(table: str | None) -> int | None:
    from bouncelens.errors import InputInvalid

    if table is not None and table not in _TABLES:
        raise InputInvalid(
            f"There is no table {table[:40]!r}.", advice=f"There are {', '.join(_TABLES)}."
        )
    return None if table is None else _TABLES.index(table)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


class _Bar:
    """How far it has got, on stderr."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: list[TaskID] = []

    def __call__(self, policy: str, done: int, of: int) -> None:
        """The next decision."""
        if not self._tasks:
            self._tasks.append(self._bars.add_task("Deciding", total=of, detail=""))
        self._bars.update(self._tasks[0], completed=done, detail=policy)


def forecast(
    days: Annotated[int, typer.Option(min=1, max=366, help="How far ahead.")] = 30,
    every: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=366,
            metavar="DAYS",
            help="Days between two messages to a person; else as it was.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Its rule: sfmc, or your own copy of it.")
    ] = "sfmc",
    account: Account = None,
    limit: Annotated[int, typer.Option(min=1, help="People shown of each table.")] = 15,
    wide: Wide = False,
    form: Form = None,
    out: Out = None,
    as_json: Json = False,
    engine: Engine = None,
    config: Config = None,
) -> None:
    """Who will be Held within the next days, and who is Held for a reason that is over.

    By a model of Marketing Cloud's rule, and as if mail went on as it did. Reads only.
    """
    from bouncelens.service.suppress.forecast import Ahead, sentences
    from bouncelens.service.suppress.forecast import forecast as foretold
    from bouncelens.service.workspace import Workspace

    asked = None if as_json and form is None and out is None else _wanted(form, out)
    ahead = Ahead(days=days, every=every, model=model, account=account)
    with Workspace.open(settings_of(config, engine=engine), create=False) as workspace:
        found = foretold(workspace, ahead)
    if (as_json and asked is None) or (asked is not None and asked.form == "json"):
        _give_json(found, asked)
        return
    both = (found.who, found.without_need)
    if asked is not None:
        _take(
            both,
            asked,
            title="Held by Marketing Cloud, soon and without need",
            lead=sentences(found),
        )
        return
    _show_counts(found)
    for answer in both:
        _print(answer, rows=limit, is_wide=wide)
    for sentence in sentences(found):
        say(sentence)


def _show_counts(found: Forecast) -> None:
    from bouncelens.service.suppress.forecast import WHYS

    if found.by_week:
        print_table(
            f"Will be held within {found.days} days of {found.now:%Y-%m-%d}, at most",
            (("seven days from", False), ("addresses", True)),
            [(f"{start:%Y-%m-%d}", f"{count:,}") for start, count in found.by_week],
        )
        typer.echo("")
    if found.over:
        print_table(
            "Held for a reason that is over",
            (("why", False), ("addresses", True), ("which means", False)),
            [(why, f"{count:,}", WHYS[why]) for why, count in found.over.items()],
        )
        typer.echo("")


def _wanted(form: str | None, out: Path | None) -> Wanted | None:
    from bouncelens.show.cli.taking import wanted

    return wanted(form, out, limit=None)


def _take(
    answers: Sequence[Answer], asked: Wanted, *, title: str, lead: Sequence[str] = ()
) -> None:
    from bouncelens.show.cli.taking import take_ready

    take_ready(answers, asked, title=title, lead=lead)


def _give_json(value: object, asked: Wanted | None) -> None:
    from bouncelens.show.cli.taking import write_json

    if asked is None:
        print_json(value)
    else:
        write_json(value, asked.out)


def _print(answer: Answer, *, rows: int, is_wide: bool) -> None:
    from bouncelens.show.cli.answers import print_answer

    print_answer(answer, limit=rows, is_wide=is_wide)
