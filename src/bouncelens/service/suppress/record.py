"""Suppressions as the ledger, a plan and a target hold them: as JSON with sorted names, so that
equal ones are equal texts."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Any

from bouncelens.bounce import Suppression

Key = tuple[int, str]  # account, subscriber key
Row = dict[str, str]

# Name, type and length of what a target keeps of each; the first is its key.
COLUMNS = (
    ("SubscriberKey", "Text", 254),
    ("EmailAddress", "Text", 254),
    ("Reason", "Text", 60),
    ("Basis", "Text", 40),
    ("Grounds", "Text", 1000),
    ("SuppressedOn", "Text", 20),
    ("RetryOn", "Text", 20),
)
_NAMES = tuple(sorted(field.name for field in fields(Suppression)))
_VALUES = attrgetter(*_NAMES)
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
_FORM = "{" + ",".join(f'"{name}":%s' for name in _NAMES) + "}"
_CELLS: Mapping[type, Callable[[Any], str]] = {
    str: encode_basestring,
    int: str,
    datetime: lambda moment: f'"{moment.isoformat()}"',
    type(None): lambda _: "null",
}
_MOMENTS = ("event_time", "decided_at", "expires_at")


def key_of(suppression: Suppression) -> Key:
    """Whom it is about."""
    return (suppression.account, suppression.subscriber_key)


def told(value: dict[str, Any]) -> str:
    """As JSON."""
    return _ENCODER.encode(value)


def written(suppression: Suppression) -> str:
    """A decision as JSON: a plan writes a million of them, so cell by cell."""
    return _FORM % tuple([_CELLS.get(type(v), _ENCODER.encode)(v) for v in _VALUES(suppression)])


def read(text: str) -> Suppression:
    """The decision in such a JSON. Raises ValueError, KeyError or TypeError for anything else."""
    values = json.loads(text)
    for name in _MOMENTS:
        if values[name] is not None:
            values[name] = datetime.fromisoformat(values[name])
    return Suppression(**values)


def row_of(suppression: Suppression) -> Row:
    """What a target keeps of it, by COLUMNS."""
    values = (
        suppression.subscriber_key,
        suppression.address or "",
        suppression.reason,
        suppression.basis,
        suppression.grounds,
        f"{suppression.decided_at:%Y-%m-%dT%H:%M:%SZ}",
        f"{suppression.expires_at:%Y-%m-%dT%H:%M:%SZ}" if suppression.expires_at else "",
    )
    return {name: value[:length] for (name, _, length), value in zip(COLUMNS, values, strict=True)}


def who() -> str:
    """The person at this machine, for plans and the audit log."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
