"""What rules speak of by name: hosts and codes that a mask must not take away.

Read from the patterns themselves, so that a rule's author need not know that there is a mask.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

import re2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bouncelens.classify.ruleset import Rule

# "spamhaus\.org", "support\.google\.com"; a label may not be a class or a repetition.
_HOST = re.compile(r"(?:[a-z0-9_-]+\\\.)+[a-z]{2,24}(?![a-z0-9_-]|\\\.[a-z0-9])")
_ADDRESS = re.compile(r"[a-z0-9._-]+@(?:[a-z0-9-]+\\\.)+[a-z]{2,24}")
_PLAIN_HOST = re.compile(r"(?:[a-z0-9_-]+\.)+[a-z]{2,24}")
_PLAIN_CODE = re.compile(r"[a-z0-9_#@.-]+")
# A digit that is no count: most patterns hold words only, and parsing them takes long.
_MAY_HOLD_CODE = re.compile(r"(?<![{,0-9])[0-9](?![0-9,]*\})|\\d|0-9")
_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_#-")


@dataclass(frozen=True, slots=True)
class Mentions:
    """Lower-case `hosts` and `codes` as they stand, and patterns of codes, matched in full."""

    hosts: frozenset[str]
    codes: frozenset[str]
    code_patterns: tuple[str, ...]


def mentions_of(rules: Iterable[Rule], hosts: Iterable[str] = ()) -> Mentions:
    """The mentions of all `rules`: of `text` and `unless`, and what a rule's `keep` says."""
    all_hosts = set(hosts)
    codes: set[str] = set()
    patterns: set[str] = set()
    for rule in rules:
        for pattern in (rule.text, rule.unless):
            if pattern:
                all_hosts.update(_unescaped(_HOST, pattern))
                codes.update(_unescaped(_ADDRESS, pattern))
                for code in _codes(pattern):
                    (codes if _PLAIN_CODE.fullmatch(code) else patterns).add(code)
        for kept in rule.keep:
            if _PLAIN_HOST.fullmatch(kept):
                all_hosts.add(kept)
            else:
                (codes if _PLAIN_CODE.fullmatch(kept) else patterns).add(kept)
    return Mentions(frozenset(all_hosts), frozenset(codes), tuple(sorted(patterns)))


def is_code_pattern(kept: str) -> bool:
    """Whether a rule's `keep` entry is a host, a code, or a pattern that stays inside one token."""
    if _PLAIN_HOST.fullmatch(kept) or _PLAIN_CODE.fullmatch(kept):
        return True
    try:
        return _sequence(parser.parse(kept)) is not None
    except re.error:
        return False


def _unescaped(form: re.Pattern[str], pattern: str) -> Iterator[str]:
    return (found[0].replace("\\", "") for found in form.finditer(pattern))


def _codes(pattern: str) -> Iterator[str]:
    """Parts of `pattern` that match codes: "s3140", "aup#(?:in?-)?13[1-4]0", "6596"."""
    for branch in _branches(pattern):
        if _MAY_HOLD_CODE.search(branch):
            yield from _codes_of_branch(branch)


def _branches(pattern: str) -> Iterator[str]:
    """The alternatives of `pattern` at its top level, told apart without parsing it."""
    depth = start = 0
    is_class = is_escaped = False
    for at, sign in enumerate(pattern):
        if is_escaped:
            is_escaped = False
        elif sign == "\\":
            is_escaped = True
        elif is_class:
            is_class = sign != "]"
        elif sign == "[":
            is_class = True
        elif sign == "|" and depth == 0:
            yield pattern[start:at]
            start = at + 1
        else:
            depth += (sign == "(") - (sign == ")")
    yield pattern[start:]


def _codes_of_branch(pattern: str) -> Iterator[str]:
    try:
        tree = parser.parse(pattern)
    except re.error:  # RE2 knows a few forms that Python does not; `keep` serves there
        return
    for run in _runs(tree):
        text = "".join(part for part, _ in run)
        letters = "".join(sign for _, signs in run for sign in signs)
        digits = [sign for sign in letters if sign.isdigit()]
        # Digits only: a number such as a help page's; fewer digits would keep every "1" and "10".
        is_number = letters.isdigit() and text.isdigit() and len(text) > 2
        if is_number or (digits and any(sign.isalpha() or sign == "#" for sign in letters)):
            yield text if _PLAIN_CODE.fullmatch(text) else _checked(text)


def _checked(text: str) -> str:
    re2.compile(text)
    return text


_Run = list[tuple[str, str]]  # pattern part, and the literal signs (digit classes as "0") in it


def _runs(tree: Any) -> Iterator[_Run]:
    """Maximal sequences of `tree` that stay inside one token."""
    run: _Run = []
    for operation, argument in tree:
        part = _part(operation, argument)
        if part is not None:
            run.append(part)
            continue
        if run:
            yield run
            run = []
        for inner in _inner(operation, argument):
            yield from _runs(inner)
    if run:
        yield run


def _inner(operation: Any, argument: Any) -> Iterator[Any]:
    if operation is sre.SUBPATTERN:
        yield argument[3]
    elif operation is sre.BRANCH:
        yield from argument[1]
    elif operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        yield argument[2]


def _part(operation: Any, argument: Any) -> tuple[str, str] | None:
    """The pattern and literal signs of a node that cannot leave a token; None for others."""
    if operation is sre.LITERAL:
        return (re.escape(chr(argument)), chr(argument)) if chr(argument) in _SIGNS else None
    if operation is sre.IN:
        return _class(argument)
    if operation is sre.SUBPATTERN:
        return _sequence(argument[3])
    if operation is sre.BRANCH:
        branches = [_sequence(branch) for branch in argument[1]]
        if any(branch is None for branch in branches):
            return None
        pairs = [branch for branch in branches if branch is not None]
        return f"(?:{'|'.join(text for text, _ in pairs)})", "".join(signs for _, signs in pairs)
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        low, high, inner = argument
        part = _sequence(inner)
        most = "" if high is sre.MAXREPEAT else high
        return part and (f"(?:{part[0]}){{{low},{most}}}", part[1])
    return None


def _sequence(nodes: Any) -> tuple[str, str] | None:
    parts = [_part(operation, argument) for operation, argument in nodes]
    if any(part is None for part in parts):
        return None
    known = [part for part in parts if part is not None]
    return "".join(text for text, _ in known), "".join(signs for _, signs in known)


def _class(items: Any) -> tuple[str, str] | None:
    """A class of token signs. Digits in it count as a literal one, a range of letters does not."""
    text, signs = "", ""
    for operation, argument in items:
        if operation is sre.LITERAL and chr(argument) in _SIGNS:
            text += re.escape(chr(argument))
            signs += chr(argument)
        elif operation is sre.RANGE and {chr(argument[0]), chr(argument[1])} <= _SIGNS:
            text += f"{chr(argument[0])}-{chr(argument[1])}"
            signs += "0" if chr(argument[0]).isdigit() else ""
        elif operation is sre.CATEGORY and argument is sre.CATEGORY_DIGIT:
            text, signs = text + "0-9", signs + "0"
        else:
            return None
    return f"[{text}]", signs
