"""A system's keyring that knows one secret, for programs under test."""

from __future__ import annotations

import os

from keyring.backend import KeyringBackend


class CanaryKeyring(KeyringBackend):
    """Gives what the environment says, whoever asks."""

    priority = 1  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        return os.environ.get("CANARY_IN_KEYRING")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError
