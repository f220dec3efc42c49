"""Where answers go: a file, a zip, a folder or a pipe. A file is whole or not there at all."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from bouncelens.errors import InputInvalid
from bouncelens.show.export.cells import clean
from bouncelens.show.export.report import window_words

if TYPE_CHECKING:
    from bouncelens.service.report import Answer
    from bouncelens.service.stream import Stream
    from bouncelens.show.export.forms import Form
    from bouncelens.show.export.report import Report

_ABOUT = "about.txt"


def write_document(report: Report, form: Form, file: IO[bytes]) -> None:
    """A report as HTML, PDF or Markdown."""
    if form.name == "pdf":
        from bouncelens.show.export.paper import pdf

        file.write(pdf(report))
    elif form.name == "html":
        from bouncelens.show.export.page import html

        file.write(html(report).encode())
    else:
        from bouncelens.show.export.markdown import markdown

        file.write(markdown(report).encode())


def write_tables(
    answers: Iterable[Stream], form: Form, file: IO[bytes], *, is_piped: bool = False
) -> None:
    """Answers as rows: of Excel as many as there are, of csv and parquet one. `is_piped`: to a
    program rather than to a file that a person opens."""
    if form.name == "xlsx":
        from bouncelens.show.export.excel import write_xlsx

        write_xlsx(answers, file)
        return
    for found in answers:
        _write_one(found, form, file, is_piped=is_piped)


def write_folder(answers: Iterable[Stream], form: Form, folder: Path) -> None:
    """A file for each answer in a folder, and one that says what the numbers are of."""
    folder.mkdir(parents=True, exist_ok=True)
    told = []
    for found in answers:
        with whole(folder / f"{safe_name(found.about.question)}{form.suffix}") as file:
            _write_one(found, form, file)
        told.append(found.about)
    with whole(folder / _ABOUT) as file:
        file.write(about_text(told).encode())


def write_zip(answers: Iterable[Stream], form: Form, file: IO[bytes]) -> None:
    """The same in a zip."""
    told = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for found in answers:
            with tempfile.TemporaryFile() as part:  # Parquet wants to know where it is
                _write_one(found, form, part)
                part.seek(0)
                with packed.open(f"{safe_name(found.about.question)}{form.suffix}", "w") as member:
                    while piece := part.read(1 << 20):
                        member.write(piece)
            told.append(found.about)
        packed.writestr(_ABOUT, about_text(told))


def safe_name(question: str) -> str:
    """A file's name for a question's answer, without its end."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "-" for c in question)


def about_text(told: Iterable[Answer]) -> str:
    """What the numbers are of, and what each column means."""
    return "\n".join(line for about in told for line in _about(about))


def _about(about: Answer) -> Iterator[str]:
    yield f"{about.question}: {about.title}. {about.asks}"
    yield f"  {window_words(about)}; moments in {about.time_zone}."
    yield from (f"  {clean(note)}" for note in about.notes)
    for column in about.columns:
        unit = f" [{column.unit}]" if column.unit else ""
        yield f"  {column.name}{unit}: {column.doc}"
    yield ""


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that gets its name when all is written. Raises InputInvalid where it
    cannot be written."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}-")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _unwritable(path: Path, error: OSError) -> InputInvalid:
    return InputInvalid(
        f"{path} cannot be written: {error.strerror or error}.", advice="Name another file."
    )


def _write_one(found: Stream, form: Form, file: IO[bytes], *, is_piped: bool = False) -> None:
    if form.name == "parquet":
        from bouncelens.show.export.parquet import write_parquet

        write_parquet(found, file)
        return
    from bouncelens.show.export.delimited import write_csv

    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    if not is_piped:  # Excel takes a file without this mark for another alphabet's
        text.write("\ufeff")
    write_csv(found, text)
    text.detach()
