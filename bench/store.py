"""The lake under load: what an upsert and each question cost beside reading one column once.

Rows are made by DuckDB: Zipf over templates, jobs of a year, mostly distinct reply texts.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from bouncelens.store.duck import DuckEngine
from bouncelens.store.lake import Lake
from bouncelens.store.questions import questions

if TYPE_CHECKING:
    import argparse

    import pyarrow as pa

_START = datetime(2025, 1, 1, tzinfo=UTC)
_CHUNK = 500_000
_DAYS = 360


def run(arguments: argparse.Namespace) -> int:
    """Fill lakes of the given sizes and print seconds and ratios."""
    with tempfile.TemporaryDirectory(prefix="bouncelens-bench-", dir=arguments.folder) as folder:
        for rows in arguments.rows:
            _measure(Path(folder) / f"lake{rows}", rows)
    return 0


def _measure(place: Path, rows: int) -> None:
    with Lake.open(str(place)) as lake:
        filled_s, tidied_s = fill(lake, rows)
        size = sum(path.stat().st_size for path in place.rglob("*.parquet"))
        with DuckEngine(lake) as engine:
            read_s = min(_timed(lambda: _read_text(lake)) for _ in range(3))
            print(f"\n{rows:,} rows, {size / rows:.0f} bytes each; times also as × {read_s:.3f} s,")
            print("which is what reading the reply texts of the whole table takes.")
            _say("filled, per 500,000", filled_s / rows * _CHUNK, read_s)
            _say("tidied", tidied_s, read_s)
            known = _bounces(rows - _CHUNK, rows, span_days=_DAYS * _CHUNK / rows)
            _say("500,000 known rows again", _timed(lambda: lake.add_bounces(known)), read_s)
            again = known.slice(0, 2500)
            _say("a page of 2,500 known rows", _timed(lambda: lake.add_bounces(again)), read_s)
            richer = _richer(again)
            _say("the same by a richer route", _timed(lambda: lake.add_bounces(richer)), read_s)
            richer = _richer(known.slice(_CHUNK // 2))
            _say("250,000 rows by it", _timed(lambda: lake.add_bounces(richer)), read_s)
            _say("the same again", _timed(lambda: lake.add_bounces(richer)), read_s)
            new = _bounces(rows, rows + _CHUNK, span_days=7, start_day=_DAYS - 8)
            _say(
                "500,000 new rows into the last week", _timed(lambda: lake.add_bounces(new)), read_s
            )
            page = _bounces(rows + _CHUNK, rows + _CHUNK + 2500, span_days=1, start_day=_DAYS - 2)
            _say("a page of 2,500 new rows", _timed(lambda: lake.add_bounces(page)), read_s)
            last = {"since": _START + timedelta(days=_DAYS - 30)}
            for name in questions():
                cold = _timed(lambda name=name: engine.ask(name, {}))
                warm = min(_timed(lambda name=name: engine.ask(name, {})) for _ in range(2))
                month = min(_timed(lambda name=name: engine.ask(name, last)) for _ in range(2))
                _say(f"{name}: first, again, last month", cold, read_s, warm, month)
            one = {"job": 77}
            _say(
                "totals of one campaign",
                min(_timed(lambda: engine.ask("totals", one)) for _ in range(2)),
                read_s,
            )


def fill(lake: Lake, rows: int) -> tuple[float, float]:
    """Fill a lake with so many bounces; the seconds that filling and tidying took."""
    started = time.perf_counter()
    for chunk in range(0, rows, _CHUNK):
        lake.add_bounces(
            _bounces(chunk, min(rows, chunk + _CHUNK), span_days=_DAYS * _CHUNK / rows)
        )
    filled_s = time.perf_counter() - started
    tidied_s = _timed(lake.tidy)
    lake.put_verdicts(_verdicts())
    lake.put_templates(_templates())
    lake.put_sends(_sends())
    return filled_s, tidied_s


def _say(what: str, seconds: float, read_s: float, *more: float) -> None:
    told = "   ".join(f"{s:8.3f} s {s / read_s:7.2f} ×" for s in (seconds, *more))
    print(f"  {what:40} {told}")


def _timed(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


def _read_text(lake: Lake) -> None:
    files = lake.delta("bounces").file_uris()
    duckdb.connect().execute("SELECT sum(length(reply_text)) FROM read_parquet($f)", {"f": files})


def _bounces(start: int, stop: int, *, span_days: float, start_day: float = -1.0) -> pa.Table:
    """Bounces numbered from `start` to `stop`, their times in order over `span_days`."""
    first = start_day if start_day >= 0 else start / _CHUNK * span_days
    return (
        duckdb.connect()
        .sql(
            """
        SELECT
            1 AS account, hash(i) % 200 AS job, 0 AS batch,
            'subscriber-' || hash(i + 7) % 3000000 AS subscriber_key,
            $start::TIMESTAMPTZ + INTERVAL (CAST($first * 86400 AS BIGINT)
                + CAST((i - $a) * $span * 86400 / ($b - $a) AS BIGINT)) SECOND AS event_time,
            'soap' AS routes,
            'user' || hash(i + 7) % 3000000 || '@' || domain AS address, domain,
            '550 5.1.1 <user' || hash(i + 7) % 3000000 || '@' || domain || '>: mailbox ' || tid
                || ' is not available at host mx' || hash(i + 1) % 997 || '.' || domain
                || ' [192.0.2.' || hash(i + 2) % 256 || '] session ' || hash(i + 3) AS reply_text,
            550::INTEGER AS sfmc_code, 'Hard bounce' AS sfmc_category,
            'p' || hash(domain) % 12 AS provider, tid AS template_id
        FROM (
            SELECT
                i, 'd' || CAST(pow(hash(i + 5) % 10000 / 10000.0, 3) * 2000 AS BIGINT)
                    || '.example' AS domain,
                CAST(pow(hash(i + 4) % 100000 / 100000.0, 4) * 3000 AS BIGINT) AS tid
            FROM range($a, $b) AS r (i)
        )
        """,
            params={"a": start, "b": stop, "start": _START, "first": first, "span": span_days},
        )
        .to_arrow_table()
    )


def _richer(rows: pa.Table) -> pa.Table:
    """The same events as another route tells them, with a field more."""
    at = rows.schema.get_field_index("routes")
    richer = rows.set_column(
        at,
        "routes",
        duckdb.sql(f"SELECT 'query' AS r FROM range({len(rows)})").to_arrow_table()["r"],
    )
    return richer.append_column("list_id", rows["job"].cast("int64"))


def _verdicts() -> pa.Table:
    return duckdb.sql(
        """
        SELECT
            i AS template_id, 'reason' || i % 30 AS reason, 'group' || i % 10 AS reason_group,
            ['hard', 'soft', 'block'][1 + i % 3] AS hardness, false AS is_temporary, 'r' AS rule,
            0.9::DOUBLE AS confidence, 'r1' AS ruleset
        FROM range(3001) AS r (i)
        """
    ).to_arrow_table()


def _templates() -> pa.Table:
    return duckdb.sql(
        """
        SELECT i AS template_id, 'template ' || i AS template,
            TIMESTAMPTZ '2025-01-01 00:00:00Z' AS first_seen,
            TIMESTAMPTZ '2025-12-01 00:00:00Z' AS last_seen
        FROM range(3001) AS r (i)
        """
    ).to_arrow_table()


def _sends() -> pa.Table:
    return duckdb.sql(
        """
        SELECT
            1::BIGINT AS account, j AS job, 'd' || d || '.example' AS domain,
            DATE '2025-01-01' + CAST(j * 1.8 AS INTEGER) AS day, 500::BIGINT AS sent,
            'p' || hash('d' || d || '.example') % 12 AS provider
        FROM range(200) AS r (j), range(2000) AS s (d)
        """
    ).to_arrow_table()
