"""How fast replies are judged, beside yardsticks in one interleaved run. Read the ratios.

python -m bench classify [--rows 2000000] [--rounds 3] [--pipeline]
"""

from __future__ import annotations

import re
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.peers import peers
from bench.workload import OUT, workload
from bouncelens.classify.classifier import Classifier
from bouncelens.classify.matching import CompiledMatcher, HyperscanMatcher, Re2Matcher
from bouncelens.parse.fingerprint import compiled_kernel
from bouncelens.parse.skeleton import mask_run
from bouncelens.service.bulk import Bulk, Replies
from bouncelens.service.judge import Judge

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BATCH = 65_536
Measured = tuple[int, "Callable[[], float]"]  # rows, and what says in how many seconds


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the table."""
    path = workload(arguments.rows)
    judge = Judge.of_rules()
    if arguments.pipeline:
        _pipeline(judge, path)
        return 0
    texts = pq.read_table(path, columns=["text"])["text"]
    sample = texts.slice(0, min(len(texts), 1 << 19)).combine_chunks()
    sample = sample if isinstance(sample, pa.Array) else sample.chunk(0)
    candidates = _scans(path, len(texts)) | _ours(judge, sample) | _yardsticks(judge, sample)
    candidates |= peers(sample[:20_000].to_pylist())
    best: dict[str, float] = {}
    for _ in range(arguments.rounds):
        for name, (rows, measured) in candidates.items():
            best[name] = max(best.get(name, 0.0), rows / measured())
    _print(best)
    return 0


def _scans(path: Path, rows: int) -> dict[str, Measured]:
    return {
        "column scan, DuckDB, 2 threads": (rows, lambda: _timed(lambda: _scan(path, 2))),
        "column scan, DuckDB, 1 thread": (rows, lambda: _timed(lambda: _scan(path, 1))),
        "column read, pyarrow, 2 threads": (
            rows,
            lambda: _timed(lambda: pq.read_table(path, columns=["text"])),
        ),
    }


def _scan(path: Path, threads: int) -> None:
    import duckdb

    with duckdb.connect(config={"threads": threads}) as connection:
        connection.execute("SELECT sum(strlen(text)) FROM read_parquet($p)", {"p": str(path)})


def _ours(judge: Judge, sample: pa.Array) -> dict[str, Measured]:
    found: dict[str, Measured] = {}
    for tier in ["portable"] + (["compiled"] if compiled_kernel() else []):
        some = sample if tier == "compiled" else sample[: 1 << 17]
        for threads in (1, 2):
            bulk = Bulk(judge, compiled=tier == "compiled", threads=threads)
            _judge_all(bulk, some)
            found[f"ours, warm, {tier}, {_threads(threads)}"] = (
                len(some),
                lambda bulk=bulk, some=some: _timed(lambda: _judge_all(bulk, some)),
            )
        found[f"ours, cold, {tier}, 2 threads"] = (
            len(some),
            lambda tier=tier, some=some: _timed(
                lambda: _judge_all(Bulk(_forgetful(judge), compiled=tier == "compiled"), some)
            ),
        )
    new = [entry.sample for entry in judge.bulk.look_up(Replies(sample))[1]][:1000]
    for name, engine in _ENGINES.items():
        if matcher := _matcher(judge, engine):
            is_compiled = engine is CompiledMatcher
            found[f"ours, every template new, {name}"] = (
                len(new),
                lambda matcher=matcher, is_compiled=is_compiled: _each_new(
                    Bulk(_forgetful(judge, matcher), compiled=is_compiled), new
                ),
            )
    return found


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def _forgetful(judge: Judge, matcher: Any = None) -> Judge:
    """A judge by the same rules that has seen nothing."""
    mask_run.cache_clear()
    other = Judge(judge.ruleset, judge.keep)
    if matcher is not None:
        other.__dict__["classifier"] = Classifier(
            judge.ruleset, matcher=lambda *_: matcher, alone=0
        )
    return other


# Words in C beside the compiled kernel, else as where there is no compiler.
_ENGINES = {"compiled": CompiledMatcher, "hyperscan": HyperscanMatcher, "re2": Re2Matcher}


def _matcher(judge: Judge, engine: Any) -> Any:
    """The rules' patterns made ready for one engine; None where it is not installed."""
    try:
        return engine(Classifier(judge.ruleset).patterns, judge.ruleset.literals)
    except (ImportError, RuntimeError):
        return None


def _each_new(bulk: Bulk, texts: list[str]) -> float:
    bulk.look_up(Replies(pa.array(["550"])))  # what is made at first use
    return _timed(lambda: bulk.look_up(Replies(pa.array(texts))))


