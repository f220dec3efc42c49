"""`suppress plan | apply | undo | …`: who must not be mailed again, and why. A plan is always shown
before anything is written."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bouncelens.show.cli import simulate
from bouncelens.show.cli.options import Account, Config, Engine, Json
from bouncelens.show.cli.screen import print_json, print_table, say, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bouncelens.service.suppress import Applied, Finding, Plan, Reactivation
    from bouncelens.service.workspace import Workspace

Change = tuple[str, str, str, int]  # kind, reason, provider, addresses
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask. Never passes a guard rail.")]

MOST_CHANGES = 15  # lines of each kind of change that a plan shows
_SHOWN = 5  # people of each outcome
_RAILS = 'Plan again when their cause is over, or pass them with --override "REASON".'
_NO_TARGET = (
    "Set suppression.data_extension or suppression.file in the settings (docs/suppressions.md has "
    "them all), and plan again."
)
_BY_HAND = (
    "By hand: in Email Studio > Admin > Auto-Suppression Configuration, open the list and delete "
    "the addresses of that file. Until then they are not mailed."
)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Addresses that must not be mailed again."
    )
    group.callback()(_group)
    for command in (plan, apply, undo, export):
        group.command(name=command.__name__)(command)
    simulate.add_to(group)
    app.add_typer(group, name="suppress")


def _group() -> None:
    pass


def plan(
    account: Account = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the plan here, to apply it.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Examples of each kind to show.")] = 20,
    engine: Engine = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Show what the policy would change now, each address with its grounds.

    It compares with the last apply and with what the targets hold; nothing is written to them.
    """
    from bouncelens.service.suppress import interrupted
    from bouncelens.service.suppress import plan as planned
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config, engine=engine), create=False) as workspace:
        made = planned(workspace, account=account, out=out, limit=limit)
        begun = interrupted(workspace)
    if as_json:
        print_json(made)
    else:
        _show_plan(made)
    if begun is not None:
        say(begun.sentence)
        say("Then plan again: this plan can only be looked at.")


def _show_plan(made: Plan) -> None:
    print_table(
        f"Suppressions by the policy {made.policy!r}, by reason",
        (("reason", False), ("addresses", True)),
        [(reason, f"{count:,}") for reason, count in made.by_reason],
    )
    if made.changes:
        shown, rest = shortened(made.changes)
        print_table(
            "What would change",
            (("change", False), ("reason", False), ("provider", False), ("addresses", True)),
            [(kind, reason, provider, f"{n:,}") for kind, reason, provider, n in shown],
        )
        if rest:
            say(rest)
    if made.ending:
        print_table(
            "Suppressed, and tried again within 30 days",
            (("reason", False), ("provider", False), ("addresses", True)),
            [(reason, provider, f"{n:,}") for reason, provider, n in made.ending],
        )
    if made.examples:
        print_table(
            f"Examples ({len(made.examples)})",
            (("change", False), ("account", True), ("subscriber", False), ("why", False)),
            [
                (e.kind, str(e.suppression.account), e.suppression.subscriber_key, e.why)
                for e in made.examples
            ],
        )
    _say_counts(made)
    _say_findings(made.findings)
    if not made.targets:
        say(f"It can be looked at, not applied: there is no target. {_NO_TARGET}")
    else:
        say(f"Compared with {', '.join(made.targets)}. Nothing was written to Marketing Cloud.")
    if made.path:
        say(f"Written to {made.path}, hash {made.hash[:12]}.")
    if made.path and made.targets and made.findings:
        say(
            "Guard rails stop it. Look at what they name; if all is as it should be, as with a "
            f'first plan: bouncelens suppress apply {made.path} --override "WHY"'
        )
    elif made.path and made.targets:
        say(f"To do exactly this: bouncelens suppress apply {made.path}")
    elif made.changes and made.targets:
        say("To apply it, plan again with --out FILE.")


def shortened(changes: Sequence[Change]) -> tuple[list[Change], str]:
    """The largest changes of each kind, and a sentence on those left out, if any."""
    seen: Counter[str] = Counter()
    shown: list[Change] = []
    left: list[Change] = []
    for change in changes:
        seen[change[0]] += 1
        (shown if seen[change[0]] <= MOST_CHANGES else left).append(change)
    if not left:
        return shown, ""
    addresses = sum(count for *_, count in left)
    return shown, f"{len(left):,} more lines, of {addresses:,} addresses; --json has them."


def _say_counts(made: Plan) -> None:
    counts = made.counts
    say(
        f"{made.suppressed:,} of {made.addresses:,} addresses that ever bounced are suppressed by "
        f"the policy; of them {counts['provisional']:,} only for now, and {counts['expiring']:,} "
        "are tried again within 30 days."
    )
    if made.changes:
        say(
            f"{counts['add']:,} to add, {counts['renew']:,} to renew, {counts['release']:,} to "
            "release."
        )
    else:
        say("Nothing would change.")
    if counts["kept"] or counts["held"]:
        say(
            f"{counts['kept']:,} are kept although their time is over: they unsubscribed or "
            f"complained, or an incident is open. {counts['held']:,} are not added while an "
            "incident is open."
        )


def _say_findings(findings: Iterable[Finding]) -> None:
    for finding in findings:
        say(f"Guard rail ({finding.rail}): {finding.sentence}")


