"""From simulated jobs to Arrow tables, one per kind of event: what the tenant's database loads.

Event times leave here in Marketing Cloud's UTC-6; the planted truth keeps UTC.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from sfmc_sandbox.clock import DAY_MS, SFMC_OFFSET_MS
from sfmc_sandbox.labels import Label, label, type_id
from sfmc_sandbox.wording import Scene, fill, phrasebook
from sfmc_sandbox.world.mail import NO_STORY, REASONS
from sfmc_sandbox.world.stories import FULL_REPEATERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sfmc_sandbox.world.engagement import Acts
    from sfmc_sandbox.world.mail import Sent
    from sfmc_sandbox.world.setting import Setting

# What the sending platform writes before a reply, and how often.
_PREFIXES = (("smtp;", 0.05), ("5.3.0 (unknown mail system error) ", 0.008))


def sfmc_times(
    moments_ms: NDArray[np.int64], unknown: NDArray[np.bool_] | None = None
) -> pa.TimestampArray:
    """UTC milliseconds as naive UTC-6 timestamps; null where `unknown`."""
    if unknown is not None:
        moments_ms = np.where(unknown, 0, moments_ms)
    times = (moments_ms + SFMC_OFFSET_MS).astype("datetime64[ms]")
    return cast("pa.TimestampArray", pa.array(times, mask=unknown))


def event_table(sent: Sent, acts: Acts, mid: int) -> pa.Table:
    """Who did something with which message: sub, job, batch, time."""
    return pa.table(
        {
            **_where(sent, mid, len(acts.at)),
            "batch_id": sent.batch[acts.at],
            "sub": sent.row[acts.at],
            "event_time": sfmc_times(acts.moment_ms),
        }
    )


def sent_table(sent: Sent, mid: int) -> pa.Table:
    """Every message of a job."""
    return pa.table(
        {
            **_where(sent, mid, len(sent.row)),
            "batch_id": sent.batch,
            "sub": sent.row,
            "event_time": sfmc_times(sent.sent_ms),
        }
    )


def _where(sent: Sent, mid: int, count: int) -> dict[str, NDArray[np.int64]]:
    return {
        "mid": np.full(count, mid, dtype=np.int64),
        "job_id": np.full(count, sent.job.number, dtype=np.int64),
        "list_id": np.full(count, sent.job.list_id, dtype=np.int64),
    }


def send_counts(sent: Sent, setting: Setting) -> pa.Table:
    """A job's messages by domain and day (UTC-6), as far as they have left by the world's now."""
    left = sent.sent_ms < setting.plan.until_ms // 1000 * 1000
    days = (sent.sent_ms[left] + SFMC_OFFSET_MS) // DAY_MS
    first = int(days.min()) if len(days) else 0
    width = len(setting.domains.names)
    places = (days - first) * width + setting.people.domain[sent.row[left]]
    counts = np.bincount(places)
    filled = np.flatnonzero(counts)
    mid = setting.plan.units[sent.job.unit].mid
    return pa.table(
        {
            "mid": np.full(len(filled), mid, dtype=np.int64),
            "job_id": np.full(len(filled), sent.job.number, dtype=np.int64),
            "domain": pa.array(
                [setting.domains.names[n] for n in (filled % width).tolist()], pa.string()
            ),
            "send_day": pa.array((filled // width + first).astype("datetime64[D]")),
            "sent": counts[filled].astype(np.int64),
        }
    )


def not_sent_table(sent: Sent, mid: int) -> pa.Table:
    """Whom a job did not mail, and why."""
    count = len(sent.held)
    moments = np.full(count, sent.job.start_ms, dtype=np.int64)
    return pa.table(
        {
            **_where(sent, mid, count),
            "batch_id": np.full(count, sent.job.first_batch, dtype=np.int64),
            "sub": sent.held,
            "event_time": sfmc_times(moments),
            "reason": pa.array(["Held"] * count, pa.string()),
        }
    )


def bounce_tables(sent: Sent, setting: Setting) -> tuple[pa.Table, pa.Table]:
    """A job's bounces as Marketing Cloud shows them, and the planted truth of the same rows."""
    rows = sent.row[sent.at]
    mid = setting.plan.units[sent.job.unit].mid
    names = [tale.name for tale in setting.tales] + [FULL_REPEATERS]
    stories = [names[n] if n != NO_STORY else "" for n in sent.story]
    truth = pa.table(
        {
            "account": np.full(len(rows), mid, dtype=np.int64),
            "job": np.full(len(rows), sent.job.number, dtype=np.int64),
            "batch": sent.batch[sent.at],
            "subscriber_key": pa.array(map(setting.people.key, rows), pa.string()),
            "event_time": pa.array((sent.bounce_ms // 1000).astype("datetime64[s]")).cast(
                pa.timestamp("ms", tz="UTC")  # whole seconds; Parquet has no coarser unit
            ),
            "reason": pa.array([REASONS[n] for n in sent.reason], pa.string()),
            "story": pa.array(stories, pa.string()),
            "is_alive": sent.is_alive,
        }
    )
    return _told(sent, setting, stories), truth


def _told(sent: Sent, setting: Setting, stories: list[str]) -> pa.Table:
    """What Marketing Cloud keeps of the bounces: its own labels, not the truth."""
    rows = sent.row[sent.at]
    rng = np.random.default_rng([setting.plan.seed, sent.job.number, 1])
    numbers = _sentences(sent, setting, stories, rng=rng)
    texts = _texts(sent, setting, numbers, rng=rng)
    labels = [_label_of(number) for number in numbers.tolist()]
    is_first = np.zeros(len(rows), dtype=bool)
    is_first[np.unique(rows, return_index=True)[1]] = True
    false_story = np.array([name == "gmail_false_bounce" for name in stories], dtype=bool)
    return pa.table(
        {
            **_where(sent, setting.plan.units[sent.job.unit].mid, len(rows)),
            "batch_id": sent.batch[sent.at],
            "sub": rows,
            "event_time": sfmc_times(sent.bounce_ms),
            "is_unique": is_first,
            "is_false": false_story & (rng.random(len(rows)) < 0.05),
            "code": pa.array([entry.code for entry in labels], pa.int32()),
            "reason_text": pa.array(texts, pa.string()),
            "category_id": pa.array([entry.category_id for entry in labels], pa.int16()),
            "category": pa.array([entry.category for entry in labels], pa.string()),
            "subcategory_id": pa.array([entry.subcategory_id for entry in labels], pa.int16()),
            "subcategory": pa.array([entry.subcategory for entry in labels], pa.string()),
            "type_id": np.where(sent.is_delayed, type_id("delayed"), type_id("immediate")),
            "type": pa.array(
                ["delayed" if late else "immediate" for late in sent.is_delayed], pa.string()
            ),
        }
    )


@cache
def _label_of(number: int) -> Label:
    """Marketing Cloud's view of a sentence, which does not hang on how its slots are filled."""
    return label("".join(phrasebook().replies[number].parts[::2]))


def _texts(
    sent: Sent, setting: Setting, numbers: NDArray[np.int32], *, rng: np.random.Generator
) -> list[str]:
    """The sentences of the given numbers, each filled for its bounce."""
    rows, people, domains = sent.row[sent.at], setting.people, setting.domains
    unit = setting.plan.units[sent.job.unit]
    sender = f"bounce@bounce.{unit.sender_domain}"
    moments = np.datetime_as_string(sent.bounce_ms.astype("datetime64[ms]"), unit="ms").tolist()
    lots = rng.integers(0, 1 << 62, size=len(rows)).tolist()
    chances = rng.random(len(rows)).tolist()
    replies = phrasebook().replies
    texts = []
    for place, row in enumerate(rows.tolist()):
        lot = lots[place]
        hosts = domains.mx[people.domain[row]]
        scene = Scene(
            address=people.address(row, domains),
            mx=hosts[lot % len(hosts)],
            ip=unit.ips[lot % len(unit.ips)],
            sender=sender,
            helo=f"mta{lot % 8 + 1}.bounce.{unit.sender_domain}",
            moment=f"{moments[place]}Z",
        )
        texts.append(_prefixed(fill(replies[numbers[place]], scene, lot), chances[place]))
    return texts


def _prefixed(text: str, chance: float) -> str:
    """Some texts carry what the sending platform puts before them."""
    for prefix, share in _PREFIXES:
        if chance < share and text[:1].isdigit():
            return prefix + text
        chance -= share
    return text


def _sentences(
    sent: Sent, setting: Setting, stories: list[str], *, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Which sentence each bounce hears. What is wrong with an address is said the same way."""
    rows = sent.row[sent.at]
    lasting = ~sent.is_alive | (sent.story >= 0)
    lots = np.where(lasting, setting.people.salt[rows] / float(1 << 62), rng.random(len(rows)))
    families = setting.families[rows].astype(np.int64)
    keys = (families * 1000 + sent.reason) * 100 + sent.story
    numbers = np.zeros(len(rows), dtype=np.int32)
    book = phrasebook()
    for key in np.unique(keys):
        chosen = np.flatnonzero(keys == key)
        first = chosen[0]
        numbers[chosen] = book.choose(
            setting.domains.families[families[first]],
            REASONS[sent.reason[first]],
            story=stories[first],
            lots=lots[chosen],
        )
    return numbers
