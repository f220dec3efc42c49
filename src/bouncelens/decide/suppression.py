"""Whether an address is mailed no more, and on what grounds.

A block never suppresses, nor a reply that says too little: the costly error is a living address
called dead. The order in which bounces are told makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bouncelens.bounce import Hardness, Life, Suppression
from bouncelens.decide.policy import Action, Policy, PolicyRule, Sign

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from bouncelens.bounce import PastBounce

NOBODY = Life()
SECOND_DAY, SILENCE = "second_day", "silence"  # how a provisional one became final


@dataclass(frozen=True, slots=True)
class Case:
    """What a decision rests on: one bounce that tipped the scale, or a run of them that ends with
    it. `until`: when the address is tried again."""

    source: PastBounce
    basis: str
    bounces: int
    days: int
    first_time: datetime
    last_time: datetime  # of all that count, also after the one that tipped the scale
    until: datetime | None
    sources: str


def decide(
    history: Iterable[PastBounce], policy: Policy, now: datetime, life: Life = NOBODY
) -> Suppression | None:
    """The decision on one address of one account, from all its bounces; None: go on mailing.
    What is later than `now` is not known yet. Raises ValueError for mixed histories."""
    fitting: dict[str, list[PastBounce]] = {}
    for bounce in _distinct(history, now):
        rule = None if bounce.is_false_bounce else policy.rule_for(bounce)
        if rule is not None and not _is_reset(bounce, rule, life, now):
            fitting.setdefault(rule.id, []).append(bounce)
    found = next(_cases(fitting, policy, now), None)
    if found is None:
        return None
    case, rule = found
    source = case.source
    return Suppression(
        account=source.account,
        subscriber_key=source.subscriber_key,
        address=source.address,
        reason=source.reason,
        grounds=grounds(case, rule, policy),
        basis=case.basis,
        job=source.job,
        batch=source.batch,
        event_time=source.event_time,
        rule=source.rule,
        policy=policy.name,
        policy_version=policy.version,
        decided_at=now,
        expires_at=case.until,
        provider=source.provider,
        policy_rule=rule.id,
        sources=case.sources,
    )


def grounds(case: Case, rule: PolicyRule, policy: Policy) -> str:
    """The sentence that logs, pages and tests quote."""
    source = case.source
    if case.basis == Action.AT_ONCE:
        said = f" (said by {source.rule})" if source.rule else ""
        told = (
            f"Hard bounce on {source.event_time:%Y-%m-%d} in job {source.job}: "
            f"{source.reason}{said}."
        )
    elif case.basis == Action.PROVISIONAL:
        told = (
            f"{_many(case)} for {source.reason}: no mail until {case.until:%Y-%m-%d}; final after "
            f"a second one on another day"
            + (f" or {rule.quiet_days} days without a sign of life." if rule.quiet_days else ".")
        )
    elif case.basis == SILENCE:
        told = (
            f"{_many(case)} for {source.reason} and no sign of life in the {rule.quiet_days} days "
            "since."
        )
    else:
        within = f", within {rule.window_days} days" if rule.window_days else ""
        weight = " by weight" if rule.weights else ""
        days = f" on {rule.distinct_days} days" if rule.distinct_days > 1 else ""
        told = (
            f"{_many(case)}, the last for {source.reason}; {rule.bounces}{weight}{days}, "
            f"{rule.min_span_days} or more days apart{within} are enough."
        )
    return f"{told} Policy {policy.name} {policy.version}, rule {rule.id}."


def _many(case: Case) -> str:
    if case.bounces == 1:
        return f"One bounce on {case.first_time:%Y-%m-%d}"
    when = f"on {case.first_time:%Y-%m-%d}"
    if case.first_time.date() != case.source.event_time.date():
        when = f"from {case.first_time:%Y-%m-%d} to {case.source.event_time:%Y-%m-%d}"
    days = "one day" if case.days == 1 else f"{case.days} days"
    return f"{case.bounces} bounces of {days} {when}"


def _cases(
    fitting: dict[str, list[PastBounce]], policy: Policy, now: datetime
) -> Iterator[tuple[Case, PolicyRule]]:
    """What speaks for a suppression, the weightiest first: one that is enough, then what is final
    by its number or by silence, then what is not final yet; among equals by the policy's order."""
    at_once = [
        (bounce, rule)
        for rule in policy.rules
        if rule.action is Action.AT_ONCE
        for bounce in fitting.get(rule.id, ())
        if bounce.hardness is Hardness.HARD and not bounce.is_temporary
    ]
    for bounce, rule in sorted(at_once, key=lambda pair: _order(pair[0])):
        case = _made([bounce], rule, Action.AT_ONCE.value, last=bounce)
        if case.until is None or case.until > now:
            yield case, rule
    runs = [(rule, _recent(fitting.get(rule.id, ()), rule, now)) for rule in policy.rules]
    for rule, recent in runs:
        if recent and rule.action is not Action.AT_ONCE:
            final = _final(recent, rule, now)
            if final is not None and (final.until is None or final.until > now):
                yield final, rule
    for rule, recent in runs:
        if recent and rule.action is Action.PROVISIONAL:
            until = recent[-1].event_time + timedelta(days=rule.grey_days)
            if until > now:
                yield _made(recent, rule, Action.PROVISIONAL.value, until=until), rule


