"""A report as Markdown for tickets. Strangers' words stand in code, where they mention nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bouncelens.show.export.report import Report, Section

_PLAIN = re.compile(r"[^\W_]?[\w ,%–.:;'()/=+-]*", re.UNICODE)
_LINK = re.compile(r"[^\W\d]\.\w{2,}|www|://|_", re.UNICODE)
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$@!])")
_LONGEST = 300


def markdown(report: Report) -> str:
    """The report's text."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# {_words(report.title)}\n"
    for sentence in report.lead:
        yield f"- {_words(sentence)}"
    if report.lead:
        yield ""
    for section in report.sections:
        if section.title != report.title:
            yield f"## {_words(section.title)}\n"
        yield from _section(section)
    yield f"Made {report.made_at:%Y-%m-%d %H:%M} UTC by bouncelens."


def _section(section: Section) -> Iterator[str]:
    yield f"{_words(section.asks)} {section.window}.\n"
    if section.rows:
        yield "| " + " | ".join(_words(head.words) or " " for head in section.heads) + " |"
        yield "|" + "|".join("---:" if head.is_number else "---" for head in section.heads) + "|"
        for row in section.rows:
            yield "| " + " | ".join(map(_cell, row)) + " |"
    else:
        yield section.nothing
    yield ""
    yield " ".join(map(_words, section.notes)) + "\n"


def _words(text: str) -> str:
    """Our own sentences, perhaps with a stranger's name in them."""
    return _SPECIAL.sub(r"\\\1", text)


def _cell(text: str) -> str:
    if _PLAIN.fullmatch(text) and not _LINK.search(text):
        return text
    short = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    fence = "`" * (max(map(len, re.findall("`+", short)), default=0) + 1)
    pad = " " if short[:1] == "`" or short[-1:] == "`" else ""
    # In a table a bar parts cells even within code.
    return f"{fence}{pad}{short}{pad}{fence}".replace("|", "\\|")
