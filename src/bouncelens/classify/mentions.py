"""What rules speak of by name: hosts and codes that a mask must not take away.

Read from the patterns themselves, so that a rule's author need not know that there is a mask.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bouncelens.classify.ruleset import Rule

# "spamhaus\.org", "support\.google\.com"; a label may not be a class or a repetition.
_HOST = re.compile(r"(?:[a-z0-9_-]+\\\.)+[a-z]{2,24}(?![a-z0-9_-]|\\\.[a-z0-9])")
_ADDRESS = re.compile(r"[a-z0-9._-]+@(?:[a-z0-9-]+\\\.)+[a-z]{2,24}")
# What can be part of a code: letters, digits, signs inside, classes of digits, counts.
_CHUNK = re.compile(
    r"(?:\[[^\]\s]{1,20}\](?:\{[\d,]+\}|[?+*])?|\\[dw](?:\{[\d,]+\}|[?+*])?|[a-z0-9_#-](?:\{[\d,]+\}|[?])?)+"
)
_HAS_DIGIT = re.compile(r"\d|\\d|\[[^\]]*[0-9]")
_COUNT = re.compile(r"\{[\d,]+\}")
_ESCAPE = re.compile(r"\\[bBsSAzpP]|\(\?:|\(\?[a-z]+\)")


@dataclass(frozen=True, slots=True)
class Mentions:
    """Lower-case `hosts` and `codes` as they stand, and patterns of codes, matched in full."""

    hosts: frozenset[str]
    codes: frozenset[str]
    code_patterns: tuple[str, ...]


def mentions_of(rules: Iterable[Rule]) -> Mentions:
    """The mentions of all `rules`: of `text` and `unless`, and what a rule's `keep` says."""
    hosts: set[str] = set()
    codes: set[str] = set()
    patterns: set[str] = set()
    for rule in rules:
        for pattern in (rule.text, rule.unless):
            if pattern:
                _collect(pattern, hosts, codes, patterns)
        for kept in rule.keep:
            _sort_in(kept, hosts, codes, patterns)
    return Mentions(frozenset(hosts), frozenset(codes), tuple(sorted(patterns)))


def _sort_in(kept: str, hosts: set[str], codes: set[str], patterns: set[str]) -> None:
    if _HOST.fullmatch(kept) or re.fullmatch(r"(?:[a-z0-9-]+\.)+[a-z]{2,24}", kept):
        hosts.add(kept.replace("\\", ""))
    elif re.fullmatch(r"[a-z0-9_#@.-]+", kept):
        codes.add(kept)
    else:
        patterns.add(kept)


def _collect(pattern: str, hosts: set[str], codes: set[str], patterns: set[str]) -> None:
    bare = _ESCAPE.sub(" ", pattern)
    codes.update(found[0].replace("\\", "") for found in _ADDRESS.finditer(bare))
    hosts.update(found[0].replace("\\", "") for found in _HOST.finditer(bare))
    for found in _CHUNK.finditer(_HOST.sub(" ", bare)):
        chunk = found[0]
        if not _HAS_DIGIT.search(_COUNT.sub("", chunk)):
            continue
        if re.fullmatch(r"[a-z0-9_#-]+", chunk):
            codes.add(chunk)
        elif re.search(r"[a-z]", re.sub(r"\\[dw]|\[[^\]]*\]", "", chunk)) and _compiles(chunk):
            patterns.add(chunk)


def _compiles(chunk: str) -> bool:
    try:
        return bool(re2.compile(chunk))
    except re2.error:
        return False
