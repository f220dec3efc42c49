"""Zips from strangers: looked at before anything is unpacked, read as streams, never written."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bouncelens.errors import InputInvalid

_MOST_MEMBERS = 1000
_MOST_DIRECTORY_BYTES = 1024 * 1024
# Text of an extract shrinks to a thirtieth; a bomb to a thousandth.
_MOST_RATIO, _RATIO_COUNTS_FROM = 200, 32 * 1024 * 1024
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ARCHIVES = (".zip", ".gz", ".tgz", ".tar", ".7z", ".rar", ".bz2", ".xz", ".zst")
_IS_ENCRYPTED = 0x1
_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"


@dataclass(frozen=True, slots=True)
class Part:
    """A file, or a file inside a zip, that can be opened again and again."""

    name: str  # as it is shown: "extract.zip/Bounces.csv"
    open: Callable[[], BinaryIO]


def members(path: Path) -> tuple[Part, ...]:
    """The files inside a zip, in its order. Raises InputInvalid for one that is not safe to read:
    encrypted, damaged, nested, with links, with paths that lead outside, or a bomb."""
    shown = path.name
    with _named(shown):
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            start = archive.start_dir
    for info in infos:
        _check(shown, info)
    _check_overlap(shown, infos, start)
    return tuple(_part(path, info) for info in infos if not info.is_dir())


def plain_part(path: Path) -> Part:
    """A file that is no zip, as a part."""
    return Part(path.name, lambda: path.open("rb"))


def _part(path: Path, info: zipfile.ZipInfo) -> Part:
    name = f"{path.name}/{info.filename}"

    def unpack() -> BinaryIO:
        with _named(name):
            return io.BufferedReader(_Member(path, info, name), 1 << 18)

    return Part(name, unpack)


class _Member(io.RawIOBase):
    """The bytes of one member. zipfile stops at the size that was declared and checks the sum."""

    def __init__(self, path: Path, info: zipfile.ZipInfo, name: str) -> None:
        self._archive = zipfile.ZipFile(path)
        self._name = name
        try:
            self._stream = self._archive.open(info)
        except BaseException:
            self._archive.close()
            raise

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        with _named(self._name):
            chunk = self._stream.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._archive.close()
        super().close()


@contextmanager
def _named(name: str) -> Iterator[None]:
    """What zipfile raises for damaged bytes, as one sentence."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError) as error:
        raise InputInvalid(
            f"{name} is damaged or incomplete.", advice="Download or export it again."
        ) from error
    except (NotImplementedError, RuntimeError) as error:
        raise InputInvalid(
            f"{name} is packed in a way that cannot be read.", advice="Unpack it first."
        ) from error
    except OSError as error:
        raise InputInvalid(f"{name} cannot be read: {error.strerror or 'damaged'}.") from error


def _check_directory(path: Path) -> None:
    """The directory's size from the zip's end record, before zipfile loads all of it."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - 65_557))
        tail = file.read()
        place = tail.rfind(_END)
        if place < 0 or len(tail) - place < 22:
            raise zipfile.BadZipFile("no end record")
        count, directory = struct.unpack_from("<HL", tail, place + 10)
        locator = place - 20
        if locator >= 0 and tail.startswith(_LOCATOR64, locator):
            file.seek(struct.unpack_from("<Q", tail, locator + 8)[0])
            record = file.read(56)
            if len(record) == 56 and record.startswith(_END64):
                count, directory = struct.unpack_from("<QQ", record, 32)
    if count > _MOST_MEMBERS or directory > _MOST_DIRECTORY_BYTES:
        raise InputInvalid(
            f"{path.name} has more than {_MOST_MEMBERS} files inside; an extract has about twenty.",
            advice="Unpack it and import the Bounces file.",
        )


def _check(shown: str, info: zipfile.ZipInfo) -> None:
    name = info.filename
    safe = "".join(c for c in name if c.isprintable())[:80]
    steps = name.replace("\\", "/").split("/")
    if ".." in steps or name.startswith(("/", "\\")) or ":" in name or not name.isprintable():
        raise InputInvalid(f"{shown} has a file name that leads outside of it: {safe!r}.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise InputInvalid(f"{shown} has a link inside: {safe!r}.")
    if info.flag_bits & _IS_ENCRYPTED:
        raise InputInvalid(f"{shown} is encrypted.", advice="Unpack it with its password first.")
    if info.compress_type not in _METHODS:
        raise InputInvalid(
            f"{shown}: {safe!r} is packed in an unusual way.", advice="Unpack it first."
        )
    if name.lower().endswith(_ARCHIVES):
        raise InputInvalid(
            f"{shown} has another archive inside: {safe!r}.", advice="Unpack the outer one first."
        )
    ratio = info.file_size / max(info.compress_size, 1)
    if info.file_size > _RATIO_COUNTS_FROM and ratio > _MOST_RATIO:
        raise InputInvalid(
            f"{shown}: {safe!r} would unpack to {ratio:,.0f} times its size, "
            "which no text does; it may be a bomb.",
        )


def _check_overlap(shown: str, infos: Sequence[zipfile.ZipInfo], directory: int) -> None:
    """Members that share their bytes: the trick of bombs that keep every single ratio modest."""
    spans = sorted((i.header_offset, i.header_offset + 30 + i.compress_size) for i in infos)
    ends = [start for start, _ in (*spans, (directory, 0))[1:]]
    if any(end > after for (_, end), after in zip(spans, ends, strict=True)):
        raise InputInvalid(f"{shown} has files that share their bytes; it may be a bomb.")
