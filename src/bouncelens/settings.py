"""One frozen tree of settings, read once at start: `bouncelens.toml`, then the environment over it.

Secrets are never values here, only references (`env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AccountSettings(_Part):
    """One business unit."""

    mid: int = Field(description="MID of the business unit, as Marketing Cloud shows it.")
    name: str = Field(default="", description="What people call it; shown in reports.")


class TenantSettings(_Part):
    """Where the tenant is and how we sign in."""

    subdomain: str = Field(default="", description="Tenant subdomain: 28 characters, usually mc….")
    auth_url: str = Field(default="", description="Instead of the subdomain: base URL for tokens.")
    client_id: str = Field(default="", description="Reference to the package's client id.")
    client_secret: str = Field(default="", description="Reference to the package's secret.")


class SoapSettings(_Part):
    """The SOAP route."""

    window_hours: int = Field(default=24 * 7, ge=1, description="Event time asked for at once.")
    overlap_hours: int = Field(default=72, ge=0, description="Event time read again for late rows.")
    history_days: int = Field(default=365, ge=1, description="How far back the first pull goes.")
    batch_size: int = Field(default=2500, ge=1, le=2500, description="Records per page.")
    timeout_s: float = Field(default=300, gt=0, description="Seconds to wait for one page.")


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
    ledger: str = Field(default="sqlite:///bouncelens.db", description="SQLAlchemy URL.")
    policy: str = Field(default="default", description="Name of the suppression policy.")
    time_zone: str = Field(default="UTC", description="IANA zone for display only.")
    rules: tuple[str, ...] = Field(default=(), description="Your own rule files, before ours.")
    tenant: TenantSettings = TenantSettings()
    accounts: tuple[AccountSettings, ...] = ()
    soap: SoapSettings = SoapSettings()
    sends: SendsSettings = SendsSettings()
