"""Retrievable objects that are set up rather than happen: extensions, queries, lists, e-mails."""

from __future__ import annotations

from sfmc_sandbox.folders import FOLDERS
from sfmc_sandbox.wire.soap_row import CLIENT, Kind, Property, SoapObject, named

PARTNER = Property("Client.PartnerClientKey", "NULL", "string", ("Client", "PartnerClientKey"))
_LISTS = (
    "(SELECT mid, list_id, min(start_time) AS created FROM job GROUP BY ALL "
    "UNION ALL SELECT mid, mid % 1000, TIMESTAMP '2020-01-01' FROM unit) e"
)
_EMAILS = (
    "(SELECT mid, email_id, min(email_name) AS name, min(subject) AS subject, "
    "min(start_time) AS created FROM job GROUP BY ALL) e"
)


def _inner(name: str, sql: str, kind: Kind = "string") -> Property:
    """A property inside of another element, as its name with dots says."""
    return Property(name, sql, kind, tuple(name.split(".")))


_RETENTION = (
    Property("DataRetentionPeriodLength", "NULL", "int"),
    Property("DataRetentionPeriodUnitOfMeasure", "0", "int"),
    Property("RowBasedRetention", "false", "bool"),
    Property("ResetRetentionPeriodOnImport", "false", "bool"),
    Property("DeleteAtEndOfRetentionPeriod", "false", "bool"),
    Property("RetainUntil", "''"),
)
_AUTOMATION = (
    *named("e.modified"),
    Property("Description", "e.description"),
)

