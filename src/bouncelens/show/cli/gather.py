"""`pull` and `import`: bounces into the lake, each once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bouncelens.show.cli.options import Config, Json, Since, Until
from bouncelens.show.cli.screen import (
    print_json,
    print_table,
    progress,
    say,
    settings_of,
    visible,
)

if TYPE_CHECKING:
    from bouncelens.service.import_file import ImportResult
    from bouncelens.service.incident import Watched
    from bouncelens.service.pull import Progress, PullResult


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(pull)
    app.command(name="import")(import_)
    app.command()(extract)


def pull(
    account: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MID|NAME",
            help="Only this business unit; may be given again.",
            show_default=False,
        ),
    ] = None,
    route: Annotated[
        list[str] | None,
        typer.Option(
            metavar="soap|query|tracking",
            help="By this route instead of those in the settings; may be given again.",
            show_default=False,
        ),
    ] = None,
    since: Since = None,
    job: Annotated[
        int | None,
        typer.Option(
            metavar="ID", help="Only this campaign; no bookmark moves.", show_default=False
        ),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option(
            metavar="DOMAIN",
            help="Only this receiving domain, by the query route; no bookmark moves.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Pull what is new out of Marketing Cloud.

    Bounces, jobs and sent counts, account by account, from each bookmark on. The query route also
    brings who bounced with status and last open; it makes a data extension and a query activity
    in each business unit, and removes them.
    Exit code 3 when something is lacking; running it again goes on where it stopped. It says when
    a provider calls living addresses dead; the exit code of `incident watch` says so, too.
    """
    from bouncelens.service.pull import Asked
    from bouncelens.service.pull import pull as pulled
    from bouncelens.service.workspace import Workspace

    since = since.replace(tzinfo=UTC) if since else None
    asked = Asked(tuple(account or ()), tuple(route or ()), since, job, domain)
    settings = settings_of(config)
    if "query" in (asked.routes or settings.routes):
        say(
            f"The query route makes data extensions and query activities named "
            f"{settings.query.name}_… in each business unit, and "
            f"{'empties' if settings.query.keep else 'removes'} them."
        )
    with Workspace.open(settings) as workspace, progress() as bars:
        task = bars.add_task("Pulling", total=1.0, detail="")

        def told(at: Progress) -> None:
            done = (at.number - 1 + at.done) / at.of
            detail = f"{at.account.name}, {at.route}: {at.step}, {at.rows:,} bounces"
            bars.update(task, completed=done, detail=detail)

        result = pulled(workspace, asked, progress=told)
    if as_json:
        print_json(result)
    else:
        _print(result)
    raise typer.Exit(result.exit_code)


def _print(result: PullResult) -> None:
    print_table(
        "Pulled",
        (("account", False), ("route", False), *((name, True) for name in (*_COUNTS, *_MORE))),
        [
            (
                part.name,
                part.route,
                *(f"{getattr(part.counts, name):,}" for name in _COUNTS),
                *(f"{getattr(part, name):,}" for name in _MORE),
            )
            for part in result.accounts
        ],
    )
    for note in (*result.notes, *result.partial):
        say(note)
    say_watched(result.watched)
    say(
        f"{result.stored:,} new bounces stored, {result.known:,} known{_filled(result.filled)}, "
        f"in {result.seconds:.1f} s."
    )


def say_watched(watched: Watched | None) -> None:
    """Whether a provider is wrong, as far as that is new."""
    for sentence in watched.sentences if watched else ():
        say(sentence)


def _filled(count: int) -> str:
    return f" ({count:,} stored ones filled)" if count else ""


_MORE = ("jobs", "sends", "subscribers")
_COUNTS = ("received", "stored", "known", "quarantined")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="zip, csv, tsv, jsonl, parquet.")],
    account: Annotated[
        int | None,
        typer.Option(metavar="MID", help="MID, if the file has none.", show_default=False),
    ] = None,
    job: Annotated[
        int | None,
        typer.Option(metavar="ID", help="JobID, if the file has none.", show_default=False),
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Import a Tracking Extract or a table of bounces.

    Exit code 3 when rows could not be read; they are kept in quarantine with their reason.
    """
    from bouncelens.service.import_file import import_file
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config)) as workspace:
        result = import_file(workspace, file, account=account, job=job)
    if as_json:
        print_json(result)
    else:
        _say_imported(result)
        say_watched(result.watched)
    raise typer.Exit(result.exit_code)


def extract(
    since: Since = None,
    until: Until = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="bounces, sent, jobs, subscribers, unsubs, notsent, statuschanges or complaints; "
            "may be given again. Else bounces, sent, jobs, unsubs and notsent.",
            show_default=False,
        ),
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            metavar="NAME=VALUE",
            help="A parameter of the extract as Marketing Cloud names it; may be given again.",
            show_default=False,
        ),
    ] = None,
    wait_minutes: Annotated[
        float, typer.Option(min=0, help="How long to wait for it; 0: the next pull reads it.")
    ] = 60,
    only_plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be ordered, and order nothing.")
    ] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Order a Tracking Extract, wait for its zip on SFTP, and store what it holds.

    The last seven days, or those from --since on; longer spans become several extracts. It makes
    a file in the Export folder, and nothing else, in Marketing Cloud.
    Exit code 3 when something is lacking.
    """
    from bouncelens.service.order import USUAL, Waiting, Wanted, order_extracts, plan_extracts
    from bouncelens.service.workspace import Workspace

    wanted = Wanted(
        since.replace(tzinfo=UTC) if since else None,
        until.replace(tzinfo=UTC) if until else None,
        tuple(kinds or USUAL),
        dict(_named(text) for text in parameters or ()),
    )
    with Workspace.open(settings_of(config)) as workspace:
        if only_plan:
            _print_plan(plan_extracts(workspace, wanted), as_json=as_json)
            return
        result = order_extracts(
            workspace,
            wanted,
            waiting=Waiting(wait_minutes * 60) if wait_minutes else None,
            progress=say,
        )
    if as_json:
        print_json(result)
    else:
        for file in result.files:
            _say_imported(file)
        for sentence in result.partial:
            say(sentence)
    raise typer.Exit(result.exit_code)


def _print_plan(plan: Sequence[str], *, as_json: bool) -> None:
    """What would be done, on stdout."""
    if as_json:
        print_json({"plan": plan, "done": False})
        return
    for sentence in plan:
        typer.echo(visible(sentence))


def _named(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text[:40]!r} is not NAME=VALUE.", param_hint="--parameter")
    return name, value


def _say_imported(result: ImportResult) -> None:
    for name, kind in result.read:
        say(f"{name}: {kind}.")
    for sentence in result.partial:
        say(sentence)
    for name in result.skipped:
        say(f"{name}: not read.")
    say(
        f"{_counted(result.stored, 'new bounce')} stored, "
        f"{result.known:,} known{_filled(result.filled)}, "
        f"{_counted(result.quarantined, 'row')} set aside; {_counted(result.jobs, 'job')} and "
        f"{_counted(result.sends, 'sent count')}."
    )
    if result.subscribers:
        say(
            f"{_counted(result.subscribers, 'subscriber')} with a status, unsubscribe or complaint."
        )
    if result.not_sent:
        say("Marketing Cloud did not send: " + _reasons(result.not_sent) + ".")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _reasons(told: Sequence[tuple[str, int]]) -> str:
    return "; ".join(f"{count:,} × {reason}" for reason, count in told[:5])
