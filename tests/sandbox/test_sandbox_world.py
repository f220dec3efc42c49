"""The tenant: the same seed makes the same world, and the planted truth is what happened."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow.compute as pc
import pytest

from sfmc_sandbox.labels import label, reply_code
from sfmc_sandbox.wording import Scene, fill, phrasebook
from sfmc_sandbox.world.mail import REASONS
from sfmc_sandbox.world.plan import Plan, Tale
from sfmc_sandbox.world.tenant import Tenant, make_tenant

TAXONOMY = {
    "unknown_user", "inactive_mailbox", "unknown_domain", "bad_address", "address_moved",
    "mailbox_full", "recipient_refused", "recipient_rate_limited", "blocklisted",
    "poor_reputation", "missing_reverse_dns", "spam_content", "malware", "prohibited_content",
    "malformed_message", "message_too_large", "auth_failure", "sender_rejected", "tls_required",
    "relay_denied", "policy_rejection", "rate_limited", "greylisted", "dns_failure",
    "connection_failed", "delivery_expired", "routing_error", "system_unavailable",
    "protocol_error", "mailer_error", "suppressed", "auto_reply", "feedback", "delivered",
    "unclassified",
}  # fmt: skip
SCENE = Scene("a@b.example", "mx.b.example", "192.0.2.1", "s@c.example", "mta.c.example", "2026")


def test_the_same_seed_makes_the_same_world() -> None:
    plan = Plan(seed=3, bounces=600, months=3, until=datetime(2026, 6, 1, tzinfo=UTC))
    one, two = make_tenant(plan), make_tenant(plan)
    assert one.truth.equals(two.truth)
    question = "SELECT md5(string_agg(reason_text || event_time, '' ORDER BY rowid)) FROM bounce"
    assert one.db.execute(question).fetchall() == two.db.execute(question).fetchall()
    other = make_tenant(Plan(seed=4, bounces=600, months=3, until=plan.until))
    assert not other.truth.equals(one.truth)


def test_event_identity_is_unique_in_the_truth_and_matches_what_is_served(tenant: Tenant) -> None:
    db = tenant.db.cursor()
    db.register("planted", tenant.truth)
    total, distinct = db.execute(
        "SELECT count(*), count(DISTINCT (account, job, batch, subscriber_key, event_time)) "
        "FROM planted"
    ).fetchall()[0]
    assert total == distinct > 4_000
    served = db.execute(
        """
        SELECT count(*) FROM planted p JOIN (
            SELECT b.mid, b.job_id, b.batch_id, s.subscriber_key,
                   date_trunc('second', b.event_time) AS t
            FROM bounce b JOIN subscriber s USING (sub)) b
        ON p.account = b.mid AND p.job = b.job_id AND p.batch = b.batch_id
           AND p.subscriber_key = b.subscriber_key
           AND (epoch(p.event_time) - 21600)::BIGINT = epoch(b.t)::BIGINT
        """
    ).fetchall()[0][0]
    assert served == total


def test_every_story_is_planted_with_what_it_says_about_the_address(tenant: Tenant) -> None:
    stories = {row["story"]: row for row in _by_story(tenant)}
    assert set(stories) == {
        "", "old_list", "microsoft_block", "dmarc_break", "gmail_false_bounce",
        "mailbox_full_repeaters",
    }  # fmt: skip
    assert stories["old_list"]["alive"] == 0.0
    assert stories["gmail_false_bounce"]["alive"] > 0.95
    assert stories["microsoft_block"]["reasons"] == {"blocklisted"}
    assert stories["dmarc_break"]["reasons"] == {"auth_failure"}
    assert min(row["count"] for row in stories.values()) > 50


def _by_story(tenant: Tenant) -> list[dict[str, object]]:
    rows = []
    for name in pc.unique(tenant.truth["story"]).to_pylist():
        part = tenant.truth.filter(pc.equal(tenant.truth["story"], name))
        rows.append(
            {
                "story": name,
                "count": part.num_rows,
                "alive": pc.mean(part["is_alive"].cast("float64")).as_py(),
                "reasons": set(part["reason"].to_pylist()),
            }
        )
    return rows


def test_a_microsoft_block_names_s3140(tenant: Tenant) -> None:
    db = tenant.db.cursor()
    count = db.execute("SELECT count(*) FROM bounce WHERE reason_text LIKE '%(S3140)%'").fetchall()
    assert count[0][0] > 50


def test_dead_addresses_bounce_again_until_held(tenant: Tenant) -> None:
    rows = tenant.db.cursor().execute(
        """
        SELECT s.status, s.undeliverable, count(*) AS n, min(b.event_time), max(b.event_time)
        FROM bounce b JOIN subscriber s USING (sub) WHERE s.status = 'Held'
        GROUP BY s.status, s.undeliverable, sub
        """
    ).fetchall()  # fmt: skip
    assert len(rows) > 100
    for _, held, count, first, last in rows:
        assert held is not None
        assert count >= 3
        assert (last - first).days >= 14
    after = tenant.db.cursor().execute(
        "SELECT count(*) FROM sent e JOIN subscriber s USING (sub) "
        "WHERE s.status = 'Held' AND e.event_time > s.undeliverable + INTERVAL 1 DAY"
    ).fetchall()  # fmt: skip
    assert after[0][0] == 0


def test_send_counts_agree_with_the_messages_sent(tenant: Tenant) -> None:
    db = tenant.db.cursor()
    assert (
        db.execute("SELECT sum(sent) FROM bouncelens_sends").fetchall()
        == db.execute("SELECT count(*) FROM sent").fetchall()
        == db.execute("SELECT sum(sent) FROM job_count").fetchall()
    )


def test_nothing_happens_after_the_worlds_now(tenant: Tenant) -> None:
    for table in ("sent", "bounce", "open", "click", "unsub", "complaint"):
        last = tenant.db.cursor().execute(f"SELECT max(event_time) FROM {table}").fetchall()[0][0]
        assert last < datetime(2026, 5, 31, 18)  # noqa: DTZ001 - Marketing Cloud's naive clock


def test_there_are_more_than_four_hundred_sentences_and_each_reason_is_known() -> None:
    replies = phrasebook().replies
    assert len({reply.text for reply in replies}) > 400
    assert {reply.reason for reply in replies} <= TAXONOMY
    assert set(REASONS) <= TAXONOMY


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_a_sentence_any_server_may_speak(reason: str) -> None:
    assert ("any", reason, "") in phrasebook().by_key


def test_all_slots_are_filled_and_filling_is_repeatable() -> None:
    for reply in phrasebook().replies:
        text = fill(reply, SCENE, 123_456_789)
        assert text == fill(reply, SCENE, 123_456_789)
        assert "{" not in text, reply.text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("550 5.1.1 no such user", 550, id="both"),
        pytest.param("smtp;452 4.2.2 full", 452, id="prefixed"),
        pytest.param("4.4.7 (delivery time expired)", 450, id="status only"),
        pytest.param("Automatic reply: away", None, id="none"),
        pytest.param("host 192.0.2.250 said nothing", None, id="an address is no code"),
    ],
)
def test_smtp_code_is_read_as_sfmc_shows_it(text: str, code: int | None) -> None:
    assert reply_code(text) == code


@pytest.mark.parametrize(
    ("text", "category", "subcategory"),
    [
        ("550 5.1.1 User unknown", "Hard bounce", 2001),
        ("552 5.2.2 Mailbox full", "Soft bounce", 3001),
        ("550 5.7.509 does not pass DMARC verification", "Block bounce", 1010),
        ("421 4.4.1 Connection timed out", "Technical/Other bounce", 4003),
        ("nothing we know", "Unknown bounce", 9999),
    ],
)
def test_sfmc_5_categories_are_spelled_as_in_live_data(
    text: str, category: str, subcategory: int
) -> None:
    found = label(text)
    assert (found.category, found.subcategory_id) == (category, subcategory)


LIVES = Plan(
    seed=3,
    bounces=600,
    months=8,
    until=datetime(2026, 6, 1, tzinfo=UTC),
    tales=(
        Tale("old_list", "unknown_user", 0.6, 1, 1, ("google",), 0.2, 1, asleep_days=60),
        Tale(
            "closed", "inactive_mailbox", datetime(2026, 4, 1, tzinfo=UTC), 30, None,
            (), 0.5, 0, domains=("gmx.de", "web.de"), kills=True,
        ),
        Tale("twice", "unknown_user", 0.9, 1, None, ("yahoo",), 1.0, 4, hours=3, rest=(2.0, 22.0)),
    ),
)  # fmt: skip


def test_stories_rest_strike_domains_and_kill() -> None:
    tenant = make_tenant(LIVES)
    truth = tenant.truth.to_pylist()
    (twice,) = (tale for tale in tenant.setting.tales if tale.name == "twice")
    hours = {
        int((row["event_time"].timestamp() * 1000 - twice.start_ms) // 3_600_000)
        for row in truth
        if row["story"] == "twice"
    }
    assert {0, 1} & hours
    assert {22, 23} & hours
    people, domains = tenant.setting.people, tenant.setting.domains
    hit = np.isin(people.domain, domains.places(("gmx.de", "web.de")))
    closed = people.dead_from == int(datetime(2026, 4, 1, tzinfo=UTC).timestamp() * 1000)
    assert 0.3 < closed[hit].mean() < 0.7
    assert not closed[~hit].any()
    assert {row["is_alive"] for row in truth if row["story"] == "closed"} == {False}
    dormant = people.is_dormant
    families = {domains.families[n] for n in tenant.setting.families[dormant]}
    assert families == {"google"}
    assert 0.05 < (people.dead_from[dormant] < people.dead_from.max()).mean() < 0.4
