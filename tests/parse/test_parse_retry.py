"""The wait that a server asks for, and nothing that only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncelens.parse.retry import retry_after_s

WAITS = [
    ("451 4.7.1 Greylisted, please try again in 300 seconds", 300),
    ("450 4.2.0 greylisting in action, please come back in 00:05:00", 300),
    ("450 You are greylisted for 20 minutes.", 1200),
    ("450 example.com greylisted for 60 seconds by a filter", 60),
    ("421 Too many connections, retry after 1 hour", 3600),
    ("421 try again later in an hour", 3600),
    ("421 Please wait at least 30 sec before the next message", 30),
    ("554 Your IP is temporarily blocked for 24 hours", 86_400),
    ("421 Retry in 5 mins", 300),
]
NO_WAITS = [
    "421 Too many messages, try again later",
    "452 100 mails in 5 minutes are too many, try again later",
    "450 try again later. You sent 100 messages in 60 minutes",
    "4.4.7 Warning: message still undelivered after 4 hours",
    "5.4.7 Could not deliver for the last 432000 seconds. Giving up.",
    "550 you have not logged in in the last 30 minutes",
    "451 try again in a few minutes",
    "451 try again in 9999999 days",
    "451 try again in 0 seconds",
    "",
]


@pytest.mark.parametrize(("text", "seconds"), WAITS)
def test_a_wait_is_read_in_seconds(text: str, seconds: int) -> None:
    assert retry_after_s(text) == seconds


@pytest.mark.parametrize("text", NO_WAITS)
def test_other_times_and_vague_words_are_no_wait(text: str) -> None:
    assert retry_after_s(text) is None


@given(st.text(max_size=5000) | st.sampled_from(["again ", "wait ", "blocked ", "in 1"]).map(
    lambda unit: unit * 5000
))  # fmt: skip
def test_no_text_raises(text: str) -> None:
    assert retry_after_s(text) is None or retry_after_s(text) in range(1, 30 * 86_400 + 1)
