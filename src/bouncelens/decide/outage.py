"""Whether a provider suddenly calls living addresses dead, while the others do not. Pure.

These signs must meet: far more refusals than others and sent messages let expect, most of the
refused alive shortly before, of many organisations, and everybody else as usual.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import TYPE_CHECKING

from bouncelens.decide.incident import QUARTER_S, Limits, Seen, Suspicion, Usual

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bouncelens.decide.incident import Sign

# Nobody in particular: thousands of servers, so it cannot be wrong as a whole.
OTHER = "other"


@dataclass(slots=True)
class _Tally:
    """One provider in the window."""

    refused: int = 0
    known: int = 0
    alive: int = 0
    believable: int = 0
    engaged: int = 0
    gap_s: int = 0
    jobs: Counter[tuple[int, int]] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    of_sent: int = 0  # refused, of jobs of which it is known what they sent

    def add(self, sign: Sign) -> None:
        """One more sign."""
        self.refused += sign.refused
        self.known += sign.known
        self.alive += sign.alive
        self.believable += sign.believable
        self.engaged += sign.engaged
        self.gap_s += sign.gap_s
        self.jobs[sign.account, sign.job] += sign.refused
        self.domains[sign.domain] += sign.refused

    @property
    def has_sent(self) -> bool:
        """Whether it is known of most of them how much was sent."""
        return 2 * self.of_sent >= self.refused and self.sent > self.of_sent

    def is_spread(self, limits: Limits) -> bool:
        """Whether it is the provider's, not a few companies' that are gone."""
        most = limits.organisation_pct / 100 * self.refused
        counted = sum(min(n, most) if domain else n for domain, n in self.domains.items())
        return 100 * counted >= limits.spread_pct * self.refused

    def is_seen(self, limits: Limits) -> bool:
        """Whether enough is known of the refused."""
        return self.known >= max(limits.least_known, limits.known_pct / 100 * self.refused)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at the window that ends with a quarter."""

    seen: Seen
    usual: Usual
    limits: Limits
    quarter: int
    tallies: Mapping[str, _Tally]
    loud: frozenset[str]

    def suspicion(self, provider: str) -> Suspicion | None:
        """The evidence against a loud one; None where it does not suffice."""
        mine, usual = self.tallies[provider], self.usual
        quarters = len({sign.quarter for sign in self._window()})
        quiet = [name for name in self.tallies if name not in self.loud]
        others = sum(self.tallies[name].believable for name in quiet)
        expected = self._expected(provider, others, quarters)
        sent = sum(self.tallies[name].sent for name in quiet)
        by_time = usual.per_quarter(usual.rest(self.loud)) * quarters
        of_others = max(by_time, usual.rate(set(usual.refused) - self.loud) * sent)
        others_expected = max(10.0, self.limits.others * of_others)
        is_one = (
            mine.believable >= self.limits.excess * expected
            and mine.believable - expected >= self.limits.deviations * sqrt(expected)
            and others <= others_expected
        )
        if not is_one:
            return None
        starts, last = self._span(provider)
        return Suspicion(
            provider=provider,
            starts=starts,
            last=last,
            refused=mine.refused,
            expected=round(expected, 1),
            known=mine.known,
            alive=mine.alive,
            jobs=len(mine.jobs),
            most_of_one_job_pct=round(100 * max(mine.jobs.values()) / mine.refused, 1),
            others=others,
            others_expected=round(others_expected, 1),
            sent=mine.sent if mine.has_sent else 0,
            is_seen=mine.is_seen(self.limits),
        )

    def _window(self) -> Sequence[Sign]:
        return _window(self.seen, self.quarter, self.limits)

    def _expected(self, provider: str, others: int, quarters: int) -> float:
        """By what the others refuse just now, and by what was sent. Where there are next to no
        others, what is sent decides, or else what it refuses at other times."""
        mine, usual = self.tallies[provider], self.usual
        by_others = (others + 1) * usual.ratio(provider, self.loud)
        longer = usual.times_longer(mine.alive, mine.gap_s)
        by_sent = usual.rate([provider]) * mine.sent * longer if mine.has_sent else None
        refused = usual.refused.get(provider, 0)
        if 10 * usual.rest(self.loud) < refused:
            by_time = 2 * usual.per_quarter(refused) * quarters
            return max(1.0, min(by_others, by_time if by_sent is None else by_sent))
        return max(1.0, by_others, by_sent or 0.0)

    def _span(self, provider: str) -> tuple[datetime, datetime]:
        """From the first quarter since which it refuses too many to the last one: over gaps shorter
        than the window, in which perhaps nothing was sent."""
        mine, others = Counter[int](), Counter[int]()
        back = int(self.limits.recent_hours * 3600) // QUARTER_S
        for sign in self.seen.between(self.quarter - back, self.quarter):
            if sign.provider == provider:
                mine[sign.quarter] += sign.believable
            elif sign.provider not in self.loud:
                others[sign.quarter] += sign.believable
        usual = self.usual
        refused = usual.refused.get(provider, 0)
        ratio, most = usual.ratio(provider, self.loud), float("inf")
        if 10 * usual.rest(self.loud) < refused:
            most = 2 * usual.per_quarter(refused)
        excessive = sorted(
            (
                quarter
                for quarter, n in mine.items()
                if n >= self.limits.excess * max(0.75, min(others[quarter] * ratio, most))
            ),
            reverse=True,
        )
        in_window = [sign.quarter for sign in self._window() if sign.provider == provider]
        first = last = excessive[0] if excessive else max(in_window)
        gap = int(self.limits.window_hours * 3600) // QUARTER_S
        for quarter in excessive:
            if first - quarter > gap:
                break
            first = quarter
        # The quarters beside may hold a few of its refusals among those of every day.
        return _moment(first - 1), _moment(last + 2)


