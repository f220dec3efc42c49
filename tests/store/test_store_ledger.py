"""The ledger: progress and decisions survive, once each, whoever else is writing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from bouncelens.bounce import Quarantined, Suppression
from bouncelens.errors import StoreError
from bouncelens.store.ledger import Ledger, Saved, database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from postgres_server import Postgres

NOW = datetime(2026, 3, 1, 8, 30, 0, 123456, tzinfo=UTC)
DECISION = Suppression(
    account=1,
    subscriber_key="s1",
    address="pat@a.example",
    reason="unknown_user",
    grounds="Hard bounce.",
    basis="at_once",
    job=2**40,
    batch=0,
    event_time=NOW - timedelta(days=1),
    rule="no-such-user",
    policy="default",
    policy_version="1",
    decided_at=NOW,
)


def url(place: Path) -> str:
    return f"sqlite:///{place / 'ledger.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An address where no ledger is yet, of each kind of database."""
    if request.param == "sqlite":
        return url(tmp_path / "new" / "folder")
    server: Postgres = request.getfixturevalue("postgres")
    return server.url(server.new_database())


@pytest.fixture
def ledger(place: str) -> Iterator[Ledger]:
    with Ledger.open(place) as opened:
        yield opened


def test_a_bookmark_only_moves_forwards(ledger: Ledger) -> None:
    assert ledger.bookmark(1, "soap") is None
    for through in (NOW, NOW - timedelta(days=9), NOW):
        ledger.move_bookmark(1, "soap", through)
        assert ledger.bookmark(1, "soap") == NOW
    ledger.move_bookmark(1, "soap", NOW + timedelta(hours=1))
    ledger.move_bookmark(2, "soap", NOW)
    assert ledger.bookmarks() == {(1, "soap"): NOW + timedelta(hours=1), (2, "soap"): NOW}
    assert ledger.bookmark(1, "file") is None


def test_a_lock_is_held_by_one_at_a_time_and_per_name(ledger: Ledger, place: str) -> None:
    with Ledger.open(place) as other:
        with ledger.holding("query-1", wait_s=0) as has_it:
            assert has_it
            with other.holding("query-1", wait_s=0) as has_it_too:
                assert not has_it_too
            with other.holding("query-2", wait_s=0) as has_another:
                assert has_another
        with other.holding("query-1", wait_s=0) as has_it_now:
            assert has_it_now


def test_the_server_lets_go_of_a_killed_processs_lock(postgres: Postgres) -> None:
    place = postgres.url(postgres.new_database())
    code = (
        "import sys\n"
        "from bouncelens.store.ledger import Ledger\n"
        "with Ledger.open(sys.argv[1]).holding('query-1', wait_s=0) as has_it:\n"
        "    print(has_it, flush=True)\n    sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, place],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child, Ledger.open(place) as ledger:
        assert child.stdout is not None
        assert child.stdout.readline() == "True\n"
        with ledger.holding("query-1", wait_s=0) as has_it:
            assert not has_it
        child.kill()
        with ledger.holding("query-1", wait_s=30) as has_it:  # it notices in its own time
            assert has_it


def test_moments_keep_their_instant_and_come_back_in_utc(ledger: Ledger) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=-6)))
    ledger.move_bookmark(1, "soap", there)
    kept = ledger.bookmark(1, "soap")
    assert kept == NOW
    assert kept is not None
    assert kept.tzinfo is UTC


def test_a_time_without_a_zone_is_not_guessed_at(ledger: Ledger) -> None:
    with pytest.raises(StatementError, match="time zone"):
        ledger.move_bookmark(1, "soap", NOW.replace(tzinfo=None))


def test_a_run_is_noted_from_start_to_end(ledger: Ledger) -> None:
    first = ledger.start_run("pull", version="0.1.0", now=NOW)
    second = ledger.start_run("judge", version="0.1.0", now=NOW)
    counts = {"received": 10, "stored": 9}
    ledger.finish_run(first, "partial", counts=counts, detail="One page was late.", now=NOW)
    newest, oldest = ledger.runs()
    assert (newest.id, newest.outcome, newest.finished_at) == (second, None, None)
    assert (oldest.outcome, oldest.counts, oldest.detail) == (
        "partial",
        counts,
        "One page was late.",
    )
    assert [run.id for run in ledger.runs(verb="pull")] == [first]


def test_an_unreadable_row_is_kept_once_however_often_it_comes(ledger: Ledger) -> None:
    run = ledger.start_run("import", version="0.1.0")
    told = [Quarantined("a.csv", n, "no job", f"row {n}\ud800\0") for n in range(1, 1200)]
    assert ledger.quarantine([*told, *told], run=run, now=NOW) == 1199
    assert ledger.quarantine([*told, Quarantined("a.csv", None, "no job", "")]) == 1
    assert len(ledger.quarantined(run=run, limit=5000)) == 1199
    assert ledger.quarantined(limit=1)[0].line is None
    assert ledger.quarantined(run=run, limit=1)[0].raw.endswith("\\ud800\\x00")


def test_the_same_decision_again_changes_nothing(ledger: Ledger) -> None:
    later = replace(DECISION, decided_at=NOW + timedelta(days=1))
    assert ledger.save_suppressions([DECISION]) == Saved(1, 0, 0)
    assert ledger.save_suppressions([later]) == Saved(0, 0, 1)
    assert ledger.suppressions() == (DECISION,)


