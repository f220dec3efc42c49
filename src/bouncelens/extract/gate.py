"""When calls may be made, and how many at once. Every route's calls pass the same gate.

Inside a forbidden window nobody waits for its end: a pull that stands still for hours surprises
more than one that says why it stopped and goes on the next time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from bouncelens.errors import ForbiddenNow
from bouncelens.settings import CallsSettings


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of the day, half open; one that ends before it begins goes over midnight."""

    start: time
    end: time

    def holds(self, moment: time) -> bool:
        """Whether a time of day lies in it."""
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


class Gate:
    """Lets calls through, `at_once` of them at a time. Safe to share between threads."""

    def __init__(
        self,
        at_once: int = 4,
        forbidden: Sequence[Hours] = (),
        *,
        zone: tzinfo = UTC,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._places = threading.BoundedSemaphore(at_once)
        self._forbidden, self._zone, self._clock = tuple(forbidden), zone, clock

    @contextmanager
    def call(self, source: str) -> Iterator[None]:
        """A place for one call, for as long as the block runs. Raises ForbiddenNow."""
        with self._places:
            self.check(source)
            yield

    def check(self, source: str) -> None:
        """Raise ForbiddenNow inside a forbidden window."""
        local = self._clock().astimezone(self._zone)
        for hours in self._forbidden:
            if hours.holds(local.time()):
                raise ForbiddenNow(source, f"{hours} {self._zone}")


def gate_of(settings: CallsSettings) -> Gate:
    """The gate that the settings describe."""
    spans = [Hours(*map(time.fromisoformat, span.split("-"))) for span in settings.forbidden]
    return Gate(settings.at_once, spans, zone=ZoneInfo(settings.time_zone))
