"""One SOAP call: signed in, its token renewed once, its faults named.

Marketing Cloud says "wrong" in four ways: HTTP status, fault, OverallStatus with HTTP 200, silence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bouncelens.bounce import Account
from bouncelens.errors import PageLost, SignInRefused, SourceError
from bouncelens.extract.envelope import Changed, Fault, Retrieved, Unreadable, read_answer
from bouncelens.extract.signin import SignIn, Token
from bouncelens.extract.wire import Answer, Call, Wire

_FINAL_FAULTS = ("8",)  # UnsupportedObject
PACKAGE_ADVICE = (
    "In Setup > Apps > Installed Packages, open the package and tick {scope}; "
    "it takes up to five minutes to count."
)


@dataclass(frozen=True, slots=True)
class SoapCall:
    """What is asked. `write` makes the envelope for a token; `scope` is what it needs, as the
    package's page calls it."""

    action: str
    write: Callable[[str], bytes]
    source: str  # its name in errors
    scope: str = "Tracking Events: Read"


class SoapCaller:
    """Makes calls for accounts, each once; trying again is the caller's."""

    def __init__(self, sign_in: SignIn, wire: Wire) -> None:
        self._sign_in, self._wire = sign_in, wire

    def call(self, account: Account, asked: SoapCall) -> Retrieved | Changed:
        """The answer. Raises SignInRefused, SourceError; PageLost when it did not arrive."""
        token = self._sign_in.token(account.mid)
        said = self._once(asked, token)
        if isinstance(said, Fault):
            token = self._sign_in.renew(account.mid, token)
            said = self._once(asked, token)
        if not isinstance(said, Fault):
            return said
        raise SignInRefused(
            f"{asked.source}: a new token was refused too ({clean(said.text)}).",
            advice="In Setup > Apps > Installed Packages, check the package's access to this MID.",
        )

    def _once(self, asked: SoapCall, token: Token) -> Retrieved | Changed | Fault:
        """The answer, or the fault that says that the token is refused; others are raised."""
        call = Call(
            "POST",
            token.soap_url + "Service.asmx",
            {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": asked.action},
            asked.write(token.access),
        )
        answer = self._wire.send(call, source=asked.source)
        said = _read(answer, asked.source)
        if isinstance(said, Fault) and not _is_token_refused(said):
            raise _fault_error(said, answer, asked)
        return said


def clean(text: str) -> str:
    """A server's words fit for a sentence."""
    return "".join(c for c in text if c.isprintable())[:300].rstrip(". ")


def _read(answer: Answer, source: str) -> Retrieved | Changed | Fault:
    """What the server said. Raises PageLost where only a machine in between spoke."""
    if answer.status in (200, 500):
        try:
            return read_answer(answer.body)
        except Unreadable as error:
            if answer.status == 200:
                raise PageLost(source, f"the answer cannot be read: {error}.") from error
    if answer.status in (401, 403):
        return Fault("Security", f"HTTP {answer.status}")
    if answer.status in (502, 504):
        raise PageLost(source, f"HTTP {answer.status}.", is_slow=answer.status == 504)
    raise SourceError(
        source,
        f"HTTP {answer.status}.",
        may_retry=answer.status in (408, 425, 429) or answer.status >= 500,
        retry_after_s=answer.retry_after_s(),
    )


def _is_token_refused(fault: Fault) -> bool:
    return fault.code.rpartition(":")[2] == "Security"


def _fault_error(fault: Fault, answer: Answer, asked: SoapCall) -> Exception:
    said = clean(": ".join(t for t in (fault.text, fault.message) if t)) or "a fault without words"
    if fault.number == "11":  # AuthorizationFailure
        advice = PACKAGE_ADVICE.format(scope=asked.scope)
        return SignInRefused(f"{asked.source}: {said}.", advice=advice)
    is_ours = fault.code.rpartition(":")[2] in ("Client", "Sender")
    return SourceError(
        asked.source,
        f"{said}.",
        # SOAP throttles with HTTP 500 and a fault, so a server's fault is worth another try.
        may_retry=not is_ours and fault.number not in _FINAL_FAULTS,
        retry_after_s=answer.retry_after_s(),
    )
