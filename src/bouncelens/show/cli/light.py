"""A command that starts at once: plain words and numbers need no library to be read.

Typer reads each value with pydantic, which takes longer to import than a reply to judge. What is
plain is taken as it is here; everything else still goes that way.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from typer.core import TyperCommand, TyperGroup

_WORDS = (str, str | None, list[str], list[str] | None)


class LightCommand(TyperCommand):
    """Any command; only quicker."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command's arguments."""
        _lighten(self, ctx)
        return super().parse_args(ctx, args)


class LightGroup(TyperGroup):
    """The same for a group of commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options before the command."""
        _lighten(self, ctx)
        _speak_plainly(self)
        return super().parse_args(ctx, args)


def _lighten(command: Any, ctx: Any) -> None:
    for parameter in command.get_params(ctx):
        # Another typer than ours may keep its reader elsewhere: then it is merely slower.
        if getattr(parameter, "_runtime_param", parameter) is None:
            parameter._runtime_param = _Plain(parameter)


def _speak_plainly(command: Any) -> None:
    """Let help say TEXT and NUMBER where typer says `<list[str]>` and `<int range>`, and a list of
    commands what each does: typer cuts the sentence off at the end of the line."""
    for below in getattr(command, "commands", {}).values():
        below.short_help = below.short_help or _first_sentence(below.help or "")
        _speak_plainly(below)
    for parameter in command.params:
        is_argument = parameter.param_type_name == "argument"
        word = None if is_argument else parameter.metavar or _kind_of(parameter)
        if is_argument and parameter.metavar is None:
            parameter.metavar = parameter.name.upper()
        parameter.display_type_rich = lambda ctx, word=word: word  # noqa: ARG005


def _first_sentence(text: str) -> str:
    words = " ".join(text.strip().partition("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z])", words, maxsplit=1)[0]


def _kind_of(parameter: Any) -> str:
    kind = parameter.type_descriptor.annotation
    kinds = {kind, *get_args(kind)}
    if kinds & {int, float}:
        return "NUMBER"
    if datetime in kinds:
        return "YYYY-MM-DD"
    return "PATH" if Path in kinds else "TEXT"


class _Plain:
    """Reads one parameter in typer's place."""

    def __init__(self, parameter: Any) -> None:
        self._parameter = parameter

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as the command takes it."""
        kind = self._parameter.type_descriptor.annotation
        if value is None or (kind in _WORDS and _are_words(value)):
            is_many = param.multiple or param.nargs == -1
            return () if value is None and is_many else value
        if int in (kind, *get_args(kind)) and _is_number(value, self._parameter):
            return int(value)
        from typer._coercion import build_runtime_param

        reader = build_runtime_param(self._parameter.type_descriptor)
        return reader.coerce(value, param=param, ctx=ctx)


def _are_words(value: Any) -> bool:
    return isinstance(value, str) or all(isinstance(part, str) for part in value)


def _is_number(value: Any, parameter: Any) -> bool:
    limits = parameter.type_descriptor.parameter_info
    is_plain = isinstance(value, str) and value.isascii() and value.isdigit()
    return is_plain and limits.min is None and limits.max is None
