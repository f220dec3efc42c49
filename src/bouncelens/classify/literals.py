"""Words that a text must hold where a pattern matches: most patterns are ruled out by them.

Read from the pattern's own tree. What is not understood asks for nothing, so its pattern is
always tried; an answer is never wrong, only less useful.
"""

from __future__ import annotations

import re
from itertools import product
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_FORMS = 20  # of one stretch of a pattern, such as the four of "e-?mail(box)?"
_MOST_LITERALS = 400  # of one pattern
_MOST_LETTERS = 10  # of one class
_LONG_ENOUGH = 6
# What Python's parser reads otherwise than RE2: named classes, "{,3}", flags.
_READ_OTHERWISE = re.compile(r"\[:|\{,|(?<!\\)(?:\\\\)*\(\?(?![:P])|\\[QEpPCzaAZ0-9]")

Forms = frozenset[str]


def required_literals(pattern: str) -> Forms | None:
    """Strings of which every text that `pattern` (RE2) matches holds at least one; None: unknown.

    Shorter than three bytes they would be in any text, so then they are unknown too.
    """
    if _READ_OTHERWISE.search(pattern):
        return None
    try:
        tree = parser.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return None
    if tree.state.flags & re.IGNORECASE:
        return None
    found = _required(tree)
    return found if found and _shortest(found) >= 3 else None


def _required(nodes: Iterable[tuple[Any, Any]]) -> Forms | None:
    """The best that a sequence asks for: a stretch of it that has few forms, or an inner part."""
    best: Forms | None = None
    stretch: Forms = frozenset({""})
    for operation, argument in nodes:
        forms = _forms(operation, argument)
        if forms is not None and len(stretch) * len(forms) <= _MOST_FORMS:
            stretch = frozenset(a + b for a, b in product(stretch, forms))
            continue
        best = _better(best, _repeated(stretch, operation, argument))
        stretch = forms if forms is not None else frozenset({""})
        if forms is None:
            best = _better(best, _inside(operation, argument))
    return _better(best, stretch)


def _inside(operation: Any, argument: Any) -> Forms | None:
    """What a node asks for that has too many forms to name."""
    if operation is sre.SUBPATTERN:
        return _required(argument[3])
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        return _required(argument[2]) if argument[0] else None
    if operation is sre.BRANCH:
        branches = [_required(branch) for branch in argument[1]]
        if any(branch is None for branch in branches):
            return None
        united = frozenset().union(*(branch for branch in branches if branch is not None))
        return united if len(united) <= _MOST_LITERALS else None
    return None


def _forms(operation: Any, argument: Any) -> Forms | None:
    """All strings that a node can match, if they are few; None where they are not."""
    if operation is sre.LITERAL:
        return frozenset({chr(argument)})
    if operation is sre.AT:
        return frozenset({""})
    if operation is sre.IN:
        return _letters(argument)
    if operation is sre.SUBPATTERN:
        return _sequence(argument[3])
    if operation is sre.BRANCH:
        branches = [_sequence(branch) for branch in argument[1]]
        if any(branch is None for branch in branches):
            return None
        return _few(frozenset().union(*(branch for branch in branches if branch is not None)))
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        low, high, nodes = argument
        once = _sequence(nodes) if high == 1 else None
        if once is None:
            return None
        return once if low else _few(once | {""})
    return None


def _letters(kinds: Iterable[tuple[Any, Any]]) -> Forms | None:
    """The letters of a class, if they are few."""
    letters: set[str] = set()
    for kind, sign in kinds:
        if kind is sre.LITERAL:
            letters.add(chr(sign))
        elif kind is sre.RANGE and sign[1] - sign[0] < _MOST_LETTERS:
            letters |= {chr(code) for code in range(sign[0], sign[1] + 1)}
        elif kind is sre.CATEGORY and sign is sre.CATEGORY_DIGIT:
            letters |= set("0123456789")
        else:
            return None
    return frozenset(letters) if len(letters) <= _MOST_LETTERS else None


def _repeated(stretch: Forms, operation: Any, argument: Any) -> Forms:
    """A stretch, longer by what a node begins with where that is there more than once."""
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT) and (once := _sequence(argument[2])):
        for _ in range(min(argument[0], _LONG_ENOUGH)):
            if len(stretch) * len(once) > _MOST_FORMS:
                break
            stretch = frozenset(a + b for a, b in product(stretch, once))
    return stretch


def _sequence(nodes: Iterable[tuple[Any, Any]]) -> Forms | None:
    all_forms: Forms | None = frozenset({""})
    for operation, argument in nodes:
        forms = _forms(operation, argument)
        if forms is None or all_forms is None:
            return None
        all_forms = _few(frozenset(a + b for a, b in product(all_forms, forms)))
    return all_forms


def _few(forms: Forms) -> Forms | None:
    return forms if len(forms) <= _MOST_FORMS else None


def _better(one: Forms | None, other: Forms | None) -> Forms | None:
    return max(one, other, key=_worth) if one and other else one or other


def _worth(forms: Forms) -> tuple[int, int, int]:
    shortest = _shortest(forms)
    return min(shortest, _LONG_ENOUGH), -len(forms), shortest


def _shortest(forms: Forms) -> int:
    return min(len(form.encode("utf-8", "replace")) for form in forms)
