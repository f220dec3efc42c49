"""Extract: an ad hoc Tracking Extract into the Export folder (fact sheet 2.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from sfmc_sandbox.extracts import ExtractRefused, read_order
from sfmc_sandbox.storage import extract_now
from sfmc_sandbox.wire.rest_automations import TRACKING_EXTRACT
from sfmc_sandbox.wire.soap_answer import PARTNER, escape
from sfmc_sandbox.wire.soap_request import child, children, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.tokens import Token


def extract(sandbox: Sandbox, token: Token, body: etree._Element) -> str:
    """The ExtractResponseMsg; the file comes a little later."""
    status = "OK"
    for request in children(body, "Requests"):
        holder = child(request, "Parameters")
        parameters = {
            (text_of(node, "Name") or "").strip(): text_of(node, "Value") or ""
            for node in (children(holder) if holder is not None else [])
        }
        number = (text_of(request, "ID") or "").strip().lower()
        try:
            if number != TRACKING_EXTRACT:
                raise ExtractRefused(f"The extract {number[:40]} is not known.")
            units = tuple(unit.mid for unit in sandbox.tenant.units)
            read_order(parameters, token.mid, units=units, now=sandbox.now())
            sandbox.runs.submit(_later(sandbox, token.mid, parameters))
        except ExtractRefused as problem:
            status = f"Error: {problem}"
    return (
        f'<ExtractResponseMsg xmlns="{PARTNER}"><OverallStatus>{escape(status)}</OverallStatus>'
        f"<RequestID>{uuid4()}</RequestID><Results /></ExtractResponseMsg>"
    )


def _later(sandbox: Sandbox, mid: int, parameters: dict[str, str]) -> Callable[[], None]:
    def work() -> None:
        extract_now(sandbox, mid, parameters)

    return work
