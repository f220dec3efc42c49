"""A simulation as people read it: tables with what each number means, and what it cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bouncelens.decide.simulation import SETTLE_DAYS
from bouncelens.service.report import Answer, Column

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from bouncelens.decide.simulation import Assumptions
    from bouncelens.service.suppress.simulate import Outcome, Simulation

IN_FACT = "SFMC in fact"
DECIDED, HELD = "decided_on", "held_in_fact"  # columns beside those that policies name

_POLICIES = (
    Column("policy", "", "its name"),
    Column("at_end", "addresses", "on its list at the end; of Marketing Cloud: held"),
    Column("ever", "addresses", "on its list at any of the decisions"),
    Column("saved", "messages", "sent while on the list and returned, to people without a sign of "
           "life since: at least so many would have been saved"),
    Column("saved_hard", "messages", "of them, returned with a hard reply", is_detail=True),
    Column("wrong", "addresses", "on the list, and alive afterwards"),
    Column("wrong_share", "share", "wrong / ever"),
    Column("moved", "addresses", "of the wrong ones, whose address is another now", is_detail=True),
    Column("harm_days", "days", "days without mail for those, at least: on the list until the last "
           "sign of life"),
    Column("harm_most", "days", "at most: until the policy's own date or the end, since who is not "
           "mailed cannot be delivered to"),
    Column("saved_money", "money", "what the saved messages cost, as assumed"),
    Column("lost_money", "money", "what the days of harm are worth, as assumed, at least"),
    Column("lost_most", "money", "the same at most"),
)  # fmt: skip
_HELD = (
    "Held: who is held now, from the day on which that began; who was held before and is active "
    "again is not known."
)


def answers(simulation: Simulation) -> tuple[Answer, ...]:
    """The tables: policies side by side, the list over time, what proves the wrong ones alive,
    and whom the list holds at the end."""
    return (_side_by_side(simulation), _over_time(simulation), _signs(simulation),
            _reasons(simulation))  # fmt: skip


def limits(simulation: Simulation) -> tuple[str, ...]:
    """What is assumed, and what cannot be known, in sentences."""
    return tuple(_limits(simulation))


def _side_by_side(simulation: Simulation) -> Answer:
    has_moved = any(outcome.moved for outcome in simulation.outcomes)
    has_money = simulation.assumptions.is_any
    columns = tuple(
        column
        for column in _POLICIES
        if (has_moved or column.name != "moved") and (has_money or column.unit != "money")
    )
    rows = [
        tuple(_cells(outcome, simulation.assumptions)[column.name] for column in columns)
        for outcome in simulation.outcomes
    ]
    if simulation.held:
        rows.append((IN_FACT, simulation.held[-1], *(None for _ in columns[2:])))
    return _answer(
        simulation,
        ("simulated_policies", "Policies side by side", "What would each policy have done?"),
        columns,
        rows,
        denominator="addresses ever on the list",
        notes=limits(simulation),
    )


def _cells(outcome: Outcome, money: Assumptions) -> dict[str, Any]:
    return {
        "policy": outcome.name,
        "at_end": outcome.sizes[-1] if outcome.sizes else 0,
        "ever": outcome.ever,
        "saved": outcome.saved,
        "saved_hard": outcome.saved_hard,
        "wrong": outcome.wrong,
        "wrong_share": outcome.wrong / outcome.ever if outcome.ever else None,
        "moved": outcome.moved,
        "harm_days": outcome.harm_days,
        "harm_most": outcome.harm_days_most,
        "saved_money": money.saved(outcome.saved),
        "lost_money": money.lost(outcome.harm_days),
        "lost_most": money.lost(outcome.harm_days_most),
    }


def _over_time(simulation: Simulation) -> Answer:
    outcomes, held = simulation.outcomes, simulation.held
    columns = (
        Column(DECIDED, "", "the day that the decision was for: it knows what was before, UTC"),
        *(Column(o.name, "addresses", f"on the list of {o.name}") for o in outcomes),
        *((Column(HELD, "addresses", "held by Marketing Cloud since then"),) if held else ()),
    )
    rows = [
        (
            step.start.date(),
            *(outcome.sizes[place] for outcome in outcomes),
            *((held[place],) if held else ()),
        )
        for place, step in enumerate(simulation.steps)
    ]
    undated = simulation.held_undated
    notes = (_HELD,) if held else ()
    if undated:
        notes = (*notes, f"{undated:,} are held since nobody knows when, and left out.")
    return _answer(
        simulation,
        ("simulated_list", "The list over time", "How many addresses would have been on it?"),
        columns,
        rows,
        notes=notes,
    )


def _signs(simulation: Simulation) -> Answer:
    columns = (
        Column("policy", "", "its name"),
        Column("sign", "", "the surest sign of life after a decision: click, open, delivery, or "
               "receipt: Marketing Cloud found the bounce to be false"),
        Column("addresses", "addresses", "wrongly on the list, each by its surest sign"),
        Column("share", "share", "of all wrong ones of the policy"),
    )  # fmt: skip
    rows = [
        (outcome.name, sign, count, count / outcome.wrong)
        for outcome in simulation.outcomes
        for sign, count in outcome.signs.items()
    ]
    return _answer(
        simulation,
        ("simulated_signs", "Wrongly on the list", "What proves that they live?"),
        columns,
        rows,
        denominator="addresses wrongly on the list",
        notes=("An open may be a machine's, and an old message read again.",),
    )


def _reasons(simulation: Simulation) -> Answer:
    columns = (
        Column("policy", "", "its name"),
        Column("reason", "", "what the reply that tipped the scale means"),
        Column("addresses", "addresses", "on the list at the end"),
    )
    rows = [
        (outcome.name, reason, count)
        for outcome in simulation.outcomes
        for reason, count in outcome.reasons.items()
    ]
    title = "Who is on the list at the end"
    return _answer(
        simulation, ("simulated_reasons", title, "For which reasons?"), columns, rows, notes=()
    )


def _answer(
    simulation: Simulation,
    named: tuple[str, str, str],
    columns: tuple[Column, ...],
    rows: list[tuple[Any, ...]],
    **more: Any,
) -> Answer:
    question, title, asks = named
    only = () if simulation.account is None else (f"Only account = {simulation.account}.",)
    first = simulation.steps[0].start if simulation.steps else None
    last: datetime | None = simulation.steps[-1].end if simulation.steps else None
    return Answer(
        question=question,
        title=title,
        asks=asks,
        denominator=more.get("denominator", "none: addresses"),
        columns=columns,
        rows=tuple(rows),
        since=first,
        until=last,
        time_zone="UTC",
        notes=(*more["notes"], *only),
    )


def _limits(simulation: Simulation) -> Iterator[str]:
    if not simulation.steps:
        yield "The lake has no bounces: there is nothing to try a policy on."
        return
    apart = simulation.steps[0].days
    yield (
        f"{len(simulation.steps)} decisions, {apart} {'day' if apart == 1 else 'days'} apart; each "
        "sees only what was known on its day, and holds until the next. That a message did not "
        f"come back, or bounced by mistake, is taken for known after {SETTLE_DAYS} days."
    )
    yield (
        "History is as it happened: mail that a policy would have kept back was sent, and what "
        "came of it counts in later decisions. Replies are judged by today's rules; incidents hold "
        "nothing here."
    )
    yield from _people(simulation)
    yield (
        "Saved counts messages that came back only: what was sent otherwise is not known person by "
        "person. What begins and ends between two decisions is not seen: more decisions (--dates) "
        "find more of everything."
    )
    yield from _money(simulation)
    for outcome in simulation.outcomes:
        if outcome.is_model:
            yield f"{outcome.name} is a model of what Marketing Cloud does by itself."


def _people(simulation: Simulation) -> Iterator[str]:
    if not simulation.people:
        yield (
            "The lake knows no statuses and no signs of life: nobody can be seen to be wrongly on "
            "a list, and nothing resets a count. The query route brings them."
        )
        return
    yield (
        f"Signs of life are the last click, open and delivery of the {simulation.people:,} people "
        "that the lake knows; of others none is seen, so wrong is a lower bound. An earlier sign "
        "that a later one hides is not known to past decisions: a policy may look stricter there "
        "than it was."
    )


def _money(simulation: Simulation) -> Iterator[str]:
    money = simulation.assumptions
    if not money.is_any:
        yield (
            "No money is reckoned: set money.per_1000_sends and money.contact_month to what you "
            "assume."
        )
        return
    yield (
        f"Money is an assumption of the settings: {money.per_1000_sends:,.2f} {money.currency} for "
        f"a thousand messages, {money.contact_month:,.2f} {money.currency} a month for a person "
        "who can be reached."
    )
