"""Tracking Extracts over SFTP: found, fetched, read once, and the server made to prove itself."""

from __future__ import annotations

import asyncio
import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest
from light_workspace import LightWorkspace

from bouncelens.bounce import IDENTITY
from bouncelens.errors import SettingsInvalid, SignInRefused, SourceError
from bouncelens.extract.limits import Patience
from bouncelens.extract.signin import Credentials, SignIn
from bouncelens.extract.tracking import TrackingSource
from bouncelens.extract.wire import Call, Wire
from bouncelens.service.extracts import place_of
from bouncelens.service.pull import pull
from bouncelens.settings import Settings
from sandbox_process import Sandbox, running_sandbox

HASTY = Patience(attempts=2, wait_s=0.01, jitter_s=0)
ORDER = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
    '<fueloauth xmlns="http://exacttarget.com">{token}</fueloauth></s:Header><s:Body>'
    '<ExtractRequestMsg xmlns="http://exacttarget.com/wsdl/partnerAPI"><Requests>'
    "<ID>c7219016-a7f0-4c72-8657-1ec12c28a0db</ID><Options/><Parameters>{parameters}</Parameters>"
    "</Requests></ExtractRequestMsg></s:Body></s:Envelope>"
)


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("tenant")
    arguments = ("--seed", "11", "--bounces", "800", "--months", "2")
    with running_sandbox(folder, *arguments) as sandbox:
        yield sandbox


def tracking(sandbox: Sandbox, place: Path, **more: object) -> dict[str, object]:
    user = next(u for u in sandbox.sftp["users"] if u["user"] == str(sandbox.accounts[0][0]))
    (place / "sftp-password").write_text(user["password"])
    table = {"host": sandbox.sftp["host"], "port": sandbox.sftp["port"], "user": user["user"]}
    password = f"file:{place / 'sftp-password'}"
    return {**table, "password": password, "host_key": sandbox.sftp["host_key"], **more}


def order(sandbox: Sandbox, settings: Settings, name: str, **more: str) -> None:
    """Has the sandbox run an extract of all accounts, and waits until it lies there whole."""
    wanted = {
        "AccountIDs": "*", "RollingRange": "90", "OutputFileName": name, "Format": "csv",
        "ExtractBounces": "true", "ExtractSent": "true", "ExtractSendJobs": "true", **more,
    }  # fmt: skip
    parameters = "".join(
        f"<Parameter><Name>{n}</Name><Value>{v}</Value></Parameter>" for n, v in wanted.items()
    )
    wire = Wire(timeout_s=60)
    credentials = Credentials(sandbox.client_id, sandbox.client_secret)
    token = SignIn(wire, sandbox.auth_url, credentials).token(sandbox.accounts[0][0])
    body = ORDER.format(token=token.access, parameters=parameters).encode()
    headers = {"Content-Type": "text/xml", "SOAPAction": "Extract"}
    wire.send(Call("POST", token.soap_url + "Service.asmx", headers, body), source="order")
    wire.close()
    source = TrackingSource(place_of(settings.tracking), patience=HASTY)
    sizes: list[int] = []
    while len(sizes) < 3 or sizes[-1] != sizes[-2] or not sizes[-1]:
        sizes.append(sum(r.size for r in source.find() if r.name == name))
        time.sleep(0.1)
        assert len(sizes) < 400


def test_an_extract_holds_what_soap_holds_and_doubles_nothing(
    tenant: Sandbox, tmp_path: Path
) -> None:
    alone = tenant.settings(tmp_path, tracking=tracking(tenant, tmp_path), accounts=[])
    order(tenant, alone, "daily_%%Year%%.zip".replace("%%Year%%", "2026"))
    planted = sorted(tuple(r.values()) for r in tenant.truth.select(list(IDENTITY)).to_pylist())
    with LightWorkspace.open(alone) as workspace:
        result = pull(workspace)
        assert result.exit_code == 0, result.partial
        assert (result.stored, result.quarantined) == (tenant.planted, 0)
        assert result.jobs > 0
        rows = workspace.lake.read("bounces")
        assert rows["address"].null_count == 0
        assert set(rows["routes"].to_pylist()) == {"extract"}
        again = pull(workspace)
        assert (again.stored, again.known) == (0, tenant.planted)
    both = tenant.settings(tmp_path, tracking=tracking(tenant, tmp_path), sends={})
    with LightWorkspace.open(both) as workspace:
        assert pull(workspace).stored == 0
        rows = workspace.lake.read("bounces").select(list(IDENTITY)).to_pylist()
        assert sorted(tuple(r.values()) for r in rows) == planted


