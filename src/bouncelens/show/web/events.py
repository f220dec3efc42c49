"""The one address that the outside posts to: /events/MID, in front of the pages' guard.

A post proves itself by its signature, so it needs neither host nor session. Everything about it is
limited before it is read: its size, its time, and how many come at once.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from bouncelens.service.receive import Receiver

_PATH = re.compile(r"/events/([1-9]\d{0,17})/?")
_SIGNATURE = b"x-sfmc-ens-signature"
_MOST_UNSIGNED = 4096  # a verification is some hundred bytes
_MOST_AT_ONCE = 8  # bodies in memory
_BODY_S = 10.0  # Marketing Cloud itself gives up after three
_BUSY_S = 2.0


class EventsDoor:
    """ASGI middleware: answers what is posted to /events/, passes on everything else."""

    def __init__(self, app: ASGIApp, *, receiver: Receiver) -> None:
        self._app, self._receiver = app, receiver
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)
        # Threads of their own: pages that wait for an answer must not make events wait.
        self._workers = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="events")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on, one request."""
        if scope["type"] == "http" and scope["path"].startswith("/events/"):
            await _answer(send, await self._status(scope, receive))
        else:
            await self._app(scope, receive, send)

    async def _status(self, scope: Scope, receive: Receive) -> int:
        found = _PATH.fullmatch(scope["path"])
        if found is None:
            return HTTPStatus.NOT_FOUND
        if scope["method"] != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        headers = dict(scope["headers"])
        signature = headers.get(_SIGNATURE)
        most = self._receiver.most_bytes if signature is not None else _MOST_UNSIGNED
        stated = headers.get(b"content-length", b"0")
        if not stated.isdigit() or int(stated[:18]) > most:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        try:
            async with asyncio.timeout(_BUSY_S):
                await self._places.acquire()
        except TimeoutError:
            return HTTPStatus.SERVICE_UNAVAILABLE
        try:
            async with asyncio.timeout(_BODY_S):
                body = await _body(receive, most)
            if body is None:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            told = signature.decode("latin-1") if signature is not None else None
            return await asyncio.get_running_loop().run_in_executor(
                self._workers, self._receiver.take, int(found[1]), body, told
            )
        except TimeoutError:
            return HTTPStatus.REQUEST_TIMEOUT
        except _Gone:
            return HTTPStatus.BAD_REQUEST
        finally:
            self._places.release()


class _Gone(Exception):
    """The other side went away in the middle."""


async def _body(receive: Receive, most: int) -> bytes | None:
    """The whole body; None when it is larger than it may be."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _Gone
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _answer(send: Send, status: int) -> None:
    headers = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    if status != HTTPStatus.NO_CONTENT:
        headers.append((b"content-length", b"0"))
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"POST"))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"60"))
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": b""})
