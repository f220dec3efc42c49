"""The question that suppresses millions at once decides as the evaluator does for each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from lake_rows import rows

from bouncelens.bounce import PastBounce, Suppression
from bouncelens.decide.policy import Policy
from bouncelens.decide.setwise import decided, kind_rows, rule_rows
from bouncelens.decide.suppression import decide
from bouncelens.store import tables
from bouncelens.store.duck import DuckEngine
from bouncelens.store.lake import Lake
from histories import NOW, History, histories, person_of, policies

if TYPE_CHECKING:
    from collections.abc import Iterator

TOLD = histories(3_000, seed=23)
Key = tuple[int, str]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckEngine]:
    with Lake.open(str(tmp_path_factory.mktemp("lakes") / "lake")) as lake:
        every = [(bounce, number) for number, bounce in enumerate(_bounces(TOLD))]
        templates: dict[tuple[object, ...], int] = {}
        for bounce, _ in every:
            templates.setdefault(_verdict(bounce), len(templates) + 1)
        lake.add_bounces(rows(tables.BOUNCES, (_row(b, templates[_verdict(b)]) for b, _ in every)))
        lake.put_verdicts(rows(tables.VERDICTS, map(_template, templates.items())))
        # The day of the send is the job's: each day has jobs of its own.
        lake.put_sends(pa.Table.from_pylist(list(_sends(every)), schema=tables.SENDS.schema))
        lake.put_subscribers(rows(tables.SUBSCRIBERS, map(person_of, TOLD)))
        with DuckEngine(lake) as made:
            yield made


def _bounces(told: list[History]) -> Iterator[PastBounce]:
    return (bounce for history in told for bounce in history.bounces)


def _verdict(bounce: PastBounce) -> tuple[object, ...]:
    return (bounce.reason, bounce.group, str(bounce.hardness), bounce.is_temporary, bounce.rule)


def _job(bounce: PastBounce) -> int:
    """The jobs of a day, numbered so that their order stays that of the histories."""
    assert bounce.send_day is not None
    return (NOW.date() - bounce.send_day).days * 10 + bounce.job


def _row(bounce: PastBounce, template_id: int) -> dict[str, object]:
    return {
        "account": bounce.account,
        "job": _job(bounce),
        "batch": 0,
        "subscriber_key": bounce.subscriber_key,
        "event_time": bounce.event_time,
        "routes": "soap",
        "address": bounce.address,
        "provider": None if bounce.provider == "other" else bounce.provider,
        "sfmc_category": bounce.sfmc_category,
        "is_false_bounce": bounce.is_false_bounce or None,
        "template_id": template_id,
    }


def _template(item: tuple[tuple[object, ...], int]) -> dict[str, object]:
    (reason, group, hardness, is_temporary, rule), template_id = item
    return {
        "template_id": template_id,
        "reason": reason,
        "reason_group": group,
        "hardness": hardness,
        "is_temporary": is_temporary,
        "rule": rule,
    }


def _sends(every: list[tuple[PastBounce, int]]) -> Iterator[dict[str, object]]:
    for account, job, day in {(b.account, _job(b), b.send_day) for b, _ in every}:
        yield {"account": account, "job": job, "domain": "a.example", "day": day, "sent": 1}


def _by_question(engine: DuckEngine, policy: Policy) -> dict[Key, Suppression]:
    kinds = kind_rows(policy, engine.ask("suppression_kinds", {}))
    given = {"policy_rules": rule_rows(policy, NOW), "policy_kinds": kinds}
    answer = engine.ask("suppressions", {}, given=given)
    found = [one.suppression for one in decided(answer, policy, NOW, ruleset="")]
    assert answer.num_rows == len({(s.account, s.subscriber_key) for s in found})
    return {(s.account, s.subscriber_key): s for s in found}


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: policy.name)
def test_the_question_and_the_evaluator_agree_on_thirty_thousand_decisions(
    engine: DuckEngine, policy: Policy
) -> None:
    found = _by_question(engine, policy)
    expected = {}
    for history in TOLD:
        bounces = [
            PastBounce(**{name: getattr(b, name) for name in b.__slots__} | {"job": _job(b)})
            for b in history.bounces
        ]
        if decision := decide(bounces, policy, NOW, history.life):
            expected[decision.account, decision.subscriber_key] = decision
    assert found.keys() == expected.keys()
    assert found == expected, "grounds, sources and dates included"


def test_without_a_policy_nobody_is_suppressed(engine: DuckEngine) -> None:
    policy = policies()[0]
    assert _by_question(engine, policy)
    assert engine.ask("suppressions", {}).num_rows == 0, "what was given is gone again"


def test_a_question_of_yesterday_knows_nothing_of_today(engine: DuckEngine) -> None:
    policy, then = policies()[0], NOW - timedelta(days=30)
    kinds = kind_rows(policy, engine.ask("suppression_kinds", {}))
    given = {"policy_rules": rule_rows(policy, then), "policy_kinds": kinds}
    answer = engine.ask("suppressions", {}, given=given)
    assert answer.num_rows
    assert max(answer["event_time"].to_pylist()) <= then
