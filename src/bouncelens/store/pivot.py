"""Counts and rates by any dimensions, written once in `parts/`: the SQL of `rates` that named
questions and `--by` both begin with.

A message is counted once per cell. What was sent is summed apart from what bounced and met
afterwards, over those dimensions only that sent counts know.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from bouncelens.errors import QuestionInvalid
from bouncelens.store.dimensions import DIMENSIONS, Dimension, dimensions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MOST_DIMENSIONS = 3

# What narrows bounces: parameter and column of judged. Of sent counts, by what they know.
_OF_BOTH = {
    "account": "account", "job": "job", "provider": "provider", "domain": "domain",
    "campaign": "campaign", "sender_domain": "sender_domain", "job_category": "job_category",
}  # fmt: skip
_OF_JOBS = ("campaign", "sender_domain", "job_category")
_OF_BOUNCES = _OF_BOTH | {
    "reason": "reason", "reason_group": "reason_group", "hardness": "hardness", "list": "list_id",
    "sfmc_category": "sfmc_category", "triggered_send": "triggered_send_key",
}  # fmt: skip


def denominator(by: Sequence[Dimension]) -> str:
    """What a rate by these dimensions is a share of, as a phrase."""
    known = [d for d in by if d.has_sent]
    unknown = [d.name for d in by if not d.has_sent]
    words = ["messages sent", *(d.of for d in known)] if known else ["all messages sent"]
    return " ".join(words) + (
        f"; the same for every {' and '.join(unknown)}, which sent counts do not know"
        if unknown
        else ""
    )


def asked() -> str:
    """The CTE `asked`: judged bounces that came in the window, narrowed by all filters."""
    return _part("asked").format(filters=_narrowed(_OF_BOUNCES, dict.fromkeys(_OF_BOUNCES, "b")))


def tallies() -> str:
    """The CTE `tallies`: the same as they are counted, in cells or apart."""
    return _part("tallies").format(filters=_narrowed(_OF_BOUNCES, dict.fromkeys(_OF_BOUNCES, "b")))


def people() -> str:
    """The CTE `people`: who bounced, by the filters of `rates`."""
    return _part("people").format(filters=_narrowed(_OF_BOUNCES, dict.fromkeys(_OF_BOUNCES, "b")))


def rates(by: Sequence[Dimension]) -> str:
    """The CTEs from `messages` (those apart) to `rates`, with a row per cell."""
    columns = {name: (bounce, sent) for d in by for name, bounce, sent, _ in d.columns}
    known = {name: sent for name, (_, sent) in columns.items() if sent is not None}
    keys = [f"b.{key}" for key in ("account", "job", "person") if key not in columns]
    of = dict.fromkeys(_OF_BOTH, "s") | dict.fromkeys(_OF_JOBS, "j")
    is_by_domain = any(d.is_by_domain for d in by)
    by_domain = ("s.domain <> ''",) if is_by_domain else ()
    matches = " AND ".join(f"m.{name} IS NOT DISTINCT FROM b.{name}" for name in known)
    return _part("rates").format(
        names=_each(columns),
        made_keys=", ".join([*(f"{sql} AS {name}" for name, (sql, _) in columns.items()), *keys]),
        keys=", ".join([*(sql for sql, _ in columns.values()), *keys]),
        is_counted="b.has_sent_by_domain" if is_by_domain else _IS_COUNTED,
        bounce_joins=_joins(by, "b"),
        bounce_filters="\n        AND ".join(
            (_SENT_WITHIN, _narrowed(_OF_BOUNCES, dict.fromkeys(_OF_BOUNCES, "b")))
        ),
        made=_each(f"{sql} AS {name}" for name, (sql, _) in columns.items()),
        cell_group=f"GROUP BY {', '.join(sql for sql, _ in columns.values())}" if columns else "",
        group=f"GROUP BY {', '.join(columns)}" if columns else "",
        made_known=_each(f"{sql} AS {name}" for name, sql in known.items()),
        sent_joins=_joins(by, "s"),
        sent_filters="\n        AND ".join((_narrowed(_OF_BOTH, of), *by_domain)),
        sent_group=f"GROUP BY {', '.join(known.values())}" if known else "",
        met=_each(f"coalesce(b.{n}, m.{n}) AS {n}" if n in known else f"b.{n}" for n in columns),
        # Where sent counts know no dimension, there is no cell without a bounce.
        meeting=f"FULL JOIN mailed AS m ON {matches}" if known else "CROSS JOIN mailed AS m",
        low=wilson("low"),
        high=wilson("high"),
    )


# Days of a cell are whole. Files are passed over by the time of their bounces.
_SENT_WITHIN = """b.last_time >= CAST($first_day AS TIMESTAMPTZ) - INTERVAL 2 DAY
        AND b.send_day >= $first_day AND b.send_day < $end_day"""
# Only sends known by receiving domain can be narrowed to one.
_IS_COUNTED = """CASE WHEN $provider IS NULL AND $domain IS NULL THEN b.has_sent
            ELSE b.has_sent_by_domain END"""


@cache
def _part(name: str) -> str:
    return (files("bouncelens.store") / "parts" / f"{name}.sql").read_text("utf-8").rstrip()


def _each(parts: Iterable[str]) -> str:
    return "".join(f"{part}, " for part in parts).rstrip()


def _joins(by: Sequence[Dimension], side: str) -> str:
    return "".join(f"\n    {d.joins.format(side)}" for d in by if d.joins)


def _narrowed(filters: Mapping[str, str], of: Mapping[str, str]) -> str:
    return "\n        AND ".join(
        f"(${name} IS NULL OR {of[name]}.{column} = ${name})" for name, column in filters.items()
    )


def wilson(end: str, *, part: str = "k", whole: str = "n") -> str:
    """SQL of an end, low or high, of the 95 % interval of `part` in `whole`; NULL where nothing
    was sent. Wilson 1927, z = 1.96."""
    least = f"least({part}, {whole})"
    root = f"1.96 * sqrt({least} * ({whole} - {least}) / {whole} + 0.9604)"
    if end == "low":
        limit = f"greatest(0.0, ({least} + 1.9208 - {root}) / ({whole} + 3.8416))"
    else:
        limit = f"least(1.0, ({least} + 1.9208 + {root}) / ({whole} + 3.8416))"
    return f"CASE WHEN {whole} > 0 THEN {limit} END"  # greatest and least pass over NULL


def pivot_text(names: Sequence[str]) -> str:
    """The text of a question, as in a file, that counts by up to three dimensions. Raises
    QuestionInvalid."""
    by = dimensions(names)
    if not 1 <= len(by) <= MOST_DIMENSIONS:
        raise QuestionInvalid(
            f"A report is by one to {MOST_DIMENSIONS} dimensions, not {len(by)}.",
            advice=f"There are {', '.join(DIMENSIONS)}.",
        )
    return "\n".join(_by_event(by) if any(d.clock == "event" for d in by) else _by_send(by))


def _words(by: Sequence[Dimension]) -> str:
    return " and ".join(d.name.replace("_", " ") for d in by)


def _order(by: Sequence[Dimension]) -> str:
    """Times in their order, everything else by what bounced most."""
    first = [name for d in by if d.clock for name, *_ in d.columns]
    rest = [name for d in by if not d.clock for name, *_ in d.columns]
    return ", ".join((*first, "bounces DESC", *rest))


def _by_send(by: Sequence[Dimension]) -> Iterator[str]:
    kinds = () if any(d.name == "hardness" for d in by) else ("hard", "soft", "block")
    dims = dict.fromkeys(name for d in by for name, *_ in d.columns)
    columns = ", ".join(
        (*dims, "bounces", "bounced", "uncounted", "sent", "rate", "low", "high", *kinds)
    )
    yield f"-- title: Bounces by {_words(by)}"
    yield f"-- asks: How much bounced, by {_words(by)}?"
    yield f"-- denominator: {denominator(by)}"
    yield "-- note: cohort: a bounce belongs to the day its message was sent, not when it came back"
    yield f"-- with: rates by {', '.join(d.name for d in by)}"
    yield f"-- columns: {columns}"
    yield "\n".join((f"SELECT {columns}", "FROM rates", f"ORDER BY {_order(by)}", "LIMIT $limit"))


def _by_event(by: Sequence[Dimension]) -> Iterator[str]:
    made = {name: bounce for d in by for name, bounce, *_ in d.columns}
    yield f"-- title: Bounces by {_words(by)}"
    yield f"-- asks: How many bounces came, by {_words(by)}?"
    yield "-- denominator: none: counts only, as mail sent at other times is among them"
    yield "-- note: event time: a bounce belongs to when it came, not to when its message was sent"
    yield "-- with: tallies"
    yield f"-- columns: {', '.join((*made, 'bounces', 'bounced'))}"
    yield _part("by_event").format(
        made=", ".join(f"{bounce} AS {name}" for name, bounce in made.items()),
        exprs=", ".join(made.values()),
        columns=", ".join(made),
        joins=_joins(by, "b"),
        order=_order(by),
    )
