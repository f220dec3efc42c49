"""Histories and policies from a seed, and a model of suppression that is slow and obvious."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bouncelens.bounce import Hardness, Life, PastBounce
from bouncelens.decide.policy import Action, Policy, PolicyRule, Sign
from bouncelens.decide.policy_file import load_policy

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KINDS = (
    ("unknown_user", "address", "hard", "Hard bounce"),
    ("unknown_user", "address", "soft", "Soft bounce"),
    ("inactive_mailbox", "address", "hard", "Soft bounce"),
    ("unknown_domain", "address", "hard", "Hard bounce"),
    ("mailbox_full", "mailbox", "soft", "Soft bounce"),
    ("recipient_refused", "mailbox", "soft", "Block bounce"),
    ("poor_reputation", "reputation", "block", "Block bounce"),
    ("rate_limited", "throttling", "soft", "Technical/Other bounce"),
    ("unclassified", "other", "unknown", "Unknown bounce"),
)
PROVIDERS = ("google", "yahoo", "other")


@dataclass(frozen=True)
class History:
    """One address."""

    bounces: tuple[PastBounce, ...]
    life: Life


def person_of(history: History) -> dict[str, object]:
    """The row of the table `subscribers` that tells of somebody's signs of life."""
    first = history.bounces[0]
    return {
        "account": first.account,
        "subscriber_key": first.subscriber_key,
        "status": "active",
        "last_delivery": history.life.delivery,
        "last_open": history.life.open,
        "last_click": history.life.click,
    }


def histories(count: int, seed: int) -> list[History]:
    """So many, each of another subscriber; every time again the same."""
    chance = random.Random(seed)
    return [_history(chance, f"s{number}") for number in range(count)]


def _history(chance: random.Random, key: str) -> History:
    account, provider = chance.choice((1, 1, 2)), chance.choice(PROVIDERS)
    liked = chance.sample(KINDS, chance.choice((1, 1, 2, 3)))
    reach = chance.choice((2, 30, 120, 400))
    bounces = {}
    for _ in range(chance.choice((1, 1, 2, 3, 4, 6, 9))):
        reason, group, hardness, category = chance.choice(liked)
        # Whole and half days make equal moments, and edges exactly met, likely.
        days_ago = chance.randrange(-2, reach * 2) / 2
        when = NOW - timedelta(days=days_ago, seconds=chance.choice((0, 0, 0, 1, 40_000)))
        job = chance.randrange(4)
        bounces[when, job] = PastBounce(
            account, job, 0, key, when, reason, group, Hardness(hardness),
            is_temporary=chance.random() < 0.2,
            rule=chance.choice(("r1", None)),
            is_false_bounce=chance.random() < 0.05,
            address=f"{key}@example.com",
            send_day=(when - timedelta(days=chance.choice((0, 0, 1, 3)))).date(),
            provider=provider,
            sfmc_category=category,
        )  # fmt: skip

    def sign() -> datetime | None:
        days = chance.randrange(-2, reach * 2) / 2
        return NOW - timedelta(days=days) if chance.random() < 0.25 else None

    told = list(bounces.values())
    chance.shuffle(told)
    return History(tuple(told), Life(sign(), sign(), sign()))


def policies() -> list[Policy]:
    """Ours, and others that use every key."""
    made = [load_policy(name) for name in ("default", "careful", "strict", "sfmc")]
    return [*made, *(_policy(random.Random(seed)) for seed in range(6))]


def _policy(chance: random.Random) -> Policy:
    rules = []
    for number in range(chance.randrange(1, 5)):
        rule = PolicyRule(
            f"rule{number}",
            chance.choice([*Action, Action.AFTER_RECURRENCE]),
            reasons=frozenset(chance.sample([kind[0] for kind in KINDS], chance.randrange(1, 6))),
            hardness=frozenset(chance.choice(([], [Hardness.HARD], [Hardness.SOFT]))),
            accounts=frozenset(chance.choice(([], [], [1]))),
            providers=frozenset(chance.choice(([], [], ["google", "other"]))),
            bounces=2,
            distinct_days=2,
            min_span_days=chance.choice((0, 0, 1, 7)),
            window_days=chance.choice((None, 7, 30, 200)),
            reset_by=frozenset(chance.sample(list(Sign), chance.randrange(0, 4))),
            grey_days=chance.choice((1, 7, 30)),
            expires_days=chance.choice((None, 5, 60)),
        )
        if rule.action is Action.PROVISIONAL:
            rule = replace(rule, quiet_days=chance.choice((None, rule.grey_days, 60)))
        if rule.action is Action.AFTER_RECURRENCE:
            bounces = chance.randrange(1, 5)
            weights = chance.choice(({}, {"unknown_user": 2, "mailbox_full": 3}))
            days = chance.randrange(1, bounces + 1)
            rule = replace(rule, bounces=bounces, distinct_days=days, weights=weights)
        rules.append(rule)
    return Policy("generated", "1", tuple(rules))


