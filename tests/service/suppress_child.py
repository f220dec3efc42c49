"""Applies or undoes in a process of its own, which a test may kill at any moment."""

import sys
from pathlib import Path

from light_workspace import LightWorkspace

from bouncelens.errors import PlanRefused
from bouncelens.service.suppress import apply, undo
from bouncelens.settings import Settings
from suppression_lake import NOW

REFUSED = 7  # exit code, for instance because the killed one had come to its end


def work(settings: str, verb: str, plan: str, run: int) -> None:
    """Ends with 0, or REFUSED."""
    with LightWorkspace.open(Settings.model_validate_json(settings)) as workspace:
        try:
            if verb == "apply":
                done = apply(workspace, Path(plan), now=NOW)
            else:
                done = undo(workspace, run, now=NOW)
        except PlanRefused:
            sys.exit(REFUSED)
    sys.exit(done.exit_code)
