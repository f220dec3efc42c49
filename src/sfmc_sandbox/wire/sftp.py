"""SFTP: a real server over each unit's folders (fact sheet 7)."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncssh

from sfmc_sandbox.extracts import FORBIDDEN_IN_NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from sfmc_sandbox.wire.sandbox import Sandbox

MAX_CONNECTIONS = 10
_LOCK_AFTER, _LOCK_S = 5, 1800.0
_IDLE_S = 600


@dataclass(slots=True)
class Door:
    """Who is inside, and who is locked out."""

    inside: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    locked_until: dict[str, float] = field(default_factory=dict)

    def fail(self, user: str) -> None:
        """Notes a bad password; too many lock the user out for half an hour."""
        self.failures[user] = self.failures.get(user, 0) + 1
        if self.failures[user] >= _LOCK_AFTER:
            self.locked_until[user] = time.monotonic() + _LOCK_S
            self.failures[user] = 0

    def is_locked(self, user: str) -> bool:
        """Whether a user has to wait."""
        return self.locked_until.get(user, 0.0) > time.monotonic()


class _Server(asyncssh.SSHServer):
    def __init__(self, sandbox: Sandbox, door: Door, keys: asyncssh.SSHAuthorizedKeys | None
                 ) -> None:  # fmt: skip
        self._sandbox, self._door, self._keys = sandbox, door, keys
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._door.inside += 1
        if self._door.inside > MAX_CONNECTIONS:
            conn.disconnect(asyncssh.DISC_TOO_MANY_CONNECTIONS, "Too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._door.inside -= 1

    def begin_auth(self, username: str) -> bool:
        if self._keys is not None and self._connection is not None:
            self._connection.set_authorized_keys(self._keys)
        del username
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        unit = self._sandbox.tenant.unit(int(username)) if username.isdigit() else None
        if unit is None or self._door.is_locked(username):
            return False
        real = self._sandbox.storage.password(unit.mid)
        is_right = hmac.compare_digest(real.encode(), password.encode())
        if not is_right:
            self._door.fail(username)
        return is_right


class _Files(asyncssh.SFTPServer):
    """A unit's folders and nothing above; names as the platform allows them."""

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], sandbox: Sandbox) -> None:
        user = str(chan.get_extra_info("username"))
        super().__init__(chan, chroot=str(sandbox.storage.home(int(user))).encode())

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        name = path.rpartition(b"/")[2].decode(errors="replace")
        if FORBIDDEN_IN_NAMES.search(name):
            raise asyncssh.SFTPInvalidFilename('A file name may not hold \\ / : * < > | ? "')
        return super().open(path, pflags, attrs)


@dataclass(slots=True)
class Sftp:
    """The running server."""

    server: asyncssh.SSHAcceptor
    port: int
    host_key: str  # public, OpenSSH's form: clients pin it
    door: Door

    async def close(self) -> None:
        """Ends it."""
        self.server.close()
        await self.server.wait_closed()


async def start_sftp(
    sandbox: Sandbox, *, host: str = "127.0.0.1", port: int = 0, keys: Path | None = None
) -> Sftp:
    """Starts the server; a fresh host key each time."""
    door = Door()
    key = asyncssh.generate_private_key("ssh-ed25519")
    known = asyncssh.read_authorized_keys(str(keys)) if keys is not None else None
    server = await asyncssh.create_server(
        lambda: _Server(sandbox, door, known),
        host,
        port,
        server_host_keys=[key],
        sftp_factory=lambda chan: _Files(chan, sandbox),
        allow_scp=False,
        keepalive_interval=_IDLE_S,
        keepalive_count_max=1,
    )
    public = key.export_public_key().decode().strip()
    return Sftp(server, server.get_port(), public, door)
