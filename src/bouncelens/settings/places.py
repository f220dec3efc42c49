"""Where settings come from, found without the library that checks them: it loads slowly."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "bouncelens.toml"
PREFIX = "BOUNCELENS_"
NOT_SETTINGS = frozenset({"BOUNCELENS_CONFIG"})  # read by the command line itself


def find(folder: Path) -> Path | None:
    """The settings file that counts: in `folder`, else in the user's configuration folder."""
    from platformdirs import user_config_path

    for place in (folder / FILE_NAME, user_config_path("bouncelens") / FILE_NAME):
        if place.is_file():
            return place
    return None


def are_any(environ: Mapping[str, str] | None = None, *, folder: Path | None = None) -> bool:
    """Whether a file or the environment sets anything; else every setting has its default."""
    environ = os.environ if environ is None else environ
    if any(name.startswith(PREFIX) and name not in NOT_SETTINGS for name in environ):
        return True
    return find((folder or Path.cwd()).absolute()) is not None
