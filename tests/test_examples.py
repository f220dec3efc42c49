"""The examples work: the notebook's cells as they stand, the dbt models as SQL over a lake."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from deltalake import DeltaTable
from jinja2 import Environment, StrictUndefined

from bouncelens.store.tables import EVENT_MONTH, TABLES

sys.path.append(str(Path(__file__).parent / "show"))
import show_lake

EXAMPLES = Path(__file__).parents[1] / "examples"
MODELS = EXAMPLES / "dbt" / "models"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    return show_lake.filled(tmp_path_factory.mktemp("examples")).lake


def test_the_notebook_runs_from_top_to_bottom(
    lake: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOUNCELENS_LAKE", lake)
    notebook = json.loads((EXAMPLES / "notebook" / "bounces.ipynb").read_text("utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert all(cell["outputs"] == [] for cell in notebook["cells"] if cell["cell_type"] == "code")
    place: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), place)
    said = capsys.readouterr().out
    assert "unknown_user" in said
    assert "blocklisted block" in said
    sent = {row[0]: row[2] for row in place["rates"].fetchall()}
    assert sent == {"google": 600, "yahoo": 600, "other": 1200}


def test_the_dbt_sources_say_what_the_tables_are() -> None:
    told = yaml.safe_load((MODELS / "sources.yml").read_text("utf-8"))["sources"][0]["tables"]
    declared = {t["name"]: {c["name"]: c["description"] for c in t["columns"]} for t in told}
    expected = {
        table.name: {
            name: doc
            for name, _, doc in (*table.fields, *((EVENT_MONTH,) if table.partition_by else ()))
        }
        for table in TABLES.values()
    }
    assert declared == expected


@pytest.fixture(scope="module")
def built(lake: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in which every model is a view, as dbt would make them."""
    db = duckdb.connect()
    for name in TABLES:
        db.register(f"source_{name}", DeltaTable(f"{lake}/{name}").to_pyarrow_dataset())
    dbt = Environment(undefined=StrictUndefined)
    macros = {"source": lambda _, name: f"source_{name}", "ref": lambda name: name}
    for path in (*sorted(MODELS.glob("staging/*.sql")), *sorted(MODELS.glob("marts/*.sql"))):
        sql = dbt.from_string(path.read_text("utf-8")).render(macros)
        db.execute(f"CREATE VIEW {path.stem} AS {sql}")
    yield db
    db.close()


def test_the_dbt_models_count_what_the_questions_count(
    built: duckdb.DuckDBPyConnection, lake: str
) -> None:
    rows = built.sql("SELECT job, campaign, bounced, sent FROM bounces_by_campaign").fetchall()
    assert {job: tuple(rest) for job, *rest in rows} == _by_campaign(lake)


def _by_campaign(lake: str) -> dict[int, tuple[object, ...]]:
    from bouncelens.service.report import answer
    from bouncelens.service.workspace import Workspace
    from bouncelens.settings import Settings

    with Workspace.open(Settings(lake=lake), create=False) as workspace:
        told = answer(workspace, "by_campaign")
    return {r["job"]: (r["campaign"], r["bounced"], r["sent"]) for r in told.records()}


DBT = Path(__file__).parents[1] / ".clients" / "dbt" / "bin" / "dbt"


@pytest.mark.skipif(not DBT.exists(), reason="dbt is not there; say make clients")
def test_dbt_itself_builds_and_tests_the_package(lake: str, tmp_path: Path) -> None:
    project = tmp_path / "dbt"
    shutil.copytree(EXAMPLES / "dbt", project)
    told = json.dumps({"bouncelens_lake": lake})
    done = subprocess.run(
        [DBT, "build", "--profiles-dir", ".", "--no-use-colors", "--vars", told],
        cwd=project,
        env={"PATH": os.environ["PATH"], "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    assert "ERROR=0 SKIP=0" in done.stdout
    with duckdb.connect(str(project / "lake.duckdb"), read_only=True) as made:
        found = made.sql("SELECT job, campaign, bounced, sent FROM bounces_by_campaign").fetchall()
    assert {job: tuple(rest) for job, *rest in found} == _by_campaign(lake)


def test_every_dbt_model_is_described_and_its_tests_hold(built: duckdb.DuckDBPyConnection) -> None:
    told = yaml.safe_load((MODELS / "models.yml").read_text("utf-8"))["models"]
    assert {m["name"] for m in told} == {path.stem for path in MODELS.glob("*/*.sql")}
    for model in told:
        for column in model.get("columns", []):
            for test in column.get("tests", []):
                name = column["name"]
                bad = (
                    f"{name} IS NULL"
                    if test == "not_null"
                    else f"{name} NOT IN {tuple(test['accepted_values']['values'])}"
                )
                counted = built.sql(f"SELECT count(*) FROM {model['name']} WHERE {bad}").fetchall()
                assert counted == [(0,)], (model["name"], name)


def test_the_dbt_project_is_what_its_profile_names() -> None:
    project = yaml.safe_load((EXAMPLES / "dbt" / "dbt_project.yml").read_text("utf-8"))
    profiles = yaml.safe_load((EXAMPLES / "dbt" / "profiles.yml").read_text("utf-8"))
    assert project["profile"] in profiles
    assert set(project["models"][project["name"]]) == {"staging", "marts"}
