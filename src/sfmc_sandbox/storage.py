"""The Enhanced FTP account of each business unit: its folders and the extracts that land there."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sfmc_sandbox.extracts import ExtractRefused, extension_extract, read_order, tracking_extract
from sfmc_sandbox.queries import QueryFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfmc_sandbox.wire.sandbox import Sandbox

FOLDERS = ("Import", "Export", "Reports")
EXTRACT_TROUBLES = ("half-a-zip", "zip-bomb", "utf16-cut", "extra-column", "missing-column")


@dataclass(slots=True)
class Storage:
    """Files by business unit, under one folder that ends with the sandbox."""

    seed: int
    _holder: tempfile.TemporaryDirectory[str] | None = field(default=None)
    _root: Path | None = None

    def home(self, mid: int) -> Path:
        """A unit's folder, with Import, Export and Reports in it."""
        if self._root is None:
            self._holder = tempfile.TemporaryDirectory(prefix="sfmc-sandbox-")
            self._root = Path(self._holder.name)
        home = self._root / str(mid)
        for name in FOLDERS:
            (home / name).mkdir(parents=True, exist_ok=True)
        return home

    def password(self, mid: int) -> str:
        """The unit's password: the same for the same seed."""
        return hashlib.sha256(f"sftp {self.seed} {mid}".encode()).hexdigest()[:20]

    def close(self) -> None:
        """Removes all files."""
        if self._holder is not None:
            self._holder.cleanup()
            self._holder, self._root = None, None


def extract_now(sandbox: Sandbox, mid: int, parameters: Mapping[str, str]) -> Path:
    """Runs a Tracking Extract into the unit's Export folder. Raises ExtractRefused."""
    from dataclasses import replace

    units = tuple(unit.mid for unit in sandbox.tenant.units)
    order = read_order(parameters, mid, units=units, now=sandbox.now())
    troubles = {name for name in EXTRACT_TROUBLES if sandbox.trouble.strikes(name)}
    order = replace(order, troubles=frozenset(troubles))
    return tracking_extract(sandbox.tenant, order, sandbox.storage.home(mid) / "Export")


def run_extract_activity(sandbox: Sandbox, mid: int, number: str) -> int:
    """Runs a data extract activity of an automation. Raises QueryFailed."""
    from sfmc_sandbox.wire.rest_automations import TRACKING_EXTRACT

    found = sandbox.definitions.find(mid, "dataextracts", number)
    if found is None:
        raise QueryFailed(f"The data extract {number} does not exist.")
    given = {
        str(entry.get("name")): str(entry.get("value")) for entry in found.get("dataFields") or []
    }
    given["FileSpec"] = str(found.get("fileSpec") or "")
    try:
        if found["dataExtractTypeId"] == TRACKING_EXTRACT:
            extract_now(sandbox, mid, given)
            return 1
        extension = sandbox.extensions.find(mid, given.get("DECustomerKey", ""))
        if extension is None:
            raise QueryFailed("The data extension of the extract does not exist.")
        extension_extract(
            sandbox.tenant, extension, given, folder=sandbox.storage.home(mid) / "Export",
            now=sandbox.now(),
        )  # fmt: skip
    except ExtractRefused as problem:
        raise QueryFailed(str(problem)) from problem
    return 1
