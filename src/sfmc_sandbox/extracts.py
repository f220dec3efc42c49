"""Tracking Extracts and data extension extracts: files as section 7 of the fact sheet has them."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from sfmc_sandbox import extract_files
from sfmc_sandbox.rows import read_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sfmc_sandbox.extensions import DataExtension
    from sfmc_sandbox.extract_files import Column
    from sfmc_sandbox.world.tenant import Tenant

MAX_DAYS = 30  # of a fixed range; rolling ones reach further
_ROLLING = {1, 7, 30, 60, 90}
_CHUNK = 20_000
_DROPPABLE = {"BatchID", "Subject", "DateHeld", "Status"}
FORBIDDEN_IN_NAMES = re.compile(r'[\\/:*<>|?"\x00-\x1f]')
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_TOKENS = {
    "Year": "%Y", "Month": "%m", "Day": "%d", "Hour": "%H", "Minute": "%M", "Second": "%S",
}  # fmt: skip


class ExtractRefused(ValueError):
    """An extract that cannot be run; the text says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to extract."""

    accounts: tuple[int, ...]
    start: datetime  # Marketing Cloud's clock
    end: datetime
    name: str
    kinds: tuple[str, ...]
    shape: str = "csv"  # csv, tab or xml
    encoding: str = "utf-16-le"  # with a BOM; or utf-8
    is_quoted: bool = True
    troubles: frozenset[str] = field(default_factory=frozenset)
    columns: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)  # of one's own


def read_order(
    parameters: Mapping[str, str], mid: int, *, units: tuple[int, ...], now: datetime
) -> Order:
    """An order from the parameters of an ExtractRequest or activity. Raises ExtractRefused."""
    given = {name.lower(): value.strip() for name, value in parameters.items()}
    kinds = tuple(
        kind
        for kind in extract_files.kinds()
        if any(_is_true(given.get(flag, "")) for flag in extract_files.flags(kind))
    )
    if not kinds:
        raise ExtractRefused("No type of data was chosen to extract.")
    start, end = _range(given, now)
    encoding = given.get("characterencoding", given.get("character encoding", "")).lower()
    if "unicodeoutput" in given and not _is_true(given["unicodeoutput"]):
        encoding = "utf-8"
    return Order(
        accounts=_accounts(given.get("accountids", ""), mid, units),
        start=start,
        end=end,
        name=file_name(given.get("outputfilename") or given.get("filespec") or "", now),
        kinds=kinds,
        shape=_shape(given.get("format", "csv")),
        encoding="utf-8" if encoding in {"utf-8", "utf8", "ascii"} else "utf-16-le",
        is_quoted=_is_true(given.get("quotetext", "true")),
    )


def _is_true(text: str) -> bool:
    return text.strip().lower() in {"true", "1", "yes"}


def _shape(text: str) -> str:
    shape = text.lower().removesuffix("-delimited")
    if shape not in {"csv", "tab", "xml"}:
        raise ExtractRefused(f"The format {text[:40]} is not known.")
    return shape


def _range(given: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    rolling = given.get("rollingrange", given.get("rolling range", ""))
    if rolling:
        digits = re.sub(r"\D", "", rolling)
        if not digits or int(digits) not in _ROLLING:
            raise ExtractRefused("A rolling range is 1, 7, 30, 60 or 90 days.")
        return now - timedelta(days=int(digits)), now
    try:
        start, end = read_date(given["startdate"]), read_date(given["enddate"])
    except (KeyError, ValueError) as problem:
        raise ExtractRefused("StartDate and EndDate are needed: M/d/yyyy h:mm:ss tt.") from problem
    if end <= start:
        raise ExtractRefused("EndDate must lie after StartDate.")
    if end - start > timedelta(days=MAX_DAYS):
        raise ExtractRefused(f"The range is longer than {MAX_DAYS} days.")
    return start, end


def _accounts(text: str, mid: int, units: tuple[int, ...]) -> tuple[int, ...]:
    """Blank is this account, `*` all, else a list."""
    if not text:
        return (mid,)
    if text == "*":
        return units if mid == units[0] else (mid,)
    wanted = {part.strip() for part in text.split(",")}
    allowed = units if mid == units[0] else (mid,)
    chosen = tuple(unit for unit in allowed if str(unit) in wanted)
    if len(chosen) < len(wanted):
        raise ExtractRefused("An account of AccountIDs is not known or not allowed.")
    return chosen


def file_name(pattern: str, now: datetime) -> str:
    """The name with its tokens filled. Raises ExtractRefused for forbidden characters."""
    name = re.sub(r"%%(\w+)%%", lambda m: now.strftime(_TOKENS.get(m[1], "")) or m[0], pattern)
    if not name or FORBIDDEN_IN_NAMES.search(name) or name.startswith("."):
        raise ExtractRefused(f"The file name {name[:60]!r} is not valid.")
    return name


def tracking_extract(tenant: Tenant, order: Order, folder: Path) -> Path:
    """Writes the zip into the folder; its path."""
    if not order.name.lower().endswith(".zip"):
        raise ExtractRefused("The name of a Tracking Extract must end in .zip.")
    path = folder / order.name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for kind in order.kinds:
            _write_kind(tenant, order, kind, archive)
        if "zip-bomb" in order.troubles:
            name = "More.csv" if "Conversions" in order.kinds else "Conversions.csv"
            with archive.open(name, "w", force_zip64=True) as stream:
                for _ in range(512):
                    stream.write(b"0" * (1 << 20))
    if "half-a-zip" in order.troubles:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    return path


def _write_kind(tenant: Tenant, order: Order, kind: str, archive: zipfile.ZipFile) -> None:
    columns = list(order.columns.get(kind) or extract_files.columns_of(kind))
    if "missing-column" in order.troubles:
        columns.remove(next((c for c in columns if c[0] in _DROPPABLE), columns[-1]))
    sql = extract_files.select(kind, tuple(columns), order.accounts)
    found = tenant.db.cursor().execute(sql, [order.start, order.end])

    def rows() -> Iterator[tuple[object, ...]]:
        while chunk := found.fetchmany(_CHUNK):
            yield from chunk

    extra = "extra-column" in order.troubles
    ending = "xml" if order.shape == "xml" else ("txt" if order.shape == "tab" else "csv")
    with archive.open(f"{kind}.{ending}", "w", force_zip64=True) as raw:
        stream: Any = _CutStream(raw) if "utf16-cut" in order.troubles else raw
        with io.TextIOWrapper(stream, encoding=order.encoding, newline="") as text:
            if order.encoding == "utf-16-le":
                text.write("\ufeff")
            names = [header for header, _ in columns] + (["CampaignID"] if extra else [])
            _write(text, names, ((*row, 0) if extra else row for row in rows()), order)


def _write(
    text: io.TextIOWrapper, names: list[str], rows: Iterator[tuple[object, ...]], order: Order
) -> None:
    if order.shape == "xml":
        declared = "UTF-16" if order.encoding == "utf-16-le" else "UTF-8"
        text.write(f'<?xml version="1.0" encoding="{declared}"?>\r\n<rows>\r\n')
        tags = [re.sub(r"^(?=\d)|\W", "_", name) for name in names]
        for row in rows:
            cells = (f"<{n}>{_cell(v)}</{n}>" for n, v in zip(tags, row, strict=True))
            text.write(f"<row>{''.join(cells)}</row>\r\n")
        text.write("</rows>\r\n")
        return
    writer = csv.writer(
        text,
        delimiter="\t" if order.shape == "tab" else ",",
        quoting=csv.QUOTE_MINIMAL if order.is_quoted else csv.QUOTE_NONE,
        escapechar=None if order.is_quoted else "\\",
        lineterminator="\r\n",
    )
    writer.writerow(names)
    writer.writerows(rows)


def _cell(value: object) -> str:
    """The text of an XML element; a zero stays, what XML cannot hold becomes a blank."""
    return "" if value is None else escape(_NOT_XML.sub(" ", str(value)))


class _CutStream(io.RawIOBase):
    """Drops the last byte: the file ends inside a character."""

    def __init__(self, inner: Any) -> None:
        self._inner, self._kept = inner, b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        both = self._kept + bytes(data)
        self._inner.write(both[:-1])
        self._kept = both[-1:]
        return len(data)


def extension_extract(
    tenant: Tenant, extension: DataExtension, given: Mapping[str, str], *, folder: Path,
    now: datetime,
) -> Path:  # fmt: skip
    """Writes a data extension as text; its path. The bools come as "True" and "False"."""
    path = folder / file_name(given.get("FileSpec") or f"{extension.name}.csv", now)
    names = [f.name for f in extension.fields]
    cells = ", ".join(
        f"coalesce({extract_files.CLOCK.format(f.quoted)}, '')" if f.type == "Date" else f.quoted
        for f in extension.fields
    )
    found = tenant.db.cursor().execute(f"SELECT {cells} FROM {extension.table}")  # noqa: S608
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(
            text,
            delimiter=(given.get("ColumnDelimiter") or ",")[:1],
            quoting=csv.QUOTE_ALL
            if _is_true(given.get("TextQualified", ""))
            else csv.QUOTE_MINIMAL,
            lineterminator="\n" if _is_true(given.get("UsesLineFeed", "")) else "\r\n",
        )
        if _is_true(given.get("HasColumnHeaders", "true")):
            writer.writerow(names)
        while chunk := found.fetchmany(_CHUNK):
            writer.writerows(chunk)
    return path