def apply(
    file: Annotated[Path, typer.Argument(metavar="PLAN", help="A file by `suppress plan --out`.")],
    yes: Yes = False,
    override: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Pass the guard rails; the reason goes into the audit log.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Do exactly what a plan says, verify it, and record every address.

    Interrupted, the same command goes on; `suppress undo` takes back what was done.
    """
    from bouncelens.errors import PlanRefused
    from bouncelens.service.suppress import apply as applied
    from bouncelens.service.suppress import look
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        looked = look(workspace, file)
        head, counts = looked.head, looked.head.counts
        say(
            f"Plan {looked.hash[:12]} of {head.made_at} by {head.made_by}, policy {head.policy} "
            f"{head.policy_version}, for {', '.join(head.targets) or 'no target'}: "
            f"{counts['add']:,} to add, {counts['renew']:,} to renew, {counts['release']:,} to "
            "release."
        )
        if looked.resumes is not None:
            say(f"Run {looked.resumes} of it was interrupted and goes on.")
        if not head.targets:
            raise PlanRefused("The plan has nowhere to write to.", advice=_NO_TARGET)
        _say_findings(looked.findings)
        if looked.findings and looked.resumes is None and not (override or "").strip():
            raise PlanRefused("The plan is not applied: guard rails say no.", advice=_RAILS)
        _confirmed(yes, "Apply it?")
        with _going_on(workspace):
            done = applied(workspace, file, override=override, progress=_progress)
    _finish(done, as_json=as_json)


def undo(
    run: Annotated[int, typer.Argument(metavar="RUN", help="The run that applied a plan.")],
    yes: Yes = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Restore exactly what was before a run.

    Only people who unsubscribed or complained since stay suppressed. The newest run goes first.
    """
    from bouncelens.service.suppress import undo as undone
    from bouncelens.service.suppress import undoable
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        found = undoable(workspace, run)
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in found.outcomes.items())
        change = found.change
        say(f"Run {run} applied plan {change.plan[:12]} to {change.target}: {told or 'no rows'}.")
        if found.begun is not None:
            say(f"Undoing it was interrupted (run {found.begun.run}) and goes on.")
        _confirmed(yes, "Restore what was before?")
        with _going_on(workspace):
            done = undone(workspace, run, progress=_progress)
    _finish(done, as_json=as_json)


def export(
    feed: Annotated[str, typer.Argument(help="crm, auto-suppression or reactivate.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Write the CSV here.")],
    tier: Annotated[
        str | None,
        typer.Option(help="For reactivate: accepted, alive or unknown.", show_default=False),
    ] = None,
    account: Account = None,
    config: Config = None,
) -> None:
    """Write a file for others.

    crm: addresses that are dead for good only. auto-suppression: addresses, to be imported.
    reactivate: people whom Marketing Cloud holds and should not, for All Subscribers; never those
    who unsubscribed or complained. One tier at a time, the surest first.
    """
    from bouncelens.errors import InputInvalid
    from bouncelens.service.suppress import export as exported
    from bouncelens.service.suppress import reactivate
    from bouncelens.service.workspace import Workspace

    is_tiered = feed == "reactivate"
    if is_tiered != (tier is not None):
        advice = "Say --tier accepted, alive or unknown." if is_tiered else "Leave it out."
        raise InputInvalid(f"{feed} {'needs' if is_tiered else 'has no'} --tier.", advice=advice)
    with Workspace.open(settings_of(config), create=False) as workspace:
        if tier is not None:
            _say_reactivation(reactivate(workspace, tier, out, account=account))
            return
        rows = exported(workspace, feed, out, account=account)
    say(f"{rows:,} rows written to {out}.")


def _say_reactivation(made: Reactivation) -> None:
    tiers = ", ".join(f"{count:,} {name}" for name, count in made.tiers.items())
    say(f"Held in account {made.account} and neither unsubscribed nor complained: {tiers}.")
    for why, count in made.left_out.items():
        say(f"{count:,} of the tier left out: {why}.")
    say(f"{made.written:,} of the tier written to {made.out}.")
    if not made.is_asked:
        say("Marketing Cloud was not asked for their statuses now: only the lake was.")
    for number, step in enumerate(made.steps, 1):
        say(f"{number}. {step}")


@contextmanager
def _going_on(workspace: Workspace) -> Iterator[None]:
    """Where a run breaks off, say how it goes on."""
    from bouncelens.errors import BouncelensError
    from bouncelens.service.suppress import interrupted

    try:
        yield
    except (BouncelensError, KeyboardInterrupt):
        if (begun := interrupted(workspace)) is not None:
            say(begun.sentence)
        raise


def _confirmed(yes: bool, question: str) -> None:
    from bouncelens.errors import InputInvalid

    if yes:
        return
    if not sys.stdin.isatty():
        raise InputInvalid("Nobody is here to be asked.", advice="Say --yes.")
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)


def _progress(step: str, rows: int) -> None:
    say(f"{rows:,} {step}")


def _finish(done: Applied, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
    told: dict[tuple[str, str], list[str]] = {}
    for row in (*done.lacking, *done.skipped):
        told.setdefault((row.outcome, row.detail), []).append(f"{row.account} {row.subscriber_key}")
    for (outcome, detail), people in told.items():
        say(f"{outcome.replace('_', ' ')}: {detail}")
        for person in people[:_SHOWN]:
            say(f"  {person}")
        if len(people) > _SHOWN:
            say("  and more, see --json")
    if done.outcomes.get("by_hand"):
        say(_BY_HAND)
    counts = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in done.outcomes.items())
    what = f"undid run {done.undoes}" if done.undoes else "applied the plan"
    say(f"Run {done.run} {what}: {counts or 'nothing to do'}.")
    if done.exit_code:
        raise typer.Exit(done.exit_code)
