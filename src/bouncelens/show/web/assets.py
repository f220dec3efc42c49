"""Static files under names that change with their content, so that browsers may keep them.

Vega's script is not in the repository: vl-convert carries it and bundles it here, once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_OWN = ("style.css", "charts.js", "icon.svg")
_VEGA = "vega.js"
_GLOBALS = "window.vegaEmbed = vegaEmbed;"  # all that charts.js needs


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it goes over the wire."""

    body: bytes
    media_type: str


@cache
def hashed_name(name: str) -> str:
    """The name under which `name` is served, e.g. `style.3f2a9c1b04de.css`."""
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{_digest(name)}.{suffix}"


def asset(served_name: str) -> Asset | None:
    """The asset of a hashed name; None when there is none."""
    for name in (*_OWN, _VEGA):
        if served_name == hashed_name(name):
            return Asset(_body(name), _TYPES[name.rpartition(".")[2]])
    return None


def _digest(name: str) -> str:
    if name == _VEGA:
        # The bundle is a function of vl-convert's version: the name needs no bundling.
        content = f"{version('vl-convert-python')} {_GLOBALS}".encode()
    else:
        content = _body(name)
    return hashlib.blake2b(content, digest_size=6).hexdigest()


@cache
def _body(name: str) -> bytes:
    if name == _VEGA:
        import vl_convert

        return str(vl_convert.javascript_bundle(_GLOBALS)).encode()
    return files("bouncelens.show.web").joinpath("static", name).read_bytes()


def warm() -> None:
    """Make the bundle now, so that nobody waits for it later."""
    _body(_VEGA)
