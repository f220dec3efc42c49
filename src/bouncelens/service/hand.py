"""Verdicts set by hand: a person's word on a template wins over every rule, and is on record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bouncelens.bounce import HandVerdict
from bouncelens.errors import InputInvalid

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.service.judge import Judge
    from bouncelens.service.workspace import Workspace

_MASK = 0xFFFF_FFFF_FFFF_FFFF
RULE = "set-by-hand"  # what a verdict names as its rule


def set_by_hand(
    workspace: Workspace, template_id: int, reason: str | None, *, why: str, by: str
) -> HandVerdict:
    """Say what a stored template means, for all its bounces at once; None takes it back.

    Raises InputInvalid for an unknown reason or template, or without a `why`.
    """
    judge = workspace.classifier
    if reason is not None:
        check_reason(judge, reason)
    if not why.strip():
        raise InputInvalid("A verdict set by hand needs grounds.", advice="Say them with --why.")
    if template_id not in workspace.lake.read("templates")["template_id"].to_pylist():
        raise no_such_template(template_id)
    said = HandVerdict(template_id, reason, why.strip(), by, datetime.now(UTC))
    workspace.ledger.add_hand_verdict(said)
    from bouncelens.service.rejudge import rejudge

    rejudge(workspace, judge)
    return said


def in_force(workspace: Workspace) -> dict[int, HandVerdict]:
    """What people's word decides now, by template."""
    newest = {said.template_id: said for said in workspace.ledger.hand_verdicts()}
    return {key: said for key, said in newest.items() if said.reason is not None}


def carry_over(workspace: Workspace, moves: pa.Table) -> None:
    """Keep people's word on bounces that become another template. `moves`: template_id and
    new_template_id. A word on the new template itself stands before it."""
    said = in_force(workspace)
    spoken_of = {each.template_id for each in workspace.ledger.hand_verdicts()}
    pairs = moves.group_by(["template_id", "new_template_id"]).aggregate([])
    for old, new in zip(*(column.to_pylist() for column in pairs.columns), strict=True):
        if (hand := said.get(old)) and new not in spoken_of:
            why = f"{hand.why} (said of template {old & _MASK:016x}, which this reply was before)"
            workspace.ledger.add_hand_verdict(replace(hand, template_id=new, why=why))
            spoken_of.add(new)


def with_hands(verdicts: pa.Table, workspace: Workspace) -> pa.Table:
    """The verdicts of a page (as the lake stores them), people's word put over the rules'."""
    said = in_force(workspace)
    if not said:
        return verdicts
    reasons = workspace.classifier.ruleset.reasons
    rows = verdicts.to_pylist()
    for row in rows:
        if hand := said.get(row["template_id"]):
            reason = reasons[hand.reason or row["reason"]]
            row |= {
                "reason": reason.name,
                "reason_group": reason.group,
                "hardness": reason.hardness.value,
                "actor": reason.actor,
                "rule": RULE,
                "confidence": 1.0,
            }
    return verdicts.from_pylist(rows, schema=verdicts.schema)


def check_reason(judge: Judge, reason: str) -> None:
    """Raises InputInvalid, naming the nearest, for a reason that does not exist."""
    if reason not in judge.ruleset.reasons:
        import difflib

        near = difflib.get_close_matches(reason, judge.ruleset.reasons, 1)
        advice = f"Did you mean {near[0]}?" if near else "docs/reasons lists them all."
        raise InputInvalid(f"There is no reason {reason!r}.", advice=advice)


def no_such_template(template_id: int) -> InputInvalid:
    """What to say of an id that the lake does not have."""
    return InputInvalid(
        f"The lake has no template {template_id & _MASK:016x}.",
        advice="`bouncelens rules mine` lists templates with their ids.",
    )
