"""Suppressions: dead addresses at once, doubtful ones by recurrence, living ones never."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncelens.bounce import Hardness, Life, PastBounce, Suppression
from bouncelens.decide.policy_file import load_policy, read_policy
from bouncelens.decide.suppression import decide
from histories import histories, obvious, policies

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DEFAULT = load_policy("default")
KINDS = {
    "unknown_user": ("address", Hardness.HARD),
    "deferred_user": ("address", Hardness.SOFT),
    "mailbox_full": ("mailbox", Hardness.SOFT),
    "recipient_refused": ("mailbox", Hardness.SOFT),
    "recipient_rate_limited": ("mailbox", Hardness.SOFT),
    "poor_reputation": ("reputation", Hardness.BLOCK),
    "spam_content": ("content", Hardness.BLOCK),
    "auth_failure": ("authentication", Hardness.BLOCK),
    "policy_rejection": ("policy", Hardness.BLOCK),
    "rate_limited": ("throttling", Hardness.SOFT),
    "connection_failed": ("network", Hardness.SOFT),
    "system_unavailable": ("system", Hardness.SOFT),
    "unclassified": ("other", Hardness.UNKNOWN),
    "suppressed": ("other", Hardness.NONE),
}


def past(kind: str, days_ago: float, **changed: object) -> PastBounce:
    group, hardness = KINDS[kind]
    reason = "unknown_user" if kind == "deferred_user" else kind
    when = NOW - timedelta(days=days_ago)
    made = PastBounce(1, int(days_ago * 10), 0, "s1", when, reason, group, hardness, rule="r")
    return replace(made, **changed)  # type: ignore[arg-type]


def full(*days_ago: float) -> list[PastBounce]:
    return [past("mailbox_full", days) for days in days_ago]


CASES = [
    pytest.param([], None, id="nothing happened"),
    pytest.param([past("unknown_user", 3)], "dead-address", id="dead at once"),
    pytest.param([past("unknown_user", 900)], "dead-address", id="dead long ago"),
    pytest.param(
        [past("unknown_user", 3, is_false_bounce=True)], None, id="a false bounce is none"
    ),
    pytest.param([past("unknown_user", 3, is_temporary=True)], None, id="dead, but for now"),
    pytest.param([past("unknown_user", -1)], None, id="not yet known"),
    pytest.param([past("deferred_user", 3)], None, id="one doubt"),
    pytest.param(
        [past("deferred_user", n) for n in (20, 10, 3)], "address-in-doubt", id="doubts recurring"
    ),
    pytest.param(full(40, 20), None, id="full twice"),
    pytest.param(full(40, 30, 20), "full-for-weeks", id="full for weeks"),
    pytest.param(full(3, 2, 1), None, id="full on three days of one week"),
    pytest.param(full(20.3, 20.2, 20.1, 1), None, id="full often, but on two days"),
    pytest.param(full(200, 150, 100), None, id="full long ago"),
    pytest.param(full(100, 40, 20), None, id="one of three too long ago"),
    pytest.param(full(85, 70.5, 70), "full-for-weeks", id="exactly the span"),
    pytest.param(full(84.9, 71, 70), None, id="just short of the span"),
    pytest.param(
        [*full(40, 20), past("recipient_refused", 30)], None, id="different troubles do not add up"
    ),
    pytest.param(
        [past("recipient_refused", n) for n in (160, 60, 2)],
        "refused-by-recipient",
        id="kept out for months",
    ),
    pytest.param(
        [*full(40, 30, 20), past("unknown_user", 1)], "dead-address", id="dead outranks full"
    ),
    *(
        pytest.param([past(kind, n) for n in range(1, 90, 3)], None, id=f"{kind} thirty times")
        for kind in KINDS
        if KINDS[kind][0] not in {"address", "mailbox"} or kind == "recipient_rate_limited"
    ),
]


@pytest.mark.parametrize(("history", "rule"), CASES)
def test_decisions_of_the_default_policy(history: list[PastBounce], rule: str | None) -> None:
    decision = decide(history, DEFAULT, NOW)
    if rule is None:
        assert decision is None
    else:
        assert decision is not None
        assert decision.grounds.endswith(f"Policy default {DEFAULT.version}, rule {rule}.")


def test_the_first_dead_answer_is_the_source_and_the_grounds_quote_it() -> None:
    decision = decide([past("unknown_user", 2), past("unknown_user", 9)], DEFAULT, NOW)
    assert decision is not None
    assert (decision.event_time, decision.job) == (NOW - timedelta(days=9), 90)
    assert decision.grounds == (
        "Hard bounce on 2026-05-23 in job 90: unknown_user (said by r). "
        "Policy default 2, rule dead-address."
    )
    assert (decision.basis, decision.expires_at, decision.state) == ("at_once", None, "planned")


def test_recurrence_names_the_bounce_that_was_one_too_many_and_when_to_try_again() -> None:
    decision = decide(full(60, 50, 40, 30), DEFAULT, NOW)
    assert decision is not None
    assert decision.event_time == NOW - timedelta(days=40)
    assert decision.expires_at == NOW - timedelta(days=30) + timedelta(days=180), "from the last"
    assert decision.grounds == (
        "3 bounces of 3 days from 2026-04-02 to 2026-04-22, the last for mailbox_full; 3 on 3 "
        "days, 15 or more days apart, within 90 days are enough. Policy default 2, rule "
        "full-for-weeks."
    )


def test_a_decision_ends_when_its_time_is_over() -> None:
    text = (
        'name = "p"\nversion = "1"\n[[rule]]\nid = "r"\ngroups = ["address"]\n'
        'action = "at_once"\nexpires_days = 30\n'
    )
    policy = read_policy(text, "p.toml")
    assert decide([past("unknown_user", 29)], policy, NOW) is not None
    assert decide([past("unknown_user", 30)], policy, NOW) is None
    renewed = decide([past("unknown_user", 40), past("unknown_user", 5)], policy, NOW)
    assert renewed is not None
    assert renewed.event_time == NOW - timedelta(days=5)


def test_histories_of_two_addresses_are_a_mistake_of_the_caller() -> None:
    two = [past("unknown_user", 1), past("unknown_user", 2, subscriber_key="s2")]
    with pytest.raises(ValueError, match="one address"):
        decide(two, DEFAULT, NOW)


BOUNCES = st.builds(
    lambda kind, days, temporary, false, job: past(
        kind, days, is_temporary=temporary, is_false_bounce=false, job=job
    ),
    st.sampled_from(list(KINDS)),
    st.integers(0, 240).map(lambda n: n / 2),
    st.booleans(),
    st.booleans(),
    st.integers(1, 3),
)
HISTORIES = st.lists(BOUNCES, max_size=12)
HARMLESS = st.builds(
    lambda bounce, hardness: replace(bounce, hardness=hardness),
    BOUNCES,
    st.sampled_from([Hardness.BLOCK, Hardness.NONE, Hardness.UNKNOWN]),
)
CARELESS = read_policy(
    'name = "careless"\nversion = "1"\n[[rule]]\nid = "all"\naction = "at_once"\n'
    f"reasons = {[*KINDS]!r}".replace("'", '"'),
    "careless.toml",
)
POLICIES = st.sampled_from([DEFAULT, CARELESS])


@given(st.lists(HARMLESS), POLICIES)
def test_blocks_and_unclear_replies_never_suppress_under_any_policy(
    history: list[PastBounce], policy: object
) -> None:
    assert decide(history, policy, NOW) is None  # type: ignore[arg-type]


@given(st.lists(BOUNCES), POLICIES)
def test_what_is_not_about_the_address_never_suppresses_under_any_policy(
    history: list[PastBounce], policy: object
) -> None:
    others = [b for b in history if b.group not in {"address", "mailbox"}]
    assert decide(others, policy, NOW) is None  # type: ignore[arg-type]
    unclassified = [replace(b, reason="unclassified") for b in history]
    assert decide(unclassified, policy, NOW) is None  # type: ignore[arg-type]


@given(HISTORIES, st.lists(HARMLESS, max_size=6), POLICIES, st.randoms())
def test_neither_order_nor_twins_nor_harmless_bounces_change_a_decision(
    history: list[PastBounce], harmless: list[PastBounce], policy: object, chance: object
) -> None:
    elsewhere = [replace(b, job=b.job + 100) for b in harmless]
    mixed = [*history, *history, *elsewhere]
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert decide(mixed, policy, NOW) == decide(history, policy, NOW)  # type: ignore[arg-type]


@given(HISTORIES)
def test_a_decision_rests_on_a_bounce_of_the_history_that_is_about_the_address(
    history: list[PastBounce],
) -> None:
    if decision := decide(history, DEFAULT, NOW):
        about = [
            b
            for b in history
            if (b.event_time, b.job, b.batch, b.reason)
            == (decision.event_time, decision.job, decision.batch, decision.reason)
        ]
        assert any(b.hardness in {Hardness.HARD, Hardness.SOFT} for b in about)
        assert all(b.group in {"address", "mailbox"} for b in about)


GREY = read_policy(
    'name = "grey"\nversion = "1"\n[[rule]]\nid = "g"\ngroups = ["address"]\n'
    'action = "provisional"\ngrey_days = 7\nquiet_days = 30\nexpires_days = 90\n'
    'reset_by = ["delivery", "click"]\n',
    "grey.toml",
)
GREY_CASES = [
    pytest.param([3], Life(), "provisional", 4, id="no mail for a week"),
    pytest.param([8], Life(), None, 0, id="tried again after it"),
    pytest.param([9, 8.9], Life(), None, 0, id="twice on one day is once"),
    pytest.param([20, 2], Life(), "second_day", 88, id="again on another day"),
    pytest.param([31], Life(), "silence", 59, id="a month of silence"),
    pytest.param([121], Life(), None, 0, id="a new try after three months"),
    pytest.param([31], Life(click=NOW - timedelta(days=5)), None, 0, id="a click"),
    pytest.param([31], Life(click=NOW + timedelta(days=5)), "silence", 59, id="not clicked yet"),
    pytest.param([31], Life(open=NOW - timedelta(days=5)), "silence", 59, id="opens do not count"),
    pytest.param([20, 2], Life(NOW - timedelta(days=9)), "provisional", 5, id="once since then"),
]


@pytest.mark.parametrize(("days_ago", "life", "basis", "for_days"), GREY_CASES)
def test_a_grey_list_ends_in_a_decision_or_a_new_try(
    days_ago: list[float], life: Life, basis: str | None, for_days: int
) -> None:
    decision = decide([past("unknown_user", days) for days in days_ago], GREY, NOW, life)
    assert (decision and decision.basis) == basis
    if decision:
        assert decision.expires_at == NOW + timedelta(days=for_days)


def test_sources_name_every_bounce_that_counted() -> None:
    decision = decide(full(60, 50, 40, 30), DEFAULT, NOW)
    assert decision is not None
    moments = [int((NOW - timedelta(days=n)).timestamp()) for n in (60, 50, 40)]
    assert decision.sources == f"600/0/{moments[0]} 500/0/{moments[1]} 400/0/{moments[2]}"


def test_the_evaluator_agrees_with_an_obvious_one_on_ten_thousand_histories() -> None:
    told = histories(10_000, seed=11)
    kinds = Counter[str]()
    for number, policy in enumerate(policies()):
        for history in told[number::10]:
            decision = decide(history.bounces, policy, NOW, history.life)
            assert _essence(decision) == obvious(history, policy), (policy, history)
            kinds[decision.basis if decision else "none"] += 1
    assert len(kinds) == 6, "every way of deciding occurs"


def _essence(found: Suppression | None) -> tuple[object, ...] | None:
    if found is None:
        return None
    return (found.policy_rule, found.basis, found.event_time, found.job, found.expires_at)
