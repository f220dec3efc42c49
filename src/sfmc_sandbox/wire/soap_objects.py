"""The retrievable objects: where their rows lie and how each property is written.

Names outside of the table are what SFMC refuses (fact sheet 2.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfmc_sandbox.wire.soap_row import Kind, Property, SoapObject

if TYPE_CHECKING:
    from sfmc_sandbox.extensions import DataExtension

_CLIENT = Property("Client.ID", "e.mid", "int", ("Client", "ID"))
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
        (_CLIENT, *before, *_tracking(event_type), *after),
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
                _CLIENT,
                Property("CreatedDate", "e.start_time - INTERVAL 20 MINUTE", "date"),
                Property("ModifiedDate", "e.end_time", "date"),
                Property("ID", "e.job_id", "int"),
                Property("Email.ID", "e.email_id", "int", ("Email", "ID")),
                Property("List.ID", "e.list_id", "int", ("List", "ID")),
                Property("SendDate", "e.start_time", "date"),
                Property("FromAddress", "e.from_email"),
                Property("FromName", "e.from_name"),
                Property("Duplicates", "0", "int"),
                Property("InvalidAddresses", "0", "int"),
                Property("ExistingUndeliverables", "0", "int"),
                Property("ExistingUnsubscribes", "0", "int"),
                Property("HardBounces", "c.hard", "int"),
                Property("SoftBounces", "c.soft", "int"),
                Property("OtherBounces", "c.other", "int"),
                Property("ForwardedEmails", "0", "int"),
                Property("UniqueClicks", "c.clicks", "int"),
                Property("UniqueOpens", "c.opens", "int"),
                Property("NumberSent", "c.sent", "int"),
                Property("NumberDelivered", "c.delivered", "int"),
                Property("Unsubscribes", "c.unsubs", "int"),
                Property("MissingAddresses", "0", "int"),
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
            "e.mid = ?",
            (
                _CLIENT,
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
            "subscriber e",
            "e.sub",
            "e.mid = ?",
            (
                _CLIENT,
                Property("CreatedDate", "e.joined", "date"),
                Property("ID", "e.subscriber_id", "int"),
                Property("Status", "e.status"),
                Property("ListID", "44600 + (e.sub % 3) + 1", "int"),
                Property("SubscriberKey", "e.subscriber_key"),
            ),
            "list_and_subscribers_read",
            table="subscriber",
        ),
        SoapObject(
            "BusinessUnit",
            "unit e",
            "e.mid",
            "e.mid = ?",
            (
                _CLIENT,
                Property("ID", "e.mid", "int"),
                Property("CustomerKey", "CAST(e.mid AS VARCHAR)"),
                Property("AccountType", "'BUSINESS_UNIT'"),
                Property("ParentID", "coalesce(e.parent, 0)", "int"),
                Property("Name", "e.name"),
            ),
            "accounts_read",
        ),
        SoapObject(
            "DataExtension",
            "(SELECT row_number() OVER (ORDER BY rowid) AS n, * FROM extension_list) e",
            "e.n",
            "e.mid = ?",
            (
                _CLIENT,
                Property("CreatedDate", "e.created", "date"),
                Property("ModifiedDate", "e.created", "date"),
                Property("ObjectID", "e.object_id"),
                Property("CustomerKey", "e.key"),
                Property("Name", "e.name"),
                Property("Description", "''"),
                Property("IsSendable", "false", "bool"),
                Property("IsTestable", "false", "bool"),
                Property("CategoryID", "e.category_id", "int"),
                Property("Status", "'Active'"),
            ),
            "data_extensions_read",
        ),
        SoapObject(
            "DataExtensionField",
            "(SELECT row_number() OVER (ORDER BY mid, de_key, ordinal) AS n, * "
            "FROM extension_field) e",
            "e.n",
            "e.mid = ?",
            (
                _CLIENT,
                Property("ObjectID", "e.object_id"),
                Property("CustomerKey", "'[' || e.de_key || '].[' || e.name || ']'"),
                Property("Name", "e.name"),
                Property("Scale", "e.scale", "int"),
                Property("DefaultValue", "coalesce(e.default_value, '')"),
                Property("MaxLength", "e.max_length", "int"),
                Property("IsRequired", "e.is_required", "bool"),
                Property("Ordinal", "e.ordinal", "int"),
                Property("IsPrimaryKey", "e.is_key", "bool"),
                Property("FieldType", "e.type"),
                Property(
                    "DataExtension.CustomerKey",
                    "e.de_key",
                    "string",
                    ("DataExtension", "CustomerKey"),
                ),
            ),
            "data_extensions_read",
        ),
        SoapObject(
            "QueryDefinition",
            "query_activity e",
            "e.n",
            "e.mid = ?",
            (
                _CLIENT,
                Property("CreatedDate", "e.created", "date"),
                Property("ModifiedDate", "e.modified", "date"),
                Property("ObjectID", "e.object_id"),
                Property("CustomerKey", "e.key"),
                Property("Name", "e.name"),
                Property("Description", "e.description"),
                Property("QueryText", "e.query_text"),
                Property("TargetType", "'DE'"),
                Property(
                    "DataExtensionTarget.CustomerKey",
                    "e.target_key",
                    "string",
                    ("DataExtensionTarget", "CustomerKey"),
                ),
                Property(
                    "DataExtensionTarget.Name",
                    "e.target_name",
                    "string",
                    ("DataExtensionTarget", "Name"),
                ),
                Property("TargetUpdateType", "e.update_type"),
                Property("Status", "e.status"),
                Property("CategoryID", "e.category_id", "int"),
            ),
            "automations_read",
        ),
        SoapObject(
            "Automation",
            "automation e",
            "e.n",
            "e.mid = ?",
            (
                _CLIENT,
                Property("CreatedDate", "e.created", "date"),
                Property("ModifiedDate", "e.modified", "date"),
                Property("ObjectID", "e.object_id"),
                Property("CustomerKey", "e.key"),
                Property("Name", "e.name"),
                Property("Description", "e.description"),
                Property("IsActive", "true", "bool"),
                Property("Status", "e.status", "int"),
                Property("LastRunTime", "e.last_run", "date"),
            ),
            "automations_read",
        ),
        SoapObject(
            "AsyncActivityStatus",
            "task e",
            "e.n",
            "e.mid = ?",
            (
                Property("Program", "e.key"),
                Property("StepName", "'1'"),
                Property("InteractionID", "e.interaction_id"),
                Property("ParentInteractionObjectID", "e.interaction_id"),
                Property("TaskID", "e.n", "int"),
                Property("ActionType", "'Start'"),
                Property("Type", "e.type"),
                Property("AsyncAction", "'Start'"),
                Property("Status", "e.status"),
                Property("ProcessedCount", "e.processed", "int"),
                Property("TotalCount", "e.processed", "int"),
                Property("DuplicateCount", "0", "int"),
                Property("ErrorCount", "CASE WHEN e.error IS NULL THEN 0 ELSE 1 END", "int"),
                Property("CustomerKey", "e.key", "string", ("CustomerKey",)),
                Property("ErrorMsg", "coalesce(e.error, '')"),
                Property("ScheduledTime", "e.started", "date"),
                Property("StartDate", "e.started", "date"),
                Property("StartTime", "e.started", "date"),
                Property("CompletedDate", "e.completed", "date"),
                Property("EndTime", "e.completed", "date"),
                Property("StatusMessage", "coalesce(e.error, e.status)"),
                Property("ClientID", "e.mid", "int"),
            ),
            "automations_read",
            xml_type="ObjectExtension",
            is_bag=True,
        ),
    )
}
_ROW_KINDS: dict[str, Kind] = {
    "Number": "int",
    "Decimal": "int",
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
        tuple(
            Property(f.name, f"e.{f.quoted}", _ROW_KINDS.get(f.type, "string"))
            for f in extension.fields
        ),
        "data_extensions_read",
        is_bag=True,
        table=extension.table,
    )
