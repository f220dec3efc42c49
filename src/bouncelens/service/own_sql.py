"""SQL of a person's own over the lake, and the dictionary of what it can ask for."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bouncelens.errors import InputInvalid
from bouncelens.service.hiding import hides_addresses, showing_addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bouncelens.service.workspace import Workspace
    from bouncelens.store.desk import Desk
    from bouncelens.store.dictionary import TableDoc


@dataclass(frozen=True, slots=True)
class Rows:
    """The answer to a query. `is_cut`: there are more rows than sql.rows allows; `emptied`: those
    of its columns that are empty because addresses were not asked for; `has_stand_ins`: some keys
    that are addresses are written as stand-ins."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool
    emptied: tuple[str, ...]
    has_stand_ins: bool = False


@dataclass(frozen=True, slots=True)
class Asking:
    """A place to ask several queries one after the other."""

    _desk: Desk
    _with_addresses: bool

    def ask(self, sql: str) -> Rows:
        """One SELECT. Raises QuestionInvalid and StoreError."""
        from bouncelens.store.desk import MAY_HOLD_ADDRESSES, STAND_IN

        told = self._desk.ask(sql)
        names = tuple(name for name, _ in told.columns)
        hidden = frozenset[str]() if self._with_addresses else MAY_HOLD_ADDRESSES
        return Rows(
            columns=names,
            types=tuple(kind for _, kind in told.columns),
            rows=tuple(tuple(map(_plain, row)) for row in told.rows),
            is_cut=told.is_cut,
            emptied=tuple(name for name in names if name in hidden),
            has_stand_ins=not self._with_addresses
            and any(isinstance(v, str) and v.startswith(STAND_IN) for r in told.rows for v in r),
        )


@contextmanager
def asking(
    workspace: Workspace,
    *,
    with_addresses: bool = False,
    stuck: Callable[[], None] | None = None,
) -> Iterator[Asking]:
    """A place to ask, within the limits of the settings. `stuck` is called, in another thread, for
    a query that outlives its time although it was stopped: only the process's end ends it. Raises
    InputInvalid where the settings never show addresses, and StoreError."""
    from bouncelens.store.desk import Desk, Limits

    settings = showing_addresses(workspace.settings, asked=with_addresses)
    wanted, with_addresses = settings.sql, not hides_addresses(settings)
    limits = Limits(wanted.seconds, wanted.memory_mb, wanted.rows)
    with Desk(workspace.lake, limits, with_addresses=with_addresses, stuck=stuck) as desk:
        yield Asking(desk, with_addresses)


def schema(name: str | None = None) -> tuple[TableDoc, ...]:
    """What can be asked: one table or view, or all. Raises InputInvalid for an unknown name."""
    from bouncelens.store.dictionary import dictionary

    found = dictionary()
    if name is None:
        return found
    chosen = tuple(table for table in found if table.name == name)
    if not chosen:
        raise InputInvalid(
            f"There is no table {name[:60]!r}.",
            advice=f"There are {', '.join(table.name for table in found)}.",
        )
    return chosen


def _plain(value: Any) -> Any:
    """A value as a table and JSON can hold it."""
    if value is None or isinstance(value, str | int | float | bool | datetime | date):
        return str(value) if isinstance(value, float) and value - value != 0 else value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return str(value)
