"""Where suppressions go, all targets as one. Each is read, written and read back; all writes may be
repeated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bouncelens.errors import SettingsInvalid
from bouncelens.service.suppress.decisions import gone
from bouncelens.service.suppress.memory import Origins, origins, remembered
from bouncelens.service.suppress.own_targets import ExtensionTarget, FileTarget
from bouncelens.service.suppress.record import Key, Row, key_of, told
from bouncelens.service.suppress.target import Left, Target

if TYPE_CHECKING:
    from bouncelens.bounce import Suppression
    from bouncelens.service.tenant import Line
    from bouncelens.service.workspace import Workspace

Leavers = Callable[[Sequence[Key]], set[Key]]
Wish = tuple["Suppression", str | None]  # somebody, and what the targets shall hold
_LIST_KEY = (
    "auto_suppression.list_key wants the external key of the list in this business unit, not its "
    'name. Where a list cannot be read, leave it empty, with removal = "by_hand".'
)
Kept = set[tuple[str, Key]]  # target names and places that must not be emptied


class Present:
    """What the targets hold at one moment."""

    def __init__(
        self, targets: Mapping[str, Target], rows: Mapping[str, Mapping[Key, Row]]
    ) -> None:
        self._targets, self._rows = targets, rows

    def rows(self, one: Suppression) -> dict[str, Row]:
        """What they hold of somebody, by target; those that hold nothing are not there."""
        found = dict[str, Row]()
        for name, target in self._targets.items():
            place = target.place(one)
            row = None if place is None else self._rows[name].get(place)
            if row is not None:
                found[name] = row
        return found

    def of(self, one: Suppression) -> str | None:
        """The same as a plan writes it; None: nothing at all."""
        return _text(self.rows(one))

    def every(self) -> dict[str, Mapping[Key, Row]]:
        """All rows, also those of others, by target and place."""
        return dict(self._rows)


class Targets:
    """All targets as one. What they hold of a person is a JSON: target name to row."""

    def __init__(self, targets: Sequence[Target], leavers: Leavers | None = None) -> None:
        self._targets = {target.name: target for target in targets}
        self._leavers = leavers
        self._shared = {name: t for name, t in self._targets.items() if t.is_shared}

    @property
    def names(self) -> tuple[str, ...]:
        """Of each target."""
        return tuple(self._targets)

    def check(self) -> None:
        """Look whether a plan could be applied. Raises what would stop it, such as SourceError."""
        for target in self._targets.values():
            target.check()

    def looked(self, name: str) -> str:
        """That one of them is ready, in words. Raises what stands in the way."""
        self._targets[name].check()
        return "it can be written to, or is made by the first apply"

    def read(self) -> Present:
        """What they hold now."""
        return Present(self._targets, {n: target.read() for n, target in self._targets.items()})

    def wanted(self, one: Suppression, present: Present) -> str | None:
        """What they shall hold of somebody suppressed."""
        there = present.rows(one)
        told_rows = ((n, target.wanted(one, there.get(n))) for n, target in self._targets.items())
        return _text({name: row for name, row in told_rows if row is not None})

    def released(
        self, one: Suppression, present: Present, before: Origins, kept: Kept
    ) -> str | None:
        """What they shall hold of somebody let go: where others write, too, what was there before
        us, and nothing that somebody else's suppression needs."""
        there = present.rows(one)
        after = dict[str, Row]()
        for name, target in self._shared.items():
            place, row = target.place(one), there.get(name)
            if place is None or row is None:
                continue
            is_made_by_us = (name, place) in before and target.is_ours(row)
            if (name, place) in kept or not is_made_by_us:
                after[name] = row
            elif (first := before[name, place]) is not None:
                after[name] = first
        return _text(after)

    def origins(self, workspace: Workspace) -> Origins:
        """What was in shared places before us. Slow: it reads all that was ever applied."""
        return origins(workspace, self._shared)

    def keep(self, one: Suppression, kept: Kept) -> None:
        """Note which shared places somebody's suppression needs."""
        for name, target in self._shared.items():
            if (place := target.place(one)) is not None:
                kept.add((name, place))

    def excused(self, lacking: Iterable[Wish], present: Present) -> set[Key]:
        """Of those of whom the targets do not hold what they should: who is gone there, so that
        nothing else can be held."""
        places = dict[str, dict[Key, Key]]()
        lacks = dict[Key, int]()
        for one, text in lacking:
            there, rows = present.rows(one), _rows(text)
            for name in there.keys() | rows.keys():
                if there.get(name) != rows.get(name):
                    key, target = key_of(one), self._targets.get(name)
                    lacks[key] = lacks.get(key, 0) + 1
                    if target is not None and (place := target.place(one)) is not None:
                        places.setdefault(name, {})[place] = key
        for name, found in places.items():
            for place in self._targets[name].excused(list(found)):
                lacks[found[place]] -= 1
        return {key for key, count in lacks.items() if count == 0}

    def frees(self, row: tuple[str | None, str | None]) -> bool:
        """Whether a row, before and after, takes away from somebody what keeps them from mail."""
        before, after = map(_rows, row)
        return any(
            target.is_ours(held) and not (name in after and target.is_ours(after[name]))
            for name, target in self._targets.items()
            if (held := before.get(name)) is not None
        )

    def holds(self, wish: Wish, present: Present, *, by_hand: bool) -> bool:
        """Whether they hold what was written. `by_hand`: what a person has to remove may be there
        still."""
        one, text = wish
        there, after = present.rows(one), _rows(text)
        for name in self._targets:
            is_owed = by_hand and name in self._shared and name not in after
            if there.get(name) != after.get(name) and not is_owed:
                return False
        return True

    def has_moved(self, row: tuple[str | None, str | None], there: Mapping[str, Row]) -> bool:
        """Whether a target of ours holds something else than a plan's row before or after it."""
        before, after = map(_rows, row)
        return any(
            there.get(name) not in (before.get(name), after.get(name))
            for name in self._targets
            if name not in self._shared
        )

    def still(
        self, row: tuple[str | None, str | None], there: Mapping[str, Row]
    ) -> tuple[str | None, str | None]:
        """A plan's row, before and after, as the shared targets make it at this moment."""
        before, after = map(_rows, row)
        for name, target in self._shared.items():
            now = there.get(name)
            _put(after, name, target.still(after.get(name), now))
            _put(before, name, now)
        return _text(before), _text(after)

    def undone(self, row: tuple[str | None, str | None], there: Mapping[str, Row]) -> str | None:
        """What takes a row back."""
        before, after = map(_rows, row)
        made = dict[str, Row]()
        for name, target in self._targets.items():
            back = target.undone(before.get(name), after.get(name), there.get(name))
            _put(made, name, back)
        return _text(made)

    def write(self, wishes: Sequence[Wish]) -> dict[Key, Left]:
        """Make them hold this; what was not done, by person."""
        left = dict[Key, Left]()
        for name, target in self._targets.items():
            put, drop = dict[Key, Row](), dict[Key, None]()
            people = dict[Key, list[Key]]()
            for one, text in wishes:
                if (place := target.place(one)) is None:
                    continue
                people.setdefault(place, []).append(key_of(one))
                row = _rows(text).get(name)
                if row is None:
                    drop[place] = None
                else:
                    put[place] = row
            undone = dict(target.put(put)) if put else {}
            if away := [place for place in drop if place not in put]:
                undone |= target.drop(away)
            for place, what in undone.items():
                for key in people[place]:
                    if key not in left or what.outcome == "refused":
                        left[key] = what
        return left

    def unsubscribed(self, keys: Sequence[Key]) -> set[Key]:
        """Which of them Marketing Cloud calls unsubscribed at this moment, by this key or another
        one with the same address."""
        return set() if self._leavers is None or not keys else self._leavers(keys)


