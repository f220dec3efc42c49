"""Who runs the mailboxes of domains that no name tells: looked up by MX, kept, put into the lake.

Answers are kept in the ledger with their hosts; the lake's rows are made from them by the present
rules. Without DNS, what is kept counts on, however old it is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import MailHosts
from bouncelens.errors import BouncelensError, InputInvalid, LakeAbsent
from bouncelens.parse.mx import is_gateway, provider_of_mx
from bouncelens.parse.provider import provider_name, provider_of

if TYPE_CHECKING:
    from bouncelens.service.workspace import Workspace
    from bouncelens.settings.dns import ProvidersSettings
    from bouncelens.store.ledger.mail_hosts import Kept

_EVERY = 10_000_000  # domains: all of them
_BATCH = 64  # look-ups between two commits of the ledger
_LONGEST = 253
BY_NAME = "by_name"
Tell = Callable[[int, int], None]  # how many domains were asked, of how many


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look up. `most`: domains asked at most, None for all; `domains`: only these;
    `again`: also those whose answer still counts."""

    most: int | None = None
    domains: tuple[str, ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What a look-up did, in numbers of domains. `exit_code`: 3 where DNS gave no answer at all."""

    domains: int  # that no name tells
    asked: int
    kept: int  # whose answer still counts, so that nobody was asked
    left: int  # never asked yet
    found: int  # whose provider is known now
    outcomes: tuple[tuple[str, int], ...]  # of those asked
    providers: tuple[tuple[str, int], ...]  # of all, most domains first
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of one domain without asking anybody. `how`: name, mx, reply, or
    not known."""

    domain: str
    provider: str | None
    provider_name: str | None
    how: str
    is_gateway: bool
    outcome: str | None  # None: never looked up
    meaning: str
    mx_host: str | None
    rule: str | None  # the suffix that decided
    hosts: tuple[tuple[int, str], ...] = ()
    looked_at: datetime | None = None
    expires_at: datetime | None = None


def look_up(
    workspace: Workspace,
    wanted: Wanted | None = None,
    *,
    progress: Tell = lambda _done, _of: None,
    now: datetime | None = None,
) -> LookedUp:
    """Ask DNS for what is not known or not fresh, and write who runs which domain into the lake.

    DNS never fails it: what it does not tell is an outcome. Raises InputInvalid, StoreError.
    """
    began, wanted = time.monotonic(), wanted or Wanted()
    run = _Run(workspace, wanted, now)
    domains = _checked(wanted.domains) or _unnamed(workspace)
    names = run.names(domains)
    run.kept = dict(workspace.ledger.mail_hosts.find(list(names.values())))
    due = [name for name in dict.fromkeys(names.values()) if run.is_due(name)]
    run.ask(due[: wanted.most], progress)
    told = (run.row(domain, names.get(domain)) for domain in domains)
    rows = [row for row in told if row["outcome"] is not None]
    _store(workspace, rows)
    providers = Counter(row["provider"] for row in rows if row["provider"] is not None)
    left = sum(name not in run.kept for name in due)
    return LookedUp(
        domains=len(domains),
        asked=run.asked.total(),
        kept=len(set(names.values())) - len(due),
        left=left,
        found=providers.total(),
        outcomes=tuple(run.asked.most_common()),
        providers=tuple(providers.most_common()),
        notes=_notes(run, left),
        seconds=round(time.monotonic() - began, 3),
        exit_code=3 if run.dead else 0,
    )


def after_pull(workspace: Workspace, *, now: datetime | None = None) -> tuple[str, ...]:
    """The look-up at the end of a pull, if it is switched on: what it has to say, a sentence each.
    Never fails the pull."""
    settings = workspace.settings.providers
    if not settings.lookup:
        return ()
    try:
        done = look_up(workspace, Wanted(most=settings.most), now=now)
    except BouncelensError as error:
        return (f"Providers were not looked up: {error}",)
    if not done.asked:
        return done.notes
    told = f"{done.asked:,} domains were looked up; the provider of {done.found:,} of"
    return (f"{told} {done.domains:,} that no name tells is known.", *done.notes)


def show(workspace: Workspace, domain: str) -> Shown:
    """What is known of a domain, without asking anybody. Raises InputInvalid, StoreError."""
    from bouncelens.check.mx import OUTCOMES, asked_name

    (domain,) = _checked((domain.rpartition("@")[2],))
    name = asked_name(domain)
    kept = _kept(workspace, name) if name else None
    by_name = provider_of(domain)
    if kept is None:
        outcome = None if name else "not_asked"
        meaning = OUTCOMES["not_asked"] if outcome else "it was never looked up"
        shown = _shown(domain, by_name, outcome=outcome, meaning=meaning)
        return shown if by_name else _by_reply(workspace, shown)
    decided = provider_of_mx(kept.answer.hosts)
    answer = kept.answer
    return replace(
        _shown(
            domain,
            by_name,
            decided.provider,
            outcome=answer.outcome,
            meaning=OUTCOMES[answer.outcome],
        ),
        mx_host=decided.host,
        rule=decided.suffix,
        hosts=answer.hosts,
        looked_at=answer.looked_at,
        expires_at=kept.expires_at,
    )


def _kept(workspace: Workspace, name: str) -> Kept | None:
    try:
        return workspace.ledger.mail_hosts.find([name]).get(name)
    except LakeAbsent:  # nothing was ever pulled, nor looked up
        return None


def _by_reply(workspace: Workspace, shown: Shown) -> Shown:
    """With what replies told of it, if any did."""
    try:
        lake = workspace.lake
    except LakeAbsent:
        return shown
    for row in lake.read("domains").to_pylist():
        if row["domain"] == shown.domain and row["outcome"] == "reply":
            slug = row["provider"]
            return replace(
                shown,
                provider=slug,
                provider_name=provider_name(slug),
                how="reply",
                outcome="reply",
                meaning="DNS was not asked: replies of its servers say it",
                looked_at=row["looked_at"],
            )
    return shown


def _shown(
    domain: str, by_name: str | None, by_mx: str | None = None, *, outcome: str | None, meaning: str
) -> Shown:
    slug = by_name or by_mx
    how = "name" if by_name else "mx" if by_mx else "not known"
    return Shown(
        domain, slug, provider_name(slug), how, is_gateway(slug), outcome, meaning, None, None
    )


def _checked(domains: Sequence[str]) -> tuple[str, ...]:
    found = tuple(domain.strip().rstrip(".").lower() for domain in domains)
    for given, domain in zip(domains, found, strict=True):
        if not domain or len(domain) > _LONGEST or not domain.isprintable():
            raise InputInvalid(f"{given[:60]!r} is no domain.", advice="Give one as acme.com.")
    return found


def _unnamed(workspace: Workspace) -> tuple[str, ...]:
    """The domains that no name tells, those with most mail first."""
    rows = workspace.engine.ask("unnamed_domains", {"limit": _EVERY})
    return tuple(str(domain) for domain in rows.column("domain").to_pylist())


def _store(workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> None:
    import pyarrow as pa

    from bouncelens.store.tables import DOMAINS

    if not rows:
        return
    put = workspace.lake.put_domains(pa.Table.from_pylist(list(rows), schema=DOMAINS.schema))
    if put.inserted or put.updated:
        workspace.lake.tidy()  # counts that are kept beside the lake know the provider, too
        workspace.lake.tidy()


@dataclass(slots=True)
class _Run:
    """One look-up."""

    workspace: Workspace
    wanted: Wanted
    now: datetime | None
    kept: dict[str, Kept] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    dead: str | None = None  # the outcome, where DNS does not answer at all

    def names(self, domains: Sequence[str]) -> dict[str, str]:
        """Under which name each is asked; without those that are not."""
        from bouncelens.check.mx import asked_name

        unknown = (domain for domain in domains if provider_of(domain) is None)
        named = ((domain, asked_name(domain)) for domain in unknown)
        return {domain: name for domain, name in named if name is not None}

    def is_due(self, name: str) -> bool:
        """Whether DNS is to be asked."""
        kept = self.kept.get(name)
        return kept is None or self.wanted.again or kept.expires_at <= self._moment()

    def ask(self, names: Sequence[str], progress: Tell) -> None:
        """Ask, and keep answers as they come; but where nobody answers at first, stop."""
        from bouncelens.check.mx import DEAD, MxAsker

        settings = self.workspace.settings
        asker = MxAsker(settings.dns, clock=self._moment)
        for batch in _batches(names, settings.dns.at_once):
            progress(self.asked.total(), len(names))
            answers = asker.look_up(batch)
            is_silent = not self.asked and all(answer.outcome in DEAD for answer in answers)
            if is_silent and (told := asker.answers()) in DEAD:
                self.dead = told
                return
            self._keep(answers)
            self.asked.update(answer.outcome for answer in answers)
        progress(len(names), len(names))

    def row(self, domain: str, name: str | None) -> dict[str, Any]:
        """The lake's row of a domain."""
        by_name = provider_of(domain)
        row: dict[str, Any] = {"domain": domain, "provider": by_name, "outcome": BY_NAME}
        if by_name is not None:
            return row
        if name is None:
            return row | {"outcome": "not_asked"}
        if (kept := self.kept.get(name)) is None:
            return row | {"outcome": None}
        decided = provider_of_mx(kept.answer.hosts)
        return row | {
            "provider": decided.provider,
            "mx_host": decided.host,
            "outcome": kept.answer.outcome,
            "looked_at": kept.answer.looked_at,
        }

    def _keep(self, answers: Sequence[MailHosts]) -> None:
        from bouncelens.store.ledger.mail_hosts import Kept

        fresh = [
            Kept(self._lasting(answer), _expiry(answer, self.workspace.settings.providers))
            for answer in answers
        ]
        self.workspace.ledger.mail_hosts.save(fresh)
        self.kept |= {one.answer.domain: one for one in fresh}

    def _lasting(self, answer: MailHosts) -> MailHosts:
        """What fails for the moment does not erase what was once known."""
        from bouncelens.check.mx import PASSING

        known = self.kept.get(answer.domain)
        return known.answer if known is not None and answer.outcome in PASSING else answer

    def _moment(self) -> datetime:
        return self.now or datetime.now(UTC)


def _expiry(answer: MailHosts, settings: ProvidersSettings) -> datetime:
    """Until when an answer counts: its TTL within limits; less where there is no MX."""
    hours = settings.negative_hours
    if answer.outcome in ("mx", "implicit_mx") and answer.ttl_s is not None:
        hours = min(max(answer.ttl_s / 3600, settings.least_hours), settings.most_hours)
    return answer.looked_at + timedelta(hours=hours)


def _batches(names: Sequence[str], first: int) -> Iterator[Sequence[str]]:
    """A small one first, to see whether anybody answers."""
    if names:
        yield names[:first]
    for start in range(first, len(names), _BATCH):
        yield names[start : start + _BATCH]


def _notes(run: _Run, left: int) -> tuple[str, ...]:
    from bouncelens.check.mx import OUTCOMES

    notes = []
    if run.dead:
        notes.append(
            f"DNS gives no answer ({run.dead}: {OUTCOMES[run.dead]}); what is known counts on. "
            "`dns.resolvers` in the settings names others."
        )
    if left:
        notes.append(
            f"{left:,} domains are yet to be looked up: until then their mail counts as 'other', "
            "and rates by provider leave it out."
        )
    return tuple(notes)
