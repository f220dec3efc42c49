"""The SOAP route: BounceEvent by windows of event time, near real time, few fields; Send for jobs.

A page that got lost on its way is never asked for again by its continuation, because nobody says
that the server would not go on to the next one: the window starts over, smaller. The lake drops
what it has already, so reading twice costs time and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import (
    JOB_FIELDS,
    Account,
    Only,
    Page,
    Quarantined,
    Window,
    arrow_schema,
)
from bouncelens.errors import PageLost, SourceError
from bouncelens.extract.ahead import ahead
from bouncelens.extract.clock import to_sfmc
from bouncelens.extract.columns import place
from bouncelens.extract.envelope import Ask, Between, OneOf, Retrieved
from bouncelens.extract.limits import Patience
from bouncelens.extract.retrieve import Retriever, source_of
from bouncelens.extract.rows import coalesced, read_events, read_rows
from bouncelens.extract.signin import SignIn
from bouncelens.extract.wire import Wire
from bouncelens.settings import SoapSettings

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class _Want:
    """What is read: an object, its properties and the date it is asked by."""

    object_type: str
    properties: tuple[str, ...]
    date_property: str
    job_property: str


_BOUNCES = _Want(
    "BounceEvent",
    (
        *("Client.ID", "SendID", "BatchID", "SubscriberKey", "EventDate", "EventType"),
        *("SMTPCode", "SMTPReason", "BounceCategory", "BounceType"),
        "TriggeredSendDefinitionObjectID",
    ),
    "EventDate",
    "SendID",
)
_SENDS = _Want(
    "Send",
    (
        *("Client.ID", "ID", "EmailName", "Subject", "FromAddress", "SentDate"),
        *("NumberSent", "NumberDelivered", "HardBounces", "SoftBounces", "OtherBounces"),
    ),
    "SentDate",
    "ID",
)
_SMALLEST, _LARGEST = timedelta(minutes=10), timedelta(days=92)  # pieces of a window
_EMPTY_PAGES = 3  # so many pages in a row that promise more and bring nothing end the window
_KEYS_AT_ONCE, _FEWEST_KEYS = 1000, 50  # no limit is documented: fewer when refused


class SoapSource:
    """Bounces and jobs over SOAP. One instance per tenant; accounts are told apart by MID."""

    def __init__(
        self,
        sign_in: SignIn,
        wire: Wire,
        *,
        settings: SoapSettings | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._settings = settings or SoapSettings()
        self._retriever = Retriever(sign_in, wire, patience or Patience())

    @property
    def name(self) -> str:
        """The route's name."""
        return "soap"

    def fetch(
        self, account: Account, window: Window, only: Only | None = None
    ) -> Generator[Page, None, None]:
        """Pages of bounces, oldest window first; see `Connector.fetch`. `only`: by job alone."""
        with ahead(self._pages(account, window, _BOUNCES, only=only)) as pages:
            for retrieved, through in pages:
                yield self._page(account, retrieved, through)

    def _page(self, account: Account, retrieved: Retrieved, through: datetime | None) -> Page:
        reading = read_events(
            self._cells(_BOUNCES, retrieved.results, "bounces"),
            len(retrieved.results),
            route=self.name,
            given={"account": account.mid},
        )
        source = source_of(account, "BounceEvent")
        bad = tuple(
            Quarantined(source, None, reason, _raw(retrieved.results[index]))
            for index, reason in sorted(reading.unreadable.items())
        )
        return Page(reading.batch, through, bad)

    def jobs(self, account: Account, window: Window, only: Only | None = None) -> pa.Table:
        """The jobs sent in a window, or the only one wanted, with SFMC's own totals. Rows of
        JOB_FIELDS, one per job.

        A job whose row cannot be read raises SourceError: a denominator may not lack in silence.
        """
        import pyarrow as pa

        found: dict[tuple[int, int], dict[str, object]] = {}
        for retrieved, _ in self._pages(account, window, _SENDS, only=only):
            reading = read_rows(
                self._cells(_SENDS, retrieved.results, "jobs"),
                len(retrieved.results),
                JOB_FIELDS,
                needed=("account", "job"),
                given={"account": account.mid},
            )
            if reading.unreadable:
                first = next(iter(reading.unreadable.values()))
                detail = f"{len(reading.unreadable)} jobs cannot be read ({first})."
                raise SourceError(source_of(account, "Send"), detail, may_retry=False)
            for row in reading.batch.to_pylist():
                found[row["account"], row["job"]] = row
        return pa.Table.from_pylist(list(found.values()), schema=arrow_schema(JOB_FIELDS))

    def addresses(self, account: Account, keys: Iterable[str]) -> dict[str, str]:
        """The present addresses of subscribers by key; a key nobody has any more is left out.

        A bounce over SOAP names the subscriber only; the domain tells whose mail server spoke.
        """
        wanted, found = sorted(set(keys)), dict[str, str]()
        size = _KEYS_AT_ONCE
        while wanted:
            some = OneOf("SubscriberKey", tuple(wanted[:size]))
            ask = Ask("Subscriber", ("SubscriberKey", "EmailAddress"), some)
            try:
                rows = self._patience.call(partial(self._all, account, ask))
            except SourceError as error:
                if error.may_retry or size <= _FEWEST_KEYS:
                    raise
                size //= 4
                continue
            wanted = wanted[size:]
            for row in rows:
                key, address = row.get("SubscriberKey"), row.get("EmailAddress")
                if key and address:
                    found[key.strip()] = address.strip()
        return found

    @property
    def _patience(self) -> Patience:
        return self._retriever.patience

    def _all(self, account: Account, ask: Ask) -> list[Mapping[str, str | None]]:
        page = self._retriever.page(account, ask)
        rows = [*page.results]
        while page.status == "MoreDataAvailable" and page.request_id and page.results:
            page = self._retriever.page(account, ask, page.request_id)
            rows += page.results
        return rows

    def _pages(
        self, account: Account, window: Window, want: _Want, *, only: Only | None
    ) -> Generator[tuple[Retrieved, datetime | None], None, None]:
        """Pages of the window, in pieces, oldest first; the last page of each piece carries the
        piece's end, others None. Pieces grow while they are small and shrink when they fail."""
        size = timedelta(hours=self._settings.window_hours)
        if only is not None and only.job is not None:
            size = window.end - window.start  # asked by its number, not by time
        losses, start = 0, window.start
        while start < window.end:
            piece = Window(start, min(start + size, window.end))
            rows = 0
            try:
                for page, through in self._window(account, piece, want, only=only):
                    rows += len(page.results)
                    yield page, through
            except PageLost as lost:
                losses += 1
                if losses >= self._patience.attempts:
                    raise
                self._patience.pause(losses)
                if lost.is_slow or losses > 1:
                    size = max(min(size, window.end - start) / 2, _SMALLEST)
                    size = timedelta(seconds=int(size.total_seconds()))
                continue
            losses, start = 0, piece.end
            if rows < self._settings.batch_size / 2:
                size = min(size * 2, _LARGEST)

    def _window(
        self, account: Account, window: Window, want: _Want, *, only: Only | None
    ) -> Iterator[tuple[Retrieved, datetime | None]]:
        ask = Ask(
            want.object_type,
            want.properties,
            _filter(want, window, only),
            self._settings.batch_size,
        )
        continue_id, empty = None, 0
        while True:
            page = self._retriever.page(account, ask, continue_id)
            if page.status != "MoreDataAvailable":
                yield page, window.end
                return
            yield page, None
            empty = 0 if page.results else empty + 1
            if not page.request_id or empty >= _EMPTY_PAGES:
                detail = "it promises more rows and does not give them."
                raise SourceError(source_of(account, want.object_type), detail, may_retry=False)
            continue_id = page.request_id

    def _cells(
        self, want: _Want, results: Sequence[Mapping[str, str | None]], kind: str
    ) -> dict[str, pa.Array[Any]]:
        header = self._retriever.known(want.object_type, want.properties)
        columns = place(f"SOAP {want.object_type}", header, kind, given=("account",))
        return {
            field: coalesced([[row.get(header[i]) for row in results] for i in places])
            for field, places in columns.places.items()
        }


def _filter(want: _Want, window: Window, only: Only | None) -> Between | OneOf:
    # A filter of job and time together gives no rows on live tenants, so a job is asked for alone.
    if only is not None and only.job is not None:
        return OneOf(want.job_property, (str(only.job),))
    return Between(want.date_property, to_sfmc(window.start), to_sfmc(window.end))


def _raw(row: Mapping[str, str | None]) -> str:
    return json.dumps(row, ensure_ascii=False)[:2000]
