"""Signature keys of the events route: kept where events.keys says, one per business unit.

Marketing Cloud tells a key once. A file is readable by its owner only; a keyring is the system's.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from bouncelens.errors import SettingsInvalid
from bouncelens.settings import resolve_secret
from bouncelens.settings.owned import owned_whole


class EventKeys:
    """Reads and writes keys. `reference`: file:FOLDER, keyring:SERVICE or env:NAME."""

    def __init__(self, reference: str) -> None:
        self._scheme, _, self._place = reference.partition(":")

    def where(self, mid: int) -> str:
        """The reference of a business unit's key."""
        if self._scheme == "file":
            return f"file:{Path(self._place).expanduser() / f'{mid}.key'}"
        joint = "/" if self._scheme == "keyring" else "_"
        return f"{self._scheme}:{self._place}{joint}{mid}"

    def key(self, mid: int) -> str | None:
        """The key; None where there is none, or it cannot be read."""
        try:
            return resolve_secret(self.where(mid))
        except SettingsInvalid:
            return None

    def check_writable(self) -> None:
        """Raise SettingsInvalid where no key can be kept: better before one is made than after."""
        if self._scheme == "env":
            raise SettingsInvalid(
                "events.keys names environment variables, which cannot keep a new key.",
                advice="Name a folder (file:…) or a keyring (keyring:…) where you register.",
            )
        if self._scheme == "keyring":
            import keyring
            from keyring.backends import fail

            if isinstance(keyring.get_keyring(), fail.Keyring):
                raise SettingsInvalid(
                    "This system has no keyring for events.keys.", advice="Use file:FOLDER."
                )
        else:
            folder = Path(self._place).expanduser()
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                probe = folder / ".writable"
                probe.touch(0o600)
                probe.unlink()
            except OSError as error:
                raise SettingsInvalid(
                    f"The folder {folder} of events.keys cannot be written: {error.strerror}."
                ) from error

    def keep(self, mid: int, key: str) -> None:
        """Keep a key, in place of an older one. Raises SettingsInvalid."""
        self.check_writable()
        if self._scheme == "keyring":
            import keyring

            keyring.set_password(self._place, str(mid), key)
            return
        path = Path(self.where(mid).partition(":")[2])
        with owned_whole(path) as file:
            file.write(key + "\n")

    def forget(self, mid: int) -> None:
        """Remove a key; one that is gone is fine."""
        if self._scheme == "file":
            Path(self.where(mid).partition(":")[2]).unlink(missing_ok=True)
        elif self._scheme == "keyring":
            import keyring
            from keyring.errors import KeyringError

            with suppress(KeyringError):
                keyring.delete_password(self._place, str(mid))
