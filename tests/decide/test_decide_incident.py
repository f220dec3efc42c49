"""An outage is one provider, living people, more than everyday, and nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bouncelens.decide.incident import Person, Sign, Usual, is_confirmed, suspicions, tier

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
QUARTER = int(NOW.timestamp()) // 900
USUAL = Usual({"google": 1200, "yahoo": 800, "other": 1200}, 400)


def sign(provider: str, refused: int, alive: int, *, job: int = 7, quarter: int = 1) -> Sign:
    return Sign(provider, QUARTER - quarter, 1, job, refused, refused, alive)


EVERYDAY = [sign("yahoo", 3, 0), sign("other", 4, 1)]
OUTAGE = [sign("google", 60, 55, job=1), sign("google", 50, 45, job=2), *EVERYDAY]
CASES = [
    pytest.param(OUTAGE, ["google"], id="an outage"),
    pytest.param([sign("google", 90, 80), *EVERYDAY], ["google"], id="of one campaign"),
    pytest.param([sign("google", 90, 50), *EVERYDAY], [], id="of one campaign, half alive"),
    pytest.param([sign("google", 40, 40), *EVERYDAY], [], id="too few"),
    pytest.param([sign("google", 110, 5), *EVERYDAY], [], id="a dead list of one provider"),
    pytest.param(
        [sign(name, 200, 4) for name in ("google", "yahoo", "other")], [], id="a dead list of all"
    ),
    pytest.param(
        [sign(name, n, n // 4) for name, n in (("google", 90), ("yahoo", 60), ("other", 90))],
        [],
        id="a stale segment",
    ),
    pytest.param(
        [sign(name, 200, 190) for name in ("google", "yahoo", "other")],
        [],
        id="everybody: then it is us",
    ),
    pytest.param([sign("google", 110, 0), *EVERYDAY], [], id="nobody alive"),
    pytest.param(
        [replace(s, known=0, alive=0) for s in OUTAGE], [], id="nothing is known of anybody"
    ),
    pytest.param([replace(s, quarter=s.quarter - 40) for s in OUTAGE], [], id="this morning"),
    pytest.param([replace(s, quarter=QUARTER + 4) for s in OUTAGE], [], id="not yet"),
    pytest.param([], [], id="nothing at all"),
]


@pytest.mark.parametrize(("recent", "providers"), CASES)
def test_only_an_outage_is_called_one(recent: list[Sign], providers: list[str]) -> None:
    found = suspicions(recent, USUAL, NOW)
    assert [suspicion.provider for suspicion in found] == providers


def test_the_evidence_is_told_and_the_beginning_found() -> None:
    early = [sign("google", 12, 11, quarter=n) for n in range(2, 14)]
    (found,) = suspicions([*early, *OUTAGE], USUAL, NOW)
    assert found.starts == NOW - timedelta(minutes=15 * 14)
    assert "google called" in found.sentence
    assert "alive in the 90 days before; 3 campaigns" in found.sentence


def test_less_is_enough_for_a_provider_that_was_wrong_today() -> None:
    little = [sign("google", 30, 10), *EVERYDAY]
    assert suspicions(little, USUAL, NOW) == ()
    assert suspicions(little, USUAL, NOW, again=frozenset({"google"}))
    assert suspicions(little, USUAL, NOW, again=frozenset({"yahoo"})) == ()


def person(*flags: str) -> Person:
    names = ("is_alive", "is_alive_again", "is_refused_before", "is_refused_after")
    return Person(1, "s", **{name: name in flags for name in names})


TIERS = [
    ((), "unknown"),
    (("is_alive",), "alive"),
    (("is_alive", "is_alive_again"), "accepted"),
    (("is_alive", "is_refused_after"), "dead"),
    (("is_alive_again", "is_refused_before"), "dead"),
]


@pytest.mark.parametrize(("flags", "name"), TIERS)
def test_people_are_told_apart_by_how_sure_it_is(flags: tuple[str, ...], name: str) -> None:
    assert tier(person(*flags)) == name


def test_later_mail_confirms_when_most_of_it_is_accepted() -> None:
    accepted, refused = [person("is_alive_again")] * 19, [person("is_refused_after")] * 9
    assert not is_confirmed(accepted), "too few were tried"
    assert is_confirmed([*accepted, *refused])
    assert not is_confirmed([*accepted, *refused, *refused, *refused])
    known = [person("is_refused_before", "is_refused_after")] * 99
    assert is_confirmed([*accepted, *refused, *known]), "who was dead before says nothing"
