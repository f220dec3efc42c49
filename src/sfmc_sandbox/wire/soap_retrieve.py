"""Retrieve: properties checked, filter turned into SQL, pages handed out (fact sheet 2.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import duckdb

from sfmc_sandbox.wire.paging import PAGE_ROWS, Open, Query
from sfmc_sandbox.wire.soap_answer import PARTNER, escape
from sfmc_sandbox.wire.soap_filter import (
    Complex,
    Filter,
    FilterError,
    operators_of,
    properties_of,
    read_filter,
    to_sql,
)
from sfmc_sandbox.wire.soap_known import is_named, without_rows
from sfmc_sandbox.wire.soap_objects import OBJECTS, rows_of
from sfmc_sandbox.wire.soap_request import child, children, text_of
from sfmc_sandbox.wire.soap_row import Property, SoapObject, row_sql

if TYPE_CHECKING:
    from lxml import etree

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token


_LATE = timedelta(days=3)
_OTHERS = re.compile(r"\b[sj]\.")  # aliases of the joined tables


class RetrieveError(Exception):
    """An error that SFMC tells with HTTP 200, in OverallStatus."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A retrieve request, read."""

    object_type: str
    properties: list[str]
    filter: Filter | None
    request_id: str  # of the page before; '' at the beginning
    page_rows: int
    all_accounts: bool


def retrieve(sandbox: Sandbox, token: Token, body: etree._Element) -> str:
    """The RetrieveResponseMsg."""
    try:
        asked = _read(child(body, "RetrieveRequest"))
        entry, query, after = _open(sandbox, token, asked)
        page = query.page(sandbox.tenant.db.cursor(), after)
    except (RetrieveError, FilterError) as problem:
        return _message(f"Error: {problem}", str(uuid4()), "")
    except duckdb.Error as problem:
        first = str(problem).partition("\n")[0]
        return _message(f"Error: {first}", str(uuid4()), "")
    if not page.more:
        return _message("OK", str(uuid4()), "".join(page.rows))
    request_id = sandbox.pages.keep(Open(query, page.last, after, token.mid, entry))
    return _message("MoreDataAvailable", request_id, "".join(page.rows))


def _message(status: str, request_id: str, results: str) -> str:
    return (
        f'<RetrieveResponseMsg xmlns="{PARTNER}"><OverallStatus>{escape(status)}</OverallStatus>'
        f"<RequestID>{request_id}</RequestID>{results}</RetrieveResponseMsg>"
    )


def _read(request: etree._Element | None) -> Asked:
    """Lenient about the order of elements: clients differ."""
    if request is None:
        raise RetrieveError("Object reference not set to an instance of an object.")
    options = child(request, "Options")
    size = (text_of(options, "BatchSize") or "").strip()
    rows = int(size) if size.isdecimal() and len(size) < 10 and int(size) > 0 else PAGE_ROWS
    return Asked(
        object_type=(text_of(request, "ObjectType") or "").strip(),
        properties=[(node.text or "").strip() for node in children(request, "Properties")],
        filter=read_filter(child(request, "Filter")),
        request_id=(text_of(request, "ContinueRequest") or "").strip(),
        page_rows=min(rows, PAGE_ROWS),
        all_accounts=(text_of(request, "QueryAllAccounts") or "").strip().lower() == "true",
    )


def _open(sandbox: Sandbox, token: Token, asked: Asked) -> tuple[str, Query, int | None]:
    if asked.request_id:
        going = sandbox.pages.find(asked.request_id)
        if going is None or going.mid != token.mid or sandbox.trouble.strikes("page-expires"):
            raise RetrieveError("The RequestID sent through ContinueRequest does not exist.")
        if sandbox.trouble.strikes("duplicate-page"):
            return going.object_type, going.query, going.before
        return going.object_type, going.query, going.after
    entry = (
        OBJECTS.get(asked.object_type)
        or without_rows(asked.object_type)
        or _rows(sandbox, token, asked.object_type)
    )
    if entry is None:
        raise RetrieveError(
            f"Unable to find a handler for object type: {asked.object_type}. "
            "Object types are case-sensitive, check spelling."
        )
    lacks = bool(entry.needs) and entry.needs not in token.scopes
    if lacks or sandbox.trouble.strikes("scope-missing"):
        raise RetrieveError(
            f"API Permission Failed: the scope {entry.needs} is needed to retrieve {entry.name}."
        )
    return entry.name, _query(sandbox, token, asked, entry), None


