"""Which files a Tracking Extract can hold, their columns, and the SELECT behind each.

Columns that nobody has written down are guesses; a file of one's own may say better.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CLOCK = "strftime({}, '%-m/%-d/%Y %-I:%M:%S %p')"
_SHARED = "values"
# Header of a column, and the name of the value that fills it ('' leaves it empty).
Column = tuple[str, str]


class ColumnsInvalid(ValueError):
    """A file of columns that cannot be used; the text names the file and what is known."""


@cache
def _book() -> dict[str, Any]:
    text = (files("sfmc_sandbox") / "extract.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def kinds() -> tuple[str, ...]:
    """The files there are, by name without ending."""
    return tuple(kind for kind in _book() if kind != _SHARED)


def flags(kind: str) -> tuple[str, ...]:
    """The parameters, in lower case, of which any asks for a file."""
    return tuple(flag.lower() for flag in _book()[kind]["flags"])


def guesses() -> tuple[str, ...]:
    """The files whose columns are not known for certain."""
    return tuple(kind for kind in kinds() if _book()[kind].get("is_guess"))


def columns_of(kind: str) -> tuple[Column, ...]:
    """A file's columns as they come with the sandbox."""
    return tuple((name, name) for name in _book()[kind]["columns"])


def read_columns(path: Path) -> dict[str, tuple[Column, ...]]:
    """Columns of one's own: per file a list of "Header", "Header = Value" or "Header =".
    Raises ColumnsInvalid."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ColumnsInvalid(f"{path}: {problem}") from problem
    made = {}
    for kind, entries in content.items():
        if kind not in kinds():
            raise ColumnsInvalid(f"{path}: no file is called {kind!r}: {', '.join(kinds())}")
        if not isinstance(entries, list) or not entries:
            raise ColumnsInvalid(f"{path}: {kind} must be a list of columns")
        made[kind] = tuple(_column(path, kind, str(entry)) for entry in entries)
    return made


def _column(path: Path, kind: str, entry: str) -> Column:
    header, sign, value = (part.strip() for part in entry.partition("="))
    value = value if sign else header
    if not header:
        raise ColumnsInvalid(f"{path}: {kind} has a column without a name")
    if value and value not in _values(kind):
        known = ", ".join(name for name in _book()[kind]["columns"])
        raise ColumnsInvalid(f"{path}: {kind} has no value {value!r}; there are: {known}")
    return header, value


def _values(kind: str) -> Mapping[str, str]:
    block = _book()[kind]
    own, shared = block.get(_SHARED, {}), _book()[_SHARED]
    return {name: own.get(name) or shared[name] for name in block["columns"]}


def select(kind: str, columns: tuple[Column, ...], accounts: tuple[int, ...]) -> str:
    """The rows of a file for some accounts; takes the start and the end of the range."""
    block, values = _book()[kind], _values(kind)

    def text(value: str) -> str:
        if not value:
            return "''"
        filled = values[value].replace("{event}", block.get("event", ""))
        return re.sub(r"\{clock:([^}]+)\}", lambda found: CLOCK.format(found[1]), filled)

    source = block.get("source") or (
        f"{block['table']} e JOIN subscriber s USING (sub) JOIN job j USING (job_id) "
        "WHERE e.mid {scope} AND e.event_time >= ? AND e.event_time < ? ORDER BY e.event_time"
    )
    scope = f"IN ({', '.join(str(int(mid)) for mid in accounts)})"
    chosen = ", ".join(text(value) for _, value in columns)
    return f"SELECT {chosen} FROM {source.replace('{scope}', scope)}"  # noqa: S608 - our own table
