"""`rules …` and `judge`: rules against their examples, against the lake, and a person's word."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bouncelens.show.cli.options import Config, Json, Since
from bouncelens.show.cli.screen import print_json, print_table, say, settings_of, visible

if TYPE_CHECKING:
    from bouncelens.service.judge import Judge

_HEX_DIGITS = 16  # of a template's id
_SAMPLE_WIDTH = 70  # characters of a sample in a table
Template = Annotated[str, typer.Argument(metavar="TEMPLATE", help="Id, as `rules mine` shows it.")]
Why = Annotated[str, typer.Option(help="Grounds, kept on record.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="The rules that judge replies."
    )
    group.command(name="test")(run_examples)
    group.command()(diff)
    group.command()(mine)
    group.command()(draft)
    group.command(name="set")(set_verdict)
    group.command()(unset)
    app.add_typer(group, name="rules")
    app.command()(judge)


def run_examples(as_json: Json = False, config: Config = None) -> None:
    """Run the examples and counter-examples of every rule, ours and yours.

    Exit code 1 when a rule is not decided by its own examples, matches a counter-example, is never
    reached, or names no source.
    """
    from bouncelens.service.judge import Judge
    from bouncelens.service.rules import test_rules

    judge = Judge.of_rules([Path(rule) for rule in settings_of(config).rules])
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


def diff(
    old: Annotated[str, typer.Argument(help="A rule file of yours, or `ours`: none of yours.")],
    new: Annotated[str, typer.Argument(help="The rule file to compare with it, or `ours`.")],
    limit: Annotated[int, typer.Option(min=1, help="Templates to show.")] = 20,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Show which stored templates NEW would judge otherwise than OLD. Changes nothing.

    Exit code 1 when there are any.
    """
    from bouncelens.service.rejudge import diff_rules
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        found = diff_rules(workspace, _judge_of(old), _judge_of(new))
    if as_json:
        print_json(found)
    else:
        print_table(
            "Templates with another verdict, most bounces first",
            (("bounces", True), ("before", False), ("after", False), ("reply", False)),
            [
                (
                    f"{change.stored.bounces:,}",
                    f"{change.before.reason} ({change.before.rule})",
                    f"{change.after.reason} ({change.after.rule})",
                    change.stored.sample[:_SAMPLE_WIDTH],
                )
                for change in found.changes[:limit]
            ],
        )
        say(
            f"{found.changed_templates:,} of {found.templates:,} templates and "
            f"{found.changed_bounces:,} of {found.bounces:,} bounces would change."
        )
    raise typer.Exit(1 if found.changes else 0)


def mine(
    limit: Annotated[int, typer.Option(min=1, help="Templates to show.")] = 50,
    new_since: Since = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """List templates worth a rule, most bounces first: unclassified, doubtful, or new."""
    from bouncelens.service.rejudge import mine as mined
    from bouncelens.service.workspace import Workspace

    since = new_since.replace(tzinfo=UTC) if new_since else None
    with Workspace.open(settings_of(config), create=False) as workspace:
        found = mined(workspace, workspace.classifier, limit=limit, new_since=since)
    if as_json:
        print_json(found)
        return
    print_table(
        "Templates worth a rule",
        (
            ("bounces", True),
            ("template", False),
            ("why", False),
            ("verdict", False),
            ("reply", False),
        ),
        [
            (
                f"{each.stored.bounces:,}",
                _shown_id(each.stored.template.template_id),
                each.why,
                each.verdict.reason,
                each.stored.sample[:_SAMPLE_WIDTH],
            )
            for each in found
        ],
    )
    say(f"{len(found):,} templates. `bouncelens rules draft` writes a rule to start from.")


def draft(
    reason: Annotated[str, typer.Argument(help="What the replies mean, e.g. mailbox_full.")],
    templates: Annotated[list[str], typer.Argument(metavar="TEMPLATE…", help="Ids of templates.")],
    name: Annotated[str, typer.Option(help="Id of the rule.")] = "my-rule",
    config: Config = None,
) -> None:
    """Draft a rule in TOML from the samples of chosen templates."""
    from bouncelens.service.rejudge import draft_from
    from bouncelens.service.workspace import Workspace

    ids = [_id_of(template) for template in templates]
    with Workspace.open(settings_of(config), create=False) as workspace:
        typer.echo(draft_from(workspace, ids, reason=reason, name=name), nl=False)


def set_verdict(
    template: Template,
    reason: Annotated[str, typer.Argument(help="What its replies mean, e.g. mailbox_full.")],
    why: Why,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Set a template's verdict by hand: it wins over every rule, for all its bounces."""
    _say_by_hand(template, reason, why, as_json=as_json, config=config)


def unset(template: Template, why: Why, as_json: Json = False, config: Config = None) -> None:
    """Take a verdict set by hand back; the rules decide again."""
    _say_by_hand(template, None, why, as_json=as_json, config=config)


def judge(
    everything: Annotated[
        bool, typer.Option("--all", help="Judge every stored template by today's rules.")
    ] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Judge stored templates again; a changed rule takes effect on all history at once."""
    from bouncelens.errors import InputInvalid
    from bouncelens.service.rejudge import rejudge
    from bouncelens.service.workspace import Workspace

    if not everything:
        raise InputInvalid(
            "Nothing was asked to be judged.", advice="Say `bouncelens judge --all`."
        )
    with Workspace.open(settings_of(config), create=False) as workspace:
        done = rejudge(workspace, workspace.classifier, mask_anew=True)
    if as_json:
        print_json(done)
        return
    say(f"{done.templates:,} templates judged; {done.changed:,} verdicts changed.")
    if done.moved:
        say(f"{done.moved:,} bounces are another template by today's rules and were moved to it.")


def _say_by_hand(
    template: str, reason: str | None, why: str, *, as_json: bool, config: Path | None
) -> None:
    from getpass import getuser

    from bouncelens.service.hand import set_by_hand
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        said = set_by_hand(workspace, _id_of(template), reason, why=why, by=getuser())
    if as_json:
        print_json(said)
    else:
        means = said.reason or "left to the rules"
        say(f"{template}: {means} from now on, set by {said.decided_by}.")


def _judge_of(rules: str) -> Judge:
    from bouncelens.service.judge import Judge

    return Judge.of_rules([] if rules == "ours" else [Path(rules)])


def _shown_id(template_id: int) -> str:
    """A template's id as people see it: sixteen hex digits."""
    return f"{template_id & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def _id_of(shown: str) -> int:
    from bouncelens.errors import InputInvalid

    number: int | None = None
    with suppress(ValueError):  # --json writes ids as the lake keeps them: signed decimals
        is_hex = len(shown) == _HEX_DIGITS and shown.isalnum()
        number = int(shown, 16 if is_hex else 10)
    if number is None or not -(1 << 63) <= number < 1 << 64:
        raise InputInvalid(
            f"{shown!r} is no template's id.", advice="`bouncelens rules mine` shows them."
        )
    return number - (1 << 64) if number >= 1 << 63 else number
