"""Mail that happens while the sandbox runs: new sends, bounces minutes to days later, statuses.

What lies ahead waits outside of the tables and is poured in as the clock passes it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import pyarrow as pa

from sfmc_sandbox.world.columns import sfmc_times
from sfmc_sandbox.world.people import NEVER
from sfmc_sandbox.world.tenant import SENDS_KEY, count_jobs, job_table, play, split

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfmc_sandbox.extensions import Extensions
    from sfmc_sandbox.world.jobs import Job
    from sfmc_sandbox.world.tenant import Tenant

_TICK_S = 0.25


@dataclass(slots=True)
class Clock:
    """The world's now: `speed` world seconds pass in a real one; 0 stands still."""

    start_ms: int
    speed: float = 0.0
    _since: float = field(default_factory=time.monotonic)

    @property
    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self.start_ms + int((time.monotonic() - self._since) * self.speed * 1000)

    def move(self, seconds: float, *, speed: float | None = None) -> None:
        """Jumps ahead, and goes on at a speed."""
        self.start_ms = self.now_ms + int(max(0.0, seconds) * 1000)
        self._since = time.monotonic()
        if speed is not None:
            self.speed = max(0.0, speed)


@dataclass(slots=True)
class Flow:
    """Pours events into the tenant as its clock moves; tells listeners what happened."""

    tenant: Tenant
    extensions: Extensions
    clock: Clock
    listeners: list[Callable[[str, pa.Table], None]] = field(default_factory=list)
    tickers: list[Callable[[int], None]] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def send(self, mid: int, size: int, *, is_transactional: bool = False) -> int:
        """Sends a new job now to so many of a unit's people; its JobID."""
        with self.tenant.writing:
            job = self._job(mid, size, is_transactional=is_transactional)
            self.tenant.jobs.append(job)
            rows = job_table(self.tenant, [job])
            self._insert("job", rows)
            for part in play(self.tenant.setting, [job], self.tenant.standing):
                part.pop(SENDS_KEY)  # counted anew when the messages have left
                for name, table in part.items():
                    waiting = self.tenant.pending.get(name)
                    both = table if waiting is None else pa.concat_tables([waiting, table])
                    self.tenant.pending[name] = both
            self.advance()
            return job.number

    def _job(self, mid: int, size: int, *, is_transactional: bool) -> Job:
        unit = next(n for n, unit in enumerate(self.tenant.units) if unit.mid == mid)
        like = next((j for j in reversed(self.tenant.jobs) if j.unit == unit), self.tenant.jobs[-1])
        number = max(job.number for job in self.tenant.jobs) + 7
        return replace(
            like,
            number=number,
            unit=unit,
            size=max(1, size),
            start_ms=self.clock.now_ms,
            length_ms=60_000,
            name=f"Sent by hand {number}",
            triggered=str(uuid4()) if is_transactional else "",
            triggered_key=f"by_hand_{number}" if is_transactional else "",
            to_dormant=False,
        )

    def _insert(self, name: str, table: pa.Table) -> None:
        cursor = self.tenant.db.cursor()
        cursor.register("poured", table)
        cursor.execute(f"INSERT INTO {name} SELECT * FROM poured")  # noqa: S608 - our own names
        cursor.unregister("poured")

    def advance(self) -> int:
        """Pours what is due by now; how many bounces came."""
        with self.tenant.writing:
            now = self.clock.now_ms
            bounces = 0
            jobs: set[int] = set()
            for name in list(self.tenant.pending):
                due, rest = split(self.tenant.pending[name], name, now)
                self.tenant.pending[name] = rest
                if not due.num_rows:
                    continue
                if name == "truth":
                    self.tenant.truth = pa.concat_tables([self.tenant.truth, due])
                    continue
                due = due.sort_by([("event_time", "ascending"), ("sub", "ascending")])
                self._insert(name, due)
                jobs |= {int(str(job)) for job in due["job_id"].unique().to_pylist()}
                bounces += due.num_rows if name == "bounce" else 0
                for listener in self.listeners:
                    listener(name, due)
            for ticker in self.tickers:
                ticker(now)
            if jobs:
                self._count(sorted(jobs))
                self._settle(now)
            return bounces

    def _count(self, jobs: list[int]) -> None:
        condition = f"job_id IN ({', '.join(str(int(job)) for job in jobs)})"
        count_jobs(self.tenant, condition)
        cursor = self.tenant.db.cursor()
        cursor.execute(f"DELETE FROM {SENDS_KEY} WHERE {condition}")  # noqa: S608 - our own
        cursor.execute(
            f"INSERT INTO {SENDS_KEY} SELECT e.mid, e.job_id, s.domain, "  # noqa: S608 - our own
            "e.event_time::DATE, count(*) FROM sent e JOIN subscriber s USING (sub) "
            f"WHERE {condition} GROUP BY ALL"
        )
        for unit in self.tenant.units:
            made = self.extensions.find(unit.mid, SENDS_KEY)
            if made is None:
                continue
            mine = condition.replace("job_id", '"JobID"')
            cursor.execute(f"DELETE FROM {made.table} WHERE {mine}")  # noqa: S608 - our own
            cursor.execute(
                f"INSERT INTO {made.table} SELECT job_id, domain, send_day, sent "  # noqa: S608
                f"FROM {SENDS_KEY} WHERE mid = ? AND {condition}",
                [unit.mid],
            )

    def _settle(self, now_ms: int) -> None:
        """Statuses after what happened: Active, Bounced, Held; an open makes Bounced active."""
        standing = self.tenant.standing
        standing.advance(now_ms)
        held = standing.held_ms <= now_ms
        bounced = (standing.count > 0) & (standing.opened_ms < standing.last_ms)
        left = standing.unsubscribed_ms <= now_ms
        table = pa.table(
            {
                "sub": np.arange(len(left), dtype=np.int32),
                "code": np.select([left, held, bounced], [4, 3, 2], 1).astype(np.int8),
                "count": standing.count,
                "held": sfmc_times(standing.held_ms, ~held),
                "gone": sfmc_times(standing.unsubscribed_ms, ~left),
            }
        )
        cursor = self.tenant.db.cursor()
        cursor.register("settled", table)
        cursor.execute(
            "UPDATE subscriber SET status = t.status, bounce_count = t.count, "
            "undeliverable = t.held, unsubscribed = coalesce(t.gone, subscriber.unsubscribed) "
            "FROM (SELECT *, ['Active', 'Bounced', 'Held', 'Unsubscribed'][code] AS status "
            "FROM settled) t WHERE t.sub = subscriber.sub AND subscriber.status <> 'Deleted' "
            "AND (t.status <> subscriber.status OR t.count <> subscriber.bounce_count)"
        )
        cursor.unregister("settled")

    def status_set(self, sub: int, status: str) -> None:
        """Hears that somebody set a subscriber's status, so that the next job minds it."""
        with self.tenant.writing:
            standing, now = self.tenant.standing, self.clock.now_ms
            if sub >= len(standing.count):
                return  # came over the API: no job is sent to such people
            standing.held_ms[sub] = now if status == "Held" else NEVER
            standing.unsubscribed_ms[sub] = now if status in {"Unsubscribed", "Deleted"} else NEVER
            if status == "Active":  # the count is over, too
                standing.count[sub] = 0
                standing.first_ms[sub], standing.last_ms[sub] = NEVER, -NEVER
            elif status == "Bounced":
                standing.count[sub] = max(1, int(standing.count[sub]))
                standing.first_ms[sub] = min(int(standing.first_ms[sub]), now)
                standing.last_ms[sub] = now

    def run(self) -> None:
        """Ticks in the background until closed."""

        def tick() -> None:
            while not self._ended.wait(_TICK_S):
                if self.clock.speed > 0:
                    self.advance()

        self._thread = threading.Thread(target=tick, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the ticking."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
