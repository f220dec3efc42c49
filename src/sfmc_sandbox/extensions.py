"""Data extensions: their definitions, and one table each in the tenant's database.

Definitions are mirrored into the catalogue's tables, where SOAP and REST retrieve them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from sfmc_sandbox.world.tenant import SENDS_KEY

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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
_TABLES = """
CREATE TABLE extension_list (
    mid BIGINT, object_id VARCHAR, key VARCHAR, name VARCHAR, category_id BIGINT,
    created TIMESTAMP);
CREATE TABLE extension_field (
    mid BIGINT, object_id VARCHAR, de_key VARCHAR, name VARCHAR, ordinal INTEGER, is_key BOOLEAN,
    type VARCHAR, max_length INTEGER, scale INTEGER, is_required BOOLEAN, default_value VARCHAR);
"""


MAX_TEXT = 4000  # characters of a Text field


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a data extension."""

    name: str
    type: str  # a key of SQL_TYPES
    max_length: int | None = None
    is_key: bool = False
    is_required: bool = False
    default: str | None = None

    @property
    def quoted(self) -> str:
        """The name for SQL."""
        return '"' + self.name.replace('"', '""') + '"'


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

    @property
    def keys(self) -> tuple[Field, ...]:
        """The fields of the primary key."""
        return tuple(f for f in self.fields if f.is_key)


@dataclass(slots=True)
class Extensions:
    """All data extensions of a tenant by (MID, external key in lower case)."""

    db: DuckDBPyConnection
    by_key: dict[tuple[int, str], DataExtension] = field(default_factory=dict)
    _count: int = 0

    @classmethod
    def of(cls, tenant: Tenant) -> Extensions:
        """Those a tenant starts with: its daily send counts, per unit."""
        cursor = tenant.db.cursor()
        # A second sandbox around the same tenant starts afresh.
        cursor.execute("DROP TABLE IF EXISTS extension_list; DROP TABLE IF EXISTS extension_field;")
        cursor.execute(_TABLES)
        extensions = cls(tenant.db)
        fields = (
            Field("JobID", "Number", None, is_key=True, is_required=True),
            Field("Domain", "Text", 254, is_key=True, is_required=True),
            Field("SendDay", "Date", None, is_key=True, is_required=True),
            Field("Sent", "Number"),
        )
        for unit in tenant.units:
            made = extensions.make(unit.mid, SENDS_KEY, SENDS_KEY, fields)
            cursor.execute(
                f"INSERT INTO {made.table} SELECT job_id, domain, send_day, sent "  # noqa: S608
                f"FROM {SENDS_KEY} WHERE mid = ?",
                [unit.mid],
            )
        return extensions

    def make(self, mid: int, key: str, name: str, fields: tuple[Field, ...]) -> DataExtension:
        """A new, empty data extension with its table."""
        self._count += 1
        object_id = str(uuid5(NAMESPACE_URL, f"{mid}/{key}/{self._count}"))
        made = DataExtension(mid, key, name, object_id, f"de_{self._count}", fields)
        columns = ", ".join(f"{f.quoted} {SQL_TYPES[f.type]}" for f in fields)
        cursor = self.db.cursor()
        cursor.execute(f"CREATE OR REPLACE TABLE {made.table} ({columns})")
        cursor.execute(
            "INSERT INTO extension_list VALUES (?, ?, ?, ?, 1001, current_localtimestamp())",
            [mid, object_id, key, name],
        )
        self._note_fields(made)
        self.by_key[mid, key.lower()] = made
        return made

    def _note_fields(self, extension: DataExtension) -> None:
        rows = [
            [
                extension.mid,
                str(uuid5(NAMESPACE_URL, f"{extension.object_id}/{f.name}")),
                extension.key, f.name, place, f.is_key, f.type, f.max_length,
                4 if f.type == "Decimal" else None, f.is_required or f.is_key, f.default,
            ]
            for place, f in enumerate(extension.fields)
        ]  # fmt: skip
        self.db.cursor().executemany(
            "INSERT INTO extension_field VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
        )

    def change(
        self, extension: DataExtension, more: tuple[Field, ...], *, name: str
    ) -> DataExtension:
        """The data extension under a name, with further fields."""
        cursor = self.db.cursor()
        for f in more:
            cursor.execute(
                f"ALTER TABLE {extension.table} ADD COLUMN {f.quoted} {SQL_TYPES[f.type]}"
            )
        cursor.execute(
            "DELETE FROM extension_field WHERE mid = ? AND lower(de_key) = lower(?)",
            [extension.mid, extension.key],
        )
        made = DataExtension(
            extension.mid, extension.key, name, extension.object_id, extension.table,
            extension.fields + more,
        )  # fmt: skip
        cursor.execute(
            "UPDATE extension_list SET name = ? WHERE mid = ? AND object_id = ?",
            [name, extension.mid, extension.object_id],
        )
        self._note_fields(made)
        self.by_key[made.mid, made.key.lower()] = made
        return made

    def put_into(self, extension: DataExtension, folder: int) -> None:
        """Lays a data extension into a folder."""
        self.db.cursor().execute(
            "UPDATE extension_list SET category_id = ? WHERE mid = ? AND object_id = ?",
            [folder, extension.mid, extension.object_id],
        )

    def remove(self, extension: DataExtension) -> None:
        """Definition and rows."""
        cursor = self.db.cursor()
        cursor.execute(f"DROP TABLE {extension.table}")
        where = [extension.mid, extension.key]
        cursor.execute("DELETE FROM extension_list WHERE mid = ? AND key = ?", where)
        cursor.execute("DELETE FROM extension_field WHERE mid = ? AND de_key = ?", where)
        self.by_key.pop((extension.mid, extension.key.lower()), None)

    def of_unit(self, mid: int) -> list[DataExtension]:
        """All of one business unit. A copy first: others may be made meanwhile."""
        return [extension for extension in list(self.by_key.values()) if extension.mid == mid]

    def find(self, mid: int, key: str) -> DataExtension | None:
        """The data extension of an external key in one business unit."""
        return self.by_key.get((mid, key.lower()))

    def named(self, mid: int, name: str) -> DataExtension | None:
        """The data extension that SQL calls by its name, or by its key."""
        for extension in self.of_unit(mid):
            if extension.name.lower() == name.lower():
                return extension
        return self.find(mid, name)

    def by_id(self, mid: int, object_id: str) -> DataExtension | None:
        """The data extension of an ObjectID in one business unit."""
        return next((e for e in self.of_unit(mid) if e.object_id == object_id), None)
