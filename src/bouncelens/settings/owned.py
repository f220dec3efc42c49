"""Files that nobody but their owner may read, from their first moment on: they hold secrets, or
name people. What another account put in their place beforehand is not written into."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


def owned_file(path: Path, mode: str = "w", *, buffering: int = -1) -> IO[Any]:
    """A new file, opened for writing; text is UTF-8, its line ends as written. Raises OSError,
    FileExistsError where there is one already."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    return os.fdopen(descriptor, mode, buffering, **text)  # type: ignore[call-overload, no-any-return]


@contextmanager
def owned_whole(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """A file that takes its place, and that of an older one, only when the block ends well, and is
    on disk then. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)  # of one that was killed
    try:
        with owned_file(part, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
