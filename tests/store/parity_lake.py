"""A lake of any rows, to be asked by two engines: every column has values, some odd, and NULLs."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from lake_rows import START, bounce, rows, sends, template, verdict

from bouncelens.store import tables

if TYPE_CHECKING:
    from bouncelens.store.lake import Lake

DAYS = 70
NOW = START + timedelta(days=DAYS)
SINCE, UNTIL = START + timedelta(days=3), START + timedelta(days=50, hours=5)
_BOUNCES = 900
_PEOPLE = 60
_JOBS = range(1, 15)
_KINDS = [
    ("unknown_user", "address", "hard"),
    ("mailbox_full", "mailbox", "soft"),
    ("poor_reputation", "reputation", "block"),
    ("mailbox_disabled", "address", "hard"),
    ("greylisted", "policy", "soft"),
]
_DOMAINS = [("a.example", "google"), ("b.example", None), ("ü.example", "microsoft"), (None, None)]
_CATEGORIES = ["Hard bounce", "Soft bounce", "Block bounce", "hard BOUNCE", None, ""]
_ROUTES = ["soap", "query", "extract", "file,soap", "query,extract,soap", "events"]
_REPLIES = ["550 5.1.1 unknown", "452 4.2.2 'full' \\ \"quoted\"", "zażółć 🦊\n550", "", None]
_DISPUTED = '[{"field":"list_id","route":"soap","value":"7"}]'
_STATUSES = ["active", "bounced", "held", "unsubscribed", None]
_FROMS = ["news@Mail.Shop.example", "Shop <hi@trx.shop.example>", "no address", "", None]


def fill(lake: Lake) -> None:
    """Put all of it into a lake, in several files."""
    chance = random.Random(5)
    bounced = [_bounce(chance) for _ in range(_BOUNCES)]
    for part in (bounced[:500], bounced[500:]):
        lake.add_bounces(rows(tables.BOUNCES, part), now=NOW)
    lake.put_verdicts(rows(tables.VERDICTS, [_verdict(n) for n in range(1, 10)]))
    spans = [template(n, START + timedelta(days=4 * n), NOW) for n in range(1, 12)]
    spans.append(template(12, NOW - timedelta(days=2), NOW))
    lake.put_templates(rows(tables.TEMPLATES, spans))
    lake.put_sends(rows(tables.SENDS, _sends(chance)))
    lake.put_jobs(rows(tables.JOBS, [_job(chance, n) for n in _JOBS if n % 5]))
    people = [_person(chance, account, n) for account in (1, 2) for n in range(_PEOPLE)]
    lake.put_subscribers(rows(tables.SUBSCRIBERS, people))
    found = {"domain": "b.example", "provider": "mimecast", "outcome": "mx", "looked_at": NOW}
    lake.put_domains(rows(tables.DOMAINS, [found]))


def _moment(chance: random.Random, *, micros: bool = False) -> datetime:
    part = timedelta(microseconds=chance.randrange(1_000_000) if micros else 0)
    return START + timedelta(seconds=chance.randrange(DAYS * 86_400)) + part


def _key(number: int) -> str:
    return ["s", "ß", "Z", "é"][number % 4] + str(number)


def _bounce(chance: random.Random) -> dict[str, object]:
    number, job = int(_PEOPLE * chance.random() ** 2), chance.choice(_JOBS)
    domain, provider = chance.choice(_DOMAINS)
    return bounce(
        number,
        account=1 if chance.random() < 0.8 else 2,
        job=job,
        batch=chance.randrange(2),
        subscriber_key=_key(number),
        event_time=_moment(chance),
        routes=chance.choice(_ROUTES),
        list_id=chance.choice([None, 5, 6]),
        address=chance.choice([f"Person{number}@Example.com", None]),
        domain=domain,
        provider=provider,
        reply_text=chance.choice(_REPLIES),
        sfmc_category=chance.choice(_CATEGORIES),
        is_false_bounce=chance.choice([None, None, True, False]),
        triggered_send_key=["welcome", "réçu"][job % 2] if job < 4 else None,
        disagreements=chance.choice([None, None, _DISPUTED]),
        # From 10 on they are not judged, 99 is no template that is known.
        template_id=chance.choice([*range(1, 13), -(2**63) + 1, 99]),
    )


def _verdict(number: int) -> dict[str, object]:
    return verdict(number, *_KINDS[number % len(_KINDS)]) | {
        "is_temporary": number == 5,
        "confidence": 1 / number,
        "evidence": None if number == 3 else "words",
    }


def _sends(chance: random.Random) -> list[dict[str, object]]:
    counted = []
    for job in _JOBS[:-2]:
        days = [chance.randrange(DAYS)] if job > 3 else range(0, DAYS, 7)
        for day in days:
            at = date(2026, 1, 1) + timedelta(days=day)
            for domain, provider in _DOMAINS[:3] if job % 4 else [("", None)]:
                sent = chance.choice([0, 10, 97, 10_007])
                counted.append(sends(job, str(domain), at, sent, provider=provider))
    return counted


def _job(chance: random.Random, number: int) -> dict[str, object]:
    return {
        "account": 1 + number % 2,
        "job": number,
        "email_name": chance.choice(["Spring", "Welcome", "Été", None]),
        "subject": chance.choice(["Hello", None]),
        "category": chance.choice(["Triggered Sends", "Test Send Emails", None]),
        "sent_time": chance.choice([_moment(chance), None]),
        "from_address": _FROMS[number % len(_FROMS)],
        "number_sent": chance.choice([None, 0, 500]),
        "hard_bounces": chance.choice([None, 3, 40]),
        "soft_bounces": chance.choice([None, 7]),
        "other_bounces": chance.choice([None, 1]),
    }


def _person(chance: random.Random, account: int, number: int) -> dict[str, object]:
    def maybe() -> datetime | None:
        return _moment(chance, micros=True) if chance.random() < 0.4 else None

    times = ("joined_time", "held_time", "unsubscribed_time", "complained_time")
    signs = ("last_open", "last_click", "last_delivery")
    return {
        "account": account,
        "subscriber_key": _key(number),
        "address": f"person{number}@example.com",
        "status": chance.choice(_STATUSES),
        "status_time": _moment(chance),
        **{name: maybe() for name in (*times, *signs)},
    }
