"""SOAP envelopes: calls written, answers read by local name and with no trust.

By local name, because live answers carry elements that the WSDL lacks and the order is not kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from lxml import etree

_PARTNER = "http://exacttarget.com/wsdl/partnerAPI"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="{xsi}">'
    '<s:Header><fueloauth xmlns="http://exacttarget.com">{token}</fueloauth></s:Header>'
    "<s:Body>{body}</s:Body></s:Envelope>"
)
_RETRIEVE = (
    '<RetrieveRequestMsg xmlns="{partner}"><RetrieveRequest>'
    "<ObjectType>{object_type}</ObjectType>{properties}{filter}{more}"
    "<Options><BatchSize>{batch_size}</BatchSize></Options>"
    "</RetrieveRequest></RetrieveRequestMsg>"
)
# The message around the objects of a call that changes something, and what is before them.
_CHANGES = {
    "Create": ("CreateRequest", "<Options />", ""),
    "Update": ("UpdateRequest", "<Options />", ""),
    "Delete": ("DeleteRequest", "<Options />", ""),
    "Perform": ("PerformRequestMsg", "<Action>{more}</Action>", "Definitions"),
    "Schedule": ("ScheduleRequestMsg", "<Action>{more}</Action>", "Interactions"),
}
_TRACKING_EXTRACT = "c7219016-a7f0-4c72-8657-1ec12c28a0db"
_OPERAND = (
    '<{side}Operand xsi:type="SimpleFilterPart"><Property>{name}</Property>'
    "<SimpleOperator>{operator}</SimpleOperator><DateValue>{value}</DateValue></{side}Operand>"
)
# Control characters that a .NET server writes as references although XML 1.0 forbids them:
# one such reply text would make its whole page unreadable.
_FORBIDDEN = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|x0*(?:[0-8bcBCeEfF]|1[0-9a-fA-F])"
    rb"|x[fF]{3}[eEfF]|6553[45]|x[dD][89a-fA-F][0-9a-fA-F]{2});"
    rb"|[\x00-\x08\x0b\x0c\x0e-\x1f]"
)


@dataclass(frozen=True, slots=True)
class Between:
    """A date in [start, end), in SFMC's time."""

    name: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """A property that is one of some values, at least one."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """What is retrieved."""

    object_type: str
    properties: tuple[str, ...]
    filter: Between | OneOf
    batch_size: int = 2500


@dataclass(frozen=True, slots=True)
class Retrieved:
    """One page. `results`: property → text, None for nil; nested ones as "Client.ID"."""

    status: str
    request_id: str | None
    results: tuple[Mapping[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of the first object of a Create, Update, Delete, Perform or Schedule. `refusal`:
    the words on the first object that was refused; `task`: what a Perform started."""

    is_ok: bool
    message: str
    code: str | None
    object_id: str | None  # of what was made
    task: str | None = None
    refusal: str = ""


Content = tuple[tuple[str, "str | Content"], ...]  # elements in order: text or more elements


