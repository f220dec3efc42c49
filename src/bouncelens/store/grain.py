"""Which cells of the rollup a question can be answered from: what it counts by and is narrowed by.

A condition that is not set goes first, so that only what is left of the SQL counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Not what was sent to a domain (s), only what came back from it.
_DOMAIN = re.compile(r"(?<![\w.$])(?:b\.)?domain\b")
_HOUR = re.compile(r"\bevent_hour\b")
_COUNTED = re.compile(r"\b(?:tallied|job_triggers)\b")
_UNSET = r"\(\${0} IS NULL OR (?:\w+\.)?\w+ = \${0}\)"
_WINDOWS = ("since", "until", "other_since", "other_until")
_PARAMETER = re.compile(r"\$([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Live:
    """SQL without conditions that are not set, its parameters, and the grain of cells that it can
    count; None: bounces only."""

    sql: str
    parameters: dict[str, object]
    grain: str | None


def live(sql: str, parameters: Mapping[str, object]) -> Live:
    """What has to be asked."""
    for name, value in parameters.items():
        if value is None:
            sql = re.sub(_UNSET.format(name), "true", sql)
    left = set(_PARAMETER.findall(sql))
    given = {name: value for name, value in parameters.items() if name in left}
    return Live(sql, given, _grain(sql, given))


def _grain(sql: str, given: Mapping[str, object]) -> str | None:
    if not _COUNTED.search(sql) or not all(_begins_day(given.get(end)) for end in _WINDOWS):
        return None
    by_domain, by_hour = bool(_DOMAIN.search(sql)), bool(_HOUR.search(sql))
    if by_domain and by_hour:
        return None
    return "domain" if by_domain else "hour" if by_hour else "day"


def _begins_day(value: object) -> bool:
    """A cell is a whole day, so it is within a window or without."""
    return not isinstance(value, datetime) or value.astimezone(UTC).time() == time.min
