"""A file of replies into verdicts, block by block, in flat memory: no lake, no tenant."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bouncelens.errors import InputInvalid
from bouncelens.extract.archive import Part, plain_part
from bouncelens.extract.columns import names_of, plain
from bouncelens.extract.records import Block, records_of
from bouncelens.store.scratch import temporary_folder

if TYPE_CHECKING:
    import pyarrow as pa

    from bouncelens.bounce import Quarantined, Verdict
    from bouncelens.service.bulk import Entry, Replies
    from bouncelens.service.judge import Judge

# Columns that tell which row this is; addresses are shown only to who asks for them.
_IDENTITY = ("account", "job", "batch", "subscriber_key", "event_time", "subscriber_id", "list_id")
_STATUSES = ("status", "enhancedstatus", "enhancedstatuscode", "dsn")


@dataclass(frozen=True, slots=True)
class JudgedBlock:
    """Some rows' verdicts, with the rows' own id columns as text.

    `verdicts` holds each template's verdict once, with what to do about the address; it is shared
    between blocks and only ever longer. `numbers` says per row which one it is.
    """

    lines: Sequence[int | None]
    ids: Mapping[str, pa.Array[Any]]
    numbers: Any
    verdicts: list[tuple[Verdict, str]]


@dataclass(slots=True)
class FileVerdicts:
    """The rows of a file, judged as they are read. `quarantined` grows while they are."""

    blocks: Iterator[JudgedBlock]
    column: str  # the column that was read
    quarantined: list[Quarantined] = field(default_factory=list)


@contextmanager
def spooled(stream: IO[bytes]) -> Iterator[Path]:
    """A pipe as a file: its format is told by looking at its beginning more than once."""
    with temporary_folder() as folder:
        path = folder / "stdin"
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
    result.blocks = _blocks(judge, records.blocks(), result, keep)
    return result


def _part(path: Path) -> Part:
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except FileNotFoundError as error:
        raise InputInvalid(
            f"{path} cannot be read: No such file.",
            advice="For one reply: bouncelens explain 'TEXT'",
        ) from error
    except OSError as error:
        raise InputInvalid(f"{path} cannot be read: {error.strerror}.") from error
    if is_empty:
        raise InputInvalid(f"{path.name} is empty.")
    return plain_part(path)


def _blocks(
    judge: Judge, blocks: Iterator[Block], result: FileVerdicts, keep: Sequence[str]
) -> Iterator[JudgedBlock]:
    """Each distinct template is judged once."""
    actions = {name: reason.action for name, reason in judge.ruleset.reasons.items()}
    known: list[Entry] = []
    verdicts: list[tuple[Verdict, str]] = []
    for block in blocks:
        result.quarantined += block.bad
        if not block.count:
            continue
        cells = _Cells(block, result.column, keep)
        numbers, entries = judge.bulk.look_up(cells.replies())
        if entries is not known:  # the table started again
            known, verdicts = entries, []
        for entry in entries[len(verdicts) :]:
            verdicts.append((entry.shared, actions[entry.shared.reason]))
        yield JudgedBlock(block.lines, cells.ids(), numbers, verdicts)


class _Cells:
    """The columns of a block that matter here."""

    def __init__(self, block: Block, column: str, keep: Sequence[str]) -> None:
        names = [plain(name) for name in block.header]
        self._block = block
        self._text = block.header.index(column)

        def place(known: Sequence[str]) -> int | None:
            return next((names.index(plain(n)) for n in known if plain(n) in names), None)

        ours = names_of("bounces").names
        self._code, self._status = place(ours["sfmc_code"]), place(_STATUSES)
        self._domain, self._address = place(ours["domain"]), place(ours["address"])
        kept = {plain(name) for name in keep}
        self._ids = [i for i, name in enumerate(names) if _is_id(name) or name in kept]

    def replies(self) -> Replies:
        """The replies with what other columns claim."""
        import pyarrow as pa
        from pyarrow import compute

        from bouncelens.service.bulk import Replies

        pc: Any = compute
        nothing = pa.nulls(self._block.count, pa.string())
        codes = nothing if self._code is None else self._column(self._code)
        is_number = pc.fill_null(pc.match_substring_regex(codes, r"\A[0-9]{1,5}\z"), False)
        statuses = nothing if self._status is None else self._column(self._status)
        return Replies(
            self._column(self._text),
            pc.if_else(is_number, codes, None).cast(pa.int32()),
            pc.if_else(pc.equal(statuses, ""), None, statuses),
            self._providers(nothing),
        )

    def _providers(self, nothing: Any) -> Any:
        """Who runs the mailboxes: by the domain, else by what follows the address's last "@"."""
        from pyarrow import compute

        from bouncelens.service.bulk import providers_of

        pc: Any = compute
        domains = nothing if self._domain is None else self._column(self._domain)
        if self._address is not None:
            address = self._column(self._address)
            host = pc.replace_substring_regex(address, r"(?s)\A.*@", "")
            domains = pc.coalesce(domains, host)
        return providers_of(domains)

    def ids(self) -> dict[str, pa.Array[Any]]:
        return {self._block.header[i]: self._column(i) for i in self._ids}

    def _column(self, place: int) -> Any:
        import pyarrow as pa

        column = self._block.columns[place]
        return column if isinstance(column, pa.Array) else pa.array(column, pa.string())


def _is_id(name: str) -> bool:
    return name.endswith("id") or any(name in _plain_names(field) for field in _IDENTITY)


def _plain_names(field: str) -> frozenset[str]:
    return frozenset(plain(name) for name in (field, *names_of("bounces").names[field]))


def _reply_column(source: str, header: Sequence[str], wanted: str | None) -> int:
    if wanted is not None:
        return _place(source, header, wanted)
    names = [plain(name) for name in header]
    known = names_of("bounces").names["reply_text"]
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
