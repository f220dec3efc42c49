"""How the same bounce from several routes becomes one row.

A row is a function of the set of what was told: (field, route, value). Sets only grow, so order,
batches and repetitions cannot matter; docs/decisions/0006 has the reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import EVENT_FIELDS, IDENTITY, ROUTES
from bouncelens.store.files import as_arrow, rows_sql
from bouncelens.store.tables import BOUNCES, EVENT_MONTH, SQL_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa
    from deltalake import DeltaTable
    from duckdb import DuckDBPyConnection

_AT_ONCE = 100_000  # identities that meet in one query
_MOST_KEPT = 8  # other values of one field by one route
_KEYS = ", ".join(IDENTITY)
# What routes tell. The rest of a row is its identity, or made by us.
_TOLD = tuple((name, kind) for name, kind, _ in EVENT_FIELDS if name not in (*IDENTITY, "route"))
_FLAGS = tuple(name for name, kind in _TOLD if kind == "bool")
_RAISED = ("is_false_bounce",)  # SFMC sets it after the fact and never takes it back
_CUT = ("reply_text",)  # some routes cut it off: a text that begins another tells nothing more
_NAMED = ("triggered_send_key",)  # routes have different names for the same: the richest stays
IS_CUT = "is_reply_cut"  # told where it is true, else not at all
_SAID = ", ".join(("routes", *(name for name, _ in _TOLD)))
# What a verdict hangs on: where one of them changes, the row is judged anew.
JUDGED_BY = ("reply_text", "sfmc_code", "domain")


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What a batch brings, as whole rows with their month."""

    new: pa.Table
    turned: pa.Table  # stored rows whose verdict may be another: a new reply, code or domain
    filled: pa.Table  # stored rows to which something else was added


def arrivals(duck: DuckDBPyConnection, table: pa.Table, delta: DeltaTable) -> Arrivals:
    """The rows of a batch that the lake lacks, and the stored ones that it would change. Reads the
    files that can hold them: their keys, and more only where an identity is known."""
    import numpy as np
    import pyarrow as pa

    stored = _near(duck, table, delta)
    duck.register("incoming", table.append_column("row", pa.array(np.arange(len(table)))))
    try:
        found = as_arrow(duck, _LOOK.format(stored=stored))
        rows, times, is_known = (found.column(name).to_numpy() for name in found.column_names)
        new = rows[~is_known & (times == 1)]
        if len(new) == len(table):
            return Arrivals(table, table[:0], table[:0])
        alike = as_arrow(duck, _SAME.format(stored=stored)).column("row").to_numpy()
        if len(alike) < int(is_known.sum()) or bool((times > 1).any()):
            _register_provenance(duck, stored)
            exact = as_arrow(duck, _ALIKE.format(stored=stored)).column("row").to_numpy()
            alike = np.union1d(alike, exact)
        affected = rows[(times > 1) | (is_known & ~np.isin(rows, alike))]
        identities = table.select(IDENTITY).take(pa.array(affected))
        met = [_met(duck, stored, part) for part in _in_parts(identities)]
    finally:
        for name in ("incoming", "provenance", "tellers"):
            duck.unregister(name)
    plain = table.take(pa.array(new))
    if not met:
        return Arrivals(plain, table[:0], table[:0])
    whole = pa.concat_tables(met)
    fresh, turned, filled = (
        whole.filter(whole.column(name)).select(table.schema.names).cast(table.schema)
        for name in ("is_new", "is_turned", "is_filled")
    )
    return Arrivals(pa.concat_tables([plain, fresh]), turned, filled)


