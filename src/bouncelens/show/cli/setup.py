"""`init` and `doctor`: settings made, and everything they name looked at."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
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

    On a terminal it asks for what no option says; scripts say everything by options.
    """
    from bouncelens.service.init import Answers, place, write

    place(folder, is_overwriting=force)  # before anything is asked
    ask = _ask if sys.stdin.isatty() and not as_json else _no_question
    secret = Answers().client_secret
    answers = Answers(
        subdomain=subdomain or ask("Tenant subdomain (28 characters, empty to fill in later)"),
        client_id=client_id or ask("Client id of the installed package"),
        client_secret=_reference(client_secret)
        if client_secret
        else ask("Where the client secret is", secret, _reference),
        accounts=_accounts(
            account
            or ask("Business units, as MID=name, separated by commas", "", _listed).split(",")
        ),
        data_extension=sends or ask("Data extension with sent counts (empty: none)"),
    )
    written = write(folder, answers, is_overwriting=force)
    if as_json:
        print_json(written)
        return
    typer.echo(visible(f"Written: {written.file}"))
    for step in written.next_steps:
        say(f"Next: {step}")


def _ask(question: str, default: str = "", check: Callable[[str], str] = str.strip) -> str:
    """An answer; asked again while `check` raises BadParameter."""
    answer = typer.prompt(
        question, default=default, show_default=bool(default), value_proc=check, err=True
    )
    return str(answer)


def _no_question(_question: str, default: str = "", _check: object = None) -> str:
    return default


def _reference(text: str) -> str:
    from bouncelens.settings import REFERENCE

    if not REFERENCE.fullmatch(text.strip()):  # it may be the secret: never repeat it
        raise typer.BadParameter(
            "say where it is: env:NAME, file:PATH or keyring:SERVICE/NAME",
            param_hint="--client-secret",
        )
    return text.strip()


def _listed(text: str) -> str:
    _accounts(text.split(","))
    return text


def _accounts(texts: Iterable[str]) -> tuple[tuple[int, str], ...]:
    return tuple(_account(text) for text in texts if text.strip())


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
