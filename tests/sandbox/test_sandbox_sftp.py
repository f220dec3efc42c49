"""SFTP as section 7 of the fact sheet has it: users, keys, folders, limits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from sandbox_caller import RETAIL

from sfmc_sandbox.storage import SftpRules
from sfmc_sandbox.wire.sandbox import Sandbox
from sfmc_sandbox.wire.sftp import Sftp, start_sftp
from sfmc_sandbox.world.tenant import Tenant

TRAVEL = 7_000_102
REFUSED = (asyncssh.PermissionDenied, asyncssh.DisconnectError, OSError)


@pytest.fixture
def sandbox(spare: Tenant) -> Iterator[Sandbox]:
    sandbox = Sandbox.of(spare)
    yield sandbox
    sandbox.close()


def _door(sandbox: Sandbox, sftp: Sftp, user: object = RETAIL, **more: Any) -> Any:
    """A connection of a unit, by its password unless something else is said."""
    pinned = asyncssh.import_known_hosts(f"[127.0.0.1]:{sftp.port} {sftp.host_key}\n")
    how = {"username": str(user), "password": sandbox.storage.password(RETAIL),
           "client_keys": None, "config": None, **more}  # fmt: skip
    if user != RETAIL and "password" not in more:
        how["password"] = sandbox.storage.password(int(str(user)))
    return asyncssh.connect("127.0.0.1", sftp.port, known_hosts=pinned, **how)


def test_sfmc_7_sftp_serves_a_units_folders(sandbox: Sandbox, tmp_path: Path) -> None:
    (sandbox.storage.home(RETAIL) / "Export" / "out.csv").write_text("1")

    async def visit() -> None:
        sftp = await start_sftp(sandbox)
        async with _door(sandbox, sftp) as there, there.start_sftp_client() as files:
            assert set(await files.listdir("/")) >= {"Import", "Export", "Reports"}
            await files.get("/Export/out.csv", str(tmp_path / "got.csv"))
            with pytest.raises(asyncssh.SFTPError):
                await files.get("/../../etc/passwd", str(tmp_path / "no"))
            (tmp_path / "in.csv").write_text("a,b")
            await files.put(str(tmp_path / "in.csv"), "/Import/in.csv")
            for name in ("a:b.csv", "a*.csv", "a?.csv", 'a".csv', "a|b.csv", "a<b.csv", "a\\b"):
                with pytest.raises(asyncssh.SFTPError):
                    await files.put(str(tmp_path / "in.csv"), f"/Import/{name}")
                with pytest.raises(asyncssh.SFTPError):
                    await files.rename("/Import/in.csv", f"/Import/{name}")
        await sftp.close()

    asyncio.run(visit())
    assert (tmp_path / "got.csv").read_text() == "1"
    assert (sandbox.storage.home(RETAIL) / "Import" / "in.csv").read_text() == "a,b"


def test_nobody_climbs_out_by_a_link(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")

    async def visit() -> None:
        sftp = await start_sftp(sandbox)
        async with _door(sandbox, sftp) as there, there.start_sftp_client() as files:
            for target in (str(tmp_path / "secret"), "../../../../../etc/passwd"):
                with pytest.raises(asyncssh.SFTPError):
                    await files.symlink(target, "/Import/link")
                with pytest.raises(asyncssh.SFTPError):
                    await files.link(target, "/Import/link")
        await sftp.close()

    asyncio.run(visit())


def test_sfmc_7_each_unit_is_a_user_and_sees_its_own_files(sandbox: Sandbox) -> None:
    for mid in (RETAIL, TRAVEL):
        (sandbox.storage.home(mid) / "Export" / f"of-{mid}.csv").write_text("1")

    async def visit() -> None:
        sftp = await start_sftp(sandbox)
        for mid in (RETAIL, TRAVEL):
            async with _door(sandbox, sftp, mid) as there, there.start_sftp_client() as files:
                assert [n for n in await files.listdir("/Export") if n.startswith("of")] == [
                    f"of-{mid}.csv"
                ]
        with pytest.raises(REFUSED):  # one unit's password is not another's
            await _door(sandbox, sftp, TRAVEL, password=sandbox.storage.password(RETAIL))
        for nobody in ("1", "nobody", "²", ""):
            with pytest.raises((*REFUSED, ValueError)):
                await _door(sandbox, sftp, nobody, password="x")
        await sftp.close()

    asyncio.run(visit())


def test_sfmc_7_ten_connections_of_a_user_at_the_same_time(sandbox: Sandbox) -> None:
    async def visit() -> None:
        sftp = await start_sftp(sandbox)
        async with AsyncExitStack() as stack:
            inside = [await stack.enter_async_context(_door(sandbox, sftp)) for _ in range(10)]
            with pytest.raises(REFUSED):
                await _door(sandbox, sftp)
            # Another unit is another user.
            await stack.enter_async_context(_door(sandbox, sftp, TRAVEL))
            inside[0].close()
            await inside[0].wait_closed()
            for _ in range(200):
                if not sftp.door.is_full(str(RETAIL)):
                    break
                await asyncio.sleep(0.01)
            await stack.enter_async_context(_door(sandbox, sftp))
        await sftp.close()

    asyncio.run(visit())


def test_sfmc_7_bad_passwords_lock_a_user_out(sandbox: Sandbox) -> None:
    async def visit() -> None:
        sftp = await start_sftp(sandbox)
        for password in ["wrong"] * 5 + [sandbox.storage.password(RETAIL)]:
            with pytest.raises(REFUSED):
                await _door(sandbox, sftp, password=password)
        async with _door(sandbox, sftp, TRAVEL):
            assert not sftp.door.is_locked(str(TRAVEL))
        await sftp.close()

    asyncio.run(visit())


def test_sfmc_7_a_right_password_forgets_the_wrong_ones(sandbox: Sandbox) -> None:
    async def visit() -> None:
        sftp = await start_sftp(sandbox)
        for _ in range(2):
            for _ in range(4):
                with pytest.raises(REFUSED):
                    await _door(sandbox, sftp, password="wrong")
            async with _door(sandbox, sftp):
                pass
        await sftp.close()

    asyncio.run(visit())


@pytest.mark.parametrize("is_folder", [False, True], ids=["a file for all", "a folder by unit"])
def test_sfmc_7_a_key_signs_in_too(sandbox: Sandbox, tmp_path: Path, is_folder: bool) -> None:
    key, other = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    place = tmp_path / (f"{RETAIL}.pub" if is_folder else "keys")
    place.write_bytes(key.export_public_key())
    rules = SftpRules(keys=tmp_path if is_folder else place)

    async def enters(sftp: Sftp, user: object, pair: object) -> bool:
        try:
            async with (
                _door(sandbox, sftp, user, password=None, client_keys=[pair]) as there,
                there.start_sftp_client() as files,
            ):
                return "Export" in await files.listdir("/")
        except REFUSED:
            return False

    async def visit() -> list[bool]:
        sftp = await start_sftp(sandbox, rules=rules)
        seen = [
            await enters(sftp, RETAIL, key),
            await enters(sftp, RETAIL, other),
            await enters(sftp, TRAVEL, key),
            await enters(sftp, "nobody", key),
        ]
        await sftp.close()
        return seen

    assert asyncio.run(visit()) == [True, False, not is_folder, False]


def test_sfmc_7_a_silent_connection_is_closed_and_a_busy_one_is_not(sandbox: Sandbox) -> None:
    async def visit() -> None:
        sftp = await start_sftp(sandbox, rules=replace(sandbox.sftp_rules, idle_s=0.4))
        silent = await _door(sandbox, sftp)
        async with _door(sandbox, sftp) as busy, busy.start_sftp_client() as files:
            for _ in range(2000):
                await files.listdir("/Export")
                if silent.is_closed():
                    break
                await asyncio.sleep(0.01)
            assert silent.is_closed()
            await files.listdir("/Export")
        await sftp.close()

    asyncio.run(visit())


def test_sfmc_7_an_uploaded_file_is_kept_from_when_it_came(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("a,b")

    async def visit() -> None:
        sftp = await start_sftp(sandbox)
        async with _door(sandbox, sftp) as there, there.start_sftp_client() as files:
            await files.put(str(tmp_path / "in.csv"), "/Import/in.csv")
            await files.get("/Import/in.csv", str(tmp_path / "back.csv"))
        await sftp.close()

    asyncio.run(visit())
    path = sandbox.storage.home(RETAIL) / "Import" / "in.csv"
    came = sandbox.storage.now_ms()
    assert sandbox.storage.landed_ms(path) == came
    sandbox.storage.sweep(came + 21 * 86_400_000)
    assert path.exists()
    sandbox.storage.sweep(came + 21 * 86_400_000 + 1)
    assert not path.exists()
