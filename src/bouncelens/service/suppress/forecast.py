"""Forecast: whom Marketing Cloud will hold, by a model of its rule, and whom it holds for a reason
that is over. Reads only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bouncelens.decide.policy_file import load_policy
from bouncelens.decide.setwise import kind_rows, rule_rows
from bouncelens.errors import InputInvalid
from bouncelens.service.report import Answer, narrowed, unanswered
from bouncelens.service.stream import EVERY_ROW
from bouncelens.service.suppress.decisions import incident_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from bouncelens.service.workspace import Workspace

MODEL = "sfmc"
WHYS: Mapping[str, str] = {
    "alive": "a click, delivery or open after the last bounce",
    "incident": "called dead only while the provider was wrong",
    "blocks": "only the sender, the message or the way was refused",
    "soft": "the mailbox was full or closed to us, but not dead",
}


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is asked. `every`: days between two messages to a person; None: as it was. `model`: a
    policy with is_model, by name or path."""

    days: int = 30
    every: int | None = None
    model: str = MODEL
    account: int | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Who will be held, and who is held without need. Counts are addresses."""

    now: datetime  # where the data ends, or the present
    days: int
    model: str
    model_version: str
    due: int  # will be held within the days, if mail goes on
    met: int  # of them, who meet the rule already and are not held yet
    living: int  # of them, whose last reply was not hard
    by_week: tuple[tuple[date, int], ...]  # when: the first day of each seven, UTC
    held: int  # now
    over: Mapping[str, int]  # of those held, by why it is over
    gone: int  # of those, who unsubscribed or complained: left alone for ever
    who: Answer  # will be held
    without_need: Answer  # is held


def forecast(workspace: Workspace, ahead: Ahead, *, now: datetime | None = None) -> Forecast:
    """Look ahead. Raises InputInvalid, also for a policy that is no model, SettingsInvalid and
    StoreError."""
    policy = load_policy(ahead.model, reasons=workspace.classifier.ruleset.reasons)
    if not policy.is_model:
        raise InputInvalid(
            f"The policy {policy.name!r} does not say what Marketing Cloud does.",
            advice="Name sfmc, or a copy of it with is_model = true.",
        )
    for name, value in (("days", ahead.days), ("every", ahead.every)):
        if value is not None and not 1 <= value <= 366:
            raise InputInvalid(f"{name} is 1 to 366 days, not {value}.")
    only = {} if ahead.account is None else {"account": ahead.account}
    moment = _present(workspace, only, (now or datetime.now(UTC)).replace(microsecond=0))
    rules = {
        "policy_rules": rule_rows(policy, moment),
        "policy_kinds": kind_rows(policy, workspace.engine.ask("suppression_kinds", only)),
    }
    asked = {"now": moment, "days": ahead.days, "gap_days": ahead.every}
    who = _answer(workspace, "held_forecast", only | asked, rules)
    incidents = tuple(i for i in workspace.ledger.incidents.all() if i.holds)
    believed = {"policy_incidents": incident_rows(incidents)}
    over = _answer(workspace, "held_over", only, believed)
    held = workspace.engine.ask("held_days", only).to_pylist()
    records = list(who.records())
    whys = Counter(row["why"] for row in over.records())
    return Forecast(
        now=moment,
        days=ahead.days,
        model=policy.name,
        model_version=policy.version,
        due=len(records),
        met=sum(row["further"] == 0 for row in records),
        living=sum(row["hardness"] != "hard" for row in records),
        by_week=_by_week([row["due_time"] for row in records], moment),
        held=sum(row["addresses"] for row in held),
        over={why: whys[why] for why in WHYS if whys[why]},
        gone=sum(bool(row["is_gone"]) for row in over.records()),
        who=who,
        without_need=over,
    )


def sentences(found: Forecast) -> tuple[str, ...]:
    """What it comes to, for people."""
    over = sum(found.over.values())
    share = f" ({100 * over / found.held:.1f} %)" if found.held else ""
    due = (
        f"At most {found.due:,} people will be Held within {found.days} days of "
        f"{found.now:%Y-%m-%d} by {found.model} {found.model_version}: if mail goes on, and "
        f"bounces, as it did. {found.met:,} of them meet the rule already; of {found.living:,} the "
        "last reply did not say that they are dead."
    )
    now = (
        f"{over:,} of {found.held:,} people held now{share} are held for a reason that is over or "
        f"never was one; {found.gone:,} of them unsubscribed or complained and stay as they are."
    )
    return due, now


def _present(workspace: Workspace, only: Mapping[str, Any], now: datetime) -> datetime:
    """Where the data ends, if that is in the past: what comes after it is ahead, too."""
    rows = workspace.engine.ask("history_span", only).to_pylist()
    return min(now, rows[0]["last_event"]) if rows else now


def _by_week(moments: Iterable[datetime], now: datetime) -> tuple[tuple[date, int], ...]:
    """How many in each seven days from now on; who is due already counts in the first."""
    weeks = Counter(max(0, (moment - now).days // 7) for moment in moments)
    start = now.astimezone(UTC).date()
    return tuple((start + timedelta(days=7 * week), weeks[week]) for week in sorted(weeks))


def _answer(
    workspace: Workspace,
    question: str,
    asked: Mapping[str, Any],
    given: Mapping[str, pa.Table],
) -> Answer:
    """Every row of an answer that needs tables of its own."""
    filters = narrowed(asked, since=None, until=None)
    about = unanswered(workspace, question, filters)
    rows = workspace.engine.ask(question, filters | {"limit": EVERY_ROW}, given=given)
    columns = [column.to_pylist() for column in rows.columns]
    return replace(about, rows=tuple(zip(*columns, strict=True)))