CATALOGUE: tuple[SoapObject, ...] = (
    SoapObject(
        "DataExtension",
        "(SELECT row_number() OVER (ORDER BY rowid) AS n, * FROM extension_list) e",
        "e.n",
        "e.mid = ?",
        (
            *named(),
            Property("Description", "''"),
            Property("IsSendable", "false", "bool"),
            Property("IsTestable", "false", "bool"),
            _inner("SendableDataExtensionField.Name", "NULL"),
            _inner("SendableSubscriberField.Name", "NULL"),
            _inner("Template.CustomerKey", "NULL"),
            *_RETENTION,
            Property("CategoryID", "e.category_id", "int"),
            Property("Status", "'Active'"),
        ),
        "data_extensions_read",
        has_more=True,
    ),
    SoapObject(
        "DataExtensionTemplate",  # the account has none
        "(SELECT 0 AS n, mid FROM unit WHERE false) e",
        "e.n",
        "e.mid = ?",
        (
            Property("ObjectID", "''"),
            Property("CustomerKey", "''"),
            Property("Name", "''"),
            Property("Description", "''"),
            Property("IsSendable", "false", "bool"),
            Property("IsTestable", "false", "bool"),
            Property("SendableCustomObjectField", "''"),
            Property("SendableSubscriberField", "''"),
            *_RETENTION,
        ),
        "data_extensions_read",
    ),
    SoapObject(
        "DataExtensionField",
        "(SELECT row_number() OVER (ORDER BY mid, de_key, ordinal) AS n, * FROM extension_field) e",
        "e.n",
        "e.mid = ?",
        (
            CLIENT,
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
            Property("StorageType", "'Plain'"),
        ),
        "data_extensions_read",
        has_more=True,
    ),
    SoapObject(
        "QueryDefinition",
        "query_activity e",
        "e.n",
        "e.mid = ?",
        (
            *named("e.modified"),
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
        has_more=True,
    ),
    SoapObject(
        "Automation",
        "automation e",
        "e.n",
        "e.mid = ?",
        (
            *_AUTOMATION,
            Property("IsActive", "true", "bool"),
            Property("Status", "e.status", "int"),
            Property("LastRunTime", "e.last_run", "date"),
        ),
        "automations_read",
        has_more=True,
    ),
    # Automations by their older name.
    SoapObject("Program", "automation e", "e.n", "e.mid = ?", _AUTOMATION, "automations_read"),
    SoapObject(
        "AsyncActivityStatus",
        "task e",
        "e.n",
        "e.mid = ?",
        (
            Property("Program", "e.key", is_filterable=False),
            Property("StepName", "'1'", is_filterable=False),
            Property("InteractionID", "e.interaction_id", is_filterable=False),
            Property(
                "ParentInteractionObjectID",
                "e.interaction_id",
                is_retrievable=False,
            ),
            Property("TaskID", "e.n", "int"),
            Property("ActionType", "'Start'", is_filterable=False),
            Property("Type", "e.type", is_filterable=False),
            Property("AsyncAction", "'Start'", is_filterable=False),
            Property("Status", "e.status", is_filterable=False),
            Property("ProcessedCount", "e.processed", "int", is_filterable=False),
            Property("TotalCount", "e.processed", "int", is_filterable=False),
            Property("DuplicateCount", "0", "int", is_filterable=False),
            Property(
                "ErrorCount",
                "CASE WHEN e.error IS NULL THEN 0 ELSE 1 END",
                "int",
                is_filterable=False,
            ),
            Property("CustomerKey", "e.key", "string", ("CustomerKey",), is_filterable=False),
            Property("ErrorMsg", "coalesce(e.error, '')", is_filterable=False),
            Property("ScheduledTime", "e.started", "date", is_filterable=False),
            Property("StartDate", "e.started", "date", is_filterable=False),
            Property("StartTime", "e.started", "date", is_retrievable=False),
            Property("CompletedDate", "e.completed", "date", is_filterable=False),
            Property("EndTime", "e.completed", "date", is_retrievable=False),
            Property("StatusMessage", "coalesce(e.error, e.status)", is_filterable=False),
            Property("ClientID", "e.mid", "int", is_retrievable=False),
            Property("QueryAllChildren", "true", "bool", is_retrievable=False),
        ),
        "automations_read",
        xml_type="ObjectExtension",
        is_bag=True,
    ),
    SoapObject(
        "List",
        _LISTS,
        "e.list_id",
        "e.mid = ?",
        (
            CLIENT,
            PARTNER,
            Property("CreatedDate", "e.created", "date"),
            Property("ModifiedDate", "e.created", "date"),
            Property("ID", "e.list_id", "int"),
            Property(
                "CustomerKey",
                "CASE WHEN e.list_id < 1000 THEN 'All Subscribers - 1006' "
                "ELSE 'List ' || e.list_id || ' - 1002' END",
            ),
            Property(
                "ListName",
                "CASE WHEN e.list_id < 1000 THEN 'All Subscribers' ELSE 'List ' || e.list_id END",
            ),
            Property("Category", "CASE WHEN e.list_id < 1000 THEN 1006 ELSE 1002 END", "int"),
            Property("Type", "CASE WHEN e.list_id < 1000 THEN 'Private' ELSE 'Public' END"),
            Property("Description", "''"),
            Property("ListClassification", "'ExactTargetList'"),
            _inner("AutomatedEmail.ID", "NULL", "int"),
        ),
        "list_and_subscribers_read",
    ),
    SoapObject(
        "Email",
        _EMAILS,
        "e.email_id",
        "e.mid = ?",
        (
            CLIENT,
            Property("CreatedDate", "e.created", "date"),
            Property("ModifiedDate", "e.created", "date"),
            Property("ID", "e.email_id", "int"),
            Property("CustomerKey", "'email-' || e.email_id"),
            Property("Name", "e.name"),
            Property("CategoryID", "1003", "int"),
            Property("HTMLBody", "'<h1>' || e.name || '</h1>'"),
            Property("Subject", "e.subject"),
            Property("IsActive", "true", "bool"),
            Property("Status", "'New'"),
            Property("EmailType", "'HTML'"),
            Property("CharacterSet", "'UTF-8'"),
        ),
        "email_read",
        has_more=True,
    ),
    SoapObject(
        "DataFolder",
        FOLDERS,
        "e.mid * 1000000000 + e.id",
        "e.mid = ?",
        (
            CLIENT,
            Property("CreatedDate", "e.created", "date"),
            Property("ModifiedDate", "e.created", "date"),
            Property("ID", "e.id", "int"),
            Property("ObjectID", "e.object_id"),
            Property("CustomerKey", "e.key"),
            _inner("ParentFolder.ID", "e.parent_id", "int"),
            _inner("ParentFolder.ObjectID", "NULL"),
            _inner("ParentFolder.CustomerKey", "NULL"),
            _inner("ParentFolder.Name", "e.parent_name"),
            _inner("ParentFolder.ContentType", "CASE WHEN e.parent_id > 0 THEN e.kind END"),
            Property("Name", "e.name"),
            Property("Description", "e.description"),
            Property("ContentType", "e.kind"),
            Property("IsActive", "true", "bool"),
            Property("IsEditable", "e.parent_id > 0", "bool"),
            Property("AllowChildren", "true", "bool"),
        ),
        "data_extensions_read",
        wide="(e.mid = ? OR (e.is_parent AND e.is_shared))",
    ),
)
