"""SFMC's clock against the calendar, and against Python's own reader of dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncelens.extract.clock import SFMC_ZONE, from_sfmc, read_days, read_times, to_sfmc

MOMENTS = st.integers(
    int(datetime(1991, 1, 1, tzinfo=UTC).timestamp()) * 1000,
    int(datetime(2099, 12, 30, tzinfo=UTC).timestamp()) * 1000,
).map(lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        pytest.param("2022-11-29T19:42:18.12", "2022-11-30T01:42:18", id="soap"),
        pytest.param("2022-11-29T19:42:18", "2022-11-30T01:42:18", id="soap without fraction"),
        pytest.param("11/29/2022 7:42:18 PM", "2022-11-30T01:42:18", id="extract"),
        pytest.param("12/31/2025 11:59:59 PM", "2026-01-01T05:59:59", id="over the year's end"),
        pytest.param("1/1/2026 12:00:00 AM", "2026-01-01T06:00:00", id="midnight is 12 AM"),
        pytest.param("1/1/2026 12:00:00 PM", "2026-01-01T18:00:00", id="noon is 12 PM"),
        pytest.param("2022-11-29 19:42:18.000", "2022-11-30T01:42:18", id="rowset"),
        pytest.param("3/8/2026 2:30:00 AM", "2026-03-08T08:30:00", id="an hour others skip"),
        pytest.param("11/1/2026 1:30:00 AM", "2026-11-01T07:30:00", id="an hour others repeat"),
        pytest.param("2024-02-29T23:59:59Z", "2024-02-29T23:59:59", id="its own zone: UTC"),
        pytest.param("2024-02-29 23:59:59+02:00", "2024-02-29T21:59:59", id="its own zone: +2"),
        pytest.param("2024-02-29 12:00:00.999", "2024-02-29T18:00:00", id="cut, not rounded"),
        pytest.param("11/29/2022 19:42:18", "2022-11-30T01:42:18", id="24 hours"),
    ],
)
def test_reads_times_as_every_route_writes_them(text: str, utc: str) -> None:
    assert from_sfmc(text) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "yesterday", "2022-11-29", "11/29/2022 7:42 PM", "2022-13-01 00:00:00"),
        *(
            "2/30/2026 1:00:00 PM",
            "2026-02-29T00:00:00",
            "1/1/2026 13:00:00 PM",
            "29/11/2022 1:00:00",
        ),
        *(
            "1/1/2026 0:00:00 AM",
            "2026-01-01T24:00:00",
            "2026-01-01T00:60:00",
            "1/1/1601 1:00:00 AM",
        ),
        *("2026-01-01T00:00:00+99:00", "٢٠٢٦-01-01T00:00:00", "2026-01-01T00:00:00 --", "46000.5"),
    ],
)
def test_what_is_no_time_with_seconds_is_none(text: str) -> None:
    assert from_sfmc(text) is None


@given(MOMENTS)
def test_a_moment_survives_the_way_to_sfmc_and_back(moment: datetime) -> None:
    assert from_sfmc(to_sfmc(moment)) == moment.replace(microsecond=0)


@given(MOMENTS)
def test_the_extract_format_agrees_with_strptime(moment: datetime) -> None:
    local = moment.replace(microsecond=0, tzinfo=None) - timedelta(hours=6)
    hour = local.hour % 12 or 12
    text = f"{local.month}/{local.day}/{local.year} {hour}:{local:%M:%S} {local:%p}"
    told = datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=SFMC_ZONE)
    assert from_sfmc(text) == told == moment.replace(microsecond=0)


@given(st.lists(st.one_of(st.none(), st.text(), st.from_regex(r"\d+/\d+/\d+ \d+:\d+:\d+ ?[AP]M"))))
def test_any_text_is_a_time_or_null_and_never_an_error(texts: list[str | None]) -> None:
    safe = [t if t is None else t.encode("utf-8", "replace").decode() for t in texts]
    assert len(read_times(pa.array(safe, pa.string()))) == len(texts)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-01-05", "2026-01-05"),
        ("1/5/2026", "2026-01-05"),
        ("1/5/2026 12:00:00 AM", "2026-01-05"),
        ("2026-01-05T19:00:00", "2026-01-06"),
        ("2/30/2026", None),
        ("soon", None),
    ],
)
def test_days_are_kept_as_written_and_times_give_their_utc_day(text: str, day: str | None) -> None:
    found = read_days(pa.array([text]))[0].as_py()
    assert (found and found.isoformat()) == day


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        pytest.param(["25/12/2026", "3/12/2026", "5/5/2026"], [0, 0, 1], id="day first"),
        pytest.param(["25/12/2026", "12/25/2026", "3/12/2026"], [0, 1, 1], id="one odd row"),
        pytest.param(["3/12/2026", "4/11/2026"], [1, 1], id="nothing says so"),
    ],
)
def test_a_day_that_may_be_a_month_is_not_believed_beside_days_that_are_none(
    texts: list[str], read: list[int]
) -> None:
    times = pa.array([f"{text} 10:00:01" for text in texts], pa.string())
    assert [int(one.is_valid) for one in read_times(times)] == read
    assert [int(one.is_valid) for one in read_days(pa.array(texts, pa.string()))] == read
