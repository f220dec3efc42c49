"""Which column of a source is which of our fields. The names themselves are data: columns.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from bouncelens.errors import InputInvalid


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one kind of row: `names[field]` in order of preference, and what is needed."""

    kind: str
    needed: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a source keeps our fields: positions in its header, in order of preference."""

    header: tuple[str, ...]
    places: Mapping[str, tuple[int, ...]]


@cache
def names_of(kind: str) -> Names:
    """The alias table of a kind of row, such as "bounces" or "sent"."""
    table = _tables()[kind]
    aliased = table.get("names") or _tables()[table["names_of"]]["names"]
    names = {field: tuple(aliases) for field, aliases in aliased.items()}
    return Names(kind, tuple(table["needed"]), names)


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("columns.toml").read_text("utf-8"))


@lru_cache(10_000)
def plain(name: str) -> str:
    """A column name as it is compared: letters and digits, lower case."""
    return "".join(c for c in name.casefold() if c.isalnum())


def place(source: str, header: Sequence[str], kind: str, *, given: Collection[str] = ()) -> Columns:
    """Find our fields in a header. `given`: fields the person stated, so no column is needed.

    Raises InputInvalid when a needed column is missing, or when a column we would read is there
    twice: guessing which is meant would shift values silently.
    """
    table, plain_header = names_of(kind), [plain(name) for name in header]
    places: dict[str, tuple[int, ...]] = {}
    for field, aliases in table.names.items():
        found = []
        for alias in aliases:
            hits = [i for i, name in enumerate(plain_header) if name == plain(alias)]
            if len(hits) > 1:
                raise InputInvalid(
                    f"{source}: the column {_shown(header[hits[0]])} is there {len(hits)} times "
                    f"(columns {', '.join(str(i + 1) for i in hits)}).",
                    advice="Rename or remove all but one of them.",
                )
            found += [hit for hit in hits if hit not in found]
        if found:
            places[field] = tuple(found)
    for field in table.needed:
        if field not in places and field not in given:
            raise InputInvalid(_missing(source, header, field, table), advice=_advice(field))
    return Columns(tuple(header), places)


def fit(header: Sequence[str], kind: str) -> int:
    """How many of our fields a header has; -1 when a needed one (other than account) lacks."""
    table, have = names_of(kind), {plain(name) for name in header}
    found = {f for f, names in table.names.items() if any(plain(n) in have for n in names)}
    return len(found) if set(table.needed) - {"account", "job"} <= found else -1


def kind_by_name(name: str) -> str | None:
    """What a Tracking Extract's file holds by its name: "bounces", "jobs", "sent", "other"; None
    when the name says nothing."""
    stem = name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or name
    letters = "".join(c for c in stem.casefold() if c.isalpha())
    parts: Mapping[str, Sequence[str]] = _tables()["parts"]
    hits = [
        (len(end), kind) for kind, ends in parts.items() for end in ends if letters.endswith(end)
    ]
    return max(hits)[1] if hits else None


def known(header: Sequence[str]) -> int:
    """How many cells of a header line are names we know: tells a header from a row of values."""
    every = {
        plain(name)
        for kind in ("bounces", "sent", "sends", "jobs")
        for aliases in names_of(kind).names.values()
        for name in aliases
    }
    return sum(plain(name) in every for name in header)


def _missing(source: str, header: Sequence[str], field: str, table: Names) -> str:
    tried = ", ".join(table.names[field])
    found = ", ".join(_shown(name) for name in header[:40]) or "none"
    more = f" and {len(header) - 40} more" if len(header) > 40 else ""
    return f"{source}: no column for {field} (tried {tried}; found {found}{more})."


def _advice(field: str) -> str:
    if field in ("account", "job"):
        return f"Export it too, or state it with --{field}."
    return "Export this column too, or rename yours to one of these names."


def _shown(name: str) -> str:
    """A column name fit for a sentence: it comes from a stranger's file."""
    safe = "".join(c if c.isprintable() else "�" for c in name)
    return repr(safe if len(safe) <= 40 else safe[:39] + "…")
