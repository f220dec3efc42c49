"""Configure, Execute, Query: the WSDL has them, nothing else is known of what they answer.

Each gets the response the WSDL declares, with the error of an object it does not handle (code 8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from sfmc_sandbox.wire.soap_answer import PARTNER, escape
from sfmc_sandbox.wire.soap_request import child, children, text_of, type_of

if TYPE_CHECKING:
    from lxml import etree

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

_MOST = 100  # characters of a caller's words that come back
UNSUPPORTED = 8  # UnsupportedObject (fact sheet 2.3)


def _head(message: str, place: int) -> str:
    return (
        f"<StatusCode>Error</StatusCode><StatusMessage>{escape(message)}</StatusMessage>"
        f"<OrdinalID>{place}</OrdinalID>"
    )


def configure(sandbox: Sandbox, token: Token, body: etree._Element) -> str:
    """The ConfigureResponseMsg: every configuration is refused."""
    del sandbox, token
    action = (text_of(body, "Action") or "Configure").strip()[:_MOST]
    holder = child(body, "Configurations")
    parts = []
    for place, node in enumerate(children(holder) if holder is not None else []):
        kind = (type_of(node) or "APIObject")[:_MOST]
        told = _head(f"The action {action} is not supported for {kind}.", place)
        parts.append(
            f"<Result>{told}<ErrorCode>{UNSUPPORTED}</ErrorCode>"
            '<Object><PartnerKey xsi:nil="true" /><ObjectID xsi:nil="true" /></Object></Result>'
        )
    return (
        f'<ConfigureResponseMsg xmlns="{PARTNER}"><Results>{"".join(parts)}</Results>'
        "<OverallStatus>Error</OverallStatus><OverallStatusMessage>"
        f"The action {escape(action)} is not supported.</OverallStatusMessage>"
        f"<RequestID>{uuid4()}</RequestID></ConfigureResponseMsg>"
    )


def execute(sandbox: Sandbox, token: Token, body: etree._Element) -> str:
    """The ExecuteResponseMsg: every request is refused by its name."""
    del sandbox, token
    parts = []
    for place, node in enumerate(children(body, "Requests")):
        name = (text_of(node, "Name") or "").strip()[:_MOST]
        told = _head(f"Execute is not supported for {name or 'a request without a name'}.", place)
        parts.append(f"<Results>{told}<ErrorCode>{UNSUPPORTED}</ErrorCode></Results>")
    return (
        f'<ExecuteResponseMsg xmlns="{PARTNER}"><OverallStatus>Error</OverallStatus>'
        f"<RequestID>{uuid4()}</RequestID>{''.join(parts)}</ExecuteResponseMsg>"
    )


def query(sandbox: Sandbox, token: Token, body: etree._Element) -> str:
    """The QueryResponseMsg: the error stands in OverallStatus, as Retrieve's errors do."""
    del sandbox, token
    asked = child(child(child(body, "QueryRequest"), "Query"), "Object")
    kind = (text_of(asked, "ObjectType") or "").strip()[:_MOST]
    told = f"Error: Query is not supported for object type: {kind or 'none'}. Use Retrieve."
    return (
        f'<QueryResponseMsg xmlns="{PARTNER}"><OverallStatus>{escape(told)}</OverallStatus>'
        f"<RequestID>{uuid4()}</RequestID></QueryResponseMsg>"
    )
