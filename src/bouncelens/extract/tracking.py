"""Files over SFTP: Tracking Extract zips found and fetched, files for imports put there.

The server proves itself by a pinned key before it hears a password, and a refused password is
never tried twice: five of them lock the account for half an hour.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bouncelens.errors import SettingsInvalid, SignInRefused, SourceError, Unreachable
from bouncelens.extract.gate import Gate
from bouncelens.extract.limits import Patience

if TYPE_CHECKING:
    import asyncssh

_Heard = TypeVar("_Heard")
_ZIP = re.compile(r"[^/\x00-\x1f]{1,250}\.(zip|csv|tsv)", re.IGNORECASE)
_HOST_KEY_ADVICE = (
    "If Salesforce has announced a new key, write it as tracking.host_key; if not, do not sign in."
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the extracts are, and how we sign in there. `host_key`: OpenSSH form or SHA256:…."""

    host: str
    user: str
    host_key: str
    port: int = 22
    folder: str = "Export"
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)  # a private key, as text

    @property
    def name(self) -> str:
        """The place in errors."""
        return f"SFTP {self.user}@{self.host}"


@dataclass(frozen=True, slots=True)
class Remote:
    """A file as the server lists it."""

    name: str
    size: int
    changed: datetime  # UTC


class TrackingSource:
    """Finds, fetches and stores files. Each call is one connection, tried again with patience."""

    def __init__(
        self, place: Place, *, patience: Patience | None = None, gate: Gate | None = None
    ) -> None:
        if not place.host_key:
            raise SettingsInvalid(
                "tracking.host_key is empty, so the server cannot prove who it is.",
                advice=f"`ssh-keyscan -p {place.port} {place.host}` prints it; compare it with "
                "what Salesforce says.",
            )
        self._place, self._patience = place, patience or Patience()
        self._gate = gate or Gate()

    @property
    def name(self) -> str:
        """The route's name."""
        return "extract"

    def find(self, since: datetime | None = None) -> list[Remote]:
        """The files that changed at or after a moment, oldest first."""
        found = self._patience.call(lambda: self._through(self._list))
        return sorted(
            (r for r in found if since is None or r.changed >= since),
            key=lambda r: (r.changed, r.name),
        )

    def fetch(self, remote: Remote, folder: Path) -> Path:
        """Download a file into a folder of ours, whole or not at all.

        Raises SourceError, also when it is still being written.
        """
        if shutil.disk_usage(folder).free < remote.size * 1.1:
            detail = f"{_shown(remote.name)} of {remote.size:,} bytes does not fit on this disk."
            raise SourceError(self._place.name, detail, may_retry=False)
        path = folder / re.sub(r"[^A-Za-z0-9._-]", "_", remote.name)[-120:]
        self._patience.call(lambda: self._through(lambda: self._get(remote, path)))
        return path

    def store(self, content: bytes, name: str) -> None:
        """Put a file into the folder, whole or not at all; one of that name is replaced."""
        self._patience.call(lambda: self._through(lambda: self._put(content, name)))

    def remove(self, name: str) -> None:
        """Remove a file from the folder; that it is gone already is no failure."""
        self._patience.call(lambda: self._through(lambda: self._remove(name)))

    def _through(self, talk: Callable[[], Coroutine[Any, Any, _Heard]]) -> _Heard:
        """One connection, when the gate lets it through."""
        with self._gate.call(self._place.name):
            return asyncio.run(talk())

    async def _list(self) -> list[Remote]:
        import asyncssh

        async with self._connected() as sftp:
            found = []
            async for entry in sftp.scandir(self._place.folder):
                attrs, name = entry.attrs, str(entry.filename)
                is_file = attrs.type == asyncssh.FILEXFER_TYPE_REGULAR
                if is_file and _ZIP.fullmatch(name) and attrs.mtime is not None:
                    changed = datetime.fromtimestamp(attrs.mtime, UTC)
                    found.append(Remote(name, attrs.size or 0, changed))
            return found

    async def _get(self, remote: Remote, path: Path) -> None:
        async with self._connected() as sftp:
            source = f"{self._place.folder}/{remote.name}"
            await sftp.get(source, path, follow_symlinks=False)
            after = await sftp.stat(source, follow_symlinks=False)
        if after.size != path.stat().st_size or after.size != remote.size:
            detail = f"{_shown(remote.name)} is still being written."
            raise SourceError(self._place.name, detail, may_retry=False)

    async def _put(self, content: bytes, name: str) -> None:
        import asyncssh

        whole, part = f"{self._place.folder}/{name}", f"{self._place.folder}/{name}.part"
        async with self._connected() as sftp:
            async with sftp.open(part, "wb") as file:
                await file.write(content)
            size = (await sftp.stat(part, follow_symlinks=False)).size
            if size != len(content):
                detail = f"{_shown(name)} arrived with {size} of {len(content)} bytes."
                raise SourceError(self._place.name, detail, may_retry=True)
            # Plain SFTP does not rename onto a file that is there.
            with suppress(asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
                await sftp.remove(whole)
            await sftp.rename(part, whole)

    async def _remove(self, name: str) -> None:
        import asyncssh

        async with self._connected() as sftp:
            with suppress(asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
                await sftp.remove(f"{self._place.folder}/{name}")

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncssh.SFTPClient]:
        import asyncssh

        place = self._place
        try:
            async with (
                asyncssh.connect(
                    place.host,
                    place.port,
                    username=place.user,
                    password=place.password or None,
                    client_keys=[_private(place.key)] if place.key else None,
                    client_factory=lambda: _pinning(place.host_key),
                    known_hosts=([], [], []),
                    config=None,
                    agent_path=None,
                    gss_auth=False,
                    kbdint_auth=False,
                    login_timeout=60,
                    keepalive_interval=30,
                ) as connection,
                connection.start_sftp_client() as sftp,
            ):
                yield sftp
        except (asyncssh.Error, asyncssh.SFTPError, OSError) as error:
            raise _named(place, error) from error


def _named(place: Place, error: Exception) -> Exception:
    """What went wrong on the way, in our words."""
    import asyncssh

    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        detail = "the server's key is not the pinned one."
        return SourceError(place.name, detail, may_retry=False, advice=_HOST_KEY_ADVICE)
    if isinstance(error, asyncssh.PermissionDenied):
        return SignInRefused(
            f"{place.name}: user, password or key is refused.",
            advice="In Setup > Data Management > FTP Accounts, check the user and set its "
            "password or key again. Five refusals lock it for half an hour.",
        )
    if isinstance(error, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath):
        detail = f"there is no {_shown(place.folder)}, or the file is gone."
        advice = "Check tracking.folder."
        return SourceError(place.name, detail, may_retry=False, advice=advice)
    if isinstance(error, OSError):
        return Unreachable(place.name, f"{place.host} cannot be reached.", may_retry=True)
    detail = f"the connection broke off ({type(error).__name__})."
    return SourceError(place.name, detail, may_retry=True)


def _shown(text: str) -> str:
    return repr("".join(c for c in text if c.isprintable())[:80])


def _private(text: str) -> asyncssh.SSHKey:
    import asyncssh

    try:
        return asyncssh.import_private_key(text)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise SettingsInvalid(
            "tracking.key is no private key that can be read, or it has a passphrase.",
            advice="Write it in OpenSSH's form, without a passphrase, readable by you only.",
        ) from error


def _pinning(host_key: str) -> asyncssh.SSHClient:
    """A client that believes one key only."""
    import asyncssh

    class Pinned(asyncssh.SSHClient):
        def validate_host_public_key(
            self, host: str, addr: str, port: int, key: asyncssh.SSHKey
        ) -> bool:
            del host, addr, port
            return _is_pinned(key, host_key)

    return Pinned()


def _is_pinned(key: asyncssh.SSHKey, pinned: str) -> bool:
    import asyncssh

    if pinned.startswith("SHA256:"):
        return key.get_fingerprint() == pinned.strip().rstrip("=")
    try:
        return asyncssh.import_public_key(pinned.strip()).public_data == key.public_data
    except asyncssh.KeyImportError as error:
        raise SettingsInvalid(
            "tracking.host_key is no public key.", advice="Write e.g. ssh-ed25519 AAAA…."
        ) from error
