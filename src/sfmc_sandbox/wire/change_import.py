"""Import definitions and suppression lists over SOAP (fact sheet 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from sfmc_sandbox.extensions import Field
from sfmc_sandbox.imports import UPDATE_TYPES, ImportDefinition
from sfmc_sandbox.wire.change_extension import fields_of
from sfmc_sandbox.wire.soap_change import Change, ChangeRefused, Outcome
from sfmc_sandbox.wire.soap_request import child, text_of

if TYPE_CHECKING:
    from sfmc_sandbox.extensions import DataExtension

# What every auto-suppression list begins with (fact sheet 5).
_LIST_FIELDS = (
    Field("Email Address", "EmailAddress", 254, is_key=True, is_required=True),
    Field("Date Added", "Date"),
)


def change_import(change: Change) -> Outcome:
    """Creates or deletes an import definition."""
    imports, mid = change.sandbox.imports, change.token.mid
    known = change.text("ObjectID") or change.text("CustomerKey")
    found = imports.find(mid, known) if known else None
    if change.verb == "Create":
        if found is not None:
            raise ChangeRefused("An ImportDefinition with this CustomerKey exists already.", 2)
        return _create(change)
    if found is None:
        raise ChangeRefused("The ImportDefinition does not exist.", 2)
    if change.verb != "Delete":
        raise ChangeRefused("Update is not supported for ImportDefinition.", 2)
    imports.remove(found.object_id)
    return Outcome("ImportDefinition deleted", object_id=found.object_id)


def _create(change: Change) -> Outcome:
    name, spec = change.text("Name"), change.text("FileSpec")
    update = change.text("UpdateType") or "AddAndUpdate"
    if not name or not spec:
        raise ChangeRefused("The ImportDefinition has no name or no file.", 2)
    if update not in UPDATE_TYPES:
        raise ChangeRefused(f"The UpdateType {update[:40]} is not supported.", 2)
    target = _target(change)
    made = ImportDefinition(
        change.token.mid, str(uuid4()), change.text("CustomerKey") or name, name,
        change.text("Description"), spec, update,
        change.text("AllowErrors").lower() != "false", target.key,
    )  # fmt: skip
    change.sandbox.imports.add(made, change.sandbox.now())
    fields = (("CustomerKey", made.key), ("Name", made.name))
    return Outcome("ImportDefinition created.", object_id=made.object_id, fields=fields)


def _target(change: Change) -> DataExtension:
    """The data extension or list that an import fills, by key or ObjectID."""
    holder = child(change.node, "DestinationObject")
    extensions, mid = change.sandbox.extensions, change.token.mid
    key = (text_of(holder, "CustomerKey") or "").strip()
    number = (text_of(holder, "ObjectID") or "").strip()
    found = extensions.find(mid, key) if key else extensions.by_id(mid, number)
    if found is None:
        raise ChangeRefused(f"The DestinationObject {key[:100] or number[:40]} does not exist.", 2)
    return found


def change_list(change: Change) -> Outcome:
    """Creates or deletes a suppression list. Its rows are those of a data extension."""
    sandbox, mid = change.sandbox, change.token.mid
    name = change.text("Name")
    key = change.text("CustomerKey") or name
    found = sandbox.extensions.find(mid, key) if key else None
    if change.verb == "Create":
        if found is not None:
            raise ChangeRefused("A SuppressionListDefinition with this key exists already.", 2)
        if not name:
            raise ChangeRefused("The SuppressionListDefinition has no name.", 2)
        own = {f.name.lower() for f in _LIST_FIELDS}
        more = (f for f in fields_of(change.node) if f.name.lower() not in own)
        made = sandbox.extensions.make(mid, key, name, (*_LIST_FIELDS, *more))
        names = (key, name, change.text("Description"))
        sandbox.imports.add_list(mid, made.object_id, names, sandbox.now())
        fields = (("CustomerKey", key), ("Name", name))
        return Outcome(
            "SuppressionListDefinition created.", object_id=made.object_id, fields=fields
        )
    if found is None or not sandbox.imports.remove_list(mid, found.object_id, change.verb):
        raise ChangeRefused("The SuppressionListDefinition does not exist.", 2)
    sandbox.extensions.remove(found)
    return Outcome("SuppressionListDefinition deleted", object_id=found.object_id)
