"""`report`: questions answered in the terminal, over the lake or over a file without one."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bouncelens.show.cli.options import Account, Config, Json, Since, Until
from bouncelens.show.cli.screen import print_json, print_table, say, settings_of

if TYPE_CHECKING:
    from bouncelens.service.report import Answer, Column
    from bouncelens.service.workspace import Workspace

# What a report is when no question is named.
_QUESTIONS = ("totals", "by_reason", "by_provider", "by_campaign", "by_day")
_ROWS = 15
_NUMBERS = ("events", "messages", "addresses", "share")
_FILES = (".zip", ".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(report)


def report(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|FILE]",
            help="A question, 'list' for all of them, or a file to report on without a lake.",
            show_default=False,
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    account: Account = None,
    job: Annotated[int | None, typer.Option(metavar="ID", help="Only this job.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only this mailbox provider.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only this receiving domain.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only this reason.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows shown per question.")] = _ROWS,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Bounce rates by reason, provider, campaign and day.

    Each rate with what it is a share of.

    FILE may be a Tracking Extract zip or any table of bounces: no tenant and no lake are needed.
    Exit code 3 when rows of it could not be read, or it holds no bounces.
    """
    from bouncelens.service.report import answer, questions

    if what == "list":
        _list(as_json=as_json)
        return
    filters: dict[str, object] = {
        "account": account, "job": job, "provider": provider, "domain": domain, "reason": reason,
    }  # fmt: skip
    _check_words(provider=provider, reason=reason)
    is_file = what is not None and _is_file(what, {asked.name for asked in questions()})
    names = _QUESTIONS if what is None or is_file else (what,)
    with _opened(what if is_file else None, config, account=account, job=job) as (workspace, code):
        answers = [
            answer(workspace, name, since=_utc(since), until=_utc(until), **filters)
            for name in names
        ]
    if as_json:
        print_json(answers if len(answers) > 1 else answers[0])
    else:
        for found in answers:
            print_answer(found, limit=limit)
    raise typer.Exit(code)


def _list(*, as_json: bool) -> None:
    from bouncelens.service.report import questions

    if as_json:
        print_json(questions())
        return
    print_table(
        "Questions",
        (("name", False), ("asks", False)),
        [(asked.name, asked.asks) for asked in questions()],
    )


def _check_words(**filters: str | None) -> None:
    """A slip in a filter must not read as a rate of nought. Raises InputInvalid."""
    from bouncelens.errors import InputInvalid
    from bouncelens.service import vocabulary

    for name, value in filters.items():
        if value is None:
            continue
        known = list(vocabulary.reasons() if name == "reason" else vocabulary.provider_names())
        if value in known:
            continue
        near = difflib.get_close_matches(value, known, 1)
        advice = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(sorted(known))}."
        raise InputInvalid(f"There is no {name} {value!r}.", advice=advice)


def _is_file(what: str, known: set[str]) -> bool:
    if what in known:
        return False
    return Path(what).suffix.lower() in _FILES or "/" in what or Path(what).exists()


@contextmanager
def _opened(
    file: str | None, config: Path | None, **given: int | None
) -> Iterator[tuple[Workspace, int]]:
    """The settings' workspace, or a temporary one that holds just a file; and the exit code."""
    from bouncelens.service.temporary import over_file
    from bouncelens.service.workspace import Workspace

    settings = settings_of(config)
    if file is None:
        with Workspace.open(settings, create=False) as workspace:
            yield workspace, 0
        return
    with over_file(settings, Path(file), **given) as (workspace, imported):
        for sentence in imported.partial:
            say(sentence)
        has_bounces = any(kind == "bounces" for _, kind in imported.read)
        if not has_bounces:
            say(f"{file} holds no bounces. Tick Extract Bounces in the Data Extract activity.")
        yield workspace, imported.exit_code if has_bounces else 3


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def print_answer(found: Answer, *, limit: int = _ROWS) -> None:
    """An answer as a table with its window and notes. A day's table shows its last rows."""
    is_by_day = bool(found.columns) and found.columns[0].name == "day"
    rows = found.rows[-limit:] if is_by_day else found.rows[:limit]
    hidden = len(found.rows) - len(rows)
    if found.question == "totals" and found.rows:  # one row, wider than a terminal
        print_table(
            _title(found),
            (("", False), ("", True), ("", False)),
            [
                (column.name, _cell(value, column), column.doc)
                for column, value in zip(found.columns, found.rows[0], strict=True)
            ],
        )
    else:
        print_table(
            _title(found),
            [(_head(column), column.unit in _NUMBERS) for column in found.columns],
            [
                [_cell(value, column) for value, column in zip(row, found.columns, strict=True)]
                for row in rows
            ],
        )
    if hidden > 0:
        say(f"{hidden:,} more rows; --limit shows them.")
    typer.echo(" ".join(found.notes) + "\n")


def _title(found: Answer) -> str:
    start = f"from {found.since:%Y-%m-%d}" if found.since else "from the beginning"
    end = f"before {found.until:%Y-%m-%d}" if found.until else "until now"
    return f"{found.title} ({start} {end}, {found.time_zone})"


def _head(column: Column) -> str:
    return column.name.replace("_", " ")


def _cell(value: Any, column: Column) -> str:
    if value is None:
        return "–"
    if column.unit == "share":
        return f"{100 * value:.2f} %"
    if column.unit in _NUMBERS:
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else str(value)
