"""What every place for suppressions can do, and what holds for those that are only ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from bouncelens.service.suppress.record import Key, Row, key_of, row_of

if TYPE_CHECKING:
    from bouncelens.bounce import Suppression


@dataclass(frozen=True, slots=True)
class Left:
    """What a target did not do for somebody, in words."""

    outcome: Literal["refused", "by_hand"]
    words: str


class Target(Protocol):
    """One place that holds something of each suppressed person, by places: of a person, or of what
    people may share, such as an address."""

    @property
    def name(self) -> str:
        """Its name in plans and errors, such as 'file:PATH'."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether others write there, too: then what was there before us comes back."""
        ...

    def place(self, one: Suppression) -> Key | None:
        """Where it keeps somebody; None: nowhere."""
        ...

    def wanted(self, one: Suppression, there: Row | None) -> Row | None:
        """What it shall hold of somebody suppressed, of whom it holds what is `there`."""
        ...

    def check(self) -> None:
        """Look whether a plan could be applied here. Raises what would stop it."""
        ...

    def read(self) -> Mapping[Key, Row]:
        """All that is there, also what others wrote, by place."""
        ...

    def put(self, rows: Mapping[Key, Row]) -> Mapping[Key, Left]:
        """Insert or replace rows; what was not done."""
        ...

    def drop(self, places: Sequence[Key]) -> Mapping[Key, Left]:
        """Remove rows; that one is not there is no failure."""
        ...

    def is_ours(self, row: Row) -> bool:
        """Whether it can be of our making."""
        ...

    def still(self, after: Row | None, there: Row | None) -> Row | None:
        """What a plan's row means when the target now holds what is `there`."""
        ...

    def undone(self, before: Row | None, after: Row | None, there: Row | None) -> Row | None:
        """What takes back that a run turned `before` into `after`."""
        ...

    def excused(self, places: Sequence[Key]) -> set[Key]:
        """Those that need not hold what was written, because the person is gone there."""
        ...


class OwnRows:
    """What holds of a target that only we write to, with a row per person."""

    is_shared = False

    def place(self, one: Suppression) -> Key | None:
        """By account and subscriber key."""
        return key_of(one)

    def check(self) -> None:
        """Whatever it needs, it makes."""

    def wanted(self, one: Suppression, there: Row | None) -> Row | None:
        """All columns."""
        del there
        return row_of(one)

    def is_ours(self, row: Row) -> bool:
        """All of them."""
        del row
        return True

    def still(self, after: Row | None, there: Row | None) -> Row | None:
        """The same."""
        del there
        return after

    def undone(self, before: Row | None, after: Row | None, there: Row | None) -> Row | None:
        """What was before."""
        del after, there
        return before

    def excused(self, places: Sequence[Key]) -> set[Key]:
        """Nobody."""
        del places
        return set()
