"""What reaches a terminal: answers on stdout, everything else on stderr.

Replies, file names and keys come from strangers: no control character of theirs gets through.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.progress import Progress

    from bouncelens.errors import BouncelensError
    from bouncelens.settings import Settings

_MANY = 1_000  # rows of a table, from which on they are written without rich
_PIPE_WIDTH = 120  # columns where nobody knows how wide the reader is
# Format characters that people write words with; the others can hide or turn text around.
_WRITTEN = frozenset("\u200c\u200d")


def visible(text: object) -> str:
    """Text with every control and direction character made visible, on one line."""
    words = str(text)
    if words.isprintable():
        return words
    return "".join(c if _is_shown(c) else _escape(c) for c in words)


def _is_shown(char: str) -> bool:
    return char in _WRITTEN or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def plain(value: Any) -> Any:
    """A value as JSON can say it: dataclasses as objects, times in ISO 8601."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, PurePath) else value


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """One object on stdout. Other scripts than ours stay readable; control characters are
    escaped by JSON itself, those of C1 and direction by us."""
    sys.stdout.write(json_text(value, indent=indent) + "\n")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """The same without writing it."""
    text = json.dumps(plain(value), ensure_ascii=False, indent=indent, allow_nan=False)
    if not text.replace("\n", "").isprintable():  # nearly every text is; the rest letter by letter
        text = "".join(c if c == "\n" or _is_shown(c) else json.dumps(c)[1:-1] for c in text)
    return text


def say(text: str) -> None:
    """A line for the person, on stderr."""
    sys.stderr.write(visible(text) + "\n")
    sys.stderr.flush()


def say_error(error: BouncelensError) -> None:
    """One failure in one sentence, and what to do next."""
    say(f"Error: {error}")


def stdout() -> Console:
    """The terminal for answers: rich, but never reading markup out of them."""
    return _console(is_stderr=False)


def stderr() -> Console:
    """The terminal for progress."""
    return _console(is_stderr=True)


def _console(*, is_stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if is_stderr else sys.stdout
    return Console(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        width=None if stream.isatty() else _PIPE_WIDTH,
    )


def print_card(title: str, rows: Iterable[tuple[str, str]]) -> None:
    """Names and what belongs to them, side by side on stdout. Without rich: it answers at once."""
    from shutil import get_terminal_size

    is_terminal = sys.stdout.isatty()
    width = get_terminal_size().columns if is_terminal else _PIPE_WIDTH
    shown = [(visible(name), visible(value)) for name, value in rows]
    edge = max((len(name) for name, _ in shown), default=0)
    head = visible(title)
    bold, plain_again = ("\x1b[1m", "\x1b[0m") if is_terminal and _has_colour() else ("", "")
    lines = [f"{bold}{head}{plain_again}", ""]
    for name, value in shown:
        for number, line in enumerate(_folded(value, max(20, width - edge - 2))):
            label = f"{'' if number else name:>{edge}}"
            lines.append(f"{bold}{label}{plain_again}  {line}")
    sys.stdout.write("\n".join(lines) + "\n")


def _has_colour() -> bool:
    import os

    return "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _folded(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns, broken at blanks where there are any."""
    lines, line, room = [], "", width
    for word in text.split(" "):
        size = _columns(word)
        if line and size + 1 > room:
            lines.append(line)
            line, room = "", width
        if line:
            line, room = f"{line} ", room - 1
        while size > room:  # a link or Chinese: no blank for long
            cut = next(at for at in range(1, len(word) + 1) if _columns(word[:at]) >= room)
            lines.append(line + word[:cut])
            word, line, room = word[cut:], "", width  # noqa: PLW2901
            size = _columns(word)
        line, room = line + word, room - size
    return [*lines, line]


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def print_table(
    title: str,
    header: Sequence[tuple[str, bool]],
    rows: Iterable[Sequence[str]],
    *,
    width: int | None = None,
    unbroken: Sequence[bool] = (),
) -> None:
    """A table on stdout. `header`: each column's name and whether it holds numbers. `width`:
    columns of the screen, if not as many as it has. `unbroken`: which columns have lines of their
    own, as others give way."""
    from rich.table import Table
    from rich.text import Text

    rows = list(rows)
    if len(rows) > _MANY and len(unbroken) == len(header) and all(unbroken):
        _print_lines(title, header, rows)
        return
    table = Table(box=None, pad_edge=False)
    for at, (name, is_number) in enumerate(header):
        table.add_column(
            Text(visible(name)),
            justify="right" if is_number else "left",
            overflow="fold",
            no_wrap=at < len(unbroken) and unbroken[at],
        )
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    console = stdout()
    console.width = width or screen_width()
    console.print(Text(visible(title), style="italic"))  # a table's own title wraps at its width
    console.print(table)


def _print_lines(
    title: str, header: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]
) -> None:
    """The same of many rows that need no folding: a hundred thousand take seconds, not minutes."""
    names = [visible(name) for name, _ in header]
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(_columns, column)) for column in zip(names, *cells, strict=True)]
    sys.stdout.write(visible(title) + "\n")
    for row in (names, *cells):
        padded = (
            " " * (width - _columns(cell)) + cell
            if is_number
            else cell + " " * (width - _columns(cell))
            for cell, width, (_, is_number) in zip(row, widths, header, strict=True)
        )
        sys.stdout.write("  ".join(padded).rstrip() + "\n")


def columns_wide(text: str) -> int:
    """How many columns a text takes on the screen, once made visible."""
    return _columns(visible(text))


def screen_width() -> int:
    """Columns of the screen behind stdout; where there is none, as COLUMNS says, else 120."""
    import os
    from shutil import get_terminal_size

    is_known = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return get_terminal_size().columns if is_known else _PIPE_WIDTH


@contextmanager
def progress() -> Iterator[Progress]:
    """Bars on stderr while the block runs; nothing where stderr is no terminal."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = stderr()
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        TextColumn("{task.fields[detail]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bars:
        yield bars


def rules_of(config: Path | None) -> list[Path]:
    """The person's own rule files. Raises SettingsInvalid."""
    from pathlib import Path

    from bouncelens.settings import are_any

    if config is None and not are_any():
        return []
    return [Path(rule) for rule in settings_of(config).rules]


def settings_of(config: Path | None, *, engine: str | None = None) -> Settings:
    """The settings, and logs set up; `engine`: another for this once. Raises SettingsInvalid."""
    from bouncelens.settings import load
    from bouncelens.show.cli.log import set_up

    set_up()
    settings = load(config)
    if engine is None:
        return settings
    asked = settings.engine.model_copy(update={"name": engine})
    return settings.model_copy(update={"engine": asked})
