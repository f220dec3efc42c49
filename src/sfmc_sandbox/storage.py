"""The Enhanced FTP account of each business unit and its safehouse: what extracts put there."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sfmc_sandbox.extracts import ExtractRefused, extension_extract, read_order, tracking_extract
from sfmc_sandbox.queries import QueryFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfmc_sandbox.extract_files import Column
    from sfmc_sandbox.runs import Activity
    from sfmc_sandbox.wire.sandbox import Sandbox

FOLDERS = ("Import", "Export", "Reports")
EXTRACT_TROUBLES = ("half-a-zip", "zip-bomb", "utf16-cut", "extra-column", "missing-column")
DATA_EXTRACT, FILE_TRANSFER = 73, 53  # object type ids of activities (fact sheet 3)
# Where a data extract activity puts its file is told in two ways: into Export (fact sheet 7), or
# into the safehouse, from which a file transfer takes it. `auto`: the safehouse when a file
# transfer follows in the same automation.
LANDINGS = ("auto", "export", "safehouse")
DAY_MS = 86_400_000


@dataclass(slots=True)
class SftpRules:
    """What the platform allows a user of SFTP."""

    connections: int = 10  # at the same time, per user
    idle_s: float = 600.0  # then a silent connection is closed
    lock_after: int = 5  # bad passwords
    lock_s: float = 1800.0
    keys: Path | None = None  # public keys: a file for all units, or a folder with MID.pub


@dataclass(slots=True)
class Storage:
    """Files by business unit, under one folder that ends with the sandbox."""

    seed: int
    landing: str = "auto"  # one of LANDINGS
    keep_days: float = 21.0
    extract_columns: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)  # one's own
    now_ms: Callable[[], int] = lambda: 0  # the world's clock
    _holder: tempfile.TemporaryDirectory[str] | None = field(default=None)
    _root: Path | None = None
    _landed: dict[Path, int] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def home(self, mid: int) -> Path:
        """A unit's folder, with Import, Export and Reports in it."""
        home = self._top() / "ftp" / str(mid)
        for name in FOLDERS:
            (home / name).mkdir(parents=True, exist_ok=True)
        return home

    def safehouse(self, mid: int) -> Path:
        """Where activities of a unit leave files for one another; SFTP does not show it."""
        house = self._top() / "safehouse" / str(mid)
        house.mkdir(parents=True, exist_ok=True)
        return house

    def _top(self) -> Path:
        with self._lock:
            if self._root is None:
                self._holder = tempfile.TemporaryDirectory(prefix="sfmc-sandbox-")
                self._root = Path(self._holder.name).resolve()
            return self._root

    def landed(self, path: Path) -> Path:
        """Notes that a file came or was written anew; its time is the world's."""
        now_ms = self.now_ms()
        with self._lock:
            self._landed[path] = now_ms
        with suppress(OSError):
            os.utime(path, (now_ms / 1000, now_ms / 1000))
        return path

    def landed_ms(self, path: Path) -> int:
        """When a file came, by the world's clock; now, when nobody noted it."""
        with self._lock:
            return self._landed.setdefault(path, self.now_ms())

    def sweep(self, now_ms: int) -> None:
        """Removes what has lain for longer than files are kept."""
        with self._lock:
            if self._root is None:
                return
            for path in [p for p in self._root.rglob("*") if p.is_file()]:
                if now_ms - self.landed_ms(path) > self.keep_days * DAY_MS:
                    path.unlink(missing_ok=True)
            self._landed = {p: ms for p, ms in self._landed.items() if p.exists()}

    def password(self, mid: int) -> str:
        """The unit's password: the same for the same seed."""
        return hashlib.sha256(f"sftp {self.seed} {mid}".encode()).hexdigest()[:20]

    def close(self) -> None:
        """Removes all files."""
        if self._holder is not None:
            self._holder.cleanup()
            self._holder, self._root = None, None
            self._landed.clear()


def extract_now(
    sandbox: Sandbox, mid: int, parameters: Mapping[str, str], *, folder: Path | None = None
) -> Path:
    """Runs a Tracking Extract into the unit's Export folder, or another. Raises ExtractRefused."""
    units = tuple(unit.mid for unit in sandbox.tenant.units)
    order = read_order(parameters, mid, units=units, now=sandbox.now())
    troubles = {name for name in EXTRACT_TROUBLES if sandbox.trouble.strikes(name)}
    order = replace(
        order, troubles=frozenset(troubles), columns=sandbox.storage.extract_columns
    )  # fmt: skip
    folder = folder or sandbox.storage.home(mid) / "Export"
    return sandbox.storage.landed(tracking_extract(sandbox.tenant, order, folder))


def run_extract_activity(sandbox: Sandbox, activity: Activity) -> int:
    """Runs a data extract activity of an automation. Raises QueryFailed."""
    from sfmc_sandbox.wire.rest_automations import EXTRACT_TYPES, TRACKING_EXTRACT

    mid, number = activity.mid, activity.number
    found = sandbox.definitions.find(mid, "dataextracts", number)
    if found is None:
        raise QueryFailed(f"The data extract {number} does not exist.")
    given = {
        str(entry.get("name")): str(entry.get("value")) for entry in found.get("dataFields") or []
    }
    given["FileSpec"] = str(found.get("fileSpec") or "")
    folder = _landing(sandbox, activity)
    kind = str(found["dataExtractTypeId"])
    try:
        if kind == TRACKING_EXTRACT:
            extract_now(sandbox, mid, given, folder=folder)
            return 1
        if kind != EXTRACT_TYPES[1][0]:
            name = dict(EXTRACT_TYPES).get(kind, kind)
            raise QueryFailed(f"The data extract type {name} is not run by the sandbox.")
        extension = sandbox.extensions.find(mid, given.get("DECustomerKey", ""))
        if extension is None:
            raise QueryFailed("The data extension of the extract does not exist.")
        made = extension_extract(
            sandbox.tenant, extension, given, folder=folder, now=sandbox.now()
        )  # fmt: skip
        sandbox.storage.landed(made)
    except ExtractRefused as problem:
        raise QueryFailed(str(problem)) from problem
    return 1


def _landing(sandbox: Sandbox, activity: Activity) -> Path:
    """The folder that a data extract activity writes into."""
    storage = sandbox.storage
    is_moved = storage.landing == "auto" and FILE_TRANSFER in activity.later
    if storage.landing == "safehouse" or is_moved:
        return storage.safehouse(activity.mid)
    return storage.home(activity.mid) / "Export"
