"""The query route: data views by SQL into a data extension, read back by REST. The rich one.

Windows are cut so that each query stays well below the limit at which Marketing Cloud stops it;
one that failed or was stopped is asked again, smaller.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bouncelens.bounce import (
    JOB_FIELDS,
    SEND_FIELDS,
    SUBSCRIBER_FIELDS,
    Account,
    Only,
    Page,
    Quarantined,
    Window,
    arrow_schema,
)
from bouncelens.errors import InputInvalid, SourceError
from bouncelens.extract.ahead import ahead
from bouncelens.extract.limits import Patience
from bouncelens.extract.objects import Objects
from bouncelens.extract.rest import Rest
from bouncelens.extract.rows import read_events, read_rows
from bouncelens.extract.rowset import Row, cells_of, read_sends
from bouncelens.extract.signin import SignIn
from bouncelens.extract.staging import Guard, QueryFailed, QueryTooLong, Staging
from bouncelens.extract.tsql import Asked, Kind, kind, literal, moment
from bouncelens.extract.wire import Wire
from bouncelens.settings import QuerySettings

if TYPE_CHECKING:
    import pyarrow as pa

_SMALLEST, _LARGEST = timedelta(hours=1), timedelta(days=366)
_NEAR, _QUICK = 0.5, 0.1  # of the limit: from here on pieces shrink, below it they grow
_MANY_ROWS = (
    500_000  # more than this in one data extension, and its rowset may not live long enough
)
_TRIES = 3
_MOST_SHARDS = 256


class QuerySource:
    """Bounces, sends, jobs and subscribers by query. One instance per tenant."""

    def __init__(
        self,
        sign_in: SignIn,
        wire: Wire,
        *,
        settings: QuerySettings | None = None,
        patience: Patience | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._settings, self._patience = settings or QuerySettings(), patience or Patience()
        objects = Objects(sign_in, wire, self._patience)
        rest = Rest(sign_in, wire, self._patience)
        self._staging = Staging(objects, rest, self._settings, guard=guard)

    @property
    def name(self) -> str:
        """The route's name."""
        return "query"

    def fetch(
        self, account: Account, window: Window, only: Only | None = None
    ) -> Generator[Page, None, None]:
        """Pages of bounces, oldest piece first; see `Connector.fetch`."""
        asked = _Question(kind("bounces"), account, window, only or Only())
        with ahead(self._pieces(asked)) as pieces:
            for rows, through in pieces:
                yield self._page(account, rows, through)

    def sends(self, account: Account, window: Window, only: Only | None = None) -> pa.Table:
        """Messages sent per job, domain and UTC day, of every day that the window touches: rows
        of SEND_FIELDS."""
        import pyarrow as pa

        days = Window(_midnight(window.start), _midnight(window.end) + timedelta(days=1))
        asked = _Question(kind("sends"), account, days, only or Only(), step=timedelta(days=1))
        tables = [
            read_sends(rows, asked.source, account) for rows, _ in self._pieces(asked) if rows
        ]
        # Pieces begin at midnight, so no count is in two of them; pages share none either.
        return pa.concat_tables([arrow_schema(SEND_FIELDS).empty_table(), *tables])

    def jobs(self, account: Account, window: Window, only: Only | None = None) -> pa.Table:
        """The account's jobs in a window by name: rows of JOB_FIELDS, without totals."""
        asked = _Question(kind("jobs"), account, window, replace(only or Only(), domain=None))
        return self._table(asked, [rows for rows, _ in self._pieces(asked)], "jobs")

    def subscribers(self, account: Account) -> pa.Table:
        """Everybody who bounced, complained or unsubscribed in the last six months, with status
        and last sign of life: rows of SUBSCRIBER_FIELDS."""
        now = datetime.now(UTC)
        asked = _Question(kind("subscribers"), account, Window(now, now), Only())
        parts: list[Sequence[Row]] = []
        waiting, failures = [(0, 1)], 0
        while waiting:
            part, of = waiting[0]
            try:
                shard = self._shard(asked, part, of)
                taken = list(self._staging.rows(account, asked.kind, shard, is_whole=True))
            except (QueryTooLong, QueryFailed) as problem:
                failures += isinstance(problem, QueryFailed)
                if failures >= _TRIES or of >= _MOST_SHARDS:
                    raise _given_up(asked, problem) from problem
                if isinstance(problem, QueryTooLong):
                    waiting[0:1] = [(part + of * n, of * 4) for n in range(4)]
                else:
                    self._patience.pause(failures)
                continue
            waiting.pop(0)
            parts += taken
        return self._table(asked, parts, "subscribers")

    def look(self, account: Account) -> str:
        """Whether a query could run here, in words; it is checked, not run, and nothing is made.

        Raises SignInRefused, SourceError.
        """
        end = datetime.now(UTC)
        asked = _Question(kind("bounces"), account, Window(end - _SMALLEST, end), Only())
        filled = asked.filled(asked.window, self._settings.subscribers)
        return self._staging.look(account, asked.kind, filled)

    def tidy(self, account: Account) -> tuple[str, ...]:
        """Remove what was made in the account; what is left there, one sentence each."""
        return self._staging.tidy(account)

    def _shard(self, asked: _Question, part: int, of: int) -> Asked:
        return Asked(asked.account.mid, self._settings.subscribers, shard=f"% {of} = {part}")

    def _pieces(
        self, asked: _Question
    ) -> Generator[tuple[Sequence[Row], datetime | None], None, None]:
        """Rows of the window by pages, in pieces, oldest first; the last page of each piece
        carries the piece's end, others None."""
        size = max(timedelta(days=self._settings.window_days), asked.step)
        if asked.kind.name == "jobs":  # a few thousand rows, however long the span
            size = asked.whole(asked.window.end - asked.window.start)
        start, failures = asked.window.start, 0
        while start < asked.window.end:
            end = min(start + size, asked.window.end)
            try:
                yield from self._piece(asked, Window(start, end))
            except (QueryTooLong, QueryFailed) as problem:
                is_small = end - start <= max(_SMALLEST, asked.step)
                failures += isinstance(problem, QueryFailed)
                if failures >= _TRIES or (is_small and isinstance(problem, QueryTooLong)):
                    raise _given_up(asked, problem) from problem
                if isinstance(problem, QueryFailed):
                    self._patience.pause(failures)
                size = max(asked.whole((end - start) / 2), _SMALLEST)
                continue
            start, failures = end, 0
            size = asked.whole(self._next_size(size))

    def _piece(
        self, asked: _Question, window: Window
    ) -> Iterator[tuple[Sequence[Row], datetime | None]]:
        filled = asked.filled(window, self._settings.subscribers)
        held: Sequence[Row] | None = None
        is_whole = asked.kind.name != "bounces"  # of events, twice is as good as once
        for rows in self._staging.rows(asked.account, asked.kind, filled, is_whole=is_whole):
            if held is not None:
                yield held, None
            held = rows
        yield held or (), window.end

    def _next_size(self, size: timedelta) -> timedelta:
        limit_s, taken = 60 * self._settings.limit_minutes, self._staging.taken
        if taken.seconds > _NEAR * limit_s or taken.rows > _MANY_ROWS:
            return max(size / 2, _SMALLEST)
        if taken.seconds < _QUICK * limit_s and taken.rows < _MANY_ROWS / 4:
            return min(size * 2, _LARGEST)
        return size

    def _page(self, account: Account, rows: Sequence[Row], through: datetime | None) -> Page:
        source = f"Query _Bounce, account {account.mid}"
        if not rows:
            return Page(read_events({}, 0, route=self.name).batch, through)
        try:
            cells = cells_of(rows, source, "bounces")
        except InputInvalid as error:
            raise SourceError(source, error.message, may_retry=False) from error
        given = {"account": account.mid}
        reading = read_events(cells, len(rows), route=self.name, given=given)
        bad = tuple(
            Quarantined(source, None, reason, json.dumps(rows[i], ensure_ascii=False)[:2000])
            for i, reason in sorted(reading.unreadable.items())
        )
        return Page(reading.batch, through, bad)

    def _table(self, asked: _Question, pages: Sequence[Sequence[Row]], name: str) -> pa.Table:
        """All rows typed; one that cannot be read raises SourceError."""
        import pyarrow as pa

        fields, needed = _TYPED[name]
        rows = [row for page in pages for row in page]
        if not rows:
            return arrow_schema(fields).empty_table()
        try:
            cells = cells_of(rows, asked.source, name)
        except InputInvalid as error:
            raise SourceError(asked.source, error.message, may_retry=False) from error
        given = {"account": asked.account.mid}
        reading = read_rows(cells, len(rows), fields, needed=needed, given=given)
        if reading.unreadable:
            first = next(iter(reading.unreadable.values()))
            detail = f"{len(reading.unreadable)} of {len(rows)} rows cannot be read ({first})."
            raise SourceError(asked.source, detail, may_retry=False)
        return pa.Table.from_batches([reading.batch])


