"""Templates into HTML. Everything is escaped; a stranger's text is made visible first."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from bouncelens.show import charts
from bouncelens.show.web import assets, overview

_LONGEST_REPLY = 4000  # characters; more was never kept by Marketing Cloud


def render(template: str, **values: Any) -> str:
    """The HTML of a template."""
    return _environment().get_template(template).render(**values)


def visible(text: object) -> str:
    """Text with what has no shape of its own written out: controls, and marks that reorder.

    Otherwise a reply could show other words than it holds, by U+202E for instance.
    """
    return "".join(map(_shown, str(text)[:_LONGEST_REPLY]))


def _shown(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Co", "Cs"}:
        return character
    return "" if character == "\r" else f"[U+{ord(character):04X}]"


def coded(text: str) -> Markup:
    """Our own sentences: what stands between backticks is something to type, or a name."""
    parts = (escape(part) for part in text.split("`"))
    marked = (Markup("<code>{}</code>").format(p) if at % 2 else p for at, p in enumerate(parts))
    return Markup("").join(marked)


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bouncelens.show.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "visible": visible,
        "count": _count,
        "label": overview.label,
        "code": coded,
    }
    environment.globals |= {
        "static": lambda name: f"/static/{assets.hashed_name(name)}",
        "rate": overview.rate,
        "colours": charts.GROUP_COLOURS,
        "empty_words": "No bounces in this window",
    }
    return environment
