"""A lake that grows: size, ingest, the rollup, every question cold and warm, judging all anew.

A year of the sandbox's bounces comes in by the front door. Lakes of up to 20 million hold them many
times, as other people's, with other ids in the replies, written day by day by `Lake.add_bounces`.
Beyond, its files are written again as other jobs' and people's, below the lake's own checks: no
sandbox sends the billions of messages behind.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from deltalake import WriterProperties, write_deltalake

from bench.questions import PIVOTS
from bouncelens.service.intake import with_provider
from bouncelens.store import rolling
from bouncelens.store.duck import DuckEngine
from bouncelens.store.lake import Lake
from bouncelens.store.questions import question, questions

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    import pyarrow as pa

_ZSTD = WriterProperties(compression="ZSTD", compression_level=3)
_SET = 20_000_000  # bounces of the same jobs; more are of others
_OTHER_JOB = 10_000_000  # what is added to a JobID for each set
_SLOW_S = 4.0  # what takes longer is asked only once
_PEOPLE = {
    "address_bounces",
    "address_people",
    "incident_people",
    "subscriber_timeline",
    "suppression_history",
    "suppressions",
    "reconcile_routes",
    "gone",
}  # fmt: skip - asked of one person or one policy, or streamed


@dataclass(slots=True)
class Figures:
    """What was measured of one lake."""

    rows: int
    jobs: int = 0
    filled_per_s: float = 0
    bytes_per_event: float = 0
    rollup_bytes_per_event: float = 0
    cells: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    asked: dict[str, dict[str, float]] = field(default_factory=dict)  # seconds, and of processors
    peak_mib: dict[str, int] = field(default_factory=dict)


def run(arguments: argparse.Namespace) -> int:
    """Fill lakes of the given sizes, print seconds and ratios, and keep all figures as JSON."""
    sizes = [int(float(rows)) for rows in arguments.rows]
    with tempfile.TemporaryDirectory(prefix="bouncelens-bench-", dir=arguments.folder) as folder:
        place = Path(folder)
        base = base_of(Path(arguments.tenant or _tenant(place, arguments.messages)), place / "base")
        found = []
        for rows in sizes:
            lake = str(place / f"lake{rows}")
            figures = _apart(_measure, str(base), lake, rows, tuple(arguments.only or ()))
            shutil.rmtree(lake, ignore_errors=True)
            found.append(asdict(figures))
            _say(figures)
            Path(arguments.out).write_text(json.dumps(found, indent=1) + "\n")
        if arguments.plot:
            from bench.growth_plot import plot

            plot(found, Path(arguments.plot))
    return 0


def _apart(work: Callable[..., Figures], *arguments: object) -> Figures:
    """In a process of its own, so that its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


# The base: what the sandbox made, through the front door


def _tenant(folder: Path, messages: int) -> Path:
    """A tenant of the sandbox, with a few hundred bounces a job."""
    (folder / "tenant.toml").write_text(
        f"seed = 5\nmonths = 12\npeople = {messages // 60}\nmessages = {messages}\n"
        f"sendings = {min(2000, max(24, messages // 30_000))}\nuntil = 2026-06-01\n"
    )
    command = [sys.executable, "-m", "sfmc_sandbox", "make", "--out", str(folder / "tenant")]
    command += ["--describe", str(folder / "tenant.toml")]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return folder / "tenant"


def base_of(tenant: Path, folder: Path) -> Path:
    """Import a sandbox tenant's bounces as a Tracking Extract; jobs and sent counts beside them."""
    from bouncelens.service.import_file import import_file
    from bouncelens.service.workspace import Workspace
    from bouncelens.settings import Settings

    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(tenant / "tenant.duckdb"), read_only=True) as db:
        db.execute(f"COPY ({_EXTRACT}) TO '{folder / 'Bounces.csv'}' (HEADER)")
        sends, jobs = db.sql(_SENDS).to_arrow_table(), db.sql(_JOBS).to_arrow_table()
    with zipfile.ZipFile(
        folder / "extract.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1
    ) as zip_:
        zip_.write(folder / "Bounces.csv", "Bounces.csv")
    settings = Settings.model_validate(
        {"lake": str(folder / "lake"), "ledger": f"sqlite:///{folder / 'bouncelens.db'}"}
    )
    with Workspace.open(settings) as workspace:
        began = time.perf_counter()
        result = import_file(workspace, folder / "extract.zip")
        seconds = time.perf_counter() - began
        print(
            f"imported a Tracking Extract of {result.stored:,} bounces in {seconds:.0f} s: "
            f"{result.stored / seconds:,.0f} a second; {result.quarantined:,} put aside"
        )
        workspace.lake.put_jobs(jobs)
        workspace.lake.put_sends(with_provider(sends))
    return folder


