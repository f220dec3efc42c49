"""Import definitions and their runs: a file of Import goes into a data extension or a suppression
list, row by row, and a summary counts what came of it (fact sheet 2.5)."""

from __future__ import annotations

import csv
import io
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from sfmc_sandbox.extracts import ExtractRefused, file_name
from sfmc_sandbox.queries import QueryFailed
from sfmc_sandbox.rows import Mode, write_rows
from sfmc_sandbox.runs import UNFORESEEN

if TYPE_CHECKING:
    from datetime import datetime

    from sfmc_sandbox.extensions import DataExtension
    from sfmc_sandbox.runs import Activity
    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.world.tenant import Tenant

IMPORT = 43  # object type id of an import in an automation (fact sheet 3)
# Update types of the WSDL and what they do with a row; Overwrite empties the target before.
UPDATE_TYPES: dict[str, Mode] = {
    "AddAndUpdate": "upsert",
    "AddAndDoNotUpdate": "insert",
    "UpdateButDoNotAdd": "update",
    "Overwrite": "upsert",
}
_TABLES = """
DROP TABLE IF EXISTS import_definition; DROP TABLE IF EXISTS import_summary;
DROP TABLE IF EXISTS suppression_list;
CREATE TABLE import_definition (
    n INTEGER, mid BIGINT, object_id VARCHAR, key VARCHAR, name VARCHAR, description VARCHAR,
    file_spec VARCHAR, update_type VARCHAR, allow_errors BOOLEAN, destination VARCHAR,
    created TIMESTAMP);
CREATE TABLE import_summary (
    n INTEGER, mid BIGINT, object_id VARCHAR, key VARCHAR, task INTEGER, status VARCHAR,
    destination VARCHAR, started TIMESTAMP, ended TIMESTAMP, taken INTEGER, doubled INTEGER,
    errors INTEGER, total INTEGER);
CREATE TABLE suppression_list (
    n INTEGER, mid BIGINT, object_id VARCHAR, key VARCHAR, name VARCHAR, description VARCHAR,
    created TIMESTAMP);
"""


@dataclass(frozen=True, slots=True)
class ImportDefinition:
    """What is imported into what. `destination`: external key of a data extension or list."""

    mid: int
    object_id: str
    key: str
    name: str
    description: str
    file_spec: str
    update_type: str
    allow_errors: bool
    destination: str


@dataclass(slots=True)
class Imports:
    """The definitions of a tenant, in its database, where SOAP retrieves them."""

    tenant: Tenant

    @classmethod
    def of(cls, tenant: Tenant) -> Imports:
        """None yet."""
        tenant.db.cursor().execute(_TABLES)
        return cls(tenant)

    def add(self, made: ImportDefinition, now: datetime) -> None:
        """Keeps a definition."""
        self.tenant.write(
            "INSERT INTO import_definition VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                self.tenant.number(), made.mid, made.object_id, made.key, made.name,
                made.description,
                made.file_spec, made.update_type, made.allow_errors, made.destination, now,
            ],
        )  # fmt: skip

    def find(self, mid: int, name: str) -> ImportDefinition | None:
        """The definition of an ObjectID or external key."""
        found = self._all("(object_id = ? OR lower(key) = lower(?))", mid, name, name)
        return next(iter(found), None)

    def by_id(self, mid: int, object_id: str) -> ImportDefinition | None:
        """The definition of an ObjectID."""
        return next(iter(self._all("object_id = ?", mid, object_id)), None)

    def of_unit(self, mid: int) -> list[ImportDefinition]:
        """All definitions of a business unit, oldest first."""
        return self._all("true", mid)

    def _all(self, condition: str, mid: int, *values: str) -> list[ImportDefinition]:
        rows = self.tenant.db.cursor().execute(
            "SELECT mid, object_id, key, name, description, file_spec, update_type, allow_errors, "  # noqa: S608 - our own
            f"destination FROM import_definition WHERE mid = ? AND {condition} ORDER BY n",
            [mid, *values],
        ).fetchall()  # fmt: skip
        return [ImportDefinition(*row) for row in rows]

    def created(self, object_id: str) -> datetime:
        """When a definition was made. Raises KeyError."""
        row = self.tenant.db.cursor().execute(
            "SELECT created FROM import_definition WHERE object_id = ?", [object_id]
        ).fetchone()  # fmt: skip
        if row is None:
            raise KeyError(object_id)
        made: datetime = row[0]
        return made

    def change(self, changed: ImportDefinition) -> None:
        """Stores a definition's new settings."""
        self.tenant.write(
            "UPDATE import_definition SET name = ?, description = ?, file_spec = ?, "
            "update_type = ?, allow_errors = ?, destination = ? WHERE object_id = ?",
            [
                changed.name, changed.description, changed.file_spec, changed.update_type,
                changed.allow_errors, changed.destination, changed.object_id,
            ],
        )  # fmt: skip

    def remove(self, object_id: str) -> None:
        """Forgets a definition."""
        self.tenant.write("DELETE FROM import_definition WHERE object_id = ?", [object_id])

    def add_list(
        self, mid: int, object_id: str, names: tuple[str, str, str], now: datetime
    ) -> None:
        """Keeps a suppression list's definition. `names`: key, name, description."""
        self.tenant.write(
            "INSERT INTO suppression_list VALUES (?, ?, ?, ?, ?, ?, ?)",
            [self.tenant.number(), mid, object_id, *names, now],
        )

    def remove_list(self, mid: int, object_id: str, verb: str) -> bool:
        """Forgets a suppression list; False when it is none, or the verb another."""
        if verb != "Delete":
            return False
        return bool(
            self.tenant.write(
                "DELETE FROM suppression_list WHERE mid = ? AND object_id = ?", [mid, object_id]
            )
        )


