"""A ledger of any earlier version becomes today's, and keeps every row, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from bouncelens.store.ledger import Ledger, database

if TYPE_CHECKING:
    from pathlib import Path

    from postgres_server import Postgres

MOMENT = datetime(2026, 3, 1, 8, 30, 0, 123456, tzinfo=UTC)


def config(connection: sa.Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(database._MIGRATIONS).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


REVISIONS = sorted(
    script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()
)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.url(server.new_database())


def some(column: sa.Column[Any], number: int) -> object:
    """A value for any column."""
    kind = column.type
    if column.foreign_keys:
        return number if column.primary_key else 1
    if isinstance(kind, sa.DateTime):
        return MOMENT if kind.timezone else MOMENT.replace(tzinfo=None)
    if isinstance(kind, sa.JSON):
        return {"stored": number}
    if isinstance(kind, sa.Boolean):
        return bool(number % 2)
    if isinstance(kind, sa.Integer):
        return number if column.primary_key else 2**31 - 1
    if isinstance(kind, sa.Float):
        return 0.5
    return f"{column.name} {number} é"[: getattr(kind, "length", None) or 40]


def rows(connection: sa.Connection, table: sa.Table) -> list[tuple[object, ...]]:
    """The table's rows as they are, in order."""
    found = connection.execute(sa.select(table).order_by(*table.primary_key.columns))
    return [tuple(row) for row in found]


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_older_ledger_with_rows_in_it_is_brought_up_and_loses_none(
    place: str, revision: str
) -> None:
    engine = sa.create_engine(place)
    with engine.begin() as connection:
        command.upgrade(config(connection), revision)
    held = sa.MetaData()
    held.reflect(engine)
    tables = [table for table in held.sorted_tables if table.name != "alembic_version"]
    with engine.begin() as connection:
        for table in tables:
            told = [{c.name: some(c, number) for c in table.columns} for number in (1, 2)]
            connection.execute(sa.insert(table), told)
        before = {table.name: rows(connection, table) for table in tables}
    assert all(len(found) == 2 for found in before.values())
    with Ledger.open(place) as ledger:
        assert ledger.bookmarks()
        assert len(ledger.runs()) == 2
    with engine.connect() as connection:
        version = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        after = {table.name: rows(connection, table) for table in tables}
    engine.dispose()
    assert version == database.HEAD
    assert after == before
