"""Suppressions: planned, shown, applied, undone."""

from bouncelens.decide.guard import Finding
from bouncelens.service.suppress.apply import Applied, Looked, apply, look, undo, undoable
from bouncelens.service.suppress.export import export
from bouncelens.service.suppress.plan import Plan, plan, proposed

__all__ = [
    "Applied",
    "Finding",
    "Looked",
    "Plan",
    "apply",
    "export",
    "look",
    "plan",
    "proposed",
    "undo",
    "undoable",
]
