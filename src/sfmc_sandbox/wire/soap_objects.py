"""The retrievable objects: where their rows lie and how each property is written.

Names outside of the table are what SFMC refuses (fact sheet 2.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfmc_sandbox.wire.soap_catalogue import CATALOGUE
from sfmc_sandbox.wire.soap_imports import IMPORT_OBJECTS
from sfmc_sandbox.wire.soap_people import (
    ACCOUNT,
    COUNTS,
    DERIVED,
    MEMBERSHIPS,
    MODIFIED,
    UNIT,
)
from sfmc_sandbox.wire.soap_row import CLIENT, Kind, Property, SoapObject

if TYPE_CHECKING:
    from sfmc_sandbox.extensions import DataExtension

_TRIGGERED = Property("TriggeredSendDefinitionObjectID", "j.triggered")


def _tracking(event_type: str) -> tuple[Property, ...]:
    return (
        Property("SendID", "e.job_id", "int"),
        Property("SubscriberKey", "s.subscriber_key"),
        Property("EventDate", "e.event_time", "date"),
        Property("EventType", event_type),
        _TRIGGERED,
        Property("BatchID", "e.batch_id", "int"),
    )


def _event(
    name: str, table: str, event_type: str, *, before: tuple[Property, ...] = (),
    after: tuple[Property, ...] = (),
) -> SoapObject:  # fmt: skip
    return SoapObject(
        name,
        f"{table} e JOIN subscriber s USING (sub) JOIN job j USING (job_id)",
        "e.rowid",
        "e.mid = ?",
        (CLIENT, *before, *_tracking(event_type), *after),
        "tracking_events_read",
        table=table,
    )


_PAIRS = (
    Property("ListID", "e.list_id", "int", is_pair=True),
    Property("SubscriberID", "s.subscriber_id", "int", is_pair=True),
)
_BOUNCE_TYPE = (
    "CASE e.category_id WHEN 1 THEN 'HardBounce' WHEN 2 THEN 'SoftBounce' ELSE 'OtherBounce' END"
)

OBJECTS: dict[str, SoapObject] = {
    entry.name: entry
    for entry in (
        _event(
            "BounceEvent",
            "bounce",
            _BOUNCE_TYPE,
            after=(
                Property("SMTPCode", "CAST(e.code AS VARCHAR)"),
                Property("BounceCategory", "e.category"),
                Property("SMTPReason", "e.reason_text"),
                Property("BounceType", "e.type"),
            ),
        ),
        _event("SentEvent", "sent", "'Sent'", before=_PAIRS),
        _event("NotSentEvent", "not_sent", "'NotSent'"),
        _event("OpenEvent", "open", "'Open'"),
        _event(
            "ClickEvent",
            "click",
            "'Click'",
            after=(
                Property("URLID", "100 + e.rowid % 5", "int"),
                Property("URL", "'https://www.alderbrook.example/' || (e.rowid % 5)"),
            ),
        ),
        _event(
            "UnsubEvent",
            "unsub",
            "'Unsubscribe'",
            after=(Property("IsMasterUnsubscribed", "true", "bool"),),
        ),
        SoapObject(
            "Send",
            "job e JOIN job_count c USING (job_id)",
            "e.job_id",
            "e.mid = ?",
            (
                CLIENT,
                Property("CreatedDate", "e.start_time - INTERVAL 20 MINUTE", "date"),
                Property("ModifiedDate", "e.end_time", "date"),
                Property("ID", "e.job_id", "int"),
                Property("Email.ID", "e.email_id", "int", ("Email", "ID")),
                Property("List.ID", "e.list_id", "int", ("List", "ID")),
                Property("SendDate", "e.start_time", "date"),
                Property("FromAddress", "e.from_email"),
                Property("FromName", "e.from_name"),
                *COUNTS,
                Property("Subject", "e.subject"),
                Property("SentDate", "e.start_time", "date"),
                Property("EmailName", "e.email_name"),
                Property("Status", "'Complete'"),
                Property("IsMultipart", "true", "bool"),
            ),
            "tracking_events_read",
        ),
        SoapObject(
            "Subscriber",
            "subscriber e",
            "e.sub",
            "e.mid = ? AND e.status <> 'Deleted'",
            (
                CLIENT,
                Property("CreatedDate", "e.joined", "date"),
                Property("ID", "e.subscriber_id", "int"),
                Property("EmailAddress", "e.email"),
                Property("SubscriberKey", "e.subscriber_key"),
                Property("UnsubscribedDate", "e.unsubscribed", "date"),
                Property("Status", "e.status"),
                Property("EmailTypePreference", "'HTML'"),
            ),
            "list_and_subscribers_read",
            table="subscriber",
        ),
        SoapObject(
            "ListSubscriber",
            MEMBERSHIPS,
            "e.n",
            "e.mid = ? AND e.status <> 'Deleted'",
            (
                CLIENT,
                Property("CreatedDate", "e.joined", "date"),
                Property("ModifiedDate", MODIFIED, "date"),
                Property("ID", "e.subscriber_id", "int"),
                Property("Status", "e.status"),
                Property("ListID", "e.list_id", "int"),
                Property("SubscriberKey", "e.subscriber_key"),
            ),
            "list_and_subscribers_read",
        ),
        SoapObject(
            "BusinessUnit",
            UNIT,
            "e.mid",
            "e.mid = ?",
            (
                *ACCOUNT,
                Property("Description", "''"),
                Property("MasterUnsubscribeBehavior", "'BUSINESS_UNIT_ONLY'"),
            ),
            "accounts_read",
        ),
        *CATALOGUE,
        *IMPORT_OBJECTS,
        *DERIVED,
    )
}
_ROW_KINDS: dict[str, Kind] = {
    "Number": "int",
    "Decimal": "decimal",
    "Date": "date",
    "Boolean": "bool",
}


def rows_of(extension: DataExtension) -> SoapObject:
    """DataExtensionObject[KEY]: the rows of one data extension."""
    return SoapObject(
        "DataExtensionObject",
        f"{extension.table} e",
        "e.rowid",
        f"? = {extension.mid}",
        (
            *(
                Property(f.name, f"e.{f.quoted}", _ROW_KINDS.get(f.type, "string"))
                for f in extension.fields
            ),
            # What the platform itself calls a row by; clients ask for it beside the fields.
            Property("_CustomObjectKey", "e.rowid + 1", "int"),
        ),
        "data_extensions_read",
        is_bag=True,
        table=extension.table,
    )
