"""The spool: on disk before it is acknowledged, whatever ends the process that writes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bouncelens.errors import StoreError
from bouncelens.extract.spool import Letter, Spool, letters

CHILD = """
import sys
from pathlib import Path
from bouncelens.extract.spool import Spool
spool = Spool(Path(sys.argv[1]), segment_bytes=4000)
for n in range(10**6):
    spool.append(7, b"batch %d " % n + b"x" * (n % 900))
    print(n, flush=True)
"""


def stored(folder: Path) -> list[Letter]:
    spool = Spool(folder)
    spool.seal()
    return [letter for path in spool.sealed() for letter in letters(path)]


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "events", segment_bytes=200)
    bodies = [b"", b"[]", b"\n\0\xff\r\n", b"x" * 500, "ü".encode()]
    for number, body in enumerate(bodies):
        spool.append(number, body)
    assert spool.size() > sum(map(len, bodies))
    spool.close()
    found = stored(tmp_path / "events")
    assert [(letter.account, letter.body) for letter in found] == list(enumerate(bodies))
    assert not any(letter.is_damaged for letter in found)
    for path in (tmp_path / "events").iterdir():
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("after", [1, 7, 23])
def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path, after: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    acknowledged = [int(child.stdout.readline()) for _ in range(after)]
    child.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in child.stdout if line.endswith("\n")]
    child.stdout.close()
    child.wait()
    found = [int(letter.body.split()[1]) for letter in stored(tmp_path)]
    assert found[: len(acknowledged)] == acknowledged
    assert len(found) <= len(acknowledged) + 1


def test_a_segment_of_a_living_process_is_left_to_it(tmp_path: Path) -> None:
    writer = Spool(tmp_path)
    writer.append(7, b"one")
    assert stored(tmp_path) == []
    writer.append(7, b"two")
    writer.close()
    assert [letter.body for letter in stored(tmp_path)] == [b"one", b"two"]


def test_threads_that_append_at_once_lose_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=2000)

    def work(number: int) -> None:
        for n in range(30):
            spool.append(number, json.dumps([number, n]).encode())

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close()
    found = sorted(tuple(json.loads(letter.body)) for letter in stored(tmp_path))
    assert found == sorted((n, m) for n in range(6) for m in range(30))


TORN = {
    "nothing torn": (lambda raw: raw, [b"first", b"second"], 0),
    "in the body": (lambda raw: raw[:-4], [b"first"], 0),
    "in the header": (lambda raw: raw[: raw.rindex(b"bouncelens1") + 20], [b"first"], 0),
    "blank blocks at the end": (lambda raw: raw + b"\0" * 5000, [b"first", b"second"], 0),
    "a changed byte": (lambda raw: raw.replace(b"first", b"fjrst"), [b"second"], 1),
    "a changed header": (
        lambda raw: raw.replace(b"bouncelens1", b"bouncelensX", 1),
        [],
        1,
    ),
}


@pytest.mark.parametrize(("change", "whole", "damaged"), TORN.values(), ids=TORN.keys())
def test_a_torn_end_is_left_out_and_damage_is_told(
    tmp_path: Path, change: object, whole: list[bytes], damaged: int
) -> None:
    spool = Spool(tmp_path)
    spool.append(7, b"first")
    spool.append(7, b"second")
    spool.close()
    (path,) = spool.sealed()
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    found = list(letters(path))
    assert [letter.body for letter in found if not letter.is_damaged] == whole
    assert sum(letter.is_damaged for letter in found) == damaged


def test_a_full_spool_refuses_in_one_sentence_and_keeps_what_it_has(tmp_path: Path) -> None:
    spool = Spool(tmp_path, most_bytes=300)
    spool.append(7, b"x" * 100)
    with pytest.raises(StoreError, match=r"is full: .* wait to be stored.*most_waiting_mb"):
        spool.append(7, b"y" * 100)
    spool.close()
    assert [letter.body for letter in stored(tmp_path)] == [b"x" * 100]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be written: Not a directory\..*events\.folder"):
        Spool(tmp_path / "file" / "events").append(7, b"x")
