"""A plan as a file: one line that says what it is, then one line per address. Its SHA-256 is known
to the ledger that made it, so a changed file, or one from elsewhere, cannot be applied."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from json.encoder import encode_basestring
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from bouncelens.errors import InputInvalid, StoreError
from bouncelens.service.suppress.record import told
from bouncelens.settings.owned import owned_whole
from bouncelens.store.ledger.changes import ChangeRow

if TYPE_CHECKING:
    from typing import IO

FORMAT = "bouncelens plan 1"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Head:
    """The first line. `base`: the change after which the plan was made; None: the first."""

    made_at: str
    made_by: str
    policy: str
    policy_version: str
    ruleset: str
    account: int | None
    targets: list[str]
    base: int | None
    counts: dict[str, int]
    added: dict[str, int]  # addresses by provider
    format: str = FORMAT


class Draft:
    """Rows of a plan on their way into a file, which is closed with the head that counts them."""

    def __init__(self, rows: IO[bytes]) -> None:
        self._rows = rows

    def add(self, row: ChangeRow) -> None:
        """One more address."""
        self._rows.write(_line(row).encode())

    def finish(self, head: Head, out: Path | None) -> str:
        """Write head and rows; the plan's hash. Raises StoreError."""
        digest = hashlib.sha256()
        first = told(asdict(head)).encode() + b"\n"
        try:
            with _whole(out) as file:
                self._rows.seek(0)
                for piece in _pieces(first, self._rows):
                    digest.update(piece)
                    if file is not None:
                        file.write(piece)
        except OSError as error:
            raise StoreError(f"The plan {out} cannot be written: {error}.") from error
        return digest.hexdigest()


def _line(row: ChangeRow) -> str:
    """A row as JSON: what is JSON in it already is only quoted."""
    texts = ",".join(
        f'"{name}":{"null" if text is None else encode_basestring(text)}'
        for name, text in (
            ("subscriber_key", row.subscriber_key),
            ("before", row.before),
            ("after", row.after),
            ("was", row.was),
            ("becomes", row.becomes),
        )
    )
    return f'{{"number":{row.number},"kind":"{row.kind}","account":{row.account},{texts}}}\n'


@contextmanager
def draft() -> Iterator[Draft]:
    """A new plan; its rows are on disk, not in memory."""
    with TemporaryFile() as rows:
        yield Draft(rows)


@contextmanager
def _whole(out: Path | None) -> Iterator[IO[bytes] | None]:
    """The file, there only when it is complete. It names people: for its owner only."""
    if out is None:
        yield None
        return
    with owned_whole(out, "wb") as file:
        yield file


def _pieces(first: bytes, rows: IO[bytes]) -> Iterator[bytes]:
    yield first
    while piece := rows.read(_PIECE):
        yield piece


@dataclass(frozen=True, slots=True)
class Opened:
    """A plan's file, its hash worked out, its rows not yet read."""

    path: Path
    hash: str
    head: Head

    def rows(self) -> Iterator[ChangeRow]:
        """The addresses, in order."""
        with self.path.open("rb") as file:
            next(file, None)
            for line in file:
                yield ChangeRow(**json.loads(line))


def open_plan(path: Path) -> Opened:
    """Read the head and work out the hash. Raises InputInvalid when it is no plan."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            first = file.readline(_PIECE)
            digest.update(first)
            while piece := file.read(_PIECE):
                digest.update(piece)
        said: Any = json.loads(first)
        if not isinstance(said, dict) or said.get("format") != FORMAT:
            raise ValueError(said)
        return Opened(path, digest.hexdigest(), Head(**said))
    except OSError as error:
        raise InputInvalid(f"The plan {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise InputInvalid(
            f"{path} is no plan.", advice="`bouncelens suppress plan --out FILE` writes one."
        ) from error