_TYPED = {
    "jobs": (JOB_FIELDS, ("account", "job")),
    "subscribers": (SUBSCRIBER_FIELDS, ("account", "subscriber_key")),
}


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked of an account. `step`: pieces are whole multiples of it."""

    kind: Kind
    account: Account
    window: Window
    only: Only
    step: timedelta = timedelta(0)

    @property
    def source(self) -> str:
        return f"Query {self.kind.of}, account {self.account.mid}"

    def whole(self, size: timedelta) -> timedelta:
        """A size of pieces as it may be."""
        if not self.step:
            return timedelta(seconds=max(int(size.total_seconds()), 1))
        return max(size // self.step, 1) * self.step

    def filled(self, window: Window, subscribers: str) -> Asked:
        """The question for a piece of the window."""
        narrowing = []
        if self.only.job is not None and "job" in self.kind.narrowing:
            narrowing.append(("job", str(int(self.only.job))))
        if self.only.domain is not None and "domain" in self.kind.narrowing:
            narrowing.append(("domain", literal(self.only.domain.lower())))
        start, end = moment(window.start), moment(window.end)
        return Asked(self.account.mid, subscribers, start, end, tuple(narrowing))


def _given_up(asked: _Question, problem: Exception) -> SourceError:
    if isinstance(problem, QueryTooLong):
        detail, advice = "even the smallest query runs into its limit.", ""
    else:
        detail = f"the query failed {_TRIES} times: {problem}."
        advice = "Run it again; if that does not help, look at the query's log in the tenant."
    return SourceError(asked.source, detail, may_retry=False, advice=advice)


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
