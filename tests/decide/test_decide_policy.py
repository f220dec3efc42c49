"""Policies are data: ours hold, and a wrong one is refused with its file and key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bouncelens.decide.policy import Action, Sign
from bouncelens.decide.policy_file import load_policy, policy_names, read_policy
from bouncelens.errors import SettingsInvalid

if TYPE_CHECKING:
    from pathlib import Path

REASONS = (
    *("unknown_user", "mailbox_full", "recipient_refused", "poor_reputation"),
    *("unknown_domain", "bad_address"),
)
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


GREY = RULE + 'groups = ["address"]\naction = "provisional"\n'
OVERRIDE = AGAIN + COUNTS + '[[override]]\nrule = "r"\n'


def test_an_override_is_the_same_rule_for_fewer_bounces() -> None:
    text = (
        OVERRIDE + 'accounts = [7]\nbounces = 9\n[[override]]\nrule = "r"\nproviders = ["google"]\n'
    )
    rules = read_policy(text + 'action = "never"\n', "mine.toml").rules
    assert [rule.id for rule in rules] == ["r, override 1", "r, override 2", "r"]
    assert [(r.action, r.bounces, r.reasons) for r in rules] == [
        (Action.AFTER_RECURRENCE, 9, frozenset({"mailbox_full"})),
        (Action.NEVER, 0, frozenset({"mailbox_full"})),
        (Action.AFTER_RECURRENCE, 3, frozenset({"mailbox_full"})),
    ]
    assert (rules[0].accounts, rules[1].providers) == (frozenset({7}), frozenset({"google"}))


def test_a_grey_rule_is_final_after_two_bounces_on_two_days() -> None:
    rule = read_policy(GREY + 'grey_days = 5\nreset_by = ["open"]\n', "mine.toml").rules[0]
    assert (rule.bounces, rule.distinct_days, rule.reset_by) == (2, 2, frozenset({Sign.OPEN}))


WRONG = [
    pytest.param(OVERRIDE + "bounces = 2\n", "'accounts' or 'providers'", id="override of all"),
    pytest.param(
        OVERRIDE.replace('rule = "r"', 'rule = "s"') + "accounts = [1]",
        "'s', which is not there",
        id="override of nothing",
    ),
    pytest.param(GREY, "'grey_days' must be a whole number", id="grey for no time"),
    pytest.param(GREY + "grey_days = 5\nquiet_days = 3", "shorter than 'grey_days'", id="quiet"),
    pytest.param(GREY + "grey_days = 5\nbounces = 3", "'bounces' means nothing", id="grey count"),
    pytest.param(GREY + 'grey_days = 5\nreset_by = ["clik"]', "Did you mean 'click'", id="sign"),
    pytest.param(
        AGAIN + COUNTS + "[rule.weights]\nmailbox_ful = 2",
        "Did you mean 'mailbox_full'",
        id="weigh",
    ),
    pytest.param(
        AGAIN + COUNTS + "[rule.weights]\nmailbox_full = 0", "whole numbers from 1", id="no weight"
    ),
    pytest.param(
        AGAIN + COUNTS + 'sfmc_categories = ["hard"]', "is_model = true", id="SFMC's categories"
    ),
    pytest.param(AGAIN + COUNTS + 'accounts = ["7"]', "list of MIDs", id="accounts as texts"),
    pytest.param('is_model = "yes"\n' + HEAD, "true or false", id="half a model"),
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
