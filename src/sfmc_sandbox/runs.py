"""Runs of queries and automations in the background, with the race the platform has.

`isRunning` is false before a run begins and after it ends (fact sheet section 3).
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfmc_sandbox.activities import PAUSED, READY, RUNNING, SCHEDULED
from sfmc_sandbox.clock import from_epoch_ms, to_sfmc
from sfmc_sandbox.queries import QueryFailed
from sfmc_sandbox.schedules import recurrence_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sfmc_sandbox.activities import Activities, QueryActivity
    from sfmc_sandbox.extensions import Extensions
    from sfmc_sandbox.queries import Queries
    from sfmc_sandbox.wire.trouble import Trouble

UNFORESEEN = "An unexpected error occurred."
QUERY, AUTOMATION = 300, 0  # object type ids of activities


@dataclass(frozen=True, slots=True)
class Activity:
    """One activity of an automation that runs."""

    mid: int
    number: str  # id of what it runs
    later: frozenset[int] = frozenset()  # object type ids of the activities that follow it


@dataclass(slots=True)
class Runs:
    """Starts things and knows which of them run."""

    activities: Activities
    extensions: Extensions
    queries: Queries
    trouble: Trouble
    now: Callable[[], datetime]
    start_delay_s: float = 0.25  # how long nothing seems to happen after the start
    least_s: float = 0.25  # how long a run lasts at least
    other: dict[int, Callable[[Activity], int]] = field(default_factory=dict)  # by type id
    _running: Counter[str] = field(default_factory=Counter)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_running(self, object_id: str) -> bool:
        """Whether a query runs at this moment."""
        return self._running[object_id] > 0

    def start(self, activity: QueryActivity) -> int:
        """Starts a query; its task id."""
        task = self.activities.start_task(
            activity.mid, activity.object_id, kind="Query", key=activity.key, now=self.now()
        )
        self.submit(lambda: self._run(activity, task))
        return task

    def submit(self, work: Callable[[], None]) -> None:
        """Does something in the background, in the scenarios its request asked for."""
        self._pool.submit(copy_context().run, work)

    def _run(self, activity: QueryActivity, task: int) -> None:
        delay = self.start_delay_s
        if self.trouble.strikes("isrunning-race"):
            delay = max(1.5, delay * 6)
        time.sleep(delay)
        began = time.monotonic()
        with self._lock:
            self._running[activity.object_id] += 1
        error, rows = None, 0
        try:
            rows = self._fill(activity)
        except QueryFailed as problem:
            error = str(problem)
        except Exception:
            logging.getLogger("sfmc_sandbox").exception("query %s failed", activity.key)
            error = UNFORESEEN
        finally:
            time.sleep(max(0.0, self.least_s - (time.monotonic() - began)))
            self.activities.end_task(task, self.now(), error=error, rows=rows)
            with self._lock:
                self._running[activity.object_id] -= 1

    def _fill(self, activity: QueryActivity) -> int:
        target = self.extensions.find(activity.mid, activity.target_key)
        if target is None:
            raise QueryFailed(f"The target Data Extension {activity.target_key} does not exist.")
        return self.queries.run(
            activity.mid, activity.query_text, target, update_type=activity.update_type,
            fails_late=self.trouble.strikes("query-partial-rows"),
        )  # fmt: skip

    def start_automation(self, mid: int, object_id: str) -> int | None:
        """Starts an automation; its task id, or None when there is none of that id."""
        row = self.activities.tenant.db.cursor().execute(
            "SELECT key, steps FROM automation WHERE mid = ? AND object_id = ?", [mid, object_id]
        ).fetchone()  # fmt: skip
        if row is None:
            return None
        task = self.activities.start_task(
            mid, object_id, kind="Automation", key=row[0], now=self.now()
        )
        steps = json.loads(row[1])
        self.submit(lambda: self._run_automation(mid, object_id, task, steps))
        return task

    def _run_automation(
        self, mid: int, object_id: str, task: int, steps: list[dict[str, object]]
    ) -> None:
        self.activities.tenant.write(
            "UPDATE automation SET status = ?, last_run = ? WHERE object_id = ?",
            [RUNNING, self.now(), object_id],
        )
        error, rows = None, 0
        try:
            for kind, activity in _in_order(mid, steps):
                rows += self._run_activity(kind, activity)
        except QueryFailed as problem:
            error = str(problem)
        except Exception:
            logging.getLogger("sfmc_sandbox").exception("automation %s failed", object_id)
            error = UNFORESEEN
        self._end(object_id, has_failed=error is not None)
        self.activities.end_task(task, self.now(), error=error, rows=rows)

    def _run_activity(self, kind: int, activity: Activity) -> int:
        if kind == QUERY:
            query = self.activities.query(activity.mid, activity.number)
            if query is None:
                raise QueryFailed(f"The query {activity.number} does not exist.")
            return self._fill(query)
        if kind in self.other:
            return self.other[kind](activity)
        return 0

    def _end(self, object_id: str, *, has_failed: bool) -> None:
        """What is scheduled or paused is so again; the rest is ready, or has failed."""
        self.activities.tenant.write(
            "UPDATE automation SET status = CASE WHEN ? THEN -1 "
            "ELSE coalesce(schedule_status, ?) END WHERE object_id = ?",
            [has_failed, READY, object_id],
        )

    def schedule(self, mid: int, object_id: str, *, is_on: bool) -> bool:
        """Schedules or pauses an automation; False when there is none of that id."""
        with self.activities.tenant.writing:
            found = self.activities.tenant.db.cursor().execute(
                "SELECT schedule FROM automation WHERE mid = ? AND object_id = ?", [mid, object_id]
            ).fetchone()  # fmt: skip
            if found is None:
                return False
            status, due = SCHEDULED if is_on else PAUSED, None
            if is_on and found[0]:
                due = recurrence_of(json.loads(found[0])).next_after(self.now())
            self.activities.tenant.write(
                "UPDATE automation SET status = ?, schedule_status = ?, next_run = ? "
                "WHERE object_id = ?",
                [status, status, due, object_id],
            )
        return True

    def tick(self, now_ms: int) -> None:
        """Starts what the world's clock (milliseconds UTC) has passed; once, however late."""
        now, tenant = to_sfmc(from_epoch_ms(now_ms)), self.activities.tenant
        with tenant.writing:
            due = tenant.db.cursor().execute(
                "SELECT mid, object_id, schedule FROM automation "
                "WHERE schedule_status = ? AND next_run <= ? ORDER BY n",
                [SCHEDULED, now],
            ).fetchall()  # fmt: skip
            for mid, object_id, schedule in due:
                self.start_automation(mid, object_id)
                tenant.write(
                    "UPDATE automation SET next_run = ? WHERE object_id = ?",
                    [recurrence_of(json.loads(schedule)).next_after(now), object_id],
                )

    def close(self) -> None:
        """Waits for what runs."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _in_order(mid: int, steps: list[dict[str, object]]) -> list[tuple[int, Activity]]:
    """The object type ids and activities of an automation's steps, one after another."""
    entries = [
        (int(str(entry.get("objectTypeId") or 0)), str(entry.get("activityObjectId")))
        for step in steps
        for entry in step.get("activities") or ()  # type: ignore[attr-defined]
    ]
    return [
        (kind, Activity(mid, number, frozenset(later for later, _ in entries[place + 1 :])))
        for place, (kind, number) in enumerate(entries)
    ]
