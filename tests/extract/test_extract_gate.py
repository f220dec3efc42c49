"""The gate: no call at forbidden times, never more at once than set, whatever the route."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from told_server import HASTY, SECRET, Said, Told

from bouncelens.bounce import Account, Window
from bouncelens.errors import ForbiddenNow, SourceError
from bouncelens.extract.gate import Gate, Hours, gate_of
from bouncelens.extract.query import QuerySource
from bouncelens.extract.signin import Credentials, SignIn
from bouncelens.extract.soap import SoapSource
from bouncelens.extract.tracking import Place, TrackingSource
from bouncelens.extract.wire import Call, Wire
from bouncelens.settings import CallsSettings

MORNING, NIGHT = Hours(time(8), time(9, 30)), Hours(time(23), time(2))
NINE = datetime(2026, 7, 1, 9, tzinfo=UTC)
_NOTHING_THERE = (
    b'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    b"<RetrieveResponseMsg><OverallStatus>OK</OverallStatus></RetrieveResponseMsg>"
    b"</soap:Body></soap:Envelope>"
)


@pytest.mark.parametrize(
    ("hours", "moment", "holds"),
    [
        (MORNING, time(7, 59, 59), False),
        (MORNING, time(8), True),
        (MORNING, time(9, 29, 59), True),
        (MORNING, time(9, 30), False),
        (NIGHT, time(22, 59), False),
        (NIGHT, time(23), True),
        (NIGHT, time(1, 59), True),
        (NIGHT, time(2), False),
    ],
)
def test_hours_are_half_open_and_may_go_over_midnight(
    hours: Hours, moment: time, holds: bool
) -> None:
    assert hours.holds(moment) is holds


def test_the_hours_are_those_of_their_zone_in_summer_and_in_winter() -> None:
    moments = {
        datetime(2026, 7, 1, 6, 30, tzinfo=UTC): True,  # 08:30 in Vienna
        datetime(2026, 1, 1, 6, 30, tzinfo=UTC): False,  # 07:30
        datetime(2026, 1, 1, 7, 30, tzinfo=UTC): True,
    }
    for moment, is_shut in moments.items():
        gate = Gate(1, [MORNING], zone=ZoneInfo("Europe/Vienna"), clock=lambda m=moment: m)
        if is_shut:
            with pytest.raises(ForbiddenNow, match="08:00 and 09:30 Europe/Vienna"):
                gate.check("x")
        else:
            gate.check("x")


def test_no_route_makes_a_call_at_a_forbidden_time(told: Told) -> None:
    gate = Gate(4, [MORNING], clock=lambda: NINE)
    wire = Wire(timeout_s=2, gate=gate)
    sign_in = SignIn(wire, told.url, Credentials("id", SECRET), patience=HASTY)
    unit, window = Account(1, "Shop"), Window(NINE.replace(hour=1), NINE)
    soap, query = SoapSource(sign_in, wire, patience=HASTY), QuerySource(sign_in, wire)
    tracking = TrackingSource(Place("127.0.0.1", "u", "k", port=9), patience=HASTY, gate=gate)
    for work in (
        lambda: list(soap.fetch(unit, window)),
        lambda: soap.jobs(unit, window),
        lambda: list(query.fetch(unit, window)),
        lambda: query.subscribers(unit),
        tracking.find,
    ):
        with pytest.raises(ForbiddenNow):
            work()
    assert told.asked == []


def test_tidying_at_a_forbidden_time_leaves_it_to_the_next_pull(told: Told) -> None:
    unit, moments = Account(1, "Shop"), [NINE.replace(hour=7)]
    wire = Wire(timeout_s=2, gate=Gate(4, [MORNING], clock=lambda: moments[-1]))
    sign_in = SignIn(wire, told.url, Credentials("id", SECRET), patience=HASTY)
    query = QuerySource(sign_in, wire)
    told.say("/Service.asmx", Said(body=_NOTHING_THERE))
    with pytest.raises(SourceError):
        query.subscribers(unit)  # makes a data extension, as far as anybody can tell
    moments.append(NINE)
    asked = len(told.asked)
    (left,) = query.tidy(unit)
    assert "The next pull removes it" in left
    assert QuerySource(sign_in, wire).tidy(unit) == ()  # which made nothing
    assert len(told.asked) == asked
    wire.close()


def test_never_more_calls_at_once_than_set(told: Told) -> None:
    most, now, guard = 0, 0, threading.Lock()
    gate = Gate(2)

    def one() -> None:
        nonlocal most, now
        for _ in range(20):
            with gate.call("x"):
                with guard:
                    now += 1
                    most = max(most, now)
                with guard:
                    now -= 1

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= 2


def test_the_wire_counts_how_many_calls_were_under_way_together(told: Told) -> None:
    wire = Wire(timeout_s=2, gate=Gate(2))
    call = Call("GET", told.url + "nothing", {})

    def some() -> None:
        for _ in range(5):
            wire.send(call, source="x")

    threads = [threading.Thread(target=some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wire.waited.calls == 20
    assert wire.waited.most <= 2
    wire.close()


def test_the_settings_make_the_gate() -> None:
    settings = CallsSettings(forbidden=("08:00-09:30",), time_zone="Europe/Vienna", at_once=1)
    gate = gate_of(settings)
    with gate.call("x"):
        assert not gate._places.acquire(blocking=False)
