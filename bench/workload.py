"""Replies to measure with: real templates, random slots, Zipf over templates; made once, kept."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CORPUS = Path(__file__).parent.parent / "tests" / "corpus" / "read.jsonl"
OUT = Path(__file__).parent / "out"
_GROUP = 250_000  # rows at a time
_MEAN_BYTES = 131  # of a reply, as in the runs that the targets are from
_SLOT = re.compile(
    r"(?P<addr>[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,6})"
    r"|(?P<ip>(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]))"
    r"|(?P<host>\b(?:mx|mail|relay|smtp|mta)[\w-]*\.(?:[\w-]+\.)*(?:example|test)(?:\.\w+)?\b)"
    r"|(?P<id>\b(?=[0-9A-Z]*\d)(?=[0-9A-Z]*[A-Z])[0-9A-Z]{9,16}\b)"
)
_KINDS = ("addr", "ip", "host", "id")
_SIZES = (32, 13, 25, 11)  # bytes of a value of each kind
_POOL = 1 << 16  # values per kind, so that most rows differ


def workload(rows: int, *, seed: int = 7) -> Path:
    """A Parquet file with a column `text` of `rows` replies."""
    path = OUT / f"replies_{rows}_{seed}_{_MEAN_BYTES}b.parquet"
    if path.exists():
        return path
    OUT.mkdir(exist_ok=True)
    chance = np.random.default_rng(seed)
    templates = [_pieces(text) for text in _texts()]
    pools = _pools(random.Random(seed))
    weights = 1 / np.arange(1, len(templates) + 1)
    order = _order(templates, weights, chance)
    fresh = path.with_suffix(".part")
    with pq.ParquetWriter(fresh, pa.schema([("text", pa.string())]), compression="zstd") as writer:
        for start in range(0, rows, _GROUP):
            count = min(_GROUP, rows - start)
            chosen = order[chance.choice(len(templates), count, p=weights / weights.sum())]
            slots = chance.integers(0, _POOL, (count, 8)).tolist()
            texts = [
                _filled(templates[number], row, pools)
                for number, row in zip(chosen.tolist(), slots, strict=True)
            ]
            writer.write_table(pa.table({"text": texts}))
    fresh.rename(path)
    return path


def _order(
    templates: list[list[str | int]], weights: np.ndarray, chance: np.random.Generator
) -> np.ndarray:
    """Which template is the most frequent, and so on: random, of the wanted mean length."""
    sizes = np.array(
        [sum(len(p.encode()) if isinstance(p, str) else _SIZES[p] for p in t) for t in templates]
    )
    orders = (chance.permutation(len(templates)) for _ in range(1000))
    return min(orders, key=lambda o: abs(sizes[o] @ weights / weights.sum() - _MEAN_BYTES))


def _texts() -> list[str]:
    return [json.loads(line)["text"] for line in CORPUS.read_text("utf-8").splitlines()]


def _pieces(text: str) -> list[str | int]:
    """Words, and for each slot the number of its kind. Every template gets one slot at least."""
    pieces: list[str | int] = []
    at = 0
    for found in _SLOT.finditer(text):
        pieces += [text[at : found.start()], _KINDS.index(found.lastgroup or "id")]
        at = found.end()
    pieces.append(text[at:])
    return pieces if len(pieces) > 1 else [*pieces, " (", 3, ")"]


def _filled(pieces: list[str | int], row: list[int], pools: list[list[str]]) -> str:
    words, slot = [], 0
    for piece in pieces:
        if isinstance(piece, int):
            words.append(pools[piece][(row[slot % 8] + slot) % _POOL])
            slot += 1
        else:
            words.append(piece)
    return "".join(words)


def _pools(chance: random.Random) -> list[list[str]]:
    def word(low: int, high: int) -> str:
        return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(low, high)))

    def address() -> str:
        number = chance.choice(["", str(chance.randrange(1990))])
        domain = f"{word(4, 12)}.example.{chance.choice(['com', 'de'])}"
        return f"{word(2, 8)}.{word(3, 9)}{number}@{domain}"

    def host() -> str:
        return f"mx{chance.randrange(99)}.{word(4, 12)}.example.{chance.choice(['com', 'net'])}"

    def address_v4() -> str:
        return ".".join(str(chance.randrange(1, 254)) for _ in range(4))

    def queue_id() -> str:
        return f"{chance.randrange(16**11):011X}"

    makers = (address, address_v4, host, queue_id)
    return [[maker() for _ in range(_POOL)] for maker in makers]
