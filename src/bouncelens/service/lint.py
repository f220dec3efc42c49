"""Look at SQL for Marketing Cloud before it is pasted there."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bouncelens.check.query import Finding, lint
from bouncelens.errors import InputInvalid

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Linted:
    """What was found in one file."""

    file: str
    findings: tuple[Finding, ...]

    @property
    def is_usable(self) -> bool:
        """Whether Marketing Cloud would run it, as far as we know."""
        return not any(finding.is_error for finding in self.findings)


def lint_file(path: Path) -> Linted:
    """What Marketing Cloud would refuse in a query; `-` is stdin.

    Raises InputInvalid for no readable text.
    """
    is_stdin = str(path) == "-"
    try:
        raw = sys.stdin.buffer.read(_MOST_BYTES + 1) if is_stdin else path.read_bytes()
    except OSError as error:
        raise InputInvalid(f"{path} cannot be read: {error.strerror}.") from error
    name = "stdin" if is_stdin else path.name
    return Linted(name, lint(decoded(raw, name)))


def decoded(raw: bytes, name: str) -> str:
    """Text as editors and Windows write it."""
    if len(raw) > _MOST_BYTES:
        raise InputInvalid(f"{name} is larger than a query can be.")
    try:
        is_wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        return raw.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputInvalid(f"{name} is not text in UTF-8.", advice="Save it as UTF-8.") from error
