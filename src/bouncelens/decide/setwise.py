"""The same policy for millions of addresses at once: as rows that the question `suppressions`
joins. Each distinct kind of bounce is given to the policy once; the question does the counting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import Hardness, PastBounce, Suppression
from bouncelens.decide.policy import Action, Policy, PolicyRule, Sign
from bouncelens.decide.suppression import Case, grounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_BATCH = 20_000
KIND = ("account", "provider", "reason", "reason_group", "hardness", "sfmc_category")


def rule_rows(policy: Policy, now: datetime, *, settle_days: int = 0) -> pa.Table:
    """The policy's rules as `policy_rules`: limits as moments, so that SQL only compares.

    `settle_days`: that something did not come back, or bounced by mistake, is known so long after
    it. The lake says it only once it is known; whoever decides for a day gone by has to wait."""
    import pyarrow as pa

    def ago(days: int | None, otherwise: datetime) -> datetime:
        return otherwise if days is None else now - timedelta(days=days)

    moment = pa.timestamp("us", tz="UTC")
    rules = policy.rules
    return pa.table(
        {
            "rule_no": pa.array(range(len(rules)), pa.int64()),
            "action": [str(rule.action) for rule in rules],
            "needed": pa.array([rule.bounces for rule in rules], pa.int64()),
            "distinct_days": pa.array([rule.distinct_days for rule in rules], pa.int64()),
            "min_span_days": pa.array([rule.min_span_days for rule in rules], pa.int64()),
            "by_delivery": [Sign.DELIVERY in rule.reset_by for rule in rules],
            "by_open": [Sign.OPEN in rule.reset_by for rule in rules],
            "by_click": [Sign.CLICK in rule.reset_by for rule in rules],
            "known_until": pa.array([now] * len(rules), moment),
            "settled_until": pa.array([ago(settle_days, now)] * len(rules), moment),
            "recent_since": pa.array([ago(r.window_days, _LONG_AGO) for r in rules], moment),
            "holds_since": pa.array([ago(r.expires_days, _LONG_AGO) for r in rules], moment),
            "quiet_until": pa.array([ago(r.quiet_days, _LONG_AGO) for r in rules], moment),
            "grey_since": pa.array(
                [ago(r.grey_days, _NEVER) if r.grey_days else _NEVER for r in rules], moment
            ),
        }
    )


def kind_rows(policy: Policy, kinds: pa.Table) -> pa.Table:
    """Which rule counts each kind of bounce (columns KIND), and how much, as `policy_kinds`."""
    import pyarrow as pa

    places = {rule.id: place for place, rule in enumerate(policy.rules)}
    chosen, numbers, weights = list[int](), list[int](), list[int]()
    for place, kind in enumerate(zip(*(kinds[name].to_pylist() for name in KIND), strict=True)):
        account, provider, reason, group, hardness, category = kind
        bounce = PastBounce(
            account=account,
            job=0,
            batch=0,
            subscriber_key="",
            event_time=_LONG_AGO,
            reason=reason,
            group=group,
            hardness=Hardness(hardness),
            provider=provider,
            sfmc_category=category,
        )
        if (rule := policy.rule_for(bounce)) is not None:
            chosen.append(place)
            numbers.append(places[rule.id])
            weights.append(rule.weight(reason))
    rows = kinds.select(list(KIND)).take(pa.array(chosen, pa.int64()))
    rows = rows.append_column("rule_no", pa.array(numbers, pa.int64()))
    return rows.append_column("weight", pa.array(weights, pa.int64()))


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision, and what Marketing Cloud says of the person beside it."""

    suppression: Suppression
    status: str | None
    is_gone: bool  # unsubscribed or complained


def decided(
    answer: pa.Table, policy: Policy, now: datetime, *, ruleset: str, state: str = "planned"
) -> Iterator[Decided]:
    """The answer of the question `suppressions` as decisions, each as `decide` makes it."""
    for batch in answer.to_batches(max_chunksize=_BATCH):
        names = batch.schema.names
        for cells in zip(*map(_values, batch.columns), strict=True):
            row = dict(zip(names, cells, strict=True))
            gone = row["unsubscribed_time"] is not None or row["complained_time"] is not None
            made = _suppression(row, policy, now, ruleset=ruleset, state=state)
            yield Decided(made, row["status"], gone or row["status"] == "unsubscribed")


def _suppression(
    row: dict[str, Any], policy: Policy, now: datetime, *, ruleset: str, state: str
) -> Suppression:
    rule = policy.rules[row["rule_no"]]
    case = _case(row, _until(row, rule))
    return Suppression(
        account=row["account"],
        subscriber_key=row["subscriber_key"],
        address=row["address"],
        reason=row["reason"],
        grounds=grounds(case, rule, policy),
        basis=row["basis"],
        job=row["job"],
        batch=row["batch"],
        event_time=row["event_time"],
        rule=row["rule"],
        policy=policy.name,
        policy_version=policy.version,
        decided_at=now,
        expires_at=case.until,
        provider=row["provider"],
        policy_rule=rule.id,
        sources=case.sources,
        ruleset=ruleset,
        state=state,
    )


def _case(row: dict[str, Any], until: datetime | None) -> Case:
    source = PastBounce(
        account=row["account"],
        job=row["job"],
        batch=row["batch"],
        subscriber_key=row["subscriber_key"],
        event_time=row["event_time"],
        reason=row["reason"],
        group="",
        hardness=Hardness.HARD,
        rule=row["rule"],
    )
    return Case(
        source=source,
        basis=row["basis"],
        bounces=row["bounces"],
        days=row["days"],
        first_time=row["first_time"],
        last_time=row["last_time"],
        until=until,
        sources=" ".join(sorted(str(row["sources"]).split(), key=_moment))
        if row["bounces"] > 1
        else str(row["sources"]),
    )


def _values(column: pa.Array[Any]) -> list[Any]:
    """A column's cells. Moments by way of their number, which is many times faster."""
    import pyarrow as pa

    if not pa.types.is_timestamp(column.type):
        return column.to_pylist()
    numbers = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_pylist()
    return [None if n is None else _EPOCH + timedelta(microseconds=n) for n in numbers]


def _until(row: dict[str, Any], rule: PolicyRule) -> datetime | None:
    days = rule.grey_days if row["basis"] == Action.PROVISIONAL else rule.expires_days
    if days is None:
        return None
    last: datetime = row["last_time"]
    return last + timedelta(days=days)


def _moment(event: str) -> tuple[int, int, int]:
    job, batch, seconds = event.split("/")
    return int(seconds), int(job), int(batch)
