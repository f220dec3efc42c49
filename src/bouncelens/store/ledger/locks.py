"""Locks between processes that share a ledger. They end with their process, also a killed one:
the system lets go of the file, PostgreSQL of the session."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

_LONGEST_PAUSE_S = 0.25


@contextmanager
def holding(engine: sa.Engine, name: str, *, wait_s: float) -> Iterator[bool]:
    """Hold the lock of a name while the block runs; False when somebody else still has it after
    `wait_s` seconds. Not to be taken twice by one thread."""
    attempt = _attempts(engine, name)
    with attempt as try_it:
        yield _patiently(try_it, wait_s)


def _patiently(try_it: Callable[[], bool], wait_s: float) -> bool:
    ends, pause_s = time.monotonic() + wait_s, 0.05
    while not try_it():
        if time.monotonic() >= ends:
            return False
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)
    return True


@contextmanager
def _attempts(engine: sa.Engine, name: str) -> Iterator[Callable[[], bool]]:
    if engine.dialect.name == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        # Without a transaction: it would stay open for as long as the lock.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            ask = sa.select(sa.func.pg_try_advisory_lock(number))
            try:
                yield lambda: bool(connection.scalar(ask))
            finally:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(number)))
        return
    database = engine.url.database
    if not database or database == ":memory:":
        yield lambda: True
        return
    place = Path(database).expanduser()
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    descriptor = os.open(
        place.with_name(f".{place.name}.{safe}.lock"), os.O_RDWR | os.O_CREAT, 0o600
    )
    try:
        yield lambda: _lock(descriptor)
    finally:
        os.close(descriptor)  # lets go of the lock


def _lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":  # pragma: no cover - the tests run elsewhere
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
