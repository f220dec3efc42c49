"""One REST call: signed in, its token renewed once, tried again where that can help."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bouncelens.bounce import Account
from bouncelens.errors import SignInRefused, SourceError
from bouncelens.extract.limits import Patience
from bouncelens.extract.signin import SignIn
from bouncelens.extract.soap_call import PACKAGE_ADVICE, clean
from bouncelens.extract.wire import Answer, Call, Waited, Wire


@dataclass(frozen=True, slots=True)
class RestCall:
    """What is asked. `path` follows the tenant's REST base; `scope` is what it needs, as the
    package's page calls it; `body` is sent as JSON, None sends nothing at all."""

    method: str
    path: str
    source: str  # its name in errors
    scope: str
    body: object = None


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """What came back. `said`: its JSON, None where there is none."""

    status: int
    headers: Mapping[str, str]
    said: Any
    retry_after_s: float | None = None


class Rest:
    """Makes REST calls for accounts."""

    def __init__(self, sign_in: SignIn, wire: Wire, patience: Patience) -> None:
        self._sign_in, self._wire, self._patience = sign_in, wire, patience

    @property
    def waited(self) -> Waited:
        """How long Marketing Cloud owed us something."""
        return self._wire.waited

    def ask(self, account: Account, call: RestCall) -> Any:
        """What the answer says, as JSON. Raises SignInRefused or SourceError."""
        answer = self.answer(account, call)
        if answer.status not in (200, 201, 202, 204):
            raise refusal(answer, call)
        return answer.said

    def answer(self, account: Account, call: RestCall) -> RestAnswer:
        """The answer, also one that refuses for good; scope and throttling are dealt with here."""

        def once() -> RestAnswer:
            raw = self._signed_in(account, call)
            answer = RestAnswer(raw.status, raw.headers, _json(raw.body), raw.retry_after_s())
            if answer.status in (401, 403) or _may_retry(answer):
                raise refusal(answer, call)
            if answer.status == 200 and raw.body[:1] in b"{[" and answer.said is None:
                raise SourceError(call.source, "the answer is not JSON.", may_retry=True)
            return answer

        return self._patience.call(once)

    def _signed_in(self, account: Account, call: RestCall) -> Answer:
        token = self._sign_in.token(account.mid)
        answer = self._send(token.rest_url, token.access, call)
        if answer.status == 401:
            token = self._sign_in.renew(account.mid, token)
            answer = self._send(token.rest_url, token.access, call)
        return answer

    def _send(self, base: str, access: str, call: RestCall) -> Answer:
        headers = {"Authorization": f"Bearer {access}", "Accept": "application/json"}
        content = b""
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(call.body).encode()
        return self._wire.send(
            Call(call.method, base + call.path, headers, content), source=call.source
        )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def refusal(answer: RestAnswer, call: RestCall, *, advice: str = "") -> Exception:
    """What an answer that is no success means."""
    said = answer.said
    words = clean(str(said.get("message") or "")) if isinstance(said, dict) else ""
    detail = f"HTTP {answer.status}" + (f": {words}." if words else ".")
    if answer.status == 401:
        return SignInRefused(f"{call.source}: a new token was refused too.")
    if answer.status == 403:
        scope = PACKAGE_ADVICE.format(scope=call.scope)
        return SignInRefused(f"{call.source}: {detail}", advice=scope)
    return SourceError(
        call.source,
        detail,
        may_retry=_may_retry(answer),
        retry_after_s=answer.retry_after_s,
        advice=advice,
    )


def _may_retry(answer: RestAnswer) -> bool:
    return answer.status in (408, 425, 429) or answer.status >= 500
