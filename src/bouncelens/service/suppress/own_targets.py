"""Targets with a row per person that is only ours: a data extension, a CSV file. Each is read,
written and read back; both writes may be repeated."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bouncelens.bounce import Account
from bouncelens.errors import InputInvalid, SettingsInvalid, StoreError
from bouncelens.service.suppress.record import COLUMNS, Key, Row
from bouncelens.service.suppress.target import Left, OwnRows
from bouncelens.settings.owned import owned_whole

if TYPE_CHECKING:
    from bouncelens.extract.keyed_rows import KeyedRows

ABOUT = "Addresses that must not be mailed, kept by bouncelens. Rows of others stay as they are."
_RISKY = ("=", "@", "+", "-", "\t", "\r", "\n", "'")


class ExtensionTarget(OwnRows):
    """A data extension of the same external key in each business unit."""

    def __init__(self, rows: KeyedRows, key: str, accounts: Sequence[Account]) -> None:
        self._rows, self._key = rows, key
        self._accounts = {account.mid: account for account in accounts}
        self._there: dict[int, bool] = {}

    @property
    def name(self) -> str:
        """Its name."""
        return f"extension:{self._key}"

    def check(self) -> None:
        """Whether one that is there already can take our rows. Raises SettingsInvalid for one of
        somebody else's; SourceError, SignInRefused."""
        for account in self._accounts.values():
            if not self._is_there(account):
                continue
            if lacking := self._rows.lacks(account, self._key, COLUMNS):
                raise SettingsInvalid(
                    f"The data extension {self._key!r} of account {account.mid} is another one: it "
                    f"has no column {', '.join(lacking)}.",
                    advice="Name one that is not there yet as suppression.data_extension: the "
                    "first apply makes it.",
                )

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

    def put(self, rows: Mapping[Key, Row]) -> dict[Key, Left]:
        """Upsert, unit by unit; makes the data extension where it is absent."""
        refused: dict[Key, Left] = {}
        for mid, part in by_account(rows).items():
            account = self._accounts.get(mid)
            if account is None:
                words = f"the settings have no account {mid}"
                refused |= dict.fromkeys(part, Left("refused", words))
                continue
            if not self._is_there(account):
                self._rows.make(account, self._key, COLUMNS, about=ABOUT)
                self._there[mid] = True
            told_off = self._rows.put(account, self._key, [rows[key] for key in part])
            refused |= {(mid, key): Left("refused", words) for key, words in told_off.items()}
        return refused

    def drop(self, places: Sequence[Key]) -> dict[Key, Left]:
        """Delete, unit by unit."""
        for mid, part in by_account(places).items():
            account = self._accounts.get(mid)
            if account is not None and self._is_there(account):
                self._rows.drop(account, self._key, [key for _, key in part])
        return {}

    def _is_there(self, account: Account) -> bool:
        if account.mid not in self._there:
            self._there[account.mid] = self._rows.exists(account, self._key)
        return self._there[account.mid]


class FileTarget(OwnRows):
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
                    if (row := dict(zip(names[1:], map(bare_cell, cells[1:]), strict=True)))
                }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, csv.Error) as error:
            raise InputInvalid(f"{self._path} cannot be read: {error}.") from error

    def put(self, rows: Mapping[Key, Row]) -> dict[Key, Left]:
        """With these rows."""
        self._write(self.read() | {key: dict(row) for key, row in rows.items()})
        return {}

    def drop(self, places: Sequence[Key]) -> dict[Key, Left]:
        """Without these rows."""
        gone = set(places)
        self._write({key: row for key, row in self.read().items() if key not in gone})
        return {}

    def _write(self, rows: Mapping[Key, Row]) -> None:
        names = [name for name, _, _ in COLUMNS]
        cells = ([str(mid), *(row[n] for n in names)] for (mid, _), row in sorted(rows.items()))
        write_csv(self._path, ["Account", *names], cells)


def by_account(keys: Iterable[Key]) -> dict[int, list[Key]]:
    """Keys or places, unit by unit."""
    found: dict[int, list[Key]] = {}
    for key in keys:
        found.setdefault(key[0], []).append(key)
    return found


def write_csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A CSV file, whole or not at all, for its owner only: it names people. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with owned_whole(path) as file:
            writer = csv.writer(file)
            writer.writerow(names)
            writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}.") from error


def is_risky(text: str) -> bool:
    """Whether a spreadsheet takes a cell for a formula. A plain number with a sign is none."""
    return text.startswith(_RISKY) and not (text[0] in "+-" and text[1:].isdigit())


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if is_risky(text) else text


def bare_cell(text: str) -> str:
    """The cell as it was."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_RISKY) else text
