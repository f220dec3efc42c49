"""However a history of bounces arrives, the lake is the same, and what plain Python makes of it."""

from __future__ import annotations

import itertools
import json
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lake_rows import START, bounce, bounces

from bouncelens.bounce import EVENT_FIELDS, IDENTITY, ROUTES
from bouncelens.store.lake import Added, Lake

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Row = dict[str, object]
TOLD = [name for name, _, _ in EVENT_FIELDS if name not in (*IDENTITY, "route")]
FLAGS = [name for name, kind, _ in EVENT_FIELDS if kind == "bool"]


def template_of(row: Row) -> int:
    said = (row["reply_text"], row["sfmc_code"], row["domain"])
    return zlib.crc32(repr(said).encode())


def judge(rows: pa.Table) -> pa.Table:
    """Stands for the service: a template hangs on reply, code and domain."""
    whole = rows.to_pylist()
    made = rows.append_column("provider", pa.array([f"of {r['domain']}" for r in whole]))
    return made.append_column("template_id", pa.array([template_of(r) for r in whole], pa.int64()))


def stored(lake: Lake) -> list[Row]:
    rows = [
        {n: v for n, v in row.items() if n != "stored_at"}
        | {"disagreements": json.loads(row["disagreements"] or "null")}
        for row in lake.read("bounces").to_pylist()
    ]
    return sorted(rows, key=lambda row: [str(row[name]) for name in IDENTITY])


# The same in plain Python, from the set of what was told.


def text_of(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def says_more(field: str, other: tuple[str, object], than: tuple[str, object]) -> bool:
    if field == "triggered_send_key":
        return ROUTES.index(other[0]) < ROUTES.index(than[0])
    if other[1] == than[1]:
        return False
    if field == "is_false_bounce":
        return other[1] is True
    if field in FLAGS:
        return other[0] == than[0] and other[1] is True
    return field == "reply_text" and str(other[1]).startswith(str(than[1]))


def expected(rows: Sequence[Row]) -> list[Row]:
    by_identity: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        by_identity.setdefault(tuple(row[name] for name in IDENTITY), []).append(row)
    made = [one_row(twins) for twins in by_identity.values()]
    return sorted(made, key=lambda row: [str(row[name]) for name in IDENTITY])


def one_row(twins: Sequence[Row]) -> Row:
    row: Row = {name: twins[0][name] for name in IDENTITY}
    routes = sorted({str(twin["routes"]) for twin in twins}, key=ROUTES.index)
    told_by, others, tellers = [], [], set[str]()
    for field in TOLD:
        all_said = {(str(t["routes"]), t[field]) for t in twins if t[field] is not None}
        if field == "is_reply_cut":
            all_said = {(str(t["routes"]), True) for t in twins if t[field] and t["reply_text"]}
        said = {one for one in all_said if not any(says_more(field, o, one) for o in all_said)}
        order = sorted(said, key=lambda one: (len(text_of(one[1])), text_of(one[1])), reverse=True)
        order.sort(key=lambda one: ROUTES.index(one[0]))
        row[field] = order[0][1] if order else None
        if field == "reply_text":
            tellers = {route for route, value in order if value == row[field]}
        if field == "is_reply_cut" and tellers.isdisjoint(route for route, _ in order):
            row[field] = None  # it is said of another reply than the one that is kept
        if order:
            same = [route for route, value in order if value == order[0][1]]
            told_by.append(f"{field}={','.join(same)}")
        others += [
            {"field": field, "route": route, "value": text_of(value)}
            for route, value in order
            if value != order[0][1]
        ]
    row |= {
        "routes": ",".join(routes),
        "told_by": " ".join(told_by) if len(routes) > 1 else None,
        "disagreements": others or None,
    }
    return row | {"provider": f"of {row['domain']}", "template_id": template_of(row)}


VALUES: dict[str, Sequence[object]] = {
    "list_id": [5, 44609],
    "address": ["pat@a.example", "Pat@b.example"],
    "domain": ["a.example", "b.example"],
    "reply_text": ["550 no", "550 no such user", '452 "full" \\ \u2028é', "550 no such"],
    "sfmc_code": [550, 452],
    "sfmc_subcategory": ["x=y z", "a,b"],
    "triggered_send_key": ["welcome", "3f2504e0"],
    "is_unique": [True, False],
    "is_false_bounce": [True, False],
    "is_reply_cut": [True, False],
}
EVENTS = st.builds(
    lambda number, day, route, fields: (
        bounce(0, subscriber_key=f"s{number}", event_time=START + timedelta(days=day), routes=route)
        | dict.fromkeys(TOLD)
        | fields
    ),
    st.integers(0, 1),
    st.sampled_from([0, 40]),
    st.sampled_from(ROUTES),
    st.fixed_dictionaries(
        {name: st.sampled_from([None, *values]) for name, values in VALUES.items()}
    ),
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as opened:
        yield opened


ACCOUNTS = itertools.count(1)  # one for each history, so that one lake does for all


@given(st.lists(EVENTS, min_size=1, max_size=14), st.data())
@settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_any_order_any_batches_and_any_repetition_make_the_same_lake(
    lake: Lake, events: list[Row], data: st.DataObject
) -> None:
    account = next(ACCOUNTS)
    events = [event | {"account": account} for event in events]
    again = data.draw(st.lists(st.sampled_from(events), max_size=8))
    offered = data.draw(st.permutations([*events, *again]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(offered)), max_size=3)))
    for start, stop in zip([0, *cuts], [*cuts, len(offered)], strict=True):
        lake.add_bounces(bounces(*offered[start:stop]), judge=judge)
    assert [row for row in stored(lake) if row["account"] == account] == expected(events)
    before = lake.versions()
    assert lake.add_bounces(bounces(*offered), judge=judge).filled == 0
    assert lake.versions() == before, "what is known already is not written again"


