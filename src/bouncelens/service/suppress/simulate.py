"""Simulate: what policies would have done on the days gone by, and what came of the same people.

Each decision sees only what was known on its day: the question `suppressions` as of then. What came
later judges it. History is as it happened: mail that a policy would have kept back was sent.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from bouncelens.decide.policy import Policy
from bouncelens.decide.policy_file import load_policy, policy_names
from bouncelens.decide.setwise import kind_rows, rule_rows
from bouncelens.decide.simulation import (
    SETTLE_DAYS,
    SIGNS,
    Assumptions,
    Step,
    Wrong,
    dates_for,
    harm_days,
    steps,
)
from bouncelens.errors import InputInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from bouncelens.service.workspace import Workspace

MOST_POLICIES, MOST_DATES = 8, 400
_KEY = ["account", "subscriber_key"]
_LONGEST_LABEL = 40
_NO_BEGINNING = " =+-@＝＋－＠;'\""  # what a spreadsheet may take for a formula's
_TAKEN_NAMES = ("policy", "decided_on", "held_in_fact")  # columns beside theirs
_TICK = timedelta(seconds=1)  # events have whole seconds


class Progress(Protocol):
    """Told before each decision: the policy's name, decisions made, and how many there are."""

    def __call__(self, policy: str, done: int, of: int, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Trial:
    """What is to be simulated. `policies`: names or paths. Days are UTC, `until` the first that is
    no longer looked at; None: as far as the lake goes. `dates`: decisions at most."""

    policies: Sequence[str]
    since: date | None = None
    until: date | None = None
    dates: int | None = None
    account: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one policy would have done. Counts are addresses unless said otherwise."""

    name: str  # as shown: two policies of one name are told apart
    version: str
    is_model: bool
    sizes: tuple[int, ...]  # of the list, at each decision
    ever: int  # on the list at any decision
    saved: int  # messages sent while on the list that came back, no sign of life since
    saved_hard: int  # of them, with a hard reply
    wrong: int  # showed a sign of life after a decision that had them on the list
    signs: Mapping[str, int]  # of them, by the surest sign
    moved: int  # of them, whose address is another now
    harm_days: int  # of these people: at least
    harm_days_most: int
    reasons: Mapping[str, int]  # on the list at the end, by reason


@dataclass(frozen=True, slots=True)
class Simulation:
    """Policies side by side."""

    since: date | None  # None: the lake is empty
    until: date | None
    account: int | None
    steps: tuple[Step, ...]
    outcomes: tuple[Outcome, ...]
    held: tuple[int, ...] | None  # by Marketing Cloud in fact, at each decision; None: not known
    held_undated: int  # held now, since nobody knows when
    people: int  # of whom the lake knows status or signs of life
    assumptions: Assumptions


def simulate(
    workspace: Workspace,
    trial: Trial,
    *,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> Simulation:
    """Replay the history under each policy. `now`: nothing later is looked at.

    Raises SettingsInvalid for a policy that does not exist or cannot be read, InputInvalid for a
    window without days, and StoreError.
    """
    policies = _policies(workspace, trial.policies)
    if trial.dates is not None and not 2 <= trial.dates <= MOST_DATES:
        raise InputInvalid(f"There can be 2 to {MOST_DATES} decisions, not {trial.dates}.")
    moment = (now or datetime.now(UTC)).replace(microsecond=0)
    span, bounces, people = _span(workspace, trial, moment)
    taken = steps(*span, most=trial.dates or dates_for(bounces)) if span else ()
    total = len(taken) * len(policies)
    outcomes = []
    for number, (name, policy) in enumerate(policies.items()):
        replay = _Replay(workspace, policy, trial.account)
        for place, step in enumerate(taken):
            if progress is not None:
                progress(name, number * len(taken) + place, total)
            replay.take(step)
        outcomes.append(replay.outcome(name, taken))
    held, undated = _held(workspace, trial.account, taken)
    money = workspace.settings.money
    return Simulation(
        since=span[0] if span else None,
        until=span[1] if span else None,
        account=trial.account,
        steps=taken,
        outcomes=tuple(outcomes),
        held=held if people else None,
        held_undated=undated,
        people=people,
        assumptions=Assumptions(money.currency, money.per_1000_sends, money.contact_month),
    )


def shipped() -> tuple[tuple[str, str], ...]:
    """The policies that we ship, and what each is for."""
    return tuple((name, load_policy(name).meaning) for name in policy_names())


def _policies(workspace: Workspace, names: Sequence[str]) -> dict[str, Policy]:
    """The policies by the names under which they are shown."""
    wanted = tuple(dict.fromkeys(names)) or (workspace.settings.policy,)
    if len(wanted) > MOST_POLICIES:
        raise InputInvalid(f"At most {MOST_POLICIES} policies can be compared at once.")
    reasons = workspace.classifier.ruleset.reasons
    found: dict[str, Policy] = {}
    for name in wanted:
        policy = load_policy(name, reasons=reasons)
        shown = _label(policy.name)
        if shown in found:
            shown = _label(f"{policy.name} {policy.version}")
        while shown in found or shown in _TAKEN_NAMES:
            shown += "'"
        found[shown] = policy
    return found


def _label(name: str) -> str:
    """A policy's name as the head of a column: on one line, and no formula."""
    text = "".join(c if c.isprintable() else " " for c in name).strip(_NO_BEGINNING)
    return text[:_LONGEST_LABEL].strip() or "policy"


def _span(
    workspace: Workspace, trial: Trial, now: datetime
) -> tuple[tuple[date, date] | None, int, int]:
    """The days looked at, how many bounces there are, and of how many people anything else is
    known. No days where there are no bounces."""
    if trial.since and trial.until and trial.since >= trial.until:
        raise _no_day(trial.since, trial.until)
    rows = workspace.engine.ask("history_span", _only(trial.account) | {"until": now}).to_pylist()
    if not rows:
        return None, 0, 0
    first, last = (rows[0][name].astimezone(UTC).date() for name in ("first_event", "last_event"))
    since = trial.since or first
    until = trial.until or last + timedelta(days=1)
    if since >= until:
        raise _no_day(since, until, f"The lake has bounces from {first} to {last}.")
    return (since, until), int(rows[0]["bounces"]), int(rows[0]["people"])


def _no_day(since: date, until: date, advice: str = "Let the window end later.") -> InputInvalid:
    return InputInvalid(f"From {since} to before {until} there is no day.", advice=advice)


def _only(account: int | None) -> dict[str, Any]:
    return {} if account is None else {"account": account}


def _held(
    workspace: Workspace, account: int | None, taken: Sequence[Step]
) -> tuple[tuple[int, ...], int]:
    """How many Marketing Cloud held at each step, and how many since nobody knows when."""
    rows = workspace.engine.ask("held_days", _only(account)).to_pylist()
    known = {row["day"]: row["addresses"] for row in rows if row["day"] is not None}
    undated = sum(row["addresses"] for row in rows if row["day"] is None)
    return (
        tuple(sum(n for day, n in known.items() if day < step.start.date()) for step in taken),
        undated,
    )


@dataclass
class _Replay:
    """One policy, decision after decision."""

    workspace: Workspace
    policy: Policy
    account: int | None
    _sizes: list[int] = field(default_factory=list)
    _reasons: dict[str, int] = field(default_factory=dict)
    _saved: Counter[str] = field(default_factory=Counter)
    _wrongs: dict[tuple[int, str], list[Wrong]] = field(default_factory=dict)
    _signs: dict[tuple[int, str], str] = field(default_factory=dict)
    _moved: set[tuple[int, str]] = field(default_factory=set)
    _ever: pa.Table | None = None
    _kinds: pa.Table | None = None

    def take(self, step: Step) -> None:
        """Decide for the beginning of a step, and judge it by the rest."""
        import pyarrow.compute as pc

        rows = self._asked(step)
        self._sizes.append(rows.num_rows)
        counts = rows.group_by("reason").aggregate([([], "count_all")])
        self._reasons = {row["reason"]: row["count_all"] for row in counts.to_pylist()}
        self._meet(rows.select(_KEY))
        if not step.days:
            return
        is_dead = pc.is_null(rows["sign"])
        dead = rows.filter(is_dead)
        for name in ("sent", "sent_hard"):
            self._saved[name] += pc.sum(dead[name]).as_py() or 0
        for row in rows.filter(pc.invert(is_dead)).to_pylist():
            self._note(row, step)

    def _asked(self, step: Step) -> pa.Table:
        engine = self.workspace.engine
        only = _only(self.account)
        if self._kinds is None:
            self._kinds = kind_rows(self.policy, engine.ask("suppression_kinds", only))
        given = {
            "policy_rules": rule_rows(self.policy, step.start, settle_days=SETTLE_DAYS),
            "policy_kinds": self._kinds,
        }
        window = {"other_since": step.start, "other_until": step.end}
        # Nothing later decides anyway; said here, it is not even read.
        asked = only | window | {"until": step.start + _TICK}
        return engine.ask("simulation_step", asked, given=given)

    def _meet(self, keys: pa.Table) -> None:
        import pyarrow as pa

        parts = [keys] if self._ever is None else [self._ever, keys]
        self._ever = pa.concat_tables(parts).group_by(_KEY).aggregate([]).select(_KEY)

    def _note(self, row: Mapping[str, Any], step: Step) -> None:
        key = (row["account"], row["subscriber_key"])
        wrong = Wrong(step, row["until_time"], row["last_sign"])
        self._wrongs.setdefault(key, []).append(wrong)
        self._signs[key] = min(row["sign"], self._signs.get(key, SIGNS[-1]), key=SIGNS.index)
        if row["is_moved"]:
            self._moved.add(key)

    def outcome(self, name: str, taken: Sequence[Step]) -> Outcome:
        """All that came of it."""
        end = taken[-1].end if taken else datetime.now(UTC)
        harms = [harm_days(wrongs, end=end) for wrongs in self._wrongs.values()]
        signs = Counter(self._signs.values())
        return Outcome(
            name=name,
            version=self.policy.version,
            is_model=self.policy.is_model,
            sizes=tuple(self._sizes),
            ever=0 if self._ever is None else self._ever.num_rows,
            saved=self._saved["sent"],
            saved_hard=self._saved["sent_hard"],
            wrong=len(self._wrongs),
            signs={sign: signs[sign] for sign in SIGNS if signs[sign]},
            moved=len(self._moved),
            harm_days=sum(least for least, _ in harms),
            harm_days_most=sum(most for _, most in harms),
            reasons=dict(sorted(self._reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
        )
