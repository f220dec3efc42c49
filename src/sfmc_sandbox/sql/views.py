"""The data views of a business unit as views of the tenant's database (fact sheet section 4)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from sfmc_sandbox.world.tenant import Tenant


@cache
def _selects() -> dict[str, str]:
    text = (files("sfmc_sandbox") / "sql" / "views.toml").read_text(encoding="utf-8")
    return {name: block["select"] for name, block in tomllib.loads(text).items()}


@dataclass(slots=True)
class DataViews:
    """Makes a unit's data views when they are first asked for."""

    tenant: Tenant
    now: datetime  # in Marketing Cloud's clock
    retention_months: int = 6  # of event views; 0 keeps all
    has_false_bounce: bool = True  # some accounts lack the column until Support adds it
    _made: dict[tuple[int, str], str] = field(default_factory=dict)

    def find(self, mid: int, name: str) -> str | None:
        """The database view for a data view such as `_Bounce`, seen from a unit."""
        wanted = name.removeprefix("_").lower()
        real = next((known for known in _selects() if known.lower() == wanted), None)
        if real is None or not name.startswith("_"):
            return None
        key = (mid, real)
        if key not in self._made:
            self._made[key] = self._make(mid, real)
        return self._made[key]

    def _make(self, mid: int, name: str) -> str:
        parent = self.tenant.units[0].mid
        is_parent = mid == parent
        since = "TIMESTAMP '1970-01-01'"
        if self.retention_months:
            since = f"TIMESTAMP '{self.now}' - INTERVAL {int(self.retention_months)} MONTH"
        select = _selects()[name].format(
            # The parent sees its children's rows; OYBAccountID names the child.
            scope="true" if is_parent else f"e.mid = {int(mid)}",
            own=f"e.mid = {int(mid)}",
            oyb=f"nullif(e.mid, {int(parent)})::INTEGER",
            since=since,
        )
        if name == "Bounce" and not self.has_false_bounce:
            select = f"SELECT * EXCLUDE (IsFalseBounce) FROM ({select})"  # noqa: S608
        view = f"dv_{int(mid)}_{name.lower()}"
        self.tenant.db.cursor().execute(f"CREATE OR REPLACE VIEW {view} AS {select}")
        return view

    def forget(self) -> None:
        """After a setting changed: the views are made anew."""
        self._made.clear()
