"""SFTP: a real server over each unit's folders (fact sheet 7)."""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh

from sfmc_sandbox.extracts import FORBIDDEN_IN_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfmc_sandbox.storage import SftpRules
    from sfmc_sandbox.wire.sandbox import Sandbox


@dataclass(slots=True)
class Door:
    """Who is inside, and who is locked out."""

    rules: SftpRules
    inside: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    locked_until: dict[str, float] = field(default_factory=dict)

    def fail(self, user: str) -> None:
        """Notes a bad password; too many lock the user out for half an hour."""
        self.failures[user] += 1
        if self.failures[user] >= self.rules.lock_after:
            self.locked_until[user] = time.monotonic() + self.rules.lock_s
            self.failures[user] = 0

    def is_locked(self, user: str) -> bool:
        """Whether a user has to wait."""
        return self.locked_until.get(user, 0.0) > time.monotonic()

    def is_full(self, user: str) -> bool:
        """Whether a user has as many connections as are allowed."""
        return self.inside[user] >= self.rules.connections

    def keys_of(self, user: str) -> asyncssh.SSHAuthorizedKeys | None:
        """The keys a unit may enter with."""
        path = self.rules.keys
        if path is not None and path.is_dir():
            path = path / f"{user}.pub"
        if path is None or not path.is_file():
            return None
        return asyncssh.read_authorized_keys(str(path))


class _Server(asyncssh.SSHServer):
    def __init__(self, sandbox: Sandbox, door: Door) -> None:
        self._sandbox, self._door = sandbox, door
        self._connection: asyncssh.SSHServerConnection | None = None
        self._user: str | None = None  # once signed in
        self._timer: asyncio.TimerHandle | None = None
        self._heard = time.monotonic()

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        conn.set_extra_info(heard=self.heard)
        self._watch()

    def heard(self) -> None:
        """The client did something."""
        self._heard = time.monotonic()

    def _watch(self) -> None:
        """Closes the connection once it has been silent for long enough."""
        left = self._heard + self._door.rules.idle_s - time.monotonic()
        if left > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self._watch)
        elif self._connection is not None:
            self._connection.disconnect(asyncssh.DISC_BY_APPLICATION, "Idle for too long")

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._timer is not None:
            self._timer.cancel()
        if self._user is not None:
            self._door.inside[self._user] -= 1

    def begin_auth(self, username: str) -> bool:
        assert self._connection is not None
        self.heard()
        if self._door.is_full(username):
            self._connection.disconnect(
                asyncssh.DISC_TOO_MANY_CONNECTIONS, "Too many connections"
            )  # fmt: skip
        elif _is_unit(self._sandbox, username) and not self._door.is_locked(username):
            keys = self._door.keys_of(username)
            if keys is not None:
                self._connection.set_authorized_keys(keys)
        return True

    def auth_completed(self) -> None:
        assert self._connection is not None
        self._user = str(self._connection.get_extra_info("username"))
        is_full = self._door.is_full(self._user)
        self._door.inside[self._user] += 1
        self._door.failures[self._user] = 0
        self.heard()
        if is_full:  # others came in while this one was asked for its password
            self._connection.disconnect(
                asyncssh.DISC_TOO_MANY_CONNECTIONS, "Too many connections"
            )  # fmt: skip

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        if not _is_unit(self._sandbox, username) or self._door.is_locked(username):
            return False
        real = self._sandbox.storage.password(int(username))
        is_right = hmac.compare_digest(real.encode(), password.encode())
        if not is_right:
            self._door.fail(username)
        return is_right


def _is_unit(sandbox: Sandbox, user: str) -> bool:
    """Whether a user is a business unit: each is one, by its MID."""
    return any(str(unit.mid) == user for unit in sandbox.tenant.units)


class _Files(asyncssh.SFTPServer):
    """A unit's folders and nothing above; names as the platform allows them."""

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], sandbox: Sandbox) -> None:
        self._storage = sandbox.storage
        self._heard: Callable[[], None] = chan.get_extra_info("heard")
        user = str(chan.get_extra_info("username"))
        super().__init__(chan, chroot=str(sandbox.storage.home(int(user))).encode())

    def map_path(self, path: bytes) -> bytes:
        self._heard()
        return super().map_path(path)

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        _check_name(path)
        return super().open(path, pflags, attrs)

    def open56(
        self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs
    ) -> object:
        _check_name(path)
        return super().open56(path, desired_access, flags, attrs)

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        _check_name(newpath)
        return super().rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> Any:
        _check_name(newpath)
        return super().posix_rename(oldpath, newpath)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> Any:
        _check_name(path)
        return super().mkdir(path, attrs)

    def read(self, file_obj: object, offset: int, size: int) -> Any:
        self._heard()
        return super().read(file_obj, offset, size)

    def write(self, file_obj: object, offset: int, data: bytes) -> Any:
        self._heard()
        return super().write(file_obj, offset, data)

    def close(self, file_obj: Any) -> Any:
        closed = super().close(file_obj)
        if file_obj.mode.strip("b") != "r":
            self._storage.landed(Path(os.fsdecode(file_obj.name)))
        return closed

    def symlink(self, oldpath: bytes, newpath: bytes) -> Any:
        del oldpath, newpath
        raise asyncssh.SFTPOpUnsupported("Links are not supported")

    def link(self, oldpath: bytes, newpath: bytes) -> Any:
        del oldpath, newpath
        raise asyncssh.SFTPOpUnsupported("Links are not supported")


def _check_name(path: bytes) -> None:
    name = path.rpartition(b"/")[2].decode(errors="replace")
    if FORBIDDEN_IN_NAMES.search(name):
        raise asyncssh.SFTPInvalidFilename('A file name may not hold \\ / : * < > | ? "')


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
    sandbox: Sandbox, *, host: str = "127.0.0.1", port: int = 0, rules: SftpRules | None = None
) -> Sftp:
    """Starts the server; a fresh host key each time."""
    door = Door(rules or sandbox.sftp_rules)
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(
        lambda: _Server(sandbox, door),
        host,
        port,
        server_host_keys=[key],
        sftp_factory=lambda chan: _Files(chan, sandbox),
        allow_scp=False,
    )
    public = key.export_public_key().decode().strip()
    return Sftp(server, server.get_port(), public, door)
