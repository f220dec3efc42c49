"""Subscriber statuses: set as asked, but nobody who left is ever set to one that is mailed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bouncelens.bounce import Account
from bouncelens.errors import SignInRefused
from bouncelens.extract.statuses import STAYS, SubscriberStatuses
from bouncelens.service.tenant import line_to
from inner_sandbox import Inner, inner_sandbox

KEYS = ("s0", "s1", "S2", "s3")
STATUSES = ("Active", "Bounced", "Held", "Unsubscribed", "Deleted")


@pytest.fixture(scope="module")
def inner() -> Iterator[Inner]:
    with inner_sandbox() as made:
        yield made


@pytest.fixture(scope="module")
def statuses(
    inner: Inner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SubscriberStatuses]:
    with line_to(inner.settings(tmp_path_factory.mktemp("statuses"))) as line:
        yield SubscriberStatuses(line.sign_in, line.wire, line.patience)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    now=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(STATUSES)),
    wanted=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(("active", "bounced", "held"))),
    left=st.frozensets(st.sampled_from(KEYS)),
)
def test_nobody_who_left_is_made_mailable_whatever_is_asked(
    inner: Inner,
    statuses: SubscriberStatuses,
    now: dict[str, str],
    wanted: dict[str, str],
    left: frozenset[str],
) -> None:
    inner.forget_people()
    inner.people(now)
    # However a caller spells it: Marketing Cloud does not tell upper from lower case.
    refused = statuses.put(Account(inner.mid, ""), wanted, left=left)
    for key, before in now.items():
        after, asked = inner.status(key), wanted.get(key)
        is_gone = before in ("Unsubscribed", "Deleted") or key in left
        if is_gone and asked != "held":
            assert after == before, "whoever left stays as they were"
        elif before in ("Unsubscribed", "Deleted"):
            assert after == before, "the person's own word is not written over"
        else:
            assert after == (asked.capitalize() if asked else before)
        assert (refused.get(key) == STAYS) == (
            asked in ("active", "bounced") and (before == "Unsubscribed" or key in left)
        )


def test_keys_are_found_however_they_are_spelled(
    inner: Inner, statuses: SubscriberStatuses
) -> None:
    inner.forget_people()
    inner.people({"Mixed": "Held", "GONE": "Unsubscribed"})
    unit = Account(inner.mid, "")
    assert statuses.of(unit, ["mIXED", "gone", "nobody"]) == {
        "mIXED": "held",
        "gone": "unsubscribed",
    }
    assert statuses.put(unit, {"gone": "active", "MIXED": "active"}, left=()) == {"gone": STAYS}
    assert (inner.status("GONE"), inner.status("Mixed")) == ("Unsubscribed", "Active")
    assert "GONE" in statuses.all(unit, ("held", "unsubscribed"))


def test_to_unsubscribe_is_not_ours(inner: Inner, statuses: SubscriberStatuses) -> None:
    for status in ("unsubscribed", "deleted"):
        with pytest.raises(ValueError, match="not ours to set"):
            statuses.put(Account(inner.mid, ""), {"s0": status}, left=())


def test_a_status_that_the_tenant_does_not_take_is_refused_in_its_words(
    inner: Inner, statuses: SubscriberStatuses
) -> None:
    inner.forget_people()
    inner.people({"s0": "Active", "s1": "Held"})
    able = inner.sandbox.settable_statuses
    inner.sandbox.settable_statuses = frozenset({"Active"})
    try:
        told = statuses.put(Account(inner.mid, ""), {"s0": "held", "s1": "active"}, left=())
    finally:
        inner.sandbox.settable_statuses = able
    words = "the status held was not taken (The status Held cannot be set by the API)"
    assert told == {"s0": words}
    assert inner.status("s1") == "Active"


def test_a_missing_scope_is_named(inner: Inner, tmp_path: Path) -> None:
    inner.people({"s0": "Active"})
    able = inner.sandbox.package_scopes
    inner.sandbox.package_scopes = able - {"list_and_subscribers_write"}
    try:
        with line_to(inner.settings(tmp_path)) as line:
            fresh = SubscriberStatuses(line.sign_in, line.wire, line.patience)
            with pytest.raises(SignInRefused, match="Permission Failed") as caught:
                fresh.put(Account(inner.mid, ""), {"s0": "held"}, left=())
    finally:
        inner.sandbox.package_scopes = able
    assert "List and Subscribers: Write" in str(caught.value.advice)
