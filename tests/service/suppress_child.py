"""Applies or undoes, as a process that can be killed: settings, verb, plan, run."""

import sys
from pathlib import Path

from bouncelens.service.suppress import apply, undo
from bouncelens.service.workspace import Workspace
from bouncelens.settings import Settings
from suppression_lake import NOW

if __name__ == "__main__":
    settings, verb, plan, run = sys.argv[1:]
    with Workspace.open(Settings.model_validate_json(Path(settings).read_text())) as workspace:
        sys.stdout.write("begins\n")
        sys.stdout.flush()
        if verb == "apply":
            apply(workspace, Path(plan), now=NOW)
        else:
            undo(workspace, int(run), now=NOW)