def _rows(sandbox: Sandbox, token: Token, object_type: str) -> SoapObject | None:
    if not (object_type.startswith("DataExtensionObject[") and object_type.endswith("]")):
        return None
    key = object_type.partition("[")[2][:-1].strip()
    extension = sandbox.extensions.find(token.mid, key) or sandbox.extensions.named(token.mid, key)
    if extension is None:
        raise RetrieveError(f"Data extension does not exist. Key: {key}")
    return rows_of(extension)


def _query(sandbox: Sandbox, token: Token, asked: Asked, entry: SoapObject) -> Query:
    known = entry.known()
    wanted = asked.properties or [
        prop.name for prop in entry.properties if prop.is_retrievable and not prop.is_pair
    ]
    if entry.name == "DataExtensionObject":
        # Rows want an explicit list: `*` gives OK and nothing (fact sheet 2.5).
        wanted = [_spelled(name, known) for name in asked.properties if name != "*"]
        if "like" in operators_of(asked.filter):
            raise RetrieveError("The like operator is not supported for DataExtensionObject.")
    allowed = {"ObjectID", "PartnerKey", "Client", "Client.ID", "PartnerProperties"}
    allowed |= {name for name, prop in known.items() if prop.is_retrievable}
    unknown = [name for name in wanted if name not in allowed]
    if entry.has_more:
        unknown = [name for name in unknown if not is_named(entry.name, name)]
    if unknown:
        raise RetrieveError(
            f"The Request Property(s) {', '.join(unknown)} do not match with the fields of "
            f"{entry.name} retrieve"
        )
    if "ProgramID" in wanted:  # FuelSDKWrapper asks for this and takes the ObjectID
        wanted = [*wanted, "ObjectID"]
    parameters: list[object] = []
    conditions = [entry.wide if asked.all_accounts and entry.wide else entry.scope]
    if asked.all_accounts and entry.name == "BusinessUnit" and token.mid == _enterprise(sandbox):
        conditions = ["? > 0"]
    parameters.append(token.mid)
    if asked.filter is not None:
        conditions.append(to_sql(asked.filter, known, parameters))
    if (
        entry.needs == "tracking_events_read"
        and entry.name != "Send"
        and (sandbox.trouble.strikes("late-events"))
    ):
        conditions.append("(e.sub % 5 <> 0 OR e.event_time < ?)")
        parameters.append(sandbox.now() - _LATE)
    if _finds_nothing(entry.name, asked.filter) or not wanted:
        conditions.append("false")
    text = row_sql(entry, wanted, live_elements=sandbox.live_elements)
    return Query(_sql(entry, text, conditions), parameters, asked.page_rows)


def _sql(entry: SoapObject, text: str, conditions: list[str]) -> str:
    """The page's SELECT; where the conditions are the event's own, its rows are cut first."""
    where = " AND ".join(conditions)
    if entry.table and not _OTHERS.search(where):
        # The rows' numbers first: sorting those is cheap, sorting whole rows is not.
        numbers = (
            f"SELECT e.rowid FROM {entry.table} e WHERE {where} "  # noqa: S608
            "AND e.rowid > ? ORDER BY e.rowid LIMIT ?"
        )
        cut = (
            f"(SELECT e.*, e.rowid AS rid FROM {entry.table} e "  # noqa: S608
            f"WHERE e.rowid IN ({numbers})) e"
        )
        source = entry.source.replace(f"{entry.table} e", cut, 1)
        text = text.replace("e.rowid", "e.rid")
        return f"SELECT e.rid, {text} FROM {source} ORDER BY e.rid"  # noqa: S608
    return (
        f"SELECT {entry.key}, {text} FROM {entry.source} "  # noqa: S608 - names from our table
        f"WHERE {where} AND {entry.key} > ? ORDER BY {entry.key} LIMIT ?"
    )


def _spelled(name: str, known: dict[str, Property]) -> str:
    return next((real for real in known if real.lower() == name.lower()), name)


def _enterprise(sandbox: Sandbox) -> int:
    return sandbox.tenant.units[0].mid


def _finds_nothing(name: str, condition: Filter | None) -> bool:
    """Quirks seen live (fact sheet 2.2): OK, and no rows."""
    named = set(properties_of(condition))
    if name == "Send":
        return isinstance(condition, Complex) and "ID" in named and "SentDate" in named
    return name == "ListSubscriber" and named == {"ListID"}
