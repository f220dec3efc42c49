"""Secrets are never settings, only references to them: `env:`, `file:` or `keyring:`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from bouncelens.errors import SettingsInvalid

_SCHEMES = ("env", "file", "keyring")
REFERENCE = re.compile(r"(env|file|keyring):.+", re.DOTALL)
ADVICE = (
    "Write a reference instead: env:NAME for an environment variable, file:PATH for a file, "
    "or keyring:SERVICE/NAME for the system's keyring."
)


def _is_reference(value: str) -> str:
    if value and not REFERENCE.fullmatch(value):
        raise ValueError(f"a secret must not stand here itself. {ADVICE}")
    return value


Secret = Annotated[str, AfterValidator(_is_reference)]


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


def password_in(url: str) -> str | None:
    """The password that a URL carries, if any."""
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
