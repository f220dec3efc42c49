"""Options of `serve` for what the platform's documents leave open: SFTP, files, notifications."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sfmc_sandbox.ens import FAILURES
from sfmc_sandbox.extract_files import Column, ColumnsInvalid, read_columns
from sfmc_sandbox.storage import LANDINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfmc_sandbox.wire.sandbox import Sandbox


def between(
    low: float, high: float, kind: type[int] | type[float] = float
) -> Callable[[str], float]:
    """A reader of numbers for argparse."""

    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError as problem:
            raise argparse.ArgumentTypeError(f"no number: {text!r}") from problem
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must lie between {low:g} and {high:g}: {text!r}")
        return value

    return number


def _keys(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"no such file: {text}")
    return path


def _columns(text: str) -> dict[str, tuple[Column, ...]]:
    try:
        return read_columns(Path(text))
    except ColumnsInvalid as problem:
        raise argparse.ArgumentTypeError(str(problem)) from problem


def add_switches(serve: argparse.ArgumentParser) -> None:
    """Adds the options; without one, the default of its setting holds."""
    option = serve.add_argument
    option("--sftp-keys", type=_keys, metavar="PATH",
           help="public keys that may enter over SFTP: a file for all, or a folder with MID.pub"
           )  # fmt: skip
    option("--sftp-connections", type=between(1, 1000, int), metavar="N",
           help="of one SFTP user at the same time (default: 10)")  # fmt: skip
    option("--sftp-idle-s", type=between(0.1, 1e6), metavar="SECONDS",
           help="when a silent SFTP connection is closed (default: 600)")  # fmt: skip
    option("--sftp-keep-days", type=between(0, 36_500), metavar="DAYS",
           help="how long files are kept, by the sandbox's clock (default: 21)")  # fmt: skip
    option("--extracts-land", choices=LANDINGS,
           help="where data extract activities leave their file (default: auto)")  # fmt: skip
    option("--extract-columns", type=_columns, metavar="FILE.toml",
           help="columns of Tracking Extract files in place of the sandbox's")  # fmt: skip
    option("--query-wait-s", type=between(0, 3600), metavar="SECONDS",
           help="how long a query waits before it runs, and runs at least (default: 0.25)"
           )  # fmt: skip
    option("--no-false-bounce", action="store_false", default=None,
           help="the account lacks the column IsFalseBounce")  # fmt: skip
    option("--ens-failure", choices=FAILURES,
           help="what three failed deliveries do: put the batch off, or suspend the callback"
           )  # fmt: skip


def apply_switches(sandbox: Sandbox, options: argparse.Namespace) -> None:
    """Sets what was asked for."""
    places = {
        "sftp_keys": (sandbox.sftp_rules, "keys"),
        "sftp_connections": (sandbox.sftp_rules, "connections"),
        "sftp_idle_s": (sandbox.sftp_rules, "idle_s"),
        "sftp_keep_days": (sandbox.storage, "keep_days"),
        "extracts_land": (sandbox.storage, "landing"),
        "extract_columns": (sandbox.storage, "extract_columns"),
        "ens_failure": (sandbox.ens, "on_failure"),
        "no_false_bounce": (sandbox.queries.views, "has_false_bounce"),
    }
    if options.query_wait_s is not None:
        sandbox.runs.start_delay_s = sandbox.runs.least_s = options.query_wait_s
    for name, (holder, field) in places.items():
        value = getattr(options, name)
        if value is not None:
            setattr(holder, field, value)
