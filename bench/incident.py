"""False-bounce incidents in the sandbox, by real routes: how soon an outage is noticed, how many of
its refusals are held, and that what is no outage is not called one."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from outage_town import FIRST, GMAIL, SECOND, UNIT, Town, tale, town
from sfmc_sandbox.world.plan import Plan, Tale
from sfmc_sandbox.world.tenant import make_setting

_UNTIL = datetime(2020, 12, 14, 9, tzinfo=UTC)  # a Monday
_STEP = timedelta(minutes=10)
_PLAIN = Plan(
    seed=7, bounces=2000, months=6, until=_UNTIL, units=(UNIT,), people=8000, messages=80_000,
    sendings=60, tales=(),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage, and the mail that meets it every ten minutes."""

    name: str
    plan: Plan
    spans: tuple[tuple[datetime, datetime], ...]
    size: int = 500


def _outage(
    name: str, *, hour: int = 22, odds: float = 0.5, size: int = 500, **more: Any
) -> Outage:
    start = _UNTIL.replace(hour=0) + timedelta(days=1, hours=hour)
    spans = ((start, start + timedelta(hours=3)),)
    extra = tuple(more.pop("tales", ()))
    told = tale(GMAIL, spans, odds=odds, reason=more.pop("reason", "unknown_user"))
    return Outage(name, replace(_PLAIN, tales=(told, *extra), **more), spans, size)


def _old(**more: Any) -> Tale:
    """A list that was not mailed for long, mailed four hours after the world's beginning."""
    start = _UNTIL + timedelta(hours=2)
    given: dict[str, Any] = {"families": (), "odds": 0.58, "jobs": 1, "unit": 0}
    return tale("old_list", ((start, start + timedelta(days=1)),), **given | more)


def outages() -> list[Outage]:
    """Those of 2020, and others that differ in one thing each."""
    real = (FIRST, SECOND)
    return [
        Outage("14 and 15 December 2020", replace(_PLAIN, tales=(tale(GMAIL, real),)), real),
        _outage("another seed", seed=23),
        _outage("at UTC-6's midnight", hour=6),
        _outage("before noon", hour=10),
        _outage("5 % refused", odds=0.05, size=3000, people=20_000),
        _outage("20 % refused", odds=0.2, size=1000),
        _outage("95 % refused", odds=0.95),
        _outage("Gmail is nearly everybody", shares=(("google", 20.0),)),
        _outage("few at Gmail", shares=(("google", 0.3),), size=1500),
        _outage("all of them disabled", reason="inactive_mailbox"),
        _outage("beside a dead list", tales=(_old(),)),
        _outage("20,000 people", people=20_000, messages=200_000, size=2000),
    ]


def controls() -> list[tuple[str, Plan]]:
    """What is no outage."""
    start = _UNTIL + timedelta(hours=3)
    days = ((start, start + timedelta(days=3)),)
    block = tale("gmail_block", days, reason="poor_reputation", odds=0.93, jobs=3)
    broken = ("google", "microsoft_consumer", "microsoft365", "yahoo", "comcast", "gmx")
    dmarc = tale("dmarc_break", days, reason="auth_failure", odds=0.4, jobs=3, families=broken)
    many = replace(_PLAIN, people=20_000, messages=120_000)
    gone = tale("gone", days, domains=_companies(many, 1), kills=True, odds=1.0, jobs=3)
    moved = tale("moved", days, domains=_companies(many, 3), kills=True, odds=1.0, jobs=3)
    only_gmail = (("google", 400.0),)
    asleep = 300.0
    told = [
        ("dead list", (_old(),), {}),
        ("dead list, Gmail only", (_old(families=("google",)),), {}),
        ("dead list, alive a year ago", (_old(asleep_days=365.0),), {"months": 18}),
        ("stale segment", (_old(odds=0.15, asleep_days=asleep),), {"months": 15}),
        (
            "stale segment, Gmail only",
            (_old(odds=0.15, asleep_days=asleep, families=("google",)),),
            {"months": 15},
        ),
        ("IP block at Gmail", (block,), {}),
        ("DMARC break", (dmarc,), {}),
        ("weekends and Mondays", (), {"seed": 9, "messages": 160_000}),
        ("list of Gmail only", (), {"shares": only_gmail, "messages": 160_000}),
        ("next to nobody at Gmail", (), {"shares": (("google", 0.02),)}),
        ("four large campaigns a month", (), {"sendings": 24, "messages": 160_000}),
    ]
    found = [(name, replace(_PLAIN, tales=tales, **more)) for name, tales, more in told]
    return [
        *found,
        ("a company of Google's is gone", replace(many, tales=(gone,))),
        ("three companies are gone", replace(many, tales=(moved,))),
    ]


