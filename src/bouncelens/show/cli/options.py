"""Options that several commands share."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="BOUNCELENS_CONFIG",
        metavar="FILE",
        help="Settings file; else bouncelens.toml here, then in your configuration folder.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the object as JSON.")]
DAY = "YYYY-MM-DD"


def day(text: str) -> datetime:
    """What somebody says of a day, or of a moment in it. Raises typer's refusal."""
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - UTC, said by whoever asks
        except ValueError:
            continue
    raise typer.BadParameter(f"{text!r} is no day. Write 2026-11-30, or 2026-11-30T18:45; UTC.")


Since = Annotated[
    datetime | None,
    typer.Option(parser=day, metavar=DAY, help="From this day on, UTC.", show_default=False),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=day, metavar=DAY, help="Before this day, UTC.", show_default=False),
]
Account = Annotated[
    int | None, typer.Option(metavar="MID", help="Only this business unit.", show_default=False)
]
Accounts = Annotated[
    list[str] | None,
    typer.Option(
        "--account",
        metavar="MID|NAME",
        help="Only this business unit; may be given again.",
        show_default=False,
    ),
]
Engine = Annotated[
    Literal["duckdb", "spark"] | None,
    typer.Option(
        "--engine",
        metavar="duckdb|spark",
        help="Let this engine answer; else engine.name.",
        show_default=False,
    ),
]
Addresses = Annotated[
    bool,
    typer.Option("--addresses", help="Show addresses: raw replies, and keys that are addresses."),
]
Wide = Annotated[bool, typer.Option("--wide", help="Every column, however wide.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do what the plan says.")]
