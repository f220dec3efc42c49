"""Folders: those an account is born with, and those that clients make below them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from datetime import datetime

    from sfmc_sandbox.world.tenant import Tenant

# The folders that an account is born with; the shared ones lie with the enterprise.
_KINDS = (
    (1001, "Data Extensions", "dataextension"), (1002, "my lists", "list"),
    (1003, "my emails", "email"), (1004, "Query", "queryactivity"),
    (1005, "my automations", "automations"), (1006, "my subscribers", "mysubs"),
    (1007, "my publication lists", "publication"), (1008, "Suppression Lists", "suppression_list"),
    (1009, "Triggered Sends", "triggered_send"), (1010, "my sends", "userinitiatedsends"),
    (1011, "Scripts", "ssjsactivity"), (1012, "my filters", "filterdefinition"),
    (1013, "my filter activities", "filteractivity"), (1014, "my imports", "importdefinition"),
    (1015, "my templates", "template"), (1016, "my groups", "group"),
    (1017, "Hidden", "hidden"),
    (1018, "Journey Builder Sends", "triggered_send_journeybuilder"),
    (1019, "Contextual Suppression Lists", "contextual_suppression_list"),
)  # fmt: skip
_SHARED_KINDS = (
    (1101, "Shared Items", "shared_data"), (1102, "Shared Data Extensions", "shared_dataextension"),
    (1103, "Shared Salesforce Data Extensions", "shared_salesforcedataextension"),
    (1104, "Synchronized Data Extensions", "synchronizeddataextension"),
    (1105, "Shared Publication Lists", "shared_publication"),
)  # fmt: skip
_TABLE = """
DROP TABLE IF EXISTS made_folder;
CREATE TABLE made_folder (
    mid BIGINT, id BIGINT, object_id VARCHAR, key VARCHAR, name VARCHAR, description VARCHAR,
    kind VARCHAR, parent_id BIGINT, parent_name VARCHAR, created TIMESTAMP);
"""
# A FROM clause of all folders of all units.
FOLDERS = (
    "(SELECT u.mid, u.parent IS NULL AS is_parent, f.is_shared, f.id, f.name, f.kind, "  # noqa: S608 - our own words
    "f.kind || '_default' AS key, NULL AS object_id, '' AS description, 0 AS parent_id, "
    "NULL AS parent_name, TIMESTAMP '2020-01-01' AS created FROM unit u, (VALUES "
    + ", ".join(f"({number}, '{name}', '{kind}', false)" for number, name, kind in _KINDS)
    + ", "
    + ", ".join(f"({number}, '{name}', '{kind}', true)" for number, name, kind in _SHARED_KINDS)
    + ") f(id, name, kind, is_shared) WHERE NOT f.is_shared OR u.parent IS NULL UNION ALL "
    "SELECT m.mid, u.parent IS NULL, contains(m.kind, 'shared'), m.id, m.name, m.kind, m.key, "
    "m.object_id, m.description, m.parent_id, m.parent_name, m.created "
    "FROM made_folder m JOIN unit u USING (mid)) e"
)
_FIRST_MADE = 2000  # ids of folders that clients make begin behind this


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a unit. `parent_id` is 0 for those the account was born with."""

    id: int
    name: str
    kind: str
    key: str
    parent_id: int


@dataclass(slots=True)
class Folders:
    """The folders of a tenant, in its database, where SOAP retrieves them."""

    tenant: Tenant

    @classmethod
    def of(cls, tenant: Tenant) -> Folders:
        """Those every account is born with."""
        tenant.db.cursor().execute(_TABLE)
        return cls(tenant)

    def by_id(self, mid: int, number: int) -> Folder | None:
        """The folder of an id."""
        return self._one("e.id = ?", mid, number)

    def by_key(self, mid: int, key: str) -> Folder | None:
        """The folder of an external key."""
        return self._one("lower(e.key) = lower(?)", mid, key)

    def _one(self, condition: str, mid: int, value: object) -> Folder | None:
        row = self.tenant.db.cursor().execute(
            f"SELECT e.id, e.name, e.kind, e.key, e.parent_id FROM {FOLDERS} "  # noqa: S608 - our own
            f"WHERE e.mid = ? AND {condition}",
            [mid, value],
        ).fetchone()  # fmt: skip
        return None if row is None else Folder(*row)

    def has_inside(self, mid: int, number: int) -> bool:
        """Whether another folder lies in one."""
        return self._one("e.parent_id = ?", mid, number) is not None

    def add(
        self, mid: int, parent: Folder, names: tuple[str, str, str], now: datetime
    ) -> tuple[int, str]:
        """Makes a folder; its id and ObjectID. `names`: key or nothing, name, description."""
        number, object_id = _FIRST_MADE + self.tenant.number(), str(uuid4())
        self.tenant.write(
            "INSERT INTO made_folder VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                mid, number, object_id, names[0] or object_id, *names[1:], parent.kind, parent.id,
                parent.name, now,
            ],
        )  # fmt: skip
        return number, object_id

    def rename(self, mid: int, number: int, name: str) -> None:
        """Gives a folder another name; those inside of it know it, too."""
        self.tenant.write(
            "UPDATE made_folder SET name = CASE WHEN id = ? THEN ? ELSE name END, "
            "parent_name = CASE WHEN parent_id = ? THEN ? ELSE parent_name END WHERE mid = ?",
            [number, name, number, name, mid],
        )

    def remove(self, mid: int, number: int) -> None:
        """Forgets a folder."""
        self.tenant.write("DELETE FROM made_folder WHERE mid = ? AND id = ?", [mid, number])
