"""The nouns of the trade: what a bounce is, what the server said, what we make of it.

Every stage speaks in these. Times are UTC; Marketing Cloud's UTC-6 ends in `extract`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

    import pyarrow as pa


class Hardness(StrEnum):
    """What a refusal means for the address."""

    HARD = "hard"  # this address will never work
    SOFT = "soft"  # it may work later
    BLOCK = "block"  # the sender or the message was refused; the address is fine
    NONE = "none"  # not a failure
    UNKNOWN = "unknown"  # not enough was said


@dataclass(frozen=True, slots=True)
class Account:
    """A business unit, known by its MID."""

    mid: int
    name: str


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of event time, UTC: `start` belongs to it, `end` does not."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Only:
    """What a pull is narrowed to: one campaign, one receiving domain, or neither."""

    job: int | None = None
    domain: str | None = None  # lower case

    def __bool__(self) -> bool:
        return self.job is not None or self.domain is not None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as a source gave them. `through`: event time up to which the route is complete once
    these rows are stored; None while a window is unfinished."""

    events: pa.RecordBatch  # of event_schema()
    through: datetime | None
    quarantined: tuple[Quarantined, ...] = ()


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that could not be read: kept and counted, never dropped."""

    source: str  # file or endpoint
    line: int | None  # 1-based; None where the source has no lines
    reason: str
    raw: str  # the row as it came, at most 2,000 characters


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server's words name, besides the refusal itself."""

    addresses: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    vendor_codes: tuple[str, ...] = ()  # e.g. "S3140", "TSS04", "AUP#CXBL"


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply, read. RFC 5321 §4.2 gives the code, RFC 3463 the enhanced status."""

    text: str  # the words: decoded, white space folded, no control characters
    code: int | None  # 200–599
    enhanced_status: str | None  # "5.1.1"
    lines: tuple[str, ...]
    receiving_host: str | None  # the host that spoke, where the text says so
    is_truncated: bool  # cut off at a limit or inside a character
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True, slots=True)
class Template:
    """A reply with everything variable masked: the unit of judgement."""

    template_id: int  # stable hash of all that follows
    text: str  # canonical: lower case, what varies replaced by placeholders
    code: int | None
    status: str | None
    provider: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What we make of one reply, and why."""

    reason: str  # listed in classify/rules/reasons.toml
    group: str
    hardness: Hardness
    is_temporary: bool  # the server said: try again
    rule: str | None  # id of the rule that decided; None when nothing spoke
    confidence: float  # 0 to 1
    evidence: str  # the words that decided, as the server wrote them
    actor: str  # who has to act: list_owner, dns_admin, content_author, platform_support, …


@dataclass(frozen=True, slots=True)
class PastBounce:
    """A judged bounce in an address's history, as decisions read it."""

    account: int
    job: int
    batch: int
    subscriber_key: str
    event_time: datetime  # UTC
    reason: str
    group: str
    hardness: Hardness
    is_temporary: bool = False
    rule: str | None = None  # classifier rule that decided the verdict
    is_false_bounce: bool = False  # SFMC saw a delivery receipt after the bounce
    address: str | None = None
    send_day: date | None = None  # UTC; None: the day of the bounce
    provider: str = "other"  # who runs the receiving mailbox
    sfmc_category: str = ""  # SFMC's own, e.g. "Hard bounce"


@dataclass(frozen=True, slots=True)
class Life:
    """The latest signs of life of an address, each None where none is known. Times are UTC."""

    delivery: datetime | None = None  # when a message was sent that did not come back
    open: datetime | None = None
    click: datetime | None = None


@dataclass(frozen=True, slots=True)
class MailHosts:
    """Where a domain takes its mail, as DNS said at a moment."""

    domain: str  # as it was asked for: lower case, A-labels
    outcome: str  # mx, null_mx, implicit_mx …: the keys of check.mx.OUTCOMES
    looked_at: datetime  # UTC
    hosts: tuple[tuple[int, str], ...] = ()  # preference and name, most preferred first
    ttl_s: int | None = None  # of the answer; None: there was none


@dataclass(frozen=True, slots=True)
class Suppression:
    """Our decision not to mail an address, with everything needed to explain and undo it."""

    account: int
    subscriber_key: str
    address: str | None
    reason: str  # of the source event
    grounds: str  # the sentence that logs, pages and tests quote
    # what asked for it: at_once, after_recurrence, provisional (not final yet), second_day or
    # silence (a provisional one that became final)
    basis: str
    job: int  # the source event: the bounce that tipped the scale
    batch: int
    event_time: datetime
    rule: str | None  # classifier rule behind the source event's verdict
    policy: str
    policy_version: str
    decided_at: datetime
    expires_at: datetime | None = None  # None: until somebody undoes it
    state: str = "planned"  # planned, active, released
    provider: str = "other"
    policy_rule: str = ""  # the policy's rule
    sources: str = ""  # every event that counted: job/batch/time, blank between them
    ruleset: str = ""  # hash of the rules by which the replies were judged
    decided_by: str = "policy"  # or who


@dataclass(frozen=True, slots=True)
class HandVerdict:
    """What a person says of a template. It wins over every rule until it is taken back."""

    template_id: int
    reason: str | None  # None: taken back, the rules decide again
    why: str
    decided_by: str
    decided_at: datetime


