"""Marketing Cloud's clock: UTC-6 all the year, no daylight saving (data views, SOAP, extracts).

The tables hold this clock's naive times; only events of the notification service are UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

SFMC_ZONE = timezone(timedelta(hours=-6))
SFMC_OFFSET_MS = -6 * 3_600_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970 UTC of an aware moment."""
    return int((moment - _EPOCH) / timedelta(milliseconds=1))


def from_epoch_ms(moment_ms: int) -> datetime:
    """The aware UTC moment of a number of milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=moment_ms)


def to_sfmc(moment: datetime) -> datetime:
    """An aware moment as Marketing Cloud's naive UTC-6 time."""
    return moment.astimezone(SFMC_ZONE).replace(tzinfo=None)


def from_sfmc(local: datetime) -> datetime:
    """Marketing Cloud's naive UTC-6 time as an aware UTC moment."""
    return local.replace(tzinfo=SFMC_ZONE).astimezone(UTC)
