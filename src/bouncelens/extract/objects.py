"""What is set up in a tenant – data extensions, queries, automations –: found, made, removed.

Every object is known by its external key, which is ours. So a call whose answer got lost is made
again, and "exists already" or "does not exist" is then what was wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bouncelens.bounce import Account
from bouncelens.errors import PageLost, SignInRefused, SourceError
from bouncelens.extract.envelope import Ask, Change, Changed, Content, OneOf, write_change
from bouncelens.extract.limits import Patience
from bouncelens.extract.retrieve import Retriever
from bouncelens.extract.signin import SignIn
from bouncelens.extract.soap_call import PACKAGE_ADVICE, SoapCall, SoapCaller, clean
from bouncelens.extract.wire import Wire

_SCOPES = {
    "DataExtension": "Data Extensions: Write",
    "QueryDefinition": "Automations: Write",
    "Automation": "Automations: Write",
    "Subscriber": "List and Subscribers: Write",
}
_NO_SCOPE = "11"
_RETENTION_DAYS = 2  # staging that nobody removes removes itself


class Objects:
    """Finds and changes set-up objects over SOAP."""

    def __init__(self, sign_in: SignIn, wire: Wire, patience: Patience) -> None:
        self._caller, self._patience = SoapCaller(sign_in, wire), patience
        self._retriever = Retriever(sign_in, wire, patience)

    def find(
        self, account: Account, object_type: str, properties: Sequence[str], where: OneOf
    ) -> list[Mapping[str, str | None]]:
        """The objects with one of the values. Raises SignInRefused or SourceError."""

        def once() -> list[Mapping[str, str | None]]:
            ask = Ask(object_type, tuple(properties), where)
            page = self._retriever.page(account, ask)
            rows = [*page.results]
            while page.status == "MoreDataAvailable" and page.request_id and page.results:
                page = self._retriever.page(account, ask, page.request_id)
                rows += page.results
            return rows

        return self._patience.call(once)

    def change(self, account: Account, change: Change) -> str | None:
        """Make one change; the ObjectID of what was made. Raises SignInRefused, SourceError."""
        said = self.told(account, change)
        if said.is_ok:
            return said.object_id
        source = f"{change.verb} {change.object_type}, account {account.mid}"
        words = clean(said.message) or "refused without words"
        raise SourceError(source, f"{words}.", may_retry=False)

    def told(self, account: Account, change: Change) -> Changed:
        """What Marketing Cloud says of a change, also when it refuses some of it. Raises
        SignInRefused where a scope lacks, SourceError when there is no answer."""
        source = f"{change.verb} {change.object_type}, account {account.mid}"
        scope = _SCOPES.get(change.object_type, "Automations: Write")
        if change.verb in ("Perform", "Schedule"):
            scope = "Automations: Execute"
        asked = SoapCall(change.verb, lambda token: write_change(change, token), source, scope)
        said = self._patience.call(lambda: self._caller.call(account, asked))
        if not isinstance(said, Changed):
            raise PageLost(source, "the answer is one to another call.")
        if not said.is_ok and (said.code == _NO_SCOPE or _lacks_scope(said.message)):
            advice = PACKAGE_ADVICE.format(scope=scope)
            raise SignInRefused(f"{source}: {clean(said.message)}.", advice=advice)
        return said

    def remove(self, account: Account, object_type: str, object_id: str) -> None:
        """Remove an object; that it is gone already is no failure."""
        change = Change("Delete", object_type, (("ObjectID", object_id),))
        try:
            self.change(account, change)
        except SourceError:
            where = OneOf("ObjectID", (object_id,))
            found = self.find(account, object_type, ("ObjectID", "Status"), where)
            if any((row.get("Status") or "Active") == "Active" for row in found):
                raise


def _lacks_scope(words: str) -> bool:
    return "permission failed" in words.lower()


def extension(
    key: str, columns: Sequence[tuple[str, str, int]], *, about: str, keys: Sequence[str] = ()
) -> Content:
    """A data extension as SOAP creates it, gone by itself after two days unless it has `keys`."""
    kept = (
        ("DataRetentionPeriodLength", str(_RETENTION_DAYS)),
        ("RowBasedRetention", "false"),
        ("ResetRetentionPeriodOnImport", "true"),
        ("DeleteAtEndOfRetentionPeriod", "true"),
    )
    fields = tuple(("Field", field(column, is_key=column[0] in keys)) for column in columns)
    # In the order of the service's own description: what comes out of order may be passed over.
    return (
        ("CustomerKey", key),
        ("Name", key),
        ("Description", about),
        *(() if keys else kept),
        ("Fields", fields),
        *(() if keys else (("DataRetentionPeriod", "Days"),)),
    )


def field(column: tuple[str, str, int], *, is_key: bool = False) -> Content:
    """One field of a data extension."""
    name, kind, length = column
    return (
        ("CustomerKey", name),
        ("Name", name),
        *((("MaxLength", str(length)),) if length else ()),
        ("IsRequired", "true" if is_key else "false"),
        ("IsPrimaryKey", "true" if is_key else "false"),
        ("FieldType", kind),
    )


def query(key: str, text: str, *, about: str, update: str = "Overwrite") -> Content:
    """A query activity as SOAP creates it; its target has the same key."""
    return (
        ("CustomerKey", key),
        ("Name", key),
        ("Description", about),
        ("QueryText", text),
        ("TargetType", "DE"),
        ("DataExtensionTarget", (("CustomerKey", key), ("Name", key))),
        ("TargetUpdateType", update),
    )
