"""Applies or undoes, as a process that can be killed: settings, verb, plan, run.

Exit code 7: refused, for instance because the killed one had come to its end.
"""

import sys
from pathlib import Path

from bouncelens.errors import PlanRefused
from bouncelens.service.suppress import apply, undo
from bouncelens.service.workspace import Workspace
from bouncelens.settings import Settings
from suppression_lake import NOW

if __name__ == "__main__":
    settings, verb, plan, run = sys.argv[1:]
    with Workspace.open(Settings.model_validate_json(Path(settings).read_text())) as workspace:
        sys.stdout.write("begins\n")
        sys.stdout.flush()
        try:
            if verb == "apply":
                apply(workspace, Path(plan), now=NOW)
            else:
                undo(workspace, int(run), now=NOW)
        except PlanRefused:
            sys.exit(7)
