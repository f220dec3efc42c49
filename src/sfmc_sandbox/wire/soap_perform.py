"""Perform, Schedule: starts queries and automations, clears data extensions (2.4, 2.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from sfmc_sandbox.imports import start_import
from sfmc_sandbox.schedules import ScheduleRefused, read_schedule
from sfmc_sandbox.wire.soap_answer import PARTNER, escape
from sfmc_sandbox.wire.soap_request import child, children, text_of, type_of

if TYPE_CHECKING:
    from lxml import etree

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token


_SCHEDULED = {
    "start": "Program scheduled.",
    "pause": "Schedule Paused. To reactivate the schedule use proxy.Schedule with the action "
    "'start'.",
}


# Elements of a Recurrence that say how many steps lie between two runs.
_INTERVALS = ("MinuteInterval", "HourInterval", "DayInterval", "WeekInterval")


class PerformError(Exception):
    """What cannot be started."""


def perform(sandbox: Sandbox, token: Token, body: etree._Element) -> str:
    """The PerformResponseMsg. The action is case-insensitive."""
    action = (text_of(body, "Action") or "").strip().lower()
    holder = child(body, "Definitions")
    parts, good = [], 0
    nodes = children(holder) if holder is not None else []
    for node in nodes:
        kind = type_of(node) or ""
        try:
            message, object_id, task = _start(sandbox, token, action, kind=kind, node=node)
            parts.append(_result(_Outcome(message, kind, object_id, task)))
            good += 1
        except PerformError as problem:
            object_id = text_of(node, "ObjectID") or ""
            parts.append(_result(_Outcome(str(problem), kind, object_id, is_ok=False)))
    status = "OK" if good == len(nodes) else ("Has Errors" if good else "Error")
    return (
        f'<PerformResponseMsg xmlns="{PARTNER}"><Results>{"".join(parts)}</Results>'
        f"<OverallStatus>{status}</OverallStatus><OverallStatusMessage />"
        f"<RequestID>{uuid4()}</RequestID></PerformResponseMsg>"
    )


def _start(
    sandbox: Sandbox, token: Token, action: str, *, kind: str, node: etree._Element
) -> tuple[str, str, int]:
    object_id = (text_of(node, "ObjectID") or "").strip()
    if kind == "DataExtension" and action == "cleardata":
        _need(sandbox, token, "data_extensions_write")
        extension = sandbox.extensions.find(token.mid, (text_of(node, "CustomerKey") or "").strip())
        if extension is None:
            raise PerformError("The Data Extension does not exist.")
        with sandbox.writing:
            sandbox.tenant.db.cursor().execute(f"DELETE FROM {extension.table}")  # noqa: S608
        return "Data Extension data cleared", extension.object_id, 0
    if action != "start":
        raise PerformError(f"The action {action[:40]} is not supported for {kind}.")
    _need(sandbox, token, "automations_execute")
    if kind == "QueryDefinition":
        # By ObjectID only: a CustomerKey answers Error (fact sheet 2.4).
        activity = sandbox.activities.query(token.mid, object_id) if object_id else None
        if activity is None:
            raise PerformError("The QueryDefinition ObjectID is missing or does not exist.")
        task = sandbox.runs.start(activity)
        return "QueryDefinition perform called successfully", object_id, task
    if kind == "ImportDefinition":
        found = sandbox.imports.find(token.mid, object_id) if object_id else None
        if found is None:
            raise PerformError("The ImportDefinition ObjectID is missing or does not exist.")
        task = start_import(sandbox, found)
        return "ImportDefinition perform called successfully", object_id, task
    if kind == "Automation":
        if sandbox.runs.start_automation(token.mid, object_id) is None:
            raise PerformError("The Automation does not exist.")
        return "Performed Activity", object_id, 0  # no task is told of an automation
    raise PerformError(f"Perform is not supported for {kind}.")


def _need(sandbox: Sandbox, token: Token, scope: str) -> None:
    if scope not in token.scopes or sandbox.trouble.strikes("scope-missing"):
        raise PerformError("API Permission Failed.")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one definition."""

    message: str
    kind: str
    object_id: str | None
    task: int = 0
    is_ok: bool = True


