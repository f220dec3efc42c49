"""An answer in the terminal: the columns that fit, rates only where they say something, and how
they went over time as bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from bouncelens.show.cli.screen import columns_wide, print_table, say, screen_width
from bouncelens.show.export.cells import NUMBERS, interval, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bouncelens.service.report import Answer

ROWS = 15
_TIMES = ("day", "week", "month", "event_day", "event_week")
_GAP = 2  # blanks between two columns
_LEAST_TEXT = 20  # columns of the screen that a long text needs to be read
_LONGEST_WORD = 40  # that is not broken
_LEAST_COLUMNS = 3  # that stay, however narrow the screen
_LONGEST_TEXT = 160
_BAR = 16
_TREND = 60  # signs of the line that shows the whole window
_LEVELS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True, slots=True)
class _Shown:
    """A column as it is shown. `names`: the answer's columns that are in it."""

    head: str
    cells: tuple[str, ...]
    is_number: bool
    is_detail: bool
    names: tuple[str, ...]

    @property
    def natural(self) -> int:
        return max(map(columns_wide, (self.head, *self.cells)))

    @property
    def least(self) -> int:
        if self.is_number:
            return self.natural
        words = (word for text in (self.head, *self.cells) for word in text.split())
        longest = max(map(columns_wide, words), default=0)
        return min(self.natural, max(_LEAST_TEXT, min(longest, _LONGEST_WORD)))


def print_answer(found: Answer, *, limit: int = ROWS, is_wide: bool = False) -> None:
    """An answer as a table with its window and notes; of times the last rows. Columns that do not
    fit the screen are left out, and named, unless `is_wide`."""
    if not found.rows:
        typer.echo(f"{_title(found)}\nNo rows.")
    elif len(found.rows) == 1 and found.columns[0].unit in NUMBERS:  # one row of nothing but counts
        _print_card(found)
    else:
        _print_rows(found, limit=limit, is_wide=is_wide)
    for sentence in found.told:
        typer.echo(sentence)
    typer.echo(" ".join((*found.notes[len(found.told) :], *_thin_note(found))) + "\n")


def _print_card(found: Answer) -> None:
    cells = {name: texts[0] for name, texts in _cells(found, found.rows).items()}
    lines = [
        (column.name.replace("_", " "), cells[column.name], column.doc)
        for column in found.columns
        if column.name not in ("low", "high")
    ]
    if {"rate", "low", "high"} <= set(cells):
        place = [column.name for column in found.columns].index("rate") + 1
        ends = interval(cells["low"], cells["high"], " ")
        lines.insert(place, ("95 % interval", ends, "where the rate lies (Wilson)"))
    print_table(_title(found), (("", False), ("", True), ("", False)), lines)


def _print_rows(found: Answer, *, limit: int, is_wide: bool) -> None:
    is_by_time = bool(found.columns) and found.columns[0].name in _TIMES
    rows = found.rows[-limit:] if is_by_time else found.rows[:limit]
    columns = _columns(found, rows, is_wide=is_wide)
    if is_by_time and rows:  # beside the rate, so that the kinds of bounces make room first
        rates, counts = {"rate", "low"}, {_counted(found)}
        place = [i for i, c in enumerate(columns) if rates & set(c.names)]
        place = place or [i for i, c in enumerate(columns) if counts & set(c.names)]
        columns.insert(place[-1] + 1 if place else len(columns), _bars(found, rows))
    kept = columns if is_wide else fitting(columns, screen_width())
    width = sum(column.natural + _GAP for column in kept) if is_wide else None
    print_table(
        _title(found),
        [(column.head, column.is_number) for column in kept],
        list(zip(*(column.cells for column in kept), strict=True)),
        width=max(width, screen_width()) if width else None,
        unbroken=[column.least == column.natural for column in kept],
    )
    if len(found.rows) > len(rows):
        if is_by_time:
            _print_trend(found)
        say(f"{len(found.rows) - len(rows):,} more rows; --limit shows them.")
    left = [name for column in columns if column not in kept for name in column.names]
    if left:
        say(f"No room for {', '.join(left)}; --wide shows them.")


def fitting(columns: Sequence[_Shown], width: int) -> list[_Shown]:
    """The columns that a screen has room for: details are left out first, then others, always
    from the right."""
    kept = list(columns)
    details = [column for column in reversed(columns) if column.is_detail]
    others = [column for column in reversed(columns[_LEAST_COLUMNS:]) if not column.is_detail]
    for column in (*details, *others):
        if sum(c.least + _GAP for c in kept) - _GAP <= width:
            break
        kept.remove(column)
    return kept


