"""What the costliest inputs cost: 64 KiB of one sign, of prose, of all that rules look for."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bouncelens.service.judge import Judge

if TYPE_CHECKING:
    import argparse

_BYTES = 65_536
_UNITS = [
    "a", "a.", "a@", "@", "<", "<a>", "1", "1.", "1:", "::", "550-", "550 5.1.1 ", "5.1.1-",
    "smtp;", "host a[1.2.3.4] said: ", "&lt;", "\x1b[", "\u200b", "Ã©", "不", "x@y..", "=1",
    "http://a.b/", "12 nov ", "(in reply to ", "blocked using ", "\r\n\t", "[a.b", "p=A",
]  # fmt: skip
_CORPUS = Path(__file__).parent.parent / "tests" / "corpus" / "read.jsonl"


def run(arguments: argparse.Namespace) -> int:
    """Print the milliseconds of each, least of five, the costliest first, beside a usual reply."""
    judge = Judge.of_rules()
    chance = random.Random(arguments.seed)
    replies = [json.loads(line)["text"] for line in _CORPUS.read_text("utf-8").splitlines()]
    words = " ".join(replies).split()
    inputs = {f"{unit!r} again and again": unit * _BYTES for unit in _UNITS}
    inputs["replies in a row"] = " ".join(replies)
    inputs["their words shuffled"] = " ".join(chance.choices(words, k=12_000))
    literals = [(judge.ruleset.literals[pattern] or ("",))[0] for pattern in judge.ruleset.patterns]
    inputs["a word of each rule"] = " ".join(literals)
    inputs["signs at random"] = "".join(map(chr, chance.choices(range(32, 0x2FFF), k=_BYTES)))
    for reply in replies[:100]:
        judge.judge(reply)  # from here on, all patterns are looked for together
    costs = {name: _least_ms(judge, text[:_BYTES]) for name, text in inputs.items()}
    for name, ms in sorted(costs.items(), key=lambda item: -item[1]):
        print(f"{ms:8.2f} ms  {name}")
    usual = sorted(_least_ms(judge, reply) for reply in replies[:200])
    print(f"{usual[len(usual) // 2]:8.2f} ms  a usual reply (median of {len(usual)})")
    return 0


def _least_ms(judge: Judge, text: str) -> float:
    times = []
    for number in range(5):
        fresh = f"zq{number} {text}"  # a reply that was not judged before
        start = time.perf_counter()
        judge.judge(fresh)
        times.append(time.perf_counter() - start)
    return 1000 * min(times)
