"""A daily automation in the tenant: what it is made of, what of it is there, and making or removing
each part. Every part is known by its key, so doing it twice is doing it once."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from bouncelens.bounce import Account
from bouncelens.errors import SourceError
from bouncelens.extract.clock import to_sfmc
from bouncelens.extract.envelope import Change, Content, OneOf
from bouncelens.extract.limits import Patience
from bouncelens.extract.objects import Objects, extension, query
from bouncelens.extract.rest import Rest, RestCall
from bouncelens.extract.signin import SignIn
from bouncelens.extract.wire import Wire

ABOUT = "Made by bouncelens automation deploy, removed by bouncelens automation remove."
_QUERY, _SCHEDULED = 300, 6  # object type of a query in an automation; status id
_STATUSES = {
    -1: "it failed the last time", 0: "it is not complete", 1: "it is being built",
    2: "it has no schedule", 3: "it runs", 4: "its schedule is paused", 5: "it was stopped",
    6: "it runs every day", 7: "it waits for a file", 8: "its trigger is off",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """A data extension and the query that fills it every day."""

    name: str  # bounces or sends
    title: str
    fields: tuple[tuple[str, str, int], ...]
    key: tuple[str, ...]
    sql: str

    def text(self, mid: int | None) -> str:
        """The query; without a MID it takes all rows that the business unit sees."""
        own = "" if mid is None else "\n  AND ({0}.OYBAccountID IS NULL OR {0}.OYBAccountID = {1})"
        return self.sql.format(own_b=own.format("b", mid), own_s=own.format("s", mid))


@cache
def tables() -> tuple[Table, ...]:
    """What is installed, in order."""
    told: dict[str, Any] = tomllib.loads(
        files(__package__).joinpath("automation.toml").read_text("utf-8")
    )
    return tuple(
        Table(
            name,
            table["title"],
            tuple((str(n), str(t), int(length)) for n, t, length in table["fields"]),
            tuple(table["key"]),
            table["sql"].strip(),
        )
        for name, table in told.items()
    )


@dataclass(frozen=True, slots=True)
class Part:
    """One object of the automation and how it stands. `object_id`: None where it is not there;
    `is_right`: as we would make it; `is_ours`: false when the key is somebody else's object."""

    kind: str  # DataExtension, QueryDefinition or Automation
    key: str
    table: str  # bounces or sends; empty for the automation
    object_id: str | None
    is_right: bool
    detail: str = ""
    is_ours: bool = True


