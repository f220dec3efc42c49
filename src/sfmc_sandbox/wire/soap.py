"""Service.asmx: one address for all SOAP calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from sfmc_sandbox.wire.change_activity import change_automation, change_query
from sfmc_sandbox.wire.change_extension import change_extension, change_row
from sfmc_sandbox.wire.change_folder import change_folder
from sfmc_sandbox.wire.change_import import change_import, change_list
from sfmc_sandbox.wire.change_subscriber import change_subscriber
from sfmc_sandbox.wire.soap_about import describe, system_status, version_info
from sfmc_sandbox.wire.soap_answer import Fault, Frame, content_type, envelope, fault
from sfmc_sandbox.wire.soap_change import Change, Outcome, make_changer
from sfmc_sandbox.wire.soap_extract import extract
from sfmc_sandbox.wire.soap_perform import perform, schedule
from sfmc_sandbox.wire.soap_request import child, read_request, type_of
from sfmc_sandbox.wire.soap_retrieve import retrieve
from sfmc_sandbox.wire.soap_unsupported import configure, execute, query

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree
    from starlette.requests import Request

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token

# Object type: the scope that changing it needs, and what does it.
_CHANGERS: dict[str, tuple[str, Callable[[Change], Outcome]]] = {
    "DataExtension": ("data_extensions_write", change_extension),
    "DataExtensionObject": ("data_extensions_write", change_row),
    "QueryDefinition": ("automations_write", change_query),
    "Automation": ("automations_write", change_automation),
    "DataFolder": ("data_extensions_write", change_folder),
    "Subscriber": ("list_and_subscribers_write", change_subscriber),
    "ImportDefinition": ("automations_write", change_import),
    "SuppressionListDefinition": ("list_and_subscribers_write", change_list),
}
# Action: what answers it, and the action named in the answer's header.
_CALLS: dict[str, tuple[Callable[[Sandbox, Token, etree._Element], str], str]] = {
    "Retrieve": (retrieve, "RetrieveResponse"),
    "Create": (make_changer("Create", _CHANGERS), "CreateResponse"),
    "Update": (make_changer("Update", _CHANGERS), "UpdateResponse"),
    "Delete": (make_changer("Delete", _CHANGERS), "DeleteResponse"),
    "Perform": (perform, "PerformResponse"),
    "Schedule": (schedule, "ScheduleResponse"),
    "Extract": (extract, "ExtractResponse"),
    "Describe": (describe, "DescribeResponse"),
    "VersionInfo": (version_info, "VersionInfoResponse"),
    "GetSystemStatus": (system_status, "GetSystemStatusResponse"),
    "Configure": (configure, "ConfigureResponse"),
    "Execute": (execute, "ExecuteResponse"),
    "Query": (query, "QueryResponse"),
}


def call(sandbox: Sandbox, request: Request, raw: bytes) -> Response:
    """Answers one SOAP request; every error is a fault."""
    frame = Frame(f"{sandbox.base_url(request)}Service.asmx")
    try:
        asked = read_request(raw, request.headers)
        frame = Frame(frame.url, asked.is_12, asked.message_id)
        request.state.told = f"{asked.action} {_of_what(asked.body)}"  # for the log of requests
        _strike(sandbox)
        token = _token(sandbox, asked.token)
        answer, action = _CALLS[asked.action]
        body = envelope(frame, action, answer(sandbox, token, asked.body))
        return Response(body, headers={"Content-Type": content_type(frame)})
    except Fault as problem:
        return Response(fault(frame, problem), 500, headers={"Content-Type": content_type(frame)})


def _of_what(body: etree._Element) -> str:
    """The type of object that a request is about, '' where there is none."""
    named = child(child(body, "RetrieveRequest"), "ObjectType")
    if named is not None:
        return (named.text or "").strip()
    changed = child(body, "Objects")
    return (type_of(changed) or "") if changed is not None else ""


def _strike(sandbox: Sandbox) -> None:
    if sandbox.trouble.strikes("soap-500"):
        raise Fault("Server", "Unplanned Outage", api_code=2)
    if sandbox.trouble.strikes("maintenance"):
        raise Fault("Server", "InMaintenance", api_code=9)
    if sandbox.trouble.strikes("throttled"):
        # SOAP throttling is a fault with HTTP 500, not 429 (fact sheet 1).
        raise Fault("Server", "Rate limit exceeded", api_code=2)


def _token(sandbox: Sandbox, text: str | None) -> Token:
    found = sandbox.tokens.look(text)
    if found == "expired" or sandbox.trouble.strikes("expired-token"):
        raise Fault("Security", "Token Expired")
    if isinstance(found, str):
        raise Fault("Security", "Login failed")
    return found
