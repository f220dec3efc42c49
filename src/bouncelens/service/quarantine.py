"""`quarantine`: rows that could not be read, shown, and read again after readers have learnt.

A row leaves the quarantine only when it is in the lake; whatever breaks before that, it is read
again the next time.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import bouncelens
from bouncelens.bounce import Page, Quarantined
from bouncelens.extract.again import read_again
from bouncelens.service.intake import Counts, Intake

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bouncelens.service.workspace import Workspace
    from bouncelens.store.ledger.ledger import Kept

_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows in quarantine, newest first. `total`: how many there are, shown or not."""

    total: int
    rows: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of the rows in quarantine that were read again."""

    tried: int
    stored: int  # new in the lake, no longer in quarantine
    known: int  # in the lake already, no longer in quarantine
    stay: int  # cannot be read today, either
    lost: int  # those of them of which too little was kept for any reader
    reasons: tuple[tuple[str, int], ...]  # why rows stay, the most frequent reason first
    seconds: float

    @property
    def exit_code(self) -> int:
        """0, or 3 when rows stay."""
        return 3 if self.stay else 0


def listed(workspace: Workspace, *, run: int | None = None, limit: int = 100) -> Listed:
    """Rows that could not be read, each with its source, line, reason and text; of one run if
    asked. Raises StoreError."""
    ledger = workspace.ledger
    return Listed(ledger.count_quarantined(run=run), ledger.kept(run=run, limit=limit))


def retry(
    workspace: Workspace,
    *,
    run: int | None = None,
    account: int | None = None,
    job: int | None = None,
) -> Retried:
    """Read every row in quarantine again, or those of one run. `account` and `job` count where a
    row has none; the settings' only account is assumed without being said. Raises StoreError."""
    began = time.monotonic()
    number = workspace.ledger.start_run("retry", version=bouncelens.__version__)
    work = _Retry(workspace, Intake(workspace, number), _given(workspace, account, job))
    try:
        after = ""
        while rows := workspace.ledger.kept_after(after, run=run, limit=_AT_ONCE):
            after = rows[-1].fingerprint
            for route, part in _by_route(rows).items():
                work.take(route, part)
    except BaseException as error:
        workspace.ledger.finish_run(number, "failed", counts={}, detail=str(error)[:2000])
        raise
    result = work.result(time.monotonic() - began)
    counts = {name: n for name, n in asdict(result).items() if isinstance(n, int)}
    outcome = "partial" if result.stay else "ok"
    workspace.ledger.finish_run(number, outcome, counts=counts)
    return result


class _Retry:
    """One retry, and what it has come to."""

    def __init__(self, workspace: Workspace, intake: Intake, given: Mapping[str, int]) -> None:
        self._workspace, self._intake, self._given = workspace, intake, given
        self._tried = self._lost = 0
        self._why: Counter[str] = Counter()

    def take(self, route: str, rows: Sequence[Kept]) -> None:
        """Read some rows again, store what can be read, and only then let go of it."""
        told = [Quarantined(row.source, row.line, row.reason, row.raw) for row in rows]
        again = read_again(told, route=route, given=self._given)
        self._intake.take(Page(again.batch, None))
        self._intake.flush()
        stay = again.unreadable
        self._workspace.ledger.release(
            [row.fingerprint for index, row in enumerate(rows) if index not in stay]
        )
        self._tried += len(rows)
        self._lost += len(again.lost)
        self._why.update(_kind_of(reason) for reason in stay.values())

    def result(self, seconds: float) -> Retried:
        """What it has come to."""
        counts: Counts = self._intake.counts
        return Retried(
            self._tried,
            counts.stored,
            counts.known,
            self._why.total(),
            self._lost,
            tuple(self._why.most_common()),
            seconds,
        )


def _by_route(rows: Sequence[Kept]) -> dict[str, list[Kept]]:
    parts: dict[str, list[Kept]] = {}
    for row in rows:
        parts.setdefault(_route_of(row), []).append(row)
    return parts


def _route_of(row: Kept) -> str:
    """The route that brought a row: of what a pull reads, only files have rows with a line."""
    if row.verb == "events":
        return "events"
    if row.verb == "extract":
        return "extract"
    if row.verb != "pull":
        return "file"
    asked = {"SOAP ": "soap", "Query ": "query"} if row.line is None else {}
    return next((r for start, r in asked.items() if row.source.startswith(start)), "extract")


def _kind_of(reason: str) -> str:
    """A reason without the value that differs from row to row."""
    return reason.partition(": '")[0].partition(': "')[0]


def _given(workspace: Workspace, account: int | None, job: int | None) -> dict[str, int]:
    known = workspace.settings.accounts
    if account is None and len(known) == 1:
        account = known[0].mid
    return {n: v for n, v in (("account", account), ("job", job)) if v is not None}
