"""A run that was begun and has not come to its end: how it goes on, and what takes it back."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bouncelens.service.workspace import Workspace

_FAR = 10_000  # entries of the audit log


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Its number, the run that it undoes, if any, and the plan's file, where that is known."""

    run: int
    undoes: int | None
    file: str

    @property
    def sentence(self) -> str:
        """With the commands, as they are typed."""
        if self.undoes is not None:
            return (
                f"Run {self.run}, which undoes run {self.undoes}, is not finished. It goes on "
                f"with: bouncelens suppress undo {self.undoes}"
            )
        plan = shlex.quote(self.file) if self.file else "ITS_PLAN"
        return (
            f"Run {self.run} is not finished. It goes on with: bouncelens suppress apply {plan} – "
            f"or what it did is taken back with: bouncelens suppress undo {self.run}"
        )


def interrupted(workspace: Workspace) -> Interrupted | None:
    """The run that is not finished, if there is one. Raises StoreError."""
    running = next((c for c in workspace.ledger.changes.changes() if c.state == "running"), None)
    if running is None:
        return None
    for entry in workspace.ledger.audit.entries(limit=_FAR):
        told = json.loads(entry.detail)
        if entry.verb == "suppress apply" and told.get("run") == running.run:
            return Interrupted(running.run, running.undoes, str(told.get("file", "")))
    return Interrupted(running.run, running.undoes, "")
