"""Everything a person can set: names, defaults, limits, and what each means."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bouncelens.settings.secret import ADVICE, REFERENCE, Secret, password_in


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
    client_secret: Secret = Field(
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
    password: Secret = Field(default="", description="Reference to the password, if it is one.")
    key: Secret = Field(default="", description="Reference to a private key instead.")
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
        if not REFERENCE.fullmatch(value) and password_in(value):
            raise ValueError(f"a secret must not stand here itself. {ADVICE}")
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