def _near(duck: DuckDBPyConnection, table: pa.Table, delta: DeltaTable) -> str:
    """SQL for the stored rows among which those of the batch can be."""
    import pyarrow.compute as pc

    months = [str(month) for month in table.column(EVENT_MONTH[0]).unique().to_pylist()]
    span = pc.min_max(table.column("event_time"))
    first, last = span["min"].as_py(), span["max"].as_py()
    only = [
        (EVENT_MONTH[0], "in", months),
        ("event_time", ">=", first),
        ("event_time", "<=", last),
    ]
    rows = rows_sql(duck, BOUNCES, delta, only=only)
    between = f"TIMESTAMPTZ '{first.isoformat()}' AND TIMESTAMPTZ '{last.isoformat()}'"
    return f"SELECT * FROM ({rows}) WHERE event_time BETWEEN {between}"  # noqa: S608


_LOOK = f"""
WITH fresh AS (
    SELECT {_KEYS}, min("row") AS "row", count(*) AS times FROM incoming GROUP BY {_KEYS}
), known AS (
    SELECT "row" FROM fresh SEMI JOIN ({{stored}}) AS s USING ({_KEYS})
)
SELECT f."row", f.times, k."row" IS NOT NULL AS is_known
FROM fresh AS f LEFT JOIN known AS k ON k."row" = f."row" ORDER BY f."row"
"""  # noqa: S608 - names and file lists of our own


# Rows that an only route tells again, word by word: found by a hash of 64 bits, as most are such.
_SAME = f"""
SELECT i."row"
FROM (SELECT "row", {_KEYS}, hash({_SAID}) AS said FROM incoming) AS i
JOIN (SELECT {_KEYS}, hash({_SAID}) AS said FROM ({{stored}}) AS s WHERE told_by IS NULL) AS s
    USING ({_KEYS}, said)
"""  # noqa: S608 - names and file lists of our own
# Rows that tell nothing but what is known, by the same route.
_ALIKE = f"""
SELECT i."row" FROM incoming AS i
JOIN ({{stored}}) AS s USING ({_KEYS})
JOIN tellers AS p ON p.route = coalesce(i.routes, '')
    AND p.routes IS NOT DISTINCT FROM s.routes AND p.told_by IS NOT DISTINCT FROM s.told_by
WHERE {
    " AND ".join(f"(i.{name} IS NULL OR (i.{name} = s.{name} AND p.{name}))" for name, _ in _TOLD)
}
"""  # noqa: S608


def _in_parts(identities: pa.Table) -> Iterable[pa.Table]:
    import numpy as np
    import pyarrow as pa

    for start in range(0, len(identities), _AT_ONCE):
        part = identities.slice(start, _AT_ONCE)
        yield part.append_column("n", pa.array(np.arange(len(part))))


def _met(duck: DuckDBPyConnection, stored: str, identities: pa.Table) -> pa.Table:
    """The rows of some identities as everything told makes them."""
    duck.register("identities", identities)
    held = as_arrow(
        duck,
        f"SELECT n, s.* FROM ({stored}) AS s JOIN identities USING ({_KEYS})",  # noqa: S608
    )
    duck.register("held", held)
    try:
        return as_arrow(duck, _MEETING)
    finally:
        for name in ("identities", "held"):
            duck.unregister(name)


def _register_provenance(duck: DuckDBPyConnection, stored: str) -> None:
    """Which route told which field, for every kind of provenance among the stored rows: a row per
    field and route (`provenance`), and a row per route with a flag per field (`tellers`)."""
    import pyarrow as pa

    kinds = as_arrow(duck, f"SELECT DISTINCT routes, told_by FROM ({stored}) AS s")  # noqa: S608
    cells, tellers = list[dict[str, object]](), list[dict[str, object]]()
    for kind in kinds.to_pylist():
        told = _told_by(kind["routes"], kind["told_by"])
        for route in (kind["routes"] or "").split(","):
            mine = [name for name, said in told.items() if route in said]
            tellers.append({**kind, "route": route} | dict.fromkeys(told, False))
            tellers[-1] |= dict.fromkeys(mine, True)
            cells += [{**kind, "route": route, "field": name} for name in mine]
    text: list[pa.Field[Any]] = [
        pa.field(name, pa.string()) for name in ("routes", "told_by", "route")
    ]
    flags = [pa.field(name, pa.bool_()) for name, _ in _TOLD]
    long, wide = pa.schema([*text, pa.field("field", pa.string())]), pa.schema([*text, *flags])
    duck.register("provenance", pa.Table.from_pylist(cells, schema=long))
    duck.register("tellers", pa.Table.from_pylist(tellers, schema=wide))


