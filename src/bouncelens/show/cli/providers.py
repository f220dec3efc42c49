"""`providers lookup | show`: who runs the mailboxes of a domain, by its name or its MX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bouncelens.show.cli.options import Config, Json
from bouncelens.show.cli.screen import (
    print_card,
    print_json,
    print_table,
    progress,
    say,
    settings_of,
)

if TYPE_CHECKING:
    from bouncelens.service.providers import LookedUp, Shown

_MOST_ROWS = 20


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Who runs the mailboxes of a domain."
    )
    group.callback()(_group)
    group.command()(lookup)
    group.command(name="show")(show_)
    app.add_typer(group, name="providers")


def _group() -> None:
    pass


def lookup(
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Ask about so many domains at most.", show_default=False),
    ] = None,
    domain: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DOMAIN", help="Only this domain; may be given again.", show_default=False
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Ask also where an answer still counts.")
    ] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Look up by MX who runs the mailboxes of domains that no name tells.

    Only domains that mail went to, those with most mail first. Answers are kept until they expire.
    Exit code 3 when DNS gives no answer at all; what is known counts on.
    """
    from bouncelens.service.providers import Wanted, look_up
    from bouncelens.service.workspace import Workspace

    wanted = Wanted(limit, tuple(domain or ()), again)
    with Workspace.open(settings_of(config), create=False) as workspace, progress() as bars:
        task = bars.add_task("Asking DNS", total=None, detail="")

        def told(done: int, of: int) -> None:
            bars.update(task, completed=done, total=of, detail=f"{done:,} of {of:,} domains")

        result = look_up(workspace, wanted, progress=told)
    if as_json:
        print_json(result)
    else:
        _print(result)
    raise typer.Exit(result.exit_code)


def _print(result: LookedUp) -> None:
    if result.outcomes:
        _print_counts("Asked", "outcome", result.outcomes)
    if result.providers:
        _print_counts("Known now", "provider", result.providers[:_MOST_ROWS])
    for note in result.notes:
        say(note)
    say(
        f"{result.asked:,} domains asked, {result.kept:,} still known; the provider of "
        f"{result.found:,} of {result.domains:,} is known. {result.seconds:.1f} s."
    )


def _print_counts(title: str, name: str, counts: tuple[tuple[str, int], ...]) -> None:
    columns = ((name, False), ("domains", True))
    print_table(title, columns, [(key, f"{count:,}") for key, count in counts])


def show_(
    domain: Annotated[str, typer.Argument(help="A domain, or an address in it.")],
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Show what is known of a domain, without asking anybody."""
    from bouncelens.service.providers import show
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        found = show(workspace, domain)
    if as_json:
        print_json(found)
    else:
        print_card(found.domain, _lines(found))


_TOLD_BY = {"name": "its name", "mx": "its MX", "reply": "what its servers replied"}


def _lines(found: Shown) -> list[tuple[str, str]]:
    gateway = ", a gateway: the mailbox is behind it" if found.is_gateway else ""
    lines = [
        ("Provider", f"{found.provider_name or 'not known'}{gateway}"),
        ("told by", _TOLD_BY.get(found.how, "nothing")),
        ("Look-up", found.meaning),
    ]
    if found.mx_host is not None:
        by = f" ({found.rule})" if found.rule else ""
        lines.append(("MX host", f"{found.mx_host}{by}"))
    if len(found.hosts) > 1:
        lines.append(("All hosts", ", ".join(f"{n} {host}" for n, host in found.hosts)))
    if found.looked_at is not None and found.expires_at is not None:
        until = f"counts until {found.expires_at:%Y-%m-%d %H:%M}"
        lines.append(("Asked (UTC)", f"{found.looked_at:%Y-%m-%d %H:%M}, {until}"))
    return lines
