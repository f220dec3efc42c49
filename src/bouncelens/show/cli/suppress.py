"""`suppress plan`: who must not be mailed again, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from bouncelens.show.cli.options import Account, Config, Json
from bouncelens.show.cli.screen import print_json, print_table, say, settings_of


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Addresses that must not be mailed again."
    )
    group.callback()(_group)
    group.command(name="plan")(plan)
    app.add_typer(group, name="suppress")


def _group() -> None:
    pass


def plan(
    account: Account = None,
    limit: Annotated[int, typer.Option(min=0, help="Suppressions to show.")] = 20,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Propose suppressions by the policy, each with its grounds.

    The plan is kept in the ledger; nothing is written to Marketing Cloud.
    """
    from bouncelens.service.suppress import plan as planned
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config)) as workspace:
        made = planned(workspace, account=account)
    if as_json:
        print_json(made)
        return
    print_table(
        f"Suppressions proposed by the policy {made.policy!r}, by reason",
        (("reason", False), ("addresses", True)),
        [(reason, f"{count:,}") for reason, count in made.by_reason],
    )
    shown = made.suppressions[:limit]
    if shown:
        print_table(
            f"The first {len(shown)} of {len(made.suppressions):,}",
            (("account", True), ("subscriber", False), ("grounds", False)),
            [(str(s.account), s.subscriber_key, s.grounds) for s in shown],
        )
    say(
        f"{len(made.suppressions):,} proposed ({made.new:,} new) of {made.addresses:,} addresses "
        "with a hard or soft bounce. Nothing was written to Marketing Cloud."
    )