def test_new_grounds_replace_old_ones_for_the_same_address_only(ledger: Ledger) -> None:
    other = replace(DECISION, account=2)
    again = replace(DECISION, grounds="Three bounces.", job=11)
    ledger.save_suppressions([DECISION, other])
    assert ledger.save_suppressions([again, other]) == Saved(0, 1, 1)
    assert ledger.suppressions() == (again, other)
    assert ledger.suppressions(account=2) == (other,)


STATES = [
    pytest.param("active", "active", id="what is suppressed stays so under new grounds"),
    pytest.param("planned", "planned", id="a plan stays a plan"),
    pytest.param("released", "planned", id="a new bounce after a release is a new plan"),
]


@pytest.mark.parametrize(("state", "then"), STATES)
def test_states_under_new_grounds(ledger: Ledger, state: str, then: str) -> None:
    ledger.save_suppressions([replace(DECISION, state=state)])
    assert ledger.save_suppressions([DECISION]) == Saved(0, 0, 1), "the same grounds"
    assert [kept.state for kept in ledger.suppressions()] == [state]
    ledger.save_suppressions([replace(DECISION, job=99)])
    assert [kept.state for kept in ledger.suppressions()] == [then]
    assert len(ledger.suppressions(state=then)) == 1


def test_a_ledger_is_there_again_after_closing(place: str) -> None:
    with Ledger.open(place) as ledger:
        ledger.move_bookmark(1, "soap", NOW)
    with Ledger.open(place) as ledger:
        assert ledger.bookmark(1, "soap") == NOW


def test_the_migrations_make_what_the_records_say(place: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from bouncelens.store.ledger.records import Record

    engine = database.open_engine(place)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Record.metadata) == []
        assert context.get_current_revision() == database.HEAD
    engine.dispose()


def test_the_newest_migration_is_the_one_the_code_expects() -> None:
    names = sorted(path.name for path in (database._MIGRATIONS / "versions").glob("v*.py"))
    assert names[-1].startswith(f"v{database.HEAD}_")


def test_sqlite_waits_for_others_and_holds_references(tmp_path: Path) -> None:
    engine = database.open_engine(url(tmp_path))
    with engine.connect() as connection:
        told = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert told == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000}


OPENER = """
import sys
from datetime import UTC, datetime, timedelta
from bouncelens.bounce import Quarantined
from bouncelens.store.ledger import Ledger
with Ledger.open(sys.argv[1]) as ledger:
    sys.stdout.write("open\\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for n in range(10):
        through = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(n)
        for account in (int(sys.argv[2]), 100 + n):
            ledger.move_bookmark(account, "soap", through)
        ledger.quarantine([Quarantined("a.csv", n, "no job", "row")])
        ledger.finish_run(ledger.start_run("pull", version="0"), "ok", counts={"n": n})
"""


def test_processes_may_make_and_write_a_ledger_at_the_same_time(place: str) -> None:
    pipe = subprocess.PIPE
    told = [
        subprocess.Popen([sys.executable, "-c", OPENER, place, str(n)], stdin=pipe, stdout=pipe)
        for n in range(3)
    ]
    for process in told:  # all of them are ready before one of them begins
        assert process.stdout is not None
        process.stdout.readline()
    for process in told:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in told:
        process.communicate()
    assert [process.returncode for process in told] == [0, 0, 0]
    with Ledger.open(place) as ledger:
        assert len(ledger.bookmarks()) == 3 + 10
        assert len(ledger.runs(limit=1000)) == 30
        assert len(ledger.quarantined()) == 10


def not_a_database(place: Path) -> str:
    (place / "ledger.db").write_bytes(b"hello, I am a text" * 100)
    return url(place)


def somebodys_database(place: Path) -> str:
    with sqlite3.connect(place / "ledger.db") as connection:
        connection.execute("CREATE TABLE invoices (id INTEGER)")
    connection.close()
    return url(place)


def test_a_ledger_that_cannot_be_used_leaves_no_connection_open(postgres: Postgres) -> None:
    database_url = postgres.url(postgres.new_database(), password="geheim")
    Ledger.open(database_url).close()
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer bouncelens") as caught:
        Ledger.open(database_url)
    assert "geheim" not in str(caught.value)
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    with engine.connect() as connection:
        assert connection.scalar(sa.text(others)) == 1
    engine.dispose()


def newer_ledger(place: Path) -> str:
    Ledger.open(url(place)).close()
    with sqlite3.connect(place / "ledger.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    return url(place)


def a_folder(place: Path) -> str:
    (place / "ledger.db").mkdir()
    return url(place)


UNUSABLE = [
    pytest.param(not_a_database, "not a database", id="not a database"),
    pytest.param(somebodys_database, "other tables", id="somebody's database"),
    pytest.param(newer_ledger, "newer bouncelens", id="a newer version's"),
    pytest.param(a_folder, "unable to open", id="a folder"),
    pytest.param(lambda _: "ledger.db", "cannot be understood", id="no URL"),
    pytest.param(
        lambda _: "postgresql+psycopg://u:geheim@127.0.0.1:9/d", "refused", id="no server"
    ),
    pytest.param(lambda _: "oracle+nothing://u:geheim@h/d", "driver", id="no driver"),
]


@pytest.mark.parametrize(("place_of", "words"), UNUSABLE)
def test_an_unusable_ledger_is_refused_in_one_sentence_without_its_password(
    tmp_path: Path, place_of: Callable[[Path], str], words: str
) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        Ledger.open(place_of(tmp_path))
    assert "\n" not in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert caught.value.advice
