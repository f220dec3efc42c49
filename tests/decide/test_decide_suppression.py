"""Suppressions: dead addresses at once, doubtful ones by recurrence, living ones never."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncelens.bounce import Hardness, PastBounce
from bouncelens.decide.policy import load_policy, read_policy
from bouncelens.decide.suppression import decide

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
        "Policy default 1, rule dead-address."
    )
    assert (decision.basis, decision.expires_at, decision.state) == ("at_once", None, "planned")


def test_recurrence_names_the_bounce_that_was_one_too_many_and_when_to_try_again() -> None:
    decision = decide(full(60, 50, 40, 30), DEFAULT, NOW)
    assert decision is not None
    assert decision.event_time == NOW - timedelta(days=40)
    assert decision.expires_at == decision.event_time + timedelta(days=180)
    assert decision.grounds == (
        "3 bounces on 3 days from 2026-04-02 to 2026-04-22: mailbox_full; 3 on 3 days, 15 or more "
        "days apart, within 90 days are enough. Policy default 1, rule full-for-weeks."
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


@given(HISTORIES)
def test_the_evaluator_agrees_with_an_obvious_one(history: list[PastBounce]) -> None:
    assert (decide(history, DEFAULT, NOW) is not None) == _obviously_suppressed(history)


def _obviously_suppressed(history: list[PastBounce]) -> bool:
    """The default policy, spelt out: slow, and without a single shared line."""
    by_event: dict[tuple[datetime, int], list[PastBounce]] = {}
    for bounce in history:
        by_event.setdefault((bounce.event_time, bounce.job), []).append(bounce)
    told = []
    for twins in by_event.values():
        # of twins that disagree a false one wins, then the first by name
        false = [b for b in twins if b.is_false_bounce]
        told.append(
            min(false or twins, key=lambda b: (b.reason, b.hardness, b.rule, not b.is_temporary))
        )
    real = [b for b in told if not b.is_false_bounce]
    if any(b.hardness == "hard" and b.group == "address" and not b.is_temporary for b in real):
        return True
    limits = {
        "deferred": (7, 60, 180),
        "mailbox_full": (15, 90, 180),
        "recipient_refused": (15, 180, 365),
    }
    for kind, (span, window, lasts) in limits.items():
        times = sorted(
            b.event_time
            for b in real
            if (
                b.group == "address" and b.hardness == "soft"
                if kind == "deferred"
                else b.reason == kind
            )
            and (NOW - b.event_time).days <= window
            and NOW - b.event_time <= timedelta(days=window)
        )
        for end in range(3, len(times) + 1):
            some = times[:end]
            if len({t.date() for t in some}) >= 3 and some[-1] - some[0] >= timedelta(days=span):
                if NOW - some[-1] < timedelta(days=lasts):
                    return True
                break
    return False
