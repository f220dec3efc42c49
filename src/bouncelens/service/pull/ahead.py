"""Pages fetched ahead: while some are judged and stored, Marketing Cloud is asked for the next."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    from bouncelens.bounce import Page

_PAGES_AHEAD = 8
_LOOK_S = 0.1


@contextmanager
def ahead(pages: Generator[Page, None, None] | Iterator[Page]) -> Iterator[Iterator[Page]]:
    """The same pages in the same order, and the same error at its place. When the block ends, so
    does the source, wherever it was: nothing of it goes on behind our back."""
    waiting: queue.Queue[Page | BaseException | None] = queue.Queue(_PAGES_AHEAD)
    is_over = threading.Event()
    thread = threading.Thread(target=_fetch, args=(pages, waiting, is_over), daemon=True)
    thread.start()
    try:
        yield _taken(waiting)
    finally:
        is_over.set()
        thread.join()


def _fetch(
    pages: Iterator[Page],
    waiting: queue.Queue[Page | BaseException | None],
    is_over: threading.Event,
) -> None:
    def give(thing: Page | BaseException | None) -> bool:
        while not is_over.is_set():
            try:
                waiting.put(thing, timeout=_LOOK_S)
            except queue.Full:
                continue
            return True
        return False

    try:
        with closing(pages):  # type: ignore[type-var]
            for page in pages:
                if not give(page):
                    return
    except BaseException as error:  # raised again where the pages are taken
        give(error)
    else:
        give(None)


def _taken(waiting: queue.Queue[Page | BaseException | None]) -> Iterator[Page]:
    while (thing := waiting.get()) is not None:
        if isinstance(thing, BaseException):
            raise thing
        yield thing
