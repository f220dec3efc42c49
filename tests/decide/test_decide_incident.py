"""An outage is one provider, living people, more than everyday, and nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bouncelens.decide.incident import Person, Seen, Sign, Usual, is_confirmed, tier
from bouncelens.decide.outage import Episode, episodes, suspicions

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
QUARTER = int(NOW.timestamp()) // 900
USUAL = Usual({"google": 1200, "yahoo": 800, "other": 1200}, 400)


def sign(
    provider: str, refused: int, alive: int, *, job: int = 7, quarter: int = 1, domain: str = ""
) -> Sign:
    return Sign(provider, QUARTER - quarter, 1, job, refused, refused, alive, domain)


def looked(signs: list[Sign], usual: Usual = USUAL, **sent: int) -> list[str]:
    """Whom a look now suspects. `sent`: messages to each provider by job 7, on this day."""
    day = QUARTER // 96
    seen = in_order(signs, {(name, 1, 7, day): n for name, n in sent.items()})
    found = suspicions(seen, usual, NOW)
    return [suspicion.provider for suspicion in found if suspicion.is_seen]


def in_order(signs: list[Sign], sent: dict[tuple[str, int, int, int], int] | None = None) -> Seen:
    return Seen(sorted(signs, key=lambda s: s.quarter), sent or {})


EVERYDAY = [sign("yahoo", 3, 0), sign("other", 4, 1)]
OUTAGE = [sign("google", 60, 55, job=1), sign("google", 50, 45, job=2), *EVERYDAY]
FIRMS = [sign("microsoft365", 20, 19, domain=f"firm{n}.example") for n in range(8)]
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
        [*OUTAGE, sign("yahoo", 200, 2), sign("other", 200, 4)],
        ["google"],
        id="an outage while a dead list is mailed",
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
    pytest.param(
        [sign(name, 200, 190) for name in ("google", "yahoo", "apple", "gmx")],
        [],
        id="four at once: then it is us",
    ),
    pytest.param([*OUTAGE, sign("yahoo", 200, 190)], ["google", "yahoo"], id="two at once"),
    pytest.param([sign("google", 110, 0), *EVERYDAY], [], id="nobody alive"),
    pytest.param([replace(s, known=0, alive=0) for s in OUTAGE], [], id="nothing is known"),
    pytest.param([replace(s, quarter=s.quarter - 40) for s in OUTAGE], [], id="this morning"),
    pytest.param([replace(s, quarter=QUARTER + 4) for s in OUTAGE], [], id="not yet"),
    pytest.param([], [], id="nothing at all"),
    pytest.param([*FIRMS, *EVERYDAY], ["microsoft365"], id="a host of many companies"),
    pytest.param(
        [*(replace(s, domain="gone.example") for s in FIRMS), *EVERYDAY], [], id="a company is gone"
    ),
    pytest.param(
        [*(replace(s, domain=f"gone{n % 3}.example") for n, s in enumerate(FIRMS)), *EVERYDAY],
        [],
        id="three companies move",
    ),
    pytest.param([sign("other", 200, 190), sign("yahoo", 3, 0)], [], id="nobody in particular"),
]


@pytest.mark.parametrize(("recent", "providers"), CASES)
def test_only_an_outage_is_called_one(recent: list[Sign], providers: list[str]) -> None:
    assert looked(recent) == providers


ALMOST_ALONE = Usual({"google": 3000, "yahoo": 20}, 600, {"google": (3000, 1_000_000)})
RATES = [
    pytest.param(ALMOST_ALONE, {"google": 300}, ["google"], id="most of what was sent"),
    pytest.param(ALMOST_ALONE, {"google": 40_000}, [], id="no more than of every campaign"),
    pytest.param(ALMOST_ALONE, {}, ["google"], id="what was sent is not known"),
    pytest.param(replace(ALMOST_ALONE, quarters=40), {}, [], id="it refuses so many as a rule"),
    pytest.param(USUAL, {"google": 300}, ["google"], id="one of many providers"),
    pytest.param(USUAL, {"google": 90_000}, [], id="a campaign to one provider only"),
]


@pytest.mark.parametrize(("usual", "sent", "providers"), RATES)
def test_what_was_sent_says_whether_it_is_much(
    usual: Usual, sent: dict[str, int], providers: list[str]
) -> None:
    assert looked([sign("google", 120, 110)], usual, **sent) == providers


DAY_S = 86_400
FEW_DIE = Usual(
    {"google": 32, "yahoo": 30}, 455, {"google": (32, 12_900), "yahoo": (30, 12_000)},
    alive=60, engaged=20, gap_s=60 * 30 * DAY_S,
)  # fmt: skip
LIVING = [
    pytest.param(90, {"engaged": 16, "gap_s": 50 * 25 * DAY_S}, 1858, ["google"], id="one in 20"),
    pytest.param(90, {"engaged": 16, "gap_s": 50 * 25 * DAY_S}, 9000, [], id="as every day"),
    pytest.param(
        90, {"engaged": 16, "gap_s": 50 * 88 * DAY_S}, 1858, [], id="nobody looked for a quarter"
    ),
    pytest.param(
        400, {"engaged": 0, "gap_s": 50 * 10 * DAY_S}, 4000, [], id="unread mailboxes cleared away"
    ),
]


@pytest.mark.parametrize(("refused", "more", "sent", "providers"), LIVING)
def test_the_living_are_weighed_by_who_dies_as_a_rule(
    refused: int, more: dict[str, int], sent: int, providers: list[str]
) -> None:
    alive = 50 if refused == 90 else refused
    jobs = [replace(sign("google", refused, alive, job=7), **more), sign("google", 1, 1, job=8)]
    assert looked([*jobs, *EVERYDAY], FEW_DIE, google=sent, yahoo=2000) == providers


def test_where_nothing_is_known_of_the_refused_it_is_said() -> None:
    signs = [replace(s, known=0, alive=0) if s.provider == "google" else s for s in OUTAGE]
    (found,) = suspicions(in_order(signs), USUAL, NOW)
    assert not found.is_seen
    assert "is known of 0 only" in found.sentence
    few = [replace(s, known=s.known // 8, alive=s.known // 8) for s in OUTAGE]
    assert not suspicions(in_order(few), USUAL, NOW)[0].is_seen, "another kind of people"


def test_the_evidence_is_told_and_the_beginning_found() -> None:
    early = [sign("google", 12, 11, quarter=n) for n in range(2, 14)]
    (found,) = suspicions(in_order([*early, *OUTAGE]), USUAL, NOW)
    assert found.starts == NOW - timedelta(minutes=15 * 14)
    assert "google called" in found.sentence
    assert "alive in the 90 days before; 3 campaigns" in found.sentence


def test_less_is_enough_for_a_provider_that_is_wrong_already() -> None:
    little = in_order([sign("google", 30, 10), *EVERYDAY])
    assert suspicions(little, USUAL, NOW) == ()
    assert suspicions(little, USUAL, NOW, again=frozenset({"google"}))
    assert suspicions(little, USUAL, NOW, again=frozenset({"yahoo"})) == ()


def found(signs: list[Sign], **wrong: list[tuple[datetime, datetime]]) -> tuple[Episode, ...]:
    return episodes(in_order(signs), USUAL, (NOW - timedelta(days=2), NOW), wrong=wrong)


def test_an_outage_of_this_morning_is_found_by_the_first_look_at_noon() -> None:
    morning = [replace(s, quarter=s.quarter - 30) for s in OUTAGE]
    (one,) = found([*morning, *EVERYDAY])
    assert one.last <= NOW - timedelta(hours=7)
    assert one.noticed <= one.last


def test_two_outages_of_two_days_are_two() -> None:
    yesterday = [replace(s, quarter=s.quarter - 80) for s in OUTAGE]
    assert [e.provider for e in found([*yesterday, *OUTAGE])] == ["google", "google"]
    assert len(found([*(replace(s, quarter=s.quarter - 12) for s in OUTAGE), *OUTAGE])) == 1


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
