"""A report as PDF, set by Typst. Text goes to it as data and is never read as markup."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from bouncelens.show.export.pictures import picture

if TYPE_CHECKING:
    from bouncelens.show.export.report import Report, Section


def pdf(report: Report) -> bytes:
    """The report on A4, with tags for people who do not see it. Words in scripts that neither the
    library's fonts nor the system's have are drawn as empty boxes."""
    import typst

    folder = files("bouncelens.show.export") / "templates"
    told: dict[str, Any] = {
        "title": report.title,
        "lead": list(report.lead),
        "made": f"{report.made_at:%Y-%m-%d %H:%M} UTC",
        "sections": [_section(section, number) for number, section in enumerate(report.sections)],
    }
    pictures = {
        f"chart{number}.svg": picture(section.drawing, prefix="c").encode()
        for number, section in enumerate(report.sections)
        if section.drawing
    }
    sources = {
        "main.typ": (folder / "report.typ").read_bytes(),
        "report.json": json.dumps(told).encode(),
        **pictures,
    }
    # Its stubs do not know that sources may be a dict; none of them is a file's path.
    made: bytes = typst.compile(sources, format="pdf", timestamp=int(report.made_at.timestamp()))  # type: ignore[call-overload]
    return made


def _section(section: Section, number: int) -> dict[str, Any]:
    return {
        "title": section.title,
        "asks": f"{section.asks} {section.window}.",
        "heads": [head.words for head in section.heads],
        "numbers": [head.is_number for head in section.heads],
        "rows": section.rows,
        "notes": section.notes,
        "nothing": section.nothing,
        "chart": f"chart{number}.svg" if section.drawing else None,
        "chart_title": section.drawing.title if section.drawing else "",
        "chart_words": section.drawing.description if section.drawing else "",
    }