# The event schema: one row per bounce as a route delivered it. Name, Arrow type, meaning.
EVENT_FIELDS: tuple[tuple[str, str, str], ...] = (
    # identity: what every route knows
    ("account", "int64", "MID of the business unit"),
    ("job", "int64", "SFMC JobID = SendID"),
    ("batch", "int64", "SFMC BatchID; 0 where the source has none"),
    ("subscriber_key", "string", "SFMC SubscriberKey"),
    ("event_time", "timestamp", "when the bounce was recorded, UTC, whole seconds"),
    # provenance
    ("route", "string", "query, extract, file, soap or events"),
    # what some routes know
    ("list_id", "int64", "SFMC ListID"),
    ("subscriber_id", "int64", "SFMC SubscriberID"),
    ("address", "string", "the address mailed, where the route gives it"),
    ("domain", "string", "domain of the address mailed, lower case"),
    ("reply_text", "string", "the server's reply as SFMC kept it"),
    ("sfmc_code", "int32", "SMTPCode as SFMC gives it"),
    ("sfmc_category", "string", "BounceCategory, e.g. 'Hard bounce'"),
    ("sfmc_subcategory", "string", "BounceSubcategory"),
    ("sfmc_type", "string", "BounceType: immediate or delayed"),
    ("is_unique", "bool", "SFMC's IsUnique"),
    ("is_false_bounce", "bool", "SFMC's IsFalseBounce"),
    ("triggered_send_key", "string", "TriggeredSendCustomerKey or its definition's ObjectID"),
    ("is_reply_cut", "bool", "the reply was longer than the route could carry; its end is missing"),
    ("sfmc_message", "string", "SMTPMessage, where it says something else than the reply"),
    ("sfmc_category_id", "int32", "BounceCategoryID: a hint, sources disagree on ids"),
    ("sfmc_subcategory_id", "int32", "BounceSubcategoryID: a hint"),
    ("sfmc_type_id", "int32", "BounceTypeID: a hint"),
)

# Richest first: where routes disagree on a field, the value of the first of them is kept.
ROUTES = ("query", "extract", "file", "soap", "events")

IDENTITY = ("account", "job", "batch", "subscriber_key", "event_time")

# A job's denominators: how much was sent where, when. Cohort day = day of the send, UTC.
SEND_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("account", "int64", "MID of the business unit"),
    ("job", "int64", "SFMC JobID"),
    ("domain", "string", "receiving domain, lower case; '' where only the job's total is known"),
    ("day", "date", "day of the send, UTC"),
    ("sent", "int64", "messages sent"),
)

JOB_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("account", "int64", "MID of the business unit"),
    ("job", "int64", "SFMC JobID"),
    ("email_name", "string", "name of the e-mail in SFMC: what people call the campaign"),
    ("subject", "string", "subject line"),
    ("from_address", "string", "sender address"),
    ("sent_time", "timestamp", "when the send started, UTC"),
    ("number_sent", "int64", "SFMC's Send.NumberSent"),
    ("number_delivered", "int64", "SFMC's Send.NumberDelivered"),
    ("hard_bounces", "int64", "SFMC's Send.HardBounces"),
    ("soft_bounces", "int64", "SFMC's Send.SoftBounces"),
    ("other_bounces", "int64", "SFMC's Send.OtherBounces"),
    ("category", "string", "_Job.Category, e.g. 'Test Send Emails' or 'Triggered Sends'"),
)

# Everybody who bounced, complained or unsubscribed while SFMC remembers it, as SFMC sees them now.
SUBSCRIBER_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("account", "int64", "MID of the business unit"),
    ("subscriber_key", "string", "SFMC SubscriberKey"),
    ("subscriber_id", "int64", "SFMC SubscriberID"),
    ("address", "string", "the address now; it may be another one than bounced"),
    (
        "status",
        "string",
        "active, bounced, held or unsubscribed; NULL: SFMC has no such subscriber",
    ),
    ("sfmc_bounces", "int64", "SFMC's BounceCount"),
    ("joined_time", "timestamp", "when the subscriber was added, UTC"),
    ("held_time", "timestamp", "when SFMC stopped mailing, UTC (DateUndeliverable)"),
    ("unsubscribed_time", "timestamp", "the last unsubscribe SFMC told us of, UTC"),
    ("complained_time", "timestamp", "the last complaint SFMC told us of, UTC"),
    ("last_open", "timestamp", "the last open SFMC told us of, UTC"),
    ("last_click", "timestamp", "the last click SFMC told us of, UTC"),
    ("last_delivery", "timestamp", "when the last message was sent that did not come back, UTC"),
)


def arrow_schema(fields: tuple[tuple[str, str, str], ...]) -> pa.Schema:
    """An Arrow schema from a table of fields; the meaning travels as field metadata."""
    import pyarrow as pa

    types = {
        "int64": pa.int64(),
        "int32": pa.int32(),
        "float64": pa.float64(),
        "string": pa.string(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema(
        [pa.field(name, types[kind], metadata={"doc": doc}) for name, kind, doc in fields]
    )


def event_schema() -> pa.Schema:
    """The schema of bounce events between `extract` and `store`."""
    return arrow_schema(EVENT_FIELDS)
