"""A spool: what arrives from outside is on disk before it is acknowledged, and read later.

Segments of framed records, appended and synced. One that is being written is named `.open` and
locked by its process; what a dead process left is sealed by the next one and read like the rest.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bouncelens.errors import StoreError
from bouncelens.settings.owned import owned_file

_SEGMENT_BYTES = 32 * 1024 * 1024  # one segment is stored at once, so it bounds a batch
_HEADER = re.compile(rb"bouncelens1 (\d{1,18}) (\d{1,13}) (\d{1,10}) ([0-9a-f]{64})\n")
_MOST_HEADER = 200


@dataclass(frozen=True, slots=True)
class Letter:
    """A record: what was posted for an account, byte by byte."""

    account: int
    received_ms: int  # epoch, UTC
    body: bytes
    is_damaged: bool = False  # the disk does not give back what was written


class Spool:
    """A folder of records. Safe to share between threads, and between processes."""

    def __init__(
        self, folder: Path, *, most_bytes: int = 1 << 30, segment_bytes: int = _SEGMENT_BYTES
    ) -> None:
        self._folder, self._most, self._segment_bytes = folder, most_bytes, segment_bytes
        self._writing, self._syncing = threading.Lock(), threading.Lock()  # taken the other way
        self._file: IO[bytes] | None = None
        self._path = folder
        self._size = self._written = self._synced = 0

    def append(self, account: int, body: bytes) -> None:
        """Keep a record; on return it is on disk. Records that come at once share one sync.

        Raises StoreError when the spool is full or the disk refuses; then nothing is promised.
        """
        frame = _framed(account, body)
        try:
            with self._writing:
                self._refuse_overflow(len(frame))
                self._write(frame)
                self._written += 1
                mine = self._written
            with self._syncing:
                if self._synced < mine:
                    self._sync()
        except OSError as error:
            raise StoreError(
                f"The events folder {self._folder} cannot be written: "
                f"{error.strerror or 'the disk refuses'}.",
                advice="Make room, or name another folder as events.folder.",
            ) from error

    def seal(self) -> None:
        """End the segment that is being written, and those of processes that are gone."""
        with self._syncing, self._writing:
            self._seal()
            for path in sorted(self._folder.glob("*.open")):
                _adopt(path)

    def sealed(self) -> list[Path]:
        """The segments that can be read, oldest first."""
        return sorted(self._folder.glob("*.sealed"))

    def size(self) -> int:
        """Bytes that wait, of every process."""
        return sum(_size_of(path) for path in (*self.sealed(), *self._folder.glob("*.open")))

    def close(self) -> None:
        """Seal what is open."""
        with self._syncing, self._writing:
            self._seal()

    def _refuse_overflow(self, more: int) -> None:
        waiting = self.size()
        if waiting + more > self._most:
            raise StoreError(
                f"The events folder {self._folder} is full: {waiting:,} bytes wait to be stored.",
                advice="See in the log why they are not stored, or raise events.most_waiting_mb.",
            )

    def _write(self, frame: bytes) -> None:
        if self._file is not None and self._size + len(frame) > self._segment_bytes and self._size:
            os.fsync(self._file.fileno())
            self._seal()
        file = self._file or self._started()
        try:
            written = file.write(frame)
            if written != len(frame):
                raise OSError(28, "No space left on device")
        except OSError:
            # A torn record may only stand at the end of a segment: what follows begins another.
            self._seal()
            raise
        self._size += written

    def _started(self) -> IO[bytes]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            path = self._folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}.open"
            file = owned_file(path, "wb", buffering=0)
            with suppress(OSError):
                _lock(file)
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    break
            file.close()  # somebody took it for a dead process's before it was locked
        self._file, self._path, self._size = file, path, 0
        _sync_folder(self._folder)
        return file

    def _sync(self) -> None:
        with self._writing:
            file, written = self._file, self._written
        if file is not None:
            try:
                os.fsync(file.fileno())
            except OSError:
                with self._writing:
                    self._seal()
                raise
        self._synced = written

    def _seal(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        with suppress(OSError):
            os.fsync(file.fileno())
            self._synced = self._written
        file.close()
        with suppress(OSError):
            self._path.rename(self._path.with_suffix(".sealed"))


def letters(path: Path) -> Iterator[Letter]:
    """The records of a segment. Its end may be torn: that was never acknowledged, and is left out.

    What the disk gives back otherwise than it was written is a damaged record.
    """
    with path.open("rb") as file:
        while header := file.readline(_MOST_HEADER):
            stated = _HEADER.fullmatch(header)
            if stated is None:
                rest = header + file.read(64 * 1024)
                is_torn = len(rest) < _MOST_HEADER and not header.endswith(b"\n")
                if not is_torn and rest.strip(b"\0"):
                    yield Letter(0, 0, rest, is_damaged=True)
                return
            account, received, length = (int(part) for part in stated.groups()[:3])
            body = file.read(length)
            if len(body) < length or not file.read(1):
                return
            is_whole = _digest(stated[0].rpartition(b" ")[0], body) == stated[4]
            yield Letter(account, received, body, is_damaged=not is_whole)


def _framed(account: int, body: bytes) -> bytes:
    stated = f"bouncelens1 {account} {time.time_ns() // 1_000_000} {len(body)}".encode()
    return b"%s %s\n%s\n" % (stated, _digest(stated, body), body)


def _digest(stated: bytes, body: bytes) -> bytes:
    return hashlib.sha256(stated + b"\n" + body).hexdigest().encode()


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # stored and removed in between
        return 0


def _adopt(path: Path) -> None:
    """Seal another process's segment if that process is gone: its lock went with it."""
    with suppress(OSError):
        with path.open("rb") as file:
            _lock(file)
        path.rename(path.with_suffix(".sealed"))


def _lock(file: IO[Any]) -> None:
    """Lock a file for as long as it is open. Raises OSError when another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows: a file that is open cannot be renamed, which does the same
        return
    fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sync_folder(folder: Path) -> None:
    """Put a new file's name on disk, too, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
