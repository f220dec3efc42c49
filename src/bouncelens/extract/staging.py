"""A query activity and the data extension it writes: made or reused, run, proved, read, removed.

Marketing Cloud says little of a run: `isRunning` is false before it begins and after it ended, and
success leaves no trace. So the rows themselves prove it: each carries this run's mark and how many
there are in all. Only then is anything believed.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from bouncelens.bounce import Account
from bouncelens.errors import SignInRefused, SourceError
from bouncelens.extract.envelope import Change, OneOf
from bouncelens.extract.objects import Objects, extension, query
from bouncelens.extract.rest import Rest, RestAnswer, RestCall
from bouncelens.extract.rowset import Row, RowsetEnded, RowsetPage, RowsetReader
from bouncelens.extract.soap_call import clean
from bouncelens.extract.tsql import KINDS, RUN, TOTAL, Asked, Kind, question
from bouncelens.settings import QuerySettings

Guard = Callable[[str], AbstractContextManager[None]]

_FIRST_PAUSE_S = 0.1
_STARTS = 3  # a rowset's token may end midway
_LOOKS = 3  # at the rows of a query that has ended without a word, before it counts as failed
_TIMED_OUT = ("timeout", "timed out", "time out", "longer than the limit", "30 minutes")
_ABOUT = "Made and removed by bouncelens pull; see query.name in its settings."


class QueryTooLong(Exception):
    """The query was stopped, or would be: less has to be asked at once."""


class QueryFailed(Exception):
    """The query ended without all its rows; the text says what is known of it."""


@dataclass(frozen=True, slots=True)
class Taken:
    """How a run went: what decides over the size of the next one."""

    seconds: float
    rows: int


class Staging:
    """Runs queries in a business unit. `guard` keeps others from the same unit meanwhile."""

    def __init__(
        self, objects: Objects, rest: Rest, settings: QuerySettings, *, guard: Guard | None = None
    ) -> None:
        self._objects, self._rest, self._settings = objects, rest, settings
        self._reader = RowsetReader(rest)
        self._guard = guard or (lambda _: nullcontext())
        self._lacking: dict[int, frozenset[str]] = {}  # optional columns by account
        self._entered: set[int] = set()  # accounts in which something may have been made
        self.taken = Taken(0.0, 0)  # of the run before

    def rows(
        self, account: Account, kind: Kind, asked: Asked, *, is_whole: bool = False
    ) -> Iterator[tuple[Row, ...]]:
        """All rows of the answer, page by page; at least one page, perhaps without rows.

        Raises QueryTooLong, QueryFailed, SignInRefused, SourceError. What was yielded before is
        right, but may come again after a new start; not so with `is_whole`, which yields once.
        """
        with self._guard(f"query-{account.mid}"):
            run = secrets.token_hex(8)
            self._make_extension(account, kind)
            activity = self._make_query(account, kind, asked, run)
            began = time.monotonic()
            self._start(account, activity)
            with self._rest.waited.owed():
                self._wait(account, activity, kind, run)
            took_s = time.monotonic() - began
            for start in range(_STARTS):
                try:
                    count, held = 0, list[Row]()
                    for rows in self._read(account, kind, run):
                        count += len(rows)
                        if is_whole:
                            held += rows
                        else:
                            yield rows
                    self.taken = Taken(took_s, count)
                    break
                except RowsetEnded:
                    if start + 1 == _STARTS:
                        raise QueryFailed("its rows changed while they were read") from None
            if is_whole:
                yield tuple(held)

    def _read(self, account: Account, kind: Kind, run: str) -> Iterator[tuple[Row, ...]]:
        """The rows as they are there; RowsetEnded when some are another run's."""
        for page in self._reader.pages(account, self._key(account, kind)):
            if (rows := _proved(page, run)) is None:
                raise RowsetEnded
            yield rows

    def look(self, account: Account, kind: Kind, asked: Asked) -> str:
        """Whether Marketing Cloud would take the query, and what killed runs left. Raises
        SignInRefused, SourceError."""
        absent = self._fitting(account, kind, asked, run="")[1]
        keys = tuple(f"{self._settings.name}_{name}_{account.mid}" for name in KINDS)
        where, wanted = OneOf("CustomerKey", keys), ("ObjectID", "CustomerKey")
        left = [*self._queries(account, keys)]
        left += self._objects.find(account, "DataExtension", wanted, where)
        said = "a query would be taken"
        if absent:
            said += f", without {', '.join(sorted(absent))}, which this account lacks"
        if left and not self._settings.keep:
            said += f"; a killed pull left {len(left)} objects, which the next one removes"
        return said

    def tidy(self, account: Account) -> tuple[str, ...]:
        """Remove what was made for the account, also by a run that was killed. What could not be
        removed is said, one sentence each; it removes itself within two days, queries excepted."""
        keys = tuple(f"{self._settings.name}_{name}_{account.mid}" for name in KINDS)
        left: list[str] = []
        try:
            with self._guard(f"query-{account.mid}"):
                for row in self._queries(account, keys):
                    self._let_go(account, "QueryDefinition", row)
                where, wanted = OneOf("CustomerKey", keys), ("ObjectID", "CustomerKey")
                for row in self._objects.find(account, "DataExtension", wanted, where):
                    self._let_go(account, "DataExtension", row)
        except (SignInRefused, SourceError) as error:
            if account.mid not in self._entered:  # it never came as far as making something
                return ()
            left.append(
                f"{account.name}: what the query route made is still in the tenant ({error}) "
                "The next pull removes it."
            )
        return tuple(left)

    def _let_go(self, account: Account, object_type: str, row: Row) -> None:
        if not self._settings.keep:
            self._objects.remove(account, object_type, row.get("ObjectID") or "")
        elif object_type == "DataExtension":
            key = row.get("CustomerKey") or ""
            clear = Change("Perform", object_type, (("CustomerKey", key),), action="ClearData")
            self._objects.change(account, clear)

    # Making

    def _key(self, account: Account, kind: Kind) -> str:
        return f"{self._settings.name}_{kind.name}_{account.mid}"

    def _make_extension(self, account: Account, kind: Kind) -> None:
        """The data extension, as it is if it has our columns, else made anew."""
        key = self._key(account, kind)
        where = OneOf("DataExtension.CustomerKey", (key,))
        found = self._objects.find(account, "DataExtensionField", ("Name",), where)
        self._entered.add(account.mid)
        names = {(row.get("Name") or "").lower() for row in found}
        wanted = {name.lower() for name, _, _ in kind.columns}
        if names == wanted:
            return
        if names:
            for row in self._objects.find(
                account, "DataExtension", ("ObjectID",), OneOf("CustomerKey", (key,))
            ):
                self._objects.remove(account, "DataExtension", row.get("ObjectID") or "")
        content = extension(key, kind.columns, about=_ABOUT)
        try:
            self._objects.change(account, Change("Create", "DataExtension", content))
        except SourceError:
            # A call whose answer got lost was made again: then it is there.
            found = self._objects.find(account, "DataExtensionField", ("Name",), where)
            if {(row.get("Name") or "").lower() for row in found} != wanted:
                raise

    def _make_query(self, account: Account, kind: Kind, asked: Asked, run: str) -> str:
        """The query activity with this run's text; its ObjectID. Columns that this account lacks
        are found out and left out."""
        text, _ = self._fitting(account, kind, asked, run=run)
        return self._put_query(account, self._key(account, kind), text)

    def _fitting(
        self, account: Account, kind: Kind, asked: Asked, *, run: str
    ) -> tuple[str, frozenset[str]]:
        """The query that this account takes, and the optional columns it lacks."""
        while True:
            lacking = self._lacking.get(account.mid, frozenset())
            text = question(kind, asked, run=run, lacking=lacking)
            # Whoever only looks has no data extension to name.
            problem = self._problem(account, self._key(account, kind) if run else "", text)
            if not problem:
                return text, lacking & frozenset(kind.optional)
            absent = {n for n in kind.optional if n not in lacking and n.lower() in problem.lower()}
            if not absent:
                source = f"Query {kind.of}, account {account.mid}"
                raise SourceError(source, f"{clean(problem)}.", may_retry=False)
            self._lacking[account.mid] = lacking | absent

    def _problem(self, account: Account, key: str, text: str) -> str:
        """What Marketing Cloud says is wrong with a query; empty when nothing is, or when this
        account has no such check: making the query will tell."""
        body: dict[str, object] = {"Text": text}
        if key:
            body |= {"targetKey": key, "targetUpdateTypeId": 0}
        path = "automation/v1/queries/actions/validate/"
        answer = self._rest.answer(account, self._call("POST", path, account, body=body))
        said = _object(answer)
        if said.get("queryValid", True):
            return ""
        words = [str(e.get("message")) for e in said.get("errors") or () if isinstance(e, dict)]
        return " ".join(words) or "the query is not valid"

    def _put_query(self, account: Account, key: str, text: str) -> str:
        found = self._queries(account, (key,))
        object_id = (found[0].get("ObjectID") if found else None) or ""
        if object_id and not self._log(account, object_id):
            content = (("ObjectID", object_id), *query(key, text, about=_ABOUT))
            self._objects.change(account, Change("Update", "QueryDefinition", content))
            return object_id
        if object_id:  # its log would speak of a run before ours
            self._objects.remove(account, "QueryDefinition", object_id)
        made = None
        try:
            content = query(key, text, about=_ABOUT)
            made = self._objects.change(account, Change("Create", "QueryDefinition", content))
        except SourceError:
            if not (found := self._queries(account, (key,))):
                raise
        found = [] if made else found or self._queries(account, (key,))
        return made or (found[0].get("ObjectID") if found else None) or ""

    def _queries(self, account: Account, keys: Sequence[str]) -> list[Row]:
        """The queries of these keys; removed ones may still be told of, with another status."""
        wanted, where = ("ObjectID", "CustomerKey", "Status"), OneOf("CustomerKey", tuple(keys))
        found = self._objects.find(account, "QueryDefinition", wanted, where)
        return [row for row in found if (row.get("Status") or "Active") == "Active"]

    # Running

    def _call(self, method: str, path: str, account: Account, *, body: object = None) -> RestCall:
        scope = "Automations: Execute" if path.endswith("start/") else "Automations: Read"
        return RestCall(method, path, f"Query activity, account {account.mid}", scope, body)

    def _start(self, account: Account, activity: str) -> None:
        # Without a body: with one it answers OK and does nothing.
        path = f"automation/v1/queries/{activity}/actions/start/"
        self._rest.ask(account, self._call("POST", path, account))

    def _log(self, account: Account, activity: str) -> list[str]:
        """What the activity's log says; empty on success."""
        path = f"automation/v1/queries/{activity}/log"
        answer = self._rest.answer(account, self._call("GET", path, account))
        rows = _object(answer).get("items") or ()
        return [str(row.get("statusMessage")) for row in rows if isinstance(row, dict)]

    def _is_running(self, account: Account, activity: str) -> bool:
        path = f"automation/v1/queries/{activity}/actions/isrunning/"
        answer = self._rest.answer(account, self._call("GET", path, account))
        return bool(_object(answer).get("isRunning"))

    def _wait(self, account: Account, activity: str, kind: Kind, run: str) -> None:
        """Until all rows of this run are there. Raises QueryTooLong, QueryFailed."""
        began, looks, was_running = time.monotonic(), 0, False
        pause_s = min(_FIRST_PAUSE_S, self._settings.poll_s)
        while True:
            is_running = self._is_running(account, activity)
            was_running |= is_running
            elapsed_s = time.monotonic() - began
            if not is_running:
                count, total = self._count(account, kind, run)
                if total is not None and count == max(total, 1):
                    return
                if words := self._log(account, activity):
                    raise _meaning(words, count, total)
                # False right after the start says nothing: accepted after true, or some time.
                looks += was_running or elapsed_s >= self._settings.grace_s
                if looks > _LOOKS and (was_running or total is not None):
                    raise _meaning([], count, total)
            # A query waits in a queue before it runs, so it is given twice its time.
            if elapsed_s > 2 * 60 * self._settings.limit_minutes:
                raise QueryTooLong
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, self._settings.poll_s)

    def _count(self, account: Account, kind: Kind, run: str) -> tuple[int, int | None]:
        """How many rows there are, and how many this run says there should be; None: not its."""
        page = next(self._reader.pages(account, self._key(account, kind)))
        row = page.rows[0] if page.rows else {}
        if _cell(row, RUN) != run or not (text := _cell(row, TOTAL)).isdigit():
            return 0, None
        return page.count if page.count is not None else len(page.rows), int(text)


def _object(answer: RestAnswer) -> dict[str, Any]:
    """The JSON object in an answer; empty where there is none."""
    said = answer.said if answer.status == 200 else None
    return said if isinstance(said, dict) else {}


def _meaning(words: Sequence[str], count: int, total: int | None) -> Exception:
    said = clean(" ".join(words))
    if any(sign in said.lower() for sign in _TIMED_OUT):
        return QueryTooLong()
    written = "" if total is None else f"it wrote {count:,} of {total:,} rows"
    return QueryFailed(": ".join(p for p in (said, written) if p) or "it ended without any row")


def _cell(row: Row, name: str) -> str:
    return next((v or "" for n, v in row.items() if n.lower() == name.lower()), "")


def _proved(page: RowsetPage, run: str) -> tuple[Row, ...] | None:
    """The page's rows, without the one that only says that there are none; None when some are
    another run's."""
    if any(_cell(row, RUN) != run for row in page.rows):
        return None
    return tuple(row for row in page.rows if _cell(row, TOTAL) != "0")
