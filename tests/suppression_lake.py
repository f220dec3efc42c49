"""A small lake of people who bounced, and a target that breaks where a test wants it to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from bouncelens.service.suppress.record import Key, Row
from bouncelens.service.suppress.target import Left, OwnRows
from bouncelens.settings import Settings
from bouncelens.store import tables
from bouncelens.store.lake import Lake
from bouncelens.store.ledger import Ledger

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ACCOUNT = 7
VERDICTS = (
    (1, "unknown_user", "address", "hard"),
    (2, "mailbox_full", "mailbox", "soft"),
    (3, "poor_reputation", "reputation", "block"),
)
DEAD, FULL, BLOCKED = 1, 2, 3


def settings_in(folder: Path, **more: Any) -> Settings:
    """Settings whose suppressions go to a file, unless they say otherwise."""
    table = {
        "lake": str(folder / "lake"),
        "ledger": f"sqlite:///{folder / 'ledger.db'}",
        "accounts": [{"mid": ACCOUNT, "name": "Shop"}],
        "suppression": {"file": str(folder / "suppressed.csv")},
        "guard": {"list_pct": 100, "provider_pct": 100, "least": 10_000, "stale_hours": 1_000_000},
    }
    return Settings.model_validate(table | more)


def fill(settings: Settings, bounces: Sequence[tuple[str, int, float]], **more: Any) -> None:
    """Bounces as subscriber key, verdict and days ago; `more`: cells of every one."""
    with Lake.open(settings.lake) as lake:
        lake.put_verdicts(
            _table(
                tables.VERDICTS,
                [
                    {
                        "template_id": number,
                        "reason": reason,
                        "reason_group": group,
                        "hardness": hardness,
                        "is_temporary": False,
                        "rule": f"rule-{number}",
                    }
                    for number, reason, group, hardness in VERDICTS
                ],
            )
        )
        lake.add_bounces(
            _table(
                tables.BOUNCES,
                [
                    {
                        "account": ACCOUNT,
                        "job": int(days * 10) + 1,
                        "batch": 0,
                        "subscriber_key": key,
                        "event_time": NOW - timedelta(days=days),
                        "routes": "file",
                        "address": f"{key}@example.com",
                        "template_id": verdict,
                        "provider": "google",
                    }
                    | more
                    for key, verdict, days in bounces
                ],
            )
        )

    imported(settings)


def imported(settings: Settings, *, outcome: str = "ok", verb: str = "import") -> None:
    """The ledger knows that data was brought in."""
    with Ledger.open(settings.ledger) as ledger:
        run = ledger.start_run(verb, version="0", now=NOW)
        ledger.finish_run(run, outcome, counts={}, detail="two pages lack.", now=NOW)


def people(settings: Settings, rows: Sequence[Mapping[str, Any]]) -> None:
    """What Marketing Cloud says of some."""
    with Lake.open(settings.lake) as lake:
        told = [{"account": ACCOUNT, "status": "active", "status_time": NOW} | r for r in rows]
        lake.put_subscribers(_table(tables.SUBSCRIBERS, told))


def _table(table: tables.LakeTable, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=table.schema)


class Crash(Exception):
    """The process ends here."""


class BrittleTarget(OwnRows):
    """Rows in memory. It dies before or after its n-th step, and refuses some people."""

    name = "brittle"

    def __init__(self, rows: Mapping[Key, Row] | None = None, refuses: Sequence[str] = ()) -> None:
        self.rows = dict(rows or {})
        self.refuses = frozenset(refuses)
        self.dies_at: int | None = None
        self.steps = 0

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self.dies_at:
            raise Crash

    def read(self) -> dict[Key, Row]:
        """What is there."""
        self._step()
        return {key: dict(row) for key, row in self.rows.items()}

    def put(self, rows: Mapping[Key, Row]) -> dict[Key, Left]:
        """One row after the other, as a server does."""
        for key, row in rows.items():
            self._step()
            if key[1] not in self.refuses:
                self.rows[key] = dict(row)
        self._step()
        return {
            key: Left("refused", "it does not like it") for key in rows if key[1] in self.refuses
        }

    def drop(self, places: Sequence[Key]) -> dict[Key, Left]:
        """One after the other."""
        for key in places:
            self._step()
            self.rows.pop(key, None)
        self._step()
        return {}
