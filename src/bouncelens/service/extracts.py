"""Tracking Extracts over SFTP into the lake: each file once, oldest first, none forgotten.

The bookmark is the time of the newest file such that all before it are in; the files of that very
moment are read again, which costs time and doubles nothing.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bouncelens.errors import (
    ForbiddenNow,
    InputInvalid,
    SettingsInvalid,
    SignInRefused,
    SourceError,
)
from bouncelens.extract.files import FileSource
from bouncelens.extract.gate import Gate
from bouncelens.extract.limits import Patience
from bouncelens.extract.tracking import Place, Remote, TrackingSource
from bouncelens.service.import_file import ImportResult, take_in
from bouncelens.settings import Settings, TrackingSettings, resolve_secret
from bouncelens.store.scratch import temporary_folder

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
    return _place(settings, settings.user, settings.password, settings.key)


@dataclass(frozen=True, slots=True)
class Landing:
    """A place that extracts land in, the business unit it belongs to – None: nobody says –, and
    the units whose extracts land there."""

    place: Place
    mid: int | None
    mids: tuple[int, ...]


def landings(settings: Settings) -> tuple[Landing, ...]:
    """Every place: that of tracking.user, and those of units with an SFTP user of their own.

    Raises SettingsInvalid.
    """
    tracking, found = settings.tracking, list[Landing]()
    own = [unit for unit in settings.accounts if unit.sftp_user]
    rest = tuple(unit.mid for unit in settings.accounts if not unit.sftp_user)
    if tracking.user or not own:
        place = place_of(tracking)
        # Salesforce names the user of a unit's own account after its MID.
        mid = int(tracking.user) if tracking.user.isdecimal() else next(iter(rest), None)
        found.append(Landing(place, mid, rest))
    for unit in own:
        if not (unit.sftp_password or unit.sftp_key):
            raise SettingsInvalid(
                f"The account {unit.mid} has an sftp_user, but neither password nor key.",
                advice="Write sftp_password or sftp_key into bouncelens.toml, as a reference.",
            )
        place = _place(tracking, unit.sftp_user, unit.sftp_password, unit.sftp_key)
        found.append(Landing(place, unit.mid, (unit.mid,)))
    return tuple(found)


def pull_extracts(
    workspace: Workspace, run: int, *, patience: Patience, gate: Gate | None = None
) -> tuple[tuple[ImportResult, ...], tuple[str, ...]]:
    """Read what is new in every place: what each file brought, and what could not be read.

    Raises SettingsInvalid, and SignInRefused or SourceError when no place at all can be listed.
    """
    results, failed = list[ImportResult](), list[str]()
    errors: list[SignInRefused | SourceError] = []
    places = landings(workspace.settings)
    for landing in places:
        source = TrackingSource(landing.place, patience=patience, gate=gate)
        try:
            files, lacking = _pull_place(workspace, source, landing.place, run)
        except (SignInRefused, SourceError) as error:
            errors.append(error)
            failed.append(str(error))
            continue
        results += files
        failed += lacking
    if len(errors) == len(places):
        raise errors[0]
    return tuple(results), tuple(failed)


def _pull_place(
    workspace: Workspace, source: TrackingSource, place: Place, run: int
) -> tuple[list[ImportResult], list[str]]:
    told = f"{place.host}:{place.port}/{place.user}/{place.folder}"
    route = f"{source.name}:{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    results, failed = list[ImportResult](), list[str]()
    for remote in source.find(workspace.ledger.bookmark(_NO_ACCOUNT, route)):
        try:
            result = take_remote(workspace, source, remote, run)
        except (InputInvalid, SourceError) as error:
            failed.append(f"{place.name}: {error}")
            if isinstance(error, ForbiddenNow):  # the next file would fare no better
                break
            continue
        results.append(result)
        failed += result.partial
        if not failed:
            workspace.ledger.move_bookmark(_NO_ACCOUNT, route, remote.changed)
    return results, failed


def take_remote(
    workspace: Workspace, source: TrackingSource, remote: Remote, run: int
) -> ImportResult:
    """Fetch a file and store what it holds. Raises InputInvalid, SourceError, StoreError."""
    with temporary_folder() as folder:
        path = source.fetch(remote, folder)
        # Statuses are as old as their file.
        os.utime(path, (remote.changed.timestamp(), remote.changed.timestamp()))
        return take_in(workspace, FileSource(path, route=source.name), remote.name, run)


def _place(settings: TrackingSettings, user: str, password: str, key: str) -> Place:
    return Place(
        settings.host,
        user,
        settings.host_key,
        port=settings.port,
        folder=settings.folder,
        password=resolve_secret(password) if password else "",
        key=resolve_secret(key) if key else "",
    )