def _window(seen: Seen, quarter: int, limits: Limits) -> Sequence[Sign]:
    return seen.between(quarter - int(limits.window_hours * 3600) // QUARTER_S + 1, quarter)


def suspicions(
    seen: Seen,
    usual: Usual,
    now: datetime,
    *,
    again: frozenset[str] = frozenset(),
    limits: Limits = Limits(),
) -> tuple[Suspicion, ...]:
    """Every provider that seems to be wrong now. `usual`: what is refused without an incident;
    `again`: providers that are wrong already, of which less evidence is enough."""
    quarter = int(now.timestamp() - 1) // QUARTER_S
    window = _window(seen, quarter, limits)
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    for sign in window:
        tallies[sign.provider].add(sign)
    if window:
        for name, tally in tallies.items():
            _count_sent(seen, name, tally, window[0].quarter, quarter)
    laxer = _laxer(limits)
    loud = frozenset(
        name
        for name, tally in tallies.items()
        if _is_loud(name, tally, laxer if name in again else limits)
        and _is_read(tally, usual, limits)
    )
    if not loud or len(loud) > limits.at_once:
        return ()
    look = _Look(seen, usual, limits, quarter, tallies, loud)
    return tuple(found for name in sorted(loud) if (found := look.suspicion(name)) is not None)


def _count_sent(seen: Seen, name: str, tally: _Tally, first: int, last: int) -> None:
    for (account, job), refused in tally.jobs.items():
        if sent := seen.messages((name, account, job), first, last):
            tally.sent += sent
            tally.of_sent += refused


def _is_loud(name: str, tally: _Tally, limits: Limits) -> bool:
    """Whether many living people of many organisations are refused; or people of whom nothing is
    known, which then has to be found out."""
    if name == OTHER or tally.refused < limits.least or not tally.is_spread(limits):
        return False
    pct = limits.alive_pct if len(tally.jobs) > 1 else limits.alive_pct_one_job
    return not tally.is_seen(limits) or 100 * tally.alive >= pct * tally.known


def _is_read(tally: _Tally, usual: Usual, limits: Limits) -> bool:
    """Whether readers are among them. A provider that clears away mailboxes which nobody opens is
    right, though mail was delivered there until then."""
    if usual.alive < limits.least_known:
        return True
    return tally.engaged * usual.alive >= limits.engaged * usual.engaged * tally.alive


def _laxer(limits: Limits) -> Limits:
    pct = limits.alive_pct_again
    return replace(limits, least=limits.least_again, alive_pct=pct, alive_pct_one_job=pct)


@dataclass(frozen=True, slots=True)
class Episode:
    """Suspicions of one provider that belong together."""

    worst: Suspicion
    starts: datetime
    last: datetime
    noticed: datetime  # when it could be noticed first

    @property
    def provider(self) -> str:
        """Whose."""
        return self.worst.provider


def episodes(
    seen: Seen,
    usual: Usual,
    span: tuple[datetime, datetime],
    *,
    wrong: Mapping[str, Sequence[tuple[datetime, datetime]]],
    limits: Limits = Limits(),
) -> tuple[Episode, ...]:
    """What looks after every quarter of an hour of a span would have found, oldest first.
    `wrong`: when providers are known to be wrong."""
    found: list[Episode] = []
    over = timedelta(hours=limits.over_hours)
    for moment in _moments(seen, span, limits):
        again = frozenset(
            name
            for name, spans in wrong.items()
            if any(starts <= moment <= ends + over for starts, ends in spans)
        ) | {e.provider for e in found if e.worst.is_seen and moment <= e.last + over}
        for suspicion in suspicions(seen, usual, moment, again=again, limits=limits):
            _join(found, suspicion, moment, over)
    return tuple(found)


def _moments(seen: Seen, span: tuple[datetime, datetime], limits: Limits) -> Iterator[datetime]:
    """The ends of quarters after which a look may find something."""
    back = int(limits.window_hours * 3600) // QUARTER_S
    counts = Counter[tuple[str, int]]()
    for sign in seen.signs:
        counts[sign.provider, sign.quarter] += sign.refused
    names = {name for name, _ in counts} - {OTHER}
    since, now = span
    quarters = {sign.quarter for sign in seen.signs}
    for quarter in sorted(q for q in quarters if since < _moment(q + 1) and _moment(q) <= now):
        most = (sum(counts[name, quarter - n] for n in range(back)) for name in names)
        if max(most, default=0) >= limits.least_again:
            yield min(_moment(quarter + 1), max(now, _moment(quarter) + timedelta(seconds=1)))


def _join(found: list[Episode], suspicion: Suspicion, moment: datetime, over: timedelta) -> None:
    for place in reversed(range(len(found))):
        one = found[place]
        is_same = one.provider == suspicion.provider and one.worst.is_seen == suspicion.is_seen
        if is_same and suspicion.starts <= one.last + over:
            worst = max(one.worst, suspicion, key=lambda s: s.refused)
            starts, last = min(one.starts, suspicion.starts), max(one.last, suspicion.last)
            found[place] = Episode(worst, starts, last, one.noticed)
            return
    found.append(Episode(suspicion, suspicion.starts, suspicion.last, moment))


def _moment(quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * QUARTER_S, UTC)
