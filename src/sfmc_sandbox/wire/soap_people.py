"""Retrievable objects that follow from what is there: lists' sends, triggered sends, users."""

from __future__ import annotations

from sfmc_sandbox.wire.soap_row import CLIENT, Property, SoapObject, named

_TRIGGERED = (
    "(SELECT mid, triggered AS object_id, min(triggered_key) AS key, min(email_name) AS name, "
    "min(start_time) AS created, min(email_id) AS email_id, min(list_id) AS list_id, "
    "min(subject) AS subject, min(from_name) AS from_name, min(from_email) AS from_email, "
    "min(job_id) AS n FROM job WHERE triggered IS NOT NULL GROUP BY mid, triggered) e"
)
UNIT = "(SELECT u.*, p.name AS parent_name FROM unit u LEFT JOIN unit p ON p.mid = u.parent) e"
# Everybody is on the list All Subscribers and on one of their own.
MEMBERSHIPS = (
    "(SELECT *, 2 * sub AS n, CAST(mid % 1000 AS INTEGER) AS list_id FROM subscriber "
    "UNION ALL SELECT *, 2 * sub + 1, 44600 + sub % 3 + 1 FROM subscriber) e"
)
MODIFIED = "greatest(e.joined, e.unsubscribed, e.undeliverable)"
# What became of a job's messages: of a send, and of each list that it went to.
COUNTS = (
    Property("Duplicates", "0", "int"),
    Property("InvalidAddresses", "0", "int"),
    Property("ExistingUndeliverables", "0", "int"),
    Property("ExistingUnsubscribes", "0", "int"),
    Property("HardBounces", "c.hard", "int"),
    Property("SoftBounces", "c.soft", "int"),
    Property("OtherBounces", "c.other", "int"),
    Property("ForwardedEmails", "0", "int"),
    Property("UniqueClicks", "c.clicks", "int"),
    Property("UniqueOpens", "c.opens", "int"),
    Property("NumberSent", "c.sent", "int"),
    Property("NumberDelivered", "c.delivered", "int"),
    Property("Unsubscribes", "c.unsubs", "int"),
    Property("MissingAddresses", "0", "int"),
)
ACCOUNT = (
    CLIENT,
    Property("ID", "e.mid", "int"),
    Property("CustomerKey", "CAST(e.mid AS VARCHAR)"),
    Property("AccountType", "'BUSINESS_UNIT'"),
    Property("ParentID", "coalesce(e.parent, 0)", "int"),
    Property("Name", "e.name"),
    Property("Email", "'mail@' || e.mid || '.example'"),
    Property("FromName", "e.name"),
    Property("BusinessName", "e.name"),
    Property("IsActive", "1", "int"),
    Property("ParentName", "coalesce(e.parent_name, '')"),
)

DERIVED: tuple[SoapObject, ...] = (
    SoapObject(
        "ListSend",
        "job e JOIN job_count c USING (job_id)",
        "e.job_id",
        "e.mid = ?",
        (
            CLIENT,
            Property("CreatedDate", "e.start_time", "date"),
            Property("ModifiedDate", "e.end_time", "date"),
            Property("ID", "e.list_id", "int"),
            Property("SendID", "e.job_id", "int"),
            Property("List.ID", "e.list_id", "int", ("List", "ID")),
            Property("List.ListName", "'List ' || e.list_id", "string", ("List", "ListName")),
            *COUNTS,
        ),
        "tracking_events_read",
        has_more=True,
    ),
    SoapObject(
        "TriggeredSendDefinition",
        _TRIGGERED,
        "e.n",
        "e.mid = ?",
        (
            *named("e.created"),
            Property("Description", "''"),
            Property("CategoryID", "1009", "int"),
            Property("FromName", "e.from_name"),
            Property("FromAddress", "e.from_email"),
            Property("TriggeredSendType", "'Continuous'"),
            Property("TriggeredSendStatus", "'Active'"),
            Property("Email.ID", "e.email_id", "int", ("Email", "ID")),
            Property("List.ID", "e.list_id", "int", ("List", "ID")),
            Property("AutoAddSubscribers", "true", "bool"),
            Property("AutoUpdateSubscribers", "true", "bool"),
            Property("EmailSubject", "e.subject"),
        ),
        "email_read",
        has_more=True,
    ),
    SoapObject(
        "SubscriberList",
        MEMBERSHIPS,
        "e.n",
        "e.mid = ? AND e.status <> 'Deleted'",
        (
            CLIENT,
            Property("CreatedDate", "e.joined", "date"),
            Property("ModifiedDate", MODIFIED, "date"),
            Property("Status", "e.status"),
            Property("List.ID", "e.list_id", "int", ("List", "ID")),
            Property(
                "Subscriber.SubscriberKey",
                "e.subscriber_key",
                "string",
                ("Subscriber", "SubscriberKey"),
            ),
        ),
        "list_and_subscribers_read",
        has_more=True,
    ),
    SoapObject("Account", UNIT, "e.mid", "e.mid = ?", ACCOUNT, "accounts_read", has_more=True),
    SoapObject(
        "AccountUser",
        "unit e",
        "e.mid",
        "e.mid = ?",
        (
            CLIENT,
            Property("CreatedDate", "TIMESTAMP '2020-01-01'", "date"),
            Property("ModifiedDate", "TIMESTAMP '2020-01-01'", "date"),
            Property("ID", "12345", "int"),
            Property("CustomerKey", "'sandbox'"),
            Property("AccountUserID", "12345", "int"),
            Property("UserID", "'sandbox'"),
            Property("Name", "'sandbox'"),
            Property("Email", "'sandbox@' || e.mid || '.example'"),
            Property("MustChangePassword", "false", "bool"),
            Property("ActiveFlag", "true", "bool"),
            Property("Delete", "0", "int"),
            Property("IsAPIUser", "true", "bool"),
            Property("NotificationEmailAddress", "'sandbox@' || e.mid || '.example'"),
            Property("IsLocked", "false", "bool"),
            Property("BusinessUnit", "e.mid", "int"),
            Property("DefaultBusinessUnit", "e.mid", "int"),
        ),
        "accounts_read",
        has_more=True,
    ),
)
