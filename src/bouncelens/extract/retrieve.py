"""One SOAP Retrieve: signed in, tried again where that can help, its answer's meaning found out.

Marketing Cloud says "wrong" in four ways: HTTP status, fault, OverallStatus with HTTP 200, silence.
"""

from __future__ import annotations

from dataclasses import replace

from bouncelens.bounce import Account
from bouncelens.errors import PageLost, SignInRefused, SourceError
from bouncelens.extract.envelope import (
    Ask,
    Fault,
    Retrieved,
    Unreadable,
    read_answer,
    write_retrieve,
)
from bouncelens.extract.limits import Patience
from bouncelens.extract.signin import SignIn, Token
from bouncelens.extract.wire import Answer, Call, Wire

# What an OverallStatus says besides OK and MoreDataAvailable → what it means for us.
_ERRORS = (
    ("api permission failed", "scope"),
    ("do not match with the fields", "property"),
    ("continuerequest does not exist", "lost"),
    ("timeout", "slow"),
    ("timed out", "slow"),
    ("no rows were found", "empty"),
    ("unable to find a handler", "final"),
    ("invalid column name", "final"),
    ("incorrect syntax", "final"),
)
_FINAL_FAULTS = ("8",)  # UnsupportedObject
_SCOPE_ADVICE = (
    "In Setup > Apps > Installed Packages, open the package and tick Tracking Events: Read; "
    "it takes up to five minutes to count."
)


class Retriever:
    """Asks for pages. What a tenant does not know is remembered and not asked for again."""

    def __init__(self, sign_in: SignIn, wire: Wire, patience: Patience) -> None:
        self._sign_in, self._wire, self.patience = sign_in, wire, patience
        self._unknown: set[tuple[str, str]] = set()  # (object, property) this tenant lacks

    def known(self, object_type: str, properties: tuple[str, ...]) -> tuple[str, ...]:
        """The properties that this tenant has, as far as it has told."""
        return tuple(p for p in properties if (object_type, p) not in self._unknown)

    def page(self, account: Account, ask: Ask, continue_id: str | None = None) -> Retrieved:
        """One page, tried again where the server itself refused it.

        Raises PageLost, at once, when the answer did not arrive: whoever asks must start over.
        """

        def once() -> Retrieved | PageLost:
            try:
                return self._once(account, ask, continue_id)
            except PageLost as lost:
                return lost

        page = self.patience.call(once)
        if isinstance(page, PageLost):
            raise page
        return page

    def _once(self, account: Account, ask: Ask, continue_id: str | None) -> Retrieved:
        while True:
            asked = replace(ask, properties=self.known(ask.object_type, ask.properties))
            page = self._signed_in(account, asked, continue_id)
            lacking = _lacking_properties(page.status, asked.properties)
            if not lacking:
                return _checked(page, source_of(account, ask.object_type))
            self._unknown |= {(ask.object_type, name) for name in lacking}

    def _signed_in(self, account: Account, ask: Ask, continue_id: str | None) -> Retrieved:
        """One call, with one renewal of the token when it is refused."""
        source = source_of(account, ask.object_type)
        token = self._sign_in.token(account.mid)
        said = self._call(ask, token, continue_id, source=source)
        if isinstance(said, Fault):
            token = self._sign_in.renew(account.mid, token)
            said = self._call(ask, token, continue_id, source=source)
        if isinstance(said, Retrieved):
            return said
        raise SignInRefused(
            f"{source}: a new token was refused too ({_clean(said.text)}).",
            advice="In Setup > Apps > Installed Packages, check the package's access to this MID.",
        )

    def _call(
        self, ask: Ask, token: Token, continue_id: str | None, *, source: str
    ) -> Retrieved | Fault:
        """The page, or the fault that says that the token is refused; other faults are raised."""
        call = Call(
            "POST",
            token.soap_url + "Service.asmx",
            {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": "Retrieve"},
            write_retrieve(ask, token.access, continue_id),
        )
        answer = self._wire.send(call, source=source)
        said = _read(answer, source)
        if isinstance(said, Fault) and not _is_token_refused(said):
            raise _fault_error(said, answer, source)
        return said


def source_of(account: Account, object_type: str) -> str:
    """The name of a source in errors and quarantine."""
    return f"SOAP {object_type}, account {account.mid}"


def _read(answer: Answer, source: str) -> Retrieved | Fault:
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


def _fault_error(fault: Fault, answer: Answer, source: str) -> Exception:
    said = _clean(": ".join(t for t in (fault.text, fault.message) if t)) or "a fault without words"
    if fault.number == "11":  # AuthorizationFailure
        return SignInRefused(f"{source}: {said}.", advice=_SCOPE_ADVICE)
    is_ours = fault.code.rpartition(":")[2] in ("Client", "Sender")
    return SourceError(
        source,
        f"{said}.",
        # SOAP throttles with HTTP 500 and a fault, so a server's fault is worth another try.
        may_retry=not is_ours and fault.number not in _FINAL_FAULTS,
        retry_after_s=answer.retry_after_s(),
    )


def _lacking_properties(status: str, properties: tuple[str, ...]) -> set[str]:
    """Properties that this tenant does not know, from its own words."""
    if "do not match with the fields" not in status.lower():
        return set()
    words = {word.strip(",;") for word in status.split()}
    return words & set(properties)


def _checked(page: Retrieved, source: str) -> Retrieved:
    if page.status in ("OK", "MoreDataAvailable"):
        return page
    lower = page.status.lower()
    meaning = next((m for words, m in _ERRORS if words in lower), "unknown")
    said = _clean(page.status) or "an answer without OverallStatus"
    if meaning == "empty":
        return replace(page, status="OK")
    if meaning == "scope":
        raise SignInRefused(f"{source}: {said}.", advice=_SCOPE_ADVICE)
    if meaning in ("lost", "slow"):
        raise PageLost(source, f"{said}.", is_slow=meaning == "slow")
    raise SourceError(source, f"{said}.", may_retry=meaning == "unknown")


def _clean(text: str) -> str:
    """A server's words fit for a sentence."""
    return "".join(c for c in text if c.isprintable())[:300].rstrip(". ")
