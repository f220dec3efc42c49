"""Events into bounces, templates and verdicts; many replies judged as one by one."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from bouncelens.bounce import event_schema
from bouncelens.parse.fingerprint import compiled_kernel
from bouncelens.parse.mask import masked
from bouncelens.parse.reply import words_of
from bouncelens.service.bulk import Bulk, Replies
from bouncelens.service.judge import Judge, judge_events

CORPUS = Path(__file__).parent.parent / "corpus" / "read.jsonl"
TEXTS = [json.loads(line)["text"] for line in CORPUS.read_text("utf-8").splitlines()]
TIERS = [
    pytest.param(False, id="portable"),
    pytest.param(
        True,
        id="compiled",
        marks=pytest.mark.skipif(compiled_kernel() is None, reason="built without a compiler"),
    ),
]
FIRST = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.of_rules()


def varied(count: int, seed: int = 7) -> list[str]:
    """Replies of the corpus with what varies made different in each."""
    chance = random.Random(seed)
    texts = []
    for _ in range(count):
        text = chance.choice(TEXTS)
        number = chance.randrange(1 << 40)
        text = text.replace("user@example.com", f"u{number:x}.x@d{number % 977}.example.org")
        text = text.replace("192.0.2.", f"{number % 223 + 1}.{number % 199}.{number % 251}.")
        text = text.replace("kijitora", f"k{number % 9999}")
        texts.append(f"{text} ({number:012X})" if number % 3 else text.upper())
    return texts


def events(texts: list[str], **columns: list[object]) -> pa.Table:
    size = len(texts)
    given = {
        "account": [1] * size,
        "job": [2] * size,
        "batch": [3] * size,
        "subscriber_key": [f"s{n}" for n in range(size)],
        "event_time": [FIRST + timedelta(seconds=n) for n in range(size)],
        "route": ["soap"] * size,
        "reply_text": texts,
        **columns,
    }
    schema = event_schema()
    return pa.table({name: given.get(name, [None] * size) for name in schema.names}, schema=schema)


def test_each_template_is_judged_once_and_rows_point_to_it(judge: Judge) -> None:
    texts = ["550 5.1.1 <a@example.com> unknown user", "550 5.1.1 <b@example.com> unknown user"]
    judged = judge_events(events([*texts, "452 4.2.2 full"]), judge)
    ids = judged.bounces["template_id"].to_pylist()
    assert ids[0] == ids[1] != ids[2]
    assert judged.bounces["routes"].to_pylist() == ["soap"] * 3
    assert "route" not in judged.bounces.column_names
    templates = {row["template_id"]: row for row in judged.templates.to_pylist()}
    assert set(templates) == set(ids)
    assert templates[ids[0]]["first_seen"] == FIRST
    assert templates[ids[0]]["last_seen"] == FIRST + timedelta(seconds=1)
    assert templates[ids[0]]["template"] == "550 5.1.1 <addr> unknown user"
    verdicts = {row["template_id"]: row for row in judged.verdicts.to_pylist()}
    assert verdicts[ids[0]]["reason"] == "unknown_user"
    assert verdicts[ids[2]]["reason_group"] == "mailbox"


def test_code_and_provider_are_part_of_the_template(judge: Judge) -> None:
    table = events(
        ["no"] * 4, sfmc_code=[550, 421, 421, None], domain=["x.org"] * 2 + ["gmail.com"] * 2
    )
    judged = judge_events(table, judge)
    assert len(set(judged.bounces["template_id"].to_pylist())) == 4
    assert judged.bounces["provider"].to_pylist() == [None, None, "google", "google"]


def test_no_events_give_no_templates(judge: Judge) -> None:
    judged = judge_events(event_schema().empty_table(), judge)
    assert judged.bounces.num_rows == judged.templates.num_rows == judged.verdicts.num_rows == 0


@pytest.mark.parametrize("compiled", TIERS)
@pytest.mark.parametrize("size", [1, 13, 5000])
def test_looked_up_equals_judged_alone_however_rows_are_batched(
    compiled: bool, size: int, judge: Judge
) -> None:
    texts = varied(400)
    bulk = Bulk(judge, compiled=compiled)
    verdicts = []
    for start in range(0, len(texts), size):
        numbers, entries = bulk.look_up(Replies(pa.array(texts[start : start + size])))
        verdicts += [(entries[n].template, entries[n].verdict.rule) for n in numbers]
    for text, (template, rule) in zip(texts, verdicts, strict=True):
        alone = judge.judge(text)
        assert (alone.template, alone.verdict.rule) == (template, rule)
    assert bulk.misses < len(texts)


@pytest.mark.parametrize("compiled", TIERS)
def test_threads_share_one_table(compiled: bool, judge: Judge) -> None:
    bulk = Bulk(judge, compiled=compiled)
    batches = [varied(120, seed) for seed in range(6)]

    def rules(texts: list[str]) -> list[str | None]:
        numbers, entries = bulk.look_up(Replies(pa.array(texts)))
        return [entries[n].verdict.rule for n in numbers]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(rules, batches))
    for texts, found in zip(batches, results, strict=True):
        assert found == [judge.judge(text).verdict.rule for text in texts]


@pytest.mark.parametrize("compiled", TIERS)
def test_null_and_sliced_and_large_columns_are_read(compiled: bool, judge: Judge) -> None:
    bulk = Bulk(judge, compiled=compiled)
    texts = [None, "550 5.1.1 user unknown", "452 4.2.2 full", None, "421 try later"]
    expected = [judge.judge(text).template for text in texts]
    for kind in (pa.string(), pa.large_string()):
        numbers, entries = bulk.look_up(Replies(pa.array(texts, kind).slice(1)))
        assert [entries[n].template for n in numbers] == expected[1:]


Canonical = tuple[str, int | None, str | None]


@pytest.fixture(scope="module")
def read_alone(judge: Judge) -> list[tuple[str, Canonical]]:
    """Thirty thousand replies, each with what its verdict is a function of."""
    masks = [(text, masked(words_of(text)[0], judge.keep)) for text in varied(30_000, 99)]
    return [(text, (mask.text, mask.code, mask.status)) for text, mask in masks]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("compiled", TIERS)
def test_looked_up_equals_read_alone_on_every_row(
    compiled: bool, threads: int, judge: Judge, read_alone: list[tuple[str, Canonical]]
) -> None:
    column = pa.array([text for text, _ in read_alone])
    alone = [canonical for _, canonical in read_alone]
    bulk, other = (Bulk(judge, compiled=compiled, threads=threads) for _ in range(2))

    def found(bulk: Bulk, start: int, end: int) -> list[Canonical]:
        numbers, entries = bulk.look_up(Replies(column[start:end]))
        templates = [entry.template for entry in entries]
        known = [(one.text, one.code, one.status) for one in templates]
        return [known[n] for n in numbers]

    assert found(bulk, 0, 30_000) == alone
    splits = ((0, 11_111), (11_111, 11_112), (11_112, 30_000))
    assert [one for start, end in splits for one in found(other, start, end)] == alone
    assert bulk.misses < 12_000


@pytest.mark.slow
@pytest.mark.parametrize("compiled", TIERS)
def test_looked_up_equals_judged_alone_on_a_million_rows(compiled: bool, judge: Judge) -> None:
    bulk, other = Bulk(judge, compiled=compiled), Bulk(judge, compiled=compiled)
    for seed in range(40):
        texts = varied(25_000, seed)
        numbers, entries = bulk.look_up(Replies(pa.array(texts)))
        found = [entries[n].template for n in numbers]
        halves = []
        for part in (texts[:11_111], texts[11_111:]):
            numbers, entries = other.look_up(Replies(pa.array(part)))
            halves += [entries[n].template for n in numbers]
        assert found == halves
        for text, template in zip(texts, found, strict=True):
            # the verdict is a function of the template
            assert masked(words_of(text)[0], judge.keep).text == template.text, text
