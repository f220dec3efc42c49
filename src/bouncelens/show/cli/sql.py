"""`sql --lint`: a query for Marketing Cloud, looked at before it is pasted there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bouncelens.show.cli.options import Json
from bouncelens.show.cli.screen import print_json, say, visible


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(sql)


def sql(
    lint: Annotated[
        Path | None,
        typer.Option(
            "--lint", metavar="FILE", help="Look at this query; - reads stdin.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check SQL for a query activity.

    Columns that the data views do not have, and what Marketing Cloud forbids.
    Exit code 1 when it would not run.
    """
    from bouncelens.service.lint import lint_file

    if lint is None:
        raise typer.BadParameter("say --lint FILE", param_hint="--lint")
    linted = lint_file(lint)
    if as_json:
        print_json(linted)
    else:
        for finding in linted.findings:
            place = f"{linted.file}:{finding.line}" if finding.line else linted.file
            word = "" if finding.is_error else "advice: "
            typer.echo(visible(f"{place}: {word}{finding.message}"))
        if not linted.findings:
            say(f"{linted.file}: nothing to object to.")
    raise typer.Exit(0 if linted.is_usable else 1)
