"""Query activities and automations over SOAP (fact sheet 2.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from sfmc_sandbox.activities import UPDATE_TYPES, QueryActivity
from sfmc_sandbox.wire.soap_change import Change, ChangeRefused, Outcome
from sfmc_sandbox.wire.soap_request import child, text_of

if TYPE_CHECKING:
    from sfmc_sandbox.extensions import DataExtension


def change_query(change: Change) -> Outcome:
    """Creates, updates or deletes a query activity."""
    activities, mid = change.sandbox.activities, change.token.mid
    found = activities.query(mid, change.text("ObjectID")) if change.text("ObjectID") else None
    if found is None and change.text("CustomerKey"):
        found = activities.query_by_key(mid, change.text("CustomerKey"))
    if change.verb == "Create":
        if found is not None:
            raise ChangeRefused("A QueryDefinition with this CustomerKey exists already.", 42053)
        return _create(change)
    if found is None:
        raise ChangeRefused("The QueryDefinition does not exist.", 42001)
    if change.verb == "Delete":
        activities.remove("query_activity", found.object_id)
        return Outcome("QueryDefinition deleted", object_id=found.object_id)
    target = _target(change, found.target_key)
    changed = replace(
        found,
        name=change.text("Name") or found.name,
        description=change.text("Description") or found.description,
        query_text=change.text("QueryText") or found.query_text,
        update_type=change.text("TargetUpdateType") or found.update_type,
        target_key=target.key,
        category_id=_category(change) or found.category_id,
    )
    _check(change, changed, target)
    activities.change_query(changed, (target.name, target.object_id), change.sandbox.now())
    return Outcome("QueryDefinition updated", object_id=found.object_id)


def _create(change: Change) -> Outcome:
    target = _target(change, "")
    name = change.text("Name")
    if not name:
        raise ChangeRefused("The QueryDefinition has no name.", 42002)
    activity = QueryActivity(
        change.token.mid, str(uuid4()), change.text("CustomerKey") or str(uuid4()),
        name, change.text("Description"), change.text("QueryText"), target.key,
        change.text("TargetUpdateType") or "Overwrite", _category(change) or 1004,
    )  # fmt: skip
    _check(change, activity, target)
    change.sandbox.activities.add_query(
        activity, (target.name, target.object_id), change.sandbox.now()
    )
    return Outcome(
        "QueryDefinition created", object_id=activity.object_id,
        fields=(("CustomerKey", activity.key), ("Name", activity.name)),
    )  # fmt: skip


def _target(change: Change, fallback: str) -> DataExtension:
    """The data extension a query writes to, by key or by name."""
    holder = child(change.node, "DataExtensionTarget")
    key = (text_of(holder, "CustomerKey") or text_of(holder, "Name") or fallback).strip()
    found = change.sandbox.extensions.named(change.token.mid, key)
    if found is None:
        raise ChangeRefused(f"The target Data Extension {key[:100]} does not exist.", 42011)
    return found


def _check(change: Change, activity: QueryActivity, target: DataExtension) -> None:
    if activity.update_type not in UPDATE_TYPES.values():
        told = activity.update_type[:40]
        raise ChangeRefused(f"The TargetUpdateType {told} is not known.", 42007)
    problem = change.sandbox.queries.check(change.token.mid, activity.query_text, target)
    if problem:
        raise ChangeRefused(problem, 42034)


def _category(change: Change) -> int:
    text = change.text("CategoryID")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def change_automation(change: Change) -> Outcome:
    """Creates or deletes an automation."""
    cursor = change.sandbox.tenant.db.cursor()
    row = cursor.execute(
        "SELECT object_id FROM automation WHERE mid = ? AND (object_id = ? OR key = ?)",
        [change.token.mid, change.text("ObjectID"), change.text("CustomerKey")],
    ).fetchone()
    if change.verb == "Create":
        if row is not None:
            raise ChangeRefused("An Automation with this CustomerKey exists already.", 2)
        name = change.text("Name")
        if not name:
            raise ChangeRefused("The Automation has no name.", 2)
        object_id = change.sandbox.activities.add_automation(
            change.token.mid, change.text("CustomerKey") or name, name, steps=[],
            now=change.sandbox.now(),
        )  # fmt: skip
        return Outcome("Automation created", object_id=object_id, fields=(("Name", name),))
    if row is None:
        raise ChangeRefused("The Automation does not exist.", 2)
    if change.verb == "Delete":
        change.sandbox.activities.remove("automation", row[0])
        return Outcome("Program deleted", object_id=row[0])
    if name := change.text("Name"):
        cursor.execute("UPDATE automation SET name = ? WHERE object_id = ?", [name, row[0]])
    return Outcome("Automation updated", object_id=row[0])
