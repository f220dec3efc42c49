"""Folders over SOAP: made below another, renamed, deleted when nothing lies in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfmc_sandbox.wire.soap_change import Change, ChangeRefused, Outcome
from sfmc_sandbox.wire.soap_request import child, text_of

if TYPE_CHECKING:
    from sfmc_sandbox.folders import Folder


def change_folder(change: Change) -> Outcome:
    """Creates, renames or deletes one folder."""
    folders, mid = change.sandbox.folders, change.token.mid
    number, key = _whole(change.text("ID")), change.text("CustomerKey")
    found = folders.by_id(mid, number) if number else None
    if found is None and key:
        found = folders.by_key(mid, key)
    if change.verb == "Create":
        if found is not None:
            raise ChangeRefused("A DataFolder with this CustomerKey exists already.", 2)
        return _create(change, key)
    if found is None:
        raise ChangeRefused("The DataFolder does not exist.", 2)
    if found.parent_id == 0:
        raise ChangeRefused("A folder of the account itself cannot be changed.", 2)
    if change.verb == "Delete":
        if folders.has_inside(mid, found.id):
            raise ChangeRefused("The folder has folders in it.", 2)
        folders.remove(mid, found.id)
        return Outcome("Folder deleted successfully.", fields=_echo(found))
    if name := change.text("Name"):
        folders.rename(mid, found.id, name)
    return Outcome("Folder updated successfully.", fields=_echo(found))


def _create(change: Change, key: str) -> Outcome:
    name, kind = change.text("Name"), change.text("ContentType").lower()
    if not name:
        raise ChangeRefused("The DataFolder has no name.", 2)
    holder = child(change.node, "ParentFolder")
    number = _whole((text_of(holder, "ID") or "").strip())
    parent = change.sandbox.folders.by_id(change.token.mid, number)
    if parent is None:
        raise ChangeRefused("The ParentFolder does not exist.", 2)
    if kind and kind != parent.kind:
        raise ChangeRefused("The ContentType is not that of the ParentFolder.", 2)
    made, object_id = change.sandbox.folders.add(
        change.token.mid, parent, (key or name, name, change.text("Description")),
        change.sandbox.now(),
    )  # fmt: skip
    fields = (("ID", str(made)), ("CustomerKey", key or name))
    return Outcome("Folder created successfully.", new_id=made, object_id=object_id, fields=fields)


def _echo(found: Folder) -> tuple[tuple[str, str], ...]:
    return (("ID", str(found.id)), ("CustomerKey", found.key))


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
