"""Tenants from descriptions, in memory and on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sfmc_sandbox.wire.sandbox import Sandbox
from sfmc_sandbox.world.description import (
    DescriptionInvalid,
    from_json,
    plan_of,
    read_description,
    to_json,
)
from sfmc_sandbox.world.disk import open_tenant, write_tenant
from sfmc_sandbox.world.tenant import make_tenant

DESCRIBED = """
seed = 5
until = 2026-06-01
months = 4
people = 3000
messages = 60000
sendings = 40
noise = 2.0
shares = { google = 3.0, yahoo = 0.1 }

[[unit]]
mid = 100
name = "Parent"
share = 0.1
sender_domain = "mail.parent.example"
ips = ["192.0.2.1"]

[[unit]]
mid = 101
name = "Child"
parent = 100
share = 0.9
sender_domain = "mail.child.example"
ips = ["192.0.2.2", "192.0.2.3"]

[[story]]
name = "yahoo_throttle"
reason = "rate_limited"
at = 0.5
days = 3
unit = 1
families = ["yahoo"]
odds = 0.9
jobs = 3
"""


@pytest.fixture
def described(tmp_path: Path) -> Path:
    path = tmp_path / "tenant.toml"
    path.write_text(DESCRIBED)
    return path


def test_a_description_makes_its_units_stories_and_sizes(described: Path) -> None:
    tenant = make_tenant(read_description(described))
    assert [unit.mid for unit in tenant.units] == [100, 101]
    db = tenant.db.cursor()
    assert db.execute("SELECT count(*) FROM subscriber").fetchall() == [(3000,)]
    assert db.execute("SELECT count(*) FROM job").fetchall() == [(40,)]
    share = db.execute("SELECT avg((domain = 'gmail.com')::INT) FROM subscriber").fetchall()[0][0]
    assert share > 0.4
    assert set(tenant.truth["story"].to_pylist()) <= {
        "",
        "yahoo_throttle",
        "mailbox_full_repeaters",
    }


def test_a_tenant_on_disk_is_the_tenant_in_memory(described: Path, tmp_path: Path) -> None:
    plan = read_description(described)
    one = make_tenant(plan)
    events = write_tenant(plan, tmp_path / "made")
    two = open_tenant(tmp_path / "made")
    assert two.truth.sort_by("event_time").num_rows == one.truth.num_rows
    for table in ("sent", "bounce", "open", "subscriber", "job", "job_count", "bouncelens_sends"):
        question = f"SELECT count(*), sum(hash({table})) FROM (SELECT * FROM {table}) {table}"
        assert two.db.cursor().execute(question).fetchall() == (
            one.db.cursor().execute(question).fetchall()
        ), table
    assert events > 60_000
    assert (two.standing.count == one.standing.count).all()
    sandbox = Sandbox.of(two)
    sandbox.flow.send(101, 50)
    sandbox.flow.clock.move(600)
    sandbox.flow.advance()
    sandbox.close()
    two.db.close()
    # Opened once more, the sandbox's own tables are in nobody's way.
    again = open_tenant(tmp_path / "made")
    Sandbox.of(again).close()
    again.db.close()


def test_a_plan_survives_its_own_text(described: Path) -> None:
    plan = read_description(described)
    assert from_json(to_json(plan)) == plan


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"sede": 1}, "do you mean 'seed'"),
        ({"months": "many"}, "months must be a whole number"),
        ({"until": "soon"}, "until is no date"),
        ({"unit": []}, "the first unit is the enterprise"),
        ({"unit": [{"mid": 1}]}, "lacks 'name'"),
        ({"story": [{"name": "x", "reasn": "y"}]}, "do you mean 'reason'"),
    ],
)
def test_a_bad_description_gets_one_clear_sentence(content: dict[str, object], words: str) -> None:
    with pytest.raises(DescriptionInvalid, match=words):
        plan_of(content)


def test_the_command_makes_and_refuses(described: Path, tmp_path: Path) -> None:
    make = [sys.executable, "-m", "sfmc_sandbox", "make", "--describe", str(described), "--out"]
    done = subprocess.run([*make, str(tmp_path / "a")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "events in" in done.stderr
    again = subprocess.run([*make, str(tmp_path / "a")], capture_output=True, text=True)
    assert again.returncode == 2
    assert "is not empty" in again.stderr
    described.write_text("nonsense = 1")
    bad = subprocess.run([*make, str(tmp_path / "b")], capture_output=True, text=True)
    assert bad.returncode == 2
    assert str(described) in bad.stderr
    assert "Traceback" not in bad.stderr
