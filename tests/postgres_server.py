"""A PostgreSQL of our own on a free loopback port: fresh data, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ABSENT = "PostgreSQL is not installed. Run `sh tests/install_postgres.sh`, or `make test`."
USER = "bouncelens"


@dataclass(frozen=True)
class Postgres:
    """A running server that believes whoever asks."""

    port: int

    def url(self, database: str, *, password: str = "") -> str:
        """Where a database is."""
        who = f"{USER}:{password}" if password else USER
        return f"postgresql+psycopg://{who}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """A fresh empty database's name."""
        import psycopg

        name = f"t{uuid.uuid4().hex[:12]}"
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return name


def _program(name: str) -> str:
    if found := shutil.which(name):
        return found
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    pytest.fail(ABSENT)


def _unprivileged() -> tuple[list[str], int | None]:
    """What runs a program as somebody else: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return [], None
    someone = next(
        entry
        for name in ("postgres", "nobody")
        for entry in pwd.getpwall()
        if entry.pw_name == name
    )
    ids = [f"--reuid={someone.pw_uid}", f"--regid={someone.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids], someone.pw_uid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server for the length of the block."""
    initdb, postgres = _program("initdb"), _program("postgres")
    as_someone, uid = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="bouncelens-test-postgres-"))
    try:
        if uid is not None:
            os.chown(folder, uid, -1)
        data = str(folder / "data")
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(
            [*as_someone, initdb, "-D", data, "-U", USER, *options],
            capture_output=True, text=True, cwd=folder,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        port = _free_port()
        settings = ["listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", "fsync=off"]
        command = [*as_someone, postgres, "-D", data, "-p", str(port)]
        with (folder.parent / f"{folder.name}.log").open("w") as log:
            process = subprocess.Popen(
                [*command, *(part for one in settings for part in ("-c", one))],
                stdout=log, stderr=log, cwd=folder,
            )  # fmt: skip
        try:
            _await(process, port, Path(log.name))
            yield Postgres(port)
        finally:
            process.send_signal(signal.SIGINT)  # ends sessions, then itself
            process.wait(20)
            Path(log.name).unlink()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    import psycopg

    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            psycopg.connect(
                host="127.0.0.1", port=port, user=USER, dbname="postgres", connect_timeout=2
            ).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())
