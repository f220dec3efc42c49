"""What a pull tells: how far it is, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from bouncelens.bounce import Account, Window
from bouncelens.errors import SignInRefused, SourceError
from bouncelens.service.intake import Counts

if TYPE_CHECKING:
    from bouncelens.service.import_file import ImportResult
    from bouncelens.service.incident import Watched


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is: for bars. `done` is the share of the account's work, 0 to 1."""

    account: Account
    number: int  # of the account and route, from 1
    of: int
    step: str  # jobs, bounces, sends or subscribers
    done: float
    rows: int  # bounces received so far for this account
    route: str


@dataclass(frozen=True, slots=True)
class AccountPull:
    """What was pulled for one account by one route. `through`: complete up to there, None if not
    at all; `failed`: what could not be pulled, one sentence each."""

    mid: int
    name: str
    window: Window
    counts: Counts = field(default_factory=Counts)
    jobs: int = 0
    sends: int = 0
    through: datetime | None = None
    failed: tuple[str, ...] = ()
    route: str = "soap"
    subscribers: int = 0
    oldest: datetime | None = None  # event time of what was new


@dataclass(frozen=True, slots=True)
class PullResult:
    """What a pull did. `partial`: what is lacking and why, one sentence each; `waited_s`: seconds
    in which Marketing Cloud owed an answer or the end of a query."""

    pages: int
    received: int
    stored: int
    known: int
    quarantined: int
    jobs: int
    sends: int
    subscribers: int
    accounts: tuple[AccountPull, ...]
    files: tuple[ImportResult, ...]
    partial: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float
    waited_s: float = 0.0
    calls: int = 0
    calls_at_once: int = 0  # at most
    filled: int = 0  # stored bounces to which known rows added something
    watched: Watched | None = None  # whether a provider is or was wrong

    @property
    def exit_code(self) -> int:
        """0, or 3 when something is lacking; incidents do not change it."""
        return 3 if self.partial else 0


class Partly(Exception):
    """A step broke off after it had stored something."""

    def __init__(self, done: AccountPull, error: SignInRefused | SourceError) -> None:
        super().__init__(str(error))
        self.done, self.error = done, error
