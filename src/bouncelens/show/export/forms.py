"""The forms in which answers can be taken away, by name and by the end of a file's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bouncelens.errors import InputInvalid

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Form:
    """A form. `is_document`: for people, with charts and words; else rows for programs.
    `is_text`: may be printed."""

    name: str
    suffix: str
    media_type: str
    is_document: bool
    is_text: bool


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMS = {
    form.name: form
    for form in (
        Form("csv", ".csv", "text/csv; charset=utf-8", is_document=False, is_text=True),
        Form("xlsx", ".xlsx", _XLSX, is_document=False, is_text=False),
        Form(
            "parquet",
            ".parquet",
            "application/vnd.apache.parquet",
            is_document=False,
            is_text=False,
        ),
        Form("html", ".html", "text/html; charset=utf-8", is_document=True, is_text=True),
        Form("pdf", ".pdf", "application/pdf", is_document=True, is_text=False),
        Form("md", ".md", "text/markdown; charset=utf-8", is_document=True, is_text=True),
    )
}
TABLES = tuple(name for name, form in FORMS.items() if not form.is_document)
DOCUMENTS = tuple(name for name, form in FORMS.items() if form.is_document)


def form_of(path: Path) -> str | None:
    """The form that a file's name asks for; of `answers.csv.zip` the inner one. None: none."""
    ends = [suffix.lower() for suffix in path.suffixes]
    if ends[-1:] == [".zip"]:
        ends.pop()
    return next((form.name for form in FORMS.values() if ends[-1:] == [form.suffix]), None)


def known_form(name: str) -> Form:
    """The form of a name. Raises InputInvalid."""
    if name not in FORMS:
        raise InputInvalid(
            f"There is no form {name[:40]!r}.", advice=f"There are {', '.join(FORMS)}."
        )
    return FORMS[name]
