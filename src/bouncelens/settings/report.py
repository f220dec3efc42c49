"""What can be set about answers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bouncelens.settings.part import Part


class ReportSettings(Part):
    """How answers are shown."""

    min_sent: int = Field(
        default=100, ge=0, description="Rates of fewer messages sent are not shown, or greyed."
    )
    addresses: Literal["asked", "never", "always"] = Field(
        default="asked",
        description="When answers, pages and SQL show addresses; asked: with --addresses.",
    )
