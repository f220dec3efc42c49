"""A file of replies into verdicts, row by row, in flat memory: no lake, no tenant, no settings."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bouncelens.errors import InputInvalid
from bouncelens.extract.archive import Part, plain_part
from bouncelens.extract.columns import names_of, plain
from bouncelens.extract.records import Block, records_of

if TYPE_CHECKING:
    from bouncelens.bounce import Quarantined, Verdict
    from bouncelens.service.judge import Judge

# Columns that tell which row this is; addresses are shown only to who asks for them.
_IDENTITY = ("account", "job", "batch", "subscriber_key", "event_time", "subscriber_id", "list_id")
_CODES = ("code", "sfmc_code", "reply_code", "smtpcode", "smtpbouncecode")
_STATUSES = ("status", "enhancedstatus", "enhancedstatuscode", "dsn")
_DOMAINS = ("domain", "emaildomain", "recipientdomain")


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """One row's verdict, with the row's own id columns."""

    line: int | None
    ids: Mapping[str, str | None]
    verdict: Verdict
    action: str


@dataclass(slots=True)
class FileVerdicts:
    """The rows of a file, judged as they are read. `quarantined` grows while they are."""

    rows: Iterator[JudgedRow]
    column: str  # the column that was read
    quarantined: list[Quarantined] = field(default_factory=list)


@contextmanager
def spooled(stream: IO[bytes]) -> Iterator[Path]:
    """A pipe as a file: its format is told by looking at its beginning more than once."""
    with tempfile.TemporaryDirectory(prefix="bouncelens-") as folder:
        path = Path(folder) / "stdin"
        with path.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
        yield path


def classify_file(
    judge: Judge, path: Path, *, column: str | None = None, keep: Sequence[str] = ()
) -> FileVerdicts:
    """Verdicts on the replies of a csv, tsv, jsonl or parquet file.

    `column`: where the reply is, if its name is none we know; `keep`: further columns to repeat.
    Raises InputInvalid for a file without such a column, before the first row.
    """
    part = _part(path)
    records = records_of(part)
    chosen = _reply_column(part.name, records.header, column)
    for name in keep:
        _place(part.name, records.header, name)
    result = FileVerdicts(iter(()), records.header[chosen])
    result.rows = _rows(judge, records.blocks(), result, keep)
    return result


def _part(path: Path) -> Part:
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise InputInvalid(f"{path} cannot be read: {error.strerror}.") from error
    if is_empty:
        raise InputInvalid(f"{path.name} is empty.")
    return plain_part(path)


def _rows(
    judge: Judge, blocks: Iterator[Block], result: FileVerdicts, keep: Sequence[str]
) -> Iterator[JudgedRow]:
    actions = {name: reason.action for name, reason in judge.ruleset.reasons.items()}
    for block in blocks:
        result.quarantined += block.bad
        cells = _Cells(block, result.column, keep)
        for index, verdict in enumerate(_verdicts(judge, cells, block.count)):
            yield JudgedRow(block.lines[index], cells.ids(index), verdict, actions[verdict.reason])


def _verdicts(judge: Judge, cells: _Cells, count: int) -> Iterator[Verdict]:
    """A block at a time: each distinct template is judged once."""
    import pyarrow as pa

    from bouncelens.service.bulk import Replies, providers_of

    asked = [cells.asked(index) for index in range(count)]
    texts, codes, statuses, domains = ([row[place] for row in asked] for place in range(4))
    replies = Replies(
        pa.array(texts, pa.string()),
        pa.array(codes, pa.int32()),
        pa.array(statuses, pa.string()),
        providers_of(pa.array(domains, pa.string())),
    )
    numbers, entries = judge.bulk.look_up(replies)
    return (entries[number].shared for number in numbers.tolist())


class _Cells:
    """The cells of a block that matter here."""

    def __init__(self, block: Block, column: str, keep: Sequence[str]) -> None:
        names = [plain(name) for name in block.header]
        self._block = block
        self._text = block.header.index(column)

        def place(known: Sequence[str]) -> int | None:
            return next((names.index(plain(n)) for n in known if plain(n) in names), None)

        self._code, self._status, self._domain = place(_CODES), place(_STATUSES), place(_DOMAINS)
        self._address = place(names_of("bounces").names["address"])
        kept = {plain(name) for name in keep}
        self._ids = [i for i, name in enumerate(names) if _is_id(name) or name in kept]

    def asked(self, index: int) -> tuple[str, int | None, str | None, str | None]:
        code, domain = self._cell(self._code, index), self._cell(self._domain, index)
        if domain is None and (address := self._cell(self._address, index)):
            domain = address.rpartition("@")[2]
        number = int(code) if code and code.isascii() and code.isdigit() and len(code) < 6 else None
        return (
            self._cell(self._text, index) or "",
            number,
            self._cell(self._status, index) or None,
            domain.strip().lower() if domain else None,
        )

    def ids(self, index: int) -> dict[str, str | None]:
        return {self._block.header[i]: self._cell(i, index) for i in self._ids}

    def _cell(self, place: int | None, index: int) -> str | None:
        if place is None:
            return None
        value: Any = self._block.columns[place][index]
        return value if value is None or isinstance(value, str) else value.as_py()


def _is_id(name: str) -> bool:
    return name.endswith("id") or any(name in _plain_names(field) for field in _IDENTITY)


def _plain_names(field: str) -> frozenset[str]:
    return frozenset(plain(name) for name in (field, *names_of("bounces").names[field]))


def _reply_column(source: str, header: Sequence[str], wanted: str | None) -> int:
    if wanted is not None:
        return _place(source, header, wanted)
    names = [plain(name) for name in header]
    known = (*names_of("bounces").names["reply_text"], "reply", "text", "message", "response")
    for name in known:
        if plain(name) in names:
            return names.index(plain(name))
    raise InputInvalid(
        f"{source}: no column for the server's reply (tried {', '.join(known[:8])} …; "
        f"found {', '.join(repr(name[:40]) for name in header[:40]) or 'none'}).",
        advice="Name it with --column.",
    )


def _place(source: str, header: Sequence[str], name: str) -> int:
    names = [plain(known) for known in header]
    if plain(name) in names:
        return names.index(plain(name))
    raise InputInvalid(
        f"{source}: no column {name!r}.",
        advice=f"There are: {', '.join(repr(known[:40]) for known in header[:40])}.",
    )
