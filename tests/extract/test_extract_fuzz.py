"""Strangers' bytes against every reader, a little of `python -m bench fuzz`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.fuzz import TARGETS, examples


@pytest.mark.parametrize("name", TARGETS)
def test_no_reader_meets_bytes_that_it_cannot_refuse_in_its_own_words(name: str) -> None:
    examples(name, 60)


@pytest.mark.parametrize("name", TARGETS)
def test_the_samples_themselves_are_read(name: str) -> None:
    target, samples = TARGETS[name]
    for sample in samples:
        target(sample)
