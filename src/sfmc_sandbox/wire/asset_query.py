"""The query language of assets: conditions on properties, joined by AND and OR, and a sort."""

from __future__ import annotations

import operator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sfmc_sandbox.wire.rest_answer import RestError

if TYPE_CHECKING:
    from collections.abc import Callable

    Asset = dict[str, Any]
    Condition = Callable[[Asset], bool]

_MOST_NESTED = 20
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "lessthan": operator.lt,
    "lessthanorequal": operator.le,
    "greaterthan": operator.gt,
    "greaterthanorequal": operator.ge,
}


def condition(query: object, depth: int = 0) -> Condition:
    """What an asset has to fulfil; everything does without a query. Raises RestError."""
    if query is None or query == {}:
        return lambda _: True
    if not isinstance(query, dict) or depth > _MOST_NESTED:
        raise RestError(400, 10003, "The field query must be an object.")
    if "leftOperand" in query:
        left = condition(query["leftOperand"], depth + 1)
        right = condition(query.get("rightOperand"), depth + 1)
        if str(query.get("logicalOperator")).upper() == "OR":
            return lambda asset: left(asset) or right(asset)
        return lambda asset: left(asset) and right(asset)
    name, word = str(query.get("property") or ""), str(query.get("simpleOperator") or "")
    if not name:
        raise RestError(400, 10002, "The query needs a property.")
    compare = _comparison(word.lower(), query.get("value"))
    return lambda asset: compare(_value(asset, name))


def sorted_by(sort: object, assets: list[Asset]) -> list[Asset]:
    """The assets in the order asked for; the last key given first. Raises RestError."""
    if sort is None:
        return assets
    if not isinstance(sort, list) or not all(isinstance(entry, dict) for entry in sort):
        raise RestError(400, 10003, "The field sort must be a list of objects.")
    for entry in reversed(sort):
        name = str(entry.get("property") or "")
        down = str(entry.get("direction") or "").upper() == "DESC"
        assets = sorted(assets, key=lambda asset: _plain(_value(asset, name)), reverse=down)
    return assets


def _value(asset: Asset, name: str) -> object:
    found: Any = asset
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _plain(value: object) -> tuple[bool, float, str]:
    """Numbers in their order, then text, which does not tell upper from lower case."""
    if isinstance(value, int | float):
        return False, float(value), ""
    text = str(value).lower()
    return (False, float(text), "") if text.isdecimal() and len(text) < 16 else (True, 0.0, text)


def _comparison(word: str, wanted: object) -> Callable[[object], bool]:
    if word in {"equal", "equals"}:
        return lambda value: _plain(value) == _plain(wanted)
    if word in {"notequal", "notequals"}:
        return lambda value: _plain(value) != _plain(wanted)
    if word == "in":
        among = [_plain(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
        return lambda value: _plain(value) in among
    if word == "like":
        pattern = "".join({"%": "*", "*": "[*]", "?": "[?]", "[": "[[]"}.get(c, c)
                          for c in str(wanted).lower())  # fmt: skip
        pattern = pattern if "%" in str(wanted) else f"*{pattern}*"
        return lambda value: fnmatchcase(str(value).lower(), pattern)
    if word in _COMPARE:
        return lambda value: _COMPARE[word](_plain(value), _plain(wanted))
    raise RestError(400, 10005, f"The simpleOperator {word[:40]} is not valid.")
