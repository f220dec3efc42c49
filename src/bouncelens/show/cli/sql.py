"""`sql`: your own queries over the lake, and a look at those for Marketing Cloud; `schema`."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bouncelens.show.cli.options import Addresses, Config, Json
from bouncelens.show.cli.screen import print_json, print_table, say, say_error, settings_of, visible

if TYPE_CHECKING:
    from bouncelens.service.own_sql import Asking, Rows

_LONGEST = 200  # characters of a cell
_HELP = "End a query with ;  –  .schema [TABLE] says what there is, .help this, .quit ends."
_ENDING = (".quit", ".exit", "quit", "exit", "\\q")
_HELPING = (".help", "help", "\\h", "?")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(sql)
    app.command()(schema)


def sql(
    query: Annotated[
        str | None,
        typer.Argument(metavar="[QUERY]", help="One SELECT over the lake.", show_default=False),
    ] = None,
    shell: Annotated[
        bool, typer.Option("--shell", help="Ask one query after the other, each ending in ;")
    ] = False,
    lint: Annotated[
        Path | None,
        typer.Option(
            "--lint",
            metavar="FILE",
            help="Look at this query for Marketing Cloud; - reads stdin.",
            show_default=False,
        ),
    ] = None,
    addresses: Addresses = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Ask the lake in SQL, or check SQL for a query activity.

    QUERY is one SELECT in DuckDB's dialect over the tables and views of `bouncelens schema`. It
    reads nothing else, and writes nothing; time, memory and rows are limited by the settings
    (sql.*). Columns that may hold addresses are empty without --addresses.

    --lint finds columns that the data views do not have, and what Marketing Cloud forbids.
    Exit code 1 when it would not run.
    """
    if sum((query is not None, shell, lint is not None)) != 1:
        raise typer.BadParameter("say a QUERY, --shell or --lint FILE")
    if lint is not None:
        _lint(lint, as_json=as_json)
    from bouncelens.service.own_sql import asking
    from bouncelens.service.workspace import Workspace

    with (
        Workspace.open(settings_of(config), create=False) as workspace,
        asking(workspace, with_addresses=addresses, stuck=_end) as place,
    ):
        if query is not None:
            _print(place.ask(query), as_json=as_json)
        else:
            _shell(place, as_json=as_json)


def _end() -> None:
    """End at once: a single call of the query heeds nothing else."""
    say("The query did not let itself be stopped, so the program ends. Ask for less.")
    sys.stdout.flush()
    os._exit(2)


def schema(
    table: Annotated[
        str | None,
        typer.Argument(metavar="[TABLE]", help="Only this table or view.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which tables and views the lake has, and what each column means."""
    from bouncelens.service.own_sql import schema as found

    tables = found(table)
    if as_json:
        print_json(tables)
        return
    for each in tables:
        key = f" One row per {', '.join(each.key)}." if each.key else ""
        print_table(
            f"{each.name} ({each.kind}): {each.doc}{key}",
            (("column", False), ("type", False), ("meaning", False)),
            [
                (c.name, c.type, c.doc + "; needs --addresses" * c.may_hold_addresses)
                for c in each.columns
            ],
        )
        typer.echo("")


def _lint(file: Path, *, as_json: bool) -> None:
    from bouncelens.service.lint import lint_file

    linted = lint_file(file)
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


def _shell(place: Asking, *, as_json: bool) -> None:
    """Queries from a terminal or a pipe, until its end. A query that fails ends nothing."""
    from bouncelens.errors import BouncelensError

    is_terminal = sys.stdin.isatty()
    if is_terminal:
        say(_HELP)
    waiting = ""
    while (line := _line("sql> " if not waiting else "...> ", is_terminal)) is not None:
        word, _, rest = line.strip().partition(" ")
        word = word.rstrip(";").lower()
        if not waiting and word in _ENDING:
            return
        if not waiting and word in _HELPING:
            say(_HELP)
            continue
        try:
            if not waiting and word == ".schema":
                schema(rest.strip().rstrip(";") or None, as_json=as_json)
                continue
            waiting = f"{waiting}{line}\n".lstrip()
            if waiting.rstrip().endswith(";"):
                asked, waiting = waiting, ""
                _print(place.ask(asked), as_json=as_json)
        except BouncelensError as error:
            say_error(error)
    if waiting.strip():
        say("The last query has no ; at its end and was not asked.")


def _line(prompt: str, is_terminal: bool) -> str | None:
    if not is_terminal:
        return sys.stdin.readline() or None
    try:
        return input(prompt)
    except EOFError:
        return None


def _print(found: Rows, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        numbers = [
            kind.startswith(("int", "uint", "double", "float", "dec")) for kind in found.types
        ]
        print_table(
            f"{len(found.rows):,} rows" if len(found.rows) != 1 else "1 row",
            list(zip(found.columns, numbers, strict=True)),
            [[_cell(value) for value in row] for row in found.rows],
        )
    if found.is_cut:
        say(f"There are more rows; the settings allow {len(found.rows):,} (sql.rows).")
    if found.emptied:
        say(f"{', '.join(found.emptied)} may hold addresses and are empty; --addresses shows them.")
    if found.has_stand_ins:
        say("Keys that are addresses are written as hidden-…; --addresses shows them.")


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    text = str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
