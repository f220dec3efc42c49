"""The commands, by the files that hold them. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Annotated

import typer
from typer.main import get_command_name

from bouncelens import __version__
from bouncelens.show.cli import (
    audit,
    automation,
    demo,
    digest,
    events,
    gather,
    incident,
    providers,
    quarantine,
    reading,
    reconcile,
    reports,
    rules,
    serving,
    setup,
    sql,
    suppress,
)
from bouncelens.show.cli.light import LightGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer.models import CommandInfo

# Plain help: rich's would take longer to import than the rest of the program to run.
app = typer.Typer(
    name="bouncelens",
    cls=LightGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Every bounce out of Salesforce Marketing Cloud: what each reply means, who has to act, "
    "which addresses must not be mailed again.",
    epilog="Data goes to stdout, progress to stderr. Exit codes: 0 ok, 1 findings, 2 usage, "
    "3 partial, 4 authentication, 5 source unavailable.",
)


def _version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"bouncelens {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


for part in (
    demo,
    setup,
    gather,
    automation,
    events,
    quarantine,
    reading,
    reconcile,
    reports,
    providers,
    digest,
    suppress,
    incident,
    audit,
    serving,
    sql,
    rules,
):
    part.add_to(app)


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The program with only the command that `arguments` begin with; all of it where none does.

    Laying every command out takes longer than most commands run.
    """
    wanted = arguments[0] if arguments else ""
    commands = [each for each in app.registered_commands if _name_of(each) == wanted]
    groups = [each for each in app.registered_groups if each.name == wanted]
    if not commands and not groups:
        return app
    lean = copy(app)
    lean.registered_commands, lean.registered_groups = commands, groups
    return lean


def _name_of(command: CommandInfo) -> str:
    return command.name or get_command_name(getattr(command.callback, "__name__", ""))
