"""A pull in a process of its own, so that a test may kill it: one line per step of progress."""

import json
import os
import sys
import time

from light_workspace import LightWorkspace

from bouncelens.service.pull import pull
from bouncelens.settings import Settings


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def pull_in_zone(settings: str, zone: str) -> None:
    """A pull of this process on a machine whose clock is in another zone."""
    os.environ["TZ"] = zone
    time.tzset()
    with LightWorkspace.open(Settings.model_validate(json.loads(settings))) as workspace:
        sys.exit(pull(workspace).exit_code)


if __name__ == "__main__":
    settings = Settings.model_validate(json.loads(sys.argv[1]))
    with LightWorkspace.open(settings) as workspace:
        pull(workspace, progress=lambda p: say(f"{p.step} {p.account.mid} {p.done}"))
    say("done")
