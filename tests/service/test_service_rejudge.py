"""Rules change: what it would do, what is not understood, and that it takes effect on history."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from bouncelens.bounce import Page, event_schema
from bouncelens.errors import InputInvalid
from bouncelens.service.hand import set_by_hand
from bouncelens.service.intake import Intake
from bouncelens.service.judge import Judge, judge_events
from bouncelens.service.rejudge import (
    diff_rules,
    draft_rule,
    mask_stored_anew,
    mine,
    rejudge,
)
from bouncelens.service.workspace import Workspace
from bouncelens.settings import AccountSettings, Settings
from bouncelens.store.anew import make_anew
from bouncelens.store.lake import Lake

MADE = ["provider", "template_id"]
READ = ("reply_text", "sfmc_code", "domain")
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


def test_a_diff_masks_stored_replies_anew_where_a_rule_speaks_of_a_code(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "code.toml"
    path.write_text(RULE.replace("flobbed the wuzzle'", r"wuzzle \(zq123456\)'"), "utf-8")
    diff = diff_rules(workspace, Judge.of_rules(), Judge.of_rules([path]))
    assert (diff.changed_templates, diff.changed_bounces, diff.bounces) == (1, 5, 10)
    back = diff_rules(workspace, Judge.of_rules([path]), Judge.of_rules())
    assert back.changed_bounces == 0  # the templates are stored as the old rules mask them


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
    assert (done.templates, done.changed, done.moved) == (3, 2, 0)
    verdicts = workspace.lake.read("verdicts").to_pylist()
    assert sum(row["rule"] == "zq-flobbed" for row in verdicts) == 2
    assert {row["evidence"] for row in verdicts} >= {"flobbed the wuzzle"}
    assert rejudge(workspace, Judge.of_rules([rules])).changed == 0


SPEAKS_OF_CODES = """
[[rule]]
id = "zq-code"
reason = "greylisted"
text = 'zq123[0-9]{3}'
source = "seen"
examples = ["550 wuzzle (zq123456)", "zq123999"]
not_examples = ["550 no"]
"""


@pytest.fixture
def later_rules(tmp_path: Path) -> Path:
    """Rules that speak of a code which the mask has hidden so far."""
    path = tmp_path / "later.toml"
    path.write_text(SPEAKS_OF_CODES, "utf-8")
    return path


def by_bounce(workspace: Workspace) -> list[tuple[str, str]]:
    """Reply and reason of every bounce, by the template it points to."""
    reasons = {
        row["template_id"]: row["reason"] for row in workspace.lake.read("verdicts").to_pylist()
    }
    rows = workspace.lake.read("bounces").to_pylist()
    return sorted((row["reply_text"], reasons[row["template_id"]]) for row in rows)


def test_what_a_new_rule_speaks_of_is_masked_anew_in_all_history(
    workspace: Workspace, later_rules: Path
) -> None:
    judge = Judge.of_rules([later_rules])
    before = workspace.lake.read("bounces").sort_by("subscriber_key").to_pylist()
    assert rejudge(workspace, judge).changed == 0  # the template hides the code
    assert rejudge(workspace, judge, mask_anew=True).moved == 5
    stored = workspace.lake.read("bounces").sort_by("subscriber_key")
    fresh = judge_events(stored.drop_columns(MADE), judge)
    after = stored.to_pylist()
    assert [row["template_id"] for row in after] == fresh.bounces["template_id"].to_pylist()
    assert {reason for text, reason in by_bounce(workspace) if "ZQ123456" in text} == {"greylisted"}
    facts = [{k: v for k, v in row.items() if k not in MADE} for row in after]
    assert facts == [{k: v for k, v in row.items() if k not in MADE} for row in before]


def test_masking_anew_twice_changes_nothing_more(workspace: Workspace, later_rules: Path) -> None:
    judge = Judge.of_rules([later_rules])
    rejudge(workspace, judge, mask_anew=True)
    version = workspace.lake.versions()["bounces"]
    again = rejudge(workspace, judge, mask_anew=True)
    assert (again.moved, again.changed) == (0, 0)
    assert workspace.lake.versions()["bounces"] == version


def test_stopped_while_masking_anew_every_bounce_has_a_verdict_and_the_next_run_finishes(
    workspace: Workspace, later_rules: Path
) -> None:
    judge = Judge.of_rules([later_rules])

    class Stopped(Exception):
        pass

    def settle_then_stop(rows: pa.Table) -> None:
        judged = judge_events(rows.select(["event_time", *READ]), judge)
        workspace.lake.put_templates(judged.templates)
        workspace.lake.put_verdicts(judged.verdicts)
        raise Stopped

    def made(rows: pa.Table) -> pa.Table:
        return judge_events(rows, judge).bounces

    with pytest.raises(Stopped):
        make_anew(workspace.lake, made, settle_then_stop)
    assert len(by_bounce(workspace)) == len(REPLIES)
    assert mask_stored_anew(workspace, judge) == 5
    assert len(by_bounce(workspace)) == len(REPLIES)


def test_a_persons_word_stays_on_bounces_that_become_another_template(
    workspace: Workspace, later_rules: Path
) -> None:
    set_by_hand(workspace, template_of(workspace, "Zq flobbed"), "relay_denied", why="x", by="kim")
    rejudge(workspace, Judge.of_rules([later_rules]), mask_anew=True)
    assert {r for text, r in by_bounce(workspace) if "ZQ123456" in text} == {"relay_denied"}
    last = workspace.ledger.hand_verdicts()[-1]
    assert (last.decided_by, last.reason) == ("kim", "relay_denied")
    assert "which this reply was before" in last.why


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


def verdict_of(workspace: Workspace, words: str) -> tuple[str, str, str]:
    """Reason, hardness and rule that the lake holds for the template of `words`."""
    template_id = template_of(workspace, words)
    (row,) = (
        row
        for row in workspace.lake.read("verdicts").to_pylist()
        if row["template_id"] == template_id
    )
    return row["reason"], row["hardness"], row["rule"]


def template_of(workspace: Workspace, words: str) -> int:
    rows = workspace.lake.read("templates").to_pylist()
    return next(int(row["template_id"]) for row in rows if words in row["sample"])


def test_a_verdict_set_by_hand_wins_over_rules_and_is_on_record(workspace: Workspace) -> None:
    template_id = template_of(workspace, "user unknown")
    set_by_hand(workspace, template_id, "relay_denied", why="their gateway lies", by="kim")
    assert verdict_of(workspace, "user unknown") == ("relay_denied", "block", "set-by-hand")
    rejudge(workspace, workspace.classifier)
    assert verdict_of(workspace, "user unknown") == ("relay_denied", "block", "set-by-hand")
    set_by_hand(workspace, template_id, None, why="they mended it", by="kim")
    assert verdict_of(workspace, "user unknown")[0] == "unknown_user"
    said = [(each.reason, each.why, each.decided_by) for each in workspace.ledger.hand_verdicts()]
    assert said == [
        ("relay_denied", "their gateway lies", "kim"),
        (None, "they mended it", "kim"),
    ]


def test_bounces_that_come_later_obey_the_hand_too(workspace: Workspace) -> None:
    set_by_hand(workspace, template_of(workspace, "user unknown"), "greylisted", why="x", by="kim")
    row = {
        "account": 1, "job": 9, "batch": 9, "subscriber_key": "late", "event_time": FIRST,
        "route": "soap", "reply_text": REPLIES[0],
    }  # fmt: skip
    events = pa.RecordBatch.from_pylist([row], schema=event_schema())
    intake = Intake(workspace, run=workspace.ledger.start_run("test", version="0"))
    intake.take(Page(events, None))
    intake.flush()
    assert verdict_of(workspace, "user unknown")[0] == "greylisted"


def test_what_a_hand_set_is_neither_mined_nor_compared(workspace: Workspace) -> None:
    for words in ("Zq flobbed", "Sorry, zq"):
        set_by_hand(workspace, template_of(workspace, words), "spam_content", why="x", by="kim")
    assert not [each for each in mine(workspace, workspace.classifier) if each.why != "new"]


@pytest.mark.parametrize(
    ("template", "reason", "why", "named"),
    [
        pytest.param("user unknown", "greylistd", "x", "Did you mean greylisted", id="reason"),
        pytest.param("user unknown", "greylisted", " ", "--why", id="no grounds"),
        pytest.param(None, "greylisted", "x", "no template 0000000000000007", id="template"),
    ],
)
def test_a_hand_that_errs_is_told_so(
    workspace: Workspace, template: str | None, reason: str, why: str, named: str
) -> None:
    template_id = template_of(workspace, template) if template else 7
    with pytest.raises(InputInvalid, match=named):
        set_by_hand(workspace, template_id, reason, why=why, by="kim")
    assert not workspace.ledger.hand_verdicts()
