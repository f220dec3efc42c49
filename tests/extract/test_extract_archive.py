"""Zips from strangers: refused by what they say of themselves, before a byte is unpacked."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from bouncelens.errors import InputInvalid
from bouncelens.extract.files import FileSource

BOUNCES = (
    b"ClientID,SendID,SubscriberKey,EventDate,BounceReason\r\n7,1,k,1/1/2026 1:00:00 PM,no\r\n"
)


def packed(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def encrypted() -> bytes:
    whole = bytearray(packed(("Bounces.csv", BOUNCES)))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = whole.index(signature) + offset
        whole[at] |= 1
    return bytes(whole)


def bomb() -> bytes:
    """Four gigabytes of blanks that nobody needs to unpack to see it."""
    thin = zlib.compressobj(9, zlib.DEFLATED, -15)
    mib = b" " * 1024**2
    data = b"".join(thin.compress(mib) for _ in range(64)) + thin.flush()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("Bounces.csv")
        info.compress_type = zipfile.ZIP_STORED
        archive.writestr(info, data)
    whole = bytearray(out.getvalue())
    for signature, method, size in ((b"PK\x03\x04", 8, 22), (b"PK\x01\x02", 10, 24)):
        at = whole.index(signature)
        struct.pack_into("<H", whole, at + method, zipfile.ZIP_DEFLATED)
        struct.pack_into("<L", whole, at + size, 4 * 1000**3)
    return bytes(whole)


def overlapping() -> bytes:
    """Two names for the same bytes."""
    whole = packed(("Bounces.csv", BOUNCES * 50), ("Sent.csv", BOUNCES * 50))
    second = whole.rindex(b"PK\x01\x02")
    return whole[: second + 42] + struct.pack("<L", 0) + whole[second + 46 :]


def crowded() -> bytes:
    """An end record that promises a directory of a gigabyte."""
    whole = bytearray(packed(("Bounces.csv", BOUNCES)))
    end = whole.rindex(b"PK\x05\x06")
    struct.pack_into("<L", whole, end + 12, 1 << 30)
    return bytes(whole)


REFUSED = {
    "a bomb": (bomb(), "may be a bomb"),
    "members that share bytes": (overlapping(), "share their bytes|damaged"),
    "a huge directory": (crowded(), "more than 1000 files"),
    "too many members": (packed(*[(f"{n}.csv", b"") for n in range(1001)]), "more than 1000"),
    "a way up": (packed(("../Bounces.csv", BOUNCES)), "leads outside"),
    "a way up, windows": (packed(("a\\..\\Bounces.csv", BOUNCES)), "leads outside"),
    "a root": (packed(("/etc/Bounces.csv", BOUNCES)), "leads outside"),
    "a drive": (packed(("C:Bounces.csv", BOUNCES)), "leads outside"),
    "a link": (packed((link("Bounces.csv"), b"/etc/passwd")), "has a link"),
    "a password": (encrypted(), "is encrypted"),
    "a zip inside": (packed(("Bounces.zip", packed(("Bounces.csv", BOUNCES)))), "another archive"),
    "a zip in disguise": (packed(("Bounces.csv", packed(("x", b"")))), "is an archive"),
    "half of it": (packed(("Bounces.csv", BOUNCES * 99))[:-30], "damaged or incomplete"),
    "its beginning": (packed(("Bounces.csv", BOUNCES * 99))[:60], "damaged or incomplete"),
    "nothing inside": (packed(), "no file inside"),
    "nothing for us": (packed(("Opens.csv", b"x"), ("a.txt", b"y")), "neither bounces nor sends"),
    "an excel workbook": (packed(("[Content_Types].xml", b"<x/>")), "Excel"),
}


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_zip_that_is_not_safe_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(InputInvalid, match=reason) as caught:
            list(FileSource(path).pages())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert peak < 50 * 1024**2


def test_names_are_shown_without_their_control_characters(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(packed(("\x1b[31m../Bounces.csv", BOUNCES)))
    with pytest.raises(InputInvalid) as caught:
        FileSource(path)
    assert str(caught.value).isprintable()


def test_a_member_whose_sum_is_wrong_is_damaged(tmp_path: Path) -> None:
    whole = bytearray(packed(("Bounces.csv", BOUNCES)))
    struct.pack_into("<L", whole, whole.index(b"PK\x01\x02") + 16, 12345)
    path = tmp_path / "x.zip"
    path.write_bytes(whole)
    with pytest.raises(InputInvalid, match="damaged"):
        list(FileSource(path).pages())


def test_folders_in_a_zip_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(packed(("2026/", b""), ("2026/Bounces.csv", BOUNCES)))
    (page,) = FileSource(path).pages()
    assert page.events.num_rows == 1
