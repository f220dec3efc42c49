"""Data extensions and their rows over SOAP (fact sheet 2.4, 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfmc_sandbox.extensions import MAX_TEXT, SQL_TYPES, DataExtension, Field
from sfmc_sandbox.rows import Mode, RowRefused, delete_row, write_rows
from sfmc_sandbox.wire.soap_answer import escape
from sfmc_sandbox.wire.soap_change import Change, ChangeRefused, Outcome
from sfmc_sandbox.wire.soap_request import child, children, text_of

if TYPE_CHECKING:
    from lxml import etree


_DELETED = "Data Extension deleted"


def change_extension(change: Change) -> Outcome:
    """Creates, extends or deletes a data extension."""
    extensions, mid = change.sandbox.extensions, change.token.mid
    key = change.text("CustomerKey")
    found = extensions.find(mid, key) if key else None
    if found is None and (object_id := change.text("ObjectID")):
        found = extensions.by_id(mid, object_id)
    if change.verb == "Create":
        if found is not None:
            raise ChangeRefused("Updating an existing Data Extension definition when doing a "
                                "data extension create is not allowed.", 310007)  # fmt: skip
        return _create(change, key)
    if found is None:
        raise ChangeRefused(f"Data Extension does not exist. Key: {key}", 310007)
    if change.verb == "Delete":
        extensions.remove(found)
        return _outcome(found, f"{_DELETED}. / Data Extension Fields deleted")
    fields = child(change.node, "Fields")
    known = {f.name.lower() for f in found.fields}
    more = tuple(
        f for f in map(_field, children(fields, "Field") if fields is not None else ())
        if f.name.lower() not in known
    )  # fmt: skip
    name = change.text("Name") or found.name
    made = extensions.change(found, more, name=name)
    _lay(change, made)
    return _outcome(made, "Data Extension updated.")


def _lay(change: Change, extension: DataExtension) -> None:
    """Into the folder that the change names, where there is one of that id."""
    text = change.text("CategoryID")
    number = int(text) if text.isdecimal() and len(text) < 10 else 0
    if number and change.sandbox.folders.by_id(change.token.mid, number):
        change.sandbox.extensions.put_into(extension, number)


def _create(change: Change, key: str) -> Outcome:
    name = change.text("Name")
    if not name:
        raise ChangeRefused("The Data Extension has no name.", 310005)
    fields = fields_of(change.node)
    if not fields:
        raise ChangeRefused("The Data Extension has no fields.", 310007)
    if len({f.name.lower() for f in fields}) < len(fields):
        raise ChangeRefused("Two fields of the Data Extension have the same name.", 310007)
    made = change.sandbox.extensions.make(change.token.mid, key or name, name, fields)
    _lay(change, made)
    return _outcome(made, "Data Extension created.")


def fields_of(node: etree._Element) -> tuple[Field, ...]:
    """The fields that a definition names."""
    holder = child(node, "Fields")
    return tuple(_field(one) for one in (children(holder, "Field") if holder is not None else ()))


def _outcome(extension: DataExtension, message: str) -> Outcome:
    fields = (("CustomerKey", extension.key), ("Name", extension.name))
    inner = "" if message.startswith(_DELETED) else "".join(map(_echo, extension.fields))
    inner = f"<Fields>{inner}</Fields><CategoryID>1001</CategoryID>" if inner else ""
    return Outcome(message, object_id=extension.object_id, fields=fields, inner=inner)


def _echo(f: Field) -> str:
    """A field as a change answers it."""
    length = f"<MaxLength>{f.max_length}</MaxLength>" if f.max_length else ""
    required = "true" if f.is_required or f.is_key else "false"
    return (
        '<Field><PartnerKey xsi:nil="true" /><ObjectID xsi:nil="true" />'
        f"<Name>{escape(f.name)}</Name><DefaultValue>{escape(f.default or '')}</DefaultValue>"
        f"{length}<IsRequired>{required}</IsRequired>"
        f"<IsPrimaryKey>{'true' if f.is_key else 'false'}</IsPrimaryKey>"
        f"<FieldType>{f.type}</FieldType></Field>"
    )


def _field(node: etree._Element) -> Field:
    def text(name: str) -> str:
        return (text_of(node, name) or "").strip()

    kind = text("FieldType") or "Text"
    if kind not in SQL_TYPES:
        raise ChangeRefused(f"The field type {kind} is not known.", 310007)
    name, length = text("Name"), text("MaxLength")
    if not name or len(name) > 128:
        raise ChangeRefused("A field of the Data Extension has no valid name.", 310007)
    default_length = {"Text": 50, "EmailAddress": 254, "Phone": 50, "Locale": 5}.get(kind)
    if not length.isdecimal() or len(length) > 9:
        length = ""
    limit = int(length) if length and int(length) else default_length
    if kind == "Text" and limit is not None and limit > MAX_TEXT:
        raise ChangeRefused(f"A Text field holds at most {MAX_TEXT} characters.", 310007)
    is_key = text("IsPrimaryKey").lower() == "true"
    if is_key and kind == "Text" and not length:
        limit = 100
    return Field(
        name, kind, limit, is_key=is_key,
        is_required=is_key or text("IsRequired").lower() == "true",
        default=text("DefaultValue") or None,
    )  # fmt: skip


def change_row(change: Change) -> Outcome:
    """Inserts, updates, upserts or deletes one row."""
    key = change.text("CustomerKey") or change.text("Name")
    found = change.sandbox.extensions.find(change.token.mid, key)
    if found is None:
        raise ChangeRefused(f"Data Extension does not exist. Key: {key}", 2)
    keys = _pairs(change.node, "Keys")
    row: dict[str, object] = {**keys, **_pairs(change.node, "Properties")}
    extensions = change.sandbox.extensions
    if change.verb == "Delete":
        try:
            gone = delete_row(extensions, found, dict(keys or row))
        except RowRefused as problem:
            raise ChangeRefused(str(problem)) from problem
        if not gone:
            raise ChangeRefused(f"Unable to delete rows for data extension ID {found.object_id}")
        return Outcome("Deleted DataExtensionObject")
    mode: Mode = (
        "upsert" if change.is_upsert else ("insert" if change.verb == "Create" else "update")
    )
    told = write_rows(extensions, found, [row], mode=mode)[0]
    if told:
        raise ChangeRefused(f"Unable to save rows for data extension ID {found.object_id}: {told}")
    return Outcome(f"{change.verb}d DataExtensionObject", fields=(("CustomerKey", found.key),))


def _pairs(node: etree._Element, name: str) -> dict[str, str]:
    holder = child(node, name)
    if holder is None:
        return {}
    return {
        (text_of(pair, "Name") or "").strip(): text_of(pair, "Value") or ""
        for pair in children(holder)
    }
