"""A lake for questions that look at more than bounces: two business units, a triggered send that
runs for days, lists, senders and people. Every answer over it is counted by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from lake_rows import START, bounce, bounces, rows, sends, template, verdict

from bouncelens.store import tables

if TYPE_CHECKING:
    from bouncelens.store.lake import Lake

DAY = [date(2026, 1, 1) + timedelta(days=n) for n in range(10)]  # the first is a Thursday


def at(day: float, hour: int = 12) -> datetime:
    """A moment, `day` days after the first."""
    return START + timedelta(days=day, hours=hour)


VERDICTS = [
    verdict(1, "unknown_user", "address", "hard"),
    verdict(2, "mailbox_full", "mailbox", "soft"),
    verdict(3, "poor_reputation", "reputation", "block"),
]
GOOGLE = {"domain": "a.example", "provider": "google"}
OTHER = {"domain": "b.example"}
WELCOME = {"job": 20, "triggered_send_key": "welcome"}
BOUNCES = [
    bounce(1, event_time=at(0), list_id=5, sfmc_category="Hard bounce", **GOOGLE, template_id=1),
    # the same message again two days later
    bounce(1, event_time=at(2), list_id=5, sfmc_category="Hard bounce", **GOOGLE, template_id=1),
    bounce(2, event_time=at(1), list_id=5, sfmc_category="Soft bounce", **OTHER, template_id=2),
    bounce(3, event_time=at(0), list_id=6, sfmc_category="Hard bounce", **OTHER, template_id=3),
    # mailed again after the hard bounce
    bounce(1, event_time=at(1), **WELCOME, **GOOGLE, template_id=1),
    bounce(4, event_time=at(3), **WELCOME, **GOOGLE, template_id=2),
    # a job of which only the total is known
    bounce(5, account=2, job=30, event_time=at(5), domain="c.example", template_id=1),
]
SENDS = [
    sends(10, "a.example", DAY[0], 100, provider="google"),
    sends(10, "b.example", DAY[0], 50),
    sends(20, "a.example", DAY[0], 10, provider="google"),
    sends(20, "b.example", DAY[1], 20),
    sends(20, "a.example", DAY[3], 10, provider="google"),
]
JOBS: list[dict[str, object]] = [
    {
        "account": 1, "job": 10, "email_name": "Spring", "sent_time": at(0, 9),
        "from_address": "news@Mail.Shop.example", "category": "Test Send Emails",
    },
    {
        "account": 1, "job": 20, "email_name": "Welcome", "sent_time": at(0, 0),
        "from_address": "Shop <hi@trx.shop.example>", "category": "Triggered Sends",
    },
    {
        "account": 2, "job": 30, "email_name": "Letter", "sent_time": at(4, 18),
        "from_address": "news@mail.shop.example", "number_sent": 200,
    },
]  # fmt: skip
SUBSCRIBERS: list[dict[str, object]] = [
    {"account": 1, "subscriber_key": "s1", "status": "bounced", "last_open": at(0, 6)},
    {
        "account": 1, "subscriber_key": "s2", "status": "active", "last_click": at(4),
        "last_delivery": at(4), "joined_time": at(-9), "address": "pat@b.example",
    },
    {"account": 1, "subscriber_key": "s4", "status": "held", "held_time": at(4)},
    {
        "account": 2, "subscriber_key": "s5", "status": "active", "last_open": at(6),
        "last_click": at(7), "last_delivery": at(6),
    },
]  # fmt: skip


def fill(lake: Lake) -> None:
    """Put all of it into a lake."""
    lake.add_bounces(bounces(*BOUNCES), now=at(6))
    lake.put_sends(rows(tables.SENDS, SENDS))
    lake.put_jobs(rows(tables.JOBS, JOBS))
    lake.put_verdicts(rows(tables.VERDICTS, VERDICTS))
    lake.put_templates(rows(tables.TEMPLATES, [template(n, at(n - 1), at(3)) for n in (1, 2, 3)]))
    told = [{**person, "status_time": at(6)} for person in SUBSCRIBERS]
    lake.put_subscribers(rows(tables.SUBSCRIBERS, told))
