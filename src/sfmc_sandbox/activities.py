"""Query activities, automations and the runs of both, kept in tables of the tenant's database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from datetime import datetime

    from sfmc_sandbox.world.tenant import Tenant

UPDATE_TYPES = {0: "Overwrite", 1: "Update", 2: "Append"}  # ids unverified (fact sheet 3)
READY, RUNNING, PAUSED, SCHEDULED = 2, 3, 4, 6  # status ids of automations
_TABLES = """
DROP TABLE IF EXISTS query_activity; DROP TABLE IF EXISTS automation; DROP TABLE IF EXISTS task;
CREATE TABLE query_activity (
    n INTEGER, mid BIGINT, object_id VARCHAR, key VARCHAR, name VARCHAR, description VARCHAR,
    query_text VARCHAR, target_key VARCHAR, target_name VARCHAR, target_id VARCHAR,
    update_type VARCHAR, category_id BIGINT, created TIMESTAMP, modified TIMESTAMP,
    status VARCHAR);
CREATE TABLE automation (
    n INTEGER, mid BIGINT, object_id VARCHAR, key VARCHAR, name VARCHAR, description VARCHAR,
    status INTEGER, created TIMESTAMP, modified TIMESTAMP, last_run TIMESTAMP, steps VARCHAR,
    schedule VARCHAR, schedule_status INTEGER, next_run TIMESTAMP);
CREATE TABLE task (
    n INTEGER, mid BIGINT, object_id VARCHAR, interaction_id VARCHAR, type VARCHAR, key VARCHAR,
    status VARCHAR, error VARCHAR, processed BIGINT, started TIMESTAMP, completed TIMESTAMP);
"""


@dataclass(frozen=True, slots=True)
class QueryActivity:
    """A query and where its rows go."""

    mid: int
    object_id: str
    key: str
    name: str
    description: str
    query_text: str
    target_key: str
    update_type: str
    category_id: int


_QUERY = (
    "SELECT mid, object_id, key, name, description, query_text, target_key, update_type, "
    "category_id FROM query_activity"
)


@dataclass(slots=True)
class Activities:
    """What a unit has set up to run, and what ran."""

    tenant: Tenant

    @classmethod
    def of(cls, tenant: Tenant) -> Activities:
        """None yet."""
        tenant.db.cursor().execute(_TABLES)
        return cls(tenant)

    def add_query(self, activity: QueryActivity, target: tuple[str, str], now: datetime) -> None:
        """Keeps a query; `target` is the data extension's name and ObjectID."""
        self.tenant.write(
            "INSERT INTO query_activity VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
            "'Active')",
            [
                self.tenant.number(), activity.mid, activity.object_id, activity.key, activity.name,
                activity.description, activity.query_text, activity.target_key, *target,
                activity.update_type, activity.category_id, now, now,
            ],
        )  # fmt: skip

    def query(self, mid: int, object_id: str) -> QueryActivity | None:
        """The query of an ObjectID."""
        return self._one("object_id = ?", mid, object_id)

    def query_by_key(self, mid: int, key: str) -> QueryActivity | None:
        """The query of an external key."""
        return self._one("lower(key) = lower(?)", mid, key)

    def _one(self, condition: str, mid: int, value: str) -> QueryActivity | None:
        row = self.tenant.db.cursor().execute(
            f"{_QUERY} WHERE mid = ? AND {condition}", [mid, value]
        ).fetchone()  # fmt: skip
        return None if row is None else QueryActivity(*row)

    def change_query(self, activity: QueryActivity, target: tuple[str, str], now: datetime) -> None:
        """Stores a query's new text and settings; `target` as in `add_query`."""
        self.tenant.write(
            "UPDATE query_activity SET name = ?, description = ?, query_text = ?, "
            "target_key = ?, target_name = ?, target_id = ?, update_type = ?, category_id = ?, "
            "modified = ? WHERE object_id = ?",
            [
                activity.name, activity.description, activity.query_text, activity.target_key,
                *target, activity.update_type, activity.category_id, now, activity.object_id,
            ],
        )  # fmt: skip

    def dates(self, object_id: str) -> tuple[datetime, datetime]:
        """When a query was made and when it was last changed."""
        found = self.tenant.db.cursor().execute(
            "SELECT created, modified FROM query_activity WHERE object_id = ?", [object_id]
        ).fetchone()  # fmt: skip
        if found is None:
            raise KeyError(object_id)
        return found[0], found[1]

    def add_automation(
        self, mid: int, key: str, name: str, *, steps: list[object], now: datetime,
        description: str = "",
    ) -> str:  # fmt: skip
        """Keeps an automation; its ObjectID."""
        object_id = str(uuid4())
        self.tenant.write(
            "INSERT INTO automation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, NULL, NULL, NULL)",
            [
                self.tenant.number(), mid, object_id, key, name, description, READY, now, now,
                json.dumps(steps),
            ],
        )  # fmt: skip
        return object_id

    def set_schedule(self, mid: int, object_id: str, schedule: dict[str, Any]) -> None:
        """Gives an automation a schedule, paused until somebody starts it."""
        self.tenant.write(
            "UPDATE automation SET schedule = ?, schedule_status = ?, next_run = NULL, "
            "status = CASE WHEN status = ? THEN status ELSE ? END WHERE mid = ? AND object_id = ?",
            [json.dumps(schedule), PAUSED, RUNNING, PAUSED, mid, object_id],
        )

    def remove(self, table: str, object_id: str) -> None:
        """Forgets a query activity or an automation."""
        if table not in {"query_activity", "automation"}:
            raise ValueError(table)
        self.tenant.write(
            f"DELETE FROM {table} WHERE object_id = ?",  # noqa: S608 - one of two names
            [object_id],
        )

    def start_task(
        self, mid: int, interaction_id: str, *, kind: str, key: str, now: datetime
    ) -> int:
        """Notes that something began to run; its task id."""
        number = self.tenant.number() + 123_000
        self.tenant.write(
            "INSERT INTO task VALUES (?, ?, ?, ?, ?, ?, 'Processing', NULL, 0, ?, NULL)",
            [number, mid, str(uuid4()), interaction_id, kind, key, now],
        )
        return number

    def end_task(self, number: int, now: datetime, *, error: str | None, rows: int) -> None:
        """Notes how it ended."""
        self.tenant.write(
            "UPDATE task SET status = ?, error = ?, processed = ?, completed = ? WHERE n = ?",
            ["Error" if error else "Complete", error, rows, now, number],
        )
