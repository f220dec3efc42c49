"""Reading settings: the file, the environment over it, and a sentence for what is wrong."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from bouncelens.errors import SettingsInvalid
from bouncelens.settings.model import Settings
from bouncelens.settings.places import NOT_SETTINGS, PREFIX, find
from bouncelens.settings.secret import REFERENCE

# Defaults that are places beside the settings file.
_BESIDE: Mapping[str, Any] = {
    "lake": "lake",
    "ledger": "sqlite:///bouncelens.db",
    "events": {"folder": "events", "keys": "file:events-keys"},
}

_MOVED: Mapping[str, str] = {"sql.addresses": "report.addresses"}  # what earlier versions called it


def load(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
) -> Settings:
    """The settings of `path`, or of the file that `find` finds, with the environment over them.

    No file at all is fine: everything has a default but the tenant. Raises SettingsInvalid.
    """
    environ = os.environ if environ is None else environ
    here = (folder or Path.cwd()).absolute()
    source = path if path is not None else find(here)
    table = _read(source) if source else {}
    base = source.absolute().parent if source else here
    layers = [(table, base, str(source)), (_environment(environ, table), here, "environment")]
    merged = _anchored(_BESIDE, base)
    for layer, beside, name in layers:
        _check_keys(layer, name)
        merged = _over(merged, _anchored(layer, beside))
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsInvalid(_sentence(error, layers)) from error


def _part(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


# Reading


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise SettingsInvalid(
            f"{path} cannot be read: {error.strerror}.", advice="`bouncelens init` writes one."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} is not TOML: {error}.") from error


def _environment(environ: Mapping[str, str], table: Mapping[str, Any]) -> dict[str, Any]:
    """BOUNCELENS_TENANT__CLIENT_ID=… as {"tenant": {"client_id": …}}."""
    found: dict[str, Any] = {}
    referenced = {text.removeprefix("env:") for text in _texts(table) if text.startswith("env:")}
    referenced |= {v.removeprefix("env:") for v in environ.values() if v.startswith("env:")}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in NOT_SETTINGS | referenced:
            continue
        *parts, last = name.removeprefix(PREFIX).lower().split("__")
        place = found
        for part in parts:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise SettingsInvalid(f"The environment variable {name} contradicts another one.")
        place[last] = _value(name, environ[name], is_json=_is_json((*parts, last)))
    return found


def _is_json(key: tuple[str, ...]) -> bool:
    """Whether the setting is a list or a table."""
    part: type[BaseModel] | None = Settings
    for word in key[:-1]:
        field = part.model_fields.get(word) if part else None
        part = _part(field.annotation) if field else None
    field = part.model_fields.get(key[-1]) if part else None
    return field is not None and get_origin(field.annotation) in (tuple, dict)


def _value(name: str, text: str, *, is_json: bool) -> Any:
    if not is_json:
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise SettingsInvalid(
            f"The environment variable {name} is not JSON.",
            advice='It holds a list, e.g. [{"mid": 100, "name": "Shop"}] or ["rules.toml"], or a '
            'table, e.g. {"spark.executor.memory": "8g"}.',
        ) from error


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _over(old, value) if both and isinstance(old, dict) else value
    return merged


def _anchored(table: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """With relative paths made absolute."""
    made = dict(table)
    lake, ledger, rules = made.get("lake"), made.get("ledger"), made.get("rules")
    if isinstance(lake, str) and lake and "://" not in lake and not REFERENCE.fullmatch(lake):
        made["lake"] = str(base / Path(lake).expanduser())
    if isinstance(policy := made.get("policy"), str) and policy.endswith(".toml"):
        made["policy"] = str(base / Path(policy).expanduser())
    if isinstance(ledger, str) and re.fullmatch(r"sqlite:///(?!:memory:$).+", ledger):
        made["ledger"] = f"sqlite:///{base / Path(ledger[10:]).expanduser()}"
    if isinstance(rules, list):
        made["rules"] = [
            str(base / Path(rule).expanduser()) if isinstance(rule, str) else rule for rule in rules
        ]
    for name in ("tenant", "tracking", "events"):
        if isinstance(part := made.get(name), dict):
            made[name] = {key: _secret_at(value, base) for key, value in part.items()}
    if isinstance(units := made.get("accounts"), list):
        made["accounts"] = _secret_at(units, base)
    events = made.get("events")
    if isinstance(events, dict) and isinstance(folder := events.get("folder"), str) and folder:
        made["events"] = {**events, "folder": str(base / Path(folder).expanduser())}
    for name, key in (("suppression", "file"), ("auto_suppression", "removal_file")):
        part = made.get(name)
        if isinstance(part, dict) and isinstance(file := part.get(key), str) and file:
            made[name] = {**part, key: str(base / Path(file).expanduser())}
    return made


def _secret_at(value: Any, base: Path) -> Any:
    """A reference to a file, absolute; a list's tables likewise; anything else as it is."""
    if isinstance(value, str) and value.startswith("file:"):
        return f"file:{base / Path(value[5:]).expanduser()}"
    if isinstance(value, list):
        return [
            {key: _secret_at(part, base) for key, part in entry.items()}
            if isinstance(entry, dict)
            else entry
            for entry in value
        ]
    return value


# Refusing


def _check_keys(table: Mapping[str, Any], source: str) -> None:
    known = _known(Settings, "")
    for key in _keys(table, ""):
        if key not in known and not any(key.startswith(free) for free in _free(Settings, "")):
            near = _MOVED.get(key) or _nearest(key, known)
            shown, near = (text.replace("[]", "") for text in (key, near))
            if source == "environment":
                shown, near = (f"{PREFIX}{t.replace('.', '__').upper()}" for t in (shown, near))
            raise SettingsInvalid(
                f"{source}: unknown setting {shown!r}.",
                advice=f"It is called {near!r} now."
                if key in _MOVED
                else f"Did you mean {near!r}?",
            )


def _nearest(key: str, known: set[str]) -> str:
    """The known key most alike, as a whole or by its last part in another table."""

    def likeness(candidate: str) -> float:
        last = difflib.SequenceMatcher(None, key.split(".")[-1], candidate.split(".")[-1]).ratio()
        return last + 0.5 * difflib.SequenceMatcher(None, key, candidate).ratio()

    return max(sorted(known), key=likeness)


def _known(model: type[BaseModel], before: str) -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        found.add(before + name)
        if kind := _part(field.annotation):
            dots = "[]." if "tuple" in str(field.annotation) else "."
            found |= _known(kind, f"{before}{name}{dots}")
    return found


def _free(model: type[BaseModel], before: str) -> Iterator[str]:
    """How the keys of tables begin whose keys are a person's own."""
    for name, field in model.model_fields.items():
        if kind := _part(field.annotation):
            yield from _free(kind, f"{before}{name}.")
        elif get_origin(field.annotation) is dict:
            yield f"{before}{name}."


def _keys(value: Mapping[str, Any], before: str) -> Iterator[str]:
    for key, part in value.items():
        yield before + key
        if isinstance(part, dict):
            yield from _keys(part, f"{before}{key}.")
        elif isinstance(part, list):
            for entry in part:
                if isinstance(entry, dict):
                    yield from _keys(entry, f"{before}{key}[].")


def _sentence(error: ValidationError, layers: list[tuple[dict[str, Any], Path, str]]) -> str:
    """What is wrong first, where, and never with the value: it may be a secret."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    source = next((name for table, _, name in reversed(layers) if first["loc"][0] in table), "")
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{source}: the setting {key!r} is wrong: {message[0].lower()}{message[1:]}."
