"""Any sequence of plans, applies, undos, crashes and what people and Marketing Cloud do meanwhile:
undo restores what was before, strangers keep theirs, and nobody who left is ever mailed again."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from light_workspace import LightWorkspace

from bouncelens.errors import BouncelensError
from bouncelens.extract.keyed_rows import KeyedRows
from bouncelens.extract.statuses import SubscriberStatuses
from bouncelens.service import incident
from bouncelens.service.suppress import apply, plan, undo
from bouncelens.service.suppress.decisions import gone
from bouncelens.service.suppress.own_targets import ExtensionTarget
from bouncelens.service.suppress.status_target import StatusTarget
from bouncelens.service.suppress.targets import Targets
from bouncelens.service.tenant import chosen, line_to
from inner_sandbox import Inner, inner_sandbox
from suppression_lake import DEAD, FULL, NOW, BrittleTarget, Crash, fill, people

DEADS, FULLS = ("p0", "p1", "p2", "P3"), ("p4", "p5")
KEYS = (*DEADS, *FULLS)
STRANGER, KEY = "stranger", "machine"
WHO = st.sampled_from(KEYS)
State = dict[str, dict[str, Any]]

DIES, SETS = (None, None, None, 1, 2, 4, 6), ("Active", "Bounced", "Held")
HOWS, DECIDE = ("unsubscribed_time", "complained_time"), (incident.confirm, incident.release)
# How often each thing happens, and with what. Hypothesis leans to short and simple lives, which is
# right for finding the smallest one that goes wrong, and too tame for a few.
CHANCES: dict[str, tuple[int, dict[str, tuple[Any, ...]]]] = {
    "applies": (6, {"dies_at": DIES, "is_new": (True, True, False)}),
    "undoes": (5, {"dies_at": DIES}),
    "leaves": (2, {"key": KEYS, "how": HOWS}),
    "leaves_unheard": (1, {"key": KEYS}),
    "leaves_by_another_key": (1, {"key": KEYS, "is_heard": (True, False)}),
    "marketing_cloud_sets": (4, {"key": KEYS, "status": SETS}),
    "a_stranger_changes": (2, {"status": ("Active", "Held", "Unsubscribed")}),
    "lives_on": (4, {"key": KEYS}),
    "time_passes": (1, {"days": (1, 200)}),
    "an_incident_is_decided": (1, {"decide": DECIDE}),
}
LIVES, STEPS = 2, 40  # of the random ones


class Life(RuleBasedStateMachine):
    """One ledger, one lake, one tenant; `inner` is set before the first one begins."""

    inner: Inner

    @initialize()
    def begin(self) -> None:
        self.ends = ExitStack()
        self.folder = Path(self.ends.enter_context(tempfile.TemporaryDirectory()))
        inner, self.now = self.inner, NOW
        made = inner.settings(
            self.folder,
            suppression={"data_extension": KEY},
            subscriber_status={"suppressed": "Held", "bounced_as": "Bounced"},
        )
        bounces = [(key, DEAD, 1.0 + n) for n, key in enumerate(DEADS)]
        more = [(key, FULL, days) for key in FULLS for days in (40.0, 30.0, 20.0)]
        fill(made, [*bounces, *more], account=inner.mid)
        inner.forget_people()
        inner.people(dict.fromkeys((*KEYS, STRANGER), "Active") | {"p1": "Held", "p2": "Bounced"})
        if (table := inner.sandbox.extensions.find(inner.mid, KEY)) is not None:
            inner.sandbox.extensions.remove(table)
        self.workspace = self.ends.enter_context(LightWorkspace.open(made))
        line = self.ends.enter_context(line_to(made))
        of_line, accounts = (line.sign_in, line.wire, line.patience), chosen(made, ())
        asked = SubscriberStatuses(*of_line)
        self.brittle = BrittleTarget()
        extension = ExtensionTarget(KeyedRows(*of_line, poll_s=0.02), KEY, accounts)
        left = partial(gone, self.workspace)
        status = StatusTarget(asked, made.subscriber_status, accounts, left)

        def leavers(keys):  # type: ignore[no-untyped-def]
            gone_now = asked.left(accounts[0], [key for _, key in keys])
            return {(accounts[0].mid, key) for key in gone_now}

        self.places = Targets([extension, status, self.brittle], leavers)
        self.plans: list[Path] = []
        self.before: dict[int, State] = {}  # what was there before each run that came to its end
        self.touched: dict[int, set[str]] = {}  # whose status others changed since
        self.left: set[str] = set()  # unsubscribed, as Marketing Cloud knows
        self.known: set[str] = set()  # unsubscribed or complained, as the lake knows
        self.held: set[str] = set()  # of those, who must stay Held
        self.restored, self.resumed = 0, 0
        self.others = {"p1"}  # whom Marketing Cloud holds, not we
        self._plan()

    def teardown(self) -> None:
        if hasattr(self, "ends"):
            self.ends.close()

    def state(self) -> State:
        """What is in the tenant and in the brittle target."""
        return {
            "rows": self.inner.held_in(KEY),
            "statuses": {key: self.inner.status(key) for key in (*KEYS, STRANGER)},
            "brittle": {key: dict(row) for (_, key), row in self.brittle.rows.items()},
        }

    def _plan(self) -> None:
        file = self.folder / f"plan{len(self.plans)}"
        plan(self.workspace, out=file, targets=self.places, now=self.now)
        self.plans.append(file)

    @rule(dies_at=st.sampled_from(DIES), is_new=st.booleans())
    def applies(self, dies_at: int | None, is_new: bool) -> None:
        self.brittle.steps, self.brittle.dies_at = 0, None
        with suppress(BouncelensError):
            if is_new:
                self._plan()
            begun = {c.run for c in self.workspace.ledger.changes.changes()}
            before, self.brittle.dies_at = self.state(), dies_at
            try:
                done = apply(
                    self.workspace, self.plans[-1], targets=self.places, override="a test",
                    now=self.now,
                )  # fmt: skip
                self.resumed += done.resumed
                if done.run not in begun:
                    self.before[done.run], self.touched[done.run] = before, set()
            except Crash:
                pass
        self.brittle.dies_at = None

    @rule(dies_at=st.sampled_from(DIES))
    def undoes(self, dies_at: int | None) -> None:
        runs = [c for c in self.workspace.ledger.changes.changes() if c.undoes is None]
        run = next((c.run for c in runs if c.state != "undone"), None)
        if run is None:
            return
        was = self.state()
        self.brittle.steps, self.brittle.dies_at = 0, dies_at
        with suppress(BouncelensError, Crash):
            back = undo(self.workspace, run, targets=self.places, now=self.now)
            self.resumed += back.resumed
            if not back.resumed and run in self.before:
                self._is_as_before(run, was)
        self.brittle.dies_at = None
        if dies_at is not None:
            self.before.pop(run, None)

    def _is_as_before(self, run: int, was: State) -> None:
        now, then = self.state(), self.before[run]
        self.restored += 1
        stays = self.left | self.known
        for key in KEYS:
            for where in ("rows", "brittle"):
                allowed = [then[where].get(key), *([was[where].get(key)] if key in stays else [])]
                assert now[where].get(key) in allowed, (where, key)
            if key not in stays | self.touched[run]:
                assert now["statuses"][key] == then["statuses"][key], key

    @rule(key=WHO, how=st.sampled_from(HOWS))
    def leaves(self, key: str, how: str) -> None:
        """The lake hears of it; who unsubscribes, Marketing Cloud knows, too."""
        told = {"account": self.inner.mid, "subscriber_key": key, how: self.now}
        people(self.workspace.settings, [told])
        self.known.add(key)
        if how == "unsubscribed_time":
            self.leaves_unheard(key)
        elif self.inner.status(key) == "Held":
            self.held.add(key)

    @rule(key=WHO)
    def leaves_unheard(self, key: str) -> None:
        self.inner.people({key: "Unsubscribed"})
        self.left.add(key)

    @rule(key=WHO, is_heard=st.booleans())
    def leaves_by_another_key(self, key: str, is_heard: bool) -> None:
        """The same person, by another key and spelling of the address: the lake hears of it from
        another business unit, or only Marketing Cloud knows."""
        address = f"{key.upper()}@Example.COM"
        if is_heard:
            told = {"account": self.inner.mid + 1, "subscriber_key": f"twin-{key}"}
            people(self.workspace.settings, [told | {"address": address, "status": "unsubscribed"}])
        else:
            self.inner.people({f"twin-{key}": "Unsubscribed"}, address)
        self.known.add(key)
        if self.inner.status(key) == "Held":
            self.held.add(key)

    @rule(key=WHO, status=st.sampled_from(SETS))
    def marketing_cloud_sets(self, key: str, status: str) -> None:
        if key not in self.left | self.known:
            is_theirs = (self.inner.mid, key) not in self.brittle.rows
            self.others.discard(key)
            if status == "Held" and is_theirs and self.inner.status(key) != "Held":
                self.others.add(key)
            self.inner.people({key: status})
            for keys in self.touched.values():
                keys.add(key)

    @rule(status=st.sampled_from(("Active", "Held", "Unsubscribed")))
    def a_stranger_changes(self, status: str) -> None:
        self.inner.people({STRANGER: status})
        self.stranger = status
        table = self.inner.sandbox.extensions.find(self.inner.mid, KEY)
        if table is not None and STRANGER not in self.inner.held_in(KEY):
            self.inner.sandbox.tenant.db.cursor().execute(
                f'INSERT INTO {table.table} ("SubscriberKey") VALUES (?)', [STRANGER]
            )

    @rule(key=WHO)
    def lives_on(self, key: str) -> None:
        told = {"account": self.inner.mid, "subscriber_key": key, "last_click": self.now}
        people(self.workspace.settings, [told])

    @rule(days=st.sampled_from((1, 200)))
    def time_passes(self, days: int) -> None:
        self.now: datetime = self.now + timedelta(days=days)

    @rule(decide=st.sampled_from(DECIDE))
    def an_incident_is_decided(self, decide: Any) -> None:
        span = {"starts": NOW - timedelta(days=30), "ends": self.now + timedelta(days=1)}
        with suppress(BouncelensError):
            made = incident.hold(self.workspace, "google", why="a test", **span)
            decide(self.workspace, made.id, why="a test")

    @invariant()
    def nobody_who_left_is_mailable(self) -> None:
        if not hasattr(self, "places"):
            return
        now = self.state()
        for key in self.left:
            assert now["statuses"][key] == "Unsubscribed", key
        for key in (self.held | self.others) - self.left:
            assert now["statuses"][key] == "Held", key
        protected = getattr(self, "protected", set())
        assert protected <= now["brittle"].keys() & now["rows"].keys()
        stays = self.left | self.known
        self.protected = {k for k in stays if k in now["brittle"] and k in now["rows"]}

    @invariant()
    def strangers_keep_theirs(self) -> None:
        if hasattr(self, "stranger"):
            assert self.inner.status(STRANGER) == self.stranger
            rows = self.inner.held_in(KEY)
            assert STRANGER not in rows or rows[STRANGER]["Reason"] is None


@pytest.fixture(scope="module")
def inner() -> Iterator[Inner]:
    with inner_sandbox() as made:
        yield made


@pytest.mark.parametrize("seed", range(LIVES))
def test_undo_restores_what_was_and_nobody_who_left_is_mailed_again(
    inner: Inner, seed: int
) -> None:
    chance, Life.inner = random.Random(seed), inner
    life, told = Life(), list[str]()
    try:
        life.begin()
        life.applies(dies_at=None, is_new=False)
        while len(told) < STEPS:
            names, weights = list(CHANCES), [weight for weight, _ in CHANCES.values()]
            name = chance.choices(names, weights)[0]
            given = {key: chance.choice(of) for key, of in CHANCES[name][1].items()}
            told.append(f"{name} {given}")
            getattr(life, name)(**given)
            life.nobody_who_left_is_mailable()
            life.strangers_keep_theirs()
        assert life.restored or life.resumed, "something was undone or gone on with"
        assert life.workspace.ledger.audit.verify().broken is None
    except AssertionError as wrong:
        raise AssertionError("\n".join([*told, str(wrong)])) from wrong
    finally:
        life.teardown()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_same_holds_for_whatever_life_hypothesis_thinks_of(inner: Inner) -> None:
    Life.inner = inner
    some = settings(
        max_examples=60,
        stateful_step_count=60,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Life, settings=some)
