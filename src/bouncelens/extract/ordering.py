"""Orders of Tracking Extracts: Marketing Cloud is asked for a zip, which lands on SFTP later.

Windows are whole hours of its clock: counts of `Sent.csv` are put together hour by hour.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bouncelens.bounce import Window
from bouncelens.errors import PageLost, SourceError
from bouncelens.extract.clock import SFMC_ZONE
from bouncelens.extract.envelope import Changed, write_extract
from bouncelens.extract.soap_call import SoapCall, SoapCaller, clean

if TYPE_CHECKING:
    from bouncelens.bounce import Account
    from bouncelens.extract.limits import Patience
    from bouncelens.extract.signin import SignIn
    from bouncelens.extract.wire import Wire

MOST_DAYS = 30  # of one extract
# What can be asked for, and the parameter that asks. Spellings of the last four are in no document.
KINDS: Mapping[str, str] = {
    "bounces": "ExtractBounces",
    "sent": "ExtractSent",
    "jobs": "ExtractSendJobs",
    "subscribers": "ExtractSubscribers",
    "unsubs": "ExtractUnsubs",
    "notsent": "ExtractNotSent",
    "statuschanges": "ExtractStatusChanges",
    "complaints": "ExtractComplaints",
}


@dataclass(frozen=True, slots=True)
class Order:
    """One extract: which units, which span of time, what of it, and under which name."""

    mids: tuple[int, ...]
    window: Window
    kinds: tuple[str, ...]
    name: str
    more: Mapping[str, str] = field(default_factory=dict)  # parameters of one's own

    def parameters(self) -> dict[str, str]:
        """As Marketing Cloud wants them."""
        return {
            "StartDate": _american(self.window.start),
            "EndDate": _american(self.window.end),
            "AccountIDs": ",".join(str(mid) for mid in self.mids),
            "OutputFileName": self.name,
            "Format": "csv",
            "QuoteText": "true",
            "UnicodeOutput": "true",
            **{KINDS[kind]: "true" for kind in self.kinds},
            **self.more,
        }


class Extracts:
    """Orders extracts over SOAP."""

    def __init__(self, sign_in: SignIn, wire: Wire, patience: Patience) -> None:
        self._caller, self._patience = SoapCaller(sign_in, wire), patience

    def order(self, account: Account, order: Order) -> None:
        """Order it, signed in as `account`. Asked again after a lost answer it is made twice under
        one name, which does no harm. Raises SignInRefused, SourceError."""
        source = f"Extract {order.name}, account {account.mid}"
        parameters = order.parameters()
        asked = SoapCall("Extract", lambda token: write_extract(parameters, token), source)
        said = self._patience.call(lambda: self._caller.call(account, asked))
        if not isinstance(said, Changed):
            raise PageLost(source, "the answer is one to another call.")
        if not said.is_ok:
            raise SourceError(source, f"{clean(said.message)}.", may_retry=False)


def spans(window: Window) -> Iterator[Window]:
    """A window in pieces that one extract can hold, from whole hour to whole hour."""
    start = window.start.replace(minute=0, second=0, microsecond=0)
    end = window.end.replace(minute=0, second=0, microsecond=0)
    while start < end:
        stop = min(start + timedelta(days=MOST_DAYS), end)
        yield Window(start, stop)
        start = stop


def name_of(mids: Sequence[int], window: Window) -> str:
    """A file name that is nobody else's."""
    first, last = (f"{moment.astimezone(UTC):%Y%m%d%H}" for moment in (window.start, window.end))
    return f"bouncelens_{mids[0]}_{first}_{last}_{secrets.token_hex(4)}.zip"


def _american(moment: datetime) -> str:
    """M/d/yyyy h:mm:ss tt, on Marketing Cloud's clock."""
    local = moment.astimezone(SFMC_ZONE)
    hour = local.hour % 12 or 12
    half = "PM" if local.hour >= 12 else "AM"
    return f"{local.month}/{local.day}/{local.year} {hour}:{local:%M:%S} {half}"
