"""What narrows a question: conditions as people write them, such as `provider=google`, read into
values of the right kind, with a slip named rather than answered with nought."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bouncelens.errors import InputInvalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# Other words for a filter, as people say them.
SYNONYMS = {
    "group": "reason_group",
    "email_name": "campaign",
    "journey": "triggered_send",
    "business_unit": "account",
    "mid": "account",
    "list_id": "list",
    "subscriber_key": "subscriber",
}
_HARDNESS = ("hard", "soft", "block", "none", "unknown")
_NOT_ASKED = {"limit", "now"}


def filter_names() -> tuple[str, ...]:
    """Every name that a condition can have."""
    from bouncelens.store.questions import PARAMETERS

    return tuple(name for name in PARAMETERS if name not in _NOT_ASKED)


def read_conditions(conditions: Iterable[str]) -> dict[str, object]:
    """`name=value` each, by the parameters of questions. Raises InputInvalid, naming the
    condition."""
    found: dict[str, object] = {}
    for condition in conditions:
        word, equals, text = condition.partition("=")
        name = SYNONYMS.get(word.strip(), word.strip())
        if not equals or not text.strip():
            raise InputInvalid(
                f"{_short(condition)} is no condition.", advice="Write e.g. 'provider=google'."
            )
        if name in found:
            raise InputInvalid(f"{name!r} is given twice.", advice="Give it once.")
        found[name] = _value(name, text.strip())
    check_words(found)
    return found


def check_words(given: dict[str, object]) -> None:
    """Provider, reason, group and hardness are words we know. Raises InputInvalid."""
    from bouncelens.service import vocabulary

    reasons = vocabulary.reasons()
    known: dict[str, Collection[str]] = {
        "provider": vocabulary.provider_names(),
        "reason": reasons,
        "reason_group": {reason.group for reason in reasons.values()},
        "hardness": _HARDNESS,
    }
    for name, words in known.items():
        value = given.get(name)
        if value is None or value in words:
            continue
        near = difflib.get_close_matches(str(value), list(words), 1)
        advice = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(sorted(words))}."
        raise InputInvalid(f"There is no {name.removeprefix('reason_')} {value!r}.", advice=advice)


def _value(name: str, text: str) -> object:
    from bouncelens.store.questions import PARAMETERS

    if name not in filter_names():
        words = [*filter_names(), *SYNONYMS]
        near = difflib.get_close_matches(name, words, 1)
        advice = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(words)}."
        raise InputInvalid(f"There is no filter {_short(name)}.", advice=advice)
    kind = PARAMETERS[name].kind
    if kind is int:
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise InputInvalid(f"{name!r} must be a whole number, not {_short(text)}.")
        return int(text)
    return _moment(name, text) if kind is datetime else text


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputInvalid(
            f"{name!r} must be a day such as 2026-11-01, not {_short(text)}."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")
