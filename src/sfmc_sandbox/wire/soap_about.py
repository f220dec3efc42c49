"""What the service says of itself: Describe, VersionInfo, GetSystemStatus, the WSDL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from sfmc_sandbox.wire.soap_answer import PARTNER, escape
from sfmc_sandbox.wire.soap_known import without_rows, wsdl_text
from sfmc_sandbox.wire.soap_objects import OBJECTS
from sfmc_sandbox.wire.soap_request import child, children, text_of
from sfmc_sandbox.wire.soap_row import Property

if TYPE_CHECKING:
    from lxml import etree

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

_FAULT_IMPORT = "https://webservice.exacttarget.com/ETFrameworkFault.xsd"
_ADDRESS = "https://webservice.exacttarget.com/Service.asmx"
FAULT_SCHEMA = (
    '<?xml version="1.0" encoding="utf-8"?><schema xmlns="http://www.w3.org/2001/XMLSchema" '
    'targetNamespace="urn:fault.partner.exacttarget.com" elementFormDefault="qualified">'
    '<element name="apifault"><complexType><sequence><element name="Code" type="int" />'
    '<element name="Message" type="string" /></sequence></complexType></element></schema>'
)
_TYPES = {
    "int": "Int32",
    "string": "String",
    "date": "DateTime",
    "bool": "Boolean",
    "decimal": "Decimal",
}
# Properties whose type is an enumeration, and those that an update may change.
_ENUMS = {
    "EventType": "EventType",
    "EmailTypePreference": "EmailType",
    "FieldType": "DataExtensionFieldType",
    "Subscriber.Status": "SubscriberStatus",
    "ListSubscriber.Status": "SubscriberStatus",
    "List.Type": "ListTypeEnum",
    "List.ListClassification": "ListClassificationEnum",
}
_UPDATABLE = {
    "Subscriber": {"EmailAddress", "Status", "EmailTypePreference"},
    "DataExtension": {"Name"},
    "QueryDefinition": {"Name", "Description", "QueryText", "TargetUpdateType", "CategoryID"},
    "Automation": {"Name"},
}
_MAX_LENGTHS = {"SubscriberKey": 254, "EmailAddress": 254, "SMTPReason": 4000}
# Told by Describe, refused by Retrieve (fact sheet 2.2).
_NOT_RETRIEVABLE = {"Subscriber": ("Attributes", "Lists", "ModifiedDate")}


def wsdl(base_url: str) -> str:
    """The WSDL with its import and its address pointing here (fact sheet 2.7)."""
    return (
        wsdl_text()
        .replace(_FAULT_IMPORT, f"{base_url}ETFrameworkFault.xsd")
        .replace(_ADDRESS, f"{base_url}Service.asmx")
    )


def describe(sandbox: Sandbox, token: Token, body: etree._Element) -> str:
    """The DefinitionResponseMsg of the object types asked for."""
    del token, sandbox
    holder = child(body, "DescribeRequests")
    parts = []
    for node in children(holder) if holder is not None else []:
        name = (text_of(node, "ObjectType") or "").strip()
        entry = OBJECTS.get(name) or without_rows(name)
        if entry is None:
            continue
        parts.append(
            f"<ObjectDefinition><ObjectType>{escape(name)}</ObjectType>"
            + "".join(_property(name, prop) for prop in entry.properties if not prop.is_pair)
            + "".join(
                _plain(hidden, "String", "false") for hidden in _NOT_RETRIEVABLE.get(name, ())
            )
            + "</ObjectDefinition>"
        )
    return (
        f'<DefinitionResponseMsg xmlns="{PARTNER}">{"".join(parts)}'
        f"<RequestID>{uuid4()}</RequestID></DefinitionResponseMsg>"
    )


def _property(kind: str, prop: Property) -> str:
    enum = _ENUMS.get(f"{kind}.{prop.name}") or _ENUMS.get(prop.name)
    is_updatable = "true" if prop.name in _UPDATABLE.get(kind, ()) else "false"
    is_retrievable = "true" if prop.is_retrievable else "false"
    return _plain(prop.name, enum or _TYPES[prop.kind], is_retrievable, is_updatable)


def _plain(name: str, data_type: str, is_retrievable: str, is_updatable: str = "false") -> str:
    length = _MAX_LENGTHS.get(name)
    return (
        '<Properties><PartnerKey xsi:nil="true" /><ObjectID xsi:nil="true" />'
        f"<Name>{name}</Name><DataType>{data_type}</DataType><IsUpdatable>{is_updatable}</IsUpdatable>"
        f"<IsRetrievable>{is_retrievable}</IsRetrievable>"
        + (f"<MaxLength>{length}</MaxLength>" if length else "")
        + "<IsRequired>false</IsRequired></Properties>"
    )


def version_info(sandbox: Sandbox, token: Token, body: etree._Element) -> str:
    """The VersionInfoResponseMsg."""
    del sandbox, token, body
    return (
        f'<VersionInfoResponseMsg xmlns="{PARTNER}"><VersionInfo><Version>2.0.0.0</Version>'
        "<VersionDate>2021-01-01T00:00:00</VersionDate><Notes>sandbox</Notes></VersionInfo>"
        f"<RequestID>{uuid4()}</RequestID></VersionInfoResponseMsg>"
    )


def system_status(sandbox: Sandbox, token: Token, body: etree._Element) -> str:
    """The SystemStatusResponseMsg: always well, as far as the sandbox goes."""
    del sandbox, token, body
    return (
        f'<SystemStatusResponseMsg xmlns="{PARTNER}"><Results><Result><StatusCode>OK</StatusCode>'
        "<StatusMessage>System Status Retrieved</StatusMessage><SystemStatus>OK</SystemStatus>"
        "<Outages /></Result></Results><OverallStatus>OK</OverallStatus><OverallStatusMessage />"
        f"<RequestID>{uuid4()}</RequestID></SystemStatusResponseMsg>"
    )