def zipped(*keys: str) -> bytes:
    head = "ClientID,SendID,SubscriberKey,EventDate,BounceReason,BatchID\r\n"
    rows = "".join(f"7,1,{key},1/5/2026 7:00:00 PM,550 no,1\r\n" for key in keys)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("Bounces.csv", (head + rows).encode("utf-16"))
    return out.getvalue()


def put(settings: Settings, **files: bytes) -> None:
    place = place_of(settings.tracking)

    async def write() -> None:
        async with (
            asyncssh.connect(
                place.host, place.port, username=place.user, password=place.password,
                known_hosts=None, config=None, client_keys=None,
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):  # fmt: skip
            for name, content in files.items():
                async with sftp.open(f"{place.folder}/{name}.zip", "wb") as file:
                    await file.write(content)

    asyncio.run(write())


def test_a_damaged_extract_leaves_the_run_partial_until_it_is_whole(
    tenant: Sandbox, tmp_path: Path
) -> None:
    table = tracking(tenant, tmp_path, folder="Import")
    settings = tenant.settings(tmp_path, tracking=table, accounts=[])
    put(settings, monday=zipped("a"), tuesday=zipped("b", "c")[:-40])
    with LightWorkspace.open(settings) as workspace:
        result = pull(workspace)
        assert (result.stored, result.exit_code) == (1, 3)
        assert "tuesday.zip is damaged or incomplete" in result.partial[0]
        put(settings, wednesday=zipped("d"))
        assert (pull(workspace).stored, pull(workspace).exit_code) == (1, 3)
        put(settings, tuesday=zipped("b", "c"))
        result = pull(workspace)
        assert (result.stored, result.exit_code) == (2, 0)
        assert sorted(workspace.lake.read("bounces")["subscriber_key"].to_pylist()) == [*"abcd"]


def test_another_host_key_ends_the_conversation_before_the_password(
    tenant: Sandbox, tmp_path: Path
) -> None:
    other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    settings = tenant.settings(
        tmp_path, tracking=tracking(tenant, tmp_path, host_key=other), accounts=[]
    )
    with (
        LightWorkspace.open(settings) as workspace,
        pytest.raises(SourceError, match="not the pinned one"),
    ):
        pull(workspace)


def test_a_wrong_password_is_tried_once(tenant: Sandbox, tmp_path: Path) -> None:
    settings = tenant.settings(tmp_path, tracking=tracking(tenant, tmp_path), accounts=[])
    (tmp_path / "sftp-password").write_text("canary-wrong")
    with LightWorkspace.open(settings) as workspace, pytest.raises(SignInRefused) as caught:
        pull(workspace)
    assert "FTP Accounts" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"host_key": ""}, SettingsInvalid, "ssh-keyscan"),
        ({"host_key": "nonsense"}, SettingsInvalid, "no public key"),
        ({"password": ""}, SettingsInvalid, "password or key"),
        ({"folder": "Nowhere"}, SourceError, "there is no 'Nowhere'"),
        ({"port": 9}, SourceError, "cannot be reached"),
    ],
    ids=["no host key", "bad host key", "no secret", "no folder", "no server"],
)
def test_what_is_wrong_with_the_server_is_said(
    tenant: Sandbox, tmp_path: Path, more: dict[str, object], error: type[Exception], words: str
) -> None:
    settings = tenant.settings(tmp_path, tracking=tracking(tenant, tmp_path, **more), accounts=[])
    with LightWorkspace.open(settings) as workspace, pytest.raises(error, match=words):
        pull(workspace)
