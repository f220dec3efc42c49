"""What one query may take of this machine: memory, and time that it cannot overstay.

DuckDB's own limit covers what it spills, and its interrupt what looks for one. A single call such
as `repeat('x', 3000000000)` heeds neither, so the system and a second clock do.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_MB = 1024 * 1024
_BESIDE_MB = 512  # threads, files being read, rows on their way out


@contextmanager
def bounded(memory_mb: int) -> Iterator[None]:
    """Within the block this process gets at most so much memory more, plus what any query needs.

    Linux keeps to it; elsewhere only DuckDB's own limit holds. It counts for the whole process.
    """
    held = _held_bytes()
    if held is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = held + (memory_mb + _BESIDE_MB) * _MB
    limits = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([most, *limits]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _held_bytes() -> int | None:
    """What RLIMIT_DATA counts of this process now; None where the system does not tell."""
    try:
        told = re.search(r"^VmData:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.M)
    except OSError:
        return None
    return int(told[1]) * 1024 if told and os.name == "posix" else None


@contextmanager
def stopped_after(
    interrupt: Callable[[], None],
    stuck: Callable[[], None] | None,
    *,
    seconds: float,
    grace_s: float,
) -> Iterator[None]:
    """Call `interrupt` when the block takes longer, and `stuck` when that did not end it either."""
    clocks = [threading.Timer(seconds, interrupt)]
    if stuck is not None:
        clocks.append(threading.Timer(seconds + grace_s, stuck))
    for clock in clocks:
        clock.daemon = True
        clock.start()
    try:
        yield
    finally:
        for clock in clocks:
            clock.cancel()
