"""Reads a SOAP request: 1.1 or 1.2, action from header or body, hostile until proven otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from sfmc_sandbox.wire.soap_answer import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
# Body element to action; also the actions there are (fact sheet 2.1).
BODIES = {
    "RetrieveRequestMsg": "Retrieve",
    "CreateRequest": "Create",
    "UpdateRequest": "Update",
    "DeleteRequest": "Delete",
    "PerformRequestMsg": "Perform",
    "ScheduleRequestMsg": "Schedule",
    "ConfigureRequestMsg": "Configure",
    "ExtractRequestMsg": "Extract",
    "DefinitionRequestMsg": "Describe",
    "QueryRequestMsg": "Query",
    "ExecuteRequestMsg": "Execute",
    "VersionInfoRequestMsg": "VersionInfo",
    "SystemStatusRequestMsg": "GetSystemStatus",
}
_ACTIONS = {name.lower(): name for name in BODIES.values()}


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """What was asked, by whom, in which version of SOAP."""

    action: str
    token: str | None
    body: etree._Element  # the element inside soap:Body
    is_12: bool
    message_id: str | None


def read_request(raw: bytes, headers: Mapping[str, str]) -> SoapRequest:
    """Raises Fault with the words .NET would use."""
    root = _parse(raw)
    if etree.QName(root).localname != "Envelope":
        raise Fault("Client", "Unable to handle request without a valid action parameter. "
                    "Please supply a valid soap action.")  # fmt: skip
    namespace = etree.QName(root).namespace
    if namespace not in {SOAP11, SOAP12}:
        raise Fault("VersionMismatch", "Possible SOAP version mismatch: "
                    f"Envelope namespace {namespace} was unexpected.")  # fmt: skip
    header, body = child(root, "Header"), child(root, "Body")
    inner = next(iter(children(body)), None) if body is not None else None
    if inner is None:
        raise Fault("Client", "Server was unable to read request: the SOAP body is empty.")
    return SoapRequest(
        action=_action(headers, header, inner),
        token=_token(header),
        body=inner,
        is_12=namespace == SOAP12,
        message_id=text_of(header, "MessageID") if header is not None else None,
    )


def _parse(raw: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "position", (0, 0))
        raise Fault(
            "Client",
            "Server was unable to read request. ---> There is an error in XML document "
            f"({line[0]}, {line[1]}).",
        ) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Fault(
            "Client",
            "Server was unable to read request. ---> For security reasons DTD is prohibited in "
            "this XML document.",
        )
    return root


def _action(
    headers: Mapping[str, str], header: etree._Element | None, inner: etree._Element
) -> str:
    """From the HTTP header, quoted or bare; from WS-Addressing; from the body's root element."""
    asked = headers.get("soapaction", "").strip().strip("\"'").strip()
    if not asked and header is not None:
        asked = (text_of(header, "Action") or "").strip()
    if not asked:
        for part in headers.get("content-type", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name.lower() == "action":
                asked = value.strip("\"' ")
    if not asked:
        name = etree.QName(inner).localname
        if name in BODIES:
            return BODIES[name]
        raise Fault("Client", "Unable to handle request without a valid action parameter. "
                    "Please supply a valid soap action.")  # fmt: skip
    known = _ACTIONS.get(asked.rpartition("/")[2].lower())
    if known is None:
        raise Fault(
            "Client", f"Server did not recognize the value of HTTP Header SOAPAction: {asked}."
        )
    return known


def _token(header: etree._Element | None) -> str | None:
    if header is None:
        return None
    found = child(header, "fueloauth")
    if found is None:
        return None
    # FuelSDK and others wrap the token in an element of the same name.
    text = "".join(str(part) for part in found.itertext()).strip()
    return text or None


def children(parent: etree._Element, name: str | None = None) -> list[etree._Element]:
    """Child elements by local name; all when no name is given."""
    return [
        node
        for node in parent
        if isinstance(node.tag, str) and (name is None or etree.QName(node).localname == name)
    ]


def child(parent: etree._Element | None, name: str) -> etree._Element | None:
    """The first child element of a local name."""
    if parent is None:
        return None
    return next(iter(children(parent, name)), None)


def text_of(parent: etree._Element | None, name: str) -> str | None:
    """The text of the first child of a local name; None when it is not there."""
    found = child(parent, name)
    return None if found is None else (found.text or "")


def type_of(node: etree._Element) -> str | None:
    """The local name in xsi:type."""
    value = node.get(XSI_TYPE)
    return None if value is None else value.rpartition(":")[2]
