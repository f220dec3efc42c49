"""Question files document themselves: their heads are read, and a wrong head is named."""

from __future__ import annotations

import re

import pytest

from bouncelens.errors import QuestionInvalid
from bouncelens.store.questions import PARAMETERS, question, questions, read_question, views

COMMON = {"since", "until", "account", "job", "provider", "domain", "reason", "reason_group"}


@pytest.mark.parametrize("name", list(questions()))
def test_every_question_says_what_it_answers_and_takes_the_common_parameters(name: str) -> None:
    asked = questions()[name]
    assert asked.title
    assert asked.asks.endswith("?")
    assert asked.denominator
    assert asked.columns
    assert {parameter.name for parameter in asked.parameters} >= COMMON
    assert "ORDER BY" in asked.sql or name in ("totals", "headline")
    assert "QUALIFY" not in asked.sql


@pytest.mark.parametrize("name", list(questions()))
def test_rates_stand_beside_both_of_their_counts(name: str) -> None:
    columns = {column.name: column.unit for column in questions()[name].columns}
    if "rate" in columns:
        assert columns["rate"] == "share"
        assert {"bounces", "bounced", "uncounted", "sent"} <= set(columns)
    else:
        shares = [
            name for name, unit in columns.items() if unit == "share" and name != "confidence"
        ]
        assert bool(shares) != questions()[name].denominator.startswith("none")


def test_views_say_what_they_hold() -> None:
    assert {"sent", "job_facts", "job_triggers", "judged", "policy_rules"} <= set(views())
    assert all(doc and "SELECT" in sql for doc, sql in views().values())


def test_parameters_are_described() -> None:
    assert all(parameter.doc for parameter in PARAMETERS.values())


HEAD = "-- title: T\n-- asks: What?\n-- denominator: none\n-- column a [events]: an a\n"
WRONG = [
    pytest.param("SELECT 1 AS a", "'-- title: …'", id="no head"),
    pytest.param(HEAD + "-- title: U\nSELECT 1 AS a", "one line '-- title", id="two titles"),
    pytest.param(HEAD + "-- for: cats\nSELECT 1 AS a", "for people or machinery", id="for cats"),
    pytest.param(HEAD + "-- colum b: a b\nSELECT 1", "'-- colum b: a b'", id="a misspelt line"),
    pytest.param(HEAD + "SELECT $colour AS a", r"unknown parameter \$colour", id="a parameter"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_wrong_head_is_named(text: str, words: str) -> None:
    with pytest.raises(QuestionInvalid, match=words):
        read_question("mine", text)


def test_questions_of_commands_are_told_from_those_of_people() -> None:
    audiences = {asked.name: asked.audience for asked in questions().values()}
    assert audiences["by_domain"] == audiences["subscriber_timeline"] == "people"
    assert audiences["totals"] == audiences["reconcile_jobs"] == "machinery"
    assert read_question("mine", HEAD + "-- for: machinery\nSELECT 1 AS a").audience == "machinery"


@pytest.mark.parametrize(
    "name", [n for n, asked in questions().items() if asked.audience == "people"]
)
def test_no_question_for_people_needs_rules_that_only_a_command_gives(name: str) -> None:
    """Asked by itself it would say that there is nobody."""
    assert not {"policy_rules", "policy_kinds"} & set(re.findall(r"\w+", questions()[name].sql))


def test_people_are_not_offered_raw_replies_by_domain() -> None:
    assert questions()["incident_domains"].audience == "machinery"


def test_an_unknown_question_gets_the_nearest_name_or_those_for_people() -> None:
    with pytest.raises(QuestionInvalid, match="Did you mean 'by_reason'"):
        question("by_reson")
    with pytest.raises(QuestionInvalid, match="There are bounced_but_engaged") as refused:
        question("colours")
    assert "totals" not in str(refused.value)


def test_a_head_is_read() -> None:
    read = read_question("mine", HEAD + "-- note: N\nSELECT $job AS a")
    assert (read.title, read.asks, read.denominator, read.notes) == ("T", "What?", "none", ("N",))
    assert [(c.name, c.unit, c.doc) for c in read.columns] == [("a", "events", "an a")]
    assert [parameter.name for parameter in read.parameters] == ["job"]
