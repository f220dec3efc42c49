"""File transfer activities: from the safehouse to Export, or from Import to the safehouse.

File names are patterns with the tokens of section 7; nothing else in them stands for anything.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmc_sandbox.extracts import FORBIDDEN_IN_NAMES, ExtractRefused, file_name
from sfmc_sandbox.queries import QueryFailed

if TYPE_CHECKING:
    from sfmc_sandbox.runs import Activity
    from sfmc_sandbox.wire.sandbox import Sandbox

_HOUR_MS = 3_600_000
MAX_UNPACKED_BYTES = 256 * 1024 * 1024  # a bomb from Import shall not fill the disk


def run_transfer_activity(sandbox: Sandbox, activity: Activity) -> int:
    """Runs a file transfer of an automation; how many files came. Raises QueryFailed."""
    found = sandbox.definitions.find(activity.mid, "filetransfers", activity.number)
    if found is None:
        raise QueryFailed(f"The file transfer {activity.number} does not exist.")
    if _is_on(found, "isEncrypted") or _is_on(found, "isPgp"):
        raise QueryFailed("The file transfer needs a key for encrypted files. There is none.")
    try:
        name = file_name(str(found.get("fileSpec") or ""), sandbox.now())
    except ExtractRefused as problem:
        raise QueryFailed(str(problem)) from problem
    home = sandbox.storage.home(activity.mid)
    house = sandbox.storage.safehouse(activity.mid)
    if _is_on(found, "isUpload"):
        return _upload(sandbox, house / name, home / "Export" / name)
    source = home / "Import" / name
    _check(sandbox, source, found)
    if _is_on(found, "isCompressed"):
        return _unpack(sandbox, source, house)
    sandbox.storage.landed(Path(shutil.copyfile(source, house / name)))
    return 1


def _is_on(found: dict[str, Any], name: str) -> bool:
    return str(found.get(name)).lower() in {"true", "1"}


def _upload(sandbox: Sandbox, source: Path, target: Path) -> int:
    """Moves a file out of the safehouse, in one piece: nobody sees half of it."""
    if not source.is_file():
        if sandbox.storage.landing != "safehouse" and target.is_file():
            return 1  # the extract wrote to Export itself
        raise _missing(source.name)
    source.replace(target)
    sandbox.storage.landed(target)
    return 1


def _check(sandbox: Sandbox, source: Path, found: dict[str, Any]) -> None:
    """The file is there and, where a greatest age in hours is set, not older."""
    if not source.is_file():
        raise _missing(source.name)
    most = int(found.get("maxFileAge") or 0)
    age_ms = sandbox.storage.now_ms() - sandbox.storage.landed_ms(source)
    if most and age_ms > most * _HOUR_MS:
        raise QueryFailed(f"The file {source.name} is older than {most} hours.")


def _missing(name: str) -> QueryFailed:
    return QueryFailed(f"The file {name} was not found.")


def _unpack(sandbox: Sandbox, source: Path, house: Path) -> int:
    """The files of a zip, by their bare names; how many."""
    try:
        with zipfile.ZipFile(source) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
                raise QueryFailed(f"The file {source.name} is too large when it is unpacked.")
            for entry in entries:
                if FORBIDDEN_IN_NAMES.search(entry.filename) or entry.filename.startswith("."):
                    raise QueryFailed(f"The file {source.name} holds a name that is not valid.")
                # zipfile never reads more than the size that was just added up.
                with archive.open(entry) as packed, (house / entry.filename).open("wb") as plain:
                    shutil.copyfileobj(packed, plain)
                sandbox.storage.landed(house / entry.filename)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as problem:
        raise QueryFailed(f"The file {source.name} could not be unpacked.") from problem
    return len(entries)