@dataclass(slots=True)
class Counts:
    """What came of the rows of a file."""

    taken: int = 0
    doubled: int = 0
    errors: int = 0
    total: int = 0


def start_import(sandbox: Sandbox, definition: ImportDefinition) -> int:
    """Starts an import in the background; its task id."""
    now, mid = sandbox.now(), definition.mid
    task = sandbox.activities.start_task(
        mid, definition.object_id, kind="Import", key=definition.key, now=now
    )
    target = sandbox.extensions.find(mid, definition.destination)
    sandbox.tenant.write(
        "INSERT INTO import_summary VALUES (?, ?, ?, ?, ?, 'New', ?, ?, NULL, 0, 0, 0, 0)",
        [
            sandbox.tenant.number(), mid, str(uuid4()), definition.key, task,
            target.object_id if target else "", now,
        ],
    )  # fmt: skip
    sandbox.runs.submit(lambda: _run(sandbox, definition, task))
    return task


def _run(sandbox: Sandbox, definition: ImportDefinition, task: int) -> None:
    time.sleep(sandbox.runs.start_delay_s)
    counts, error = Counts(), None
    sandbox.tenant.write("UPDATE import_summary SET status = 'Processing' WHERE task = ?", [task])
    try:
        fill(sandbox, definition, counts)
    except QueryFailed as problem:
        error = str(problem)
    except Exception:
        logging.getLogger("sfmc_sandbox").exception("import %s failed", definition.key)
        error = UNFORESEEN
    sandbox.tenant.write(
        "UPDATE import_summary SET status = ?, ended = ?, taken = ?, doubled = ?, errors = ?, "
        "total = ? WHERE task = ?",
        [
            "Error" if error else "Completed", sandbox.now(), counts.taken, counts.doubled,
            counts.errors, counts.total, task,
        ],
    )  # fmt: skip
    sandbox.activities.end_task(task, sandbox.now(), error=error, rows=counts.taken)


def run_import_activity(sandbox: Sandbox, activity: Activity) -> int:
    """Runs an import of an automation; how many rows it took. Raises QueryFailed."""
    found = sandbox.imports.find(activity.mid, activity.number)
    if found is None:
        raise QueryFailed(f"The import {activity.number} does not exist.")
    counts = Counts()
    fill(sandbox, found, counts)
    return counts.taken


def fill(sandbox: Sandbox, definition: ImportDefinition, counts: Counts) -> None:
    """Reads the file and writes its rows. Raises QueryFailed."""
    target = sandbox.extensions.find(definition.mid, definition.destination)
    if target is None:
        raise QueryFailed(f"The import's target {definition.destination} does not exist.")
    header, *lines = _lines(sandbox, definition) or [[]]
    if unknown := [name for name in header if target.field(name) is None]:
        raise QueryFailed(f"The file's column {unknown[0][:60]} has no field.")
    if missing := [f.name for f in target.keys if f.name.lower() not in map(str.lower, header)]:
        raise QueryFailed(f"The file lacks the column {missing[0]}.")
    mode, seen = UPDATE_TYPES[definition.update_type], set[tuple[str, ...]]()
    with sandbox.writing:
        if definition.update_type == "Overwrite":
            sandbox.tenant.db.cursor().execute(f"DELETE FROM {target.table}")  # noqa: S608
        for cells in lines:
            row = dict(zip((name.lower() for name in header), cells, strict=False))
            key = tuple(row.get(f.name.lower(), "").lower() for f in target.keys)
            counts.total += 1
            if key in seen:
                counts.doubled += 1
                continue
            seen.add(key)
            told = _write(sandbox, target, row, mode)
            if told is None:
                counts.taken += 1
                continue
            counts.errors += 1
            if not definition.allow_errors:
                raise QueryFailed(f"The import ended with row {counts.total}: {told}")


def _write(sandbox: Sandbox, target: DataExtension, row: dict[str, str], mode: Mode) -> str | None:
    """None, or why the row was refused."""
    return write_rows(sandbox.extensions, target, [row], mode=mode)[0]


def _lines(sandbox: Sandbox, definition: ImportDefinition) -> list[list[str]]:
    """The cells of the file, header first. Raises QueryFailed."""
    try:
        name = file_name(definition.file_spec, sandbox.now())
    except ExtractRefused as problem:
        raise QueryFailed(str(problem)) from problem
    path = sandbox.storage.home(definition.mid) / "Import" / name
    if not path.is_file():
        raise QueryFailed(f"The file {name} was not found.")
    try:
        text = path.read_text("utf-8-sig")
        return [cells for cells in csv.reader(io.StringIO(text, newline="")) if cells]
    except (UnicodeDecodeError, csv.Error) as problem:
        raise QueryFailed(f"The file {name} could not be read.") from problem
