"""Patience: when to try again, and how long to wait. Reads `may_retry` and `retry_after_s` only."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import stamina
from stamina.instrumentation import RetryDetails

from bouncelens.errors import BouncelensError, SourceError

_Result = TypeVar("_Result")


def _say(details: RetryDetails) -> None:
    """One line per retry, in our words; the library's own would show its insides."""
    known = {"reason": str(details.caused_by), "wait_s": round(details.wait_for, 2)}
    logging.getLogger(__name__).info("trying again", extra=known)


stamina.instrumentation.set_on_retry_hooks([_say])


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long one call is tried."""

    attempts: int = 6
    wait_s: float = 1.0  # before the first retry; doubles with each
    wait_max_s: float = 60.0
    jitter_s: float = 1.0
    longest_wait_s: float = 300.0  # a source that asks for more than this is called unavailable

    def _wait(self, error: Exception) -> bool | float:
        if not isinstance(error, BouncelensError) or not error.may_retry:
            return False
        asked_s = error.retry_after_s if isinstance(error, SourceError) else None
        if asked_s is None:
            return True
        return asked_s if asked_s <= self.longest_wait_s else False

    def call(self, do: Callable[[], _Result]) -> _Result:
        """`do()`, again after failures that say trying again can help; the last one is raised.

        Waits grow exponentially with jitter; a wait the source asked for (`Retry-After`) is
        never cut short.
        """
        for attempt in stamina.retry_context(
            on=self._wait,
            attempts=self.attempts,
            timeout=None,
            wait_initial=self.wait_s,
            wait_max=self.wait_max_s,
            wait_jitter=self.jitter_s,
        ):
            with attempt:
                return do()
        raise AssertionError("stamina ended without a result")  # pragma: no cover

    def pause(self, failures: int) -> None:
        """Wait as long as after `failures` failed tries of a call."""
        time.sleep(min(self.wait_max_s, self.wait_s * 2 ** min(failures - 1, 20)))


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """The wait a `Retry-After` header asks for: seconds or a date (RFC 9110 §10.2.3)."""
    if not header or not (text := header.strip()).isascii():
        return None
    if text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
