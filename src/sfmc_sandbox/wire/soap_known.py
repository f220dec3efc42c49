"""What the WSDL knows beyond what the sandbox fills: objects without rows, empty properties.

A live account answers a retrieve of these with OK, not with an error; here nobody has made any yet.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from lxml import etree

from sfmc_sandbox.wire.soap_row import Property, SoapObject

if TYPE_CHECKING:
    from sfmc_sandbox.wire.soap_row import Kind

# Objects that can be retrieved and of which the sandbox's accounts have none.
NAMES = (
    "ContentArea", "Group", "Template", "SenderProfile", "DeliveryProfile", "SendClassification",
    "EmailSendDefinition", "SendSummary", "TriggeredSendSummary", "SubscriberSendResult",
    "LinkSend", "ForwardedEmailEvent", "ForwardedEmailOptInEvent", "SurveyEvent", "SMSMTEvent",
    "SMSMOEvent", "SMSTriggeredSend", "SMSTriggeredSendDefinition", "SMSSharedKeyword",
    "FilterDefinition", "FileTrigger", "FileTransferActivity", "DataExtractActivity", "Role",
    "Portfolio", "Publication", "PublicationSubscriber", "SuppressionListContext",
)  # fmt: skip
# Properties that public clients ask live accounts for and the WSDL lacks.
_LIVE = {
    "Automation": {"ProgramID"},
    "EmailSendDefinition": {"IsPlatformObject"},
    "SenderProfile": {"FallbackFromAddress", "RMMRuleCollection"},
    "TriggeredSendDefinition": {"IsPlatformObject", "TestEmailAddr"},
}
_KINDS: dict[str, Kind] = {
    "int": "int", "long": "int", "short": "int", "decimal": "decimal", "double": "decimal",
    "boolean": "bool", "dateTime": "date",
}  # fmt: skip


@cache
def wsdl_text() -> str:
    """The WSDL as it was published."""
    path = files("sfmc_sandbox") / "wire" / "etframework.wsdl"
    return path.read_text(encoding="utf-8-sig")


@cache
def _types() -> dict[str, etree._Element]:
    root = etree.fromstring(wsdl_text().encode())
    return {
        str(node.get("name")): node
        for node in root.iter("{*}complexType")
        if node.get("name") is not None
    }


@cache
def elements_of(name: str) -> dict[str, Kind]:
    """The elements of a type by name, inherited ones first; empty for a type that there is not."""
    node = _types().get(name)
    if node is None:
        return {}
    found: dict[str, Kind] = {}
    for base in node.iter("{*}extension"):
        found |= elements_of(str(base.get("base")).rpartition(":")[2])
    for element in node.iter("{*}element"):
        kind = str(element.get("type")).rpartition(":")[2]
        found[str(element.get("name"))] = _KINDS.get(kind, "string")
    return found


def is_named(object_type: str, name: str) -> bool:
    """Whether a type of object has a property by the WSDL; of `Email.ID` it looks at `Email`."""
    head = name.partition(".")[0]
    return head in elements_of(object_type) or head in _LIVE.get(object_type, ())


@cache
def without_rows(name: str) -> SoapObject | None:
    """A known object of which there are none; None when it is not known."""
    if name not in NAMES:
        return None
    inside = ("PartnerProperties", "Client", "Owner")
    kinds = {key: kind for key, kind in elements_of(name).items() if key not in inside}
    return SoapObject(
        name,
        "(SELECT 0 AS n) e",
        "e.n",
        "(false AND e.n = ?)",
        (
            *(Property(key, "NULL", kind) for key, kind in kinds.items()),
            *(Property(key, "NULL") for key in sorted(_LIVE.get(name, ()))),
        ),
        "",
        has_more=True,
    )
