"""`classify` and `explain`: what replies mean, without a tenant or a lake."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bouncelens.show.cli.light import LightCommand
from bouncelens.show.cli.lines import Lines
from bouncelens.show.cli.options import Config, Json
from bouncelens.show.cli.screen import print_card, print_json, rules_of, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bouncelens.service.classify_file import FileVerdicts
    from bouncelens.service.explain import Explanation

_STDIN = "-"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(cls=LightCommand)(classify)
    app.command(cls=LightCommand)(explain)


def classify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="csv, tsv, jsonl, parquet, or -.")],
    column: Annotated[
        str | None,
        typer.Option(help="The column with the server's reply.", show_default=False),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(help="Repeat this column too; may be given again.", show_default=False),
    ] = None,
    as_json: Json = True,  # noqa: ARG001 - there is no other way to print verdicts
    config: Config = None,
) -> None:
    """Judge every reply of a file, one JSON object per row.

    A row's own id columns come first, then line, reason, group, hardness, temporary, rule,
    confidence, evidence and action. Rows that cannot be read are counted on stderr; exit code 3.
    """
    from bouncelens.service.classify_file import classify_file, spooled
    from bouncelens.service.judge import Judge

    rules = rules_of(config)

    def judged(path: Path) -> int:
        verdicts = classify_file(Judge.of_rules(rules), path, column=column, keep=keep or ())
        return _print_all(verdicts)

    if file != _STDIN:
        raise typer.Exit(judged(Path(file)))
    with spooled(sys.stdin.buffer) as path:
        code = judged(path)
    raise typer.Exit(code)


def _print_all(verdicts: FileVerdicts) -> int:
    lines = Lines()
    for block in verdicts.blocks:
        sys.stdout.write(lines.of(block))
    if not verdicts.quarantined:
        return 0
    for bad in verdicts.quarantined[:10]:
        say(f"{bad.source}, line {bad.line}: {bad.reason}.")
    say(f"{len(verdicts.quarantined):,} rows could not be read.")
    return 3


def explain(
    text: Annotated[
        list[str],
        typer.Argument(metavar="TEXT", help="What the server said, or an address; - reads stdin."),
    ],
    code: Annotated[
        int | None, typer.Option(help="Reply code, if it is apart.", show_default=False)
    ] = None,
    status: Annotated[
        str | None, typer.Option(help="Enhanced status, if it is apart.", show_default=False)
    ] = None,
    mailed: Annotated[
        str | None,
        typer.Option(
            "--to", "--domain", help="The address mailed, or its domain.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Say what a server's reply means and who has to act; or all about one address.

    And which rule says so, by which words, and what it rests on. Of an address: what happened,
    what Marketing Cloud makes of it and why, what we do and why.
    """
    if _is_address(text):
        from bouncelens.show.cli.address import print_address

        print_address(text[0], as_json=as_json, config=config)
        return
    from bouncelens.service.explain import explain as explained
    from bouncelens.service.judge import Judge

    judge = Judge.of_rules(rules_of(config))
    words = sys.stdin.buffer.read().decode("utf-8", "replace") if text == [_STDIN] else None
    found = explained(judge, words or " ".join(text), code=code, status=status, mailed=mailed)
    if as_json:
        print_json(found)
    else:
        verdict = found.verdict
        title = f"{verdict.reason.replace('_', ' ')} · {verdict.group} · {verdict.hardness.value}"
        print_card(title, _lines(found))


def _is_address(text: list[str]) -> bool:
    """One word with an @ in it: no server says so little."""
    return len(text) == 1 and "@" in text[0] and not any(c in text[0] for c in " <>:;")


def _lines(found: Explanation) -> list[tuple[str, str]]:
    reply, verdict, facts = found.reply, found.verdict, found.reply.facts
    codes = " ".join(str(part) for part in (reply.code, reply.enhanced_status) if part)
    named = (*facts.vendor_codes, *facts.ips, *facts.hosts, *facts.urls)
    rule = f"{verdict.rule} ({found.rule_file})" if verdict.rule else "none: no rule knows it"
    lines = [
        ("Server said", reply.text),
        ("Codes", codes),
        ("Provider", found.provider_name or found.provider or ""),
        ("Named in it", ", ".join(dict.fromkeys(named))),
        *_lists(found),
        ("It means", found.meaning),
        ("Vendor code", found.family or ""),
        ("For the address", found.for_the_address),
        ("Wait", _wait(found.retry_after_s)),
        ("Other address", found.other_address_note or ""),
        ("Who acts", f"{found.actor[0].upper()}{found.actor[1:]}."),
        *(
            ("What to do" if number == 1 else "", f"{number}. {step}")
            for number, step in enumerate(found.steps, 1)
        ),
        ("More", found.link or ""),
        ("Decided by", rule),
        ("Words that decided", verdict.evidence),
        ("Confidence", f"{verdict.confidence:.0%}" if verdict.rule else ""),
        ("Rests on", found.source or ""),
        ("Called elsewhere", _called(found)),
    ]
    return [(name, value) for name, value in lines if value]


def _lists(found: Explanation) -> Iterator[tuple[str, str]]:
    for at, entry in enumerate(found.lists):
        where = f": {entry.lookup}" if entry.lookup else ""
        note = f" ({entry.note})" if entry.note else ""
        yield "" if at else "List", f"{entry.name}, run by {entry.operator}{where}{note}"


def _wait(seconds: int | None) -> str:
    if seconds is None:
        return ""
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size and seconds % size == 0:
            return f"The server asks to wait {seconds // size} {unit}."
    return f"The server asks to wait {seconds:,} seconds."


def _called(found: Explanation) -> str:
    names = found.called_elsewhere
    sfmc = f"SFMC {names.sfmc_category}/{', '.join(map(str, names.sfmc_subcategories))}"
    return "; ".join(
        (
            sfmc if names.sfmc_category else "SFMC: no bounce",
            f"SparkPost {', '.join(map(str, names.sparkpost)) or '–'}",
            f"SendGrid {names.sendgrid or '–'}",
            f"PowerMTA {names.powermta or '–'}",
            f"RFC 3463 {', '.join(names.rfc3463) or '–'}",
        )
    )