@contextmanager
def opened(workspace: Workspace) -> Iterator[Targets]:
    """The targets that the settings name; connections end with the block."""
    settings = workspace.settings
    targets: list[Target] = []
    if settings.suppression.file:
        targets.append(FileTarget(Path(settings.suppression.file)))
    asks_tenant = (
        settings.suppression.data_extension,
        settings.auto_suppression.import_key,
        settings.subscriber_status.suppressed,
    )
    if not any(asks_tenant):
        yield Targets(targets)
        return
    from bouncelens.service.tenant import line_to

    with line_to(settings) as line:
        in_tenant, leavers = _in_tenant(workspace, line)
        yield Targets([*in_tenant, *targets], leavers)


def _in_tenant(workspace: Workspace, line: Line) -> tuple[list[Target], Leavers]:
    from bouncelens.extract.keyed_rows import KeyedRows
    from bouncelens.extract.statuses import SubscriberStatuses
    from bouncelens.service.suppress.own_targets import by_account
    from bouncelens.service.suppress.status_target import StatusTarget
    from bouncelens.service.tenant import chosen

    settings = workspace.settings
    accounts = chosen(settings, ())
    of_line = (line.sign_in, line.wire, line.patience)
    asked = SubscriberStatuses(*of_line)
    by_mid = {account.mid: account for account in accounts}
    targets: list[Target] = []
    if key := settings.suppression.data_extension:
        targets.append(ExtensionTarget(KeyedRows(*of_line), key, accounts))
    if settings.subscriber_status.suppressed:
        left = partial(gone, workspace)
        targets.append(StatusTarget(asked, settings.subscriber_status, accounts, left))
    if settings.auto_suppression.import_key:
        targets.append(_lists(workspace, line))

    def leavers(keys: Sequence[Key]) -> set[Key]:
        """Who is unsubscribed at this moment."""
        found = set[Key]()
        for mid, part in by_account(keys).items():
            if (account := by_mid.get(mid)) is not None:
                found |= {(mid, key) for key in asked.left(account, [key for _, key in part])}
        return found

    return targets, leavers


def _lists(workspace: Workspace, line: Line) -> Target:
    from bouncelens.extract.gate import gate_of
    from bouncelens.extract.imports import Imports
    from bouncelens.extract.keyed_rows import Keyed, KeyedRows
    from bouncelens.service.extracts import landings
    from bouncelens.service.suppress.list_target import ADDRESS, ListTarget, Tools
    from bouncelens.service.tenant import chosen

    settings, of_line = workspace.settings, (line.sign_in, line.wire, line.patience)
    auto = settings.auto_suppression
    if not settings.tracking.host:
        raise SettingsInvalid(
            "auto_suppression.import_key is set, but tracking.host is not: the import's file goes "
            "over SFTP.",
            advice="Write [tracking] with host, host_key, user and password or key.",
        )
    tools = Tools(
        Imports(*of_line, limit_s=60 * auto.limit_minutes),
        KeyedRows(*of_line, keyed=Keyed(ADDRESS, _LIST_KEY)) if auto.list_key else None,
        {mid: landing.place for landing in landings(settings) for mid in landing.mids},
        line.patience,
        gate_of(settings.calls),
        lambda name: remembered(workspace, name, lambda row: row[ADDRESS]),
    )
    return ListTarget(tools, auto, chosen(settings, ()))


def _rows(text: str | None) -> dict[str, Row]:
    return dict(json.loads(text)) if text else {}


def _text(rows: Mapping[str, Row]) -> str | None:
    return told(dict(rows)) if rows else None


def _put(rows: dict[str, Row], name: str, row: Row | None) -> None:
    if row is None:
        rows.pop(name, None)
    else:
        rows[name] = row
