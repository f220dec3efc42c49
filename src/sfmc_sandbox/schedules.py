"""Schedules of automations: what clients send of them, and when one is due next.

Times are the server's clock, UTC-6, whatever zone a schedule names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

_STEPS = {
    "MINUTELY": timedelta(minutes=1),
    "HOURLY": timedelta(hours=1),
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(weeks=1),
}
_FREQUENCIES = {*_STEPS, "SECONDLY", "MONTHLY", "YEARLY"}
_KEPT = ("startDate", "endDate", "icalRecur", "timezoneName", "timezoneId", "typeId")


class ScheduleRefused(ValueError):
    """A schedule that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """From when on, how often, and until when."""

    start: datetime
    step: timedelta | None  # None: further apart than is run here, by months and years
    most: int = 0  # how often at most; 0 without end
    until: datetime | None = None

    def next_after(self, now: datetime) -> datetime | None:
        """The first time that lies behind a moment; None when there is none."""
        if self.step is None:
            return self.start if self.start > now else None
        turn = max(0, (now - self.start) // self.step + 1)
        if self.most and turn >= self.most:
            return None
        try:
            due = self.start + turn * self.step
        except OverflowError:
            return None
        return None if self.until is not None and due > self.until else due


def read_schedule(content: object) -> dict[str, Any]:
    """A schedule as it is kept and told. Raises ScheduleRefused."""
    if not isinstance(content, dict):
        raise ScheduleRefused("The field schedule must be an object.")
    kept = {name: content[name] for name in _KEPT if content.get(name) is not None}
    if content.get("scheduleTypeId") is not None:  # what is told as typeId is sent so
        kept["typeId"] = content["scheduleTypeId"]
    recurrence_of(kept)
    kept["id"] = str(content.get("id") or uuid4())[:60]
    return kept


def recurrence_of(schedule: dict[str, Any]) -> Recurrence:
    """When a schedule is due. Raises ScheduleRefused."""
    start = _moment(schedule.get("startDate"), "startDate")
    parts = {
        name.strip().upper(): value.strip()
        for name, _, value in (
            part.partition("=") for part in str(schedule.get("icalRecur") or "").split(";")
        )
    }
    frequency = parts.get("FREQ", "DAILY").upper()
    if frequency not in _FREQUENCIES:
        raise ScheduleRefused(f"The icalRecur has no frequency that is known: {frequency[:40]}")
    every, most = _whole(parts.get("INTERVAL", "1")), _whole(parts.get("COUNT", "0"))
    until = None
    if text := parts.get("UNTIL"):
        until = _moment(text, "icalRecur")
    step = _STEPS.get(frequency)
    return Recurrence(start, step * max(every, 1) if step else None, most, until)


def _whole(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise ScheduleRefused(f"The icalRecur holds no number: {text[:40]}")
    return int(text)


def _moment(value: object, name: str) -> datetime:
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=None)
    except ValueError as problem:
        raise ScheduleRefused(f"The {name} is no date: {str(value)[:40]}") from problem
