"""`digest`: what changed since the last one, on the screen, in a file or by mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bouncelens.show.cli.answers import ROWS
from bouncelens.show.cli.options import Account, Config, Engine, Json
from bouncelens.show.cli.screen import print_json, print_table, say, settings_of, visible
from bouncelens.show.cli.taking import Form, Out

if TYPE_CHECKING:
    from email.message import EmailMessage

    from bouncelens.service.digest import Digest
    from bouncelens.service.mailing import Mailed
    from bouncelens.service.workspace import Workspace
    from bouncelens.settings import Settings
    from bouncelens.show.export.report import Report


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(digest)


def digest(
    mail: Annotated[bool, typer.Option("--mail", help="Send it to digest.to.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="With --mail: write the message to --out, or print it; send nothing."
        ),
    ] = False,
    form: Form = None,
    out: Out = None,
    account: Account = None,
    name: Annotated[
        str, typer.Option(help="Keep its own last one under this name.", show_default=False)
    ] = "",
    days: Annotated[
        int | None,
        typer.Option(min=1, help="The last so many days, not since the last.", show_default=False),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="The last one once more.")] = False,
    arrived: Annotated[
        bool, typer.Option("--arrived", help="Count the one in question as delivered.")
    ] = False,
    engine: Engine = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """What changed since the last digest, with intervals, and then the tables.

    --mail and --out deliver it once: the next one begins where it ended. On the screen it is only
    looked at. Bounces of the last digest.settle_days days are left to the next one.
    Exit code 3 when the server refused some of the recipients.
    """
    from bouncelens.service.digest import (
        DigestAsked,
        compile_digest,
        count_as_delivered,
        due,
    )
    from bouncelens.service.mailing import refuse_incomplete
    from bouncelens.service.workspace import Workspace

    settings = settings_of(config, engine=engine)
    if mail:
        refuse_incomplete(settings)
    asked = DigestAsked(name=name, account=account, again=again, days=days)
    with Workspace.open(settings, create=False) as workspace:
        if arrived:
            last = count_as_delivered(workspace, asked)
            say(f"Counted as delivered: {last.since:%Y-%m-%d} to before {last.until:%Y-%m-%d}.")
            return
        wanted = due(workspace, asked)
        if wanted is None:
            say("Nothing new: no whole day has passed since the last digest.")
            return
        found = compile_digest(workspace, wanted)
        if as_json and out is None and not mail:
            print_json(found)
            return
        _bring(workspace, found, (form, out), mail=mail, dry_run=dry_run)


def _bring(
    workspace: Workspace,
    found: Digest,
    place: tuple[str | None, Path | None],
    *,
    mail: bool,
    dry_run: bool,
) -> None:
    from bouncelens.show.cli.taking import wanted
    from bouncelens.show.export.digest import digest_report

    report = digest_report(found, made_at=datetime.now(UTC).replace(microsecond=0))
    form, out = place
    if mail and dry_run:
        _show_letter(_letter(workspace.settings, found, report), out)
    elif mail:
        _mail(workspace, found, _letter(workspace.settings, found, report))
    elif (asked := wanted(form, out, limit=None)) is None:
        _print(report)
    elif asked.out is None or dry_run:
        _write(report, asked.form, asked.out)
    else:
        _deliver_file(workspace, found, report, asked.form, asked.out)


def _mail(workspace: Workspace, found: Digest, message: EmailMessage) -> None:
    from bouncelens.service.digest import deliver
    from bouncelens.service.mailing import send_digest

    sent: list[Mailed] = []

    def carry() -> Mapping[str, int]:
        sent.append(send_digest(workspace.settings, message))
        return {"accepted": sent[0].accepted, "refused": len(sent[0].refused)}

    deliver(workspace, found.due, carry, way="mail")
    for recipient, words in sent[0].refused:
        say(f"Not taken for {recipient}: {words}")
    say(f"Sent to {sent[0].accepted} of {len(workspace.settings.digest.to)}.")
    if sent[0].refused:
        raise typer.Exit(3)


def _deliver_file(
    workspace: Workspace, found: Digest, report: Report, form: str, out: Path
) -> None:
    from bouncelens.service.digest import deliver

    def carry() -> Mapping[str, int]:
        _write(report, form, out)
        return {"files": 1}

    deliver(workspace, found.due, carry, way="file")


def _write(report: Report, form: str, out: Path | None) -> None:
    from bouncelens.errors import InputInvalid
    from bouncelens.show.cli.taking import Wanted, document
    from bouncelens.show.export.forms import DOCUMENTS

    if form not in DOCUMENTS:
        raise InputInvalid(
            f"A digest is a document, not {form}.", advice=f"There are {', '.join(DOCUMENTS)}."
        )
    document(report, Wanted(form, out, None))


def _letter(settings: Settings, found: Digest, report: Report) -> EmailMessage:
    from bouncelens.service.digest import message_id
    from bouncelens.show.export.letter import Envelope, attachment, letter

    to, sender = settings.digest.to, settings.mail.sender
    stem = f"bounces-{found.due.since:%Y-%m-%d}"
    attached = {f"{stem}.{form}": attachment(report, form) for form in settings.digest.attach}
    envelope = Envelope(sender, to, message_id(found.due, to=to, sender=sender))
    return letter(report, envelope, attached=attached)


def _show_letter(message: EmailMessage, out: Path | None) -> None:
    from bouncelens.show.export.writing import whole

    if out is None:
        print_lines(message.as_string().splitlines())
        return
    with whole(out) as file:
        file.write(message.as_bytes())
    say(f"Written, not sent: {out}")


def _print(report: Report) -> None:
    print_lines((report.title, "", *report.lead, ""))
    for section in report.sections:
        heads = [(head.words, head.is_number) for head in section.heads]
        if section.rows:
            print_table(f"{section.title}. {section.window}", heads, section.rows[:ROWS])
        else:
            print_lines((f"{section.title}. {section.window}", section.nothing))
        print_lines((" ".join(section.notes), ""))


def print_lines(lines: Iterable[str]) -> None:
    """Lines on stdout, each made visible."""
    for line in lines:
        typer.echo(visible(line))
