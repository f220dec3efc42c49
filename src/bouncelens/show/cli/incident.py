"""`incident watch | list | show | hold | confirm | release`: when a provider is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from bouncelens.show.cli.options import Config, Engine, Json, Since, day
from bouncelens.show.cli.screen import print_card, print_json, print_table, say, settings_of

Number = Annotated[int, typer.Argument(metavar="INCIDENT", help="Its number.")]
Why = Annotated[str, typer.Option(metavar="REASON", help="Goes into the audit log.")]
_WHEN = "YYYY-MM-DD[THH:MM]"
_MEANS = {
    "open": "`incident confirm` lets the next plan release them, `incident release` lets the "
    "refusals count.",
    "confirmed": "They were wrong: the next plan releases them.",
    "released": "They were right: its refusals count.",
}


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Hours in which a provider calls living addresses dead.",
    )
    group.callback()(_group)
    for command in (watch, list_, show, hold, confirm, release):
        group.command(name=command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="incident")


def _group() -> None:
    pass


def watch(
    since: Since = None, engine: Engine = None, as_json: Json = False, config: Config = None
) -> None:
    """Look whether a provider is wrong, or was in the last day, and whether later mail confirms it.

    A pull, an import, `serve` and `suppress plan` do the same by themselves. --since looks at all
    that is stored from then on. The exit code is 1 when an incident was opened.
    """
    from bouncelens.service import incident
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config, engine=engine), create=False) as workspace:
        seen = incident.watch(workspace, since=since.replace(tzinfo=UTC) if since else None)
        blind = [one.sentence for one in incident.sight(workspace) if one.sentence]
    if as_json:
        print_json(seen)
    for sentence in (*seen.sentences, *blind):
        say(sentence)
    if not seen.opened:
        say("No new incident.")
        return
    raise typer.Exit(1)


def list_(as_json: Json = False, config: Config = None) -> None:
    """List every incident, newest first."""
    from bouncelens.service import incident
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        found = incident.incidents(workspace)
    if as_json:
        print_json(found)
        return
    print_table(
        "Incidents",
        (
            *(("number", True), ("provider", False), ("from (UTC)", False), ("until", False)),
            *(("state", False), ("why", False)),
        ),
        [(str(i.id), i.provider, _at(i.starts), _at(i.ends), i.state, i.why) for i in found],
    )


def show(
    number: Number,
    limit: Annotated[int, typer.Option(min=0, help="Suppressions to show.")] = 20,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Show an incident: its evidence, its people, and the suppressions that rest on it alone."""
    from bouncelens.service import incident
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        shown = incident.show(workspace, number)
    if as_json:
        print_json(shown)
        return
    one, evidence = shown.incident, json.loads(shown.incident.evidence)
    print_card(
        f"Incident {one.id}: {one.provider}, {one.state}",
        [
            ("from", _at(one.starts)),
            ("until", _at(one.ends)),
            ("evidence", evidence.get("sentence", "opened by hand")),
            ("decided by", one.decided_by),
            ("why", one.why),
            *(
                (name, f"{count:,} people: {shown.meanings[name]}")
                for name, count in shown.tiers.items()
            ),
        ],
    )
    if shown.reversal:
        print_table(
            f"The first {min(limit, len(shown.reversal))} of {len(shown.reversal):,} suppressions "
            "that rest on it alone",
            (("tier", False), ("account", True), ("subscriber", False), ("grounds", False)),
            [
                (name, str(s.account), s.subscriber_key, s.grounds)
                for name, s in shown.reversal[:limit]
            ],
        )
    say(f"{len(shown.reversal):,} suppressions rest on it alone. {_MEANS[one.state]}")


def hold(
    provider: Annotated[str, typer.Argument(help="As in reports, such as google.")],
    since: Annotated[datetime, typer.Option(parser=day, metavar=_WHEN, help="When it began, UTC.")],
    why: Why,
    until: Annotated[
        datetime | None,
        typer.Option(
            parser=day,
            metavar=_WHEN,
            help="When it ended, UTC; else it goes on.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Open an incident by hand: the provider's hard refusals in this time suppress nobody."""
    from bouncelens.service import incident
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        made = incident.hold(
            workspace,
            provider,
            starts=since.replace(tzinfo=UTC),
            ends=until.replace(tzinfo=UTC) if until else None,
            why=why,
        )
    if as_json:
        print_json(made)
    say(f"Incident {made.id} is open for {made.provider}.")


def confirm(number: Number, why: Why, config: Config = None) -> None:
    """They were wrong: its refusals never count; the next plan releases whom they suppressed."""
    from bouncelens.service import incident
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        incident.confirm(workspace, number, why=why)
    say(f"Incident {number} is confirmed. See what it means: bouncelens suppress plan")


def release(number: Number, why: Why, config: Config = None) -> None:
    """They were right: its refusals count again from the next plan on."""
    from bouncelens.service import incident
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        incident.release(workspace, number, why=why)
    say(f"Incident {number} holds nobody any more. See what it means: bouncelens suppress plan")


def _at(moment: datetime | None) -> str:
    return "now" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