def _told_by(routes: str | None, told_by: str | None) -> dict[str, Sequence[str]]:
    """The fields with the routes that told them: an only route told all there is."""
    if told_by is None:
        return {name: (routes or "",) for name, _ in _TOLD}
    pairs = (part.partition("=") for part in told_by.split())
    return {name: said.split(",") for name, _, said in pairs}


def _cells(source: str, more: str) -> str:
    told = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in _NAMES)
    if source == "held":  # where the reply that was cut off is not the one that is kept
        said = f"CASE WHEN {IS_CUT} OR contains(told_by, '{IS_CUT}=') THEN 'true' END"
        told = told.replace(f"CAST({IS_CUT} AS VARCHAR)", said)
    return (
        f"SELECT * FROM (SELECT n, {more}, {told} FROM {source}) "  # noqa: S608
        f"UNPIVOT (value FOR field IN ({', '.join(_NAMES)}))"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


_NAMES = [name for name, _ in _TOLD]
_FIELDS = f"[{_listed(_NAMES)}]"
_RANK = f"coalesce(list_position([{_listed(ROUTES)}], route), 99)"
_RICHER = " < ".join(_RANK.replace("route)", f"{one}.route)") for one in "ut")
_PIVOTED = ", ".join(
    f"CAST(max(value) FILTER (field = '{name}') AS {SQL_TYPES[kind]}) AS {name}"
    for name, kind in _TOLD
)
_OTHER = " OR ".join(f"h.{name} IS DISTINCT FROM m.{name}" for name in _NAMES)
_TURNED = " OR ".join(f"h.{name} IS DISTINCT FROM m.{name}" for name in JUDGED_BY)
# Identities, incoming and held rows to the rows they make together: new, turned, filled (as in
# `Arrivals`), or none of them.
_MEETING = f"""
WITH came AS (SELECT d.n, i.* FROM incoming AS i JOIN identities AS d USING ({_KEYS})),
arrived AS (
    SELECT n, coalesce(routes, '') AS route FROM came
    UNION
    SELECT n, unnest(string_split(coalesce(routes, ''), ',')) AS route FROM held
),
told AS (
    SELECT n, field, route, value FROM ({_cells("came", "coalesce(routes, '') AS route")})
    UNION
    SELECT c.n, c.field, p.route, c.value
    FROM ({_cells("held", "routes, told_by")}) AS c JOIN provenance AS p
        ON p.field = c.field AND p.routes IS NOT DISTINCT FROM c.routes
        AND p.told_by IS NOT DISTINCT FROM c.told_by
    UNION
    SELECT n, o.field, o.route, o.value
    FROM (
        SELECT n, unnest(from_json(
            disagreements, '[{{"field": "VARCHAR", "route": "VARCHAR", "value": "VARCHAR"}}]'
        )) AS o
        FROM held WHERE disagreements IS NOT NULL
    )
),
-- What another statement says more fully is none of its own.
own AS (
    SELECT t.* FROM told AS t ANTI JOIN told AS u
        ON u.n = t.n AND u.field = t.field AND (
            (t.field IN ({_listed(_CUT)}) AND u.value <> t.value AND starts_with(u.value, t.value))
            OR (t.field IN ({_listed(_FLAGS)}) AND t.value <> 'true' AND u.value = 'true'
                AND (u.route = t.route OR t.field IN ({_listed(_RAISED)})))
            -- Whatever it is: were the same words kept, they would hang on who came in between.
            OR (t.field IN ({_listed(_NAMED)}) AND {_RICHER})
        )
),
ranked AS (
    SELECT
        *, {_RANK} AS rank,
        first_value(value) OVER (
            PARTITION BY n, field ORDER BY {_RANK}, length(value) DESC, value DESC
        ) AS kept
    FROM own
),
-- Whether a reply is cut off goes with that reply.
cut AS (
    SELECT DISTINCT t.n FROM ranked AS t JOIN ranked AS c
        ON c.n = t.n AND c.route = t.route AND c.field = '{IS_CUT}'
    WHERE t.field = 'reply_text' AND t.value = t.kept
),
facts AS (
    SELECT n, {_PIVOTED} FROM (SELECT DISTINCT n, field, kept AS value FROM ranked) GROUP BY n
),
sources AS (
    SELECT n, string_agg(
        field || '=' || said, ' ' ORDER BY list_position({_FIELDS}, field)
    ) AS told_by
    FROM (
        SELECT n, field, string_agg(route, ',' ORDER BY rank, route) AS said
        FROM ranked WHERE value = kept GROUP BY n, field
    )
    GROUP BY n
),
others AS (
    SELECT n, CAST(to_json(list(
        struct_pack(field := field, route := route, value := value)
        ORDER BY list_position({_FIELDS}, field), rank, route, place
    )) AS VARCHAR) AS disagreements
    FROM (
        SELECT *, row_number() OVER (
            PARTITION BY n, field, route ORDER BY length(value) DESC, value DESC
        ) AS place
        FROM ranked WHERE value <> kept
    )
    WHERE place <= {_MOST_KEPT} GROUP BY n
),
passed AS (
    SELECT
        n, count(*) AS routes_n,
        nullif(string_agg(route, ',' ORDER BY {_RANK}, route), '') AS routes
    FROM arrived GROUP BY n
),
first AS (
    SELECT
        n, min(stored_at) AS stored_at, arg_min(provider, "row") AS provider,
        arg_min(template_id, "row") AS template_id, min({EVENT_MONTH[0]}) AS {EVENT_MONTH[0]}
    FROM came GROUP BY n
),
made AS (
    SELECT
        d.*, p.routes, f.* EXCLUDE (n, {IS_CUT}),
        CASE WHEN c.n IS NOT NULL THEN true END AS {IS_CUT},
        CASE WHEN p.routes_n > 1 THEN coalesce(s.told_by, '') END AS told_by, o.disagreements
    FROM identities AS d
    JOIN passed AS p ON p.n = d.n
    LEFT JOIN facts AS f ON f.n = d.n
    LEFT JOIN cut AS c ON c.n = d.n
    LEFT JOIN sources AS s ON s.n = d.n
    LEFT JOIN others AS o ON o.n = d.n
)
SELECT
    m.* EXCLUDE (n), coalesce(h.stored_at, b.stored_at) AS stored_at,
    CASE WHEN h.n IS NULL OR {_TURNED} THEN b.provider ELSE h.provider END AS provider,
    CASE WHEN h.n IS NULL OR {_TURNED} THEN b.template_id ELSE h.template_id END AS template_id,
    CAST(b.{EVENT_MONTH[0]} AS VARCHAR) AS {EVENT_MONTH[0]},
    h.n IS NULL AS is_new,
    h.n IS NOT NULL AND ({_TURNED}) AS is_turned,
    h.n IS NOT NULL AND NOT ({_TURNED}) AND (
        h.routes IS DISTINCT FROM m.routes OR h.told_by IS DISTINCT FROM m.told_by
        OR h.disagreements IS DISTINCT FROM m.disagreements OR {_OTHER}
    ) AS is_filled
FROM made AS m JOIN first AS b ON b.n = m.n LEFT JOIN held AS h ON h.n = m.n
ORDER BY m.n
"""  # noqa: S608 - names of our own
