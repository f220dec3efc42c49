"""Where suppressions go. Each is read, written and read back; both writes may be repeated."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bouncelens.bounce import Account
from bouncelens.errors import InputInvalid, StoreError
from bouncelens.service.suppress.record import COLUMNS, Key, Row, row_of, told

if TYPE_CHECKING:
    from bouncelens.bounce import Suppression
    from bouncelens.extract.keyed_rows import KeyedRows
    from bouncelens.service.workspace import Workspace

ABOUT = "Addresses that must not be mailed, kept by bouncelens. Rows of others stay as they are."
_RISKY = ("=", "@", "+", "-", "\t", "\r", "\n", "'")

Statuses = Callable[[Sequence[Key]], Mapping[Key, str]]


class Target(Protocol):
    """One place that holds a row for each suppressed person."""

    @property
    def name(self) -> str:
        """Its name in plans and errors, such as 'file:PATH'."""
        ...

    def read(self) -> dict[Key, Row]:
        """All that is there, also what others wrote."""
        ...

    def put(self, rows: Mapping[Key, Row]) -> dict[Key, str]:
        """Insert or replace rows; those refused, each with the words."""
        ...

    def drop(self, keys: Sequence[Key]) -> None:
        """Remove rows; that one is not there is no failure."""
        ...


class ExtensionTarget:
    """A data extension of the same external key in each business unit."""

    def __init__(self, rows: KeyedRows, key: str, accounts: Sequence[Account]) -> None:
        self._rows, self._key = rows, key
        self._accounts = {account.mid: account for account in accounts}
        self._there: dict[int, bool] = {}

    @property
    def name(self) -> str:
        """Its name."""
        return f"extension:{self._key}"

    def read(self) -> dict[Key, Row]:
        """All rows of all business units."""
        found: dict[Key, Row] = {}
        for mid, account in self._accounts.items():
            if self._is_there(account):
                rows = self._rows.read(account, self._key, COLUMNS)
                found |= {
                    (mid, key): {name: row.get(name, "") for name, _, _ in COLUMNS}
                    for key, row in rows.items()
                }
        return found

    def put(self, rows: Mapping[Key, Row]) -> dict[Key, str]:
        """Upsert, unit by unit; makes the data extension where it is absent."""
        refused: dict[Key, str] = {}
        for mid, part in _by_account(rows).items():
            account = self._accounts.get(mid)
            if account is None:
                refused |= dict.fromkeys(part, f"the settings have no account {mid}")
                continue
            if not self._is_there(account):
                self._rows.make(account, self._key, COLUMNS, about=ABOUT)
                self._there[mid] = True
            told_off = self._rows.put(account, self._key, [rows[key] for key in part])
            refused |= {(mid, key): words for key, words in told_off.items()}
        return refused

    def drop(self, keys: Sequence[Key]) -> None:
        """Delete, unit by unit."""
        for mid, part in _by_account(keys).items():
            account = self._accounts.get(mid)
            if account is not None and self._is_there(account):
                self._rows.drop(account, self._key, [key for _, key in part])

    def statuses(self, keys: Sequence[Key]) -> dict[Key, str]:
        """Subscriber statuses in Marketing Cloud at this moment, where it has such a subscriber."""
        found: dict[Key, str] = {}
        for mid, part in _by_account(keys).items():
            if (account := self._accounts.get(mid)) is not None:
                said = self._rows.statuses(account, [key for _, key in part])
                found |= {(mid, key): status for key, status in said.items()}
        return found

    def _is_there(self, account: Account) -> bool:
        if account.mid not in self._there:
            self._there[account.mid] = self._rows.exists(account, self._key)
        return self._there[account.mid]


class FileTarget:
    """A CSV file with everybody, replaced as a whole each time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """Its name."""
        return f"file:{self._path}"

    def read(self) -> dict[Key, Row]:
        """All rows. Raises InputInvalid when it is another file."""
        names = ["Account", *(name for name, _, _ in COLUMNS)]
        try:
            with self._path.open(encoding="utf-8", newline="") as file:
                reader = csv.reader(file)
                if next(reader, names) != names:
                    raise InputInvalid(
                        f"{self._path} is not a file of suppressions.",
                        advice="Name another one as suppression.file.",
                    )
                return {
                    (int(cells[0]), row["SubscriberKey"]): row
                    for cells in reader
                    if (row := dict(zip(names[1:], map(_bare, cells[1:]), strict=True)))
                }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, csv.Error) as error:
            raise InputInvalid(f"{self._path} cannot be read: {error}.") from error

    def put(self, rows: Mapping[Key, Row]) -> dict[Key, str]:
        """With these rows."""
        self._write(self.read() | {key: dict(row) for key, row in rows.items()})
        return {}

    def drop(self, keys: Sequence[Key]) -> None:
        """Without these rows."""
        gone = set(keys)
        self._write({key: row for key, row in self.read().items() if key not in gone})

    def _write(self, rows: Mapping[Key, Row]) -> None:
        parts = self._path.with_name(f".{self._path.name}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with parts.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["Account", *(name for name, _, _ in COLUMNS)])
                for (account, _), row in sorted(rows.items()):
                    writer.writerow([account, *(safe_cell(row[name]) for name, _, _ in COLUMNS)])
                file.flush()
                os.fsync(file.fileno())
            parts.replace(self._path)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {error}.") from error


class Targets:
    """All targets as one. What they hold of a person is a JSON: target name to row."""

    def __init__(self, targets: Sequence[Target], statuses: Statuses | None = None) -> None:
        self._targets = {target.name: target for target in targets}
        self._statuses = statuses

    @property
    def names(self) -> tuple[str, ...]:
        """Of each target."""
        return tuple(self._targets)

    def wanted(self, suppression: Suppression) -> str | None:
        """What they shall hold of a person."""
        row = row_of(suppression)
        return told(dict.fromkeys(self._targets, row)) if self._targets else None

    def read(self) -> dict[Key, str]:
        """What they hold, of everybody of whom any holds something."""
        found: dict[Key, dict[str, Row]] = {}
        for name, target in self._targets.items():
            for key, row in target.read().items():
                found.setdefault(key, {})[name] = row
        return {key: told(rows) for key, rows in found.items()}

    def write(self, wanted: Mapping[Key, str | None]) -> dict[Key, str]:
        """Make them hold this of each person; who was refused, each with the words."""
        rows = {key: json.loads(text) if text else {} for key, text in wanted.items()}
        refused: dict[Key, str] = {}
        for name, target in self._targets.items():
            if put := {key: row[name] for key, row in rows.items() if name in row}:
                refused |= target.put(put)
            if drop := [key for key, row in rows.items() if name not in row]:
                target.drop(drop)
        return refused

    def unsubscribed(self, keys: Sequence[Key]) -> set[Key]:
        """Which of them Marketing Cloud calls unsubscribed at this moment."""
        if self._statuses is None or not keys:
            return set()
        return {key for key, status in self._statuses(keys).items() if status == "unsubscribed"}


@contextmanager
def opened(workspace: Workspace) -> Iterator[Targets]:
    """The targets that the settings name; connections end with the block."""
    settings = workspace.settings
    targets: list[Target] = []
    if settings.suppression.file:
        targets.append(FileTarget(Path(settings.suppression.file)))
    if not settings.suppression.data_extension:
        yield Targets(targets)
        return
    from bouncelens.extract.keyed_rows import KeyedRows
    from bouncelens.service.tenant import chosen, line_to

    with line_to(settings) as line:
        rows = KeyedRows(line.sign_in, line.wire, line.patience)
        key = settings.suppression.data_extension
        extension = ExtensionTarget(rows, key, chosen(settings, ()))
        yield Targets([extension, *targets], extension.statuses)


def _by_account(keys: Mapping[Key, Row] | Sequence[Key]) -> dict[int, list[Key]]:
    found: dict[int, list[Key]] = {}
    for key in keys:
        found.setdefault(key[0], []).append(key)
    return found


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula. A plain number with a sign is none."""
    if not text.startswith(_RISKY) or (text[0] in "+-" and text[1:].isdigit()):
        return text
    return f"'{text}"


def _bare(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_RISKY) else text
