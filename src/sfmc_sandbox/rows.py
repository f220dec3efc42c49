"""Writes rows into data extensions: values checked against field types, the primary key kept."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Literal

import duckdb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfmc_sandbox.extensions import DataExtension, Extensions, Field

Mode = Literal["insert", "update", "upsert"]
_DATE_SHAPES = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y")


class RowRefused(ValueError):
    """One row that cannot be written; the text says why."""


def write_rows(
    extensions: Extensions,
    extension: DataExtension,
    rows: Sequence[Mapping[str, object]],
    *,
    mode: Mode,
) -> list[str | None]:
    """Writes rows one by one; per row None or why it was refused."""
    cursor = extensions.db.cursor()
    outcomes: list[str | None] = []
    for row in rows:
        try:
            _write(cursor, extension, _values(extension, row), mode)
            outcomes.append(None)
        except (RowRefused, duckdb.Error) as problem:
            outcomes.append(str(problem).partition("\n")[0])
    return outcomes


def delete_row(extensions: Extensions, extension: DataExtension, keys: Mapping[str, object]) -> int:
    """Deletes the rows of a key; how many there were."""
    values = _values(extension, keys)
    condition = " AND ".join(f"{extension_field.quoted} = ?" for extension_field in values)
    if not values:
        return 0
    done = extensions.db.cursor().execute(
        f"DELETE FROM {extension.table} WHERE {condition}",  # noqa: S608 - quoted names
        list(values.values()),
    )
    return int((done.fetchone() or (0,))[0])


def _values(extension: DataExtension, row: Mapping[str, object]) -> dict[Field, object]:
    values: dict[Field, object] = {}
    for name, raw in row.items():
        found = extension.field(name)
        if found is None:
            raise RowRefused(f"The field {name} does not exist in {extension.key}.")
        values[found] = read_value(found, raw)
    return values


def _write(
    cursor: duckdb.DuckDBPyConnection, extension: DataExtension, values: dict[Field, object],
    mode: Mode,
) -> None:  # fmt: skip
    keys = extension.keys
    if missing := [f.name for f in keys if values.get(f) is None]:
        raise RowRefused(f"The primary key field {missing[0]} has no value.")
    exists = False
    if keys:
        condition = " AND ".join(f"{f.quoted} = ?" for f in keys)
        found = cursor.execute(
            f"SELECT count(*) FROM {extension.table} WHERE {condition}",  # noqa: S608
            [values[f] for f in keys],
        ).fetchone()
        exists = bool(found and found[0])
        if exists and mode == "insert":
            raise RowRefused("Violation of PRIMARY KEY constraint. Cannot insert duplicate key.")
    if not exists and mode == "update":
        raise RowRefused("The row to update does not exist.")
    if exists:
        rest = [f for f in values if f not in keys]
        if rest:
            cursor.execute(
                f"UPDATE {extension.table} SET {', '.join(f'{f.quoted} = ?' for f in rest)} "  # noqa: S608
                f"WHERE {condition}",
                [*(values[f] for f in rest), *(values[f] for f in keys)],
            )
        return
    for f in extension.fields:
        if f not in values and f.default is not None:
            values[f] = read_value(f, f.default)
        if f.is_required and values.get(f) is None:
            raise RowRefused(f"The required field {f.name} has no value.")
    cursor.execute(
        f"INSERT INTO {extension.table} ({', '.join(f.quoted for f in values)}) "  # noqa: S608
        f"VALUES ({', '.join('?' * len(values))})",
        list(values.values()),
    )


def read_value(found: Field, raw: object) -> object:
    """A value as the field holds it. Raises RowRefused."""
    if raw is None:
        return None
    if isinstance(raw, dict | list):
        raise RowRefused(f"The value of {found.name} is no {found.type}.")
    text = str(raw).strip()
    try:
        if found.type in {"Text", "EmailAddress", "Phone", "Locale"}:
            return _text(found, str(raw))
        if text == "":
            return None
        if found.type == "Number":
            number = int(text)
            if not -(2**31) <= number < 2**31:
                raise ValueError(text)
            return number
        if found.type == "Decimal":
            return Decimal(text)
        if found.type == "Boolean":
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        return read_date(text)
    except (ValueError, KeyError, InvalidOperation) as problem:
        if isinstance(problem, RowRefused):
            raise
        raise RowRefused(f"The value of {found.name} is no {found.type}: {text[:60]}") from problem


def _text(found: Field, text: str) -> str:
    limit = found.max_length or 4000
    if len(text) > limit:
        raise RowRefused(f"The value of {found.name} is longer than {limit} characters.")
    if found.type == "EmailAddress" and text and "@" not in text:
        raise RowRefused(f"The value of {found.name} is no e-mail address.")
    return text


def read_date(text: str) -> datetime:
    """A date as clients write it, ISO or American. Raises ValueError."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        for shape in _DATE_SHAPES:
            try:
                return datetime.strptime(text, shape)  # noqa: DTZ007 - naive, as in the platform
            except ValueError:
                continue
        raise
