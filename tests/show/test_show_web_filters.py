"""The page's filters: what an address may say, and what a person is told when it may not."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bouncelens.errors import InputInvalid
from bouncelens.show.web.filters import Filters, read_filters

KNOWN = {"provider": {"google", "yahoo"}, "reason": {"unknown_user"}, "group": {"address"}}

WRONG = [
    pytest.param([("since", "yesterday")], "a day such as", id="not a day"),
    pytest.param([("since", "2026-02-30")], "a day such as", id="no such day"),
    pytest.param([("until", "0001-01-01")], "a day such as", id="no such year"),
    pytest.param([("account", "-1")], "whole number", id="negative account"),
    pytest.param([("account", "9" * 30)], "whole number", id="account too large"),
    pytest.param([("account", "٣")], "whole number", id="digits of another script"),
    pytest.param([("provider", "gogle")], "Did you mean 'google'?", id="provider with a typo"),
    pytest.param([("provider", "'; DROP TABLE")], "name of a provider", id="SQL"),
    pytest.param([("reason", "unknown_usr")], "Did you mean 'unknown_user'?", id="reason typo"),
    pytest.param([("group", "<script>")], "a group of reasons", id="markup"),
    pytest.param([("provder", "google")], "Did you mean 'provider'?", id="unknown filter"),
    pytest.param([("job", "1"), ("job", "2")], "given twice", id="twice"),
    pytest.param(
        [("since", "2026-02-02"), ("until", "2026-02-01")], "end on a later day", id="backwards"
    ),
    pytest.param([("domain", "a b.example")], "a receiving domain", id="domain with a space"),
]


@pytest.mark.parametrize(("pairs", "words"), WRONG)
def test_a_wrong_filter_is_refused_by_name(pairs: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(InputInvalid, match=words.replace("?", r"\?")):
        read_filters(pairs, known=KNOWN)


def test_empty_fields_of_a_form_filter_nothing() -> None:
    pairs = [(name, "") for name in ("since", "until", "provider", "group", "reason")]
    assert not read_filters(pairs, known=KNOWN).is_any


def test_the_window_is_half_open() -> None:
    filters = Filters(since=date(2026, 3, 28), until=date(2026, 3, 29))
    assert filters.window == (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC))


days = st.none() | st.dates(date(1990, 1, 1), date(2199, 12, 31))


@given(
    since=days,
    until=days,
    account=st.none() | st.integers(0, 2**63 - 1),
    provider=st.none() | st.sampled_from(sorted(KNOWN["provider"])),
)
def test_a_link_leads_back_to_the_same_filters(
    since: date | None, until: date | None, account: int | None, provider: str | None
) -> None:
    assume(not (since and until) or since < until)
    filters = Filters(since=since, until=until, account=account, provider=provider)
    assert read_filters(parse_qsl(filters.link().partition("?")[2]), known=KNOWN) == filters


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=30)), max_size=4))
def test_any_query_string_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(InputInvalid):
        read_filters(pairs, known=KNOWN)
