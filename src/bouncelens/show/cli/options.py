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
_DAY = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
Since = Annotated[
    datetime | None,
    typer.Option(formats=_DAY, help="From this day on, UTC.", show_default=False),
]
Until = Annotated[
    datetime | None,
    typer.Option(formats=_DAY, help="Before this day, UTC.", show_default=False),
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
