"""One bounce, several routes: whatever is pulled or imported first, the lake is the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from light_workspace import LightWorkspace
from test_service_extracts import order, tracking

from bouncelens.bounce import IDENTITY, ROUTES
from bouncelens.service.import_file import import_file
from bouncelens.service.pull import pull
from bouncelens.settings import Settings
from sandbox_process import Sandbox, running_sandbox

QUICK = {"poll_s": 0.05, "grace_s": 1, "window_days": 400}


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("tenant")
    arguments = ("--seed", "12", "--bounces", "300", "--months", "2", "--query-wait-s", "0.02")
    with running_sandbox(folder, *arguments) as sandbox:
        settings = sandbox.settings(folder, tracking=tracking(sandbox, folder), accounts=[])
        order(sandbox, settings, "daily.zip")
        yield sandbox


@pytest.fixture(scope="module")
def by_hand(tenant: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What somebody exported: every bounce, another address for each tenth, a poor reply."""
    path = tmp_path_factory.mktemp("desk") / "export.parquet"
    planted = tenant.truth.select(list(IDENTITY))
    names = [f"old{n}@moved.example" if n % 10 == 0 else None for n in range(planted.num_rows)]
    pq.write_table(
        planted.append_column("address", pa.array(names, pa.string()))
        .append_column("list_id", pa.array(list(range(planted.num_rows)), pa.int64()))
        .append_column("reply_text", pa.array(["550 bounced"] * planted.num_rows))
        .append_column("is_false_bounce", pa.array([True] * planted.num_rows)),
        path,
    )
    return path


def gathered(folder: Path, tenant: Sandbox, by_hand: Path, routes: tuple[str, ...]) -> pa.Table:
    """The lake after some routes in some order, each of them twice at the end."""
    folder.mkdir()
    soap = tenant.settings(folder)
    by_route = {
        "extract": tenant.settings(folder, tracking=tracking(tenant, folder), accounts=[]),
        "query": tenant.settings(folder, routes=["query"], query=QUICK),
    }
    for route in (*routes, *routes):
        settings: Settings = by_route.get(route, soap)
        with LightWorkspace.open(settings) as workspace:
            done = import_file(workspace, by_hand) if route == "file" else pull(workspace)
            assert done.exit_code == 0, done.partial
            assert done.stored + done.known == done.received
    with LightWorkspace.open(soap) as workspace:
        rows = workspace.lake.read("bounces")
        templates = set(workspace.lake.read("templates")["template_id"].to_pylist())
        verdicts = set(workspace.lake.read("verdicts")["template_id"].to_pylist())
    assert set(rows["template_id"].to_pylist()) <= templates & verdicts
    assert templates == verdicts
    return rows.drop_columns("stored_at").sort_by([(name, "ascending") for name in IDENTITY])


@pytest.mark.parametrize(
    "orders",
    [
        pytest.param([("soap", "extract", "file"), ("file", "soap", "extract")], id="three"),
        pytest.param(
            [
                ("query", "soap", "extract", "file"),
                ("file", "extract", "soap", "query"),
                ("soap", "query", "file", "extract"),
            ],
            id="four",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_routes_in_any_order_make_the_same_lake_equal_to_what_was_planted(
    tenant: Sandbox, by_hand: Path, tmp_path: Path, orders: list[tuple[str, ...]]
) -> None:
    routes = orders[0]
    lakes = [
        gathered(tmp_path / str(number), tenant, by_hand, chosen)
        for number, chosen in enumerate(orders)
    ]
    assert all(lake.equals(lakes[0]) for lake in lakes)
    (lake, *_) = lakes
    planted = tenant.truth.select(list(IDENTITY)).cast(lake.select(list(IDENTITY)).schema)
    planted = planted.sort_by([(name, "ascending") for name in IDENTITY])
    assert lake.select(list(IDENTITY)).to_pylist() == planted.to_pylist()
    by_rank = sorted(routes, key=ROUTES.index)
    assert pc.unique(lake["routes"]).to_pylist() == [",".join(by_rank)]
    assert lake["reply_text"].null_count == lake["address"].null_count == 0
    assert pc.all(lake["is_false_bounce"]).as_py(), "only the file said so"
    told = [json.loads(row) for row in lake["disagreements"].to_pylist() if row]
    said = {(one["field"], one["route"]) for row in told for one in row}
    assert said == {(n, "file") for n in ("address", "domain", "list_id", "reply_text")}
    moved = [o for row in told for o in row if o["field"] == "address"]
    assert len(moved) == -(-tenant.planted // 10)
    assert not any("moved.example" in str(address) for address in lake["address"].to_pylist())
