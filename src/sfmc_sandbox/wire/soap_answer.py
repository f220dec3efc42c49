"""Writes SOAP answers: envelopes by joining text, with the prefixes that clients look for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from xml.sax.saxutils import escape as _xml_escape

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
PARTNER = "http://exacttarget.com/wsdl/partnerAPI"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_FAULT_ACTION = "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class Fault(Exception):
    """A SOAP fault on its way out. `code`: Client, Server, Security, VersionMismatch."""

    def __init__(self, code: str, text: str, *, api_code: int | None = None) -> None:
        super().__init__(text)
        self.code, self.text, self.api_code = code, text, api_code


@dataclass(frozen=True, slots=True)
class Frame:
    """What an answer has to know about its question."""

    url: str  # of the service, for faultactor
    is_12: bool = False
    message_id: str | None = None


def escape(text: str) -> str:
    """Text for XML 1.0: markup escaped, characters that XML cannot carry dropped."""
    return _xml_escape(_FORBIDDEN.sub("", text)).replace("\r", "&#xD;")


def envelope(frame: Frame, action: str, body: str) -> bytes:
    """An answer. `body` is finished XML, its root unprefixed with a default namespace."""
    return _wrap(frame, action, body)


def fault(frame: Frame, problem: Fault) -> bytes:
    """A fault in the version of SOAP that was spoken."""
    return _wrap(frame, _FAULT_ACTION, _fault_12(problem) if frame.is_12 else _fault_11(
        frame, problem))  # fmt: skip


def content_type(frame: Frame) -> str:
    """text/xml for SOAP 1.1, application/soap+xml for 1.2."""
    return f"{'application/soap+xml' if frame.is_12 else 'text/xml'}; charset=utf-8"


def _wrap(frame: Frame, action: str, body: str) -> bytes:
    now = datetime.now(UTC)
    created, expires = (
        moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (now, now + timedelta(minutes=5))
    )
    related = escape(frame.message_id or f"urn:uuid:{uuid4()}")
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<soap:Envelope xmlns:soap="{SOAP12 if frame.is_12 else SOAP11}" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
        'xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        f'xmlns:wsse="{_WSSE}" xmlns:wsu="{_WSU}">'
        f"<soap:Header><wsa:Action>{action}</wsa:Action>"
        f"<wsa:MessageID>urn:uuid:{uuid4()}</wsa:MessageID>"
        f"<wsa:RelatesTo>{related}</wsa:RelatesTo>"
        "<wsa:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</wsa:To>"
        f'<wsse:Security><wsu:Timestamp wsu:Id="Timestamp-{uuid4()}">'
        f"<wsu:Created>{created}</wsu:Created><wsu:Expires>{expires}</wsu:Expires>"
        "</wsu:Timestamp></wsse:Security></soap:Header>"
        f"<soap:Body>{body}</soap:Body></soap:Envelope>"
    ).encode()


def _fault_11(frame: Frame, problem: Fault) -> str:
    if problem.code == "Security":
        code = f'<faultcode xmlns:q0="{_WSSE}">q0:Security</faultcode>'
    else:
        code = f"<faultcode>soap:{problem.code}</faultcode>"
    return (
        f"<soap:Fault>{code}<faultstring>{escape(problem.text)}</faultstring>"
        f"<faultactor>{escape(frame.url)}</faultactor>{_detail(problem, 'detail')}</soap:Fault>"
    )


def _fault_12(problem: Fault) -> str:
    codes = {"Client": "soap:Sender", "Server": "soap:Receiver", "Security": "soap:Sender"}
    sub = (
        f'<soap:Subcode><soap:Value xmlns:q0="{_WSSE}">q0:Security</soap:Value></soap:Subcode>'
        if problem.code == "Security"
        else ""
    )
    value = codes.get(problem.code, f"soap:{problem.code}")
    return (
        f"<soap:Fault><soap:Code><soap:Value>{value}</soap:Value>{sub}</soap:Code>"
        f'<soap:Reason><soap:Text xml:lang="en">{escape(problem.text)}</soap:Text></soap:Reason>'
        f"{_detail(problem, 'soap:Detail')}</soap:Fault>"
    )


def _detail(problem: Fault, name: str) -> str:
    """Only a server's fault carries a detail (fact sheet 2.3)."""
    if problem.code != "Server":
        return ""
    return (
        f'<{name}><apifault xmlns="urn:fault.partner.exacttarget.com">'
        f"<Code>{problem.api_code or 2}</Code><Message>{escape(problem.text)}</Message>"
        f"</apifault></{name}>"
    )
