"""The tenant's database: a world poured into DuckDB, where SOAP, REST and SQL find it.

The planted truth stays outside of it: no request can reach it.
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from sfmc_sandbox.clock import SFMC_OFFSET_MS
from sfmc_sandbox.world import columns
from sfmc_sandbox.world.domains import make_domains
from sfmc_sandbox.world.engagement import engage
from sfmc_sandbox.world.jobs import make_jobs
from sfmc_sandbox.world.mail import Standing, send_all
from sfmc_sandbox.world.people import make_people
from sfmc_sandbox.world.setting import Setting
from sfmc_sandbox.world.stories import shape, stories

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sfmc_sandbox.world.jobs import Job
    from sfmc_sandbox.world.plan import Plan, Unit

SENDS_KEY = "bouncelens_sends"
_PEOPLE_ROWS = 250_000
EVENTS = ("sent", "not_sent", "bounce", "open", "click", "unsub", "complaint")


@dataclass(slots=True)
class Tenant:
    """A generated tenant. `db` is shared: take a cursor per request, and `writing` to write."""

    setting: Setting
    standing: Standing
    db: duckdb.DuckDBPyConnection
    truth: pa.Table  # kept aside for tests and checks
    pending: dict[str, pa.Table]  # what has not happened yet, by table; `truth` among them
    jobs: list[Job]
    # DuckDB refuses a write that meets another at the same row, the platform does not.
    writing: threading.RLock = field(default_factory=threading.RLock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def write(self, sql: str, values: Sequence[object] = ()) -> int:
        """Does one write, after those of others; how many rows it met."""
        with self.writing:
            return int((self.db.cursor().execute(sql, list(values)).fetchone() or (0,))[0])

    def number(self) -> int:
        """A number that no other row has: what is set up is retrieved in its order."""
        return next(self.numbers)

    @property
    def plan(self) -> Plan:
        """What was asked for."""
        return self.setting.plan

    @property
    def units(self) -> tuple[Unit, ...]:
        """The business units."""
        return self.plan.units

    def unit(self, mid: int) -> Unit | None:
        """The business unit of a MID."""
        return next((unit for unit in self.units if unit.mid == mid), None)

    def write_truth(self, path: Path) -> None:
        """The planted truth as a Parquet file."""
        import pyarrow.parquet as pq

        pq.write_table(self.truth, path)


def make_tenant(plan: Plan) -> Tenant:
    """A whole tenant in memory, deterministic in the plan."""
    setting, jobs = make_setting(plan)
    tables: dict[str, list[pa.Table]] = defaultdict(list)
    standing = Standing.fresh(len(setting.people))
    for part in play(setting, jobs, standing):
        for name, table in part.items():
            tables[name].append(table)
    standing.advance(plan.until_ms)
    counts = pa.concat_tables(tables.pop(SENDS_KEY))
    happened, pending = {}, {}
    for name, parts in tables.items():
        happened[name], pending[name] = split(pa.concat_tables(parts), name, plan.until_ms)
    truth = happened.pop("truth")
    tenant = Tenant(setting, standing, duckdb.connect(":memory:"), truth, pending, jobs)
    for name in EVENTS:
        _put(tenant, name, happened[name], tail="ORDER BY event_time, job_id, sub")
    # The denominators, as if a daily automation of the tenant filled a data extension.
    _put(tenant, SENDS_KEY, counts, tail="ORDER BY ALL")
    load_rest(tenant)
    # Queries come from strangers: no files, no network, no extensions.
    tenant.db.execute("SET enable_external_access = false")
    return tenant


def load_rest(tenant: Tenant) -> None:
    """Everything but the events and the send counts: people, jobs and their counts, units."""
    _load_people(tenant)
    _put(tenant, "job", job_table(tenant, tenant.jobs))
    tenant.db.execute(
        "CREATE TABLE job_count (job_id BIGINT, sent BIGINT, hard BIGINT, soft BIGINT, "
        "other BIGINT, delivered BIGINT, opens BIGINT, clicks BIGINT, unsubs BIGINT)"
    )
    count_jobs(tenant, "true")
    _load_units(tenant)


def make_setting(plan: Plan) -> tuple[Setting, list[Job]]:
    """The domains, the people, the stories and the calendar of a plan."""
    rng = np.random.default_rng(plan.seed)
    domains = make_domains(rng, plan)
    people = make_people(plan, domains, rng)
    tales = stories(plan)
    shape(people, domains, tales, plan.seed)
    return Setting(plan, domains, people, tales), make_jobs(plan, tales, rng)


def play(
    setting: Setting, jobs: Sequence[Job], standing: Standing
) -> Iterator[dict[str, pa.Table]]:
    """The events of one job after another, by name of their table; `truth` is among them."""
    gmail = setting.domains.numbers(("google",))
    feedback = ~np.isin(setting.families, gmail)
    for sent in send_all(jobs, setting, standing):
        mid = setting.plan.units[sent.job.unit].mid
        acts = engage(sent, setting, standing, feedback=feedback)
        part = {name: columns.event_table(sent, entry, mid) for name, entry in acts.items()}
        part["bounce"], part["truth"] = columns.bounce_tables(sent, setting)
        part["sent"] = columns.sent_table(sent, mid)
        part[SENDS_KEY] = columns.send_counts(sent, setting)
        part["not_sent"] = columns.not_sent_table(sent, mid)
        yield part


def _put(tenant: Tenant, name: str, table: pa.Table, *, tail: str = "") -> None:
    tenant.db.register("incoming", table)
    tenant.db.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming {tail}")  # noqa: S608
    tenant.db.unregister("incoming")


def split(table: pa.Table, name: str, now_ms: int) -> tuple[pa.Table, pa.Table]:
    """The rows that lie before a moment (UTC), and the others."""
    import pyarrow.compute as pc

    kind = table.schema.field("event_time").type
    now_ms = now_ms // 1000 * 1000  # the truth counts whole seconds, so all do
    moment = now_ms if name == "truth" else now_ms + SFMC_OFFSET_MS
    edge = pa.scalar(moment, pa.timestamp("ms", tz=kind.tz)).cast(kind)
    is_past = pc.less(table["event_time"], edge)
    return table.filter(is_past), table.filter(pc.invert(is_past))


def _load_people(tenant: Tenant) -> None:
    """In slices, so that a large tenant's addresses are never all in memory."""
    count = len(tenant.setting.people)
    for start in range(0, count, _PEOPLE_ROWS):
        rows = np.arange(start, min(start + _PEOPLE_ROWS, count))
        table = _people_table(tenant, rows)
        if start == 0:
            _put(tenant, "subscriber", table)
            continue
        tenant.db.register("incoming", table)
        tenant.db.execute("INSERT INTO subscriber SELECT * FROM incoming")
        tenant.db.unregister("incoming")


