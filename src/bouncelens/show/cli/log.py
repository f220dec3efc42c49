"""Logs go to stderr: for a person on a terminal, as JSON for a machine otherwise."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from bouncelens.show.cli.screen import visible


def set_up(level: int = logging.WARNING) -> None:
    """Send every logger's records to stderr. Structlog is loaded with the first record: most
    commands have nothing to log and should not wait for it."""
    root = logging.getLogger()
    for earlier in [known for known in root.handlers if isinstance(known, _Stderr)]:
        root.removeHandler(earlier)
    root.addHandler(_Stderr())
    root.setLevel(level)


class _Stderr(logging.Handler):
    """Writes to stderr as it is at that moment: a progress bar may have put itself before it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            if self.formatter is None:
                self.formatter = _formatter()
            sys.stderr.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


def _formatter() -> logging.Formatter:
    import structlog

    last: list[Any] = (
        [_harmless, structlog.dev.ConsoleRenderer(colors="NO_COLOR" not in os.environ)]
        if sys.stderr.isatty()
        else [structlog.processors.JSONRenderer(ensure_ascii=True)]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *last,
        ],
    )


def _harmless(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Words of strangers must not steer the terminal that shows the log."""
    return {k: visible(v) if isinstance(v, str) else v for k, v in event.items()}