def _recent(bounces: Sequence[PastBounce], rule: PolicyRule, now: datetime) -> Sequence[PastBounce]:
    if rule.window_days is None:
        return bounces
    since = now - timedelta(days=rule.window_days)
    return [bounce for bounce in bounces if bounce.event_time >= since]


def _final(recent: Sequence[PastBounce], rule: PolicyRule, now: datetime) -> Case | None:
    """The shortest run of bounces that is enough, or else their silence since."""
    weight = 0
    days: set[date] = set()
    for end, bounce in enumerate(recent, 1):
        weight += rule.weight(bounce.reason)
        days.add(_day(bounce))
        span = bounce.event_time - recent[0].event_time
        if (
            weight >= rule.bounces
            and len(days) >= rule.distinct_days
            and span >= timedelta(days=rule.min_span_days)
        ):
            basis = SECOND_DAY if rule.action is Action.PROVISIONAL else rule.action.value
            return _made(recent[:end], rule, basis, last=recent[-1])
    if rule.quiet_days is not None:
        ends = recent[-1].event_time + timedelta(days=rule.quiet_days)
        if ends <= now:
            return _made(recent, rule, SILENCE, last=recent[-1])
    return None


def _made(
    run: Sequence[PastBounce],
    rule: PolicyRule,
    basis: str,
    *,
    last: PastBounce | None = None,
    until: datetime | None = None,
) -> Case:
    # Counted from the refusal, not from today: the same history gives the same date every day.
    if until is None and last is not None and rule.expires_days is not None:
        until = last.event_time + timedelta(days=rule.expires_days)
    return Case(
        source=run[-1],
        basis=basis,
        bounces=len(run),
        days=len({_day(bounce) for bounce in run}),
        first_time=run[0].event_time,
        last_time=(last or run[-1]).event_time,
        until=until,
        sources=" ".join(event_id(b.job, b.batch, b.event_time) for b in run),
    )


def event_id(job: int, batch: int, event_time: datetime) -> str:
    """A bounce of an address as decisions name it: job/batch/seconds since 1970."""
    return f"{job}/{batch}/{int(event_time.astimezone(UTC).timestamp())}"


def _day(bounce: PastBounce) -> date:
    return bounce.send_day or bounce.event_time.date()


def _is_reset(bounce: PastBounce, rule: PolicyRule, life: Life, now: datetime) -> bool:
    """Whether a sign of life came after it."""
    moments = {Sign.DELIVERY: life.delivery, Sign.OPEN: life.open, Sign.CLICK: life.click}
    return any(
        moment is not None and bounce.event_time <= moment <= now
        for sign, moment in moments.items()
        if sign in rule.reset_by
    )


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
