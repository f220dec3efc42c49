"""Temporary folders, named after their process: what a killed one left is removed by the next.

They hold people's addresses for a moment, so nobody else may look into them.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

_OURS = re.compile(r"bouncelens-(?:(\d+)-)?[a-z0-9_]{8}")
_NAMELESS_AFTER_S = 24 * 3600  # of an older version's folder, which does not name its process
_DEAD_AFTER_S = 3600  # another container's processes look dead from here


def scratch_folder(owner: object) -> str:
    """A private folder for spilled rows, gone with its owner."""
    folder = _made()
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A private folder that is gone after the block."""
    folder = _made()
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(root: Path, *, now: float | None = None) -> int:
    """Remove what our processes left behind when they were killed. Returns how many folders."""
    moment, swept = time.time() if now is None else now, 0
    with suppress(OSError):
        for entry in os.scandir(root):
            if (named := _OURS.fullmatch(entry.name)) and _is_ours(entry):
                swept += _let_go(Path(entry.path), named[1], moment)
    return swept


def _made() -> str:
    _swept(tempfile.gettempdir())
    return tempfile.mkdtemp(prefix=f"bouncelens-{os.getpid()}-")


@cache
def _swept(root: str) -> int:
    """Once in a process is enough."""
    return sweep(Path(root))


def _is_ours(entry: os.DirEntry[str]) -> bool:
    told = entry.stat(follow_symlinks=False)
    return stat.S_ISDIR(told.st_mode) and (not hasattr(os, "getuid") or told.st_uid == os.getuid())


def _let_go(folder: Path, process: str | None, now: float) -> bool:
    with suppress(OSError):
        age_s = now - folder.stat(follow_symlinks=False).st_mtime
        if process is None:
            if age_s > _NAMELESS_AFTER_S:
                folder.rmdir()  # only where it is empty
                return True
        elif age_s > _DEAD_AFTER_S and not _is_running(int(process)):
            shutil.rmtree(folder)
            return True
    return False


def _is_running(process: int) -> bool:
    if os.name == "nt":  # there a signal of 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
