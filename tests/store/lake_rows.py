"""Small rows for lakes under test."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from bouncelens.store import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

START = datetime(2026, 1, 1, tzinfo=UTC)


def rows(table: tables.LakeTable, given: Iterable[Mapping[str, object]]) -> pa.Table:
    """Rows of a table from dicts; what is not given is NULL."""
    return pa.Table.from_pylist(list(given), schema=table.schema)


def bounce(number: int = 0, **changed: object) -> dict[str, object]:
    """A bounce; each number is another event, a minute apart."""
    return {
        "account": 1,
        "job": 10,
        "batch": 0,
        "subscriber_key": f"s{number}",
        "event_time": START + timedelta(minutes=number),
        "routes": "soap",
        "template_id": 1,
    } | changed


def bounces(*given: Mapping[str, object]) -> pa.Table:
    """A batch of bounces."""
    return rows(tables.BOUNCES, given)


def numbered(start: int, stop: int, *, minutes: int = 1) -> pa.Table:
    """The bounces numbered from `start` to before `stop`, `minutes` apart."""
    return bounces(
        *(bounce(n, event_time=START + timedelta(minutes=n * minutes)) for n in range(start, stop))
    )


def verdict(template_id: int, reason: str, group: str, hardness: str) -> dict[str, object]:
    """What a template means."""
    return {
        "template_id": template_id,
        "reason": reason,
        "reason_group": group,
        "hardness": hardness,
        "is_temporary": False,
        "rule": f"rule-{template_id}",
        "confidence": 0.9,
        "ruleset": "r1",
    }


def template(template_id: int, first_seen: datetime, last_seen: datetime) -> dict[str, object]:
    """A template seen in a span of time."""
    return {
        "template_id": template_id,
        "template": f"template {template_id}",
        "code": 550,
        "sample": f"sample {template_id}",
        "first_seen": first_seen,
        "last_seen": last_seen,
    }


def sends(job: int, domain: str, day: date, sent: int, **changed: object) -> dict[str, object]:
    """How much of a job went to a domain."""
    return {"account": 1, "job": job, "domain": domain, "day": day, "sent": sent} | changed
