"""One frozen tree of settings, read once at start: `bouncelens.toml`, then the environment over it.

Secrets are never values here, only references (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`).
Relative paths mean: beside the file that says them; from the environment, the working folder.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bouncelens.settings.loading import load
    from bouncelens.settings.model import (
        AccountSettings,
        CallsSettings,
        EventsSettings,
        GuardSettings,
        QuerySettings,
        RetrySettings,
        SendsSettings,
        Settings,
        SoapSettings,
        SuppressionSettings,
        TenantSettings,
        TrackingSettings,
    )
    from bouncelens.settings.places import FILE_NAME, PREFIX, are_any, find
    from bouncelens.settings.secret import REFERENCE, resolve_secret

__all__ = [
    "FILE_NAME",
    "PREFIX",
    "REFERENCE",
    "AccountSettings",
    "CallsSettings",
    "EventsSettings",
    "GuardSettings",
    "QuerySettings",
    "RetrySettings",
    "SendsSettings",
    "Settings",
    "SoapSettings",
    "SuppressionSettings",
    "TenantSettings",
    "TrackingSettings",
    "are_any",
    "find",
    "load",
    "resolve_secret",
]


def __getattr__(name: str) -> object:
    """The names above, loaded when first asked for: checking a tree of settings loads slowly."""
    if name in __all__:
        for module in ("places", "secret", "loading", "model"):
            home = import_module(f"bouncelens.settings.{module}")
            if hasattr(home, name):
                return getattr(home, name)
    raise AttributeError(f"module 'bouncelens.settings' has no attribute {name!r}")
