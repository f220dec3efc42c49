"""The query route's questions as T-SQL. The texts are data, in staging.toml.

Around each goes one row that proves the run: with no row at all nobody could tell an empty answer
from a query that has not written yet, and with a count beside every row none can be missing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files

from bouncelens.extract.clock import to_sfmc

RUN, TOTAL = "Run", "Total"
_PROOF = ((RUN, "Text", 32), (TOTAL, "Text", 20))
_ABSENT = "CAST(NULL AS VARCHAR(5))"


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that is asked. `fields`: name, type and length of each column; `optional`: the
    expression of columns that an account may lack; `narrowing`: a condition by each filter."""

    name: str
    of: str  # the data view
    fields: tuple[tuple[str, str, int], ...]
    sql: str
    optional: Mapping[str, str]
    narrowing: Mapping[str, str]

    @property
    def columns(self) -> tuple[tuple[str, str, int], ...]:
        """The columns of the data extension, those of the proof first."""
        return (*_PROOF, *self.fields)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question is filled in with, already T-SQL."""

    mid: int
    subscribers: str
    start: str = ""
    end: str = ""
    narrowing: tuple[tuple[str, str], ...] = ()  # filter and literal
    shard: str = ""


@cache
def kind(name: str) -> Kind:
    """The question of a name: bounces, sends, jobs or subscribers."""
    table = tomllib.loads(files(__package__).joinpath("staging.toml").read_text("utf-8"))[name]
    fields = tuple((str(n), str(t), int(length)) for n, t, length in table["fields"])
    optional, narrowing = table.get("optional", {}), table.get("and", {})
    return Kind(name, table["of"], fields, table["sql"].strip(), optional, narrowing)


KINDS = ("bounces", "sends", "jobs", "subscribers")


def literal(text: str) -> str:
    """A text as T-SQL writes it: a quote inside is doubled, and nothing else ends it."""
    return "N'" + text.replace("'", "''") + "'"


def moment(at: datetime) -> str:
    """A UTC moment in the data views' own time, UTC-6, without quotes."""
    return to_sfmc(at)


def question(of: Kind, asked: Asked, *, run: str, lacking: frozenset[str] = frozenset()) -> str:
    """The whole query. `run` proves whose rows they are; `lacking`: columns that are not there."""
    inner = of.sql.format(
        mid=int(asked.mid),
        subscribers=asked.subscribers,
        start=asked.start,
        end=asked.end,
        shard=asked.shard,
        **{"and": "".join(of.narrowing[n].format(**{n: v}) for n, v in asked.narrowing)},
        **{n: _ABSENT if n in lacking else sql for n, sql in of.optional.items()},
    )
    names = ", ".join(f"q.{name} AS {name}" for name, _, _ in of.fields)
    return (
        f"SELECT r.Run AS Run, CAST(COUNT(q.One) OVER () AS VARCHAR(20)) AS Total, {names}\n"
        f"FROM (SELECT {literal(run)} AS Run) AS r\nLEFT JOIN (\n{inner}\n) AS q ON 1 = 1"
    )
