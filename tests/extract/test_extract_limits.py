"""Patience reads `may_retry` and `retry_after_s`, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bouncelens.errors import SignInRefused, SourceError
from bouncelens.extract.limits import Patience, retry_after_s

HASTY = Patience(attempts=4, wait_s=0.001, wait_max_s=0.002, jitter_s=0, longest_wait_s=1)
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Flaky:
    """Fails a number of times, then answers."""

    def __init__(self, error: Exception, failures: int) -> None:
        self.error, self.failures, self.calls = error, failures, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "page"


@pytest.mark.parametrize(
    ("error", "failures", "calls", "succeeds"),
    [
        pytest.param(SourceError("s", "x", may_retry=True), 3, 4, True, id="until it answers"),
        pytest.param(SourceError("s", "x", may_retry=True), 9, 4, False, id="not for ever"),
        pytest.param(SourceError("s", "x", may_retry=False), 1, 1, False, id="not in vain"),
        pytest.param(SignInRefused("no"), 1, 1, False, id="not a refusal"),
        pytest.param(KeyError("bug"), 1, 1, False, id="not a bug"),
        pytest.param(
            SourceError("s", "x", may_retry=True, retry_after_s=0.0), 1, 2, True, id="at once"
        ),
        pytest.param(
            SourceError("s", "x", may_retry=True, retry_after_s=0.01), 1, 2, True, id="as asked"
        ),
        pytest.param(
            SourceError("s", "x", may_retry=True, retry_after_s=86_400), 1, 1, False, id="not a day"
        ),
    ],
)
def test_tries_again_where_that_can_help(
    error: Exception, failures: int, calls: int, succeeds: bool
) -> None:
    flaky = Flaky(error, failures)
    if succeeds:
        assert HASTY.call(flaky) == "page"
    else:
        with pytest.raises(type(error)):
            HASTY.call(flaky)
    assert flaky.calls == calls


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5.0),
        (" 120 ", 120.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
        ("-1", None),
        ("٥", None),
        ("9" * 400, 999_999_999.0),
    ],
)
def test_reads_retry_after_as_seconds_or_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, NOW) == seconds
