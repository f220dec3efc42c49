"""The SOAP route: BounceEvent by windows of event time, near real time, few fields; Send for jobs.

A page that got lost on its way is never asked for again by its continuation, because nobody says
that the server would not go on to the next one: the window starts over, smaller. The lake drops
what it has already, so reading twice costs time and nothing else.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import JOB_FIELDS, Account, Page, Quarantined, Window, arrow_schema
from bouncelens.errors import PageLost, SignInRefused, SourceError
from bouncelens.extract.clock import to_sfmc
from bouncelens.extract.columns import place
from bouncelens.extract.envelope import (
    Ask,
    Fault,
    Retrieved,
    Unreadable,
    read_answer,
    write_retrieve,
)
from bouncelens.extract.limits import Patience
from bouncelens.extract.rows import coalesced, read_events, read_rows
from bouncelens.extract.signin import SignIn, Token
from bouncelens.extract.wire import Answer, Call, Wire
from bouncelens.settings import SoapSettings

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

_BOUNCE = (
    *("Client.ID", "SendID", "BatchID", "SubscriberKey", "EventDate", "EventType"),
    *("SMTPCode", "SMTPReason", "BounceCategory", "BounceType"),
    "TriggeredSendDefinitionObjectID",
)
_SEND = (
    *("Client.ID", "ID", "EmailName", "Subject", "FromAddress", "SentDate"),
    *("NumberSent", "NumberDelivered", "HardBounces", "SoftBounces", "OtherBounces"),
)
# What an OverallStatus says besides OK and MoreDataAvailable → what it means for us.
_ERRORS = (
    ("api permission failed", "scope"),
    ("do not match with the fields", "property"),
    ("continuerequest does not exist", "lost"),
    ("timeout", "slow"),
    ("timed out", "slow"),
    ("no rows were found", "empty"),
    ("unable to find a handler", "final"),
    ("invalid column name", "final"),
    ("incorrect syntax", "final"),
)
_FINAL_FAULTS = ("8",)  # UnsupportedObject
_SMALLEST = timedelta(minutes=10)
_EMPTY_PAGES = 3  # so many pages in a row that promise more and bring nothing end the window
_SCOPE_ADVICE = (
    "In Setup > Apps > Installed Packages, open the package and tick Tracking Events: Read; "
    "it takes up to five minutes to count."
)


@dataclass(frozen=True, slots=True)
class _Want:
    """What a route reads: an object, its properties and the date it is asked by."""

    object_type: str
    properties: tuple[str, ...]
    date_property: str


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
        self._sign_in, self._wire = sign_in, wire
        self._settings = settings or SoapSettings()
        self._patience = patience or Patience()
        self._unknown: set[tuple[str, str]] = set()  # (object, property) this tenant lacks

    @property
    def name(self) -> str:
        """The route's name."""
        return "soap"

    def fetch(self, account: Account, window: Window) -> Iterator[Page]:
        """Pages of bounces, oldest window first; see `Connector.fetch`."""
        want = _Want("BounceEvent", _BOUNCE, "EventDate")
        for retrieved, through in self._pages(account, window, want):
            events, bad = self._events(account, retrieved)
            yield Page(events, through, bad)

    def jobs(self, account: Account, window: Window) -> pa.Table:
        """The jobs sent in a window, with SFMC's own totals. Rows of JOB_FIELDS, one per job.

        A job whose row cannot be read raises SourceError: a denominator may not lack in silence.
        """
        import pyarrow as pa

        want = _Want("Send", _SEND, "SentDate")
        found: dict[tuple[int, int], dict[str, object]] = {}
        for retrieved, _ in self._pages(account, window, want):
            header = self._asked(want)
            cells = _cells(header, retrieved.results, "jobs")
            reading = read_rows(
                cells,
                len(retrieved.results),
                JOB_FIELDS,
                needed=("account", "job"),
                given={"account": account.mid},
            )
            if reading.unreadable:
                raise SourceError(
                    _source(account, "Send"),
                    f"{len(reading.unreadable)} jobs cannot be read "
                    f"({next(iter(reading.unreadable.values()))}).",
                    may_retry=False,
                )
            for row in reading.batch.to_pylist():
                found[row["account"], row["job"]] = row
        return pa.Table.from_pylist(list(found.values()), schema=arrow_schema(JOB_FIELDS))

    def _events(
        self, account: Account, retrieved: Retrieved
    ) -> tuple[pa.RecordBatch, tuple[Quarantined, ...]]:
        header = self._asked(_Want("BounceEvent", _BOUNCE, "EventDate"))
        reading = read_events(
            _cells(header, retrieved.results, "bounces"),
            len(retrieved.results),
            route=self.name,
            given={"account": account.mid},
        )
        bad = tuple(
            Quarantined(
                _source(account, "BounceEvent"),
                None,
                reason,
                json.dumps(retrieved.results[index], ensure_ascii=False)[:2000],
            )
            for index, reason in sorted(reading.unreadable.items())
        )
        return reading.batch, bad

    def _pages(
        self, account: Account, window: Window, want: _Want
    ) -> Iterator[tuple[Retrieved, datetime | None]]:
        """Pages of all windows; the last of each carries the window's end, others None."""
        todo = deque(split(window, timedelta(hours=self._settings.window_hours)))
        losses = 0
        while todo:
            part = todo.popleft()
            try:
                yield from self._window(account, part, want)
                losses = 0
            except PageLost as lost:
                losses += 1
                if losses >= self._patience.attempts:
                    raise
                self._patience.pause(losses)
                is_too_much = lost.is_slow or losses > 1
                todo.extendleft(reversed(_halves(part) if is_too_much else [part]))

    def _window(
        self, account: Account, window: Window, want: _Want
    ) -> Iterator[tuple[Retrieved, datetime | None]]:
        continue_id, empty = None, 0
        while True:
            page = self._page(account, window, want, continue_id)
            if page.status != "MoreDataAvailable":
                yield page, window.end
                return
            yield page, None
            empty = 0 if page.results else empty + 1
            if not page.request_id or empty >= _EMPTY_PAGES:
                detail = "it promises more rows and does not give them."
                raise SourceError(_source(account, want.object_type), detail, may_retry=False)
            continue_id = page.request_id

    def _page(
        self, account: Account, window: Window, want: _Want, continue_id: str | None
    ) -> Retrieved:
        """One page, tried again where the server itself refused it. A lost page is raised."""

        def once() -> Retrieved | PageLost:
            try:
                return self._once(account, window, want, continue_id)
            except PageLost as lost:
                return lost

        page = self._patience.call(once)
        if isinstance(page, PageLost):
            raise page
        return page

    def _once(
        self, account: Account, window: Window, want: _Want, continue_id: str | None
    ) -> Retrieved:
        source = _source(account, want.object_type)
        while True:
            ask = Ask(
                want.object_type,
                self._asked(want),
                want.date_property,
                to_sfmc(window.start),
                to_sfmc(window.end),
                self._settings.batch_size,
            )
            page = self._signed_in(account, ask, continue_id)
            lacking = _lacking_properties(page.status, ask.properties)
            if not lacking:
                return _checked(page, source)
            self._unknown |= {(want.object_type, name) for name in lacking}

    def _signed_in(self, account: Account, ask: Ask, continue_id: str | None) -> Retrieved:
        """One call, with one renewal of the token when it is refused."""
        source = _source(account, ask.object_type)
        token = self._sign_in.token(account.mid)
        said = self._call(ask, token, continue_id, source=source)
        if isinstance(said, Fault):
            token = self._sign_in.renew(account.mid, token)
            said = self._call(ask, token, continue_id, source=source)
        if isinstance(said, Retrieved):
            return said
        raise SignInRefused(
            f"{source}: a new token was refused too ({_clean(said.text)}).",
            advice="In Setup > Apps > Installed Packages, check the package's access to this MID.",
        )

    def _call(
        self, ask: Ask, token: Token, continue_id: str | None, *, source: str
    ) -> Retrieved | Fault:
        """The page, or the fault that says that the token is refused; other faults are raised."""
        call = Call(
            "POST",
            token.soap_url + "Service.asmx",
            {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": "Retrieve"},
            write_retrieve(ask, token.access, continue_id),
        )
        answer = self._wire.send(call, source=source)
        said = _read(answer, source)
        if isinstance(said, Fault) and not _is_token_refused(said):
            raise _fault_error(said, answer, source)
        return said

    def _asked(self, want: _Want) -> tuple[str, ...]:
        return tuple(p for p in want.properties if (want.object_type, p) not in self._unknown)


def split(window: Window, size: timedelta) -> list[Window]:
    """A window in pieces of at most `size`, oldest first."""
    pieces, start = [], window.start
    while start < window.end:
        end = min(start + size, window.end)
        pieces.append(Window(start, end))
        start = end
    return pieces


def _halves(window: Window) -> list[Window]:
    if window.end - window.start < 2 * _SMALLEST:
        return [window]
    half_s = int((window.end - window.start).total_seconds()) // 2
    middle = (window.start + timedelta(seconds=half_s)).replace(microsecond=0)
    return [replace(window, end=middle), replace(window, start=middle)]


def _cells(
    header: tuple[str, ...], results: Sequence[Mapping[str, str | None]], kind: str
) -> dict[str, pa.Array[Any]]:
    columns = place(f"SOAP {kind}", header, kind, given=("account",))
    return {
        field: coalesced([[row.get(header[i]) for row in results] for i in places])
        for field, places in columns.places.items()
    }


def _read(answer: Answer, source: str) -> Retrieved | Fault:
    """What the server said. Raises PageLost where only a machine in between spoke."""
    if answer.status in (200, 500):
        try:
            return read_answer(answer.body)
        except Unreadable as error:
            if answer.status == 200:
                raise PageLost(source, f"the answer cannot be read: {error}.") from error
    if answer.status in (401, 403):
        return Fault("Security", f"HTTP {answer.status}")
    if answer.status in (502, 504):
        raise PageLost(source, f"HTTP {answer.status}.", is_slow=answer.status == 504)
    raise SourceError(
        source,
        f"HTTP {answer.status}.",
        may_retry=answer.status in (408, 425, 429) or answer.status >= 500,
        retry_after_s=answer.retry_after_s(),
    )


def _is_token_refused(fault: Fault) -> bool:
    return fault.code.rpartition(":")[2] == "Security"


def _fault_error(fault: Fault, answer: Answer, source: str) -> Exception:
    said = _clean(": ".join(t for t in (fault.text, fault.message) if t)) or "a fault without words"
    if fault.number == "11":  # AuthorizationFailure
        return SignInRefused(f"{source}: {said}.", advice=_SCOPE_ADVICE)
    is_ours = fault.code.rpartition(":")[2] in ("Client", "Sender")
    return SourceError(
        source,
        f"{said}.",
        # SOAP throttles with HTTP 500 and a fault, so a server's fault is worth another try.
        may_retry=not is_ours and fault.number not in _FINAL_FAULTS,
        retry_after_s=answer.retry_after_s(),
    )


def _lacking_properties(status: str, properties: tuple[str, ...]) -> set[str]:
    """Properties that this tenant does not know, from its own words."""
    if "do not match with the fields" not in status.lower():
        return set()
    words = {word.strip(",;") for word in status.split()}
    return words & set(properties)


def _checked(page: Retrieved, source: str) -> Retrieved:
    if page.status in ("OK", "MoreDataAvailable"):
        return page
    lower = page.status.lower()
    meaning = next((m for words, m in _ERRORS if words in lower), "unknown")
    said = _clean(page.status) or "an answer without OverallStatus"
    if meaning == "empty":
        return replace(page, status="OK")
    if meaning == "scope":
        raise SignInRefused(f"{source}: {said}.", advice=_SCOPE_ADVICE)
    if meaning in ("lost", "slow"):
        raise PageLost(source, f"{said}.", is_slow=meaning == "slow")
    raise SourceError(source, f"{said}.", may_retry=meaning == "unknown")


def _source(account: Account, object_type: str) -> str:
    return f"SOAP {object_type}, account {account.mid}"


def _clean(text: str) -> str:
    """A server's words fit for a sentence."""
    return "".join(c for c in text if c.isprintable())[:300].rstrip(". ")
