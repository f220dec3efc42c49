"""Addresses in answers: hidden unless they were asked for, so that a table on a screen, in a ticket
or behind a proxy names nobody. The same columns are empty as in `bouncelens sql`."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from bouncelens.errors import InputInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from bouncelens.settings import Settings

_KEY = "subscriber_key"
_HIDDEN = "<addr>"  # as masks write it
_LOOKS_LIKE_ONE = re.compile(r"""[^\s<>"'(),;:\[\]]{1,256}@[^\s<>"'(),;:\[\]]+""")


def showing_addresses(settings: Settings, *, asked: bool) -> Settings:
    """The settings of somebody who did or did not ask for addresses. Raises InputInvalid where the
    settings never show them."""
    if not asked:
        return settings
    if settings.report.addresses == "never":
        raise InputInvalid(
            "These settings never show addresses.",
            advice="Leave --addresses out, or ask whoever keeps the settings (report.addresses).",
        )
    shown = settings.report.model_copy(update={"addresses": "always"})
    return settings.model_copy(update={"report": shown})


def hides_addresses(settings: Settings) -> bool:
    """Whether answers leave addresses out."""
    return settings.report.addresses != "always"


def is_stand_in(value: object) -> bool:
    """Whether a key is written instead of an address."""
    from bouncelens.store.desk import STAND_IN

    return isinstance(value, str) and value.startswith(STAND_IN)


def hidden(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch of an answer without addresses."""
    import pyarrow as pa

    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        columns.append(
            pa.array(hidden_values(name, column.to_pylist()), column.type)
            if is_text and _is_to_hide(name, column)
            else column
        )
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def hidden_values(name: str, values: Iterable[Any]) -> Iterator[Any]:
    """The values of a column without addresses."""
    from bouncelens.store.desk import MAY_HOLD_ADDRESSES

    if name in MAY_HOLD_ADDRESSES:
        return (None for _ in values)
    hide = _key if name == _KEY else _text
    return (hide(value) if isinstance(value, str) else value for value in values)


def hidden_reply(text: str) -> str:
    """A reply as its template has it: servers write addresses in many ways."""
    from bouncelens.parse.mask import masked

    return _text(masked(text).text)


def sentences(names: Sequence[str], keys: Iterable[Any]) -> Iterator[str]:
    """What is said of an answer whose addresses are hidden: `keys` are its subscriber keys."""
    from bouncelens.store.desk import MAY_HOLD_ADDRESSES

    emptied = [name for name in names if name in MAY_HOLD_ADDRESSES]
    if emptied:
        verb = "is" if len(emptied) == 1 else "are"
        yield f"{', '.join(emptied)} may hold addresses and {verb} empty; --addresses shows them."
    if any(map(is_stand_in, keys)):
        yield "Keys that are addresses are written as hidden-…; --addresses shows them."


def _is_to_hide(name: str, column: Any) -> bool:
    import pyarrow.compute as pc

    from bouncelens.store.desk import MAY_HOLD_ADDRESSES

    if name in MAY_HOLD_ADDRESSES:
        return True
    return bool(pc.any(pc.match_substring(column, "@")).as_py())


def _key(key: str) -> str:
    """The stand-in that `bouncelens sql` writes for a key that is an address."""
    from bouncelens.store.desk import STAND_IN

    if "@" not in key:
        return key
    return STAND_IN + hashlib.sha256(key.lower().encode()).hexdigest()[:16]


def _text(text: str) -> str:
    return _LOOKS_LIKE_ONE.sub(_HIDDEN, text) if "@" in text else text
