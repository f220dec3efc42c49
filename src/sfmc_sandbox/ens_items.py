"""Events as the notification service writes them: epoch milliseconds UTC, ids as text (8)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sfmc_sandbox.clock import epoch_ms, from_sfmc

if TYPE_CHECKING:
    import pyarrow as pa

    from sfmc_sandbox.world.tenant import Tenant

# Bounces and sends are told of transactional mail only; there is no bounce event for bulk sends.
EVENT_TYPES = {
    "sent": "TransactionalSendEvents.EmailSent",
    "not_sent": "TransactionalSendEvents.EmailNotSent",
    "bounce": "TransactionalSendEvents.EmailBounced",
    "open": "EngagementEvents.EmailOpen",
    "click": "EngagementEvents.EmailClick",
    "unsub": "EngagementEvents.EmailUnsubscribe",
}
OTHER_TYPES = frozenset(
    f"SendEvents.AutomationInstance{state}"
    for state in ("Started", "Completed", "Errored", "Skipped", "Stopped")
)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")


def items_of(tenant: Tenant, name: str, rows: pa.Table) -> list[dict[str, Any]]:
    """One item per row of a table; nothing for bulk mail where the service tells nothing."""
    cursor = tenant.db.cursor()
    cursor.register("ens_rows", rows)
    extra = ", e.reason_text, e.category_id" if name == "bounce" else ", NULL, NULL"
    only = "AND j.triggered IS NOT NULL" if EVENT_TYPES[name].startswith("Trans") else ""
    found = cursor.execute(
        "SELECT e.mid, e.job_id, e.batch_id, e.list_id, s.subscriber_id, s.subscriber_key, "  # noqa: S608
        "s.email, j.email_id, j.triggered, j.triggered_key, j.subject, "
        f"e.event_time {extra} FROM ens_rows e "
        f"JOIN subscriber s USING (sub) JOIN job j USING (job_id) WHERE true {only}"
    ).fetchall()
    cursor.unregister("ens_rows")
    return [_item(tenant, name, row) for row in found]


def _item(tenant: Tenant, name: str, row: tuple[Any, ...]) -> dict[str, Any]:
    mid, job, batch, list_id, subscriber, _, _, email_id, triggered, key, _, moment, _, _ = row
    number = triggered or str(uuid4())
    return {
        "eventCategoryType": EVENT_TYPES[name],
        "timestampUTC": epoch_ms(from_sfmc(moment)),
        "compositeId": f"{number}.{job}.{batch}.{list_id}.{subscriber}",
        "composite": {
            "jobId": str(job),
            "batchId": str(batch),
            "listId": str(list_id),
            "subscriberId": str(subscriber),
            "emailId": str(email_id),
        },
        "definitionKey": key or "",
        "definitionId": number,
        "mid": mid,
        "eid": tenant.units[0].mid,
        "info": _info(name, row),
    }


def _info(name: str, row: tuple[Any, ...]) -> dict[str, Any]:
    told: dict[str, Any] = {"to": row[6], "subscriberKey": row[5], "messageKey": uuid4().hex[:8]}
    if name == "sent":
        return {**told, "status": "Sent", "renderedSubject": row[10]}
    if name == "not_sent":
        reason = "The subscriber ExactTarget system status is held"
        return {**told, "reason": reason, "statusCode": "1", "statusMessage": "Held"}
    if name == "bounce":
        status = _STATUS.search(row[12])
        return {
            **told,
            "bounceCode": "HARD" if row[13] == 1 else "SOFT",
            "bounceMessage": row[12],
            "smtpReason": status.group(1) if status else "",
        }
    return told
