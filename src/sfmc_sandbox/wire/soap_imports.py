"""Retrievable objects around imports: definitions, what came of their runs, suppression lists."""

from __future__ import annotations

from sfmc_sandbox.wire.soap_row import CLIENT, Property, SoapObject, named

IMPORT_OBJECTS: tuple[SoapObject, ...] = (
    SoapObject(
        "ImportDefinition",
        "import_definition e",
        "e.n",
        "e.mid = ?",
        (
            *named(),
            Property("Description", "e.description"),
            Property("AllowErrors", "e.allow_errors", "bool"),
            Property("FieldMappingType", "'InferFromColumnHeadings'"),
            Property("FileSpec", "e.file_spec"),
            Property("FileType", "'CSV'"),
            Property("UpdateType", "e.update_type"),
        ),
        "automations_read",
    ),
    SoapObject(
        "ImportResultsSummary",
        "import_summary e",
        "e.n",
        "e.mid = ?",
        (
            CLIENT,
            Property("CreatedDate", "e.started", "date"),
            Property("ID", "e.n", "int"),
            Property("ObjectID", "e.object_id"),
            Property("ImportDefinitionCustomerKey", "e.key"),
            Property("StartDate", "CAST(e.started AS VARCHAR)"),
            Property("EndDate", "coalesce(CAST(e.ended AS VARCHAR), '')"),
            Property("DestinationID", "e.destination"),
            Property("NumberSuccessful", "e.taken", "int"),
            Property("NumberDuplicated", "e.doubled", "int"),
            Property("NumberErrors", "e.errors", "int"),
            Property("TotalRows", "e.total", "int"),
            Property("ImportType", "'Import'"),
            Property("ImportStatus", "e.status"),
            Property("TaskResultID", "e.task", "int"),
        ),
        "automations_read",
    ),
    SoapObject(
        "SuppressionListDefinition",
        "suppression_list e",
        "e.n",
        "e.mid = ?",
        (
            *named(),
            Property("Category", "1008", "int"),
            Property("Description", "e.description"),
        ),
        "list_and_subscribers_read",
    ),
)
