"""A server on loopback that says what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from bouncelens.extract.limits import Patience

SECRET = "canary-secret-5d1f"
HASTY = Patience(attempts=3, wait_s=0.001, wait_max_s=0.002, jitter_s=0.001, longest_wait_s=2)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass(slots=True)
class Said:
    """One answer. `cut`: the connection ends after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


class Told:
    """Answers given in order, per path prefix; the last one is repeated. One may be made from
    what is asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: dict[str, deque[Said | Callable[[Asked], Said]]] = {}
        self.url = ""

    def say(self, prefix: str, *answers: Said | Callable[[Asked], Said]) -> None:
        self._answers[prefix] = deque(answers)

    def say_token(self, *, life_s: object = 1079, **more: object) -> None:
        """The usual answer to a sign-in, each time with another token."""
        said = {"expires_in": life_s, "soap_instance_url": self.url, "rest_instance_url": self.url}
        tokens = [{**said, "access_token": f"token-{n}", **more} for n in range(1, 6)]
        self.say("/v2/token", *[Said(body=json.dumps(t).encode()) for t in tokens])

    def asked_of(self, prefix: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.startswith(prefix)]

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        for prefix, answers in sorted(self._answers.items(), key=lambda a: -len(a[0])):
            if asked.path.startswith(prefix):
                said = answers[0] if len(answers) == 1 else answers.popleft()
                return said if isinstance(said, Said) else said(asked)
        return Said(404)


def handler(told: Told) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {k.lower(): v for k, v in self.headers.items()}
            said = told.answer(Asked(self.command, self.path, headers, body.decode()))
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body[: said.cut])
            self.close_connection = self.close_connection or said.cut is not None

        do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Tests are quiet."""

    return Handler
