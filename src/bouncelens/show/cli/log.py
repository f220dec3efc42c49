"""Logs go to stderr: for a person on a terminal, as JSON for a machine otherwise."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from bouncelens.show.cli.screen import visible


def set_up(level: int = logging.WARNING) -> None:
    """Configure structlog and send the standard library's loggers the same way."""
    import structlog

    is_person = sys.stderr.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: list[Any] = (
        [_harmless, structlog.dev.ConsoleRenderer(colors="NO_COLOR" not in os.environ)]
        if is_person
        else [structlog.processors.JSONRenderer(ensure_ascii=True)]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Stderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    for earlier in [known for known in root.handlers if isinstance(known, _Stderr)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level)


class _Stderr(logging.Handler):
    """Writes to stderr as it is at that moment: a progress bar may have put itself before it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


def _harmless(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Words of strangers must not steer the terminal that shows the log."""
    return {k: visible(v) if isinstance(v, str) else v for k, v in event.items()}
