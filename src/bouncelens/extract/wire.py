"""One HTTP exchange: https only, no redirects, answers of limited size, failures with a name."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bouncelens.errors import PageLost, SettingsInvalid, SourceError, Unreachable
from bouncelens.extract.gate import Gate
from bouncelens.extract.limits import retry_after_s

if TYPE_CHECKING:
    import httpx2

# A full SOAP page is 2,500 rows of at most 8,000 characters of reply text.
_MAX_BYTES = 64 * 1024 * 1024
_TOKEN_IN_SOAP = re.compile(rb"<fueloauth[^>]*>([^<]+)<")
_HEAD_BYTES = 16_384  # a token is 1 to 4 KiB long, and stands in front
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def retry_after_s(self) -> float | None:
        """The wait that the answer asks for, if it does."""
        return retry_after_s(self.headers.get("retry-after"), datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes = b""


class Waited:
    """For how long Marketing Cloud owed us something: an answer to a call, or the end of a query.
    Spans that overlap count once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owed, self._since, self._open = 0, 0.0, 0
        self.seconds, self.calls, self.most = 0.0, 0, 0  # `most`: calls at once

    @contextmanager
    def owed(self) -> Iterator[None]:
        """Something is owed for as long as the block runs."""
        with self._lock:
            if not self._owed:
                self._since = time.monotonic()
            self._owed += 1
        try:
            yield
        finally:
            with self._lock:
                self._owed -= 1
                if not self._owed:
                    self.seconds += time.monotonic() - self._since

    @contextmanager
    def call(self) -> Iterator[None]:
        """One call, for as long as the block runs."""
        with self.owed():
            with self._lock:
                self._open += 1
                self.calls, self.most = self.calls + 1, max(self.most, self._open)
            try:
                yield
            finally:
                with self._lock:
                    self._open -= 1


class Wire:
    """Sends calls. Safe to share between threads; close it at the end."""

    def __init__(
        self, *, timeout_s: float = 300, max_bytes: int = _MAX_BYTES, gate: Gate | None = None
    ) -> None:
        self._timeout_s, self._max_bytes = timeout_s, max_bytes
        self._gate = gate or Gate()
        self.waited = Waited()
        self._client: httpx2.Client | None = None
        self._opening = threading.Lock()

    def send(self, call: Call, *, source: str) -> Answer:
        """The answer, whatever its status. `source` names the other side in errors.

        Raises SourceError when there is no answer, PageLost when it broke off midway, and
        ForbiddenNow at a time of day in which the gate lets nothing through.
        """
        with self._gate.call(source), self.waited.call():
            return self._exchange(call, source)

    def _exchange(self, call: Call, source: str) -> Answer:
        import httpx2

        client = self._open()
        try:
            with client.stream(
                call.method, call.url, headers=dict(call.headers), content=call.content
            ) as response:
                body = _without(_tokens_of(call), self._read(response, source))
                return Answer(response.status_code, dict(response.headers), body)
        except httpx2.ConnectError as error:
            raise _unreachable(source, call.url, error) from error
        except httpx2.ConnectTimeout as error:
            raise Unreachable(
                source, f"{_host(call.url)} did not answer in time.", may_retry=True
            ) from error
        except httpx2.TimeoutException as error:
            raise PageLost(
                source, f"no complete answer within {self._timeout_s:g} s.", is_slow=True
            ) from error
        except httpx2.TransportError as error:
            detail = "the connection broke off before the answer was complete."
            raise PageLost(source, detail) from error
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise SourceError(
                source, f"the answer could not be read ({type(error).__name__}).", may_retry=False
            ) from error

    def close(self) -> None:
        """End all connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self) -> httpx2.Client:
        import httpx2

        with self._opening:
            if self._client is not None:
                return self._client
            timeout = httpx2.Timeout(self._timeout_s, connect=min(self._timeout_s, 15))
            # A proxy from the environment is for the outside, never for this machine.
            mounts = {f"all://{host}": None for host in ("127.0.0.1", "[::1]", "localhost")}
            self._client = httpx2.Client(timeout=timeout, mounts=mounts, follow_redirects=False)
        return self._client

    def _read(self, response: httpx2.Response, source: str) -> bytes:
        # Counted after decompression: a small gzip may unpack to gigabytes.
        body = bytearray()
        for chunk in response.iter_bytes(65_536):
            body += chunk
            if len(body) > self._max_bytes:
                detail = f"the answer is larger than {self._max_bytes // 1024**2} MiB."
                raise PageLost(source, detail, is_slow=True)
        return bytes(body)


def _tokens_of(call: Call) -> set[bytes]:
    """The access tokens that the call shows the other side: in its head, or in SOAP's."""
    found = set(_TOKEN_IN_SOAP.findall(call.content[:_HEAD_BYTES]))
    scheme, _, token = call.headers.get("Authorization", "").partition(" ")
    return found | ({token.encode()} if scheme == "Bearer" else set())


def _without(tokens: set[bytes], body: bytes) -> bytes:
    """A server in trouble may repeat what it was sent, and its words reach people."""
    for token in tokens:
        if token and token in body:
            body = body.replace(token, b"***")
    return body


def checked_base(url: str, *, meaning: str, loopback_ok: bool = True) -> str:
    """A base URL with one slash at its end. Plain http is for this machine only.

    Raises SettingsInvalid naming `meaning` for anything that is not such a URL.
    """
    try:
        parts = urlsplit(url)
        host, port_ok = parts.hostname or "", parts.port is None or parts.port > 0
    except ValueError:
        host, port_ok = "", False
    is_local = host in _LOOPBACK
    if not host or not port_ok or parts.username or parts.query or parts.fragment:
        raise SettingsInvalid(f"{meaning} is not a base URL.", advice="Write https://host/.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
        raise SettingsInvalid(
            f"{meaning} uses {parts.scheme or 'no'}:// with {host}.",
            advice="A secret may travel over https only; http is for 127.0.0.1.",
        )
    if is_local and not loopback_ok:
        raise SettingsInvalid(f"{meaning} points at this machine, {host}.")
    return url.rstrip("/") + "/"


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    return (urlsplit(url).hostname or "") in _LOOPBACK


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the host"


def _unreachable(source: str, url: str, error: Exception) -> Unreachable:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
            return Unreachable(
                source,
                f"the host {_host(url)} is not known.",
                may_retry=False,
                advice="Check tenant.subdomain or tenant.auth_url, and this machine's DNS.",
            )
        cause = cause.__cause__ or cause.__context__
    return Unreachable(
        source,
        f"{_host(url)} cannot be reached.",
        may_retry=True,
        advice="Check the network, the proxy and the firewall.",
    )
