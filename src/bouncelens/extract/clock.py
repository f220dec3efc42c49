"""Marketing Cloud's clock: UTC-6 all year, no daylight saving, in SOAP, data views and extracts.

A time that names its own zone is believed; any other is read on that clock. Event times are cut
to whole seconds, because that is what all routes share.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

SFMC_ZONE = timezone(timedelta(hours=-6), "UTC-6")
_OFFSET_S = 6 * 3600

# `2022-11-29T19:42:18.12` from SOAP, `2022-11-29 19:42:18` from rowsets, with a zone from others.
_ISO = (
    r"^(?P<y>\d{4})-(?P<mo>\d{1,2})-(?P<d>\d{1,2})[T ](?P<h>\d{1,2}):(?P<mi>\d{2}):(?P<s>\d{2})"
    r"(?:[.,]\d{1,9})?\s*(?P<zone>Z|z|UTC|[+-]\d{2}:?\d{2})?(?P<ap>)$"
)
# `11/29/2022 7:42:18 PM` from extracts: month first, always.
_US = (
    r"^(?P<mo>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}),?\s+(?P<h>\d{1,2}):(?P<mi>\d{2}):(?P<s>\d{2})"
    r"(?:[.,]\d{1,9})?\s*(?P<ap>[AaPp][Mm])?(?P<zone>)$"
)
_ISO_DAY = r"^(?P<y>\d{4})-(?P<mo>\d{1,2})-(?P<d>\d{1,2})$"
_US_DAY = r"^(?P<mo>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})$"
_FIRST_YEAR, _LAST_YEAR = 1990, 2100


def to_sfmc(moment: datetime) -> str:
    """A UTC moment as Marketing Cloud writes it in filters: `2024-01-01T00:00:00`, UTC-6."""
    local = moment.astimezone(SFMC_ZONE).replace(tzinfo=None)
    return local.isoformat(timespec="milliseconds" if local.microsecond else "seconds")


def from_sfmc(text: str) -> datetime | None:
    """The UTC moment, whole seconds, of a time as SFMC writes it; None when it is not one."""
    import pyarrow as pa

    moment: datetime | None = read_times(pa.array([text], pa.string()))[0].as_py()
    return moment.astimezone(UTC) if moment else None


def read_times(texts: pa.Array[Any]) -> pa.Array[Any]:
    """UTC timestamps from times as any route writes them, null where a text is no such time.

    A time without seconds is null too: the identity of an event needs them. So is 3/12/2026
    among times that only make sense with the day first: it is another day than it seems.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    # Many events share a second: each distinct text is read once.
    coded = texts.dictionary_encode()
    values: Any = coded.dictionary
    seconds = np.zeros(len(values), np.int64)
    known = np.zeros(len(values), bool)
    is_american = pc.fill_null(pc.match_substring(values, "/"), pa.scalar(False, pa.bool_()))
    for pattern, mask in ((_US, is_american), (_ISO, pc.invert(is_american))):
        places = np.flatnonzero(np.asarray(mask))
        if not places.size:
            continue
        parts = pc.extract_regex(values.take(pa.array(places, pa.int64())), pattern)
        is_valid = np.asarray(parts.is_valid())
        rows = places[is_valid]
        if rows.size:
            found, is_right = _seconds(
                parts.filter(pa.array(is_valid, pa.bool_())), is_american=pattern == _US
            )
            seconds[rows], known[rows] = found, is_right
    stamps = pa.array(seconds * 1_000_000, pa.int64(), mask=~known).cast(pa.timestamp("us"))
    return stamps.cast(pa.timestamp("us", tz="UTC")).take(coded.indices)