@dataclass(frozen=True, slots=True)
class Change:
    """One object to create, update, delete, start or schedule. `action`: start, pause and the like
    of Perform and Schedule; `schedule`: when; `more`: other objects of the same kind and call."""

    verb: str  # a key of _CHANGES
    object_type: str
    content: Content
    action: str = ""
    schedule: Content = ()
    more: tuple[Content, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """A SOAP fault. `number` and `message` come from its apifault detail, where there is one."""

    code: str
    text: str
    number: str | None = None
    message: str | None = None


class Unreadable(ValueError):
    """The bytes are no SOAP answer; the argument says why."""


def write_retrieve(ask: Ask, token: str, continue_id: str | None) -> bytes:
    """The envelope for a first page, or for the page after the one named by `continue_id`."""
    body = _RETRIEVE.format(
        partner=_PARTNER,
        object_type=escape(ask.object_type),
        properties="".join(f"<Properties>{escape(p)}</Properties>" for p in ask.properties),
        filter=_filter(ask.filter),
        more=f"<ContinueRequest>{escape(continue_id)}</ContinueRequest>" if continue_id else "",
        batch_size=ask.batch_size,
    )
    return _ENVELOPE.format(xsi=_XSI, token=escape(token), body=body).encode()


def write_change(change: Change, token: str) -> bytes:
    """The envelope for a call that changes one object."""
    message, before, around = _CHANGES[change.verb]
    kind = escape(change.object_type)
    name = {"Definitions": "Definition", "Interactions": "Interaction"}.get(around, "Objects")
    body = "".join(
        f'<{name} xsi:type="{kind}">{_elements(content)}</{name}>'
        for content in (change.content, *change.more)
    )
    if around:
        body = f"<{around}>{body}</{around}>"
    if change.schedule:
        body = f"<Schedule>{_elements(change.schedule)}</Schedule>{body}"
    before = before.format(more=escape(change.action))
    body = f'<{message} xmlns="{_PARTNER}">{before}{body}</{message}>'
    return _ENVELOPE.format(xsi=_XSI, token=escape(token), body=body).encode()


def write_extract(parameters: Mapping[str, str], token: str) -> bytes:
    """The envelope that orders a Tracking Extract."""
    told: Content = tuple(
        ("Parameter", (("Name", name), ("Value", value))) for name, value in parameters.items()
    )
    order: Content = (("ID", _TRACKING_EXTRACT), ("Options", ""), ("Parameters", told))
    body = _elements((("Requests", order),))
    body = f'<ExtractRequestMsg xmlns="{_PARTNER}">{body}</ExtractRequestMsg>'
    return _ENVELOPE.format(xsi=_XSI, token=escape(token), body=body).encode()


def _elements(content: Content) -> str:
    """Elements; a name may carry its type as `Recurrence:DailyRecurrence`."""
    written = []
    for name, value in content:
        tag, _, kind = name.partition(":")
        inner = _clean(value) if isinstance(value, str) else _elements(value)
        written.append(
            f"<{tag}{f' xsi:type={chr(34)}{kind}{chr(34)}' if kind else ''}>{inner}</{tag}>"
        )
    return "".join(written)


def _filter(asked: Between | OneOf) -> str:
    name = escape(asked.name)
    if isinstance(asked, OneOf):
        # IN wants two values or more.
        operator = "IN" if len(asked.values) > 1 else "equals"
        values = "".join(f"<Value>{_clean(value)}</Value>" for value in asked.values)
        return (
            f'<Filter xsi:type="SimpleFilterPart"><Property>{name}</Property>'
            f"<SimpleOperator>{operator}</SimpleOperator>{values}</Filter>"
        )
    sides = (("Left", "greaterThanOrEqual", asked.start), ("Right", "lessThan", asked.end))
    left, right = (
        _OPERAND.format(side=side, name=name, operator=op, value=escape(value))
        for side, op, value in sides
    )
    return (
        f'<Filter xsi:type="ComplexFilterPart">{left}'
        f"<LogicalOperator>AND</LogicalOperator>{right}</Filter>"
    )


def _clean(text: str) -> str:
    """Escaped, and without the control characters that XML cannot carry."""
    return escape("".join(c for c in text if c >= " " or c in "\t\n\r"))


def read_answer(body: bytes) -> Retrieved | Changed | Fault:
    """The page, the outcome or the fault in an answer. Raises Unreadable."""
    root = _parse(body)
    message = _first(root, "RetrieveResponseMsg")
    if message is not None:
        return Retrieved(
            status=_said(message, "OverallStatus") or "",
            request_id=_said(message, "RequestID"),
            results=tuple(_result(e) for e in message if _name(e) == "Results"),
        )
    if (changed := _changed(root)) is not None:
        return changed
    fault = _first(root, "Fault")
    if fault is None:
        raise Unreadable("it is neither an answer to our call nor a Fault")
    detail = _first(fault, "apifault")
    return Fault(
        code=_said(fault, "faultcode") or _deep(fault, "Code", "Value") or "",
        text=_said(fault, "faultstring") or _deep(fault, "Reason", "Text") or "",
        number=None if detail is None else _said(detail, "Code"),
        message=None if detail is None else _said(detail, "Message"),
    )


def _changed(root: Any) -> Changed | None:
    found = {_name(e): e for e in root.iter() if _name(e) in _ANSWERS}
    if not found:
        return None
    message = next(iter(found.values()))
    status = _said(message, "OverallStatus") or ""
    # Create and its like answer one Results; Perform and Schedule one Result within it.
    result = _first(message, "Result")
    result = _first(message, "Results") if result is None else result
    if result is None:
        return Changed(status == "OK", _said(message, "OverallStatusMessage") or status, None, None)
    every = [e for e in message.iter() if _name(e) in ("Results", "Result")]
    refused = (e for e in every if (_said(e, "StatusCode") or "OK") != "OK")
    return Changed(
        (_said(result, "StatusCode") or status) == "OK",
        _said(result, "StatusMessage") or status,
        _said(result, "ErrorCode"),
        _said(result, "NewObjectID"),
        _deep(result, "Task", "ID"),
        next((_said(e, "StatusMessage") or "refused without words" for e in refused), ""),
    )


_ANSWERS = (
    *("CreateResponse", "UpdateResponse", "DeleteResponse"),
    *("PerformResponseMsg", "ScheduleResponseMsg", "ExtractResponseMsg"),
)


def _parse(body: bytes) -> Any:
    from lxml import etree

    try:
        root = etree.fromstring(body, _parser())
    except etree.XMLSyntaxError as first:
        cleaned = _FORBIDDEN.sub("\ufffd".encode(), body)
        if cleaned == body:
            raise Unreadable("it is not well-formed XML") from first
        try:
            root = etree.fromstring(cleaned, _parser())
        except etree.XMLSyntaxError as error:
            raise Unreadable("it is not well-formed XML") from error
    except ValueError as error:
        raise Unreadable("it is not XML") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("it has a document type, which no SOAP answer has")
    return root


def _parser() -> etree.XMLParser:
    """No entities, no DTD, no network, libxml2's own limits on depth and text kept."""
    from lxml import etree

    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )


def _name(element: Any) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _first(root: Any, name: str) -> Any:
    return next((e for e in root.iter() if _name(e) == name), None)


def _said(parent: Any, name: str) -> str | None:
    child = next((e for e in parent if _name(e) == name), None)
    return None if child is None else (child.text or "").strip() or None


def _deep(parent: Any, outer: str, inner: str) -> str | None:
    """SOAP 1.2 faults: Code/Value and Reason/Text."""
    child = next((e for e in parent if _name(e) == outer), None)
    return None if child is None else _said(child, inner)


def _result(element: Any) -> dict[str, str | None]:
    cells: dict[str, str | None] = {}
    for child in element:
        name = _name(child)
        if len(child):
            for inner in child:
                cells.setdefault(f"{name}.{_name(inner)}", inner.text)
        else:
            cells.setdefault(name, child.text)
    return cells
