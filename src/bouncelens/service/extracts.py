"""Tracking Extracts over SFTP into the lake: each file once, oldest first, none forgotten.

The bookmark is the time of the newest file such that all before it are in; the files of that very
moment are read again, which costs time and doubles nothing.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bouncelens.errors import ForbiddenNow, InputInvalid, SettingsInvalid, SourceError
from bouncelens.extract.files import FileSource
from bouncelens.extract.gate import Gate
from bouncelens.extract.limits import Patience
from bouncelens.extract.tracking import Place, Remote, TrackingSource
from bouncelens.service.import_file import ImportResult, take_in
from bouncelens.settings import TrackingSettings, resolve_secret

if TYPE_CHECKING:
    from bouncelens.service.workspace import Workspace

_NO_ACCOUNT = 0  # an extract may hold several accounts, so its bookmark belongs to none


def place_of(settings: TrackingSettings) -> Place:
    """Where the settings say the extracts are, secrets resolved. Raises SettingsInvalid."""
    if not settings.user or not (settings.password or settings.key):
        raise SettingsInvalid(
            "tracking.host is set, but tracking.user or its password or key is not.",
            advice="Write them into bouncelens.toml, the secret as a reference.",
        )
    return Place(
        settings.host,
        settings.user,
        settings.host_key,
        port=settings.port,
        folder=settings.folder,
        password=resolve_secret(settings.password) if settings.password else "",
        key=resolve_secret(settings.key) if settings.key else "",
    )


def pull_extracts(
    workspace: Workspace, run: int, *, patience: Patience, gate: Gate | None = None
) -> tuple[tuple[ImportResult, ...], tuple[str, ...]]:
    """Read what is new in the folder: what each file brought, and what could not be read.

    Raises SignInRefused, SourceError and SettingsInvalid when the folder cannot be listed.
    """
    place = place_of(workspace.settings.tracking)
    source = TrackingSource(place, patience=patience, gate=gate)
    told = f"{place.host}:{place.port}/{place.user}/{place.folder}"
    route = f"{source.name}:{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    results, failed = list[ImportResult](), list[str]()
    for remote in source.find(workspace.ledger.bookmark(_NO_ACCOUNT, route)):
        try:
            result = _read(workspace, source, remote, run)
        except (InputInvalid, SourceError) as error:
            failed.append(f"{place.name}: {error}")
            if isinstance(error, ForbiddenNow):  # the next file would fare no better
                break
            continue
        results.append(result)
        failed += result.partial
        if not failed:
            workspace.ledger.move_bookmark(_NO_ACCOUNT, route, remote.changed)
    return tuple(results), tuple(failed)


def _read(workspace: Workspace, source: TrackingSource, remote: Remote, run: int) -> ImportResult:
    with tempfile.TemporaryDirectory(prefix="bouncelens-") as folder:
        path = source.fetch(remote, Path(folder))
        file = FileSource(path, route=source.name)
        return take_in(workspace, file, remote.name, run)
