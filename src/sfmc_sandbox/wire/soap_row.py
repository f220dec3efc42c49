"""A type of object as a table of properties, and the SQL that writes its rows as finished XML.

Elements stand in the WSDL's order: what is inherited comes first, nested ones share their parent.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Literal

Kind = Literal["string", "int", "decimal", "bool", "date"]


@dataclass(frozen=True, slots=True)
class Property:
    """One property: the SQL that gives it and the elements around it."""

    name: str
    sql: str
    kind: Kind = "string"
    path: tuple[str, ...] = ()  # elements around the value; default: its own name
    is_pair: bool = False  # sent as PartnerProperties Name/Value
    is_retrievable: bool = True  # False: only in filters
    is_filterable: bool = True


CLIENT = Property("Client.ID", "e.mid", "int", ("Client", "ID"))


def named(modified: str = "e.created") -> tuple[Property, ...]:
    """What everything that people set up begins with. `modified`: SQL of its last change."""
    return (
        CLIENT,
        Property("CreatedDate", "e.created", "date"),
        Property("ModifiedDate", modified, "date"),
        Property("ObjectID", "e.object_id"),
        Property("CustomerKey", "e.key"),
        Property("Name", "e.name"),
    )


@dataclass(frozen=True, slots=True)
class SoapObject:
    """A type of object: `source` is a FROM clause, `key` a unique sortable integer."""

    name: str
    source: str
    key: str
    scope: str  # condition on the business unit, with `?` for the MID
    properties: tuple[Property, ...]
    needs: str  # scope of the token
    xml_type: str = ""  # xsi:type of its results, where it is not the name
    is_bag: bool = False  # properties are sent as Properties/Property
    wide: str = ""  # in place of `scope` for QueryAllAccounts
    has_more: bool = False  # properties of the WSDL beyond these are known, and empty
    table: str = ""  # of events: the table `e`, whose rows can be cut before the joins

    def known(self) -> dict[str, Property]:
        """The properties by name."""
        return {entry.name: entry for entry in self.properties}


_CONTROLS = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"  # XML 1.0 cannot carry them
_PLAIN = {"Client", "SendableSubscriberField"}  # not objects of their own
_BASE = ("CreatedDate", "ModifiedDate", "ID")


def row_sql(entry: SoapObject, wanted: list[str], *, live_elements: bool) -> str:
    """SQL that writes one row as a finished Results element."""
    chosen = [prop for prop in entry.properties if prop.name in wanted]

    def named(*names: str) -> list[Property]:
        return [prop for prop in chosen if prop.name in names and not prop.path]

    head = [prop for prop in chosen if prop.path[:1] == ("Client",)]
    pairs = [prop for prop in chosen if prop.is_pair]
    base, key, identity = named(*_BASE), named("CustomerKey"), named("ObjectID")
    taken = {prop.name for prop in [*head, *pairs, *base, *key, *identity]}
    rest = [prop for prop in chosen if prop.name not in taken]
    live = "<IsPlatformObject>false</IsPlatformObject>" if live_elements else ""
    parts = [
        _quote(f'<Results xsi:type="{entry.xml_type or entry.name}">'),
        *_elements(head),
        _quote('<PartnerKey xsi:nil="true" />'),
        *(_pair(prop) for prop in pairs),
        *_elements(base),
        *(_elements(identity) or [_quote('<ObjectID xsi:nil="true" />')]),
        *_elements(key),
        *(_bag(rest) if entry.is_bag else _elements(rest)),
        _quote(live + "</Results>"),
    ]
    return "concat(" + ", ".join(parts) + ")"


def _elements(properties: list[Property]) -> list[str]:
    """Elements side by side; neighbours with the same parent share it."""
    parts: list[str] = []
    for parent, group in groupby(properties, key=lambda prop: prop.path[:-1]):
        opening = "".join(f"<{name}>" for name in parent)
        if parent and parent[-1] not in _PLAIN:
            parts += _nested(parent[-1], list(group))
            continue
        closing = "".join(f"</{name}>" for name in reversed(parent))
        inner = [_element(prop) for prop in group]
        if not parent:
            parts += inner
            continue
        # Without anything inside, the parent is left out, too.
        whole = ", ".join([_quote(opening), *inner, _quote(closing)])
        parts.append(f"nullif(concat({whole}), {_quote(opening + closing)})")
    return parts


def _nested(parent: str, inner: list[Property]) -> list[str]:
    """An object inside of another; left out when nothing of it is known."""
    first = [_element(prop) for prop in inner if prop.path[-1] == "ID"]
    rest = [_element(prop) for prop in inner if prop.path[-1] not in {"ID", "ObjectID"}]
    known = [_element(prop) for prop in inner if prop.path[-1] == "ObjectID"]
    nil = _quote('<ObjectID xsi:nil="true" />')
    identity = f"coalesce({known[0]}, {nil})" if known else nil
    head = _quote(f'<{parent}><PartnerKey xsi:nil="true" />')
    whole = ", ".join([head, *first, identity, *rest, _quote(f"</{parent}>")])
    some = ", ".join([*first, *known, *rest])
    return [f"CASE WHEN concat({some}) <> '' THEN concat({whole}) END"]


def _element(prop: Property) -> str:
    name = prop.path[-1] if prop.path else prop.name
    return f"({_quote(f'<{name}>')} || {value_sql(prop)} || {_quote(f'</{name}>')})"


def _bag(properties: list[Property]) -> list[str]:
    """Properties/Property{Name,Value}: how rows of data extensions and task states are told."""
    pairs = [
        f"{_quote(f'<Property><Name>{_xml(prop.name)}</Name><Value>')} || "
        f"coalesce({value_sql(prop)}, '') || '</Value></Property>'"
        for prop in properties
    ]
    return [_quote("<Properties>"), *pairs, _quote("</Properties>")]


def _pair(prop: Property) -> str:
    opening = f"<PartnerProperties><Name>{prop.name}</Name><Value>"
    closing = "</Value></PartnerProperties>"
    return f"({_quote(opening)} || {value_sql(prop)} || {_quote(closing)})"


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def value_sql(prop: Property) -> str:
    """SQL that writes a value as XML text; NULL leaves the element out (concat skips it)."""
    if prop.kind in {"int", "decimal"}:
        return f"CAST({prop.sql} AS VARCHAR)"
    if prop.kind == "bool":
        return f"CASE {prop.sql} WHEN true THEN 'true' WHEN false THEN 'false' END"
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
