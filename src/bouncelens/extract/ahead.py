"""Fetched ahead: while one page is read and stored, Marketing Cloud is asked for the next."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

_Thing = TypeVar("_Thing")
_AHEAD = 8
_LOOK_S = 0.1


@contextmanager
def ahead(things: Generator[_Thing, None, None]) -> Iterator[Iterator[_Thing]]:
    """The same things in the same order, and the same error at its place. When the block ends, so
    does the source, wherever it was: nothing of it goes on behind our back."""
    waiting: queue.Queue[_Given[_Thing]] = queue.Queue(_AHEAD)
    is_over = threading.Event()
    thread = threading.Thread(target=_fetch, args=(things, waiting, is_over), daemon=True)
    thread.start()
    try:
        yield _taken(waiting)
    finally:
        is_over.set()
        thread.join()


# Something, or the error that came in its place, or the end.
_Given = tuple[_Thing, None] | tuple[None, BaseException | None]


def _fetch(
    things: Generator[_Thing, None, None],
    waiting: queue.Queue[_Given[_Thing]],
    is_over: threading.Event,
) -> None:
    def give(given: _Given[_Thing]) -> bool:
        while not is_over.is_set():
            try:
                waiting.put(given, timeout=_LOOK_S)
            except queue.Full:
                continue
            return True
        return False

    try:
        with closing(things):
            for thing in things:
                if not give((thing, None)):
                    return
    except BaseException as error:  # raised again where the things are taken
        give((None, error))
    else:
        give((None, None))


def _taken(waiting: queue.Queue[_Given[_Thing]]) -> Iterator[_Thing]:
    while True:
        thing, error = waiting.get()
        if error is not None:
            raise error
        if thing is None:
            return
        yield thing
