"""The rule files: every example, every counter-example, nothing that never speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bouncelens.classify.ruleset import load_rules
from bouncelens.errors import RuleInvalid
from bouncelens.service.judge import Judge
from bouncelens.service.rules import test_rules as run_rules

if TYPE_CHECKING:
    from pathlib import Path


def test_every_rule_decides_its_examples_and_none_of_its_counter_examples() -> None:
    result = run_rules(Judge.of_rules())
    assert not result.findings, "\n".join(map(str, result.findings))
    assert result.examples >= 2 * result.rules


def test_every_reason_has_an_actor_a_meaning_and_an_action() -> None:
    reasons = load_rules().reasons
    assert len(reasons) == 35
    for reason in reasons.values():
        assert reason.actor
        assert reason.meaning.endswith(".")
        assert reason.action.endswith(".")


BROKEN = [
    pytest.param(
        'id = "a"\nreason = "no_such"\ntext = "x"', "unknown reason 'no_such'", id="reason"
    ),
    pytest.param('id = "a"\nreason = "unknown_user"\ntext = "("', "not a valid RE2", id="syntax"),
    pytest.param(
        'id = "a"\nreason = "unknown_user"\ntext = "x(?=y)"', "not a valid RE2", id="look-ahead"
    ),
    pytest.param('id = "a"\nreason = "unknown_user"\ntext = "User"', "lower-case", id="capital"),
    pytest.param('id = "a"\nreason = "unknown_user"', "needs at least one", id="no condition"),
    pytest.param(
        'id = "a"\nreason = "unknown_user"\ntext = "x"\nhardness = "firm"', "firm", id="hardness"
    ),
    pytest.param('id = "a"\nreason = "unknown_user"\ntext = "x"\nwords = "y"', "words", id="field"),
    pytest.param(
        f'id = "a"\nreason = "unknown_user"\ntext = "{"x" * 2001}"', "longer than", id="long"
    ),
    pytest.param(
        'id = "a"\nreason = "unknown_user"\ntext = "x"\nkeep = ["a.*1"]', "keep", id="keep"
    ),
    pytest.param('id = "a"\nreason = "unknown_user"\ntext = 7', "regular expression", id="type"),
    pytest.param(
        'id = "a"\nreason = "unknown_user"\ntext = "x"\nconfidence = 2', "confidence", id="range"
    ),
]


@pytest.mark.parametrize(("rule", "words"), BROKEN)
def test_a_broken_rule_is_named_with_its_file(rule: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"[[rule]]\n{rule}\n", "utf-8")
    with pytest.raises(RuleInvalid) as caught:
        load_rules([path])
    assert "mine.toml" in str(caught.value)
    assert "'a'" in str(caught.value)
    assert words in str(caught.value)


def test_ids_are_unique_over_all_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    rule = '[[rule]]\nid = "status-mail-flood"\nreason = "unknown_user"\ntext = "x"\n'
    path.write_text(rule, "utf-8")
    with pytest.raises(RuleInvalid, match="already used"):
        load_rules([path])


@pytest.mark.parametrize("content", ["[[rule", "[other]\nx = 1", "[[rule]]\nreason = 'x'"])
def test_a_file_that_holds_no_rules_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(RuleInvalid, match=r"mine\.toml"):
        load_rules([path])
    with pytest.raises(RuleInvalid, match="cannot be read"):
        load_rules([tmp_path / "none.toml"])


def test_a_users_rule_speaks_before_ours(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[rule]]\nid = "mine"\nreason = "policy_rejection"\ntext = "zq77x user unknown"\n', "utf-8"
    )
    judge = Judge.of_rules([path])
    assert judge.judge("550 5.1.1 ZQ77X user unknown").verdict.rule == "mine"
    assert judge.judge("550 5.1.1 ZQ78X user unknown").verdict.rule != "mine"


def test_rules_of_a_user_may_be_neither_huge_nor_costly(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("# " + "x" * 1024 * 1024, "utf-8")
    with pytest.raises(RuleInvalid, match="larger than"):
        load_rules([path])
    costly = (
        "[[rule]]\nid = 'c{n}'\nreason = 'greylisted'\ntext = '(([a-z]{{1,30}}){{1,30}}x){n}'\n"
    )
    path.write_text("".join(costly.format(n=n) for n in range(2, 300)), "utf-8")
    with pytest.raises(RuleInvalid, match="too costly"):
        load_rules([path])
