"""One frozen tree of settings, read once at start: `bouncelens.toml`, then the environment over it.

Secrets are never values here, only references (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`).
Relative paths mean: beside the file that says them; from the environment, the working folder.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from bouncelens.errors import SettingsInvalid

FILE_NAME = "bouncelens.toml"
PREFIX = "BOUNCELENS_"
_NOT_SETTINGS = frozenset({"BOUNCELENS_CONFIG"})  # read by the command line itself
_SCHEMES = ("env", "file", "keyring")
REFERENCE = re.compile(r"(env|file|keyring):.+", re.DOTALL)
_ADVICE = (
    "Write a reference instead: env:NAME for an environment variable, file:PATH for a file, "
    "or keyring:SERVICE/NAME for the system's keyring."
)


def _is_reference(value: str) -> str:
    if value and not REFERENCE.fullmatch(value):
        raise ValueError(f"a secret must not stand here itself. {_ADVICE}")
    return value


_Secret = Annotated[str, AfterValidator(_is_reference)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class AccountSettings(_Part):
    """One business unit. Write one `[[accounts]]` table for each."""

    mid: int = Field(ge=1, description="MID of the business unit, as Marketing Cloud shows it.")
    name: str = Field(default="", description="What people call it; shown in reports.")


class TenantSettings(_Part):
    """Where the tenant is and how we sign in."""

    subdomain: str = Field(default="", description="Tenant subdomain: 28 characters, usually mc….")
    auth_url: str = Field(default="", description="Instead of the subdomain: base URL for tokens.")
    client_id: str = Field(
        default="", description="The package's client id, as it is or as a reference."
    )
    client_secret: _Secret = Field(
        default="", description="Reference to the package's secret, e.g. env:SFMC_CLIENT_SECRET."
    )


class SoapSettings(_Part):
    """The SOAP route."""

    window_hours: int = Field(default=24 * 7, ge=1, description="Event time asked for at first.")
    overlap_hours: int = Field(default=72, ge=0, description="Event time read again for late rows.")
    history_days: int = Field(default=365, ge=1, description="How far back the first pull goes.")
    batch_size: int = Field(default=2500, ge=1, le=2500, description="Records per page.")
    timeout_s: float = Field(default=300, gt=0, description="Seconds to wait for one page.")
    addresses: bool = Field(default=True, description="Ask Subscriber for addresses.")


class TrackingSettings(_Part):
    """Tracking Extract zips over SFTP, beside SOAP. Off while there is no host."""

    host: str = Field(default="", description="SFTP host, e.g. mc….ftp.marketingcloudops.com.")
    port: int = Field(default=22, ge=1, le=65535, description="SFTP port.")
    user: str = Field(default="", description="SFTP user, often the MID.")
    password: _Secret = Field(default="", description="Reference to the password, if it is one.")
    key: _Secret = Field(default="", description="Reference to a private key instead.")
    host_key: str = Field(default="", description="The server's public key, or its SHA256:….")
    folder: str = Field(default="Export", description="Folder that the extracts land in.")


class RetrySettings(_Part):
    """Patience with Marketing Cloud. A wait that it asks for is always kept."""

    attempts: int = Field(default=6, ge=1, description="How often one call is tried.")
    wait_s: float = Field(default=1, gt=0, description="Seconds before the first retry; doubles.")
    wait_max_s: float = Field(default=60, gt=0, description="Longest wait between two tries.")


class SendsSettings(_Part):
    """Where the denominators come from."""

    data_extension: str = Field(
        default="",
        description="External key of a data extension with sent counts per job, domain and day "
        "(JobID, Domain, SendDay, Sent). Empty: totals per job from the Send object.",
    )


class Settings(_Part):
    """Everything a person can set."""

    lake: str = Field(default="lake", description="Folder or URL of the lake.")
    ledger: str = Field(
        default="sqlite:///bouncelens.db",
        description="SQLAlchemy URL of the ledger, or a reference to one that holds a password.",
    )
    policy: str = Field(
        default="default", description="Suppression policy: its name, or your own .toml file."
    )
    time_zone: str = Field(default="UTC", description="IANA zone for display only.")
    rules: tuple[str, ...] = Field(default=(), description="Your own rule files, before ours.")
    tenant: TenantSettings = Field(default=TenantSettings(), description="The tenant.")
    accounts: tuple[AccountSettings, ...] = Field(default=(), description="Business units.")
    soap: SoapSettings = Field(default=SoapSettings(), description="The SOAP route.")
    tracking: TrackingSettings = Field(default=TrackingSettings(), description="Extracts.")
    retry: RetrySettings = Field(default=RetrySettings(), description="Retries.")
    sends: SendsSettings = Field(default=SendsSettings(), description="Sent counts.")

    @field_validator("lake", "ledger")
    @classmethod
    def _holds_no_password(cls, value: str) -> str:
        if not value:
            raise ValueError("it must not be empty")
        if not REFERENCE.fullmatch(value) and _password(value):
            raise ValueError(f"a secret must not stand here itself. {_ADVICE}")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(
                f"no time zone is called {value[:60]!r}; say e.g. Europe/Vienna"
            ) from error
        return value

    @field_validator("accounts")
    @classmethod
    def _are_different(cls, value: tuple[AccountSettings, ...]) -> tuple[AccountSettings, ...]:
        mids = [account.mid for account in value]
        if twice := sorted({mid for mid in mids if mids.count(mid) > 1}):
            raise ValueError(f"the MID {twice[0]} is there twice")
        return value


def load(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
) -> Settings:
    """The settings of `path`, or of the file that `find` finds, with the environment over them.

    No file at all is fine: everything has a default but the tenant. Raises SettingsInvalid.
    """
    environ = os.environ if environ is None else environ
    here = (folder or Path.cwd()).absolute()
    source = path if path is not None else find(here)
    table = _read(source) if source else {}
    base = source.absolute().parent if source else here
    layers = [(table, base, str(source)), (_environment(environ, table), here, "environment")]
    merged: dict[str, Any] = {"lake": "lake", "ledger": "sqlite:///bouncelens.db"}
    merged = _anchored(merged, base)
    for layer, beside, name in layers:
        _check_keys(layer, name)
        merged = _over(merged, _anchored(layer, beside))
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsInvalid(_sentence(error, layers)) from error


def find(folder: Path) -> Path | None:
    """The settings file that counts: in `folder`, else in the user's configuration folder."""
    from platformdirs import user_config_path

    for place in (folder / FILE_NAME, user_config_path("bouncelens") / FILE_NAME):
        if place.is_file():
            return place
    return None


