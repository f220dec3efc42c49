"""The sandbox as a child process: a stranger that we only start, read one line of, and end.

It ends with us however we end: it watches a pipe that only we hold open.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import IO, Any

from bouncelens.errors import SourceError

_END_S = 5
# Runs the sandbox; when its standard input ends, so has its parent.
_CHILD = """
import os, runpy, signal, sys, threading

def watch():
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=watch, daemon=True).start()
sys.argv[0] = "sfmc_sandbox"
try:
    runpy.run_module("sfmc_sandbox", run_name="__main__", alter_sys=True)
except KeyboardInterrupt:
    sys.exit(130)
"""


@dataclass(frozen=True, slots=True)
class Sftp:
    """Where a sandbox leaves extracts, and the user who sees those of the whole tenant."""

    host: str
    port: int
    host_key: str
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that is ready."""

    url: str
    auth_url: str
    client_id: str
    client_secret: str
    accounts: tuple[tuple[int, str], ...]
    sends_data_extension: str
    planted: int
    sftp: Sftp


@contextmanager
def running(
    arguments: Sequence[str], *, told: Callable[[str], None] = lambda _: None
) -> Iterator[Sandbox]:
    """A sandbox for as long as the block runs. `told` gets its lines of progress.

    Raises SourceError when it does not start.
    """
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, "serve", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    last: deque[str] = deque(maxlen=20)
    assert child.stdout is not None and child.stderr is not None  # noqa: PT018
    reader = Thread(target=_listen, args=(child.stderr, last, told), daemon=True)
    reader.start()
    try:
        yield _ready(child.stdout.readline(), last, reader)
    finally:
        _end(child)
        reader.join(_END_S)
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()


def run_in_front(arguments: Sequence[str]) -> int:
    """Run the sandbox with our own terminal until it ends; its exit code."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, *arguments],
        stdin=subprocess.PIPE,
        env={**os.environ, "SFMC_SANDBOX_PROGRAM": "bouncelens sandbox"},  # for its help
    )
    assert child.stdin is not None
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            child.stdin.close()  # a terminal told the child too, others only us


def _ready(line: str, last: deque[str], reader: Thread) -> Sandbox:
    try:
        said = json.loads(line)
        return Sandbox(
            url=said["url"],
            auth_url=said["auth_url"],
            client_id=said["client_id"],
            client_secret=said["client_secret"],
            accounts=tuple((unit["mid"], unit["name"]) for unit in said["accounts"]),
            sends_data_extension=said["sends_data_extension"],
            planted=said["planted"],
            sftp=_sftp(said["sftp"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        reader.join(_END_S)
        raise SourceError(
            "The sandbox",
            f"it did not start: {last[-1] if last else 'it said nothing'}",
            may_retry=False,
        ) from error


def _sftp(said: dict[str, Any]) -> Sftp:
    """The first user is that of the account above the others."""
    return Sftp(said["host"], said["port"], said["host_key"], **said["users"][0])


def _listen(stream: IO[str], last: deque[str], told: Callable[[str], None]) -> None:
    for line in stream:
        text = line.rstrip()
        last.append(text)
        told(text)


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_END_S)
        except subprocess.TimeoutExpired:
            child.kill()
    child.wait()