def _yardsticks(judge: Judge, sample: pa.Array) -> dict[str, Measured]:
    few = sample[:300].to_pylist()
    found = {"Python re, our rules in turn": (len(few), _re_loop(judge, few))}
    raw = [text.lower().encode() for text in sample[:20_000].to_pylist() if text.isascii()]
    patterns = [rule.text for rule in judge.ruleset.rules if rule.text]
    if scan := _hyperscan(patterns, raw):
        found["Hyperscan per row, our rules, 1 thread"] = (len(raw), scan)
    words = judge.ruleset.literals.values()
    known = sorted({re.escape(word) for some in words for word in some or ()})
    if scan := _hyperscan(known, raw):
        found["Hyperscan per row, our words, 1 thread"] = (len(raw), scan)
    return found


def _judge_all(bulk: Bulk, texts: pa.Array) -> None:
    for start in range(0, len(texts), _BATCH):
        bulk.look_up(Replies(texts.slice(start, _BATCH)))


def _hyperscan(patterns: list[str], raw: list[bytes]) -> Callable[[], float] | None:
    """One call per row. Patterns that Hyperscan cannot take are left out."""
    try:
        import hyperscan
    except ImportError:
        return None
    flags = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_ALLOWEMPTY
    fit = [pattern.encode() for pattern in patterns if "$" not in pattern and pattern.isascii()]
    database = hyperscan.Database()
    database.compile(expressions=fit, ids=list(range(len(fit))), flags=[flags] * len(fit))
    scratch = hyperscan.Scratch(database)

    def first(text: bytes) -> int | None:
        found: list[int] = []
        database.scan(text, match_event_handler=lambda i, *_: found.append(i), scratch=scratch)
        return min(found, default=None)

    return lambda: _timed(lambda: [first(text) for text in raw])


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
    """Everything beside the peer, Hyperscan and the scan, so that noise cancels out."""
    zonemta = best.get("ZoneMTA (node), 1 thread")
    hyperscan = best.get("Hyperscan per row, our rules, 1 thread")
    scan = best["column scan, DuckDB, 2 threads"]
    print(f"{'':40} {'k rows/s':>10} {'× ZoneMTA':>10} {'× Hyperscan':>12} {'of scan':>8}")
    for name, rate in sorted(best.items(), key=lambda item: -item[1]):
        ratios = [f"{rate / base:.2f}" if base else "-" for base in (zonemta, hyperscan)]
        print(f"{name:40} {rate / 1000:10,.1f} {ratios[0]:>10} {ratios[1]:>12} {rate / scan:8.4f}")


def _pipeline(judge: Judge, path: Path) -> None:
    """Read, classify, store and aggregate, by a judge that has seen nothing; beside reading."""
    file = pq.ParquetFile(path)
    scan = min(_timed(lambda: _scan(path, 2)) for _ in range(2))
    bulk = Bulk(judge, threads=1)
    counts: dict[str, int] = {}

    def judged(batch: pa.RecordBatch) -> pa.RecordBatch:
        numbers, entries = bulk.look_up(Replies(batch.column(0)))
        columns = dict(bulk.columns(numbers, entries, _KEPT))
        return pa.record_batch([columns[name] for name in _KEPT], list(_KEPT))

    def everything() -> None:
        word = pa.dictionary(pa.int32(), pa.string())
        kinds = [pa.int64(), word, word]
        schema = pa.schema(list(zip(_KEPT, kinds, strict=True)))
        with (
            pq.ParquetWriter(OUT / "judged.parquet", schema, compression="zstd") as writer,
            ThreadPoolExecutor(2) as pool,
        ):
            for batch in _ordered(pool, judged, file.iter_batches(_BATCH, columns=["text"])):
                for row in pc.value_counts(batch.column("reason")).to_pylist():
                    counts[row["values"]] = counts.get(row["values"], 0) + row["counts"]
                writer.write_table(pa.Table.from_batches([batch]))

    took = _timed(everything)
    rows = file.metadata.num_rows
    assert sum(counts.values()) == rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"read + classify ({bulk.tier}) + store + aggregate {rows:,} rows, 2 threads: {took:.1f} s,"
        f" {rows / took / 1000:,.0f} k rows/s, {took / scan:.1f} × DuckDB's scan of the column on 2"
        f" threads ({scan:.2f} s); {bulk.misses:,} judged; RSS {peak:,.0f} MiB"
    )


_KEPT = ("template_id", "reason", "hardness")


def _ordered(pool: Any, work: Callable[[Any], Any], items: Iterator[Any]) -> Iterator[Any]:
    """`map` that keeps four items in flight, not all of them."""
    waiting: list[Any] = []
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > 4:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()
