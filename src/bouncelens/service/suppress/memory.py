"""What the ledger remembers of targets that others write to, too: what it last made them hold, and
what was there before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from bouncelens.service.suppress.record import Key, Row, read

if TYPE_CHECKING:
    from bouncelens.bounce import Suppression
    from bouncelens.service.suppress.target import Target
    from bouncelens.service.workspace import Workspace
    from bouncelens.store.ledger.changes import ChangeRow

# Target name and place of what we made, with what was there before; None: nothing.
Origins = dict[tuple[str, Key], Row | None]

_WRITTEN = ("sent", "done", "by_hand")


def origins(workspace: Workspace, targets: Mapping[str, Target]) -> Origins:
    """What was before us in each place that we changed and have not changed back."""
    found: Origins = {}
    if not targets:
        return found
    for row in _written(workspace):
        before, after = _rows(row.before), _rows(row.after)
        one: Suppression | None = None
        for name, target in targets.items():
            was, is_now = before.get(name), after.get(name)
            if was == is_now:
                continue
            one = one or _whom(row)
            place = target.place(one)
            if place is None:
                continue
            if is_now is not None and target.is_ours(is_now):
                found.setdefault((name, place), was)
            elif row.outcome != "by_hand":  # what nobody has removed yet is still of our making
                found.pop((name, place), None)
    return found


def remembered(workspace: Workspace, name: str, place: Callable[[Row], str]) -> dict[Key, Row]:
    """What a target was last made to hold, by account and what `place` takes from a row."""
    found = dict[Key, Row]()
    for row in _written(workspace):
        was, is_now = _rows(row.before).get(name), _rows(row.after).get(name)
        if is_now is not None:
            found[row.account, place(is_now)] = is_now
        elif was is not None and row.outcome != "by_hand":
            found.pop((row.account, place(was)), None)
    return found


def _written(workspace: Workspace) -> Iterator[ChangeRow]:
    """Every row that was written, in the order of the runs."""
    changes = workspace.ledger.changes
    for change in reversed(changes.changes()):
        yield from changes.rows(change.run, *_WRITTEN)


def _rows(text: str | None) -> dict[str, Row]:
    return dict(json.loads(text)) if text else {}


def _whom(row: ChangeRow) -> Suppression:
    return read(row.becomes or row.was or "")
