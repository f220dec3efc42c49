"""`rules test`: every rule against its own examples."""

from __future__ import annotations

from pathlib import Path

import typer

from bouncelens.show.cli.options import Config, Json
from bouncelens.show.cli.screen import print_json, say, settings_of, visible


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="The rules that judge replies."
    )
    group.command(name="test")(run_examples)
    app.add_typer(group, name="rules")


def run_examples(as_json: Json = False, config: Config = None) -> None:
    """Run the examples and counter-examples of every rule, ours and yours.

    Exit code 1 when a rule is not decided by its own examples, matches a counter-example, is never
    reached, or names no source.
    """
    from bouncelens.service.quick import QuickJudge
    from bouncelens.service.rules import test_rules

    judge = QuickJudge.of_rules([Path(rule) for rule in settings_of(config).rules])
    tested = test_rules(judge)
    if as_json:
        print_json(tested)
    else:
        for finding in tested.findings:
            typer.echo(visible(finding))
        say(
            f"{tested.rules:,} rules, {tested.examples:,} examples, "
            f"{tested.counter_examples:,} counter-examples: {len(tested.findings):,} findings."
        )
    raise typer.Exit(1 if tested.findings else 0)
