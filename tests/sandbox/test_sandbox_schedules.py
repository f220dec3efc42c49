"""Schedules of automations: told, started, paused, and run as the sandbox's clock passes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sandbox_caller import PARTNER, RETAIL, Caller, running_sandbox

from sfmc_sandbox.schedules import ScheduleRefused, read_schedule, recurrence_of
from sfmc_sandbox.world.tenant import Tenant

AUTOMATIONS = "/automation/v1/automations"
LEGACY = "/legacy/v1/beta/bulk/automations/automation/definition"
START = "2026-01-01T08:00:00"
DUE = [
    ("FREQ=HOURLY;INTERVAL=2", "2026-01-01T09:00:00", "2026-01-01T10:00:00"),
    ("FREQ=HOURLY;INTERVAL=2", "2026-01-01T10:00:00", "2026-01-01T12:00:00"),
    ("FREQ=DAILY", "2025-01-01T00:00:00", START),
    ("FREQ=WEEKLY;COUNT=2", START, "2026-01-08T08:00:00"),
    ("FREQ=WEEKLY;COUNT=2", "2026-01-08T08:00:00", None),
    ("FREQ=DAILY;UNTIL=20260102T080000", START, "2026-01-02T08:00:00"),
    ("FREQ=DAILY;UNTIL=20260102T075959", START, None),
    ("FREQ=MONTHLY", START, None),
    ("", START, "2026-01-02T08:00:00"),
    ("FREQ=WEEKLY;INTERVAL=99999", "9999-12-01T00:00:00", None),
]


@pytest.mark.parametrize(("recur", "now", "due"), DUE)
def test_when_a_schedule_is_due_next(recur: str, now: str, due: str | None) -> None:
    found = recurrence_of({"startDate": START, "icalRecur": recur})
    wanted = datetime.fromisoformat(due) if due else None
    assert found.next_after(datetime.fromisoformat(now)) == wanted


@pytest.mark.parametrize(
    "content",
    [[], {}, {"startDate": "soon"}, {"startDate": START, "icalRecur": "FREQ=SOMETIMES"},
     {"startDate": START, "icalRecur": "FREQ=DAILY;INTERVAL=²"},
     {"startDate": START, "icalRecur": "FREQ=DAILY;COUNT=" + "9" * 5000}],
)  # fmt: skip
def test_a_schedule_that_cannot_be_read_is_refused(content: object) -> None:
    with pytest.raises(ScheduleRefused):
        read_schedule(content)


@pytest.fixture(scope="module")
def daily(spare: Tenant) -> Iterator[tuple[Caller, dict[str, Any]]]:
    """A sandbox with one automation that is due every day, paused as it is after its creation."""
    with running_sandbox(spare) as caller:
        start = caller.sandbox.now().isoformat(timespec="seconds")
        schedule = {"startDate": start, "icalRecur": "FREQ=DAILY;INTERVAL=1", "scheduleTypeId": 3}
        made = caller.rest(AUTOMATIONS, method="POST", json={
            "name": "daily", "key": "daily", "startSource": {"typeId": 1, "schedule": schedule},
        }).json()  # fmt: skip
        yield caller, made


def _runs(caller: Caller, number: str) -> int:
    """How many runs ended, once none goes on any more."""
    counted = "SELECT count(*), count(completed) FROM task WHERE interaction_id = ?"
    for _ in range(1000):
        begun, ended = caller.sandbox.tenant.db.cursor().execute(counted, [number]).fetchall()[0]
        status = caller.rest(f"{AUTOMATIONS}/{number}").json()["statusId"]
        if begun == ended and status != 3:
            return int(ended)
        time.sleep(0.01)
    raise AssertionError("a run does not end")


def test_a_schedule_runs_by_the_clock_until_it_is_paused(
    daily: tuple[Caller, dict[str, Any]],
) -> None:
    caller, made = daily
    number = made["id"]
    assert (made["status"], made["schedule"]["typeId"]) == ("PausedSchedule", 3)
    flow = caller.sandbox.flow
    flow.clock.move(86_400)
    flow.advance()
    assert _runs(caller, number) == 0
    entry = caller.rest(LEGACY).json()["entry"][0]
    told = caller.rest(f"{LEGACY}/{entry['id']}").json()["scheduleObject"]
    assert told["iCalRecur"] == "FREQ=DAILY;INTERVAL=1"
    body = {"id": entry["id"], "scheduleObject": {"id": told["id"]}}
    answer = caller.rest(f"{LEGACY}/?action=schedule", method="POST", json=body).json()
    assert (answer["id"], answer["status"]) == (entry["id"], "Scheduled")
    flow.clock.move(3 * 86_400)
    flow.advance()
    assert _runs(caller, number) == 1  # once, however late
    assert caller.rest(f"{AUTOMATIONS}/{number}").json()["status"] == "Scheduled"
    flow.clock.move(86_400)
    flow.advance()
    assert _runs(caller, number) == 2
    caller.rest(f"{LEGACY}/?action=pauseSchedule", method="POST", json=body)
    flow.clock.move(86_400)
    flow.advance()
    assert _runs(caller, number) == 2
    assert caller.rest(f"{AUTOMATIONS}/{number}").json()["status"] == "PausedSchedule"
    assert caller.rest(f"{LEGACY}/?action=dance", method="POST", json=body).status_code == 400
    nobody = caller.rest(f"{LEGACY}/?action=schedule", method="POST", json={"id": "x"})
    assert nobody.status_code == 404


def test_soap_schedules_with_a_definition(daily: tuple[Caller, dict[str, Any]]) -> None:
    caller, made = daily
    inner = (
        "<Action>start</Action><Schedule><Recurrence xsi:type='HourlyRecurrence'>"
        "<HourInterval>6</HourInterval></Recurrence><RecurrenceType>Hourly</RecurrenceType>"
        f"<StartDateTime>{START}</StartDateTime><Occurrences>5</Occurrences></Schedule>"
        f"<Interactions><Interaction xsi:type='Automation'><ObjectID>{made['id']}</ObjectID>"
        "</Interaction></Interactions>"
    )
    name = f'ScheduleRequestMsg xmlns="{PARTNER[1:-1]}"'
    answer = caller.soap(f"<{name}>{inner}</ScheduleRequestMsg>")
    assert answer.first("StatusMessage") == "Program scheduled."
    told = caller.rest(f"{AUTOMATIONS}/{made['id']}").json()
    assert told["schedule"]["icalRecur"] == "FREQ=Hourly;INTERVAL=6;COUNT=5"
    assert told["status"] == "Scheduled"
    other = caller.token(RETAIL + 1)
    assert (
        caller.rest(f"{AUTOMATIONS}/{made['id']}", method="DELETE", token=other).status_code == 404
    )
    assert caller.rest(f"{AUTOMATIONS}/{made['id']}", method="DELETE").json() == "OK"
    assert caller.rest(f"{AUTOMATIONS}/{made['id']}").status_code == 404
