"""The retrievable objects: where their rows lie and how each property is written.

A property's order is the WSDL's (inherited elements first). Names outside of the table are what
SFMC refuses (fact sheet 2.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["string", "int", "bool", "date"]


@dataclass(frozen=True, slots=True)
class Property:
    """One property: the SQL that gives it and the elements around it."""

    name: str
    sql: str
    kind: Kind = "string"
    path: tuple[str, ...] = ()  # elements around the value; default: its own name
    is_pair: bool = False  # sent as PartnerProperties Name/Value
    is_retrievable: bool = True  # False: only in filters


@dataclass(frozen=True, slots=True)
class SoapObject:
    """A type of object: `source` is a FROM clause, `key` a unique sortable integer."""

    name: str
    source: str
    key: str
    scope: str  # condition on the business unit, with `?` for the MID
    properties: tuple[Property, ...]
    needs: str  # scope of the token

    def known(self) -> dict[str, Property]:
        """The properties by name."""
        return {entry.name: entry for entry in self.properties}


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
                Property("ParentID", "coalesce(e.parent, 0)", "int"),
                Property("Name", "e.name"),
            ),
            "accounts_read",
        ),
    )
}
# Always there, at the start of a result, in the places the WSDL gives them.
_CONTROLS = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"  # XML 1.0 cannot carry them


def row_sql(entry: SoapObject, wanted: list[str], *, live_elements: bool) -> str:
    """SQL that writes one row as a finished Results element."""
    known = entry.known()
    chosen = [prop for prop in entry.properties if prop.name in wanted and prop.name in known]
    head = [prop for prop in chosen if prop.path[:1] == ("Client",)]
    pairs = [prop for prop in chosen if prop.is_pair]
    base = [p for p in chosen if p.name in {"CreatedDate", "ModifiedDate", "ID"} and not p.path]
    key = [prop for prop in chosen if prop.name == "CustomerKey"]
    rest = [
        p for p in chosen if p not in head and p not in pairs and p not in base and p not in key
    ]
    live = "<IsPlatformObject>false</IsPlatformObject>" if live_elements else ""
    parts = [
        _quote(f'<Results xsi:type="{entry.name}">'),
        *(_element(prop) for prop in head),
        _quote('<PartnerKey xsi:nil="true" />'),
        *(_pair(prop) for prop in pairs),
        *(_element(prop) for prop in base),
        _quote('<ObjectID xsi:nil="true" />'),
        *(_element(prop) for prop in key),
        *(_element(prop) for prop in rest),
        _quote(live + "</Results>"),
    ]
    return "concat(" + ", ".join(parts) + ")"


def _element(prop: Property) -> str:
    path = prop.path or (prop.name,)
    opening = "".join(f"<{name}>" for name in path)
    closing = "".join(f"</{name}>" for name in reversed(path))
    return f"({_quote(opening)} || {value_sql(prop)} || {_quote(closing)})"


def _pair(prop: Property) -> str:
    opening = f"<PartnerProperties><Name>{prop.name}</Name><Value>"
    closing = "</Value></PartnerProperties>"
    return f"({_quote(opening)} || {value_sql(prop)} || {_quote(closing)})"


def value_sql(prop: Property) -> str:
    """SQL that writes a value as XML text; NULL leaves the element out (concat skips it)."""
    if prop.kind == "int":
        return f"CAST({prop.sql} AS VARCHAR)"
    if prop.kind == "bool":
        return f"CASE WHEN {prop.sql} THEN 'true' ELSE 'false' END"
    if prop.kind == "date":
        text = f"strftime({prop.sql}, '%Y-%m-%dT%H:%M:%S.%g')"
        return f"rtrim(rtrim({text}, '0'), '.')"
    cleaned = f"regexp_replace(CAST({prop.sql} AS VARCHAR), '{_CONTROLS}', '', 'g')"
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#xD;")):
        char = f"chr({ord(mark)})" if mark == "\r" else f"'{mark}'"
        cleaned = f"replace({cleaned}, {char}, '{entity}')"
    return cleaned


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
