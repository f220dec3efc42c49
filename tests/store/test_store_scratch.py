"""Temporary folders of killed processes do not pile up, and nobody else's are touched."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bouncelens.store.scratch import sweep, temporary_folder

LATER = time.time() + 2 * 24 * 3600
CHILD = """
import sys, time
from bouncelens.store.lake import Lake
lake = Lake.open(sys.argv[1])
print("open", flush=True)
time.sleep(60)
"""


def a_dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    return child.pid


def folder(root: Path, name: str, *, holds: bool = True) -> Path:
    made = root / name
    made.mkdir()
    if holds:
        (made / "spilled").write_text("pat@a.example")
    return made


CASES = [
    pytest.param("bouncelens-{dead}-abcd_123", True, LATER, False, id="of a process that died"),
    pytest.param("bouncelens-{dead}-abcd_123", True, None, True, id="a moment ago: it may be afar"),
    pytest.param("bouncelens-{alive}-abcd_123", True, LATER, True, id="of one that runs"),
    pytest.param("bouncelens-abcd_123", False, LATER, False, id="an older version's, empty"),
    pytest.param("bouncelens-abcd_123", True, LATER, True, id="an older version's with rows"),
    pytest.param("bouncelens-mine", False, LATER, True, id="somebody's"),
    pytest.param("other-{dead}-abcd_123", False, LATER, True, id="another program's"),
]


@pytest.mark.parametrize(("name", "holds", "now", "stays"), CASES)
def test_only_what_a_dead_process_of_ours_left_is_removed(
    tmp_path: Path, name: str, holds: bool, now: float | None, stays: bool
) -> None:
    made = folder(tmp_path, name.format(dead=a_dead_process(), alive=os.getpid()), holds=holds)
    assert sweep(tmp_path, now=now) == (0 if stays else 1)
    assert made.exists() == stays


def test_a_link_under_our_name_is_not_followed(tmp_path: Path) -> None:
    target = folder(tmp_path, "precious")
    link = tmp_path / f"bouncelens-{a_dead_process()}-abcd_123"
    link.symlink_to(target)
    assert sweep(tmp_path, now=LATER) == 0
    assert (target / "spilled").exists()


def test_a_temporary_folder_is_private_and_gone_afterwards() -> None:
    with temporary_folder() as made:
        assert made.stat().st_mode & 0o077 == 0
    assert not made.exists()


def test_what_a_killed_process_left_is_removed_by_a_later_one(tmp_path: Path) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    environ = {**os.environ, "TMPDIR": str(scratch)}
    command = [sys.executable, "-c", CHILD, str(tmp_path / "lake")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.kill()
    assert list(scratch.iterdir()), "or the test says nothing"
    assert sweep(scratch, now=LATER) == 1
    assert not list(scratch.iterdir())
