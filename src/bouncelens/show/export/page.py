"""A report as one HTML file: no script, nothing loaded, charts inside, light and dark."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from bouncelens.show.export.pictures import picture, with_roles

if TYPE_CHECKING:
    from jinja2 import Environment

    from bouncelens.show.export.report import Report


def html(report: Report) -> str:
    """The page. Its policy lets nothing run or load, whatever a reply holds."""
    from markupsafe import Markup

    style = (files("bouncelens.show.export") / "templates" / "report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    pictures = [
        Markup(with_roles(picture(section.drawing, prefix=f"c{number}-")))  # noqa: S704
        if section.drawing
        else None
        for number, section in enumerate(report.sections)
    ]
    return (
        environment()
        .get_template("report.html")
        .render(
            report=report,
            parts=list(zip(report.sections, pictures, strict=True)),
            style=Markup(style),  # noqa: S704
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
            "form-action 'none'",
        )
    )


@cache
def environment() -> Environment:
    """The templates of documents; everything is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("bouncelens.show.export"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
