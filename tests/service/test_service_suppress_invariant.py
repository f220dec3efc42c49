"""Whoever unsubscribed or complained is never made mailable again, by no path whatsoever."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from light_workspace import LightWorkspace

from bouncelens.errors import BouncelensError
from bouncelens.service import incident
from bouncelens.service.suppress import apply, plan, undo
from bouncelens.service.suppress.record import Key
from bouncelens.service.suppress.targets import Targets
from suppression_lake import (
    ACCOUNT,
    DEAD,
    FULL,
    NOW,
    BrittleTarget,
    Crash,
    fill,
    people,
    settings_in,
)

KEYS = [f"p{n}" for n in range(6)]
STEPS = 9


class Story:
    """A random life of a workspace; after every step the rule must hold."""

    def __init__(self, workspace: LightWorkspace, folder: Path, seed: int) -> None:
        self.workspace, self.folder = workspace, folder
        self.chance = random.Random(seed)
        self.target = BrittleTarget()
        self.now: datetime = NOW
        self.gone: set[Key] = set()
        self.live: set[Key] = set()  # whom only the tenant itself knows to be gone
        self.places = Targets([self.target], self._statuses)
        self.plans: list[Path] = []

    def _statuses(self, keys):  # type: ignore[no-untyped-def]
        return {key: "unsubscribed" if key in self.live else "active" for key in keys}

    def step(self) -> str:
        """One of the things that happen."""
        name = self.chance.choice(
            (
                "plan and apply",
                "plan and apply",
                "undo",
                "leave",
                "leave now",
                "live on",
                "wait",
                "incident",
            )
        )
        self.target.steps = 0
        self.target.dies_at = self.chance.choice((None, None, 1, 2, 3, 5, 8))
        protected = {key for key in self.gone | self.live if key in self.target.rows}
        with suppress(BouncelensError, Crash):
            getattr(self, f"_{name.replace(' ', '_')}")()
        self.target.dies_at = None
        assert protected <= self.target.rows.keys(), f"{name}: somebody is mailable again"
        return name

    def _plan_and_apply(self) -> None:
        file = self.folder / f"plan{len(self.plans)}"
        if not self.plans or self.chance.random() < 0.7:
            plan(self.workspace, out=file, targets=self.places, now=self.now)
            self.plans.append(file)
        chosen = self.plans[-1]
        apply(self.workspace, chosen, targets=self.places, override="a test", now=self.now)

    def _undo(self) -> None:
        runs = [c.run for c in self.workspace.ledger.changes.changes() if c.undoes is None]
        if runs:
            undo(self.workspace, self.chance.choice(runs[:2]), targets=self.places, now=self.now)

    def _leave(self) -> None:
        key = self.chance.choice(KEYS)
        how = self.chance.choice(("unsubscribed_time", "complained_time"))
        people(self.workspace.settings, [{"subscriber_key": key, how: self.now}])
        self.gone.add((ACCOUNT, key))

    def _leave_now(self) -> None:
        self.live.add((ACCOUNT, self.chance.choice(KEYS)))

    def _live_on(self) -> None:
        key = self.chance.choice(KEYS)
        people(self.workspace.settings, [{"subscriber_key": key, "last_click": self.now}])

    def _wait(self) -> None:
        self.now += timedelta(days=self.chance.choice((1, 30, 200)))

    def _incident(self) -> None:
        span = {"starts": NOW - timedelta(days=30), "ends": self.now}
        made = incident.hold(self.workspace, "google", why="a test", **span)
        decide = self.chance.choice((incident.confirm, incident.release))
        decide(self.workspace, made.id, why="a test")


@pytest.mark.parametrize("seed", range(8))
def test_no_path_makes_somebody_mailable_who_left(tmp_path: Path, seed: int) -> None:
    settings = settings_in(tmp_path)
    bounces = [(key, DEAD, 1.0 + n) for n, key in enumerate(KEYS[:4])]
    fill(settings, [*bounces, *((key, FULL, d) for key in KEYS[4:] for d in (40.0, 30.0, 20.0))])
    with LightWorkspace.open(settings) as workspace:
        story = Story(workspace, tmp_path, seed)
        story._plan_and_apply()
        assert len(story.target.rows) == len(KEYS)
        told = [story.step() for _ in range(STEPS)]
        assert workspace.ledger.audit.verify().broken is None
    assert len(set(told)) > 2
