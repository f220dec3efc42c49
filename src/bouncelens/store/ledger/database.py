"""Opening the ledger's database: connection habits per dialect, and migration to the newest form.

One writer at a time, on both: a check made in a transaction is still true when it writes. SQLite:
write-ahead log and enforced foreign keys.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bouncelens.errors import StoreError
from bouncelens.store.refusal import advice_for

if TYPE_CHECKING:
    from sqlite3 import Connection as SqliteConnection

HEAD = "0004"  # the newest migration; a test holds it to the files

READS = "bouncelens_reads"  # execution option: this transaction writes nothing

_BUSY_S, _CONNECT_S = 30, 10
_WRITERS = 7226001  # the lock's number among those of the database
_MIGRATIONS = Path(__file__).parent / "migrations"


def open_engine(url: str) -> sa.Engine:
    """An engine on a ledger of the newest form. Raises StoreError."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise StoreError(
            "The ledger's address cannot be understood.",
            advice="Write it as sqlite:///PATH or postgresql+psycopg://USER@HOST/NAME.",
        ) from error
    shown = parsed.render_as_string(hide_password=True)
    try:
        is_server = parsed.get_backend_name() == "postgresql"
        more = {"connect_timeout": _CONNECT_S} if is_server else {}
        engine = sa.create_engine(parsed, connect_args=more)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(
            f"The ledger {shown} needs a database driver that is not here: {error}.",
            advice="Install it, or use sqlite:///PATH.",
        ) from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, parsed.database)
    elif engine.dialect.name == "postgresql":
        _prepare_postgresql(engine)
    try:
        _migrate(engine, shown)
    except sa.exc.DatabaseError as error:
        engine.dispose()
        raise refused(shown, error) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def is_there(url: str) -> bool:
    """Whether the ledger's database has been made; one on a server counts as there."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        return True  # opening it says what is wrong
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return True
    return parsed.database == ":memory:" or Path(parsed.database).expanduser().exists()


def refused(shown: str, error: sa.exc.DatabaseError) -> StoreError:
    """The database's complaint as a sentence; never its SQL, whose values are personal."""
    otherwise = "Check that the place exists, is writable and is a bouncelens ledger."
    return StoreError(
        f"The ledger {shown} cannot be used: {str(error.orig).strip().splitlines()[0]}.",
        advice=advice_for(error, otherwise),
    )


def _prepare_sqlite(engine: sa.Engine, database: str | None) -> None:
    if database and database != ":memory:":
        Path(database).expanduser().parent.mkdir(parents=True, exist_ok=True)

    @sa.event.listens_for(engine, "connect")
    def connected(connection: SqliteConnection, _record: object) -> None:
        # The driver must not begin transactions by itself: "begin" below does.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {_BUSY_S * 1000}",
            "foreign_keys = ON",
            "journal_mode = WAL",
            "synchronous = FULL",  # a bookmark that was moved stays moved after a power cut
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        # A deferred transaction that turns into a writer half way cannot wait for its turn.
        only_reads = connection.get_execution_options().get(READS, False)
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")


def _prepare_postgresql(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        # What SQLite does with BEGIN IMMEDIATE. Transactions are short, and readers do not wait.
        if not connection.get_execution_options().get(READS, False):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_BUSY_S}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")


def _migrate(engine: sa.Engine, shown: str) -> None:
    with engine.begin() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        version = None
        if "alembic_version" in tables:
            version = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        elif tables:
            raise StoreError(
                f"The database {shown} holds other tables than a ledger's.",
                advice="Name another database as `ledger` in the settings.",
            )
        if version == HEAD:
            return
        if version is not None and version > HEAD:
            raise StoreError(
                f"The ledger {shown} was written by a newer bouncelens ({version} > {HEAD}).",
                advice="Upgrade bouncelens.",
            )
        _upgrade(connection)


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
