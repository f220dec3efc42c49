"""The step that every route has: the bounces of a window into the lake, the bookmark behind them.

The window goes from the bookmark, less an overlap for late arrivals, to now.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bouncelens.bounce import Account, Only, Window
from bouncelens.errors import SignInRefused, SourceError
from bouncelens.extract.ahead import ahead
from bouncelens.service.intake import Complete, Intake
from bouncelens.service.pull.result import AccountPull, Partly

if TYPE_CHECKING:
    from bouncelens.bounce import Page
    from bouncelens.service.workspace import Workspace

Tell = Callable[[str, float, int], None]  # step, share done, bounces so far
Fetch = Callable[[Account, Window], "Generator[Page, None, None]"]


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back a route looks: at first, and before its bookmark."""

    history: timedelta
    overlap: timedelta


@dataclass(slots=True)
class Bounces:
    """Pulls one account's bounces by one route. `is_marking` is off for a narrowed pull: it says
    nothing of what it did not ask for."""

    workspace: Workspace
    run: int
    route: str
    reach: Reach
    since: datetime | None
    end: datetime | None  # None: whenever the bounces are asked for
    only: Only

    def mark(self, account: Account) -> datetime | None:
        """The account's bookmark of this route."""
        return self.workspace.ledger.bookmark(account.mid, self.route)

    def window(self, account: Account) -> Window:
        """What is asked for."""
        end = (self.end or datetime.now(UTC)).replace(microsecond=0)
        if self.since is not None:
            return Window(min(self.since, end), end)
        mark = None if self.only else self.mark(account)
        if mark is None:
            return Window(end - self.reach.history, end)
        return Window(min(mark - self.reach.overlap, end), end)

    def pull(
        self, account: Account, done: AccountPull, tell: Tell, *, fetch: Fetch, complete: Complete
    ) -> AccountPull:
        """All bounces of the window, up to the moment after the jobs were read. Raises Partly."""
        window = replace(done.window, end=self.window(account).end)
        done, through = replace(done, window=window), done.through
        is_marking = self._is_gapless(account, window) and not self.only

        def moved(moment: datetime) -> None:
            nonlocal through
            through = moment
            if is_marking:
                self.workspace.ledger.move_bookmark(account.mid, self.route, moment)

        intake = Intake(self.workspace, self.run, moved, complete)
        span_s = max((window.end - window.start).total_seconds(), 1.0)
        share = 0.0
        try:
            try:
                with ahead(fetch(account, window)) as pages:
                    for page in pages:
                        intake.take(page)
                        if page.through is not None:
                            share = (page.through - window.start).total_seconds() / span_s
                        tell("bounces", share, intake.counts.received)
            finally:
                intake.flush()
        except (SignInRefused, SourceError) as error:
            done = replace(done, counts=intake.counts, through=through, oldest=intake.oldest)
            raise Partly(done, error) from error
        return replace(done, counts=intake.counts, through=through, oldest=intake.oldest)

    def _is_gapless(self, account: Account, window: Window) -> bool:
        """A bookmark says that all before it is stored: a pull from later on must not move it."""
        return window.start <= (self.mark(account) or window.end - self.reach.history)
