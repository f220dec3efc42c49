"""The audit log: only added to, and every change to what is in it is found."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bouncelens.store.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 6, 1, 12, 0, 0, 5, tzinfo=UTC)


def _filled(folder: Path, count: int = 4) -> Ledger:
    ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    for number in range(count):
        ledger.audit.add("apply", {"run": number, "why": "größer"}, who="pat", now=NOW)
    return ledger


def test_an_untouched_log_holds_and_tells_its_seal(tmp_path: Path) -> None:
    with _filled(tmp_path) as ledger:
        newest = ledger.audit.entries(limit=1)[0]
        verified = ledger.audit.verify(seal=ledger.audit.entries()[-1].hash)
        assert (verified.entries, verified.broken, verified.seal) == (4, None, newest.hash)
        assert (newest.number, newest.who, newest.at) == (4, "pat", NOW)
    with Ledger.open(f"sqlite:///{tmp_path / 'empty.db'}") as empty:
        assert empty.audit.verify().entries == 0


TAMPERED = [
    pytest.param("UPDATE audit SET who = 'sam' WHERE number = 2", 2, id="another name"),
    pytest.param("UPDATE audit SET detail = '{}' WHERE number = 4", 4, id="the last one"),
    pytest.param("UPDATE audit SET at = '2026-06-02 00:00:00' WHERE number = 1", 1, id="time"),
    pytest.param("DELETE FROM audit WHERE number = 3", 3, id="one removed"),
    pytest.param("DELETE FROM audit WHERE number = 1", 1, id="the first removed"),
    pytest.param(
        "DELETE FROM audit WHERE number = 2; UPDATE audit SET number = number - 1 WHERE number > 2",
        2,
        id="removed and closed up",
    ),
    pytest.param("UPDATE audit SET hash = previous WHERE number = 3", 3, id="another seal"),
]


@pytest.mark.parametrize(("sql", "broken"), TAMPERED)
def test_whatever_is_changed_is_found(tmp_path: Path, sql: str, broken: int) -> None:
    _filled(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
        database.executescript(sql)
        database.commit()
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        assert ledger.audit.verify().broken == broken


def test_a_cut_off_end_is_found_by_a_seal_kept_elsewhere(tmp_path: Path) -> None:
    with _filled(tmp_path) as ledger:
        seal = ledger.audit.verify().seal
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
        database.execute("DELETE FROM audit WHERE number = 4")
        database.commit()
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        assert ledger.audit.verify().broken is None
        assert ledger.audit.verify(seal=seal).broken == 4


def test_writers_at_once_make_one_chain(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger.open(url).close()

    def write() -> None:
        with Ledger.open(url) as ledger:
            for _ in range(10):
                ledger.audit.add("plan", {}, who="pat")

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Ledger.open(url) as ledger:
        assert (ledger.audit.verify().entries, ledger.audit.verify().broken) == (30, None)
