"""The periodic report: what changed since the last one, delivered once.

The ledger's runs say how far digests have got. A mail is noted before it is handed over, so that
a killed process, or a connection lost at the end, leaves a question rather than a second mail.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from bouncelens import __version__
from bouncelens.errors import BouncelensError, InputInvalid, MailRefused
from bouncelens.service.digest_changes import Change, changes_between, whole_change

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bouncelens.service.report import Answer
    from bouncelens.service.workspace import Workspace
    from bouncelens.store.ledger.ledger import Run

Way = Literal["mail", "file"]
_RUNS = 10_000  # looked through for the last that arrived
_WAIT_S = 5.0
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DigestAsked:
    """Which digest. Each name, or account without a name, has its own last one. `again`: the last
    one once more. `days`: not since the last one, but so many."""

    name: str = ""
    account: int | None = None
    again: bool = False
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A digest that went out, or may have. `is_sure`: it arrived, as far as a sender knows."""

    since: datetime
    until: datetime
    is_sure: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """The digest to be delivered next: half-open days in UTC, compared with as many before."""

    verb: str
    since: datetime
    until: datetime
    account: int | None
    is_again: bool
    last: Delivery | None

    @property
    def other_since(self) -> datetime:
        """Where the window begins that it is compared with."""
        return self.since - (self.until - self.since)


@dataclass(frozen=True, slots=True)
class Digest:
    """What changed from the window before to that of `due`."""

    due: Due
    whole: Change | None  # None where it is not known how much was sent
    changes: tuple[Change, ...]  # the clear ones, the largest first
    compared: int
    new_replies: Answer
    answers: tuple[Answer, ...]
    overview: Answer
    account_names: Mapping[str, str]  # of business units, by MID


def due(workspace: Workspace, asked: DigestAsked, *, now: datetime | None = None) -> Due | None:
    """Which digest is due; None when no day has ended since the last one. Raises InputInvalid
    when it is not known whether the last one arrived, and StoreError."""
    verb = _verb(asked)
    last = last_delivery(workspace, verb)
    span = _span(workspace, asked, last, now or datetime.now(UTC))
    if span is None:
        return None
    return Due(verb, *span, account=asked.account, is_again=asked.again, last=last)


def compile_digest(workspace: Workspace, wanted: Due) -> Digest:
    """Answer what a digest says. Raises StoreError."""
    from bouncelens.service.report import STANDARD, answer

    start, end = wanted.since, wanted.until

    def ask(question: str, since: datetime = start, until: datetime = end, **more: Any) -> Answer:
        window = {"since": since, "until": until}
        return answer(workspace, question, account=wanted.account, **window, **more)

    def before(question: str) -> Answer:
        return ask(question, wanted.other_since, start)

    answers = tuple(ask(question) for question in STANDARD)
    compared, clear = changes_between(ask, before, min_sent=workspace.settings.report.min_sent)
    return Digest(
        due=wanted,
        whole=whole_change(before("totals"), answers[0]),
        changes=clear,
        compared=compared,
        new_replies=ask("templates_newest", limit=20),
        answers=answers,
        overview=ask("overview", wanted.other_since),
        account_names={str(a.mid): a.name for a in workspace.settings.accounts if a.name},
    )


def deliver(
    workspace: Workspace,
    wanted: Due,
    carry: Callable[[], Mapping[str, int]],
    *,
    way: Way,
    now: datetime | None = None,
) -> None:
    """Let `carry` bring it to people, and keep that it did; what it counts is kept, `refused`
    makes it partial. Raises InputInvalid when another process was quicker, and what it raises."""
    ledger = workspace.ledger
    with ledger.holding(wanted.verb, wait_s=_WAIT_S) as is_ours:
        if not is_ours or last_delivery(workspace, wanted.verb) != wanted.last:
            raise InputInvalid(
                "Another process is delivering this digest, or just has.",
                advice="Nothing was sent here.",
            )
        run = ledger.start_run(wanted.verb, version=__version__, now=now)
        told = json.dumps(
            {"since": wanted.since.isoformat(), "until": wanted.until.isoformat(), "way": way}
        )

        def end(outcome: str, counts: Mapping[str, int]) -> None:
            ledger.finish_run(run, outcome, counts=counts, detail=told, now=now)

        if way == "mail":
            end("sending", {})
        try:
            counts = carry()
        except BouncelensError as error:
            is_open = isinstance(error, MailRefused) and not error.is_certain
            end("sending" if is_open else "failed", {})
            raise
        end("partial" if counts.get("refused") else "ok", counts)


def count_as_delivered(workspace: Workspace, asked: DigestAsked) -> Delivery:
    """A person says that the digest in question arrived. Raises InputInvalid where none is."""
    verb = _verb(asked)
    last = last_delivery(workspace, verb)
    if last is None or last.is_sure:
        raise InputInvalid("No digest is in question.")
    told = {"since": last.since.isoformat(), "until": last.until.isoformat(), "way": "mail"}
    run = workspace.ledger.start_run(verb, version=__version__)
    workspace.ledger.finish_run(run, "ok", counts={}, detail=json.dumps(told))
    return last


def last_delivery(workspace: Workspace, verb: str) -> Delivery | None:
    """The last digest of a name that arrived, or may have; None: there was none."""
    for run in workspace.ledger.runs(verb=verb, limit=_RUNS):
        if run.outcome in ("ok", "partial", "sending"):
            return _delivery(run)
    return None


def message_id(wanted: Due, *, to: tuple[str, ...], sender: str) -> str:
    """The same for the same digest to the same people: mailboxes then show it once."""
    told = "\n".join((wanted.verb, wanted.since.isoformat(), wanted.until.isoformat(), *sorted(to)))
    host = sender.rpartition("@")[2]
    return f"<bouncelens.{hashlib.sha256(told.encode()).hexdigest()[:32]}@{host}>"


def _span(
    workspace: Workspace, asked: DigestAsked, last: Delivery | None, now: datetime
) -> tuple[datetime, datetime] | None:
    settings = workspace.settings.digest
    if asked.again:
        if last is None:
            raise InputInvalid("There is no digest to be sent again: none was delivered yet.")
        return last.since, last.until
    if last is not None and not last.is_sure:
        raise InputInvalid(
            f"It is not known whether the digest of {last.since:%Y-%m-%d} to before "
            f"{last.until:%Y-%m-%d} arrived: it was being handed over at {last.at:%H:%M} UTC.",
            advice="Look into a mailbox; then say --again to send it once more, or --arrived.",
        )
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    until = midnight - settings.settle_days * _DAY
    if asked.days is not None:
        return until - asked.days * _DAY, until
    since = last.until if last is not None else until - settings.days * _DAY
    return (since, until) if since < until else None


def _verb(asked: DigestAsked) -> str:
    name = asked.name or (f"mid {asked.account}" if asked.account is not None else "")
    if len(name) > 30:
        raise InputInvalid(
            f"The name {name[:40]!r} is too long.", advice="Take at most 30 characters."
        )
    return f"digest {name}".strip()


def _delivery(run: Run) -> Delivery:
    told = json.loads(run.detail)
    return Delivery(
        datetime.fromisoformat(told["since"]),
        datetime.fromisoformat(told["until"]),
        is_sure=run.outcome != "sending",
        at=run.started_at,
    )
