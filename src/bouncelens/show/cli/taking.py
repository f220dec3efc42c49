"""`report --format … --out …`: answers written to files, folders, zips and pipes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from bouncelens.show.cli.screen import print_json, say

if TYPE_CHECKING:
    from bouncelens.service.report import Answer
    from bouncelens.service.stream import Stream
    from bouncelens.service.workspace import Workspace
    from bouncelens.show.export.forms import Form as Known
    from bouncelens.show.export.report import Report

_ENGINE_ROWS = 1000  # that a question gives unless asked for more

Form = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORM",
        help="table, json, csv, xlsx, parquet, html, pdf or md; else as --out ends.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="Write there instead of printing. Several tables: a .zip, or a folder.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is taken away, and where to. `limit`: rows of each answer, if said."""

    form: str
    out: Path | None
    limit: int | None


def wanted(form: str | None, out: Path | None, *, limit: int | None) -> Wanted | None:
    """What a person asks to take away; None: the screen will do. Raises InputInvalid."""
    from bouncelens.errors import InputInvalid
    from bouncelens.show.export.forms import FORMS, form_of, known_form

    if form in ("table", None) and out is None:
        return None
    if form is None and out is not None:
        form = "json" if out.suffix.lower() == ".json" else form_of(out)
    if form == "table" or form is None:
        raise InputInvalid(
            "A table is for the screen." if form else f"The name {out} does not say which form.",
            advice=f"Say --format {', '.join(FORMS)}.",
        )
    return Wanted(form if form == "json" else known_form(form).name, out, limit)


def take(
    workspace: Workspace,
    names: Sequence[str],
    filters: Mapping[str, Any],
    *,
    asked: Wanted,
    lead: Sequence[str] = (),
) -> None:
    """Answer the questions and write what comes. `lead`: said first in a document. Raises
    InputInvalid, QuestionInvalid, StoreError."""
    from bouncelens.show.export.forms import FORMS

    if asked.form == "json":
        answers = [_answer(workspace, name, filters, asked.limit) for name in names]
        write_json(answers if len(answers) > 1 else answers[0], asked.out)
    elif FORMS[asked.form].is_document:
        document(_report(workspace, names, filters, asked, lead), asked)
    else:
        _write_tables(_streams(workspace, names, filters, asked.limit), len(names), asked)


def take_ready(
    answers: Sequence[Answer], asked: Wanted, *, title: str, lead: Sequence[str] = ()
) -> None:
    """Write answers that are whole already. `title` and `lead`: of a document. Raises
    InputInvalid."""
    from bouncelens.service.stream import ready
    from bouncelens.show.export.building import ROWS_OF_ONE
    from bouncelens.show.export.forms import FORMS
    from bouncelens.show.export.report import Report, sections

    if FORMS[asked.form].is_document:
        parts = sections(answers, limit=asked.limit or ROWS_OF_ONE)
        document(Report(title, tuple(lead), parts, datetime.now(UTC)), asked)
    else:
        _write_tables(map(ready, answers), len(answers), asked)


def document(made: Report, asked: Wanted) -> None:
    """Write a report to its file or to stdout."""
    from bouncelens.show.export.forms import FORMS
    from bouncelens.show.export.writing import write_document

    with _place(asked.out, FORMS[asked.form]) as file:
        write_document(made, FORMS[asked.form], file)
    _say_written(asked.out)


def _write_tables(streams: Iterable[Stream], count: int, asked: Wanted) -> None:
    from bouncelens.errors import InputInvalid
    from bouncelens.show.export import writing
    from bouncelens.show.export.forms import FORMS

    form, out = FORMS[asked.form], asked.out
    is_zip = out is not None and out.suffix.lower() == ".zip"
    if out is not None and (out.is_dir() or (not out.suffix and form.name != "xlsx")):
        if form.name == "xlsx":
            raise InputInvalid(f"{out} is a folder.", advice="Name a file in it.")
        writing.write_folder(streams, form, out)
    elif is_zip:
        with _place(out, form) as file:
            writing.write_zip(streams, form, file)
    elif count > 1 and form.name != "xlsx":
        raise InputInvalid(
            f"A report of {count} tables does not fit in one {form.name}.",
            advice=f"Say --format {form.name} --out answers.zip, a folder, or name one question.",
        )
    else:
        with _place(out, form) as file:
            writing.write_tables(streams, form, file, is_piped=out is None)
    _say_written(out)


def _streams(
    workspace: Workspace, names: Sequence[str], filters: Mapping[str, Any], limit: int | None
) -> Iterator[Stream]:
    from bouncelens.service.stream import stream
    from bouncelens.show.export.report import window_words

    for name in names:
        with stream(workspace, name, **{**filters, "limit": limit}) as found:
            # A file of bare rows cannot say it.
            say(f"{name}: {window_words(found.about)}. {' '.join(found.about.notes)}")
            yield found


def _report(
    workspace: Workspace,
    names: Sequence[str],
    filters: Mapping[str, Any],
    asked: Wanted,
    lead: Sequence[str],
) -> Report:
    from bouncelens.show.export.building import build_report

    def ask(name: str, limit: int | None) -> Answer:
        return _answer(workspace, name, filters, limit)

    return build_report(ask, names, made_at=datetime.now(UTC), limit=asked.limit, lead=lead)


def _answer(
    workspace: Workspace, name: str, filters: Mapping[str, Any], limit: int | None
) -> Answer:
    from bouncelens.service.report import answer, takes

    given = dict(filters)
    if limit is not None and limit >= _ENGINE_ROWS and takes(name, "limit"):
        given["limit"] = limit + 1  # one more, to know that there are more
    return answer(workspace, name, **given)


def write_json(value: Any, out: Path | None) -> None:
    """A value as JSON, to a file or stdout."""
    from bouncelens.show.cli.screen import json_text
    from bouncelens.show.export.writing import whole

    if out is None:
        print_json(value)
        return
    with whole(out) as file:
        file.write((json_text(value, indent=2) + "\n").encode())
    _say_written(out)


@contextmanager
def _place(out: Path | None, form: Known) -> Iterator[IO[bytes]]:
    from bouncelens.errors import InputInvalid
    from bouncelens.show.export.writing import whole

    if out is not None:
        with whole(out) as file:
            yield file
        return
    if not form.is_text and sys.stdout.isatty():
        raise InputInvalid(f"A terminal cannot show {form.name}.", advice="Say --out FILE.")
    sys.stdout.flush()
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


def _say_written(out: Path | None) -> None:
    if out is not None:
        say(f"Written: {out}")
