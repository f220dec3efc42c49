"""Crashes, races, broken folders: nothing lost, nothing doubled, one sentence on what is wrong."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from lake_rows import numbered, rows, verdict

from bouncelens.errors import StoreError
from bouncelens.store import tables
from bouncelens.store.duck import DuckEngine
from bouncelens.store.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable

WRITER = Path(__file__).parent / "bounce_writer.py"


def writer(place: Path, start: int, stop: int, page: int) -> subprocess.Popen[str]:
    told = [sys.executable, str(WRITER), str(place), str(start), str(stop), str(page)]
    return subprocess.Popen(told, stdout=subprocess.PIPE, text=True)


def keys(place: Path) -> list[str]:
    with Lake.open(str(place)) as lake:
        return sorted(lake.read("bounces")["subscriber_key"].to_pylist())


@pytest.mark.parametrize("seed", range(5))
def test_a_writer_killed_anywhere_loses_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    place = tmp_path / "lake"
    chance = random.Random(seed)
    process = writer(place, 0, 40_000, 400)
    assert process.stdout is not None
    for _ in range(chance.randint(1, 20)):
        process.stdout.readline()
    time.sleep(chance.random() * 0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    survived = keys(place)
    assert len(survived) == len(set(survived))
    assert len(survived) % 400 == 0, "a page is stored whole or not at all"
    with Lake.open(str(place)) as lake:
        lake.add_bounces(numbered(0, 9_000))
    assert keys(place) == sorted(f"s{n}" for n in range(9_000))


def test_two_processes_with_overlapping_pages_store_each_event_once(tmp_path: Path) -> None:
    place = tmp_path / "lake"
    told = [writer(place, 0, 6_000, 300), writer(place, 3_000, 9_000, 300)]
    answers = [process.communicate()[0] for process in told]
    assert [process.returncode for process in told] == [0, 0]
    inserted = [int(answer.split()[-1]) for answer in answers]
    assert sum(inserted) == 9_000
    assert keys(place) == sorted(f"s{n}" for n in range(9_000))


def test_whoever_opens_a_new_lake_at_the_same_moment_has_the_same(tmp_path: Path) -> None:
    for turn in range(8):
        together = Barrier(3)

        def opened(turn: int = turn, together: Barrier = together) -> dict[str, int]:
            together.wait()
            with Lake.open(str(tmp_path / f"lake{turn}")) as lake:
                return lake.versions()

        with ThreadPoolExecutor(3) as pool:
            first, *rest = [job.result() for job in [pool.submit(opened) for _ in range(3)]]
        assert rest == [first, first]


def test_writers_of_the_same_verdicts_store_each_template_once(tmp_path: Path) -> None:
    place = str(tmp_path / "lake")
    with Lake.open(place) as one, Lake.open(place) as other:
        for number in range(6):
            judged = [verdict(n, "unknown_user", "address", "hard") for n in (number, number + 1)]
            (one if number % 2 else other).put_verdicts(rows(tables.VERDICTS, judged))
        assert sorted(one.read("verdicts")["template_id"].to_pylist()) == list(range(7))


def a_file(place: Path) -> None:
    place.write_text("hello")


def somebodys_folder(place: Path) -> None:
    place.mkdir()
    (place / "thesis.docx").write_text("hello")


def made(place: Path) -> None:
    with Lake.open(str(place)) as lake:
        lake.add_bounces(numbered(0, 10))
        lake.add_bounces(numbered(10, 20))


def garbled_log(place: Path) -> None:
    made(place)
    (place / "bounces/_delta_log/00000000000000000001.json").write_text("{not json")


def emptied_log(place: Path) -> None:
    made(place)
    for entry in (place / "bounces/_delta_log").iterdir():
        entry.write_bytes(b"")


def removed_log(place: Path) -> None:
    made(place)
    shutil.rmtree(place / "bounces/_delta_log")


def foreign_table(place: Path) -> None:
    from deltalake import write_deltalake

    made(place)
    shutil.rmtree(place / "jobs")
    write_deltalake(place / "jobs", pa.table({"title": ["plumber"]}))


def newer_column(place: Path) -> None:
    from deltalake import DeltaTable, Field

    made(place)
    DeltaTable(place / "jobs").alter.add_columns(Field("mood", "string"))


def other_type(place: Path) -> None:
    from deltalake import write_deltalake

    made(place)
    shutil.rmtree(place / "jobs")
    write_deltalake(place / "jobs", pa.table({"account": ["a"], "job": ["b"]}))


BROKEN = [
    pytest.param(a_file, "is a file", id="a file"),
    pytest.param(somebodys_folder, "other things than a lake", id="somebody's folder"),
    pytest.param(garbled_log, "could not be opened", id="garbled log"),
    pytest.param(emptied_log, "could not be opened", id="emptied log"),
    pytest.param(removed_log, "no transaction log", id="removed log"),
    pytest.param(foreign_table, "somebody else", id="somebody else's table"),
    pytest.param(newer_column, "jobs.mood", id="a newer version's column"),
    pytest.param(other_type, "jobs.account", id="a column of another type"),
]


@pytest.mark.parametrize(("broken", "words"), BROKEN)
def test_a_broken_or_foreign_lake_is_refused_in_one_sentence(
    tmp_path: Path, broken: Callable[[Path], None], words: str
) -> None:
    place = tmp_path / "lake"
    broken(place)
    before = sorted(place.rglob("*"))
    with pytest.raises(StoreError, match=words) as caught:
        Lake.open(str(place))
    assert "\n" not in str(caught.value)
    assert caught.value.advice
    assert sorted(place.rglob("*")) == before, "nothing is written into it"


@pytest.mark.parametrize("how", ["missing", "garbled", "truncated"])
def test_a_damaged_data_file_is_named_when_read(tmp_path: Path, how: str) -> None:
    place = tmp_path / "lake"
    made(place)
    damaged = next(place.glob("bounces/event_month=*/*.parquet"))
    if how == "missing":
        damaged.unlink()
    elif how == "garbled":
        damaged.write_bytes(b"not parquet at all")
    else:
        damaged.write_bytes(damaged.read_bytes()[:-200])
    with Lake.open(str(place)) as lake, DuckEngine(lake) as engine:
        for read in (
            lambda: lake.read("bounces"),
            lambda: lake.add_bounces(numbered(0, 20)),
            lambda: engine.ask("totals", {}),
        ):
            with pytest.raises(StoreError, match=r"The lake at .* could not be") as caught:
                read()
            assert "\n" not in str(caught.value)


def test_a_lake_that_is_not_there_is_not_made_for_a_reader(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no lake at"):
        Lake.open(str(tmp_path / "lake"), create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["my [old] lake", "50%", "a|b", "what?", "a*b"])
def test_a_path_that_cannot_be_written_is_refused_before_anything_is(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(StoreError, match="must not contain"):
        Lake.open(str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["see ü#1", "it's", "50 & more;"])
def test_a_path_with_odd_characters_works(tmp_path: Path, name: str) -> None:
    made(tmp_path / name)
    with Lake.open(str(tmp_path / name)) as lake, DuckEngine(lake) as engine:
        assert lake.add_bounces(numbered(5, 25)).inserted == 5
        assert engine.ask("totals", {})["bounces"].to_pylist() == [25]


def test_deletion_vectors_of_another_writer_are_not_ignored(tmp_path: Path) -> None:
    place = tmp_path / "lake"
    made(place)
    protocol = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors"],
        "writerFeatures": ["deletionVectors", "appendOnly", "invariants"],
    }
    log = place / "bounces/_delta_log/00000000000000000003.json"
    log.write_text(json.dumps({"protocol": protocol}))
    with pytest.raises(StoreError, match="deletion vectors"), Lake.open(str(place)) as lake:
        lake.read("bounces")
