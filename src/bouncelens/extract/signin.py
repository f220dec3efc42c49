"""Sign-in: OAuth client credentials, one token per business unit, kept until it nearly ends.

A token is valid for one MID only, and one request per machine and 20 minutes is what Salesforce
asks for: so tokens are shared by all routes and threads, and renewed once when refused.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bouncelens.errors import SettingsInvalid, SignInRefused, SourceError
from bouncelens.extract.limits import Patience
from bouncelens.extract.wire import Answer, Call, Wire, checked_base, is_loopback
from bouncelens.settings import TenantSettings

_SOURCE = "Sign-in to Marketing Cloud"
# What the package's page offers to copy: a whole base URI.
_PASTED = re.compile(
    r"(?:https://)?([a-z0-9-]{1,63})\.(?:auth|rest|soap)\.marketingcloudapis\.com/?"
)
_PACKAGE = "In Setup > Apps > Installed Packages, open the package"
# What Marketing Cloud answers → what it means and what to click.
_MEANINGS = {
    "invalid_client": (
        "it does not know this client id with this secret",
        f"{_PACKAGE} and copy client id and secret again; it must be installed and enabled.",
    ),
    "invalid_scope": (
        "the package lacks a scope that was asked for",
        f"{_PACKAGE}, choose Edit and tick the scope; it takes up to five minutes to count.",
    ),
    "invalid_request": (
        "it does not accept the request, most likely the business unit",
        f"Check the MID; {_PACKAGE[0].lower()}{_PACKAGE[1:]}, Access, and enable it there.",
    ),
    "unsupported_grant_type": (
        "the package does not allow sign-in by client credentials",
        f"{_PACKAGE} and add an API integration of the type Server-to-Server.",
    ),
    "unauthorized_client": (
        "the package is not allowed to sign in to this business unit",
        f"{_PACKAGE}, Access, and enable the business unit there.",
    ),
}
_DEFAULT_LIFE_S = 1079  # what live tenants answer; the documentation says 1200


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are. Never shown."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token for one business unit and the addresses it is good for."""

    access: str = field(repr=False)
    soap_url: str
    rest_url: str
    ends: float  # on the clock of `SignIn`
    scopes: frozenset[str] | None = None  # what the package may do; None: it was not said


class SignIn:
    """Tokens per MID. Safe to share between threads: one asks, the others wait for its answer."""

    def __init__(
        self,
        wire: Wire,
        auth_url: str,
        credentials: Credentials,
        *,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._auth_url = checked_base(auth_url, meaning="tenant.auth_url")
        self._wire, self._credentials = wire, credentials
        self._patience = patience or Patience(attempts=4)
        self._clock = clock
        self._tokens: dict[int, Token] = {}
        self._locks: dict[int, threading.Lock] = {}
        self._guard = threading.Lock()

    def token(self, mid: int) -> Token:
        """A token with life left. Raises SignInRefused or SourceError."""
        with self._lock(mid):
            token = self._tokens.get(mid)
            if token is None or token.ends <= self._clock():
                token = self._patience.call(lambda: self._ask(mid))
                self._tokens[mid] = token
            return token

    def renew(self, mid: int, refused: Token) -> Token:
        """Another token in place of one that was refused; no call if somebody renewed already."""
        with self._lock(mid):
            if self._tokens.get(mid) is refused:
                del self._tokens[mid]
        return self.token(mid)

    def _lock(self, mid: int) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(mid, threading.Lock())

    def _ask(self, mid: int) -> Token:
        body = {
            "grant_type": "client_credentials",
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
            "account_id": str(mid),
        }
        call = Call(
            "POST",
            self._auth_url + "v2/token",
            {"Content-Type": "application/json", "Accept": "application/json"},
            json.dumps(body).encode(),
        )
        asked = self._clock()
        answer = self._wire.send(call, source=_SOURCE)
        if answer.status != 200:
            raise self._refusal(answer, mid)
        return self._read(answer, asked)

    def _read(self, answer: Answer, asked: float) -> Token:
        said = _json(answer)
        access, life_s = said.get("access_token"), said.get("expires_in")
        if not isinstance(access, str) or not access or not access.isascii():
            raise SourceError(_SOURCE, "the answer has no access token.", may_retry=False)
        if isinstance(life_s, bool) or not isinstance(life_s, int | float) or life_s <= 0:
            life_s = _DEFAULT_LIFE_S
        # A call that starts just before the end would arrive after it.
        margin_s = min(60.0, life_s / 10)
        return Token(
            access=access,
            soap_url=self._base(said, "soap_instance_url"),
            rest_url=self._base(said, "rest_instance_url"),
            ends=asked + life_s - margin_s,
            scopes=frozenset(said["scope"].split()) if isinstance(said.get("scope"), str) else None,
        )

    def _base(self, said: dict[str, Any], name: str) -> str:
        url = said.get(name)
        try:
            return checked_base(
                url if isinstance(url, str) else "",
                meaning=name,
                loopback_ok=is_loopback(self._auth_url),
            )
        except SettingsInvalid as error:
            raise SourceError(
                _SOURCE, f"the answer cannot be used: {error.message}", may_retry=False
            ) from error

    def _refusal(self, answer: Answer, mid: int) -> Exception:
        said = _json(answer)
        code = said.get("error")
        if answer.status in (400, 401, 403) and isinstance(code, str):
            meaning, advice = _MEANINGS.get(code, (f"it says {self._safe(code)}", ""))
            more = self._safe(str(said.get("error_description") or ""))
            detail = f" It says: {more}" if more and code not in ("invalid_client",) else ""
            return SignInRefused(
                f"Marketing Cloud refused the sign-in for MID {mid}: {meaning}.{detail}",
                advice=advice,
            )
        if answer.status in (401, 403):
            return SignInRefused(
                f"Marketing Cloud refused the sign-in for MID {mid} (HTTP {answer.status}).",
                advice=_MEANINGS["invalid_client"][1],
            )
        may_retry = answer.status in (408, 425, 429) or answer.status >= 500
        return SourceError(
            _SOURCE,
            f"HTTP {answer.status} from the token address.",
            may_retry=may_retry,
            retry_after_s=answer.retry_after_s(),
            advice="" if may_retry else "Check tenant.subdomain or tenant.auth_url.",
        )

    def _safe(self, text: str) -> str:
        """A stranger's words fit for a sentence: printable, short, without our secret."""
        for secret in (self._credentials.client_secret, self._credentials.client_id):
            text = text.replace(secret, "…") if secret else text
        return "".join(c for c in text if c.isprintable())[:200]


def auth_url(tenant: TenantSettings) -> str:
    """The base URL of the tenant's token address. Raises SettingsInvalid."""
    if tenant.auth_url:
        return checked_base(tenant.auth_url, meaning="tenant.auth_url")
    name = tenant.subdomain.strip().lower()
    if pasted := _PASTED.fullmatch(name):
        name = pasted[1]
    if not name:
        raise SettingsInvalid(
            "tenant.subdomain is empty, so there is no tenant to sign in to.",
            advice="Write the tenant's subdomain into bouncelens.toml, or run `bouncelens init`.",
        )
    if not all(c.isascii() and (c.isalnum() or c == "-") for c in name) or len(name) > 63:
        raise SettingsInvalid(
            "tenant.subdomain is not a subdomain.",
            advice="Write only the part before .auth.marketingcloudapis.com; another address goes "
            "into tenant.auth_url.",
        )
    return f"https://{name}.auth.marketingcloudapis.com/"


def _json(answer: Answer) -> dict[str, Any]:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
