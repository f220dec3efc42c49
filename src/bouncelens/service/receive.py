"""What the server does with a post of the Event Notification Service: prove it, keep it, say so.

Nothing is stored in the lake here: that takes seconds, and Marketing Cloud waits for three.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from bouncelens.errors import StoreError
from bouncelens.extract.events import Verification, is_signed, read_verification
from bouncelens.extract.spool import Spool
from bouncelens.service.event_keys import EventKeys
from bouncelens.settings.owned import owned_file

if TYPE_CHECKING:
    from bouncelens.settings import EventsSettings

_MIB = 1024 * 1024
# Marketing Cloud takes a verification key for four hours.
_PENDING_S = 4 * 3600
_MOST_PENDING = 20


class Outcome(IntEnum):
    """What became of a post, as an HTTP status."""

    HEARD = 200  # a verification
    KEPT = 204  # on disk
    REFUSED = 401  # its signature is not that of the account's key
    UNKNOWN = 404  # no key for this account, and nobody registers
    FULL = 503  # it cannot be kept now


class Receiver:
    """Takes posts. Safe to share between threads."""

    def __init__(self, settings: EventsSettings, spool: Spool) -> None:
        self._reading, self._spool = settings.key_reading, spool
        self._keys = EventKeys(settings.keys)
        self._desk = Desk(settings)
        self.most_bytes = settings.most_body_mb * _MIB

    def take(self, account: int, body: bytes, signature: str | None) -> Outcome:
        """Keep a batch, or note a verification. What it returns is to be answered."""
        if signature is None:
            return self._verification(account, body)
        key = self._keys.key(account)
        if key is None:
            return Outcome.UNKNOWN
        if not is_signed(body, signature, key, reading=self._reading):
            return Outcome.REFUSED
        try:
            self._spool.append(account, body)
        except StoreError as error:
            _complain(error)
            return Outcome.FULL
        return Outcome.KEPT

    def _verification(self, account: int, body: bytes) -> Outcome:
        if not self._desk.is_open(account):
            return Outcome.REFUSED if self._keys.key(account) else Outcome.UNKNOWN
        said = read_verification(body)
        if said is None:
            return Outcome.REFUSED
        try:
            self._desk.note(account, said)
        except OSError as error:
            _complain(error)
            return Outcome.FULL
        return Outcome.HEARD


class Desk:
    """Registrations under way: the command that registers and the server that hears meet in the
    events folder. It is closed most of the time, since a verification comes without a signature."""

    def __init__(self, settings: EventsSettings) -> None:
        self._folder = Path(settings.folder) / "registering"

    def open(self, account: int) -> None:
        """From now on the account's verifications are noted. Raises StoreError."""
        try:
            folder = self._of(account)
            for place in (self._folder.parent, self._folder, folder):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.utime(folder)
        except OSError as error:
            raise StoreError(
                f"The events folder {self._folder} cannot be written: {error.strerror}.",
                advice="Name another one as events.folder.",
            ) from error

    def is_open(self, account: int) -> bool:
        """Whether somebody registers the account."""
        with suppress(OSError):
            return time.time() - self._of(account).stat().st_mtime < _PENDING_S
        return False

    def note(self, account: int, said: Verification) -> None:
        """Keep a verification key for the command that waits. Raises OSError."""
        folder = self._of(account)
        opened = folder.stat()
        kept = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for old in kept[: max(0, len(kept) - _MOST_PENDING + 1)]:  # anybody may post here
            old.unlink(missing_ok=True)
        fresh = folder / f"{secrets.token_hex(8)}.part"  # two may be heard at once
        with owned_file(fresh) as file:
            json.dump({"key": said.key}, file)
        fresh.replace(folder / f"{said.callback_id}.json")
        os.utime(folder, (opened.st_atime, opened.st_mtime))  # its age is that of the registration

    def key(self, account: int, callback_id: str) -> str | None:
        """The verification key of a callback, once it was heard."""
        path = self._of(account) / f"{callback_id.lower()}.json"
        try:
            return str(json.loads(path.read_text("utf-8"))["key"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def close(self, account: int) -> None:
        """The account's verifications are heard no more."""
        folder = self._of(account)
        with suppress(OSError):
            for path in folder.iterdir():
                path.unlink(missing_ok=True)
            folder.rmdir()

    def _of(self, account: int) -> Path:
        return self._folder / str(account)


def spool_of(settings: EventsSettings) -> Spool:
    """The spool of the settings."""
    return Spool(Path(settings.folder), most_bytes=settings.most_waiting_mb * _MIB)


def _complain(error: Exception) -> None:
    logging.getLogger(__name__).error("events were not kept", extra={"reason": str(error)})
