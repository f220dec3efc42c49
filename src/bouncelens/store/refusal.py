"""What a disk says when it refuses, and what to do then. A full disk breaks nothing: what was not
committed is asked for again, so nobody should fetch a backup for it."""

from __future__ import annotations

_FULL = ("no space left", "disk is full", "quota exceeded", "file too large")
_CLOSED = (
    "read-only file system",
    "permission denied",
    "readonly database",
    "unable to open database file",
    "you don't have access",
)
_ROOM = "Make room on that disk and run it again: nothing that was stored is lost."
_FAILING = ("disk i/o error",)
_LOOK = "Look whether that disk is full or failing, then run it again."
_LEAVE = "Let this user write there (is the disk mounted read-only?), or name another place."


def advice_for(error: Exception, otherwise: str) -> str:
    """What to do about an error of storage; `otherwise` where it is none of the disk's."""
    said = _words(error)
    known = ((_FULL, _ROOM), (_CLOSED, _LEAVE), (_FAILING, _LOOK))
    return next((what for marks, what in known if any(m in said for m in marks)), otherwise)


def cause_of(error: Exception) -> str | None:
    """The disk's own words, where an engine wraps them in others; None where it said nothing."""
    said = _words(error)
    return next((mark for mark in _FULL + _CLOSED[:2] if mark in said), None)


def _words(error: BaseException | None) -> str:
    """Everything that was said on the way, in small letters."""
    said = []
    while error is not None:
        said.append(f"{getattr(error, 'strerror', None) or ''} {error}")
        error = error.__cause__
    return " ".join(said).lower()
