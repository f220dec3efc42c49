"""`report`: questions answered in the terminal, over the lake or over a file without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bouncelens.show.cli.answers import ROWS, print_answer
from bouncelens.show.cli.options import Account, Addresses, Config, Engine, Json, Since, Until, Wide
from bouncelens.show.cli.screen import print_json, print_table, say, settings_of
from bouncelens.show.cli.taking import Form, Out, take, wanted

if TYPE_CHECKING:
    from bouncelens.service.workspace import Workspace
    from bouncelens.settings import Settings

_MOST_ROWS = 1000  # that a question gives unless asked for more
_FILES = (".zip", ".csv", ".tsv", ".txt", ".jsonl", ".json", ".parquet")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(report)


def report(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME] [FILE]",
            help="A question, 'list' for all of them; a file to ask without a lake; or both.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIMENSIONS",
            help="Count by one to three of: day, reason, provider, campaign …; 'list' for all.",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Only these, e.g. 'campaign=Spring' or 'list=5'; again for more conditions.",
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="With compare: the other side, as 'campaign=Winter' or 2026-01-01..2026-02-01; "
            "else the period before.",
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    account: Account = None,
    job: Annotated[int | None, typer.Option(metavar="ID", help="Only this job.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only this mailbox provider.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only this receiving domain.")] = None,
    group: Annotated[str | None, typer.Option(help="Only this group of reasons.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only this reason.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Rows per question; else 15 on the screen, 30 in a document, all in a table.",
            show_default=False,
        ),
    ] = None,
    form: Form = None,
    out: Out = None,
    wide: Wide = False,
    addresses: Addresses = False,
    query: Annotated[bool, typer.Option("--query", help="Print the SQL instead.")] = False,
    engine: Engine = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Bounce rates by reason, provider, campaign and day, or by what you say.

    Each rate with what it is a share of, and its 95 % interval. With --by, a table of any one to
    three dimensions; --where narrows it, as it does every question.

    FILE may be a Tracking Extract zip or any table of bounces: no tenant and no lake are needed,
    and every question can be asked of it: 'report by_domain extract.zip'.
    --format and --out take the answers away: documents with charts, or tables of every row.
    Exit code 3 when rows of it could not be read, or it holds no bounces.
    """
    from bouncelens.service.hiding import showing_addresses
    from bouncelens.service.report import answer

    what, file = _subject(words or [])
    if what == "list" or by == ["list"]:
        _list(as_json=as_json, is_of_dimensions=what != "list")
        return
    options = {"account": account, "job": job, "provider": provider, "domain": domain,
               "group": group, "reason": reason}  # fmt: skip
    filters = _filters(where or [], options, since=since, until=until)
    names = _names(what, by)
    if query:
        _print_queries(names, as_json=as_json)
        return
    filters |= _other_side(what, against or [], filters)
    place = {"account": account, "job": job}
    asked = wanted("json" if as_json else form, out, limit=limit)
    settings = showing_addresses(settings_of(config, engine=engine), asked=addresses)
    with _opened(file, settings, **place) as (workspace, code):
        if asked is not None:
            lead = _origin(file, code) if file else ()
            take(workspace, names, filters, asked=asked, lead=lead)
        else:
            rows = limit or ROWS
            for name in names:
                found = answer(workspace, name, **_least(name, filters, rows))
                print_answer(found, limit=rows, is_wide=wide)
    raise typer.Exit(code)


def _filters(
    where: list[str], options: dict[str, Any], **window: datetime | None
) -> dict[str, Any]:
    """Options and conditions alike, by the names that questions use. Raises InputInvalid."""
    from bouncelens.service.narrow import read_conditions

    given = {**options, **{name: at.isoformat() for name, at in window.items() if at}}
    said = [f"{name}={value}" for name, value in given.items() if value is not None]
    return read_conditions([*said, *where])


def _subject(words: list[str]) -> tuple[str | None, str | None]:
    """The question and the file among the words, in either order; None where there is none."""
    from bouncelens.service.report import questions

    known = {"list", *(asked.name for asked in questions())}
    files = [word for word in words if _is_file(word, known)]
    names = [word for word in words if word not in files]
    for several, kind in ((files, "file"), (names, "question")):
        if len(several) > 1:
            raise typer.BadParameter(f"say one {kind}, not {several[0]!r} and {several[1]!r}")
    return next(iter(names), None), next(iter(files), None)


def _names(what: str | None, by: list[str] | None) -> tuple[str, ...]:
    """The questions asked. Raises QuestionInvalid for unknown dimensions."""
    from bouncelens.service.report import STANDARD, pivot

    if by:
        if what is not None:
            raise typer.BadParameter(f"say a question, here {what!r}, or --by, not both")
        return (pivot(by),)
    return STANDARD if what is None else (what,)


def _other_side(what: str | None, against: list[str], filters: dict[str, Any]) -> dict[str, object]:
    """The parameters of the other side, where two are compared. Raises InputInvalid."""
    from bouncelens.service.compare import other_side

    if what != "compare":
        if against:
            raise typer.BadParameter("--against belongs to the question compare")
        return {}
    if any(name.startswith("other_") for name in filters):
        return {}
    return other_side(filters, against)


def _least(name: str, filters: dict[str, Any], limit: int) -> dict[str, Any]:
    """The filters, and enough rows to show as many as wanted."""
    from bouncelens.service.report import takes

    return filters | ({"limit": limit} if limit > _MOST_ROWS and takes(name, "limit") else {})


def _origin(file: str, code: int) -> tuple[str, ...]:
    """What a document says of the file that it is about."""
    lacks = ("Some of it could not be read, or is lacking; the command said what.",) * (code != 0)
    return (f"Read from {Path(file).name}.", *lacks)


def _print_queries(names: tuple[str, ...], *, as_json: bool) -> None:
    from bouncelens.service.report import shown

    found = [shown(name) for name in names]
    if as_json:
        print_json(found if len(found) > 1 else found[0])
        return
    for each in found:
        typer.echo(f"-- {each.title}\n{each.sql}\n")


def _list(*, as_json: bool, is_of_dimensions: bool) -> None:
    from bouncelens.service.report import dimensions, questions

    found: Any = dimensions() if is_of_dimensions else questions()
    if as_json:
        print_json(found)
        return
    if is_of_dimensions:
        print_table("Dimensions", (("name", False), ("meaning", False)), found)
        return
    for audience, title in (("people", "Questions"), ("machinery", "What commands ask")):
        print_table(
            title,
            (("name", False), ("asks", False)),
            [(asked.name, asked.asks) for asked in found if asked.audience == audience],
        )
        typer.echo("")


def _is_file(what: str, known: set[str]) -> bool:
    if what in known:
        return False
    return Path(what).suffix.lower() in _FILES or "/" in what or Path(what).exists()


@contextmanager
def _opened(
    file: str | None, settings: Settings, **given: int | None
) -> Iterator[tuple[Workspace, int]]:
    """The settings' workspace, or a temporary one that holds just a file; and the exit code."""
    from bouncelens.service.temporary import over_file
    from bouncelens.service.workspace import Workspace

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
