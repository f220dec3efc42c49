"""A tenant described in TOML: what is left out stays as in the default tenant.

The same description and seed make the same tenant.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import tomllib
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sfmc_sandbox.world.plan import Plan, Tale, Unit

if TYPE_CHECKING:
    from pathlib import Path

_LISTS: dict[str, tuple[str, type[Any]]] = {"unit": ("units", Unit), "story": ("tales", Tale)}
_NUMBERS = ("seed", "months", "bounces", "people", "messages", "sendings")
_MOST_MONTHS, _YEARS = 120, range(1990, 2101)


class DescriptionInvalid(ValueError):
    """A description that cannot be read; the text names the file, the key and what to do."""


def read_description(path: Path, **given: object) -> Plan:
    """The plan of a description; `given` (seed, until …) wins. Raises DescriptionInvalid."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise DescriptionInvalid(f"{path}: {problem}") from problem
    content.update({name: value for name, value in given.items() if value is not None})
    try:
        return plan_of(content)
    except (DescriptionInvalid, TypeError) as problem:
        raise DescriptionInvalid(f"{path}: {problem}") from problem


def plan_of(content: dict[str, Any]) -> Plan:
    """The plan of a description's content. Raises DescriptionInvalid."""
    known = {f.name for f in dataclasses.fields(Plan)} - {"units", "tales"} | {*_LISTS}
    _check_keys(content, known, "the description")
    made: dict[str, Any] = {}
    for name, value in content.items():
        if name in _LISTS:
            field, kind = _LISTS[name]
            made[field] = tuple(_entry(kind, name, entry) for entry in value)
        elif name == "until":
            made[name] = _moment(value)
        elif name == "shares":
            made[name] = tuple((str(k), float(v)) for k, v in dict(value).items())
        elif name in _NUMBERS and value is not None:
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise DescriptionInvalid(f"{name} must be a whole number")
            if name == "months" and not 1 <= value <= _MOST_MONTHS:
                raise DescriptionInvalid(f"months must lie between 1 and {_MOST_MONTHS}")
            made[name] = value
        else:
            made[name] = value
    units = made.get("units")
    if "until" in made and made["until"].year not in _YEARS:
        raise DescriptionInvalid(f"until must lie in {_YEARS[0]} to {_YEARS[-1]}")
    if units is not None and (not units or units[0].parent is not None):
        raise DescriptionInvalid("the first unit is the enterprise: it has no parent")
    return Plan(**made)


def _check_keys(content: dict[str, Any], known: set[str], where: str) -> None:
    for name in content:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; do you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(known))}"
            raise DescriptionInvalid(f"{where} has an unknown key {name!r}{hint}")


def _entry(kind: type[Any], name: str, content: dict[str, Any]) -> Any:
    fields = {f.name: f for f in dataclasses.fields(kind)}
    _check_keys(content, set(fields), f"[[{name}]]")
    optional = {"parent", "unit"} | {
        n for n, f in fields.items() if f.default is not dataclasses.MISSING
    }
    missing = [n for n in fields if n not in content and n not in optional]
    if missing:
        raise DescriptionInvalid(f"[[{name}]] lacks {missing[0]!r}")
    values = {n: tuple(v) if isinstance(v, list) else v for n, v in content.items()}
    known = {n: f.default for n, f in fields.items() if f.default is not dataclasses.MISSING}
    return kind(**{n: values.get(n, known.get(n)) for n in fields})


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as problem:
        raise DescriptionInvalid(f"until is no date: {value}") from problem
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def to_json(plan: Plan) -> str:
    """A plan as text, for the folder of a tenant on disk."""
    return json.dumps(dataclasses.asdict(plan), default=lambda moment: moment.isoformat())


def from_json(text: str) -> Plan:
    """The plan of `to_json`."""
    content = json.loads(text)
    content["unit"], content["story"] = content.pop("units"), content.pop("tales")
    content["shares"] = dict(content["shares"])
    return plan_of({name: value for name, value in content.items() if value is not None})
