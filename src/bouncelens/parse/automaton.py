"""Patterns of codes as one table: a deterministic automaton over letters, digits, `_ # -`.

The mask asks for each id whether a rule speaks of its like. A table answers alike in Python and
in the compiled kernel, in one step per letter.
"""

from __future__ import annotations

from array import array
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789_#-"
LONGEST = 40  # letters; a longer word is never a code
_INDEX = {sign: index for index, sign in enumerate(ALPHABET)}
_MOST_STATES = 20_000


class Automaton:
    """Accepts the words that one of its patterns matches in full.

    `table`: state × sign → state; 0 is the dead state, 1 the start. `accepting`: one byte a state.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        """Raises ValueError for a pattern that could match anything but a code."""
        self.patterns = tuple(patterns)
        net = _Net()
        start = frozenset().union(*(net.closed(net.add(pattern)) for pattern in self.patterns))
        self.table = array("H", [0] * len(ALPHABET))
        self.accepting = bytearray(1)
        numbers = {frozenset(): 0, start: 1}
        waiting = [start]
        for states in waiting:  # grows while it runs
            self.accepting.append(not states.isdisjoint(net.ends))
            for sign in ALPHABET:
                following = net.after(states, sign)
                if following not in numbers:
                    numbers[following] = len(numbers)
                    waiting.append(following)
                self.table.append(numbers[following])
            if len(numbers) > _MOST_STATES:
                raise ValueError("the codes that rules speak of have too many forms")

    @classmethod
    def restored(cls, patterns: Iterable[str], table: bytes, accepting: bytes) -> Self:
        """The automaton of `patterns` whose `table` and `accepting` were kept as bytes."""
        made = cls.__new__(cls)
        made.patterns, made.accepting = tuple(patterns), bytearray(accepting)
        made.table = array("H", table)
        if len(made.table) != len(ALPHABET) * len(made.accepting):
            raise ValueError("the table does not fit")
        return made

    def accepts(self, word: str) -> bool:
        """Whether a pattern matches the whole of `word`."""
        if len(word) > LONGEST:
            return False
        state = 1
        for sign in word:
            index = _INDEX.get(sign)
            if index is None:
                return False
            state = self.table[state * len(ALPHABET) + index]
            if not state:
                return False
        return bool(self.accepting[state])


class _Net:
    """A non-deterministic automaton: states are numbers, edges carry sets of signs or nothing."""

    def __init__(self) -> None:
        self._edges: list[list[tuple[frozenset[str], int]]] = []
        self._free: list[list[int]] = []
        self.ends: set[int] = set()

    def add(self, pattern: str) -> frozenset[int]:
        """Lay `pattern` out; the states it starts from."""
        start = self._state()
        self.ends.add(self._lay(parser.parse(pattern), start))
        return frozenset([start])

    def after(self, states: frozenset[int], sign: str) -> frozenset[int]:
        """The states reached from `states` by `sign`."""
        return self.closed(
            frozenset(to for state in states for signs, to in self._edges[state] if sign in signs)
        )

    def closed(self, states: frozenset[int]) -> frozenset[int]:
        """`states` and all that is reached from them without a sign."""
        found, waiting = set(states), list(states)
        while waiting:
            for to in self._free[waiting.pop()]:
                if to not in found:
                    found.add(to)
                    waiting.append(to)
        return frozenset(found)

    def _state(self) -> int:
        self._edges.append([])
        self._free.append([])
        return len(self._edges) - 1

    def _lay(self, nodes: Any, start: int) -> int:
        for operation, argument in nodes:
            start = self._lay_one(operation, argument, start)
        return start

    def _lay_one(self, operation: Any, argument: Any, start: int) -> int:
        if operation is sre.SUBPATTERN:
            return self._lay(argument[3], start)
        if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            return self._lay_repeat(argument, start)
        end = self._state()
        if operation is sre.BRANCH:
            for branch in argument[1]:
                self._free[self._lay(branch, start)].append(end)
        else:
            self._edges[start].append((_signs(operation, argument), end))
        return end

    def _lay_repeat(self, argument: Any, start: int) -> int:
        low, high, nodes = argument
        for _ in range(min(low, LONGEST)):
            start = self._lay(nodes, start)
        if high is sre.MAXREPEAT or high > LONGEST:
            loop = self._state()
            self._free[start].append(loop)
            self._free[self._lay(nodes, loop)].append(loop)
            return loop
        end = self._state()
        self._free[start].append(end)
        for _ in range(high - min(low, LONGEST)):
            start = self._lay(nodes, start)
            self._free[start].append(end)
        return end


def _signs(operation: Any, argument: Any) -> frozenset[str]:
    if operation is sre.LITERAL and chr(argument) in _INDEX:
        return frozenset(chr(argument))
    if operation is sre.IN:
        return frozenset().union(*(_signs(*item) for item in argument))
    if operation is sre.RANGE:
        return frozenset(map(chr, range(argument[0], argument[1] + 1))) & frozenset(ALPHABET)
    if operation is sre.CATEGORY and argument is sre.CATEGORY_DIGIT:
        return frozenset("0123456789")
    raise ValueError(f"a code cannot hold {operation}")
