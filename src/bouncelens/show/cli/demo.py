"""`demo`: the whole life of a bounce on this machine, with nothing but this program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bouncelens.show.cli.options import Json
from bouncelens.show.cli.screen import print_json, progress, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

    from bouncelens.service.demo import Demo

_QUESTIONS = ("totals", "by_reason", "by_provider", "by_campaign")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(demo)


def demo(
    seed: Annotated[int, typer.Option(help="The same seed plants the same history.")] = 7,
    bounces: Annotated[int, typer.Option(min=1, help="About how many to plant.")] = 60_000,
    check: Annotated[
        bool, typer.Option("--check", help="Compare with what was planted, print JSON, end.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the report.")] = False,
    as_json: Json = False,
) -> None:
    """Show everything on a planted year of bounces.

    Starts the sandbox, pulls, judges, plans suppressions, prints the report and serves the page.
    --check exits with 1 if a bounce was lost or doubled.
    """
    from bouncelens.service.demo import Wanted
    from bouncelens.service.demo import check as checked
    from bouncelens.service.demo import demo as running
    from bouncelens.show.cli.log import set_up

    set_up()
    with progress() as bars, running(Wanted(seed, bounces), _told(bars)) as run:
        bars.stop()
        if check:
            found = checked(run)
            print_json(found)
            raise typer.Exit(0 if found.is_whole else 1)
        _report(run, as_json=as_json)
        if not no_serve:
            _serve(run, port)


def _told(bars: Progress) -> Callable[[str, float, str], None]:
    tasks: dict[str, int] = {}

    def told(step: str, done: float, detail: str) -> None:
        if step not in tasks:
            tasks[step] = bars.add_task(step, total=1.0, detail="")
            if not bars.console.is_terminal:
                say(f"{step} …")
        bars.update(tasks[step], completed=done, detail=detail)  # type: ignore[arg-type]

    return told


def _report(run: Demo, *, as_json: bool) -> None:
    from bouncelens.service.report import answer
    from bouncelens.show.cli.answers import print_answer

    limits = {"by_campaign": 10}
    for name in _QUESTIONS:
        found = answer(run.workspace, name, limit=limits.get(name))
        if as_json:
            print_json(found)
        else:
            print_answer(found)
    for sentence in run.pulled.watched.sentences if run.pulled.watched else ():
        say(sentence)
    say(
        f"{run.pulled.stored:,} bounces pulled and judged in {run.pull_s:.1f} s; "
        f"{len(run.planned.suppressions):,} suppressions proposed of {run.planned.addresses:,} "
        "addresses refused for their own sake."
    )


def _serve(run: Demo, port: int) -> None:
    from bouncelens.show.cli.serving import listening, serve_on, url_of

    host = "127.0.0.1"
    with listening(host, port) as listener:
        url = url_of(listener, host)
        serve_on(
            listener,
            run.workspace.settings,
            host=host,
            ready=lambda: say(f"The dashboard is at {url} – Ctrl-C ends everything."),
        )
