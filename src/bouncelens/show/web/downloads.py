"""Answers as files: the same questions and filters as the page, in every form of `report`."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING

from bouncelens.service.report import STANDARD
from bouncelens.show.export import writing
from bouncelens.show.export.building import build_report
from bouncelens.show.export.forms import known_form
from bouncelens.show.web.source import given

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bouncelens.service.report import Answer
    from bouncelens.service.stream import Stream
    from bouncelens.service.workspace import Workspace
    from bouncelens.show.web.filters import Filters
    from bouncelens.show.web.source import Source

MOST_ROWS = 20_000  # of a table; pages wait meanwhile. The command line has no such limit.
_IN_MEMORY = 4 << 20
_PIECE = 1 << 16


class Download:
    """A file for a browser, made before the answer begins, so that a failure has its own words."""

    def __init__(self, source: Source, question: str | None, form: str, filters: Filters) -> None:
        """`question`: None is the standard report. Raises InputInvalid, QuestionInvalid and
        StoreError."""
        self._form = known_form(form)
        self._names = STANDARD if question is None else (question,)
        self._filters = filters
        # Closed when it was sent, or here when there is nothing to send.
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
        try:
            if self._form.is_document:
                self._write_document(source)
            else:
                source.use(self._write_tables)
        except BaseException:
            self.close()
            raise
        self._file.seek(0)

    @property
    def headers(self) -> dict[str, str]:
        """How the browser shall keep it."""
        return {"content-disposition": f'attachment; filename="{self._file_name}"'}

    @property
    def media_type(self) -> str:
        """What it is."""
        return "application/zip" if self._is_zip else self._form.media_type

    def pieces(self) -> Iterator[bytes]:
        """The file, once."""
        while piece := self._file.read(_PIECE):
            yield piece

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    @property
    def _is_zip(self) -> bool:
        return len(self._names) > 1 and self._form.name in ("csv", "parquet")

    @property
    def _file_name(self) -> str:
        what = writing.safe_name(self._names[0]) if len(self._names) == 1 else "report"
        since, until = self._filters.since, self._filters.until
        last = until - timedelta(days=1) if until else None
        days = [day.isoformat() for day in (since, last) if day]
        end = f"{self._form.suffix}.zip" if self._is_zip else self._form.suffix
        return "-".join(("bounces", what, *days)) + end

    def _write_document(self, source: Source) -> None:
        def ask(name: str, _: int | None) -> Answer:
            return source.ask(name, self._filters)

        report = build_report(ask, self._names, made_at=datetime.now(UTC))
        writing.write_document(report, self._form, self._file)

    def _write_tables(self, workspace: Workspace) -> None:
        write = writing.write_zip if self._is_zip else writing.write_tables
        write(self._streams(workspace), self._form, self._file)

    def _streams(self, workspace: Workspace) -> Iterator[Stream]:
        from bouncelens.service.stream import stream

        for name in self._names:
            narrowed = {**given(name, self._filters), "limit": MOST_ROWS}
            with stream(workspace, name, **narrowed) as found:
                yield found
