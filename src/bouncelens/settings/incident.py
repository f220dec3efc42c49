"""What can be set about false-bounce incidents."""

from __future__ import annotations

from pydantic import Field

from bouncelens.settings.part import Part


class IncidentSettings(Part):
    """How `serve` looks for providers that call living addresses dead."""

    watch_minutes: float = Field(
        default=5, ge=0, description="Minutes between two looks of `serve`. 0: it does not look."
    )
    ask: bool = Field(
        default=True,
        description="Where refusals look false and the query route is on, ask Marketing Cloud at "
        "once who of the refused was alive.",
    )
