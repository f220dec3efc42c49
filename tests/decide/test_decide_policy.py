"""Policies are data: ours hold, and a wrong one is refused with its file and key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bouncelens.decide.policy import Action, load_policy, policy_names, read_policy
from bouncelens.errors import SettingsInvalid

if TYPE_CHECKING:
    from pathlib import Path

REASONS = ("unknown_user", "mailbox_full", "recipient_refused", "poor_reputation")
HEAD = 'name = "mine"\nversion = "2"\n'
RULE = HEAD + '[[rule]]\nid = "r"\n'
AGAIN = RULE + 'reasons = ["mailbox_full"]\naction = "after_recurrence"\n'
COUNTS = "bounces = 3\ndistinct_days = 2\nmin_span_days = 5\nwindow_days = 30\n"


@pytest.mark.parametrize("name", policy_names())
def test_our_policies_are_valid_and_say_why(name: str) -> None:
    policy = load_policy(name, reasons=REASONS)
    assert (policy.name, bool(policy.version), bool(policy.meaning)) == (name, True, True)
    assert all(rule.why for rule in policy.rules)


def test_a_policy_of_ones_own_is_read_from_its_path(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(AGAIN + COUNTS + "expires_days = 10\n")
    rule = load_policy(str(tmp_path / "mine.toml")).rules[0]
    assert (rule.action, rule.bounces, rule.expires_days) == (Action.AFTER_RECURRENCE, 3, 10)


WRONG = [
    pytest.param("x = [", "is not TOML", id="not TOML"),
    pytest.param(HEAD, r"has no \[\[rule\]\]", id="no rule"),
    pytest.param('version = "1"\n[[rule]]', "'name' must be a text", id="no name"),
    pytest.param("name = 3", "'name' must be a text", id="a number for a name"),
    pytest.param(HEAD + "[rule]\nid = 3", "must be a list of tables", id="one table"),
    pytest.param(HEAD + 'colour = "red"\n', "unknown key 'colour'", id="unknown key"),
    pytest.param(HEAD + '[[rule]]\naction = "never"', "lacks its 'id'", id="no id"),
    pytest.param(RULE + 'acton = "never"', "Did you mean 'action'", id="misspelt key"),
    pytest.param(RULE + 'action = "allways"', "'action' cannot be 'allways'", id="unknown action"),
    pytest.param(RULE, "'action' cannot be None", id="no action"),
    pytest.param(
        RULE + 'action = "at_once"\nreasons = ["unknown_usr"]',
        "Did you mean 'unknown_user'",
        id="misspelt reason",
    ),
    pytest.param(RULE + 'action = "at_once"', "which 'reasons' or 'groups'", id="fits all"),
    pytest.param(
        RULE + 'action = "at_once"\ngroups = ["reputation"]',
        "says nothing about the address",
        id="a group of blocks",
    ),
    pytest.param(
        RULE + 'action = "at_once"\ngroups = ["address"]\nhardness = ["block"]',
        "block never suppresses",
        id="blocks",
    ),
    pytest.param(
        RULE + 'action = "at_once"\ngroups = ["address"]\nhardness = ["soft"]',
        "only hard bounces",
        id="soft at once",
    ),
    pytest.param(
        RULE + 'action = "at_once"\ngroups = ["address"]\nbounces = 3',
        "'bounces' means nothing",
        id="a count at once",
    ),
    pytest.param(AGAIN, "'bounces' must be a whole number", id="no counts"),
    pytest.param(AGAIN + COUNTS.replace("= 3\n", "= 0\n"), "at least 1", id="no bounce at all"),
    pytest.param(AGAIN + COUNTS.replace("= 3\n", "= true\n"), "whole number", id="a truth value"),
    pytest.param(
        AGAIN + COUNTS.replace("= 5", "= 50"), "longer than 'window_days'", id="long span"
    ),
    pytest.param(AGAIN + COUNTS.replace("= 2", "= 4"), "more than 'bounces'", id="many days"),
    pytest.param(AGAIN + COUNTS + "expires_days = 0", "'expires_days'", id="expired at once"),
    pytest.param(
        RULE + 'action = "never"\n[[rule]]\nid = "r"\naction = "never"', "two rules", id="twins"
    ),
    pytest.param(RULE + 'action = "never"\ngroups = "address"', "list of texts", id="no list"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_wrong_policy_is_refused_with_file_and_key(text: str, words: str) -> None:
    with pytest.raises(SettingsInvalid, match=words) as caught:
        read_policy(text, "mine.toml", reasons=REASONS)
    assert str(caught.value).startswith("mine.toml")


@pytest.mark.parametrize("name", ["defualt", "../default", "/nowhere/mine.toml"])
def test_an_absent_policy_is_named(name: str) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        load_policy(name)