FULL = "550 5.1.1 <pat@a.example>: no such user here"
HISTORIES = [
    pytest.param(
        [{"routes": "soap", "reply_text": FULL[:9]}, {"routes": "query", "reply_text": FULL}],
        {"reply_text": FULL, "routes": "query,soap", "disagreements": None},
        id="a text that was cut off is no other opinion",
    ),
    pytest.param(
        [
            {"routes": "query", "reply_text": FULL[:9], "is_reply_cut": True},
            {"routes": "extract", "reply_text": FULL},
        ],
        {"reply_text": FULL, "is_reply_cut": None},
        id="a whole reply is not called cut off",
    ),
    pytest.param(
        [
            {"routes": "query", "is_false_bounce": True},
            {"routes": "query", "is_false_bounce": False},
        ],
        {"is_false_bounce": True, "disagreements": None},
        id="an old file does not take back that a bounce was false",
    ),
    pytest.param(
        [
            {"routes": "file", "list_id": 5},
            {"routes": "query", "list_id": 7, "domain": "a.example"},
        ],
        {
            "list_id": 7,
            "told_by": "list_id=query domain=query",
            "disagreements": [{"field": "list_id", "route": "file", "value": "5"}],
        },
        id="the richer route's value is kept and the other on record",
    ),
    pytest.param(
        [{"routes": "soap", "address": "a@a.example"}, {"routes": "events", "sfmc_code": 550}],
        {"address": "a@a.example", "sfmc_code": 550, "told_by": "address=soap sfmc_code=events"},
        id="each route fills what the other lacks",
    ),
    pytest.param(
        [{"routes": "query", "list_id": 5}, {"routes": "query", "list_id": 7}],
        {"list_id": 7, "disagreements": [{"field": "list_id", "route": "query", "value": "5"}]},
        id="one message by two lists",
    ),
    pytest.param(
        [
            {"routes": "events", "triggered_send_key": "b"},
            {"routes": "query", "triggered_send_key": "b"},
            {"routes": "file", "triggered_send_key": "a"},
        ],
        {"triggered_send_key": "b", "told_by": "triggered_send_key=query", "disagreements": None},
        id="a name by the richest route stays alone, whoever came in between",
    ),
]


@pytest.mark.parametrize(("told", "row"), HISTORIES)
@pytest.mark.parametrize("turned", [False, True], ids=["as told", "the other way round"])
def test_what_routes_make_together(lake: Lake, told: list[Row], row: Row, *, turned: bool) -> None:
    account = next(ACCOUNTS)
    for one in reversed(told) if turned else told:
        lake.add_bounces(bounces(bounce(**one, account=account)), judge=judge)
    (found,) = (made for made in stored(lake) if made["account"] == account)
    assert {name: found[name] for name in row} == row
    assert found["template_id"] == template_of(found), "judged by the reply it has now"


def test_only_the_files_of_changed_rows_are_written_anew(tmp_path: Path) -> None:
    with Lake.open(str(tmp_path / "lake")) as lake:
        for day in (0, 1, 2, 40):
            lake.add_bounces(bounces(bounce(0, event_time=START + timedelta(days=day))))
        before = set(lake.delta("bounces").file_uris())
        late = bounce(0, event_time=START + timedelta(days=1), routes="query", list_id=5)
        new = bounce(9, event_time=START + timedelta(days=40))
        assert lake.add_bounces(bounces(late, new)) == Added(1, 1, 1)
        after = set(lake.delta("bounces").file_uris())
        assert len(before - after) == 1
        assert lake.delta("bounces").version() == 5, "one commit for both"


def test_rows_of_an_older_lake_meet_as_if_their_only_route_had_told_all(tmp_path: Path) -> None:
    from deltalake import write_deltalake

    place = tmp_path / "lake"
    with Lake.open(str(place)) as lake:
        lake.add_bounces(bounces(bounce(reply_text="550 no", list_id=5)))
        rows = lake.read("bounces").drop_columns(["told_by", "disagreements"])
    months = pa.array(["2026-01"])
    write_deltalake(
        place / "bounces",
        rows.append_column("event_month", months),
        mode="overwrite",
        schema_mode="overwrite",
        partition_by=["event_month"],
    )
    with Lake.open(str(place)) as lake:
        lake.add_bounces(bounces(bounce(routes="query", reply_text="550 never")))
        (row,) = lake.read("bounces").to_pylist()
    assert row["told_by"] == "list_id=soap reply_text=query"
    assert '"550 no"' in str(row["disagreements"])
