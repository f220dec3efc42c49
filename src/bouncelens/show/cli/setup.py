"""`init` and `doctor`: settings made, and everything they name looked at."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from bouncelens.show.cli.options import Config, Json
from bouncelens.show.cli.screen import print_json, say, settings_of, visible


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(init)
    app.command()(doctor)


def init(
    subdomain: Annotated[
        str | None, typer.Option(help="Tenant subdomain, 28 characters.", show_default=False)
    ] = None,
    client_id: Annotated[
        str | None, typer.Option(help="Client id of the installed package.", show_default=False)
    ] = None,
    client_secret: Annotated[
        str | None,
        typer.Option(
            metavar="REFERENCE",
            help="Where the secret is: env:NAME, file:PATH or keyring:SERVICE/NAME.",
            show_default=False,
        ),
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MID[=NAME]",
            help="A business unit; may be given again.",
            show_default=False,
        ),
    ] = None,
    sends: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="External key of the data extension with sent counts.",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where to write it.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a commented bouncelens.toml.

    On a terminal it asks for what it needs; options answer for scripts.
    """
    from bouncelens.service.init import Answers, write

    given = (subdomain, client_id, client_secret, account, sends)
    if sys.stdin.isatty() and not as_json and all(value is None for value in given):
        subdomain = _ask("Tenant subdomain (28 characters, empty to fill in later)")
        client_id = _ask("Client id of the installed package")
        client_secret = _ask("Where the client secret is", "env:SFMC_CLIENT_SECRET")
        account = _ask("Business units, as MID=name, separated by commas").split(",")
        sends = _ask("Data extension with sent counts (empty: none)")
    answers = Answers(
        subdomain=subdomain or "",
        client_id=client_id or "",
        client_secret=client_secret or Answers().client_secret,
        accounts=tuple(_account(text) for text in account or () if text.strip()),
        data_extension=sends or "",
    )
    written = write(folder, answers, is_overwriting=force)
    if as_json:
        print_json(written)
        return
    typer.echo(visible(f"Written: {written.file}"))
    for step in written.next_steps:
        say(f"Next: {step}")


def _ask(question: str, default: str = "") -> str:
    return str(typer.prompt(question, default=default, show_default=bool(default), err=True))


def _account(text: str) -> tuple[int, str]:
    mid, _, name = text.strip().partition("=")
    if not re.fullmatch(r"[0-9]{1,15}", mid):
        raise typer.BadParameter(
            f"{text!r} does not begin with a MID; write e.g. 1234567=Shop", param_hint="--account"
        )
    return int(mid), name.strip()


def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Do not sign in.")] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Check settings, rules, lake, ledger and sign-in.

    The exit code is that of the first failure.
    """
    from bouncelens.service.doctor import diagnose
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config)) as workspace:
        found = diagnose(workspace, is_offline=offline)
    if as_json:
        print_json(found)
    else:
        for check in found.checks:
            typer.echo(visible(f"{'ok  ' if check.is_ok else 'FAIL'} {check.name}: {check.detail}"))
    raise typer.Exit(found.exit_code)
