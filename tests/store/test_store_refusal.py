"""What is advised where the disk refuses: no backup is fetched for a full one."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from bouncelens.errors import StoreError
from bouncelens.store.files import explained

_BACKUP, _ROOM, _LEAVE = "Restore the lake", "Make room", "Let this user write"


def _wrapped(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), _ROOM, id="full"),
        pytest.param(OSError(errno.EDQUOT, "Disk quota exceeded"), _ROOM, id="quota"),
        pytest.param(
            _wrapped(OSError("Generic error"), OSError("No space left on device (os error 28)")),
            _ROOM,
            id="full, said below",
        ),
        pytest.param(OSError(errno.EROFS, "Read-only file system"), _LEAVE, id="read-only"),
        pytest.param(OSError("checksum mismatch"), _BACKUP, id="damaged"),
    ],
)
def test_a_lake_says_what_to_do_about_its_disk(error: Exception, advice: str) -> None:
    with pytest.raises(StoreError) as told, explained("lake", "written"):
        raise error
    assert advice in str(told.value)


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits")
def test_a_ledger_whose_disk_takes_no_more_says_so(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys\n"
        "from bouncelens.errors import StoreError\n"
        "from bouncelens.store.ledger import Ledger\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        "try:\n    Ledger.open(sys.argv[1])\n"
        "except StoreError as error:\n    print(error)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, f"sqlite:///{tmp_path / 'l.db'}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Look whether that disk is full" in told.stdout
