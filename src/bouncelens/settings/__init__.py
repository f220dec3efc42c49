"""One frozen tree of settings, read once at start: `bouncelens.toml`, then the environment over it.

Secrets are never values here, only references (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`).
Relative paths mean: beside the file that says them; from the environment, the working folder.
"""

from bouncelens.settings.loading import FILE_NAME, PREFIX, find, load
from bouncelens.settings.model import (
    AccountSettings,
    CallsSettings,
    EventsSettings,
    QuerySettings,
    RetrySettings,
    SendsSettings,
    Settings,
    SoapSettings,
    TenantSettings,
    TrackingSettings,
)
from bouncelens.settings.secret import REFERENCE, resolve_secret

__all__ = [
    "FILE_NAME",
    "PREFIX",
    "REFERENCE",
    "AccountSettings",
    "CallsSettings",
    "EventsSettings",
    "QuerySettings",
    "RetrySettings",
    "SendsSettings",
    "Settings",
    "SoapSettings",
    "TenantSettings",
    "TrackingSettings",
    "find",
    "load",
    "resolve_secret",
]
