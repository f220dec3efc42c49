"""Sent.csv in several files: split, overlapping, in any order, again: the same counts."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from light_workspace import LightWorkspace

from bouncelens.bounce import SEND_FIELDS, arrow_schema
from bouncelens.extract.clock import to_sfmc
from bouncelens.extract.files import FileSource
from bouncelens.service.import_file import import_file
from bouncelens.service.intake import with_provider
from bouncelens.settings import Settings
from bouncelens.store.lake import Lake
from bouncelens.store.tables import SENDS

START = datetime(2026, 1, 5, tzinfo=UTC)
Message = tuple[int, str, int]  # job, domain, minute after START


def sent_file(path: Path, messages: list[Message]) -> Path:
    lines = [
        f"7,{job},k{n},p{n}@{domain},{to_sfmc(START + timedelta(minutes=minute))}"
        for n, (job, domain, minute) in enumerate(messages)
    ]
    text = "\r\n".join(["ClientID,SendID,SubscriberKey,EmailAddress,EventDate", *lines])
    path.write_text(text + "\r\n", newline="")
    return path


def counts(lake: Lake) -> dict[tuple[int, str, date], int]:
    rows = lake.read("sends").to_pylist()
    return {(row["job"], row["domain"], row["day"]): row["sent"] for row in rows}


def planted(messages: list[Message]) -> dict[tuple[int, str, date], int]:
    told: dict[tuple[int, str, date], int] = {}
    for job, domain, minute in messages:
        key = (job, domain, (START + timedelta(minutes=minute)).date())
        told[key] = told.get(key, 0) + 1
    return told


MESSAGES = st.lists(
    st.tuples(st.integers(1, 2), st.sampled_from(["a.example", "b.example"]), st.integers(0, 4319)),
    min_size=1,
    max_size=60,
)


@settings(max_examples=10, deadline=None)
@given(messages=MESSAGES, cuts=st.sets(st.integers(1, 71), max_size=4), data=st.data())
def test_any_split_at_whole_hours_in_any_order_any_number_of_times_counts_the_same(
    messages: list[Message], cuts: set[int], data: st.DataObject
) -> None:
    edges = [0, *sorted(cuts), 72]
    spans = list(pairwise(edges))
    longer = st.tuples(st.sampled_from(edges[:-1]), st.sampled_from(edges[1:]))
    spans += data.draw(st.lists(longer, max_size=2))  # overlapping ones
    order = data.draw(st.permutations(spans + data.draw(st.lists(st.sampled_from(spans)))))
    with tempfile.TemporaryDirectory() as folder, Lake.open(f"{folder}/lake") as lake:
        for begin, end in order:
            part = [m for m in messages if begin <= m[2] // 60 < end]
            if part:
                source = FileSource(sent_file(Path(folder, "Sent.csv"), part))
                lake.put_sends(with_provider(source.sends().table))
        assert counts(lake) == planted(messages)


def test_a_utc_day_split_at_midnight_of_marketing_cloud_is_added(tmp_path: Path) -> None:
    places = Settings(lake=str(tmp_path / "lake"), ledger=f"sqlite:///{tmp_path / 'x.db'}")
    before: list[Message] = [(1, "a.example", 5 * 60 + 59)] * 3
    after: list[Message] = [(1, "a.example", 6 * 60)] * 4
    with LightWorkspace.open(places) as workspace:
        for name, part in (("MondaySent", before), ("TuesdaySent", after), ("MondaySent", before)):
            import_file(workspace, sent_file(tmp_path / f"{name}.csv", part))
        assert counts(workspace.lake) == {(1, "a.example", START.date()): 7}


def whole(sent: int) -> pa.Table:
    row = {"account": 7, "job": 1, "domain": "a.example", "day": START.date(), "sent": sent}
    return pa.Table.from_pylist([row], schema=arrow_schema(SEND_FIELDS))


@pytest.mark.parametrize(
    ("steps", "sent"),
    [
        pytest.param([9, "file"], 9, id="a part does not lower a whole count"),
        pytest.param([2, "file"], 5, id="a file raises a count from before there were hours"),
        pytest.param(["file", 9], 9, id="a whole count replaces a part"),
        pytest.param(["file", 3], 3, id="a whole count corrects downwards"),
        pytest.param(["file", 9, "file"], 9, id="and the file again changes nothing"),
    ],
)
def test_a_whole_count_replaces_and_a_file_raises(
    tmp_path: Path, steps: list[int | str], sent: int
) -> None:
    file = FileSource(sent_file(tmp_path / "Sent.csv", [(1, "a.example", 0)] * 5))
    with Lake.open(str(tmp_path / "lake")) as lake:
        for step in steps:
            lake.put_sends(whole(step) if isinstance(step, int) else file.sends().table)
        assert list(counts(lake).values()) == [sent]


def test_a_lake_without_hours_is_given_them(tmp_path: Path) -> None:
    from deltalake import write_deltalake

    with Lake.open(str(tmp_path / "lake")) as lake:
        lake.put_jobs(pa.Table.from_pylist([{"account": 7, "job": 1}]))
    old = SENDS.schema.remove(SENDS.schema.get_field_index("hours"))
    table = whole(3).append_column("provider", pa.nulls(1, pa.string())).cast(old)
    write_deltalake(str(tmp_path / "lake/sends"), table, mode="overwrite", schema_mode="overwrite")
    for create in (False, True):
        with Lake.open(str(tmp_path / "lake"), create=create) as lake:
            assert list(counts(lake).values()) == [3]
    file = FileSource(sent_file(tmp_path / "Sent.csv", [(1, "a.example", 0)] * 5))
    with Lake.open(str(tmp_path / "lake")) as lake:
        lake.put_sends(file.sends().table)
        assert list(counts(lake).values()) == [5]