def read_days(texts: pa.Array[Any]) -> pa.Array[Any]:
    """Days from dates or times. A date alone is kept as written; a time gives its UTC day."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    days = read_times(texts).cast(pa.date32())
    for pattern in (_ISO_DAY, _US_DAY):
        parts = pc.extract_regex(texts, pattern)
        rows = np.flatnonzero(np.asarray(parts.is_valid()))
        if rows.size:
            y, mo, d = (
                _numbers(parts.take(pa.array(rows, pa.int64())), name) for name in ("y", "mo", "d")
            )
            number, is_right = _day_numbers(y, mo, d)
            is_right &= ~_swapped(mo, d) if pattern == _US_DAY else True
            whole = np.zeros(len(texts), np.int32)
            mask = np.ones(len(texts), bool)
            whole[rows], mask[rows] = number, ~is_right
            days = pc.coalesce(days, pa.array(whole, pa.int32(), mask=mask).cast(pa.date32()))
    return days


def _numbers(parts: Any, name: str) -> Any:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pc.struct_field(parts, name)
    is_empty = pc.equal(text, pa.scalar("", pa.string()))
    return np.asarray(pc.if_else(is_empty, pa.scalar("0", pa.string()), text).cast(pa.int64()))


def _day_numbers(y: Any, mo: Any, d: Any) -> tuple[Any, Any]:
    """Days since 1970 and whether year, month and day are a date of the calendar."""
    import numpy as np

    is_right = (y >= _FIRST_YEAR) & (y < _LAST_YEAR) & (mo >= 1) & (mo <= 12) & (d >= 1)
    month = np.where(is_right, (y - 1970) * 12 + mo - 1, 0).astype("M8[M]")
    first = month.astype("M8[D]").astype(np.int64)
    after = (month + 1).astype("M8[D]").astype(np.int64)
    return first + d - 1, is_right & (d <= after - first)


def _swapped(mo: Any, d: Any) -> Any:
    """Which dates cannot be believed, because others beside them have the day first: 25/12 says
    so, 12/25 against it; a single odd row among many right ones says nothing of them."""
    says_day_first = ((mo > 12) & (mo <= 31) & (d <= 12)).sum()
    is_day_first = says_day_first > ((mo <= 12) & (d > 12)).sum()
    return (mo <= 12) & (d <= 12) & (mo != d) & is_day_first


def _seconds(parts: Any, *, is_american: bool) -> tuple[Any, Any]:
    """Seconds since 1970, UTC, and whether the parts are a time at all."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    y, mo, d = (_numbers(parts, name) for name in ("y", "mo", "d"))
    day, is_right = _day_numbers(y, mo, d)
    if is_american:
        is_right &= ~_swapped(mo, d)
    h, mi, s = (_numbers(parts, name) for name in ("h", "mi", "s"))
    half = pc.struct_field(parts, "ap")
    is_halved = np.asarray(pc.not_equal(half, pa.scalar("", pa.string())))
    is_pm = np.asarray(pc.equal(pc.utf8_lower(half), pa.scalar("pm", pa.string())))
    is_right &= (mi < 60) & (s < 60) & np.where(is_halved, (h >= 1) & (h <= 12), h < 24)
    h = np.where(is_halved, h % 12 + np.where(is_pm, 12, 0), h)
    offset, is_zone = _offsets(pc.struct_field(parts, "zone"))
    return day * 86_400 + h * 3600 + mi * 60 + s - offset, is_right & is_zone


def _offsets(zones: Any) -> tuple[Any, Any]:
    """Seconds east of UTC per row and whether the zone exists; no zone written means SFMC's."""
    import numpy as np

    coded = zones.dictionary_encode()
    found = [_offset_s(zone) for zone in coded.dictionary.to_pylist()]
    index = np.asarray(coded.indices)
    offset = np.array([o or 0 for o in found], np.int64)
    return offset[index], np.array([o is not None for o in found])[index]


def _offset_s(zone: str) -> int | None:
    if not zone:
        return -_OFFSET_S
    if zone[0] not in "+-":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 14 or minutes > 59:
        return None
    return (1 if zone[0] == "+" else -1) * (hours * 3600 + minutes * 60)
