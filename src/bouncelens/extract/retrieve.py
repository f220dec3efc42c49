"""One SOAP Retrieve: tried again where that can help, its answer's meaning found out."""

from __future__ import annotations

from dataclasses import replace

from bouncelens.bounce import Account
from bouncelens.errors import PageLost, SignInRefused, SourceError
from bouncelens.extract.envelope import Ask, Changed, Retrieved, write_retrieve
from bouncelens.extract.limits import Patience
from bouncelens.extract.signin import SignIn
from bouncelens.extract.soap_call import PACKAGE_ADVICE, SoapCall, SoapCaller, clean
from bouncelens.extract.wire import Wire

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
# The scope an object needs, as the package's page calls it.
_SCOPES = {
    "Subscriber": "List and Subscribers: Read",
    "DataExtension": "Data Extensions: Read",
    "DataExtensionField": "Data Extensions: Read",
    "QueryDefinition": "Automations: Read",
    "Automation": "Automations: Read",
    "BusinessUnit": "Business Units: Read",
}


class Retriever:
    """Asks for pages. What a tenant does not know is remembered and not asked for again."""

    def __init__(self, sign_in: SignIn, wire: Wire, patience: Patience) -> None:
        self._caller, self.patience = SoapCaller(sign_in, wire), patience
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
            page = self._asked(account, asked, continue_id)
            lacking = _lacking_properties(page.status, asked.properties)
            if not lacking:
                return _checked(page, source_of(account, ask.object_type), ask.object_type)
            self._unknown |= {(ask.object_type, name) for name in lacking}

    def _asked(self, account: Account, ask: Ask, continue_id: str | None) -> Retrieved:
        source = source_of(account, ask.object_type)
        asked = SoapCall(
            "Retrieve",
            lambda token: write_retrieve(ask, token, continue_id),
            source,
            scope_of(ask.object_type),
        )
        page = self._caller.call(account, asked)
        if isinstance(page, Changed):
            raise PageLost(source, "the answer is one to another call.")
        return page


def source_of(account: Account, object_type: str) -> str:
    """The name of a source in errors and quarantine."""
    return f"SOAP {object_type}, account {account.mid}"


def scope_of(object_type: str) -> str:
    """The scope that reading an object needs, as the package's page calls it."""
    return _SCOPES.get(object_type, "Tracking Events: Read")


def _lacking_properties(status: str, properties: tuple[str, ...]) -> set[str]:
    """Properties that this tenant does not know, from its own words."""
    if "do not match with the fields" not in status.lower():
        return set()
    words = {word.strip(",;") for word in status.split()}
    return words & set(properties)


def _checked(page: Retrieved, source: str, object_type: str) -> Retrieved:
    if page.status in ("OK", "MoreDataAvailable"):
        return page
    lower = page.status.lower()
    meaning = next((m for words, m in _ERRORS if words in lower), "unknown")
    said = clean(page.status) or "an answer without OverallStatus"
    if meaning == "empty":
        return replace(page, status="OK")
    if meaning == "scope":
        raise SignInRefused(
            f"{source}: {said}.", advice=PACKAGE_ADVICE.format(scope=scope_of(object_type))
        )
    if meaning in ("lost", "slow"):
        raise PageLost(source, f"{said}.", is_slow=meaning == "slow")
    raise SourceError(source, f"{said}.", may_retry=meaning == "unknown")
