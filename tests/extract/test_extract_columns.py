"""Columns by any of their names, and one clear sentence when one is missing."""

from __future__ import annotations

import pytest

from bouncelens.bounce import EVENT_FIELDS, JOB_FIELDS, SEND_FIELDS
from bouncelens.errors import InputInvalid
from bouncelens.extract.columns import kind_by_name, names_of, place

DATA_VIEW = (
    "AccountID,OYBAccountID,JobID,ListID,BatchID,SubscriberID,SubscriberKey,EventDate,IsUnique,"
    "Domain,BounceCategoryID,BounceCategory,BounceSubcategoryID,BounceSubcategory,BounceTypeID,"
    "BounceType,SMTPBounceReason,SMTPMessage,SMTPCode,TriggererSendDefinitionObjectID,"
    "TriggeredSendCustomerKey,IsFalseBounce"
)
SOAP = (
    "Client.ID,SendID,BatchID,SubscriberKey,EventDate,EventType,SMTPCode,SMTPReason,"
    "BounceCategory,BounceType,TriggeredSendDefinitionObjectID"
)
EXTRACT = (
    "ClientID,SendID,SubscriberKey,EmailAddress,SubscriberID,ListID,EventDate,EventType,"
    "BounceCategory,SMTPCode,BounceReason,BatchID,TriggeredSendExternalKey"
)


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        pytest.param(
            DATA_VIEW,
            {"account": ["OYBAccountID", "AccountID"], "job": ["JobID"], "sfmc_code": ["SMTPCode"],
             "reply_text": ["SMTPBounceReason", "SMTPMessage"], "is_unique": ["IsUnique"]},
            id="_Bounce",
        ),
        pytest.param(
            SOAP,
            {"account": ["Client.ID"], "job": ["SendID"], "reply_text": ["SMTPReason"]},
            id="SOAP BounceEvent",
        ),
        pytest.param(
            EXTRACT,
            {"account": ["ClientID"], "job": ["SendID"], "reply_text": ["BounceReason"],
             "address": ["EmailAddress"], "triggered_send_key": ["TriggeredSendExternalKey"]},
            id="Bounces.csv",
        ),
        pytest.param(
            "account_id,job id,SUBSCRIBER KEY,event_date,smtp bounce reason",
            {"account": ["account_id"], "job": ["job id"], "subscriber_key": ["SUBSCRIBER KEY"]},
            id="case, spaces and underscores",
        ),
    ],
)  # fmt: skip
def test_knows_the_spellings_of_every_source(header: str, columns: dict[str, list[str]]) -> None:
    names = header.split(",")
    places = place("x.csv", names, "bounces").places
    assert {field: [names[i] for i in places[field]] for field in columns} == columns


def test_a_missing_column_is_one_sentence_with_names_tried_and_found() -> None:
    header = EXTRACT.replace("BounceReason", "Note").split(",")
    with pytest.raises(InputInvalid) as caught:
        place("Bounces.csv", header, "bounces")
    message = str(caught.value)
    assert "Bounces.csv: no column for reply_text" in message
    assert "SMTPBounceReason" in message
    assert "'Note'" in message
    assert "\n" not in message


def test_a_stated_job_needs_no_column() -> None:
    header = ["SubscriberKey", "EventDate", "SMTPBounceReason"]
    assert "job" not in place("x.csv", header, "bounces", given=("account", "job")).places
    with pytest.raises(InputInvalid, match="--job"):
        place("x.csv", header, "bounces", given=("account",))


def test_a_repeated_column_that_we_read_is_refused() -> None:
    with pytest.raises(InputInvalid, match="is there 2 times"):
        place("x.csv", [*EXTRACT.split(","), "bounce reason"], "bounces")
    place("x.csv", [*EXTRACT.split(","), "Note", "Note"], "bounces")


def test_every_alias_belongs_to_a_field_that_exists() -> None:
    known = {
        "bounces": {name for name, _, _ in EVENT_FIELDS},
        "sends": {name for name, _, _ in SEND_FIELDS},
        "jobs": {name for name, _, _ in JOB_FIELDS},
        "sent": {"account", "job", "event_time", "address", "domain"},
    }
    for kind, fields in known.items():
        table = names_of(kind)
        assert set(table.names) <= fields
        assert set(table.needed) <= set(table.names)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Bounces.csv", "bounces"),
        ("2026-01-31_daily_Bounces.csv", "bounces"),
        ("x.zip/SendJobs.csv", "jobs"),
        ("Sent.csv", "sent"),
        ("NotSent.csv", "notsent"),
        ("may_StatusChanges.csv", "changes"),
        ("SpamComplaints.csv", "complaints"),
        ("Opens.csv", "other"),
        ("march.csv", None),
    ],
)
def test_tells_the_files_of_an_extract_by_name(name: str, kind: str | None) -> None:
    assert kind_by_name(name) == kind
