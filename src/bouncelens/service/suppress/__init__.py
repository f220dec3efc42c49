"""Suppressions: planned, shown, applied, undone."""

from bouncelens.decide.guard import Finding
from bouncelens.service.suppress.apply import Applied, Looked, apply, look, undo, undoable
from bouncelens.service.suppress.export import export
from bouncelens.service.suppress.interrupted import Interrupted, interrupted
from bouncelens.service.suppress.plan import Plan, plan, proposed
from bouncelens.service.suppress.reactivate import TIERS, Reactivation, reactivate

__all__ = [
    "TIERS",
    "Applied",
    "Finding",
    "Interrupted",
    "Looked",
    "Plan",
    "Reactivation",
    "apply",
    "export",
    "interrupted",
    "look",
    "plan",
    "proposed",
    "reactivate",
    "undo",
    "undoable",
]
