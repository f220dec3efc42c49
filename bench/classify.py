"""How fast replies are judged, beside yardsticks in one interleaved run. Read the ratios.

python -m bench classify [--rows 2000000] [--rounds 3] [--pipeline]
"""

from __future__ import annotations

import re
import resource
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.workload import OUT, workload
from bouncelens.parse.fingerprint import compiled_kernel
from bouncelens.service.bulk import Bulk, Replies
from bouncelens.service.judge import Judge

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BATCH = 65_536
# ZoneMTA's classifier: 22.7 k replies/s where Hyperscan per row from Python does 532 k.
_ZONEMTA_OF_HYPERSCAN = 22.7 / 532


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the table."""
    path = workload(arguments.rows)
    judge = Judge.of_rules()
    if arguments.pipeline:
        _pipeline(judge, path)
        return 0
    texts = pq.read_table(path, columns=["text"])["text"]
    sample = texts.slice(0, min(len(texts), 1 << 19)).combine_chunks()
    candidates = _candidates(judge, path, sample, len(texts))
    best: dict[str, float] = {}
    for _ in range(arguments.rounds):
        for name, (rows, measured) in candidates.items():
            best[name] = max(best.get(name, 0.0), rows / measured())
    _print(best)
    return 0


def _candidates(
    judge: Judge, path: Path, sample: pa.Array, rows: int
) -> dict[str, tuple[int, Callable[[], float]]]:
    """Name, rows judged, and a function that does it and says how many seconds it took."""
    canonical = [entry.template.text for entry in judge.bulk.look_up(Replies(sample[:_BATCH]))[1]]
    found: dict[str, tuple[int, Callable[[], float]]] = {
        "column scan (Parquet)": (
            rows,
            lambda: _timed(lambda: pq.read_table(path, columns=["text"])),
        )
    }
    tiers = [("portable", False)] + ([("compiled", True)] if compiled_kernel() else [])
    for name, compiled in tiers:
        some = sample if compiled else sample[: 1 << 16]
        bulk = Bulk(judge, compiled=compiled)
        _judge_all(bulk, some)
        found[f"ours, warm, {name}"] = (
            len(some),
            lambda bulk=bulk, some=some: _timed(lambda: _judge_all(bulk, some)),
        )
        found[f"ours, cold, {name}"] = (
            len(some),
            lambda compiled=compiled, some=some: _timed(
                lambda: _judge_all(Bulk(judge, compiled=compiled), some)
            ),
        )
    new = canonical[:1000]
    for engine in ("re2", "hyperscan"):
        if one := _judge_with(judge, engine):
            found[f"ours, every template new, {engine}"] = (
                len(new),
                lambda one=one: _timed(lambda: [one.template_and_verdict(text) for text in new]),
            )
    raw = [text.encode() for text in sample[:20_000].to_pylist()]
    raw = [text for text in raw if text.isascii()]
    scan = _hyperscan(judge, raw)
    if scan:
        found["Hyperscan per row, our rules"] = (len(raw), scan)
    few = sample[:300].to_pylist()
    found["Python re, our rules in turn"] = (len(few), _re_loop(judge, few))
    return found


def _judge_with(judge: Judge, engine: str) -> Judge | None:
    """A judge by the same rules over one engine; None where it is not installed."""
    from bouncelens.classify import matching
    from bouncelens.classify.classifier import Classifier

    matcher = {"re2": matching.Re2Matcher, "hyperscan": matching.HyperscanMatcher}[engine]
    other = Judge(judge.ruleset)
    try:
        other.__dict__["classifier"] = Classifier(judge.ruleset, matcher=matcher)
    except ImportError:
        return None
    return other


def _judge_all(bulk: Bulk, texts: pa.Array) -> None:
    for start in range(0, len(texts), _BATCH):
        bulk.look_up(Replies(texts.slice(start, _BATCH)))


def _hyperscan(judge: Judge, raw: list[bytes]) -> Callable[[], float] | None:
    try:
        from bouncelens.classify.matching import HyperscanMatcher

        matcher = HyperscanMatcher([rule.text for rule in judge.ruleset.rules if rule.text])
    except ImportError:
        return None
    return lambda: _timed(lambda: [matcher.matches(text) for text in raw])


def _re_loop(judge: Judge, texts: list[str]) -> Callable[[], float]:
    patterns = []
    for rule in judge.ruleset.rules:
        try:
            patterns.append(re.compile(rule.text or "$^", re.IGNORECASE | re.DOTALL))
        except re.error:
            continue

    def first(text: str) -> int | None:
        return next((n for n, pattern in enumerate(patterns) if pattern.search(text)), None)

    return lambda: _timed(lambda: [first(text) for text in texts])


def _timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _print(best: dict[str, float]) -> None:
    hyperscan = best.get("Hyperscan per row, our rules")
    scan = best["column scan (Parquet)"]
    print(f"{'':34} {'k rows/s':>10} {'× Hyperscan/row':>16} {'of column scan':>15}")
    for name, rate in sorted(best.items(), key=lambda item: -item[1]):
        ratio = f"{rate / hyperscan:.2f}" if hyperscan else "-"
        print(f"{name:34} {rate / 1000:10,.1f} {ratio:>16} {rate / scan:15.4f}")
    if hyperscan:
        print(f"ZoneMTA's classifier is put at {_ZONEMTA_OF_HYPERSCAN:.4f} × Hyperscan/row.")


def _pipeline(judge: Judge, path: Path) -> None:
    """Read, classify, store and aggregate, by a judge that has seen nothing; beside reading."""
    from concurrent.futures import ThreadPoolExecutor

    file = pq.ParquetFile(path)
    read = _timed(lambda: [None for _ in file.iter_batches(_BATCH, columns=["text"])])
    bulk = Bulk(judge)
    out = OUT / "judged.parquet"
    counts: dict[str, int] = {}

    def judged(batch: pa.RecordBatch) -> pa.RecordBatch:
        from bouncelens.service.bulk import verdict_columns

        numbers, entries = bulk.look_up(Replies(batch.column(0)))
        columns = dict(verdict_columns(numbers, entries))
        ids = np.array([entry.template.template_id for entry in entries], np.int64)[numbers]
        names = ["template_id", "reason", "hardness"]
        return pa.record_batch([pa.array(ids), columns["reason"], columns["hardness"]], names)

    def everything() -> None:
        word = pa.dictionary(pa.int32(), pa.string())
        schema = pa.schema([("template_id", pa.int64()), ("reason", word), ("hardness", word)])
        with (
            pq.ParquetWriter(out, schema, compression="zstd") as writer,
            ThreadPoolExecutor(2) as pool,
        ):
            for batch in _ordered(pool, judged, file.iter_batches(_BATCH, columns=["text"])):
                for row in pc.value_counts(batch.column("reason")).to_pylist():
                    counts[row["values"]] = counts.get(row["values"], 0) + row["counts"]
                writer.write_table(pa.Table.from_batches([batch]))

    took = _timed(everything)
    rows = file.metadata.num_rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"read + classify + store + aggregate, 2 threads: {rows / took / 1000:,.0f} k rows/s, "
        f"{took / read:.1f} × the time of reading; {bulk.misses:,} judged; RSS {peak:,.0f} MiB"
    )


def _ordered(pool: Any, work: Callable[[Any], Any], items: Iterator[Any]) -> Iterator[Any]:
    """`map` that keeps four items in flight, not all of them."""
    waiting: list[Any] = []
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > 4:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()
