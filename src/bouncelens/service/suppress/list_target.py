"""Auto-suppression lists as a target: addresses, added by an import over SFTP.

An import adds and updates; what takes an address away is a setting: a person, a deleted row, or an
import that overwrites the list. Where the list can be read, it is; else the import's counts and the
ledger are believed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bouncelens.bounce import Account
from bouncelens.errors import InputInvalid
from bouncelens.extract.imports import Imports
from bouncelens.extract.keyed_rows import KeyedRows
from bouncelens.extract.limits import Patience
from bouncelens.extract.tracking import Place, TrackingSource
from bouncelens.service.suppress.own_targets import bare_cell, by_account, write_csv
from bouncelens.service.suppress.record import Key, Row
from bouncelens.service.suppress.target import Left

if TYPE_CHECKING:
    from bouncelens.bounce import Suppression
    from bouncelens.extract.gate import Gate
    from bouncelens.settings.model import AutoSuppressionSettings

ADDRESS, ADDED = "Email Address", "Date Added"
COLUMNS = ((ADDRESS, "EmailAddress", 254), (ADDED, "Date", 0))
_REMOVALS = ("Account", ADDRESS)

Remembered = Callable[[str], Mapping[Key, Row]]


@dataclass(frozen=True, slots=True)
class Tools:
    """What the list is worked with. `rows`: None where it cannot be read; `remembered`: what the
    ledger knows of a target by its name."""

    imports: Imports
    rows: KeyedRows | None
    places: Mapping[int, Place]  # SFTP accounts by business unit
    patience: Patience
    gate: Gate
    remembered: Remembered


class ListTarget:
    """An auto-suppression list of each business unit, by address."""

    is_shared = True

    def __init__(
        self, tools: Tools, settings: AutoSuppressionSettings, accounts: Sequence[Account]
    ) -> None:
        self._tools, self._settings = tools, settings
        self._accounts = {account.mid: account for account in accounts}

    @property
    def name(self) -> str:
        """Its name."""
        return f"auto-suppression:{self._settings.import_key}"

    def place(self, one: Suppression) -> Key | None:
        """By address, without regard to case; nobody without one."""
        return (one.account, one.address.lower()) if one.address else None

    def wanted(self, one: Suppression, there: Row | None) -> Row | None:
        """The address."""
        del there
        return {ADDRESS: one.address.lower()} if one.address else None

    def check(self) -> None:
        """Look for import, SFTP user and list of every unit. Raises InputInvalid, SignInRefused and
        SourceError."""
        for account in self._accounts.values():
            self._tools.imports.named(account, self._settings.import_key)
            self._place(account)
            if self._tools.rows is not None:
                self._tools.rows.look(account, self._settings.list_key)

    def read(self) -> dict[Key, Row]:
        """All addresses of all lists."""
        if self._tools.rows is None:
            return dict(self._tools.remembered(self.name))
        return {
            (mid, address): {ADDRESS: address}
            for mid, account in self._accounts.items()
            for address in self._listed(account)
        }

    def put(self, rows: Mapping[Key, Row]) -> dict[Key, Left]:
        """Import what is not there yet, unit by unit."""
        left = dict[Key, Left]()
        for mid, part in by_account(rows).items():
            if (account := self._accounts.get(mid)) is None:
                words = f"the settings have no account {mid}"
                left |= dict.fromkeys(part, Left("refused", words))
                continue
            there = self._listed(account)
            if new := [place for place in part if place[1] not in there]:
                today = f"{datetime.now(UTC):%Y-%m-%d}"
                added = {place[1]: (place[1], today) for place in new}
                is_whole = self._settings.removal == "overwrite"
                words = self._imported(account, (there | added) if is_whole else added)
                left |= dict.fromkeys(new, Left("refused", words)) if words else {}
        self._owe(lambda owed: owed - {place for place in rows if place not in left})
        return left

    def drop(self, places: Sequence[Key]) -> dict[Key, Left]:
        """Take addresses away as the settings say."""
        left = dict[Key, Left]()
        for mid, part in by_account(places).items():
            account = self._accounts.get(mid)
            there = self._listed(account) if account is not None else {}
            if account is None or not (listed := [p for p in part if p[1] in there]):
                continue
            if self._settings.removal == "overwrite":
                gone = {address for _, address in listed}
                kept = {address: row for address, row in there.items() if address not in gone}
                words = self._imported(account, kept)
                left |= dict.fromkeys(listed, Left("refused", words)) if words else {}
            elif self._settings.removal == "delete" and self._tools.rows is not None:
                spelled = [there[address][0] for _, address in listed]
                self._tools.rows.drop(account, self._settings.list_key, spelled)
            else:
                self._owe(lambda owed, more=frozenset(listed): owed | more)  # type: ignore[misc]
                words = f"remove it from the list by hand; it is in {self._settings.removal_file}"
                left |= dict.fromkeys(listed, Left("by_hand", words))
        return left

    def is_ours(self, row: Row) -> bool:
        """Any may be."""
        del row
        return True

    def still(self, after: Row | None, there: Row | None) -> Row | None:
        """The same."""
        del there
        return after

    def undone(self, before: Row | None, after: Row | None, there: Row | None) -> Row | None:
        """What was before, where the run changed it."""
        return there if before == after else before

    def excused(self, places: Sequence[Key]) -> set[Key]:
        """Nobody."""
        del places
        return set()

    def _listed(self, account: Account) -> dict[str, tuple[str, str]]:
        """Addresses on the list, in lower case, with their spelling and date there."""
        rows = self._tools.rows
        if rows is None:
            known = self._tools.remembered(self.name)
            return {address: (address, "") for mid, address in known if mid == account.mid}
        told = rows.read(account, self._settings.list_key, COLUMNS)
        return {address.lower(): (address, row.get(ADDED, "")) for address, row in told.items()}

    def _imported(self, account: Account, rows: Mapping[str, tuple[str, str]]) -> str:
        """Put the file there and have it imported; what went wrong, in words."""
        settings, imports = self._settings, self._tools.imports
        place = self._place(account)
        object_id = imports.ready(account, settings.import_key)
        files = TrackingSource(
            replace(place, folder=settings.folder),
            patience=self._tools.patience,
            gate=self._tools.gate,
        )
        name = settings.file.replace("{mid}", str(account.mid))
        files.store(_as_csv(rows.values()), name)
        came = imports.run(account, settings.import_key, object_id)
        files.remove(name)  # it names people
        if self._tools.rows is not None:
            return ""  # reading back tells of each
        if came.refused or came.taken + came.doubled < len(rows):
            return (
                f"the import took {came.taken:,} of {len(rows):,} addresses and refused "
                f"{came.refused:,}; its counts do not say which"
            )
        return ""

    def _place(self, account: Account) -> Place:
        """Its SFTP account. Raises InputInvalid where there is none."""
        place = self._tools.places.get(account.mid)
        if place is None:
            raise InputInvalid(
                f"Account {account.mid} has no SFTP user to put an import file with.",
                advice="Set tracking.host and tracking.user, or accounts.sftp_user.",
            )
        return place

    def _owe(self, change: Callable[[set[Key]], set[Key] | frozenset[Key]]) -> None:
        """Change the file of what is to be removed by hand."""
        path = Path(self._settings.removal_file)
        owed = _owed(path)
        if (now := set(change(owed))) != owed:
            write_csv(path, _REMOVALS, ([str(mid), address] for mid, address in sorted(now)))


def _owed(path: Path) -> set[Key]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            if tuple(next(reader, _REMOVALS)) != _REMOVALS:
                raise InputInvalid(
                    f"{path} is not a file of addresses to remove.",
                    advice="Name another one as auto_suppression.removal_file.",
                )
            return {(int(cells[0]), bare_cell(cells[1])) for cells in reader if cells}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise InputInvalid(f"{path} cannot be read: {error}.") from error


def _as_csv(rows: Iterable[tuple[str, str]]) -> bytes:
    """The file for the import. No spreadsheet sees it, so every address stands as it is."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow((ADDRESS, ADDED))
    writer.writerows(rows)
    return text.getvalue().encode()