_EXTRACT = """
SELECT
    e.mid AS ClientID, e.job_id AS SendID, s.subscriber_key AS SubscriberKey,
    s.email AS EmailAddress, s.subscriber_id AS SubscriberID, e.list_id AS ListID,
    strftime(e.event_time, '%-m/%-d/%Y %-I:%M:%S %p') AS EventDate, 'HardBounce' AS EventType,
    e.category AS BounceCategory, e.code AS SMTPCode, e.reason_text AS BounceReason,
    e.batch_id AS BatchID, j.triggered_key AS TriggeredSendExternalKey
FROM bounce AS e JOIN subscriber AS s USING (sub) JOIN job AS j USING (job_id)
ORDER BY e.event_time
"""
_SENDS = """
SELECT mid AS account, job_id AS job, domain, send_day AS day, sum(sent)::BIGINT AS sent
FROM bouncelens_sends GROUP BY ALL
"""
_JOBS = """
SELECT
    mid AS account, job_id AS job, email_name, subject, from_email AS from_address,
    timezone('UTC', start_time + INTERVAL 6 HOUR) AS sent_time
FROM job
"""


# A lake of a size


def _measure(base: str, place: str, rows: int, only: tuple[str, ...]) -> Figures:
    figures = Figures(rows)
    with Lake.open(place) as lake:
        with _peak(figures, "fill"):
            _fill(lake, Path(base), figures)
        with _peak(figures, "roll"):
            figures.seconds["roll everything"] = _timed(lambda: rolling.roll(lake, at_least=1))
        figures.rollup_bytes_per_event = _bytes(Path(place) / "rollup") / figures.rows
        with _peak(figures, "questions"):
            _ask(lake, figures, only)
        with _peak(figures, "another day"):
            _another_day(lake, figures)
        with _peak(figures, "judge all"):
            _judge_all(place, figures)
    return figures


