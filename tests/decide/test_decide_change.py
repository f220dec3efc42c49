"""Whether a rate changed: a published example, and what must hold of every pair."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bouncelens.decide.change import Share, difference

# Newcombe (1998), Statistics in Medicine 17:873, table II, method 10; after less before.
PUBLISHED = [
    pytest.param(Share(48, 80), Share(56, 70), 0.2000, 0.0524, 0.3339, id="56/70 - 48/80"),
    pytest.param(Share(3, 10), Share(9, 10), 0.6000, 0.1705, 0.8090, id="9/10 - 3/10"),
    pytest.param(Share(2, 7), Share(6, 7), 0.5714, 0.0582, 0.8062, id="6/7 - 2/7"),
    pytest.param(Share(0, 29), Share(5, 56), 0.0893, -0.0381, 0.1926, id="5/56 - 0/29"),
    pytest.param(Share(0, 20), Share(0, 10), 0.0000, -0.1611, 0.2775, id="0/10 - 0/20"),
    pytest.param(Share(0, 10), Share(10, 10), 1.0000, 0.6075, 1.0000, id="10/10 - 0/10"),
]


@pytest.mark.parametrize(("before", "after", "value", "low", "high"), PUBLISHED)
def test_intervals_are_the_published_ones(
    before: Share, after: Share, value: float, low: float, high: float
) -> None:
    found = difference(before, after)
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), abs=6e-5)


shares = st.integers(1, 10**7).flatmap(
    lambda whole: st.builds(Share, st.integers(0, whole), st.just(whole))
)


@given(shares, shares)
def test_the_interval_holds_the_difference_and_turns_with_it(before: Share, after: Share) -> None:
    found, turned = difference(before, after), difference(after, before)
    assert -1 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


@given(shares, shares, st.integers(2, 500))
def test_more_comparisons_make_no_change_clearer(
    before: Share, after: Share, compared: int
) -> None:
    alone, together = difference(before, after), difference(before, after, compared=compared)
    assert together.low <= alone.low
    assert together.high >= alone.high


def test_the_same_rate_twice_is_no_clear_change() -> None:
    assert not difference(Share(50, 1000), Share(50, 1000)).is_clear
    assert difference(Share(50, 1000), Share(150, 1000)).is_clear