def obvious(history: History, policy: Policy) -> tuple[object, ...] | None:
    """What is decided: rule, basis, source, until when. Slow, and without a shared line."""
    counted: dict[str, list[PastBounce]] = {rule.id: [] for rule in policy.rules}
    for bounce in sorted(history.bounces, key=lambda b: (b.event_time, b.job)):
        if bounce.event_time > NOW or bounce.is_false_bounce:
            continue
        is_address = (
            bounce.hardness in ("hard", "soft")
            and bounce.group in ("address", "mailbox")
            and bounce.reason != "unclassified"
        )
        if not is_address and policy.name != "sfmc":
            continue
        for rule in policy.rules:
            if _fits(rule, bounce):
                if rule.action != "never" and not _lived_after(bounce, rule, history.life):
                    counted[rule.id].append(bounce)
                break
    found = []
    for place, rule in enumerate(policy.rules):
        for case in _cases(counted[rule.id], rule):
            basis, source, until = case
            if until is None or until > NOW:
                rank = {"at_once": 0, "provisional": 2}.get(basis, 1)
                first = (source.event_time, source.job) if rank == 0 else ()
                found.append((rank, first, place, rule.id, basis, source, until))
    if not found:
        return None
    best = min(found, key=lambda f: f[:3])
    return (best[3], best[4], best[5].event_time, best[5].job, best[6])


def _fits(rule: PolicyRule, bounce: PastBounce) -> bool:
    word = bounce.sfmc_category.split()[0].split("/")[0].lower()
    pairs = (
        (rule.reasons, bounce.reason), (rule.groups, bounce.group),
        (rule.hardness, bounce.hardness), (rule.accounts, bounce.account),
        (rule.providers, bounce.provider), (rule.sfmc_categories, word),
    )  # fmt: skip
    return all(not wanted or value in wanted for wanted, value in pairs)


def _lived_after(bounce: PastBounce, rule: PolicyRule, life: Life) -> bool:
    signs = [getattr(life, sign.value) for sign in rule.reset_by]
    return any(sign and bounce.event_time <= sign <= NOW for sign in signs)


def _cases(bounces: list[PastBounce], rule: PolicyRule):  # type: ignore[no-untyped-def]
    def after(moment: datetime, days: int | None) -> datetime | None:
        return None if days is None else moment + timedelta(days=days)

    if rule.action == "at_once":
        for bounce in bounces:
            if bounce.hardness == "hard" and not bounce.is_temporary:
                yield "at_once", bounce, after(bounce.event_time, rule.expires_days)
        return
    recent = [
        b for b in bounces
        if rule.window_days is None or (NOW - b.event_time) <= timedelta(days=rule.window_days)
    ]  # fmt: skip
    if not recent:
        return
    last = recent[-1].event_time
    enough = None
    for end in range(1, len(recent) + 1):
        run = recent[:end]
        total = sum(rule.weights.get(b.reason, 1) for b in run)
        apart = run[-1].event_time - run[0].event_time
        if (
            enough is None
            and total >= rule.bounces
            and len({b.send_day for b in run}) >= rule.distinct_days
            and apart >= timedelta(days=rule.min_span_days)
        ):
            enough = run[-1]
    if enough is not None:
        basis = "second_day" if rule.action == "provisional" else "after_recurrence"
        yield basis, enough, after(last, rule.expires_days)
    elif rule.quiet_days is not None and last + timedelta(days=rule.quiet_days) <= NOW:
        yield "silence", recent[-1], after(last, rule.expires_days)
    if rule.action == "provisional":
        yield "provisional", recent[-1], last + timedelta(days=rule.grey_days)