def resolve_secret(reference: str, environ: Mapping[str, str] | None = None) -> str:
    """The secret behind a reference; a text without a scheme is returned as it is (client ids).

    Raises SettingsInvalid when there is nothing behind it. Never shows what it found.
    """
    scheme, colon, rest = reference.partition(":")
    if not colon or scheme not in _SCHEMES:
        return reference
    if scheme == "env":
        found = (os.environ if environ is None else environ).get(rest)
        if not found:
            raise SettingsInvalid(
                f"The environment variable {rest} is not set.",
                advice=f"Set it, or change the reference {reference!r}.",
            )
        return found
    return _of_file(rest) if scheme == "file" else _of_keyring(rest)


def _part(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


# Reading


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise SettingsInvalid(
            f"{path} cannot be read: {error.strerror}.", advice="`bouncelens init` writes one."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} is not TOML: {error}.") from error


def _environment(environ: Mapping[str, str], table: Mapping[str, Any]) -> dict[str, Any]:
    """BOUNCELENS_TENANT__CLIENT_ID=… as {"tenant": {"client_id": …}}."""
    found: dict[str, Any] = {}
    referenced = {text.removeprefix("env:") for text in _texts(table) if text.startswith("env:")}
    referenced |= {v.removeprefix("env:") for v in environ.values() if v.startswith("env:")}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS | referenced:
            continue
        *parts, last = name.removeprefix(PREFIX).lower().split("__")
        place = found
        for part in parts:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise SettingsInvalid(f"The environment variable {name} contradicts another one.")
        place[last] = _value(name, environ[name], is_list=last in ("accounts", "rules"))
    return found


def _value(name: str, text: str, *, is_list: bool) -> Any:
    if not is_list:
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsInvalid(
            f"The environment variable {name} is not JSON.",
            advice='It holds a list, e.g. [{"mid": 100, "name": "Shop"}] or ["rules.toml"].',
        ) from error


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _over(old, value) if both and isinstance(old, dict) else value
    return merged


def _anchored(table: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """With relative paths made absolute."""
    made = dict(table)
    lake, ledger, rules = made.get("lake"), made.get("ledger"), made.get("rules")
    if isinstance(lake, str) and lake and "://" not in lake and not REFERENCE.fullmatch(lake):
        made["lake"] = str(base / Path(lake).expanduser())
    if isinstance(policy := made.get("policy"), str) and policy.endswith(".toml"):
        made["policy"] = str(base / Path(policy).expanduser())
    if isinstance(ledger, str) and re.fullmatch(r"sqlite:///(?!:memory:$).+", ledger):
        made["ledger"] = f"sqlite:///{base / Path(ledger[10:]).expanduser()}"
    if isinstance(rules, list):
        made["rules"] = [
            str(base / Path(rule).expanduser()) if isinstance(rule, str) else rule for rule in rules
        ]
    for name in ("tenant", "tracking"):
        if isinstance(part := made.get(name), dict):
            made[name] = {
                key: f"file:{base / Path(value[5:]).expanduser()}"
                if isinstance(value, str) and value.startswith("file:")
                else value
                for key, value in part.items()
            }
    return made


def _password(url: str) -> str | None:
    try:
        return urlsplit(url).password
    except ValueError:
        return None


def _of_file(path: str) -> str:
    try:
        text = Path(path).expanduser().read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsInvalid(f"The secret's file {path} cannot be read: {reason}.") from error
    if not text:
        raise SettingsInvalid(f"The secret's file {path} is empty.")
    return text


def _of_keyring(name: str) -> str:
    import keyring
    from keyring.errors import KeyringError

    service, slash, user = name.partition("/")
    if not slash:
        raise SettingsInvalid(f"keyring:{name} names no entry; write keyring:SERVICE/NAME.")
    try:
        found = keyring.get_password(service, user)
    except KeyringError as error:
        raise SettingsInvalid(
            f"The system's keyring cannot be read for {name}.",
            advice="Unlock it, or use env: or file: instead.",
        ) from error
    if not found:
        raise SettingsInvalid(
            f"The system's keyring has nothing for {name}.",
            advice=f"Put it there: keyring set {service} {user}",
        )
    return found


# Refusing


def _check_keys(table: Mapping[str, Any], source: str) -> None:
    known = _known(Settings, "")
    for key in _keys(table, ""):
        if key not in known:
            shown, near = (text.replace("[]", "") for text in (key, _nearest(key, known)))
            if source == "environment":
                shown, near = (f"{PREFIX}{t.replace('.', '__').upper()}" for t in (shown, near))
            raise SettingsInvalid(
                f"{source}: unknown setting {shown!r}.", advice=f"Did you mean {near!r}?"
            )


def _nearest(key: str, known: set[str]) -> str:
    """The known key most alike, as a whole or by its last part in another table."""

    def likeness(candidate: str) -> float:
        last = difflib.SequenceMatcher(None, key.split(".")[-1], candidate.split(".")[-1]).ratio()
        return last + 0.5 * difflib.SequenceMatcher(None, key, candidate).ratio()

    return max(sorted(known), key=likeness)


def _known(model: type[BaseModel], before: str) -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        found.add(before + name)
        if kind := _part(field.annotation):
            dots = "[]." if "tuple" in str(field.annotation) else "."
            found |= _known(kind, f"{before}{name}{dots}")
    return found


def _keys(value: Mapping[str, Any], before: str) -> Iterator[str]:
    for key, part in value.items():
        yield before + key
        if isinstance(part, dict):
            yield from _keys(part, f"{before}{key}.")
        elif isinstance(part, list):
            for entry in part:
                if isinstance(entry, dict):
                    yield from _keys(entry, f"{before}{key}[].")


def _sentence(error: ValidationError, layers: list[tuple[dict[str, Any], Path, str]]) -> str:
    """What is wrong first, where, and never with the value: it may be a secret."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    source = next((name for table, _, name in reversed(layers) if first["loc"][0] in table), "")
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{source}: the setting {key!r} is wrong: {message[0].lower()}{message[1:]}."
