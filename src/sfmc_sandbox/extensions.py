"""Data extensions: their definitions, and one table each in the tenant's database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from sfmc_sandbox.world.tenant import SENDS_KEY

if TYPE_CHECKING:
    from sfmc_sandbox.world.tenant import Tenant

# Field types and what holds them (fact sheet 2.5, 6).
SQL_TYPES = {
    "Text": "VARCHAR",
    "EmailAddress": "VARCHAR",
    "Phone": "VARCHAR",
    "Locale": "VARCHAR",
    "Number": "INTEGER",
    "Decimal": "DECIMAL(18, 4)",
    "Date": "TIMESTAMP",
    "Boolean": "BOOLEAN",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a data extension."""

    name: str
    type: str  # a key of SQL_TYPES
    max_length: int | None = None
    is_key: bool = False
    is_required: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class DataExtension:
    """A data extension of one business unit; `table` holds its rows."""

    mid: int
    key: str
    name: str
    object_id: str
    table: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        """The field of a name, upper or lower case."""
        return next((f for f in self.fields if f.name.lower() == name.lower()), None)


@dataclass(slots=True)
class Extensions:
    """All data extensions of a tenant by (MID, external key in lower case)."""

    by_key: dict[tuple[int, str], DataExtension] = field(default_factory=dict)
    _count: int = 0

    @classmethod
    def of(cls, tenant: Tenant) -> Extensions:
        """Those a tenant starts with: its daily send counts, per unit."""
        extensions = cls()
        fields = (
            Field("JobID", "Number", None, is_key=True, is_required=True),
            Field("Domain", "Text", 254, is_key=True, is_required=True),
            Field("SendDay", "Date", None, is_key=True, is_required=True),
            Field("Sent", "Number"),
        )
        for unit in tenant.units:
            made = extensions.add(unit.mid, SENDS_KEY, SENDS_KEY, fields)
            tenant.db.execute(
                f"CREATE TABLE {made.table} AS "  # noqa: S608 - a name of our own
                'SELECT job_id::INTEGER AS "JobID", domain AS "Domain", '
                'send_day::TIMESTAMP AS "SendDay", sent::INTEGER AS "Sent" '
                f"FROM {SENDS_KEY} WHERE mid = ?",
                [unit.mid],
            )
        return extensions

    def add(self, mid: int, key: str, name: str, fields: tuple[Field, ...]) -> DataExtension:
        """Notes a data extension; its table is the caller's to make."""
        self._count += 1
        made = DataExtension(
            mid, key, name, str(uuid5(NAMESPACE_URL, f"{mid}/{key}")), f"de_{self._count}", fields
        )
        self.by_key[mid, key.lower()] = made
        return made

    def find(self, mid: int, key: str) -> DataExtension | None:
        """The data extension of an external key in one business unit."""
        return self.by_key.get((mid, key.lower()))
