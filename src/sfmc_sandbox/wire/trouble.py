"""Scenarios: trouble asked for by name, for one request (header) or for the whole run.

A run's trouble comes at a fixed beat, so a second try succeeds and a run can be repeated.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HEADER = "x-sandbox-scenario"
# Name: every how many opportunities it strikes in a run, and what it does.
SCENARIOS: dict[str, tuple[int, str]] = {
    "expired-token": (9, "a call is answered as if its token had expired"),
    "throttled": (6, "REST 429 with Retry-After, SOAP a fault with HTTP 500"),
    "page-expires": (3, "a further page is no longer known"),
    "duplicate-page": (3, "a page comes twice"),
    "late-events": (1, "a fifth of the newest events is missing until this is switched off"),
    "clock-skew": (1, "the server's clock, as its headers tell it, is seven minutes ahead"),
    "scope-missing": (7, "a call is answered as if the token lacked its scope"),
    "maintenance": (8, "REST 503, SOAP a fault with code 9"),
    "blocked": (8, "REST 429 with code 50200: blocked for a while, no Retry-After"),
    "soap-500": (5, "SOAP fault 'Unplanned Outage' with HTTP 500"),
    "reset-mid-page": (4, "the connection ends in the middle of a page"),
    "query-partial-rows": (1, "a query fails after half of its rows are written"),
    "isrunning-race": (1, "a query says for a while that it does not run before it does"),
    "half-a-zip": (1, "an extract's zip ends in the middle"),
    "zip-bomb": (1, "an extract holds a file of half a gigabyte of zeros"),
    "utf16-cut": (1, "an extract's files end inside a character"),
    "extra-column": (1, "an extract's files have one column more"),
    "missing-column": (1, "an extract's files lack a column"),
    "slow": (1, "every answer takes a second"),
}


# What the request being answered asks for by its header.
_asked: ContextVar[frozenset[str]] = ContextVar("asked", default=frozenset())


def listen(headers: Mapping[str, str]) -> None:
    """Notes which scenarios a request asks for; holds for the request's own context.

    Raises UnknownScenario.
    """
    asked = headers.get(HEADER, "")
    names = frozenset(part.strip() for part in asked.split(",") if part.strip())
    if unknown := sorted(names - SCENARIOS.keys()):
        raise UnknownScenario(unknown[0][:60])
    _asked.set(names)


class UnknownScenario(ValueError):
    """A scenario was asked for by a name that does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no scenario is called {name!r}; there are: {', '.join(SCENARIOS)}")


@dataclass(slots=True)
class Trouble:
    """Which scenarios are on, and when each struck last."""

    on: set[str] = field(default_factory=set)
    _chances: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, names: Iterable[str]) -> Trouble:
        """The named scenarios for the whole run. Raises UnknownScenario."""
        trouble = cls()
        for name in names:
            trouble.switch(name, on=True)
        return trouble

    def switch(self, name: str, *, on: bool) -> None:
        """Turns a scenario on or off. Raises UnknownScenario."""
        if name not in SCENARIOS:
            raise UnknownScenario(name)
        (self.on.add if on else self.on.discard)(name)

    def strikes(self, name: str) -> bool:
        """Whether the scenario happens to this request. Counts an opportunity."""
        if name in _asked.get():
            return True
        if name not in self.on:
            return False
        every = SCENARIOS[name][0]
        with self._lock:
            self._chances[name] += 1
            return self._chances[name] % every == (1 if every > 1 else 0)
