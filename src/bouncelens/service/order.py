"""`extract`: order Tracking Extracts, wait until they lie on SFTP, and store what they hold.

Whatever ends the wait loses nothing: the zip lands all the same, and the next pull reads it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import bouncelens
from bouncelens.bounce import Account, Window
from bouncelens.errors import BouncelensError, InputInvalid, SettingsInvalid, SourceError
from bouncelens.extract.gate import gate_of
from bouncelens.extract.ordering import KINDS, Extracts, Order, name_of, spans
from bouncelens.extract.tracking import Remote, TrackingSource
from bouncelens.service.extracts import Landing, landings, take_remote
from bouncelens.service.import_file import ImportResult
from bouncelens.service.tenant import line_to, patience_of

if TYPE_CHECKING:
    from bouncelens.service.workspace import Workspace

USUAL = ("bounces", "sent", "jobs", "unsubs", "notsent")
_USUAL_DAYS = 7


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to order. `since` and `until`: UTC, cut to whole hours; None: the last seven days.
    `more`: parameters of one's own, which go over ours."""

    since: datetime | None = None
    until: datetime | None = None
    kinds: tuple[str, ...] = USUAL
    more: Mapping[str, str] | None = None

    def window(self, now: datetime) -> Window:
        """The span of time. Raises InputInvalid for one that is empty."""
        until = min(self.until or now, now)
        window = Window(self.since or until - timedelta(days=_USUAL_DAYS), until)
        if not list(spans(window)):
            raise InputInvalid("The extract would hold less than a whole hour.")
        return window


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long to wait for a file, and how often to look."""

    most_s: float = 3600.0
    look_s: float = 15.0


@dataclass(frozen=True, slots=True)
class OrderResult:
    """What was ordered, and what came of it. `partial`: what is lacking and why."""

    ordered: tuple[str, ...]
    files: tuple[ImportResult, ...]
    partial: tuple[str, ...]
    seconds: float

    @property
    def exit_code(self) -> int:
        """0, or 3 when something is lacking."""
        return 3 if self.partial else 0


def plan_extracts(
    workspace: Workspace, wanted: Wanted, *, now: datetime | None = None
) -> tuple[str, ...]:
    """What would be ordered, a sentence for each extract. Raises SettingsInvalid, InputInvalid."""
    orders = _orders(workspace, _known(wanted), now or datetime.now(UTC))
    return tuple(_sentence(landing, order) for landing, order in orders)


def order_extracts(
    workspace: Workspace,
    wanted: Wanted,
    *,
    waiting: Waiting | None = Waiting(),
    progress: Callable[[str], None] = lambda _: None,
    now: datetime | None = None,
) -> OrderResult:
    """Order extracts for every SFTP place; store what comes, unless `waiting` is None.

    Raises SettingsInvalid and InputInvalid before anything is asked, and SignInRefused or
    SourceError when nothing could be ordered at all.
    """
    began, settings = time.monotonic(), workspace.settings
    orders = _orders(workspace, _known(wanted), now or datetime.now(UTC))
    run = workspace.ledger.start_run("extract", version=bouncelens.__version__)
    work = _Work(workspace, run, progress)
    try:
        with line_to(settings) as line:
            work.order(Extracts(line.sign_in, line.wire, line.patience), orders)
        if waiting is not None:
            work.await_all(waiting)
    except BaseException as error:
        workspace.ledger.finish_run(run, "failed", counts={}, detail=str(error)[:2000])
        raise
    result = OrderResult(
        tuple(order.name for _, order in work.ordered),
        tuple(work.files),
        tuple(work.failed),
        time.monotonic() - began,
    )
    counts = {"ordered": len(result.ordered), "stored": sum(f.stored for f in result.files)}
    outcome = "partial" if result.partial else "ok"
    detail = " ".join(result.partial)[:2000]
    workspace.ledger.finish_run(run, outcome, counts=counts, detail=detail)
    return result


def _known(wanted: Wanted) -> Wanted:
    if unknown := [kind for kind in wanted.kinds if kind not in KINDS]:
        advice = f"There are: {', '.join(KINDS)}."
        raise InputInvalid(f"No kind of extract is called {unknown[0][:40]!r}.", advice=advice)
    return wanted


def _sentence(landing: Landing, order: Order) -> str:
    units = ", ".join(map(str, order.mids))
    start, end = (f"{at:%Y-%m-%d %H:%M}" for at in (order.window.start, order.window.end))
    return (
        f"Order an extract of {', '.join(order.kinds)} of {units} from {start} to {end} UTC, as "
        f"business unit {landing.mid}: a zip in {landing.place.folder} of {landing.place.name}."
    )


def _orders(workspace: Workspace, wanted: Wanted, now: datetime) -> list[tuple[Landing, Order]]:
    settings = workspace.settings
    if not settings.tracking.host:
        raise SettingsInvalid(
            "tracking.host is empty, so nobody could fetch the extract.",
            advice="Write the SFTP server and its user into bouncelens.toml.",
        )
    window, found = wanted.window(now), list[tuple[Landing, Order]]()
    for landing in landings(settings):
        if landing.mid is None:
            raise SettingsInvalid(
                "Nobody says which business unit orders the extract.",
                advice="Write an [[accounts]] table with its mid.",
            )
        mids = landing.mids or (landing.mid,)
        for span in spans(window):
            name = name_of(mids, span)
            order = Order(mids, span, wanted.kinds, name, dict(wanted.more or {}))
            found.append((landing, order))
    return found


class _Work:
    """One run: what was ordered, what came, and what did not."""

    def __init__(self, workspace: Workspace, run: int, progress: Callable[[str], None]) -> None:
        self._workspace, self._run, self._progress = workspace, run, progress
        self.ordered: list[tuple[Landing, Order]] = []
        self.files: list[ImportResult] = []
        self.failed: list[str] = []

    def order(self, extracts: Extracts, orders: Sequence[tuple[Landing, Order]]) -> None:
        """Order everything; what is refused stops nothing else. Raises when all is."""
        errors: list[BouncelensError] = []
        for landing, order in orders:
            assert landing.mid is not None
            self._progress(_sentence(landing, order))
            try:
                extracts.order(Account(landing.mid, str(landing.mid)), order)
            except BouncelensError as error:
                errors.append(error)
                self.failed.append(str(error))
                continue
            self.ordered.append((landing, order))
            self._progress(f"Ordered {order.name}.")
        if not self.ordered:
            raise errors[0]

    def await_all(self, waiting: Waiting) -> None:
        """Wait for every file in turn, and store it."""
        end = time.monotonic() + waiting.most_s
        settings = self._workspace.settings
        for landing, order in self.ordered:
            source = TrackingSource(
                landing.place, patience=patience_of(settings), gate=gate_of(settings.calls)
            )
            try:
                remote = _awaited(source, order.name, end, waiting.look_s)
                result = take_remote(self._workspace, source, remote, self._run)
            except (SourceError, InputInvalid) as error:
                self.failed.append(f"{order.name}: {error}")
                continue
            self.files.append(result)
            self.failed += result.partial
            self._progress(f"{order.name}: {result.stored:,} new bounces stored.")


def _awaited(source: TrackingSource, name: str, end: float, look_s: float) -> Remote:
    """The file, once it lies there and grows no more. Raises SourceError."""
    before: Remote | None = None
    while True:
        found = next((remote for remote in source.find() if remote.name == name), None)
        if found is not None and found.size and found == before:
            return found
        if time.monotonic() > end:
            raise SourceError(
                "Marketing Cloud",
                "the extract has not come." if found is None else "the extract is still written.",
                may_retry=False,
                advice="It will be read by the next `bouncelens pull`.",
            )
        before = found
        time.sleep(look_s)
