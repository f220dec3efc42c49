"""The periodic report as a document: what changed comes first, then the usual tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bouncelens.service.report import Answer, Column
from bouncelens.service.vocabulary import provider_names, reasons
from bouncelens.show.export.cells import clean
from bouncelens.show.export.report import Report, section, sections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bouncelens.service.digest import Digest
    from bouncelens.service.digest_changes import Change

_ROWS = 20
_NAMED = 4  # changes that the first lines speak of
_KINDS = {
    "provider": "at",
    "reason": "for",
    "sender_domain": "of mail from",
    "account": "in",
}
_WHAT = {"account": "business unit", "sender_domain": "sender"}
_NOTES = (
    "Only what clearly changed is here, though so many were looked at (Newcombe, Bonferroni).",
    "Each message counts as independent; one odd send can move a rate: see by campaign.",
    "Cohort: a bounce belongs to the day its message was sent; the latest may still bounce.",
)
_COLUMNS = (
    Column("what", "", "what the rate is by"),
    Column("name", "", "which of them"),
    Column("sent before", "messages", "messages sent before"),
    Column("rate before", "share", "share of them that bounced"),
    Column("bounced", "messages", "messages that bounced"),
    Column("sent", "messages", "messages sent"),
    Column("rate", "share", "bounced / sent"),
    Column("points", "", "how much the rate rose or fell, in percentage points"),
    Column("between", "", "where the change lies, for all rows at once, at 95 %"),
    Column("extra", "messages", "messages that bounced more than at the rate before"),
)


def digest_report(digest: Digest, *, made_at: datetime) -> Report:
    """The digest as a report."""
    first = section(changes_answer(digest), limit=_ROWS)
    earlier = f"{_span(digest.due.other_since, digest.due.since)} is before"
    changed = replace(
        first,
        window=f"{first.window}; {earlier}",
        drawing=None,
        nothing="No rate clearly changed." if digest.compared else "There was no rate to compare.",
    )
    new = section(digest.new_replies, limit=_ROWS)
    tables = sections(digest.answers, limit=_ROWS, overview=digest.overview)
    return Report(
        f"Bounces, {_span(digest.due.since, digest.due.until)}",
        tuple(map(clean, _lead(digest))),
        (changed, *tables, replace(new, title="Replies seen for the first time")),
        made_at,
    )


def changes_answer(digest: Digest) -> Answer:
    """The clear changes as rows, for documents and tables alike."""
    return Answer(
        question="changes",
        title="What changed",
        asks="Which rates are clearly other than before?",
        denominator="messages sent, to that provider or from that sender where a row is of one",
        columns=_COLUMNS,
        rows=tuple(map(_row, digest.changes)),
        since=digest.due.since,
        until=digest.due.until,
        time_zone="UTC",
        notes=(f"{digest.compared:,} rates were compared.", *_NOTES),
    )


def _row(change: Change) -> tuple[object, ...]:
    moved = change.difference
    return (
        _WHAT.get(change.dimension, change.dimension),
        change.name,
        change.before.whole,
        change.before.rate,
        change.after.part,
        change.after.whole,
        change.after.rate,
        f"{100 * moved.value:+.2f}",
        f"{100 * moved.low:+.2f} to {100 * moved.high:+.2f}",
        round(change.extra),
    )


def _lead(digest: Digest) -> Iterator[str]:
    yield _whole(digest)
    for change in digest.changes[:_NAMED]:
        moved = change.difference
        yield (
            f"{'More' if moved.value > 0 else 'Fewer'} bounces {_KINDS[change.dimension]} "
            f"{_name(digest, change)}: {_rates(change)}; {'up' if moved.value > 0 else 'down'} by "
            f"{_points(moved.low, moved.high)}, about {abs(change.extra):,.0f} messages."
        )
    if len(digest.changes) > _NAMED:
        yield f"{len(digest.changes) - _NAMED:,} more rates clearly changed: see below."
    if digest.whole and not digest.changes:
        yield "No single rate clearly changed."
    if digest.new_replies.rows:
        unknown = sum(r["reason"] == "unclassified" for r in digest.new_replies.records())
        many = len(digest.new_replies.rows)
        count = f"{many:,} or more" if many >= _ROWS else f"{many:,}"
        none = f", {unknown:,} of them without a verdict" if unknown else ""
        yield (
            f"{count} replies were worded as no server ever did before{none}: they are at the end."
        )
    if digest.due.last is None:
        earlier = _span(digest.due.other_since, digest.due.since)
        yield f"This is the first digest: it compares with {earlier}."


def _name(digest: Digest, change: Change) -> str:
    """What a change is about, as people know it."""
    if change.dimension == "reason" and change.name in reasons():
        meaning = reasons()[change.name].meaning
        return f"{change.name.replace('_', ' ')} ({meaning.rstrip('.')})"
    if change.dimension == "provider":
        return provider_names().get(change.name, change.name)
    known = digest.account_names.get(change.name) if change.dimension == "account" else None
    return f"{known} ({change.name})" if known else change.name


def _whole(digest: Digest) -> str:
    span = _span(digest.due.since, digest.due.until)
    if digest.whole is None:
        bounced = next((r["bounced"] or 0 for r in digest.answers[0].records()), 0)
        return f"{bounced:,} messages sent {span} bounced; there is no rate to compare."
    change, moved = digest.whole, digest.whole.difference
    low, high = change.interval
    verdict = (
        f"{'up' if moved.value > 0 else 'down'} by {_points(moved.low, moved.high)}"
        if moved.is_clear
        else f"no clear change ({_points(moved.low, moved.high)})"
    )
    return (
        f"{change.after.part:,} of {change.after.whole:,} messages sent {span} bounced: "
        f"{_pct(change.after.rate)} (95 % interval {_pct(low)} to {_pct(high)}), {verdict} "
        f"against {_pct(change.before.rate)} of {change.before.whole:,} before."
    )


def _rates(change: Change) -> str:
    return (
        f"{_pct(change.after.rate)} of {change.after.whole:,} sent, "
        f"before {_pct(change.before.rate)} of {change.before.whole:,}"
    )


def _points(low: float, high: float) -> str:
    """An interval of percentage points; of a fall its size."""
    if high < 0:
        low, high = -high, -low
    signed = "+" if low < 0 < high else ""
    return f"{100 * low:{signed}.2f} to {100 * high:{signed}.2f} points"


def _pct(rate: float) -> str:
    return f"{100 * rate:.2f} %"


def _span(since: datetime, until: datetime) -> str:
    """Days, the last one named as one that belongs to them."""
    last = until - timedelta(days=1)
    return f"{since:%Y-%m-%d}" if since == last else f"{since:%Y-%m-%d} to {last:%Y-%m-%d}"