def _columns(found: Answer, rows: Sequence[Sequence[Any]], *, is_wide: bool) -> list[_Shown]:
    """The columns with their cells; an interval is one, and what says nothing is none."""
    cells = _cells(found, rows)
    has_interval = {"low", "high"} <= set(cells)
    shown = []
    for number, column in enumerate(found.columns):
        name, is_detail = column.name, column.is_detail
        values = [row[number] for row in rows]
        says_nothing = all(v is None for v in values) or (name == "uncounted" and not any(values))
        if rows and says_nothing and number and not is_wide and column.is_detail:
            continue
        if has_interval and name == "high":
            continue
        head, texts = name.replace("_", " "), cells[name]
        names: tuple[str, ...] = (name,)
        if has_interval and name == "low":
            head, names = "95 % interval", ("low", "high")
            texts = [interval(*ends) for ends in zip(cells["low"], cells["high"], strict=True)]
        if not is_wide:
            texts = [t if len(t) <= _LONGEST_TEXT else t[:_LONGEST_TEXT] + "…" for t in texts]
        shown.append(_Shown(head, tuple(texts), column.unit in NUMBERS, is_detail, names))
    return shown


def _cells(found: Answer, rows: Sequence[Sequence[Any]]) -> dict[str, list[str]]:
    names = [column.name for column in found.columns]
    thin = [found.is_thin(dict(zip(names, row, strict=True))) for row in rows]
    return {
        column.name: [
            "–" if is_thin and column.name in ("rate", "low", "high") else shown(row[at], column)
            for row, is_thin in zip(rows, thin, strict=True)
        ]
        for at, column in enumerate(found.columns)
    }


def _thin_note(found: Answer) -> tuple[str, ...]:
    has_rates = any(column.name == "rate" for column in found.columns)
    if has_rates and any(map(found.is_thin, found.records())):
        return (f"Rates of fewer than {found.min_sent:,} sent are not shown (report.min_sent).",)
    return ()


def _bars(found: Answer, rows: Sequence[Sequence[Any]]) -> _Shown:
    """Each row's rate as a bar, the longest for the highest; bounces, else addresses, where there
    are no rates."""
    names = [column.name for column in found.columns]
    records = [dict(zip(names, row, strict=True)) for row in rows]
    values = [None if found.is_thin(r) else r.get("rate") for r in records]
    if not any(values):
        values = [record.get(_counted(found)) for record in records]
    most = max((v for v in values if v), default=0)
    bars = tuple(bar(v / most if v and most else 0) for v in values)
    return _Shown("", bars, is_number=False, is_detail=True, names=())


def _counted(found: Answer) -> str:
    """What bars count where there are no rates."""
    return "bounces" if any(column.name == "bounces" for column in found.columns) else "addresses"


def _print_trend(found: Answer) -> None:
    """The whole window's rates as one line, a sign for several rows where there are many. Only
    where a time is one row: others carry the same sent count several times."""
    if found.columns[1].name != "bounces":
        return
    records = [r for r in found.records() if r.get("sent")]
    if not records:
        return
    step = -(-len(records) // _TREND)
    parts = [records[at : at + step] for at in range(0, len(records), step)]
    counted = [
        (sum(r["bounced"] - r["uncounted"] for r in part), sum(r["sent"] for r in part))
        for part in parts
    ]
    rates = [bounced / sent if sent >= found.min_sent else None for bounced, sent in counted]
    if not (known := [rate for rate in rates if rate is not None]):
        return
    name = found.columns[0].name
    span = f"{records[0][name]} to {records[-1][name]}"
    ends = f"lowest {100 * min(known):.2f} %, highest {100 * max(known):.2f} %"
    per = name if step == 1 else f"{step} {name}s with sends"
    typer.echo(f"Rate per {per}, {span}: {ends}\n{sparkline(rates)}")


def bar(share: float) -> str:
    """A bar of at most 16 columns, as long as the share, 0 to 1, of them."""
    whole, rest = divmod(round(share * _BAR * 8), 8)
    return ("█" * whole + _EIGHTHS[rest]).rstrip()


def sparkline(values: Sequence[float | None]) -> str:
    """One sign per value, from the lowest to the highest; a blank where nothing is known."""
    known = [value for value in values if value is not None]
    most = max(known, default=0)
    top = len(_LEVELS) - 1
    return "".join(
        " " if v is None else _LEVELS[round(v / most * top) if most else 0] for v in values
    )


def _title(found: Answer) -> str:
    start = f"from {found.since:%Y-%m-%d}" if found.since else "from the beginning"
    end = f"before {found.until:%Y-%m-%d}" if found.until else "until now"
    return f"{found.title} ({start} {end}, {found.time_zone})"
