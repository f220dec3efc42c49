"""Changes in Marketing Cloud: the plan is shown, then somebody says yes – or `--yes` did."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from bouncelens.show.cli.screen import say


def agreed(plan: Sequence[str], *, is_sure: bool, as_json: bool) -> bool:
    """Say the plan, and whether it is to be carried out. `as_json`: nothing is said or asked."""
    if not as_json:
        say("In Marketing Cloud:" if plan else "There is nothing to do.")
        for number, sentence in enumerate(plan, 1):
            say(f"{number}. {sentence}")
    if not plan or is_sure or as_json:
        return bool(plan) and is_sure
    return sys.stdin.isatty() and typer.confirm("Do it?", err=True)


def end(plan: Sequence[str], *, is_done: bool, as_json: bool) -> NoReturn:
    """Say what came of it. Exit code 2 when a plan waits for somebody's yes."""
    if plan and not as_json:
        say("Done." if is_done else "Nothing was changed. Say --yes to do it.")
    raise typer.Exit(2 if plan and not is_done else 0)
