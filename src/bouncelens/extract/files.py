"""What a person has on their desk: a Tracking Extract zip, csv, tsv, jsonl, parquet, or mail.

Streams in blocks: memory stays flat however long a file is. Bounces come as pages; Sent.csv is
counted while it streams, because only its totals are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bouncelens.bounce import JOB_FIELDS, SEND_FIELDS, Page, Quarantined, arrow_schema
from bouncelens.errors import InputInvalid
from bouncelens.extract.archive import Part, members, plain_part
from bouncelens.extract.columns import Columns, fit, kind_by_name, names_of, place
from bouncelens.extract.hours import added_up, by_day, messages
from bouncelens.extract.mail import is_mail, mail_records
from bouncelens.extract.people import PEOPLE_FIELDS, as_people, one_each
from bouncelens.extract.records import Block, Records, records_of
from bouncelens.extract.rows import Fields, Reading, coalesced, read_events, read_rows

if TYPE_CHECKING:
    import pyarrow as pa

_SUM_EVERY = 500_000  # partial sums kept before they are added up
_MOST_REASONS, _REASON_CHARS = 1000, 200
# What is read of Sent.csv.
_SENT_FIELDS: Fields = (
    ("account", "int64", "MID"),
    ("job", "int64", "SendID"),
    ("event_time", "timestamp", "when it was sent"),
    ("address", "string", "recipient"),
    ("domain", "string", "recipient's domain"),
)
_NOT_SENT_FIELDS: Fields = (
    ("account", "int64", "MID"),
    ("job", "int64", "SendID"),
    ("event_time", "timestamp", "when it was held back"),
    ("reason", "string", "why"),
)
_FIELDS: Mapping[str, Fields] = {
    "sent": _SENT_FIELDS,
    "sends": SEND_FIELDS,
    "jobs": JOB_FIELDS,
    "notsent": _NOT_SENT_FIELDS,
    **PEOPLE_FIELDS,
}
# Kinds that are known by the file's name only, and left out where their columns are others.
_SIDE_KINDS = ("notsent", *PEOPLE_FIELDS)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a file says beside bounces, and the rows that could not be read."""

    table: pa.Table
    quarantined: tuple[Quarantined, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """A part of a file and what it holds: bounces, sent, sends, jobs, people …"""

    part: Part
    kind: str
    records: Records


class FileSource:
    """One file. Opening it looks at names and headers and raises InputInvalid for what cannot be
    used: no such file, not a safe zip, a needed column missing."""

    def __init__(
        self, path: Path, *, given: Mapping[str, int] | None = None, route: str = "file"
    ) -> None:
        """`given`: account and job where the file has no column for them. `route` is "file" for
        what a person brought, "extract" for what we fetched ourselves."""
        self._path, self._route, self._given = path, route, dict(given or {})
        self.contents, self.skipped = _look(path)
        for content in self.contents:
            self._place(content, content.records.header)

    @property
    def name(self) -> str:
        """The route's name."""
        return self._route

    def pages(self) -> Iterator[Page]:
        """Bounces, in the file's order. Raises InputInvalid for a file that breaks off; pages
        given before that stay valid."""
        for content, block, cells in self._blocks("bounces"):
            reading = read_events(cells, block.count, route=self._route, given=self._given)
            yield Page(reading.batch, None, (*block.bad, *_unreadable(content, block, reading)))

    def sends(self) -> Counted:
        """Sent counts per account, job, domain and day (SEND_FIELDS and `hours`), from Sent.csv's
        rows or as somebody counted them already."""
        import pyarrow as pa

        sums, held = [added_up(arrow_schema(SEND_FIELDS).empty_table())], 0
        quarantined: list[Quarantined] = []
        for table, bad, kind in self._tables("sent", "sends"):
            quarantined += bad
            sums.append(added_up(messages(table) if kind == "sent" else table))
            held += sums[-1].num_rows
            if held > _SUM_EVERY:
                sums, held = [added_up(pa.concat_tables(sums))], 0
        return Counted(by_day(added_up(pa.concat_tables(sums))), tuple(quarantined))

    def jobs(self) -> Counted:
        """Jobs from SendJobs.csv (JOB_FIELDS); SFMC's totals are null, for the file has none."""
        import pyarrow as pa

        tables = [arrow_schema(JOB_FIELDS).empty_table()]
        quarantined: list[Quarantined] = []
        for table, bad, _ in self._tables("jobs"):
            quarantined += bad
            tables.append(table)
        return Counted(pa.concat_tables(tables), tuple(quarantined))

    def people(self, known: pa.Array[Any]) -> Counted:
        """People's statuses and ends (`person_schema`), from Subscribers.csv, StatusChanges.csv,
        Unsubs.csv and Complaints.csv. `known`: keys of whom something is known already."""
        as_of = datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        parts, held = [one_each(())], 0
        quarantined: list[Quarantined] = []
        for table, bad, kind in self._tables(*PEOPLE_FIELDS):
            quarantined += bad
            parts.append(as_people(table, kind, as_of, known=known))
            held += parts[-1].num_rows
            if held > _SUM_EVERY:
                parts = [one_each(parts)]
                held = 0
        return Counted(one_each(parts), tuple(quarantined))

    def not_sent(self) -> tuple[Mapping[str, int], tuple[Quarantined, ...]]:
        """How many messages NotSent.csv names, by reason, the most frequent first."""
        counts: Counter[str] = Counter()
        quarantined: list[Quarantined] = []
        for table, bad, _ in self._tables("notsent"):
            quarantined += bad
            told = table.group_by("reason").aggregate([([], "count_all")])
            names, numbers = (told[name].to_pylist() for name in ("reason", "count_all"))
            for name, number in zip(names, numbers, strict=True):
                known = str(name)[:_REASON_CHARS]
                is_new = known not in counts and len(counts) >= _MOST_REASONS
                counts["other reasons" if is_new else known] += number or 0
        return dict(counts.most_common()), tuple(quarantined)

    def _tables(self, *kinds: str) -> Iterator[tuple[pa.Table, tuple[Quarantined, ...], str]]:
        import pyarrow as pa

        for content, block, cells in self._blocks(*kinds):
            kind = content.kind
            needed = ("account", *names_of(kind).needed)
            reading = read_rows(cells, block.count, _FIELDS[kind], needed=needed, given=self._given)
            bad = (*block.bad, *_unreadable(content, block, reading))
            yield pa.Table.from_batches([reading.batch]), bad, kind

    def _blocks(self, *kinds: str) -> Iterator[tuple[Content, Block, dict[str, Any]]]:
        for content in self.contents:
            if content.kind not in kinds:
                continue
            for block in content.records.blocks():
                found = self._place(content, block.header)
                cells = {
                    field: coalesced([block.columns[i] for i in places])
                    for field, places in found.places.items()
                }
                yield content, block, cells

    def _place(self, content: Content, header: tuple[str, ...]) -> Columns:
        found = place(content.part.name, header, content.kind, given=tuple(self._given))
        # Batches are part of an event's identity: without them every bounce would come twice, once
        # by this route and once by any other. Marketing Cloud's own files always have them.
        is_ours = self._route == "extract" and content.kind == "bounces"
        if is_ours and "batch" not in found.places and "batch" not in self._given:
            raise InputInvalid(
                f"{content.part.name}: no column for batch (BatchID), so its bounces could not be "
                "told from those of other routes.",
                advice="Import it by hand if no other route brings them.",
            )
        return found


def _look(path: Path) -> tuple[tuple[Content, ...], tuple[str, ...]]:
    """The parts we read and the names of those we do not."""
    parts = _parts(path)
    contents, skipped = [], []
    for part in parts:
        named = kind_by_name(part.name)
        if len(parts) > 1 and named == "other" and not path.is_dir():
            skipped.append(part.name)
            continue
        records = mail_records(part) if is_mail(part) else records_of(part)
        kind = records.kind or _kind(named, records.header, is_alone=len(parts) == 1)
        if kind in _SIDE_KINDS and len(parts) > 1 and fit(records.header, kind) < 0:
            kind = None
        if kind:
            contents.append(Content(part, kind, records))
        else:
            skipped.append(part.name)
    if not contents:
        raise InputInvalid(
            f"{path.name} has neither bounces nor sends inside (found {', '.join(skipped[:20])}).",
            advice="Tick Extract Bounces in the Tracking Extract.",
        )
    return tuple(contents), tuple(skipped)


def _kind(named: str | None, header: tuple[str, ...], *, is_alone: bool) -> str | None:
    if named in ("bounces", "jobs", "sent", *_SIDE_KINDS):
        return named
    fits = {kind: fit(header, kind) for kind in ("bounces", "sends", "jobs")}
    if fits["bounces"] >= 0:
        return "bounces"
    if fits["sends"] >= 0:
        return "sends"
    # Any list has an ID and a job's name is telling; a lone file is meant to be bounces.
    if fits["jobs"] >= 4:
        return "jobs"
    return "bounces" if is_alone else None


def _parts(path: Path) -> tuple[Part, ...]:
    try:
        if not path.exists():
            raise InputInvalid(f"{path} does not exist.")
        if path.is_dir():
            return _folder(path)
        if not path.is_file():
            raise InputInvalid(f"{path} is not a file.")
        with path.open("rb") as file:
            magic = file.read(4)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not usable"
        raise InputInvalid(f"{path} cannot be read: {reason}.") from error
    if not magic:
        raise InputInvalid(f"{path.name} is empty.", advice="Export it again.")
    if not magic.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return (plain_part(path),)
    parts = members(path)
    if any(part.name.endswith("/[Content_Types].xml") for part in parts):
        raise InputInvalid(
            f"{path.name} is an Excel workbook.", advice="Save the sheet as CSV (UTF-8)."
        )
    if not parts:
        raise InputInvalid(f"{path.name} has no file inside.")
    return parts


def _folder(path: Path) -> tuple[Part, ...]:
    """The messages of a Maildir (`new` and `cur`), or the .eml files of a folder. No links."""
    places = [path / name for name in ("new", "cur") if (path / name).is_dir()]
    found = sorted(
        file
        for place in places or [path]
        for file in place.iterdir()
        if file.is_file() and not file.is_symlink() and (places or file.suffix.lower() == ".eml")
    )
    if not found:
        raise InputInvalid(
            f"{path} is a folder without messages.", advice="Name a file, or a Maildir."
        )
    return tuple(plain_part(file) for file in found)


def _unreadable(content: Content, block: Block, reading: Reading) -> list[Quarantined]:
    return [
        Quarantined(content.part.name, block.lines[index], reason, block.raw(index))
        for index, reason in sorted(reading.unreadable.items())
    ]
