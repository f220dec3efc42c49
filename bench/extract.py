"""Tracking Extracts by the million: read beside a bare CSV parse of the same bytes, and imported.

The zip is as Marketing Cloud writes it: Bounces.csv and Sent.csv in UTF-16, quoted where needed.
"""

from __future__ import annotations

import io
import multiprocessing
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from bouncelens.extract.files import FileSource

if TYPE_CHECKING:
    import argparse

_CHUNK = 100_000
_HEADER = (
    "ClientID,SendID,SubscriberKey,EmailAddress,SubscriberID,ListID,EventDate,EventType,"
    "BounceCategory,SMTPCode,BounceReason,BatchID,TriggeredSendExternalKey"
)
_SENT_HEADER = (
    "ClientID,SendID,SubscriberKey,EmailAddress,SubscriberID,ListID,EventDate,EventType,BatchID,"
    "TriggeredSendExternalKey"
)
_REASONS = (
    '"550 5.1.1 <{}>: Recipient address rejected: User unknown, in virtual mailbox table"',
    "452 4.2.2 mailbox of {} is full",
    '"550-5.1.1 The email account ""{}"" does not exist.\r\n550 5.1.1 try double-checking"',
    "421 4.7.0 [198.51.100.7] too many connections for {}",
    '"554 5.7.1 Message from 198.51.100.7 blocked, see https://example.com/?id={}"',
)


def run(arguments: argparse.Namespace) -> int:
    """Write the zip, then print rows per second, ratios and the most memory of each part."""
    with tempfile.TemporaryDirectory(prefix="bouncelens-bench-", dir=arguments.folder) as folder:
        for has_lines in (False, True):
            path = Path(folder) / f"extract-{has_lines}.zip"
            _write(path, arguments.rows, has_lines=has_lines)
            what = "with line breaks in replies" if has_lines else "one line a row"
            size = path.stat().st_size // 1024**2
            print(f"{arguments.rows:,} bounces, {what}: {size:,} MiB zipped")
            bare, read = (
                _measured(work, path, arguments.rows) for work in (_parse_bare, _read_all)
            )
            print(f"  ratio of reading to the bare parse: {bare / read:.2f}")
            if has_lines or arguments.no_import:
                continue
            _measured(_import, path, arguments.rows)
    return 0


def _measured(work: Callable[[str], int], path: Path, rows: int) -> float:
    """CPU seconds of a part in a process of its own, so that its memory is its own, and so that
    whoever else works on the machine does not count."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        seconds, wall_s, found, peak_mib = pool.apply(_timed, (work, str(path)))
    if found < rows:
        raise SystemExit(f"{work.__name__} found {found:,} of {rows:,} rows")
    name = work.__name__.strip("_")
    print(
        f"  {name:<11} {rows / seconds:>10,.0f} rows per CPU second, {seconds:6.1f} s "
        f"({wall_s:.1f} s by the clock), {peak_mib:,.0f} MiB"
    )
    return float(seconds)


def _timed(work: Callable[[str], int], path: str) -> tuple[float, float, int, float]:
    import pyarrow.csv  # noqa: F401 - what both have to load is nobody's share

    started, began = time.process_time(), time.perf_counter()
    found = work(path)
    seconds, wall_s = time.process_time() - started, time.perf_counter() - began
    return seconds, wall_s, found, _peak_mib()


def _peak_mib() -> float:
    """The most memory since this process began; `ru_maxrss` would be its parent's, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _parse_bare(path: str) -> int:
    """Arrow's own reader over the same bytes: all cells as text, nothing looked at."""
    names = _HEADER.split(",")
    with zipfile.ZipFile(path) as archive, archive.open("Bounces.csv") as stream:
        reader = arrow_csv.open_csv(
            stream,
            arrow_csv.ReadOptions(encoding="utf-16", block_size=8 << 20, use_threads=False),
            arrow_csv.ParseOptions(newlines_in_values=True),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
        return sum(batch.num_rows for batch in reader)


def _read_all(path: str) -> int:
    """Our reader: typed, checked, every row either a bounce or set aside."""
    return sum(page.events.num_rows for page in FileSource(Path(path)).pages())


def _import(path: str) -> int:
    """All of `bouncelens import`: judged and stored, too."""
    from bouncelens.service.import_file import import_file
    from bouncelens.service.workspace import Workspace
    from bouncelens.settings import Settings

    with tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
        place = {"lake": f"{folder}/lake", "ledger": f"sqlite:///{folder}/x.db"}
        with Workspace.open(Settings.model_validate(place)) as workspace:
            return import_file(workspace, Path(path)).stored


def _write(path: Path, rows: int, *, has_lines: bool) -> None:
    reasons = _REASONS if has_lines else tuple(r for r in _REASONS if "\n" not in r)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, header, is_sent in (
            ("Bounces.csv", _HEADER, False),
            ("Sent.csv", _SENT_HEADER, True),
        ):
            with archive.open(name, "w", force_zip64=True) as raw:
                text = io.TextIOWrapper(raw, encoding="utf-16-le", newline="")
                text.write("\ufeff" + header + "\r\n")
                for chunk in _rows(rows, reasons, is_sent=is_sent):
                    text.write(chunk)
                text.flush()
                text.detach()


def _rows(rows: int, reasons: tuple[str, ...], *, is_sent: bool) -> Iterator[str]:
    chance = np.random.default_rng(7)
    for start in range(0, rows, _CHUNK):
        count = min(_CHUNK, rows - start)
        number = np.arange(start, start + count)
        text = pc.cast(pa.array(number), pa.string())
        domains = pa.array([f"mail{n}.example.com" for n in range(300)])
        domain = domains.take(pa.array(chance.integers(0, 300, count)))
        address = pc.binary_join_element_wise("person.", text, "@", domain, "")
        job = pc.cast(pa.array(2_000_000 + number // 20_000), pa.string())
        second = pc.cast(pa.array(10 + number % 50), pa.string())
        hour = pc.cast(pa.array(1 + number // 7 % 12), pa.string())
        day = pc.cast(pa.array(1 + number // 200_000 % 28), pa.string())
        when = pc.binary_join_element_wise("3/", day, "/2026 ", hour, ":", second, ":", "")
        when = pc.binary_join_element_wise(when, second, " PM", "")
        cells: list[Any] = ["7000001", job, pc.binary_join_element_wise("key-", text, ""), address]
        cells += [text, "44", when]
        if is_sent:
            cells += ["Sent", "1", ""]
        else:
            replies = [_reply(reasons, address, n) for n in range(len(reasons))]
            reply = pc.choose(pa.array(chance.integers(0, len(reasons), count)), *replies)
            cells += ["Bounce", "Hard bounce", "550", reply, "1", ""]
        lines = pc.binary_join_element_wise(*cells, ",")
        yield "\r\n".join(lines.to_pylist()) + "\r\n"


def _reply(reasons: tuple[str, ...], address: Any, number: int) -> Any:
    before, _, after = reasons[number].partition("{}")
    return pc.binary_join_element_wise(before, address, after, "")
