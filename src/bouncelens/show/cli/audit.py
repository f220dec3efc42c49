"""`audit verify | list`: who did what to whom may be mailed, and that nobody changed it since."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from bouncelens.show.cli.options import Config, Json
from bouncelens.show.cli.screen import print_json, print_table, say, settings_of


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Who did what, sealed against changes."
    )
    group.callback()(_group)
    group.command(name="verify")(verify)
    group.command(name="list")(list_)
    app.add_typer(group, name="audit")


def _group() -> None:
    pass


def verify(
    seal: Annotated[
        str | None,
        typer.Option(
            metavar="HASH",
            help="A seal noted earlier and kept elsewhere, to see that the end is not cut off.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Look whether any entry of the audit log was changed, removed or put in."""
    from bouncelens.service import audit
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        found = audit.verify(workspace, seal=seal)
    if as_json:
        print_json(found)
    elif found.broken is None:
        say(f"{found.entries:,} entries, none changed. Seal: {found.seal}")
    else:
        say(f"The audit log does not hold: {found.problem}")
    if found.broken is not None:
        raise typer.Exit(1)


def list_(
    limit: Annotated[int, typer.Option(min=1, help="Entries to show, newest first.")] = 50,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Show the newest entries of the audit log."""
    from bouncelens.service import audit
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        found = audit.entries(workspace, limit=limit)
    if as_json:
        print_json(found)
        return
    print_table(
        "Audit log",
        (("entry", True), ("at (UTC)", False), ("who", False), ("verb", False), ("what", False)),
        [
            (str(e.number), f"{e.at:%Y-%m-%d %H:%M:%S}", e.who, e.verb, _told(e.detail))
            for e in found
        ],
    )


def _told(detail: str) -> str:
    """What an entry's JSON says, in words; as it is where it is something else."""
    try:
        cells = json.loads(detail)
    except ValueError:
        return detail
    if not isinstance(cells, dict):
        return detail
    return "; ".join(f"{name}: {told}" for name, cell in cells.items() if (told := _cell(cell)))


def _cell(cell: object) -> str:
    if isinstance(cell, dict):
        if "sentence" in cell:
            return str(cell["sentence"])
        each = ((name.replace("_", " "), value) for name, value in cell.items() if value)
        return ", ".join(
            f"{value} {name}" if isinstance(value, int) else f"{name}: {_cell(value)}"
            for name, value in each
        )
    if isinstance(cell, list):
        return " ".join(map(_cell, cell))
    return "" if cell is None else str(cell)
