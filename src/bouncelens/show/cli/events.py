"""`events`: have Marketing Cloud post bounces to this server, look how that stands, end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bouncelens.show.cli.options import Accounts, Config, Json, Yes
from bouncelens.show.cli.planned import agreed, end
from bouncelens.show.cli.screen import print_json, print_table, say, settings_of

if TYPE_CHECKING:
    from bouncelens.service.event_setup import Step

_events = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Bounces of transactional mail as they happen: the Event Notification Service.",
)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(_events, name="events")


@_events.command()
def register(
    accounts: Accounts = None, is_sure: Yes = False, as_json: Json = False, config: Config = None
) -> None:
    """Register this server's address for bounce events; shows its plan first.

    `bouncelens serve` has to run already, with the same settings, and be reached under events.url:
    Marketing Cloud posts a verification to it. The signature key is kept as events.keys says.
    Without a terminal and without --yes nothing is done, and the exit code is 2.
    """
    _change("registering", accounts, is_sure=is_sure, as_json=as_json, config=config)


@_events.command()
def remove(
    accounts: Accounts = None, is_sure: Yes = False, as_json: Json = False, config: Config = None
) -> None:
    """Remove the address, its subscriptions and its signature key; shows its plan first.

    Without a terminal and without --yes nothing is done, and the exit code is 2.
    """
    _change("removing", accounts, is_sure=is_sure, as_json=as_json, config=config)


@_events.command()
def status(accounts: Accounts = None, as_json: Json = False, config: Config = None) -> None:
    """Say how the events route stands, in Marketing Cloud and here.

    Exit code 1 when something is missing.
    """
    from bouncelens.service.event_setup import setup_of

    with setup_of(settings_of(config), tuple(accounts or ())) as setup:
        result = setup.status()
    if as_json:
        print_json(result)
    else:
        print_table(
            "Events",
            tuple(
                (name, False) for name in ("account", "callback", "subscription", "key", "lacks")
            ),
            [
                (
                    account.name,
                    account.callback or "–",
                    account.subscription or "–",
                    "kept" if account.has_key else "–",
                    account.lacks or "nothing",
                )
                for account in result.accounts
            ],
        )
        say(f"{result.waiting_bytes:,} bytes wait here to be stored.")
    raise typer.Exit(result.exit_code)


@_events.command()
def store(as_json: Json = False, config: Config = None) -> None:
    """Store what has arrived and waits. `bouncelens serve` does that by itself.

    Exit code 3 when something could not be read; it is kept in quarantine with its reason.
    """
    from bouncelens.service.events import store_events
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config)) as workspace:
        result = store_events(workspace)
    if as_json:
        print_json(result)
    else:
        others = "".join(f"; {count:,} {kind}" for kind, count in result.others)
        say(
            f"{result.stored:,} new bounces stored, {result.known:,} known, "
            f"{result.quarantined:,} events set aside{others}."
        )
    raise typer.Exit(result.exit_code)


def _change(
    plan: str, accounts: list[str] | None, *, is_sure: bool, as_json: bool, config: Config
) -> None:
    from bouncelens.service.event_setup import setup_of

    with setup_of(settings_of(config), tuple(accounts or ())) as setup:
        steps: tuple[Step, ...] = getattr(setup, plan)()
        said = [step.sentence for step in steps]
        is_done = agreed(said, is_sure=is_sure, as_json=as_json)
        if is_done:
            for step in steps:
                setup.do(step)
    if as_json:
        print_json({"steps": steps, "done": is_done})
    end(said, is_done=is_done, as_json=as_json)
