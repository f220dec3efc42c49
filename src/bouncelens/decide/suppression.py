"""Whether an address is mailed no more, and on what grounds.

A block never suppresses, nor a reply that says too little: the costly error is a living address
called dead. The order in which bounces are told makes no difference.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bouncelens.bounce import Hardness, Suppression
from bouncelens.decide.policy import (
    SUPPRESSIBLE_GROUPS,
    SUPPRESSIBLE_HARDNESS,
    Action,
    Policy,
    PolicyRule,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from bouncelens.bounce import PastBounce


def decide(history: Iterable[PastBounce], policy: Policy, now: datetime) -> Suppression | None:
    """The decision on one address of one account, from all its bounces; None: go on mailing.
    Bounces later than `now` are not known yet. Raises ValueError for mixed histories."""
    counted = [
        (bounce, policy.rule_for(bounce))
        for bounce in _distinct(history, now)
        if _speaks_of_address(bounce)
    ]
    for bounce, rule in counted:
        if rule and rule.action is Action.AT_ONCE and _is_final(bounce):
            decision = _suppression(bounce, rule, policy, now, grounds=_once(bounce))
            if _still_holds(decision):
                return decision
    for rule in policy.rules:
        if rule.action is Action.AFTER_RECURRENCE:
            fitting = [bounce for bounce, its_rule in counted if its_rule is rule]
            if run := _recurrence(fitting, rule, now):
                decision = _suppression(run[-1], rule, policy, now, grounds=_again(run, rule))
                if _still_holds(decision):
                    return decision
    return None


def _still_holds(decision: Suppression) -> bool:
    return decision.expires_at is None or decision.expires_at > decision.decided_at


def _speaks_of_address(bounce: PastBounce) -> bool:
    """What no policy can change."""
    return (
        bounce.hardness in SUPPRESSIBLE_HARDNESS
        and bounce.group in SUPPRESSIBLE_GROUPS
        and bounce.reason != "unclassified"
        and not bounce.is_false_bounce
    )


def _is_final(bounce: PastBounce) -> bool:
    return bounce.hardness is Hardness.HARD and not bounce.is_temporary


def _distinct(history: Iterable[PastBounce], now: datetime) -> list[PastBounce]:
    """In the order of events, each once; a false bounce stays one whoever else tells it."""
    told = sorted((bounce for bounce in history if bounce.event_time <= now), key=_order)
    if len({(bounce.account, bounce.subscriber_key) for bounce in told}) > 1:
        raise ValueError("a history speaks of one address of one account")
    once: dict[tuple[datetime, int, int], PastBounce] = {}
    for bounce in told:
        once.setdefault((bounce.event_time, bounce.job, bounce.batch), bounce)
    return list(once.values())


def _order(bounce: PastBounce) -> tuple[datetime, int, int, bool, str, str, str, bool, str]:
    """A total order, so that twins are chosen between by content, never by arrival."""
    return (
        bounce.event_time,
        bounce.job,
        bounce.batch,
        not bounce.is_false_bounce,
        bounce.reason,
        bounce.hardness,
        bounce.rule or "",
        not bounce.is_temporary,
        bounce.address or "",
    )


def _recurrence(
    fitting: Sequence[PastBounce], rule: PolicyRule, now: datetime
) -> Sequence[PastBounce]:
    """The shortest run of bounces within the window that meets the rule; empty if none does."""
    since = now - timedelta(days=rule.window_days)
    recent = [bounce for bounce in fitting if bounce.event_time >= since]
    for end in range(rule.bounces, len(recent) + 1):
        run = recent[:end]
        days = {bounce.event_time.date() for bounce in run}
        span = run[-1].event_time - run[0].event_time
        if len(days) >= rule.distinct_days and span >= timedelta(days=rule.min_span_days):
            return run
    return ()


def _suppression(
    source: PastBounce, rule: PolicyRule, policy: Policy, now: datetime, *, grounds: str
) -> Suppression:
    # Counted from the refusal, not from today: the same history gives the same date every day.
    lasts = rule.expires_days
    expires = None if lasts is None else source.event_time + timedelta(days=lasts)
    return Suppression(
        account=source.account,
        subscriber_key=source.subscriber_key,
        address=source.address,
        reason=source.reason,
        grounds=f"{grounds} Policy {policy.name} {policy.version}, rule {rule.id}.",
        basis=rule.action.value,
        job=source.job,
        batch=source.batch,
        event_time=source.event_time,
        rule=source.rule,
        policy=policy.name,
        policy_version=policy.version,
        decided_at=now,
        expires_at=expires,
    )


def _once(bounce: PastBounce) -> str:
    return (
        f"Hard bounce on {bounce.event_time:%Y-%m-%d} in job {bounce.job}: {bounce.reason}"
        f"{f' (said by {bounce.rule})' if bounce.rule else ''}."
    )


def _again(run: Sequence[PastBounce], rule: PolicyRule) -> str:
    reasons = ", ".join(sorted({bounce.reason for bounce in run}))
    days = len({bounce.event_time.date() for bounce in run})
    return (
        f"{len(run)} bounces on {days} days from {run[0].event_time:%Y-%m-%d} to "
        f"{run[-1].event_time:%Y-%m-%d}: {reasons}; {rule.bounces} on {rule.distinct_days} days, "
        f"{rule.min_span_days} or more days apart, within {rule.window_days} days are enough."
    )
