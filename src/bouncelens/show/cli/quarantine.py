"""`quarantine list` and `quarantine retry`: rows that could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bouncelens.show.cli.options import Config, Json
from bouncelens.show.cli.screen import print_json, print_table, say, settings_of

if TYPE_CHECKING:
    from bouncelens.service.quarantine import Retried

_TEXT_CHARS = 80
_Run = Annotated[
    int | None,
    typer.Option("--run", metavar="N", help="Only rows of this run.", show_default=False),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Rows that could not be read."
    )
    group.callback()(_group)
    group.command(name="list")(list_)
    group.command(name="retry")(retry)
    app.add_typer(group, name="quarantine")


def _group() -> None:
    pass


def list_(
    run: _Run = None,
    limit: Annotated[int, typer.Option(min=0, help="Rows to show, newest first.")] = 20,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Show rows that could not be read: run, source, line, reason and the row's text.

    The table shows the beginning of the text; --json all that was kept, 2,000 characters at most.
    """
    from bouncelens.service.quarantine import listed
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        found = listed(workspace, run=run, limit=limit)
    if as_json:
        print_json(found)
        return
    if found.rows:
        names = (("run", True), ("source", False), ("line", True), ("reason", False))
        print_table(
            "Rows that could not be read",
            (*names, ("text", False)),
            [
                (
                    str(row.run or ""),
                    row.source,
                    str(row.line or ""),
                    row.reason,
                    row.raw[:_TEXT_CHARS] + ("…" if len(row.raw) > _TEXT_CHARS else ""),
                )
                for row in found.rows
            ],
        )
    say(f"{len(found.rows):,} of {found.total:,} rows in quarantine shown.")


def retry(
    run: _Run = None,
    account: Annotated[
        int | None,
        typer.Option(metavar="MID", help="MID, where a row has none.", show_default=False),
    ] = None,
    job: Annotated[
        int | None,
        typer.Option(metavar="ID", help="JobID, where a row has none.", show_default=False),
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Read the rows in quarantine again, for example after an upgrade.

    Bounces that can be read now are stored and leave the quarantine; the others stay, exit code 3.
    Only the kept text is read, not the file. So these can never be read again: rows of which more
    than 2,000 characters came, lines with broken quotes or a wrong number of cells (their header
    is not kept), messages, and rows of sent counts and jobs. Correct their file and import it
    again: what is stored already is not doubled. MID and JobID given with an import are not kept
    either: give them again.
    """
    from bouncelens.service.quarantine import retry as retried
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        result = retried(workspace, run=run, account=account, job=job)
    if as_json:
        print_json(result)
    else:
        _say(result)
    raise typer.Exit(result.exit_code)


def _say(result: Retried) -> None:
    if result.reasons:
        print_table(
            "Why rows stay in quarantine",
            (("reason", False), ("rows", True)),
            [(reason, f"{count:,}") for reason, count in result.reasons],
        )
    say(
        f"{result.tried:,} rows read again: {result.stored:,} stored, {result.known:,} known, "
        f"{result.stay:,} stay; of those, {result.lost:,} can only come with their file."
    )
