"""The lake keeps each event once, and opens what an older version wrote."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lake_rows import START, bounce, bounces, numbered, rows, sends, template, verdict

from bouncelens.bounce import IDENTITY
from bouncelens.errors import StoreError
from bouncelens.store import tables
from bouncelens.store.lake import Added, Lake, Put

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake.open(str(tmp_path / "lake")) as opened:
        yield opened


def identities(lake: Lake) -> list[tuple[object, ...]]:
    stored = lake.read("bounces").select(IDENTITY)
    return [tuple(row.values()) for row in stored.to_pylist()]


CHANGED = [
    pytest.param({"account": 2}, 1, id="another account"),
    pytest.param({"job": 11}, 1, id="another job"),
    pytest.param({"batch": 1}, 1, id="another batch"),
    pytest.param({"subscriber_key": "S0"}, 1, id="the key in another case"),
    pytest.param({"event_time": START + timedelta(seconds=1)}, 1, id="a second later"),
    pytest.param({"event_time": START + timedelta(microseconds=999_999)}, 0, id="same second"),
    pytest.param(
        {"event_time": START.astimezone(timezone(timedelta(hours=-6)))}, 0, id="told in UTC-6"
    ),
    pytest.param({"routes": "query", "sfmc_code": 550}, 0, id="by another route"),
    pytest.param({"template_id": 2, "provider": "google"}, 0, id="judged otherwise"),
]


@pytest.mark.parametrize(("changed", "inserted"), CHANGED)
def test_a_bounce_is_known_by_its_identity_alone(
    lake: Lake, changed: dict[str, object], inserted: int
) -> None:
    lake.add_bounces(bounces(bounce()))
    added = lake.add_bounces(bounces(bounce(0, **changed)))
    assert (added.inserted, added.known) == (inserted, 1 - inserted)
    assert len(identities(lake)) == 1 + inserted


def test_twins_within_one_batch_are_stored_once_and_no_word_is_lost(lake: Lake) -> None:
    batch = bounces(bounce(reply_text="no"), bounce(1), bounce(reply_text="never"))
    assert lake.add_bounces(batch) == Added(2, 1)
    twin = next(row for row in lake.read("bounces").to_pylist() if row["reply_text"])
    assert (twin["reply_text"], twin["routes"], twin["told_by"]) == ("never", "soap", None)
    other = {"field": "reply_text", "route": "soap", "value": "no"}
    assert json.loads(twin["disagreements"]) == [other]


def test_overlapping_batches_across_months_lose_and_double_nothing(lake: Lake) -> None:
    for start in (0, 40, 20, 80, 0, 60):
        lake.add_bounces(numbered(start, start + 60, minutes=60 * 24))
    assert sorted(row[3] for row in identities(lake)) == sorted(f"s{n}" for n in range(140))


def test_columns_not_given_are_null_and_storing_is_dated(lake: Lake) -> None:
    now = datetime(2026, 5, 1, 12, 0, 0, 7, tzinfo=UTC)
    few = bounces(bounce()).select([*IDENTITY, "routes"])
    lake.add_bounces(few.to_batches()[0], now=now)
    row = lake.read("bounces").to_pylist()[0]
    assert (row["stored_at"], row["provider"], row["template_id"]) == (now, None, None)
    assert lake.read("bounces").schema.names == tables.BOUNCES.schema.names


REFUSED = [
    pytest.param(bounces(bounce(subscriber_key=None)), "subscriber_key", id="no subscriber"),
    pytest.param(bounces(bounce()).drop_columns("event_time"), "event_time", id="no time"),
    pytest.param(bounces(bounce()).append_column("x", pa.array([1])), "unknown", id="more"),
    pytest.param(
        bounces(bounce()).drop_columns("job").append_column("job", pa.array(["a"])),
        "job",
        id="type",
    ),
]


@pytest.mark.parametrize(("batch", "word"), REFUSED)
def test_rows_that_do_not_fit_are_refused_as_a_whole(
    lake: Lake, batch: pa.Table, word: str
) -> None:
    with pytest.raises(StoreError, match=word):
        lake.add_bounces(pa.concat_tables([batch]))
    assert len(lake.read("bounces")) == 0


EVENTS = st.tuples(
    st.integers(1, 2),
    st.integers(1, 3),
    st.sampled_from("ab"),
    st.integers(0, 5).map(lambda n: n * 20),
)


@given(st.lists(st.lists(EVENTS, max_size=12), max_size=5))
@settings(max_examples=15, deadline=None)
def test_any_batches_end_in_the_set_of_their_events(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[int, int, str, int]]]
) -> None:
    known: set[tuple[int, int, str, int]] = set()
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as lake:
        for events in batches:
            offered = [
                bounce(account=a, job=j, subscriber_key=s, event_time=START + timedelta(days=d))
                for a, j, s, d in events
            ]
            added = lake.add_bounces(bounces(*offered))
            assert added.inserted == len(set(events) - known)
            assert added.inserted + added.known == len(events)
            known |= set(events)
        stored = [(a, j, s, (t - START).days) for a, j, _, s, t in identities(lake)]
    assert sorted(stored) == sorted(known)


def test_a_later_verdict_replaces_an_earlier_one(lake: Lake) -> None:
    first = verdict(1, "unknown_user", "address", "hard")
    assert lake.put_verdicts(rows(tables.VERDICTS, [first])) == Put(1, 0, 0)
    changed = verdict(1, "poor_reputation", "reputation", "block") | {"rule": None}
    both = rows(tables.VERDICTS, [changed, verdict(2, "mailbox_full", "mailbox", "soft")])
    assert lake.put_verdicts(both) == Put(1, 1, 0)
    stored = {row["template_id"]: row for row in lake.read("verdicts").to_pylist()}
    assert (stored[1]["reason"], stored[1]["rule"]) == ("poor_reputation", None)
    assert stored[2]["reason"] == "mailbox_full"


def test_what_is_there_already_is_not_written_again(lake: Lake) -> None:
    given_rows = rows(tables.VERDICTS, [verdict(1, "unknown_user", "address", "hard")])
    lake.put_verdicts(given_rows)
    before = lake.versions()
    assert lake.put_verdicts(given_rows) == Put(0, 0, 1)
    assert lake.add_bounces(bounces()) == Added(0, 0)
    assert lake.versions() == before


def test_a_template_keeps_its_first_sample_and_its_span_only_widens(lake: Lake) -> None:
    days = [START + timedelta(days=n) for n in range(4)]
    for first, last, sample in [(1, 2, "a"), (0, 1, "b"), (2, 3, "c"), (1, 1, "d")]:
        one = template(7, days[first], days[last]) | {"sample": sample}
        lake.put_templates(rows(tables.TEMPLATES, [one]))
    stored = lake.read("templates").to_pylist()[0]
    assert (stored["first_seen"], stored["last_seen"]) == (days[0], days[3])
    assert stored["sample"] == "a"


def test_a_route_that_knows_less_erases_nothing_of_a_job(lake: Lake) -> None:
    one = {"account": 1, "job": 10, "email_name": "Spring", "number_sent": 5}
    lake.put_jobs(rows(tables.JOBS, [one]))
    lake.put_jobs(rows(tables.JOBS, [{"account": 1, "job": 10, "number_sent": 6}]))
    stored = lake.read("jobs").to_pylist()[0]
    assert (stored["email_name"], stored["number_sent"]) == ("Spring", 6)


def test_a_send_count_told_again_is_corrected_not_added(lake: Lake) -> None:
    day = date(2026, 1, 1)
    lake.put_sends(rows(tables.SENDS, [sends(1, "a.example", day, 5), sends(1, "", day, 9)]))
    told = [sends(1, "a.example", day, 7), sends(1, "a.example", date(2026, 1, 2), 1)]
    assert lake.put_sends(rows(tables.SENDS, told)) == Put(1, 1, 0)
    stored = lake.read("sends").select(["domain", "day", "sent"]).to_pylist()
    assert sorted(row["sent"] for row in stored) == [1, 7, 9]


def test_tidying_joins_small_files_and_changes_no_row(lake: Lake) -> None:
    for start in range(0, 120, 10):
        lake.add_bounces(numbered(start, start + 10, minutes=60 * 12))
    before = sorted(identities(lake))
    files_before = len(lake.delta("bounces").file_uris())
    assert lake.tidy(files_per_part=2) > 0
    assert len(lake.delta("bounces").file_uris()) < files_before
    assert sorted(identities(lake)) == before
    assert lake.add_bounces(numbered(0, 120, minutes=60 * 12)) == Added(0, 120)
    assert lake.tidy(files_per_part=2) == 0


def test_a_lake_of_an_older_version_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    from deltalake import write_deltalake

    place = tmp_path / "lake"
    Lake.open(str(place)).close()
    old = rows(tables.VERDICTS, [verdict(1, "unknown_user", "address", "hard")])
    write_deltalake(
        place / "verdicts",
        old.drop_columns(["actor", "ruleset"]),
        mode="overwrite",
        schema_mode="overwrite",
    )
    with Lake.open(str(place)) as lake:
        assert lake.read("verdicts").to_pylist()[0]["ruleset"] is None
        assert lake.put_verdicts(old) == Put(0, 1, 0)
        assert lake.read("verdicts").to_pylist()[0]["ruleset"] == "r1"


def test_two_open_lakes_see_each_others_rows(tmp_path: Path) -> None:
    place = str(tmp_path / "lake")
    with Lake.open(place) as one, Lake.open(place) as other:
        one.add_bounces(numbered(0, 10))
        assert other.add_bounces(numbered(5, 15)) == Added(5, 5)
        assert len(one.read("bounces")) == 15


def test_columns_carry_their_meaning_for_other_readers(lake: Lake) -> None:
    comments = {f.name: f.metadata.get("comment") for f in lake.delta("bounces").schema().fields}
    assert comments["event_month"] == tables.EVENT_MONTH[2]
    assert all(comments.values())
