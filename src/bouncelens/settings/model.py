"""Everything a person can set: names, defaults, limits, and what each means."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from bouncelens.settings.dns import DnsSettings, ProvidersSettings
from bouncelens.settings.engine import EngineSettings
from bouncelens.settings.incident import IncidentSettings
from bouncelens.settings.part import Part
from bouncelens.settings.report import ReportSettings
from bouncelens.settings.secret import ADVICE, REFERENCE, Secret, password_in

# Good enough to be no header, option or second address.
_ADDRESS = r"^[A-Za-z0-9._%+'=-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"
_ADDRESS_OR_NONE = _ADDRESS[:-1].replace("^", "^(", 1) + ")?$"


class AccountSettings(Part):
    """One business unit. Write one `[[accounts]]` table for each."""

    mid: int = Field(ge=1, description="MID of the business unit, as Marketing Cloud shows it.")
    name: str = Field(default="", description="What people call it; shown in reports.")
    sftp_user: str = Field(
        default="",
        description="Its own SFTP user, if extracts land there too; host as in tracking.",
    )
    sftp_password: Secret = Field(default="", description="Reference to that user's password.")
    sftp_key: Secret = Field(default="", description="Reference to a private key instead.")


class TenantSettings(Part):
    """Where the tenant is and how we sign in."""

    subdomain: str = Field(default="", description="Tenant subdomain: 28 characters, usually mc….")
    auth_url: str = Field(default="", description="Instead of the subdomain: base URL for tokens.")
    client_id: str = Field(
        default="", description="The package's client id, as it is or as a reference."
    )
    client_secret: Secret = Field(
        default="", description="Reference to the package's secret, e.g. env:SFMC_CLIENT_SECRET."
    )


class SoapSettings(Part):
    """The SOAP route."""

    window_hours: int = Field(default=24 * 7, ge=1, description="Event time asked for at first.")
    overlap_hours: int = Field(default=72, ge=0, description="Event time read again for late rows.")
    history_days: int = Field(default=365, ge=1, description="How far back the first pull goes.")
    batch_size: int = Field(default=2500, ge=1, le=2500, description="Records per page.")
    timeout_s: float = Field(default=300, gt=0, description="Seconds to wait for one page.")
    addresses: bool = Field(default=True, description="Ask Subscriber for addresses.")


class QuerySettings(Part):
    """The query route. It writes: a data extension and a query activity, removed at the end."""

    name: str = Field(
        default="bouncelens",
        pattern=r"^[A-Za-z][A-Za-z0-9_]{0,19}$",
        description="How the names of what it makes begin; another one for each installation.",
    )
    history_days: int = Field(default=180, ge=1, description="How far back the first pull goes.")
    overlap_hours: int = Field(default=168, ge=0, description="Event time read again each time.")
    window_days: int = Field(default=60, ge=1, description="Event time of the first query.")
    limit_minutes: float = Field(
        default=30, gt=0, description="After so long Marketing Cloud stops a query."
    )
    grace_s: float = Field(
        default=20, gt=0, description="Seconds in which a started query may not seem to run yet."
    )
    poll_s: float = Field(default=5, gt=0, description="Seconds between two looks at a query.")
    subscribers: Literal["_Subscribers", "Ent._Subscribers"] = Field(
        default="_Subscribers", description="Where addresses and statuses are looked up."
    )
    keep: bool = Field(
        default=False, description="Leave what it made, emptied, in the tenant for the next time."
    )


class CallsSettings(Part):
    """How Marketing Cloud may be called, by every route."""

    at_once: int = Field(default=4, ge=1, le=32, description="Calls under way at the same time.")
    forbidden: tuple[
        Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")], ...
    ] = Field(default=(), description='Times of day without any call, e.g. ["08:00-09:30"].')
    time_zone: str = Field(default="UTC", description="IANA zone of these times.")

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        return _zone(value)

    @field_validator("forbidden")
    @classmethod
    def _last(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if empty := [span for span in value if span[:5] == span[6:]]:
            raise ValueError(f"{empty[0]} ends where it begins")
        return value


class TrackingSettings(Part):
    """Tracking Extract zips over SFTP, beside SOAP. Off while there is no host."""

    host: str = Field(default="", description="SFTP host, e.g. mc….ftp.marketingcloudops.com.")
    port: int = Field(default=22, ge=1, le=65535, description="SFTP port.")
    user: str = Field(default="", description="SFTP user, often the MID.")
    password: Secret = Field(default="", description="Reference to the password, if it is one.")
    key: Secret = Field(default="", description="Reference to a private key instead.")
    host_key: str = Field(default="", description="The server's public key, or its SHA256:….")
    folder: str = Field(default="Export", description="Folder that the extracts land in.")


class EventsSettings(Part):
    """The events route: Marketing Cloud posts bounces to `serve`. Off while there is no address."""

    url: str = Field(
        default="", description="Public https address that leads to /events of this server."
    )
    name: str = Field(
        default="bouncelens",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_ -]{0,39}$",
        description="How callbacks and subscriptions are named in Marketing Cloud.",
    )
    folder: str = Field(
        default="events", min_length=1, description="Folder for what has arrived, until stored."
    )
    keys: Secret = Field(
        default="file:events-keys",
        min_length=1,
        description="Where signature keys are, one per MID: file:FOLDER, keyring:SERVICE, or "
        "env:NAME for NAME_MID.",
    )
    key_reading: Literal["either", "text", "bytes"] = Field(
        default="either", description="Whether the key counts as text or as what its base64 holds."
    )
    most_body_mb: int = Field(default=16, ge=1, le=256, description="Largest batch taken, in MiB.")
    most_waiting_mb: int = Field(
        default=1024, ge=1, description="Most that may wait to be stored, in MiB; then 503."
    )
    every_s: float = Field(default=5, gt=0, description="Seconds between two looks into it.")


class RetrySettings(Part):
    """Patience with Marketing Cloud. A wait that it asks for is always kept."""

    attempts: int = Field(default=6, ge=1, description="How often one call is tried.")
    wait_s: float = Field(default=1, gt=0, description="Seconds before the first retry; doubles.")
    wait_max_s: float = Field(default=60, gt=0, description="Longest wait between two tries.")


class SendsSettings(Part):
    """Where the denominators come from."""

    data_extension: str = Field(
        default="",
        description="External key of a data extension with sent counts per job, domain and day "
        "(JobID, Domain, SendDay, Sent). Empty: totals per job from the Send object.",
    )


class SuppressionSettings(Part):
    """Where suppressions go."""

    data_extension: str = Field(
        default="",
        max_length=200,
        description="External key of the data extension that holds who is suppressed, one in each "
        "business unit, made where absent. Empty: none.",
    )
    file: str = Field(
        default="", description="CSV file that holds everybody who is suppressed. Empty: none."
    )


class AutoSuppressionSettings(Part):
    """Auto-suppression lists, filled by imports over SFTP. Off while there is no import."""

    import_key: str = Field(
        default="",
        max_length=200,
        description="External key of the import definition, made once in each business unit. "
        "Empty: none.",
    )
    list_key: str = Field(
        default="",
        max_length=200,
        description="External key of the list, to read it back. Empty: only the import's counts "
        "are believed.",
    )
    file: str = Field(
        default="bouncelens_auto_suppression_{mid}.csv",
        pattern=r"^[A-Za-z0-9_-]{0,100}(\{mid\})?[A-Za-z0-9_-]{0,100}\.csv$",
        description="Name of the file that the import reads; {mid} is the business unit's.",
    )
    folder: str = Field(default="Import", description="SFTP folder that the import reads from.")
    removal: Literal["by_hand", "delete", "overwrite"] = Field(
        default="by_hand",
        description="How an address leaves the list: by your hand, as a deleted row, or by an "
        "import that overwrites the list.",
    )
    removal_file: str = Field(
        default="auto-suppression-removals.csv",
        min_length=1,
        description="CSV file of the addresses that you have to remove by hand.",
    )
    limit_minutes: float = Field(default=60, gt=0, description="How long an import may take.")

    @model_validator(mode="after")
    def _can_be_read(self) -> AutoSuppressionSettings:
        if self.removal != "by_hand" and not self.list_key:
            raise ValueError(f"removal = {self.removal!r} needs list_key")
        return self


class SubscriberStatusSettings(Part):
    """Whether the status of suppressed people is set, too."""

    suppressed: Literal["", "Held"] = Field(
        default="", description="Status that suppressed people get. Empty: theirs is left alone."
    )
    bounced_as: Literal["Active", "Bounced"] = Field(
        default="Active",
        description="What people get back who were Bounced before; few tenants take Bounced.",
    )


class GuardSettings(Part):
    """When a plan is not applied without --override and a reason."""

    list_pct: float = Field(
        default=5, gt=0, le=100, description="Most of the mailable list that a plan may add, in %."
    )
    provider_pct: float = Field(
        default=10,
        gt=0,
        le=100,
        description="Most of one provider's people that a plan may add, in %.",
    )
    least: int = Field(
        default=50, ge=0, description="Fewer added addresses than this are never too many."
    )
    mailable: int = Field(
        default=0,
        ge=0,
        description="How many people are mailable. 0: as many as were mailed on the busiest of the "
        "last 90 days.",
    )
    stale_hours: int = Field(
        default=48, ge=1, description="Data older than this is too old to decide on."
    )


class MoneySettings(Part):
    """What `suppress simulate` reckons with: your assumptions, shown as such. 0: not reckoned."""

    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$", description="ISO 4217 code.")
    per_1000_sends: float = Field(
        default=0, ge=0, le=1e6, description="What a thousand messages cost."
    )
    contact_month: float = Field(
        default=0, ge=0, le=1e6, description="What a person who can be reached is worth a month."
    )


class MailSettings(Part):
    """The server that takes our mail. Off while there is no host."""

    host: str = Field(default="", description="SMTP host, e.g. smtp.example.com.")
    port: int = Field(default=587, ge=1, le=65535, description="SMTP port.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How it is kept private; none only on this machine."
    )
    user: str = Field(default="", description="User to sign in as; empty: without sign-in.")
    password: Secret = Field(default="", description="Reference to that user's password.")
    ca_file: str = Field(
        default="", description="PEM file of an authority to trust instead of the system's."
    )
    sender: str = Field(
        default="", pattern=_ADDRESS_OR_NONE, description="Address that our mail comes from."
    )
    timeout_s: float = Field(default=60, gt=0, description="Seconds to wait for its answer.")


class DigestSettings(Part):
    """The periodic report: `bouncelens digest`."""

    to: tuple[Annotated[str, Field(pattern=_ADDRESS)], ...] = Field(
        default=(), description="Addresses that it is mailed to."
    )
    days: int = Field(default=7, ge=1, le=366, description="Days that the first one covers.")
    settle_days: int = Field(
        default=1,
        ge=0,
        le=30,
        description="Days before now that it leaves out: their bounces are still coming.",
    )
    attach: tuple[Literal["pdf", "xlsx", "html"], ...] = Field(
        default=("pdf",), description="Forms in which the mail carries the whole report."
    )


class SqlSettings(Part):
    """What `bouncelens sql` may take and show."""

    seconds: float = Field(default=60, gt=0, description="Seconds after which a query is stopped.")
    memory_mb: int = Field(default=1024, ge=64, description="Memory that a query may take, in MB.")
    rows: int = Field(default=10_000, ge=1, description="Rows of an answer at most.")


class Settings(Part):
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
    routes: tuple[Literal["soap", "query", "tracking"], ...] = Field(
        default=("soap", "tracking"),
        min_length=1,
        description="Routes that a pull takes, in this order; tracking only where it has a host.",
    )
    soap: SoapSettings = Field(default=SoapSettings(), description="The SOAP route.")
    query: QuerySettings = Field(default=QuerySettings(), description="The query route.")
    tracking: TrackingSettings = Field(default=TrackingSettings(), description="Extracts.")
    events: EventsSettings = Field(default=EventsSettings(), description="The events route.")
    calls: CallsSettings = Field(default=CallsSettings(), description="Calls.")
    retry: RetrySettings = Field(default=RetrySettings(), description="Retries.")
    sends: SendsSettings = Field(default=SendsSettings(), description="Sent counts.")
    report: ReportSettings = Field(default=ReportSettings(), description="Reports.")
    dns: DnsSettings = Field(default=DnsSettings(), description="Look-ups in DNS.")
    providers: ProvidersSettings = Field(default=ProvidersSettings(), description="Providers.")
    engine: EngineSettings = Field(default=EngineSettings(), description="Engine.")
    sql: SqlSettings = Field(default=SqlSettings(), description="SQL of your own.")
    mail: MailSettings = Field(default=MailSettings(), description="Outgoing mail.")
    digest: DigestSettings = Field(default=DigestSettings(), description="The periodic report.")
    suppression: SuppressionSettings = Field(
        default=SuppressionSettings(), description="Suppressions."
    )
    auto_suppression: AutoSuppressionSettings = Field(
        default=AutoSuppressionSettings(), description="Auto-suppression lists."
    )
    subscriber_status: SubscriberStatusSettings = Field(
        default=SubscriberStatusSettings(), description="Subscriber statuses."
    )
    guard: GuardSettings = Field(default=GuardSettings(), description="Guard rails.")
    incident: IncidentSettings = Field(default=IncidentSettings(), description="Incidents.")
    money: MoneySettings = Field(default=MoneySettings(), description="Money, as assumed.")

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
        return _zone(value)

    @field_validator("accounts")
    @classmethod
    def _are_different(cls, value: tuple[AccountSettings, ...]) -> tuple[AccountSettings, ...]:
        mids = [account.mid for account in value]
        if twice := sorted({mid for mid in mids if mids.count(mid) > 1}):
            raise ValueError(f"the MID {twice[0]} is there twice")
        return value


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"no time zone is called {name[:60]!r}; say e.g. Europe/Vienna") from error
    return name