class DailyAutomation:
    """Looks at, makes and removes the parts in one business unit at a time."""

    def __init__(
        self, sign_in: SignIn, wire: Wire, *, name: str, patience: Patience | None = None
    ) -> None:
        patience = patience or Patience()
        self._objects = Objects(sign_in, wire, patience)
        self._rest, self._name = Rest(sign_in, wire, patience), name

    def parts(self, account: Account) -> tuple[Part, ...]:
        """All parts, in the order in which they are made. Raises SignInRefused, SourceError."""
        found = [
            *(self._extension(account, table) for table in tables()),
            *(self._query(account, table) for table in tables()),
        ]
        return (*found, self._automation(account))

    def key(self, table: str) -> str:
        """The key of a table's data extension and of its query."""
        return f"{self._name}_daily_{table}"

    def make(self, account: Account, part: Part, *, hour: int) -> None:
        """Make or mend one part; the parts before it must be there. `hour`: UTC, of each day."""
        if part.kind == "Automation":
            self._make_automation(account, part, hour)
            return
        table = next(table for table in tables() if table.name == part.table)
        if part.kind == "DataExtension":
            content = extension(part.key, table.fields, about=ABOUT, keys=table.key)
        else:
            text = table.text(account.mid)
            content = query(part.key, text, about=ABOUT, update="Update")
            if part.object_id:
                content = (("ObjectID", part.object_id), *content)
        verb = "Update" if part.object_id else "Create"
        self._objects.change(account, Change(verb, part.kind, content))

    def remove(self, account: Account, part: Part) -> None:
        """Remove one part; what stands on it must be gone."""
        if part.object_id is None:
            return
        if part.kind == "Automation":
            pause = Change(
                "Schedule", "Automation", (("ObjectID", part.object_id),), action="pause"
            )
            with suppress(SourceError):  # it may have no schedule; removing it is what counts
                self._objects.change(account, pause)
        self._objects.remove(account, part.kind, part.object_id)

    def _extension(self, account: Account, table: Table) -> Part:
        key, kind = self.key(table.name), "DataExtension"
        found = self._find(account, kind, key, ("ObjectID",))
        if found is None:
            return Part(kind, key, table.name, None, False)
        where = OneOf("DataExtension.CustomerKey", (key,))
        rows = self._objects.find(account, "DataExtensionField", ("Name",), where)
        have = {(row.get("Name") or "").lower() for row in rows}
        lacking = [name for name, _, _ in table.fields if name.lower() not in have]
        detail = f"it lacks {', '.join(lacking)}" if lacking else ""
        object_id = found.get("ObjectID")
        return Part(kind, key, table.name, object_id, not lacking, detail, is_ours=not lacking)

    def _query(self, account: Account, table: Table) -> Part:
        key, kind = self.key(table.name), "QueryDefinition"
        found = self._find(account, kind, key, ("ObjectID", "QueryText", "Status"))
        if found is None:
            return Part(kind, key, table.name, None, False)
        is_right = _folded(found.get("QueryText")) == _folded(table.text(account.mid))
        detail = "" if is_right else "its SQL is another"
        return Part(kind, key, table.name, found.get("ObjectID"), is_right, detail)

    def _automation(self, account: Account) -> Part:
        key, kind = f"{self._name}_daily", "Automation"
        wanted = ("ObjectID", "Status", "LastRunTime")
        found = self._find(account, kind, key, wanted)
        if found is None:
            return Part(kind, key, "", None, False)
        status = int(found.get("Status") or 0) if _is_number(found.get("Status")) else 0
        last = f", last on {found['LastRunTime']}" if found.get("LastRunTime") else ""
        detail = _STATUSES.get(status, "its status is unknown") + last
        return Part(kind, key, "", found.get("ObjectID"), status in (3, _SCHEDULED), detail)

    def _find(
        self, account: Account, kind: str, key: str, wanted: tuple[str, ...]
    ) -> dict[str, str | None] | None:
        rows = self._objects.find(account, kind, wanted, OneOf("CustomerKey", (key,)))
        if kind == "QueryDefinition":  # removed ones may still be told of
            rows = [row for row in rows if (row.get("Status") or "Active") == "Active"]
        return dict(rows[0]) if rows else None

    def _make_automation(self, account: Account, part: Part, hour: int) -> None:
        object_id = part.object_id
        if object_id is None:
            activities = []
            for number, table in enumerate(tables(), 1):
                found = self._find(
                    account, "QueryDefinition", self.key(table.name), ("ObjectID", "Status")
                )
                activity = {"name": self.key(table.name), "objectTypeId": _QUERY}
                target = (found or {}).get("ObjectID")
                activities.append(activity | {"activityObjectId": target, "displayOrder": number})
            body = {
                "name": part.key,
                "key": part.key,
                "description": ABOUT,
                "steps": [{"name": "Bounces and sends", "step": 1, "activities": activities}],
            }
            source = f"Automation, account {account.mid}"
            call = RestCall("POST", "automation/v1/automations", source, "Automations: Write", body)
            made = self._rest.ask(account, call)
            object_id = str(made.get("id") or "") if isinstance(made, dict) else ""
        it: Content = (("ObjectID", object_id),)
        schedule = Change("Schedule", "Automation", it, action="start", schedule=_daily(hour))
        self._objects.change(account, schedule)


def _daily(hour: int) -> Content:
    """Every day at an hour (UTC), from the next time on. SFMC's clock is UTC-6."""
    now = datetime.now(UTC)
    first = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    first += timedelta(days=1) if first <= now else timedelta(0)
    pattern = (("DailyRecurrencePatternType", "Interval"), ("DayInterval", "1"))
    return (
        ("Recurrence:DailyRecurrence", pattern),
        ("RecurrenceType", "Daily"),
        ("RecurrenceRangeType", "EndOn"),
        ("StartDateTime", to_sfmc(first)),
        ("EndDateTime", to_sfmc(first.replace(year=first.year + 20, day=min(first.day, 28)))),
    )


def _folded(text: str | None) -> str:
    return " ".join((text or "").split()).lower()


def _is_number(text: str | None) -> bool:
    return bool(text) and str(text).lstrip("-").isdigit()
