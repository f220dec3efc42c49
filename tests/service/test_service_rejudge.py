"""Rules change: what it would do, what is not understood, and that it takes effect on history."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from bouncelens.bounce import event_schema
from bouncelens.service.judge import Judge, judge_events
from bouncelens.service.rejudge import diff_rules, draft_rule, mine, rejudge
from bouncelens.service.workspace import Workspace
from bouncelens.settings import AccountSettings, Settings
from bouncelens.store.lake import Lake

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
REPLIES = [
    *["550 5.1.1 <kim@example.com> user unknown"] * 3,
    *["550 5.0.0 Zq flobbed the wuzzle (ZQ123456)"] * 5,
    *["550 5.0.0 Sorry, zq flobbed the wuzzle"] * 2,
]
RULE = """
[[rule]]
id = "zq-flobbed"
reason = "policy_rejection"
text = 'flobbed the wuzzle'
source = "seen"
examples = ["550 flobbed the wuzzle", "flobbed the wuzzle"]
not_examples = ["550 no"]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    lake_url = str(tmp_path / "lake")
    Lake.open(lake_url).close()
    settings = Settings(
        lake=lake_url,
        ledger=f"sqlite:///{tmp_path / 'ledger.db'}",
        accounts=[AccountSettings(mid=1, name="one")],
    )
    workspace = Workspace.open(settings)
    size = len(REPLIES)
    given = {
        "account": [1] * size,
        "job": [2] * size,
        "batch": [3] * size,
        "subscriber_key": [f"s{n}" for n in range(size)],
        "event_time": [FIRST + timedelta(hours=n) for n in range(size)],
        "route": ["soap"] * size,
        "reply_text": REPLIES,
    }
    schema = event_schema()
    table = pa.table({n: given.get(n, [None] * size) for n in schema.names}, schema=schema)
    judged = judge_events(table, Judge.of_rules())
    workspace.lake.add_bounces(judged.bounces)
    workspace.lake.put_templates(judged.templates)
    workspace.lake.put_verdicts(judged.verdicts)
    return workspace


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(RULE, "utf-8")
    return path


def test_a_diff_counts_the_bounces_that_change_and_changes_nothing(
    workspace: Workspace, rules: Path
) -> None:
    diff = diff_rules(workspace, Judge.of_rules(), Judge.of_rules([rules]))
    assert (diff.templates, diff.bounces, diff.changed_bounces) == (3, 10, 7)
    assert [change.stored.bounces for change in diff.changes] == [5, 2]
    assert {change.after.rule for change in diff.changes} == {"zq-flobbed"}
    verdicts = workspace.lake.read("verdicts").to_pylist()
    assert all(row["rule"] != "zq-flobbed" for row in verdicts)


def test_judging_again_takes_effect_on_all_history(workspace: Workspace, rules: Path) -> None:
    done = rejudge(workspace, Judge.of_rules([rules]))
    assert (done.templates, done.changed, done.to_mask_anew) == (3, 2, 0)
    verdicts = workspace.lake.read("verdicts").to_pylist()
    assert sum(row["rule"] == "zq-flobbed" for row in verdicts) == 2
    assert {row["evidence"] for row in verdicts} >= {"flobbed the wuzzle"}
    assert rejudge(workspace, Judge.of_rules([rules])).changed == 0


def test_mining_lists_what_no_rule_knows_by_volume(workspace: Workspace) -> None:
    found = mine(workspace, Judge.of_rules())
    assert [(mined.why, mined.stored.bounces) for mined in found] == [
        ("unclassified", 5),
        ("unclassified", 2),
    ]


def test_a_drafted_rule_decides_its_samples(tmp_path: Path) -> None:
    samples = list(dict.fromkeys(REPLIES[3:]))
    draft = draft_rule(samples, Judge.of_rules(), reason="policy_rejection", name="drafted")
    assert tomllib.loads(draft)["rule"][0]["text"] == "zq flobbed the wuzzle"
    path = tmp_path / "draft.toml"
    path.write_text(draft, "utf-8")
    judge = Judge.of_rules([path])
    assert {judge.judge(sample).verdict.rule for sample in samples} == {"drafted"}