def _companies(plan: Plan, count: int) -> tuple[str, ...]:
    """The largest ones whose mailboxes Google runs."""
    domains = make_setting(plan)[0].domains
    google = domains.families.index("google")
    hosted = [n for n, is_one in enumerate(domains.is_business) if is_one]
    hosted = [n for n in hosted if domains.family[n] == google]
    hosted.sort(key=lambda n: -domains.share[n])
    return tuple(domains.names[n] for n in hosted[:count])


def run(arguments: argparse.Namespace) -> int:
    """Play all that is asked for; 1 when a bound is broken."""
    wanted = arguments.only or ""
    bad = 0
    print(f"{'':34} {'affected':>8} {'delay':>9} {'held':>7} {'true':>6} {'released':>8}")
    for outage in outages():
        if wanted in outage.name and not arguments.controls:
            bad += _report(outage.name, lambda outage=outage: _played(outage))
    for name, plan in controls():
        if wanted in name:
            bad += _report(name, lambda plan=plan: _controlled(plan))
    return int(bad > 0)


def _report(name: str, play: Any) -> int:
    began = time.perf_counter()
    words, is_good = play()
    mark = "" if is_good else "  <- BROKEN"
    print(f"{name:34} {words}  {time.perf_counter() - began:5.0f} s{mark}", flush=True)
    return int(not is_good)


def _played(outage: Outage) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory() as folder, town(Path(folder), outage.plan) as here:
        here.pull()
        delays = [_met(here, span, outage.size) for span in outage.spans]
        end = outage.spans[-1][1]
        here.go_to(end + timedelta(days=7))
        here.pull()
        incidents = here.incidents()
        dead, believed = here.dead(), here.suppressed()
        left = here.suppressed(incidents)
        false = {(r["account"], r["subscriber_key"]) for r in here.truth()} - dead
        held = 100 * len(false - left) / max(len(false), 1)
        true = dead & believed
        released = 100 * len(true - left) / max(len(true), 1)
        minutes = "/".join("never" if d is None else f"{d:.0f}" for d in delays)
        ratio = 100 * here.seconds["watch"] / here.seconds["pull"]
    is_good = held >= 99 and released <= 1 and all(d is not None and d <= 15 for d in delays)
    is_good &= {i.provider for i in incidents} == {"google"} and len(incidents) == len(delays)
    words = (
        f"{len(false):8,} {minutes + ' min':>9} {held:6.2f}% {len(true):6,} {released:7.2f}%"
        f"  {len(incidents)} incidents, watch {ratio:.0f} % of pull"
    )
    return words, is_good


def _met(here: Town, span: tuple[datetime, datetime], size: int) -> float | None:
    """Minutes from the 200th affected bounce to the look that finds it; negative: before."""
    here.go_to(span[0] - _STEP)
    here.send(size)  # what was under way
    before, noticed = len(here.truth()), None
    while here.now < span[1] + _STEP:
        here.go_to(here.now + _STEP)
        opened = here.pull().watched
        if opened and opened.opened and noticed is None:
            noticed = here.now
        false = here.truth()[before:]
        if noticed and len(false) >= 200:
            return float((noticed - false[199]["event_time"]) / timedelta(minutes=1))
        here.send(size)
    return None


def _controlled(plan: Plan) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory() as folder, town(Path(folder), plan) as here:
        here.pull()  # six months at once
        stops = (4, 8, 30, 80) if plan.tales else ()
        for hours in stops:
            here.go_to(plan.until + timedelta(hours=hours))
            here.pull()
        found = here.incidents()
        rows = [r for r in here.rows() if not plan.tales or r["story"] == plan.tales[0].name]
        hard = here.suppressed()
    told = "; ".join(f"{i.provider} {i.starts:%m-%d %H:%M} {i.why}" for i in found)
    words = f"{len(rows):8,} bounces of it, {len(hard):,} suppressed, {len(found)} incidents {told}"
    return words, not found
