"""`automation`: a daily automation in the tenant, or the same as files for the web console."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bouncelens.show.cli.options import Accounts, Config, Json, Yes
from bouncelens.show.cli.planned import agreed, end
from bouncelens.show.cli.screen import print_json, print_table, settings_of, visible

if TYPE_CHECKING:
    from bouncelens.service.automation import Installer, Step

_automation = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Bounces and sent counts in data extensions of your own, every day.",
)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(_automation, name="automation")


@_automation.command()
def deploy(
    accounts: Accounts = None,
    hour: Annotated[int, typer.Option(min=0, max=23, help="Hour of each day, UTC.")] = 5,
    is_sure: Yes = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Install two data extensions, two queries and a daily automation; shows its plan first.

    What is there as it should be stays untouched. Without a terminal and without --yes nothing is
    done, and the exit code is 2.
    """
    from bouncelens.service.automation import installer

    with installer(settings_of(config), tuple(accounts or ()), hour=hour) as work:
        _change(work, work.deploying(), is_sure=is_sure, as_json=as_json)


@_automation.command()
def remove(
    accounts: Accounts = None, is_sure: Yes = False, as_json: Json = False, config: Config = None
) -> None:
    """Remove what deploy installed, rows included, and nothing else; shows its plan first.

    Without a terminal and without --yes nothing is done, and the exit code is 2.
    """
    from bouncelens.service.automation import installer

    with installer(settings_of(config), tuple(accounts or ())) as work:
        _change(work, work.removing(), is_sure=is_sure, as_json=as_json)


@_automation.command()
def status(accounts: Accounts = None, as_json: Json = False, config: Config = None) -> None:
    """Say which parts are there and whether they are as they should be.

    Exit code 1 when some part is not.
    """
    from bouncelens.service.automation import installer

    with installer(settings_of(config), tuple(accounts or ())) as work:
        standing = work.status()
    if as_json:
        print_json(standing)
    else:
        print_table(
            "Automation",
            tuple((name, False) for name in ("account", "part", "key", "stands")),
            [
                (one.account.name, part.kind, part.key, _stands(part.object_id, part.detail))
                for one in standing
                for part in one.parts
            ],
        )
    raise typer.Exit(0 if all(one.is_whole for one in standing) else 1)


@_automation.command()
def files(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write them.")],
    account: Annotated[
        int | None,
        typer.Option(metavar="MID", help="Only rows of this business unit.", show_default=False),
    ] = None,
    name: Annotated[str, typer.Option(help="How names begin.")] = "bouncelens",
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: Json = False,
) -> None:
    """Write SQL to paste, field lists and steps, for people with the web console only."""
    from bouncelens.service.automation import write_files

    written = write_files(out, mid=account, name=name, is_replacing=force)
    if as_json:
        print_json({"files": written})
        return
    for path in written:
        typer.echo(visible(path))


def _stands(object_id: str | None, detail: str) -> str:
    return "absent" if object_id is None else detail or "as it should be"


def _change(work: Installer, steps: tuple[Step, ...], *, is_sure: bool, as_json: bool) -> None:
    plan = [step.sentence for step in steps]
    is_done = agreed(plan, is_sure=is_sure, as_json=as_json)
    if is_done:
        for step in steps:
            work.do(step)
    if as_json:
        print_json({"plan": plan, "done": is_done})
    end(plan, is_done=is_done, as_json=as_json)