def _result(outcome: _Outcome) -> str:
    found = '<ObjectID xsi:nil="true" />'
    if outcome.object_id:
        found = f"<ObjectID>{escape(outcome.object_id)}</ObjectID>"
    told = (
        f"<Task><StatusCode>OK</StatusCode><StatusMessage>OK</StatusMessage><ID>{outcome.task}</ID>"
        f"<InteractionObjectID>{uuid4()}</InteractionObjectID></Task>"
        if outcome.task
        else ""
    )
    return (
        f"<Result><StatusCode>{'OK' if outcome.is_ok else 'Error'}</StatusCode>"
        f"<StatusMessage>{escape(outcome.message)}</StatusMessage>"
        + ("" if outcome.is_ok else "<ErrorCode>2</ErrorCode>")
        + f'<Object xsi:type="{escape(outcome.kind or "APIObject")}"><PartnerKey xsi:nil="true" />'
        f"{found}</Object>{told}</Result>"
    )


def schedule(sandbox: Sandbox, token: Token, body: etree._Element) -> str:
    """The ScheduleResponseMsg: start or pause of an automation."""
    action = (text_of(body, "Action") or "").strip().lower()
    holder = child(body, "Interactions")
    parts, good = [], 0
    nodes = children(holder) if holder is not None else []
    for node in nodes:
        object_id = (text_of(node, "ObjectID") or "").strip()
        code, message = "OK", _SCHEDULED.get(action, "")
        try:
            _schedule(sandbox, token, action, object_id=object_id, wanted=child(body, "Schedule"))
            good += 1
        except PerformError as problem:
            code, message = "Error", str(problem)
        parts.append(
            f"<Result><StatusCode>{code}</StatusCode><StatusMessage>{escape(message)}"
            '</StatusMessage><Object><PartnerKey xsi:nil="true" /><ObjectID xsi:nil="true" />'
            "</Object><Task /></Result>"
        )
    status = "OK" if good == len(nodes) else ("Has Errors" if good else "Error")
    return (
        f'<ScheduleResponseMsg xmlns="{PARTNER}"><Results>{"".join(parts)}</Results>'
        f"<OverallStatus>{status}</OverallStatus>"
        f"<OverallStatusMessage /><RequestID>{uuid4()}</RequestID></ScheduleResponseMsg>"
    )


def _schedule(
    sandbox: Sandbox, token: Token, action: str, *, object_id: str, wanted: etree._Element | None
) -> None:
    _need(sandbox, token, "automations_execute")
    if action not in _SCHEDULED:
        raise PerformError(f"The action {action[:40]} is not supported for Automation.")
    with sandbox.writing:
        _set(sandbox, token, action, object_id=object_id, wanted=wanted)


def _set(
    sandbox: Sandbox, token: Token, action: str, *, object_id: str, wanted: etree._Element | None
) -> None:
    start = (text_of(wanted, "StartDateTime") or "").strip()
    if action == "start" and start and wanted is not None:
        try:
            schedule = read_schedule({"startDate": start, "icalRecur": _recurrence(wanted)})
        except ScheduleRefused as problem:
            raise PerformError(str(problem)) from problem
        sandbox.activities.set_schedule(token.mid, object_id, schedule)
    if not sandbox.runs.schedule(token.mid, object_id, is_on=action == "start"):
        raise PerformError("The Automation does not exist.")


def _recurrence(wanted: etree._Element) -> str:
    """A ScheduleDefinition's recurrence in the words that REST has for it."""
    recurrence = child(wanted, "Recurrence")
    every = next((n for n in (text_of(recurrence, name) for name in _INTERVALS) if n), "1")
    parts = [f"FREQ={(text_of(wanted, 'RecurrenceType') or 'Daily').strip()}", f"INTERVAL={every}"]
    if count := (text_of(wanted, "Occurrences") or "").strip():
        parts.append(f"COUNT={count}")
    if until := (text_of(wanted, "EndDateTime") or "").strip():
        parts.append(f"UNTIL={until}")
    return ";".join(parts)
