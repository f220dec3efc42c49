"""The page on which policies are tried on the past. It takes a while, so it runs beside the other
pages, one at a time, and the page looks again until it is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from bouncelens.errors import InputInvalid
from bouncelens.service.suppress.simulate import Simulation, Trial, simulate
from bouncelens.service.workspace import Workspace
from bouncelens.show.web.filters import Filters, read_filters

if TYPE_CHECKING:
    from markupsafe import Markup

    from bouncelens.service.report import Answer
    from bouncelens.settings import Settings
    from bouncelens.show.export.report import Section

PATH = "/suppressions/simulate"
_DATES = 14  # decisions for each policy: a page must not keep a machine busy for long
_MOST_POLICIES = 4
_MOST_ROWS = 500
_WAIT_S = 2.0  # for what is nearly there
_KEPT_S, _MOST_KEPT, _MOST_WAITING = 3600.0, 32, 4
_OWN = "settings"  # stands for the settings' policy where that is a file: no path is taken here


@dataclass(frozen=True, slots=True)
class Made:
    """A simulation, with what Marketing Cloud will do beside it."""

    simulation: Simulation
    ahead: tuple[str, ...]
    weeks: tuple[tuple[date, int], ...]
    over: Mapping[str, int]
    made_at: datetime


@dataclass
class _Run:
    future: Future[Made]
    begun: float
    progress: list[tuple[int, int]] = field(default_factory=list)


class Simulations:
    """Runs them one by one in a thread and a workspace of their own, and keeps them for an hour.
    Nothing is written."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runs: dict[Trial, _Run] = {}
        self._lock = threading.Lock()
        self._is_closing = threading.Event()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="simulate")

    def look(self, trial: Trial, *, wait_s: float = _WAIT_S) -> Made | tuple[int, int]:
        """The simulation, or how many decisions of how many are made so far. Raises InputInvalid
        where too many wait already, SettingsInvalid and StoreError."""
        run = self._run(trial)
        wait([run.future], timeout=wait_s)
        if not run.future.done():
            return run.progress[-1] if run.progress else (0, 0)
        if run.future.exception() is not None:  # next time it is tried again
            with self._lock:
                self._runs.pop(trial, None)
        return run.future.result()

    def close(self) -> None:
        """Stop what runs."""
        self._is_closing.set()
        self._worker.shutdown(cancel_futures=True)

    def _run(self, trial: Trial) -> _Run:
        with self._lock:
            now = time.monotonic()
            for other, run in list(self._runs.items()):
                if run.future.done() and now - run.begun > _KEPT_S:
                    del self._runs[other]
            if trial not in self._runs:
                waiting = sum(not run.future.done() for run in self._runs.values())
                if waiting >= _MOST_WAITING:
                    raise InputInvalid("Other simulations are running.", advice="Try it later.")
                done = [other for other, run in self._runs.items() if run.future.done()]
                for other in done[: max(0, len(self._runs) - _MOST_KEPT + 1)]:
                    del self._runs[other]
                told: list[tuple[int, int]] = []
                future = self._worker.submit(self._made, trial, told)
                self._runs[trial] = _Run(future, now, told)
            return self._runs[trial]

    def _made(self, trial: Trial, told: list[tuple[int, int]]) -> Made:
        from bouncelens.service.suppress.forecast import Ahead, forecast, sentences

        def progress(_: str, done: int, of: int) -> None:
            if self._is_closing.is_set():
                raise InterruptedError
            told[:] = [(done, of)]

        with Workspace.open(self._settings, create=False) as workspace:
            found = simulate(workspace, trial, progress=progress)
            ahead = forecast(workspace, Ahead(account=trial.account))
        return Made(found, sentences(ahead), ahead.by_week, ahead.over, datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class SimulatePage:
    """All that the template shows."""

    filters: Filters
    choices: tuple[tuple[str, str, bool], ...]  # policy, meaning, whether it is tried
    done: int
    of: int
    made: Made | None
    parts: tuple[tuple[Section, Markup | None], ...]
    limits: tuple[str, ...]
    command: str  # that tries the same with more decisions
    whys: Mapping[str, str]  # what each word of `made.over` means


def build(
    settings: Settings,
    pairs: Sequence[tuple[str, str]],
    look: Callable[[Trial], Made | tuple[int, int]],
) -> SimulatePage:
    """The page of a query string. Raises InputInvalid, SettingsInvalid, StoreError."""
    from bouncelens.service.suppress.forecast import WHYS
    from bouncelens.service.suppress.what_if import answers, limits

    filters = read_filters([p for p in pairs if p[0] != "policy"], known={}, path=PATH)
    if extra := set(filters.others()) - {"account"}:
        raise InputInvalid(f"A simulation cannot be narrowed by {sorted(extra)[0]}.")
    choices = _choices(settings)
    wanted = tuple(dict.fromkeys(text for name, text in pairs if name == "policy"))
    chosen = wanted or _usual(settings)
    if unknown := [name for name in chosen if name not in choices]:
        raise InputInvalid(
            f"There is no policy {unknown[0][:40]!r} here.",
            advice=f"There are {', '.join(choices)}.",
        )
    if len(chosen) > _MOST_POLICIES:
        raise InputInvalid(f"A page compares {_MOST_POLICIES} policies at most.")
    names = tuple(settings.policy if name == _OWN else name for name in chosen)
    found = look(Trial(names, filters.since, filters.until, _DATES, filters.account))
    made = found if isinstance(found, Made) else None
    done, of = found if isinstance(found, tuple) else (0, 0)
    return SimulatePage(
        filters=filters,
        choices=tuple((name, why, name in chosen) for name, why in choices.items()),
        done=done,
        of=of,
        made=made,
        parts=_parts(answers(made.simulation)) if made else (),
        limits=limits(made.simulation) if made else (),
        command=" ".join(
            ["bouncelens suppress simulate", *(f"--policy {n}" for n in chosen if n != _OWN)]
        ),
        whys=WHYS,
    )


def _choices(settings: Settings) -> dict[str, str]:
    from bouncelens.service.suppress.simulate import shipped

    known = dict(shipped())
    if settings.policy not in known:
        known = {_OWN: "the settings' own policy", **known}
    return known


def _usual(settings: Settings) -> tuple[str, ...]:
    mine = settings.policy if not settings.policy.endswith(".toml") else _OWN
    return tuple(dict.fromkeys((mine, "careful", "sfmc")))


def _parts(answers: Sequence[Answer]) -> tuple[tuple[Section, Markup | None], ...]:
    from markupsafe import Markup

    from bouncelens.show.export.pictures import picture, with_roles
    from bouncelens.show.export.report import sections

    return tuple(
        (
            part,
            # Let through piece by piece: shapes and words only.
            Markup(with_roles(picture(part.drawing, prefix=f"c{number}-")))  # noqa: S704
            if part.drawing
            else None,
        )
        for number, part in enumerate(sections(answers, limit=_MOST_ROWS))
    )