def _fill(lake: Lake, base: Path, figures: Figures) -> None:
    with Lake.open(str(base / "lake"), create=False) as one:
        files = one.delta("bounces").file_uris()
        lake.put_templates(one.read("templates"))
        lake.put_verdicts(one.read("verdicts"))
        sends, jobs = one.read("sends"), one.read("jobs")
    duck = duckdb.connect(config={"memory_limit": "2GB", "threads": 2})
    duck.execute("SET enable_progress_bar = false")
    duck.execute("SET TimeZone = 'UTC'")
    duck.execute(
        "CREATE TABLE base AS SELECT * FROM read_parquet($f) ORDER BY event_time", {"f": files}
    )
    (known,) = duck.execute("SELECT count(*) FROM base").fetchall()[0]
    first = min(figures.rows, _SET)
    copies, sets = -(-first // known), -(-figures.rows // _SET)
    stored = 0
    for (day,) in duck.execute("SELECT DISTINCT event_time::DATE FROM base ORDER BY 1").fetchall():
        given = {"day": day, "copies": copies, "share": first / known / copies}
        table = duck.sql(_COPIES, params=given).to_arrow_table()
        made = time.perf_counter()
        stored += lake.add_bounces(table).inserted
        figures.seconds["store"] = figures.seconds.get("store", 0) + time.perf_counter() - made
    figures.filled_per_s = stored / figures.seconds["store"]
    figures.seconds["join files"] = _timed(lambda: _joined(lake))
    figures.bytes_per_event = _bytes(Path(lake.uri) / "bounces", lake) / stored
    _more(lake, (sends, jobs), copies, sets)
    figures.rows = lake.count_rows()["bounces"]
    figures.jobs = lake.read("jobs").num_rows


def _joined(lake: Lake) -> None:
    """As `Lake.tidy` does, without the rollup."""
    for name in ("bounces", "sends", "jobs"):
        lake.delta(name).optimize.compact(writer_properties=_ZSTD)


def _more(lake: Lake, tables: tuple[pa.Table, pa.Table], copies: int, sets: int) -> None:
    """Sent counts and jobs, and more sets of all of it."""
    duck = duckdb.connect(config={"memory_limit": "2GB", "threads": 2})
    duck.execute("SET enable_progress_bar = false")
    duck.execute("SET TimeZone = 'UTC'")
    files = lake.delta("bounces").file_uris()
    for name, table in zip(("sends", "jobs"), tables, strict=True):
        duck.register(name, table)
    for number in range(sets):
        if number:
            _written_again(lake, duck, files, number)
        given: dict[str, object] = {"offset": number * _OTHER_JOB, "times": float(copies)}
        lake.put_sends(duck.sql(_MORE_SENDS, params=given).to_arrow_table())
        given = {"offset": number * _OTHER_JOB}
        lake.put_jobs(duck.sql(_MORE_JOBS, params=given).to_arrow_table())


def _written_again(
    lake: Lake, duck: duckdb.DuckDBPyConnection, files: list[str], number: int
) -> None:
    """The same files once more, as other jobs' and people's."""
    for path in files:
        sql = """
            SELECT * REPLACE (job + $offset AS job, subscriber_key || '-' || $n AS subscriber_key),
                strftime(event_time, '%Y-%m') AS event_month
            FROM read_parquet($path, hive_partitioning = false)
        """
        given = {"offset": number * _OTHER_JOB, "n": number, "path": path}
        rows = duck.sql(sql, params=given).to_arrow_reader(100_000)
        write_deltalake(
            lake.delta("bounces"),
            rows,
            mode="append",
            writer_properties=_ZSTD,
        )


_COPIES = """
WITH many AS (
    SELECT b.*, k, split_part(address, '@', 1) AS name, hash(subscriber_key, job, batch, k) AS lot
    FROM base AS b CROSS JOIN range($copies::BIGINT) AS c (k)
    WHERE event_time >= $day::DATE AND event_time < $day::DATE + 1
        AND hash(subscriber_key, k, event_time) % 1000000 < $share * 1000000
)
SELECT
    account, job, batch, subscriber_key || k AS subscriber_key,
    event_time + ((lot % 600) * INTERVAL 1 SECOND) AS event_time,
    routes, list_id, subscriber_id + k * 1000000007 AS subscriber_id,
    name || k || '@' || domain AS address, domain,
    regexp_replace(
        replace(reply_text, name || '@', name || k || '@'),
        '[0-9A-Fa-f]*[0-9][0-9A-Fa-f]{7,}', substr(md5(lot::VARCHAR), 1, 14), 'g'
    ) AS reply_text,
    sfmc_code, sfmc_category, sfmc_type, triggered_send_key, provider, template_id,
    TIMESTAMPTZ '2026-06-01 00:00:00Z' AS stored_at
FROM many ORDER BY event_time
"""
_MORE_SENDS = """
SELECT * REPLACE (job + $offset AS job, CAST(ceil(sent * $times) AS BIGINT) AS sent) FROM sends
"""
_MORE_JOBS = "SELECT * REPLACE (job + $offset AS job) FROM jobs"


def _another_day(lake: Lake, figures: Figures) -> None:
    """A page of a known job's bounces, then a day of 100,000: how long until the rollup has it."""
    duck = duckdb.connect()
    duck.execute("SET TimeZone = 'UTC'")
    sql = """
        SELECT * REPLACE (subscriber_key || 'x' AS subscriber_key)
        FROM read_parquet($files, hive_partitioning = false)
        ORDER BY event_time DESC LIMIT 100000
    """
    files = lake.delta("bounces").file_uris(partition_filters=[("event_month", "=", "2026-05")])
    rows = duck.sql(sql, params={"files": files}).to_arrow_table()
    lake.add_bounces(rows)
    figures.seconds["roll 100,000 more"] = _timed(lambda: rolling.roll(lake, at_least=1))
    figures.seconds["roll nothing"] = _timed(lambda: rolling.roll(lake))


def _judge_all(place: str, figures: Figures) -> None:
    from bouncelens.service.judge import Judge
    from bouncelens.service.rejudge import rejudge
    from bouncelens.service.workspace import Workspace
    from bouncelens.settings import Settings

    settings = Settings.model_validate(
        {"lake": place, "ledger": f"sqlite:///{Path(place).parent / 'bench.db'}"}
    )
    with Workspace.open(settings) as workspace:
        judge = Judge.of_rules()
        figures.seconds["judge all anew"] = _timed(lambda: rejudge(workspace, judge))


def _ask(lake: Lake, figures: Figures, only: tuple[str, ...]) -> None:
    files = lake.delta("bounces").file_uris()
    count = min(_timed(lambda: _counted(files)) for _ in range(3))
    figures.seconds["count by one column"] = count
    job = {"job": _largest_job(files)}
    asked: list[tuple[str, str, dict[str, object]]] = [
        *((name, name, {}) for name in (*questions(), *PIVOTS) if name not in _PEOPLE),
        *((f"{name}, one campaign", name, job) for name in ("headline", "overview", PIVOTS[0])),
        (f"{PIVOTS[2]}, one campaign", PIVOTS[2], job),
    ]
    asked = [one for one in asked if not only or one[0] in only]
    with DuckEngine(lake) as warm, DuckEngine(lake, rollup=False) as raw:
        warm.ask("headline", {})
        for grain in ("day", "domain", "hour", "again"):
            sql = f"SELECT count(*) FROM rollup_{grain}"
            figures.cells[grain] = int(warm._own.connection.execute(sql).fetchall()[0][0])
        for label, name, given in asked:
            with DuckEngine(lake) as cold:
                first = _timed(lambda e=cold, n=name, g=given: e.ask(n, g))
            again_s, again_cpu_s = _best(warm, name, given, first)
            found = {"cold": first, "warm": again_s, "warm_cpu": again_cpu_s}
            if "tallied" in question(name).sql:
                found["without"], found["without_cpu"] = _best(raw, name, given, again_s)
            figures.asked[label] = found
            told = " ".join(f"{key} {seconds:.3f}" for key, seconds in found.items())
            print(f"  {label:34} {told}, warm {again_s / count:.1f} x the count", flush=True)


def _best(
    engine: DuckEngine, name: str, given: dict[str, object], last: float
) -> tuple[float, float]:
    """By the clock, and of processors."""
    found = []
    while len(found) < (1 if (found and found[0][0] > _SLOW_S) or last > _SLOW_S else 3):
        began, cpu = time.perf_counter(), time.process_time()
        engine.ask(name, given)
        found.append((time.perf_counter() - began, time.process_time() - cpu))
    return min(s for s, _ in found), min(s for _, s in found)


def _counted(files: list[str]) -> None:
    duckdb.connect().execute(
        "SELECT count(*) FROM read_parquet($f) WHERE event_time > TIMESTAMPTZ '2025-06-01 12:00Z'",
        {"f": files},
    ).fetchall()


def _largest_job(files: list[str]) -> int:
    sql = "SELECT job FROM read_parquet($f) GROUP BY job ORDER BY count(*) DESC LIMIT 1"
    return int(duckdb.connect().execute(sql, {"f": files}).fetchall()[0][0])


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _bytes(place: Path, lake: Lake | None = None) -> int:
    if lake is None:
        return sum(path.stat().st_size for path in place.rglob("*.parquet"))
    return sum(Path(name).stat().st_size for name in lake.delta("bounces").file_uris())


class _peak:  # noqa: N801 - reads as a verb
    """The most memory while a block runs, in MiB."""

    def __init__(self, figures: Figures, what: str) -> None:
        self._figures, self._what = figures, what

    def __enter__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")

    def __exit__(self, *problem: object) -> None:
        status = Path("/proc/self/status").read_text()
        peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
        self._figures.peak_mib[self._what] = peak


def _say(figures: Figures) -> None:
    print(f"\n{figures.rows:,} bounces of {figures.jobs:,} jobs")
    print(
        f"  stored {figures.filled_per_s:,.0f} a second, {figures.bytes_per_event:.1f} bytes each"
    )
    print(f"  rollup {figures.rollup_bytes_per_event:.1f} bytes each, cells {figures.cells}")
    for name, seconds in figures.seconds.items():
        print(f"  {name:40} {seconds:8.2f} s")
    print(f"  most memory, MiB: {figures.peak_mib}")