def _people_table(tenant: Tenant, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
    people, domains = tenant.setting.people, tenant.setting.domains
    standing, until = tenant.standing, tenant.plan.until_ms
    gone, held_at = standing.unsubscribed_ms[rows], standing.held_ms[rows]
    left, held = gone <= until, held_at <= until
    count = standing.count[rows]
    bounced = (count > 0) & (standing.opened_ms[rows] < standing.last_ms[rows])
    status = np.select([left, held, bounced], ["Unsubscribed", "Held", "Bounced"], "Active")
    mids = np.array([unit.mid for unit in tenant.units])
    numbers = rows.tolist()
    content: dict[str, Any] = {
        "sub": rows.astype(np.int32),
        "subscriber_id": rows * 3 + 125_000_000,
        "subscriber_key": pa.array([people.key(row) for row in numbers], pa.string()),
        "email": pa.array([people.address(row, domains) for row in numbers], pa.string()),
        "domain": np.array(domains.names, dtype=object)[people.domain[rows]],
        "mid": mids[people.unit[rows]],
        "status": pa.array(status.tolist(), pa.string()),
        "joined": columns.sfmc_times(people.joined[rows]),
        "unsubscribed": columns.sfmc_times(gone, ~left),
        "undeliverable": columns.sfmc_times(held_at, ~held),
        "bounce_count": count,
    }
    return pa.table(content)


def job_table(tenant: Tenant, jobs: Sequence[Job]) -> pa.Table:
    """Jobs as rows."""
    unit = tenant.units
    starts = np.array([job.start_ms for job in jobs])
    ends = np.array([job.start_ms + job.length_ms for job in jobs])
    return pa.table(
        {
            "job_id": [job.number for job in jobs],
            "mid": [unit[job.unit].mid for job in jobs],
            "list_id": [job.list_id for job in jobs],
            "email_id": [job.email_id for job in jobs],
            "email_name": [job.name for job in jobs],
            "subject": [job.subject for job in jobs],
            "from_name": [unit[job.unit].name for job in jobs],
            "from_email": [f"hello@{unit[job.unit].sender_domain}" for job in jobs],
            "start_time": columns.sfmc_times(starts),
            "end_time": columns.sfmc_times(ends),
            "triggered": [job.triggered or None for job in jobs],
            "triggered_key": pa.array([job.triggered_key or None for job in jobs], pa.string()),
        }
    )


def count_jobs(tenant: Tenant, condition: str) -> None:
    """Counts what SOAP's Send shows, anew for the jobs of a condition on `job_id`."""
    cursor = tenant.db.cursor()
    cursor.execute(f"DELETE FROM job_count WHERE {condition}")  # noqa: S608 - our own
    cursor.execute(
        f"""
        INSERT INTO job_count
        SELECT job_id, s.n AS sent, coalesce(b.hard, 0) AS hard, coalesce(b.soft, 0) AS soft,
               coalesce(b.n, 0) - coalesce(b.hard, 0) - coalesce(b.soft, 0) AS other,
               s.n - coalesce(b.first_n, 0) AS delivered,
               coalesce(o.n, 0) AS opens, coalesce(c.n, 0) AS clicks, coalesce(u.n, 0) AS unsubs
        FROM (SELECT job_id, count(*) AS n FROM sent WHERE {condition} GROUP BY 1) s
        LEFT JOIN (
            SELECT job_id, count(*) AS n, count(*) FILTER (category_id = 1) AS hard,
                   count(*) FILTER (category_id = 2) AS soft, count(*) FILTER (is_unique) AS first_n
            FROM bounce GROUP BY 1) b USING (job_id)
        LEFT JOIN (SELECT job_id, count(*) AS n FROM open GROUP BY 1) o USING (job_id)
        LEFT JOIN (SELECT job_id, count(*) AS n FROM click GROUP BY 1) c USING (job_id)
        LEFT JOIN (SELECT job_id, count(*) AS n FROM unsub GROUP BY 1) u USING (job_id)
        """  # noqa: S608 - our own
    )


def _load_units(tenant: Tenant) -> None:
    units = tenant.units
    _put(
        tenant,
        "unit",
        pa.table(
            {
                "mid": [unit.mid for unit in units],
                "name": [unit.name for unit in units],
                "parent": pa.array([unit.parent for unit in units], pa.int64()),
            }
        ),
    )
